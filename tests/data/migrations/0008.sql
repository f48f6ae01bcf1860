-- A row that version 8 puts an index over.
insert into changelog (serial, position, at, actor, event, index_name, project)
values (5, 1, now(), 'alice', 'project.create', 'alice/dev', 'old');

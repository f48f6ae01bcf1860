-- Rows of version 2: a mirror with a project whose page is known.
update serial set value = 7;
insert into indexes (user_id, name, settings_serial, projects_serial, added_serial) select id, 'up', 6, 7, 6 from users;
insert into index_states (index_id, settings, added_serial)
select id, '{"type": "mirror", "volatile": true, "mirror_url": "http://127.0.0.1:9/simple/"}', 6
from indexes where name = 'up';
insert into projects (index_id, name, serial, added_serial) select id, 'far', 7, 7 from indexes where name = 'up';
insert into mirror_files (index_id, project_id, entry, filename, version, url, hashes, added_serial)
select index_id, id, '+f/ddd/ddddddddddddd', 'far-1.0-py3-none-any.whl', '1.0',
    'http://127.0.0.1:9/files/far-1.0-py3-none-any.whl', jsonb_build_object('sha256', repeat('d', 64)), 7
from projects where name = 'far';
insert into mirror_pages (index_id, project, source, digest, checked_at, revision)
select index_id, name, 'http://127.0.0.1:9/simple/', 'x', now() - interval '1 day', 1 from projects where name = 'far';

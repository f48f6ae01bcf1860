-- What the pages of indexes ask for: the newest files of an index, and its projects by the beginnings of their names,
-- whatever the collation of the database is.

create index files_newest on files (index_id, id) where removed_serial is null;
create index projects_beginning on projects (index_id, name collate "C") where removed_serial is null;

-- Rows of version 3: a tox result.
update serial set value = 8;
insert into attachments (index_id, project_id, version, rel, entry, filename, for_filename, sha256, uploaded_at, log,
    added_serial)
select index_id, project_id, version, 'toxresult', '+f/aaa/aaaaaaaaaaaaa', filename || '.toxresult-20260102030405-0',
    filename, sha256, now(), '[]', 8
from files;

-- Rows of version 1 that every later version must take: alice, her index, and a project with a release and a file.
update serial set value = 5;
insert into users (name, added_serial) values ('alice', 1);
insert into user_states (user_id, profile, password_hash, token_generation, created_at, added_serial)
select id, '{"email": "alice@example.com"}',
    '$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$s7HDvht1s+JaAdJ1qoLH/2c4KCL7V5DME2Cyd+d1XPI',
    gen_random_uuid(), '2026-01-02T03:04:05Z', 1
from users;
insert into indexes (user_id, name, settings_serial, projects_serial, added_serial) select id, 'dev', 2, 3, 2 from users;
insert into index_states (index_id, settings, added_serial)
select id, '{"type": "stage", "volatile": true, "bases": [], "acl_upload": ["alice"], "mirror_whitelist": [],
    "acl_toxresult_upload": [":ANONYMOUS:"], "mirror_whitelist_inheritance": "intersection"}', 2
from indexes;
insert into projects (index_id, name, serial, added_serial) select id, 'old', 5, 3 from indexes;
insert into releases (project_id, version, metadata, added_serial)
select id, '1.0', '{"name": "old", "version": "1.0", "summary": "from the beginning"}', 3 from projects;
insert into blobs (sha256, size, md5, blake2b_256, state, touched_at)
values (repeat('a', 64), 3, repeat('b', 32), repeat('c', 64), 'stored', now());
insert into files (index_id, project_id, version, filename, sha256, uploaded_at, log, added_serial)
select index_id, id, '1.0', 'old-1.0-py3-none-any.whl', repeat('a', 64), now(), '[]', 3 from projects;

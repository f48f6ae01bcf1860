-- Rows of version 7: a webhook that was disabled, and what it was told and is still owed.
insert into webhooks (id, index_id, url, description, secret, since_serial, disabled_at, disabled_reason)
select gen_random_uuid(), id, 'http://hooks.example/old', 'of before', 'whsec_b2xkb2xkb2xkb2xkb2xkb2xk', 1, now(), 'by hand'
from indexes where name = 'dev';
insert into webhook_deliveries (webhook_id, serial, event, payload, state)
select id, 2, 'file.upload', '{"type": "file.upload", "data": {"serial": 2}}', state
from webhooks, unnest('{delivered, waiting}'::text[]) state;

-- What indexes are built over after the migrations: a row of the changelog, and a second project of alice's, which the
-- list of her index has to find by its beginning.
insert into changelog (serial, position, at, actor, event, index_name, project)
values (5, 1, now(), 'alice', 'project.create', 'alice/dev', 'old');
update serial set value = value + 1;
insert into projects (index_id, name, serial, added_serial)
select i.id, 'older', s.value, s.value from indexes i, serial s where i.name = 'dev';

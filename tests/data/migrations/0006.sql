-- Rows of version 6: a process that is gone, and an upstream that failed.
insert into processes (id, host, version, address, started_at, seen_at, serial)
values (gen_random_uuid(), 'old.example', '0.1.0', '127.0.0.1:3141', now() - interval '1 day', now() - interval '1 day', 5);
insert into mirror_failures (index_id, failed_at, reason)
select id, now(), 'error 503' from indexes where name = 'up';

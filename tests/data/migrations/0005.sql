-- Rows of version 5: an API token, and a publisher.
insert into tokens (id, user_id, secret_sha256, description, limits)
select gen_random_uuid(), id, sha256('x'), 'laptop', '{"allowed": ["pkg_read"], "scopes": [{"indexes": null, "projects": null}]}'
from users;
insert into publishers (id, index_id, issuer, claims)
select gen_random_uuid(), id, 'https://ci.example', '{"sub": "repo:alice/old"}' from indexes where name = 'dev';

-- API tokens, and trusted publishing, which mints short-lived ones for jobs of a CI system.
--
-- They are changed in place: what happened to them stands in the changelog, and no page shows them.

create table tokens (
    id uuid primary key,                    -- part of the token, by which it is found
    user_id bigint references users,        -- whose rights it has a part of; null: it has those of its publishers
    secret_sha256 bytea not null,           -- SHA-256 of its secret part, which is 152 random bits
    description text not null,              -- what it is for, in the words of who made it; may be empty
    limits jsonb not null,                  -- what it is limited to, see model::limit
    publishers uuid[] not null default '{}', -- publishers that it was minted for
    created_at timestamptz not null default now(), -- when it was made
    expires_at timestamptz,                 -- when it ends; null: never
    last_used_at timestamptz                -- hour in which it was last used; null: never
);
create index tokens_user on tokens (user_id);
create index tokens_publishers on tokens using gin (publishers) where publishers <> '{}';
create index tokens_expiry on tokens (expires_at);

create table publishers (
    id uuid primary key,                    -- names it in URLs
    index_id bigint not null references indexes, -- index that it may upload to
    issuer text not null,                   -- URL of the OIDC issuer, as its tokens have it in iss
    claims jsonb not null,                  -- claims that a token must have, each with its exact value as a text
    projects text[],                        -- normalised names that it may upload; null: all
    created_by text,                        -- user who made it
    created_at timestamptz not null default now() -- when it was made
);
create index publishers_index on publishers (index_id);
create index publishers_issuer on publishers (issuer);

create table oidc_tokens_seen (
    digest bytea primary key,               -- SHA-256 that names an OIDC token for which one of ours was minted
    expires_at timestamptz not null         -- when it could not be used again anyway, and this row is not needed
);
create index oidc_tokens_seen_expiry on oidc_tokens_seen (expires_at);

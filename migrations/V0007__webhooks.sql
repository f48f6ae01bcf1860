-- Webhooks: who is told of changes over HTTP, and what they were told or are to be.
--
-- What is owed stands in the changelog, which each change writes in its own transaction. Whoever comes first makes
-- deliveries of it, in the order of the serial, and says in webhook_outbox how far that went.

create table webhooks (
    id uuid primary key,                    -- names it in URLs
    index_id bigint references indexes,     -- index of whose changes it hears; null: of all on the server
    url text not null,                      -- where it is told of them, by http or https
    description text not null,              -- what it is for, in the words of who made it; may be empty
    events text[],                          -- names of the events that it wants, 'file.*' for all that begin so; null: all
    secret text not null,                   -- whsec_ and 24 random bytes in Base64: signs what is sent; shown once
    created_by text,                        -- user who made it
    created_at timestamptz not null default now(), -- when it was made
    since_serial bigint not null default 0, -- change that made or enabled it: it hears of later ones
    disabled_at timestamptz,                -- since when it hears of nothing; null: it does
    disabled_reason text,                   -- why, for people; null while it is enabled
    failing_since timestamptz,              -- first failure since something was delivered; null: there was none
    lease_until timestamptz,                -- until then one process delivers to it; past: when one last did
    claims integer not null default 0       -- how often a process took it; tells one taker from the next
);
create index webhooks_index on webhooks (index_id);

create table webhook_deliveries (
    id bigint generated always as identity primary key, -- in the order in which they are delivered
    webhook_id uuid not null references webhooks on delete cascade, -- to whom
    serial bigint,                          -- change that it tells of; null: of none, somebody tries whether it comes
    event text not null,                    -- what happened, see model::event
    payload jsonb not null,                 -- what is sent
    state text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')), -- failed: given up
    ahead boolean not null default false,   -- asked for by a person: sent once, before all others
    attempts integer not null default 0,    -- how often it was sent
    not_before timestamptz not null default clock_timestamp(), -- nobody sends it earlier
    created_at timestamptz not null default clock_timestamp(), -- since when it is owed
    attempted_at timestamptz,               -- when it was last sent; null: never
    status integer,                         -- HTTP status of the last answer; null: there was none
    error text,                             -- why it failed last, for people; null: it did not
    milliseconds integer,                   -- how long the last attempt took
    response text                           -- beginning of the last answer's body
);
create index webhook_deliveries_waiting on webhook_deliveries (webhook_id, ahead desc, id) where state = 'waiting';
create index webhook_deliveries_webhook on webhook_deliveries (webhook_id, id);
create index webhook_deliveries_age on webhook_deliveries (created_at);

create table webhook_outbox (
    singleton boolean primary key default true check (singleton), -- one row only
    serial bigint not null,                 -- deliveries are made of all changes up to it
    pruned_at timestamptz not null          -- when old deliveries were last removed
);
insert into webhook_outbox (serial, pruned_at) values (0, now());

-- What the page of the server's status shows beyond the index itself: who serves it, and which upstreams fail.
--
-- Neither is kept by serial, and nothing rests on it.

create table processes (
    id uuid primary key,             -- drawn when the process starts
    host text not null,              -- name of its machine; empty: not known
    version text not null,           -- of the program
    address text,                    -- where it listens; null: nowhere, as on Lambda
    started_at timestamptz not null, -- by the clock of its machine
    seen_at timestamptz not null,    -- when it last said so, by the clock of the database
    serial bigint not null           -- the newest serial that it knew then
);

create table mirror_failures (
    index_id bigint primary key references indexes, -- the mirror
    failed_at timestamptz not null,                 -- when its upstream last failed, as far as that was kept
    reason text not null                            -- in words; without credentials and names of projects
);

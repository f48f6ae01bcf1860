-- Work that outlives a request, and what is searched.
--
-- Neither is kept by serial: jobs come and go, and documents are made again from the rows that they tell of.

do $$
begin
    create extension if not exists pg_trgm;
exception when others then
    raise exception 'the search needs the extension pg_trgm, which can not be created: %. Install the contrib modules of PostgreSQL, and let an owner of the database say: create extension pg_trgm', sqlerrm;
end $$;

create table jobs (
    id bigint generated always as identity primary key, -- in the order they were owed
    kind text not null,                                 -- what is to be done, see model::job
    key text not null,                                  -- what it is done to; of one kind it waits once
    payload jsonb not null default '{}',                -- whatever else the kind wants to know; never a secret
    not_before timestamptz not null default clock_timestamp(), -- nobody takes it earlier
    attempts integer not null default 0,                -- how often it was taken; tells one taker from the next
    revision integer not null default 0,                -- how often it was owed again since
    lease_until timestamptz,                            -- until then one process works on it; null: nobody does
    created_at timestamptz not null default clock_timestamp(), -- since when it is owed
    last_error text                                     -- why it failed last, for people; null: it did not
);
create unique index jobs_open on jobs (kind, key);
create index jobs_due on jobs (not_before, id);

-- Without foreign keys, which would let a change of a project wait until the project's documents are written.
create table search_documents (
    id bigint generated always as identity primary key, -- one document
    index_id bigint not null,                           -- index it is on, the project's
    project_id bigint not null,                         -- project it is about
    project text not null,                              -- normalised name of the project
    kind text not null check (kind in ('project', 'page')), -- the project at its latest version, or a page of documentation
    path text not null,                                 -- of a page, its path in the documentation; else empty
    title text not null,                                -- of a page, its title; else the project's name as it is spelled
    version text not null,                              -- of a page, the release it documents; else the latest one; may be empty
    summary text not null,                              -- of a project; may be empty
    body text not null,                                 -- description or text of the page, as much of it as is searched
    lexemes tsvector not null                           -- words and fields, see model::search
);
create unique index search_documents_path on search_documents (project_id, kind, path);
create index search_documents_lexemes on search_documents using gin (lexemes);
create index search_documents_project on search_documents using gin (project gin_trgm_ops);
create index search_documents_index on search_documents (index_id);

insert into jobs (kind, key)
select 'search_project', p.id::text
from projects p join indexes i on i.id = p.index_id and i.removed_serial is null
where p.removed_serial is null;

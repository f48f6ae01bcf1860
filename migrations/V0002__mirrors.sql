-- Mirrors: what their upstreams said, which of their files are here, and who asks an upstream at the moment.
--
-- What a reader can see is kept by serial as everywhere: a project that a mirror knows is a row of projects, and each of
-- its links one of mirror_files. The rest is bookkeeping that no reader sees: it is changed in place and takes no serial.

create table mirror_files (
    id bigint generated always as identity primary key, -- one state of one link of one mirror
    index_id bigint not null references indexes,        -- the mirror, the project's
    project_id bigint not null references projects,     -- project on whose page it stands
    entry text not null,                                -- folder of its URL: "+f/abc/0123456789abc", or "+e/…" without a digest
    filename text not null,                             -- last part of its URL
    version text not null,                              -- as the file name has it
    url text not null,                                  -- where the upstream has it, without credentials
    hashes jsonb not null,                              -- hex digests by algorithm, as the upstream states them
    size bigint,                                        -- in bytes, as the upstream states it; null: it does not
    uploaded_at timestamptz,                            -- as the upstream states it; null: it does not
    requires_python text,                               -- specifier, unescaped; null: none
    yanked text,                                        -- reason (PEP 592), may be empty; null: not yanked
    core_metadata text,                                 -- what the upstream offers: hex sha256, or "true"; null: nothing
    provenance text,                                    -- URL of the attestations (PEP 740); null: none
    metadata_sha256 text references core_metadata,      -- core metadata that we read from the file; null: not yet
    added_serial bigint not null default 0,             -- change that opened this state
    removed_serial bigint                               -- change that closed it; null: current
);
create unique index mirror_files_open on mirror_files (project_id, filename) where removed_serial is null;
create index mirror_files_entry on mirror_files (index_id, entry, filename);
create index mirror_files_project on mirror_files (project_id, coalesce(removed_serial, 9223372036854775807));

create table mirror_contents (
    index_id bigint not null references indexes, -- the mirror
    entry text not null,                         -- folder of the file's URL, as in mirror_files
    filename text not null,                      -- last part of it
    url text,                                    -- where the content came from
    sha256 text references blobs,                -- the content that was fetched for it; null: it is not here
    metadata_sha256 text references core_metadata, -- what was fetched from beside it; null: nothing yet
    primary key (index_id, entry, filename)
);
create index mirror_contents_sha256 on mirror_contents (sha256);

create table mirror_pages (
    index_id bigint not null references indexes, -- the mirror
    project text not null,                       -- normalised name
    source text not null default '',             -- mirror_url, without credentials, that all of this came from
    digest text,                                 -- hex digest of what the page said; null: there never was a page
    etag text,                                   -- validator of the page; null: none
    last_modified text,                          -- the other validator; null: none
    upstream_serial bigint,                      -- X-PyPI-Last-Serial of the page; null: none
    checked_at timestamptz,                      -- when the upstream last said so; null: never, or it was to be forgotten
    missing_at timestamptz,                      -- when the upstream last had no such page; null: it has
    revision bigint not null default 0,          -- grows with each answer of the upstream that is kept
    lease_until timestamptz,                     -- until then one process asks the upstream; null: nobody does
    primary key (index_id, project)
);

create index mirror_pages_missing on mirror_pages (index_id, missing_at) where digest is null;

create table mirror_lists (
    index_id bigint primary key references indexes, -- the mirror
    source text not null default '',                -- mirror_url, without credentials, that all of this came from
    names bytea,                                    -- names of the upstream's projects, one a line, gzip; null: never fetched
    digest text,                                    -- hex digest of the names; null: never fetched
    etag text,                                      -- validator of the list; null: none
    last_modified text,                             -- the other validator; null: none
    checked_at timestamptz,                         -- when the upstream last said so; null: never
    lease_until timestamptz                         -- until then one process asks the upstream; null: nobody does
);

create table mirror_follows (
    index_id bigint primary key references indexes, -- the mirror
    source text not null,                           -- mirror_url, without credentials, whose changes are followed
    events_url text not null,                       -- where the upstream tells its changes
    seen_serial bigint not null,                    -- the upstream's serial up to which they were seen
    lease_until timestamptz,                        -- until then one process follows them; null: nobody does
    holder uuid                                     -- who that is; null: nobody yet
);

-- What belongs to a release beside its distribution files: tox results and documentation.
--
-- A table of its own, so that a process of before, which knows only files, lists none of it on a page of files.

create table attachments (
    id bigint generated always as identity primary key, -- one state of one attachment
    index_id bigint not null references indexes,        -- index it is on, the project's
    project_id bigint not null references projects,     -- project it belongs to
    version text not null,                              -- release it belongs to
    rel text not null,                                  -- toxresult or doczip, see model::attachment
    entry text not null,                                -- folder of its URL: "+f/abc/0123456789abc"
    filename text not null,                             -- last part of its URL
    for_filename text,                                  -- distribution file that a tox result is about; null: documentation
    sha256 text not null references blobs,              -- its content
    uploaded_at timestamptz not null,                   -- when its content came to wheelyard; a push keeps it
    log jsonb not null,                                 -- devpi's log of the link
    added_serial bigint not null default 0,             -- change that opened this state
    removed_serial bigint                               -- change that closed it; null: current
);
create unique index attachments_open on attachments (index_id, entry, filename) where removed_serial is null;
create unique index attachments_doczip on attachments (project_id, version)
    where rel = 'doczip' and removed_serial is null;
create index attachments_entry on attachments (index_id, entry, filename);
create index attachments_project on attachments (project_id, coalesce(removed_serial, 9223372036854775807));
create index attachments_sha256 on attachments (sha256);

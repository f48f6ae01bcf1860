-- The private index: users, indexes, projects, releases, distribution files, and the serial that orders every change.
--
-- State is kept by serial. A row that a reader can see is never overwritten: it is closed (removed_serial) and a new
-- one is opened (added_serial), so every state can be asked as of a past serial. "Now" is the rows whose
-- removed_serial is null. What belongs to an index ends with it: its projects, releases and files are not closed one by
-- one, since nobody reaches them but through the open row of the index. Inside the transaction that opens or closes a row the value is 0; its last statement
-- (store::change, commit) replaces each 0 by the serial of the change, so no other transaction ever sees a 0.

create table serial (
    singleton boolean primary key default true check (singleton), -- one row only
    value bigint not null,                                        -- number of the last change that a reader can see
    changed_at timestamptz not null                               -- when that change was made
);
insert into serial (value, changed_at) values (0, now());

create table server (
    singleton boolean primary key default true check (singleton), -- one row only
    uuid uuid not null,                                           -- identity of this index, shown as X-DEVPI-UUID
    token_secret bytea not null,                                  -- key that signs login tokens, 244 random bits in 32 bytes
    created_at timestamptz not null default now()                 -- when the schema was made
);
insert into server (uuid, token_secret)
values (gen_random_uuid(), decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

create table changelog (
    serial bigint not null,       -- the change
    position integer not null,    -- order of the events of one change, from 1
    at timestamptz not null,      -- when it was committed, by the database's clock
    actor text,                   -- user who made it; null: anonymous
    event text not null,          -- what happened, see model::event
    user_name text,               -- user it happened to, for events about users
    index_name text,              -- "user/index" it happened on
    project text,                 -- normalised project name
    version text,                 -- version of the release
    file text,                    -- file name
    detail jsonb,                 -- whatever else a reader may want to know; never a secret
    primary key (serial, position)
);

create table users (
    id bigint generated always as identity primary key, -- stable for the life of the user
    name text not null,                                 -- as in URLs
    added_serial bigint not null default 0,             -- change that created it
    removed_serial bigint                               -- change that deleted it; null: exists
);
create unique index users_open on users (name) where removed_serial is null;

create table user_states (
    id bigint generated always as identity primary key, -- one state of one user
    user_id bigint not null references users,           -- whose
    profile jsonb not null,                             -- email, title, description, custom_data, as far as set
    password_hash text not null,                        -- argon2id in PHC form; empty: no password opens it
    token_generation uuid not null,                     -- login tokens of another generation are dead
    kept_token uuid,                                    -- the one older token that made the last password change
    created_at timestamptz not null,                    -- when the user was created
    modified_at timestamptz,                            -- when the user was last modified; null: never
    added_serial bigint not null default 0,             -- change that opened this state
    removed_serial bigint                               -- change that closed it; null: current
);
create unique index user_states_open on user_states (user_id) where removed_serial is null;
create index user_states_user on user_states (user_id);

create table indexes (
    id bigint generated always as identity primary key, -- stable for the life of the index
    user_id bigint not null references users,           -- owner
    name text not null,                                 -- second part of "user/index"
    settings_serial bigint not null default 0,          -- last change of its settings, its creation included
    projects_serial bigint not null default 0,          -- last change of the list of its projects
    added_serial bigint not null default 0,             -- change that created it
    removed_serial bigint                               -- change that deleted it; null: exists
);
create unique index indexes_open on indexes (user_id, name) where removed_serial is null;

create table index_states (
    id bigint generated always as identity primary key, -- one state of the settings of one index
    index_id bigint not null references indexes,        -- whose
    settings jsonb not null,                            -- type, volatile, bases, acl_upload and the other options, as shown
    added_serial bigint not null default 0,             -- change that opened this state
    removed_serial bigint                               -- change that closed it; null: current
);
create unique index index_states_open on index_states (index_id) where removed_serial is null;
create index index_states_index on index_states (index_id);

create table projects (
    id bigint generated always as identity primary key, -- stable for the life of the project
    index_id bigint not null references indexes,        -- index it is on
    name text not null,                                 -- normalised (PEP 503)
    serial bigint not null default 0,                   -- last change to anything of the project, its removal included
    added_serial bigint not null default 0,             -- change that created it
    removed_serial bigint                               -- change that deleted it; null: exists
);
create unique index projects_open on projects (index_id, name) where removed_serial is null;
create index projects_name on projects (index_id, name);

create table project_states (
    id bigint generated always as identity primary key, -- one status of one project (PEP 792)
    project_id bigint not null references projects,     -- whose
    status text not null,                               -- active, archived, deprecated or quarantined
    reason text,                                        -- why, for people
    added_serial bigint not null default 0,             -- change that set it
    removed_serial bigint                               -- change that replaced it; null: current
);
create index project_states_project on project_states (project_id);
create unique index project_states_open on project_states (project_id) where removed_serial is null;

create table releases (
    id bigint generated always as identity primary key, -- one state of one release
    project_id bigint not null references projects,     -- project it belongs to
    version text not null,                              -- as first uploaded or registered
    metadata jsonb not null,                            -- devpi's version data: the fields of the upload form
    added_serial bigint not null default 0,             -- change that opened this state
    removed_serial bigint                               -- change that closed it; null: current
);
create unique index releases_open on releases (project_id, version) where removed_serial is null;
create index releases_project on releases (project_id, coalesce(removed_serial, 9223372036854775807));

create table blobs (
    sha256 text primary key,             -- hex digest of the content, and so the name of the object
    size bigint not null,                -- in bytes
    md5 text not null,                   -- hex digest
    blake2b_256 text not null,           -- hex digest
    state text not null check (state in ('storing', 'stored', 'condemned')), -- condemned: gc is deleting the object
    touched_at timestamptz not null      -- last time an upload counted on it; gc leaves it alone for a grace period
);

create table core_metadata (
    sha256 text primary key,             -- hex digest of the content
    content bytea not null               -- the very bytes of METADATA or PKG-INFO (PEP 658)
);

create table files (
    id bigint generated always as identity primary key, -- one state of one distribution file on one index
    index_id bigint not null references indexes,        -- index it is on, the project's
    project_id bigint not null references projects,     -- project it belongs to
    version text not null,                              -- release it belongs to
    filename text not null,                             -- last part of its URL
    sha256 text not null references blobs,              -- its content
    metadata_sha256 text references core_metadata,      -- its core metadata; null: none could be read
    requires_python text,                               -- specifier, unescaped; null: none
    yanked text,                                        -- reason (PEP 592), may be empty; null: not yanked
    uploaded_at timestamptz not null,                   -- when its content came to wheelyard; a push keeps it
    log jsonb not null,                                 -- devpi's log of the link: upload, push, overwrite
    added_serial bigint not null default 0,             -- change that opened this state
    removed_serial bigint                               -- change that closed it; null: current
);
create unique index files_open on files (index_id, filename) where removed_serial is null;
create index files_name on files (index_id, filename);
create index files_project on files (project_id, coalesce(removed_serial, 9223372036854775807));
create index files_sha256 on files (sha256);

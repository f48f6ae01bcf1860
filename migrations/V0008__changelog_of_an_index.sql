-- The changelog of one index, newest first, for its page.

create index changelog_index on changelog (index_name, serial) where index_name is not null;

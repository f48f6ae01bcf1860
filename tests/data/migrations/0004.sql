-- Rows of version 4: a job of a kind that is not known yet.
insert into jobs (kind, key) values ('of_the_future', 'x');

-- Rows of version 9: a second project of alice's, which the list of her index has to find by its beginning.
update serial set value = value + 1;
insert into projects (index_id, name, serial, added_serial)
select i.id, 'older', s.value, s.value from indexes i, serial s where i.name = 'dev';

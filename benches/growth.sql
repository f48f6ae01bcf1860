-- Copies of the one project of an index under other names, and of another index without bases.
with model as (
    select p.id, p.index_id, p.added_serial from projects p where p.name = 'model' and p.removed_serial is null
), project as (
    insert into projects (index_id, name, serial, added_serial)
    select index_id, 'project-' || n, added_serial, added_serial from model, generate_series(1, {projects}) n
    returning id, name
), state as (
    insert into project_states (project_id, status, added_serial)
    select project.id, 'active', model.added_serial from project, model
), release as (
    insert into releases (project_id, version, metadata, added_serial)
    select project.id, version, metadata, r.added_serial
    from project, model join releases r on r.project_id = model.id
)
insert into files (index_id, project_id, version, filename, sha256, metadata_sha256, requires_python, yanked, uploaded_at, log, added_serial)
select f.index_id, project.id, f.version, replace(project.name, '-', '_') || '-1.0-py3-none-any.whl', sha256,
    metadata_sha256, requires_python, yanked, uploaded_at, log, f.added_serial
from project, model join files f on f.project_id = model.id;

with model as (
    select i.*, s.settings from indexes i join index_states s on s.index_id = i.id
    where i.name = 'empty' and i.removed_serial is null
), made as (
    insert into indexes (user_id, name, settings_serial, projects_serial, added_serial)
    select user_id, 'index-' || n, settings_serial, projects_serial, added_serial
    from model, generate_series(1, {indexes}) n
    returning id
)
insert into index_states (index_id, settings, added_serial)
select made.id, model.settings, model.added_serial from made, model;
analyze;

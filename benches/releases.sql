-- Copies of the one release of a project, and of its file, until there are enough.
with project as (
    select id, index_id, added_serial from projects where name = '{name}' and removed_serial is null
), release as (
    insert into releases (project_id, version, metadata, added_serial)
    select project.id, '2.' || n, metadata, release.added_serial
    from project, generate_series(2, {releases}) n, releases release
    where release.project_id = project.id and release.version = '1.0'
)
insert into files (index_id, project_id, version, filename, sha256, metadata_sha256, requires_python, yanked, uploaded_at, log, added_serial)
select project.index_id, project.id, '2.' || n, '{name}-2.' || n || '-py3-none-any.whl', sha256, metadata_sha256,
    requires_python, yanked, uploaded_at, log, file.added_serial
from project, generate_series(2, {releases}) n, files file
where file.project_id = project.id and file.version = '1.0';
analyze;

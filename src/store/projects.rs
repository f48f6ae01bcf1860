//! Projects of an index, and their status (PEP 792).

use crate::{
    error::{Error, Result},
    model::{
        event::{Event, EventKind},
        index::Index,
        name::ProjectName,
        page::Status,
        serial::Serial,
    },
    store::{Change, Client},
};
use std::collections::HashMap;

/// A project, locked by a change.
#[derive(Debug, Clone)]
pub struct Project {
    pub id: i64,
    pub name: ProjectName,
}

/// The names of the projects of an index as of a serial, sorted.
pub async fn names(db: &impl Client, index_id: i64, at: Serial) -> Result<Vec<String>> {
    let statement = db
        .prepare_cached(
            "-- store::projects::names
             select name
             from projects
             where index_id = $1
                 and added_serial <= $2 and (removed_serial is null or removed_serial > $2)
             order by name",
        )
        .await?;
    Ok(db.query(&statement, &[&index_id, &at.0]).await?.iter().map(|row| row.get("name")).collect())
}

/// For each of these indexes, how many projects it has; counted up to `most`.
///
/// In order, since PostgreSQL would else read the projects of all indexes to find those of one.
pub async fn counts(db: &impl Client, index_ids: &[i64], most: i64) -> Result<HashMap<i64, i64>> {
    let statement = db
        .prepare_cached(
            "-- store::projects::counts
             select wanted.id, counted.projects
             from unnest($1::bigint[]) as wanted (id)
                 cross join lateral (
                     select count(*) as projects
                     from (
                         select from projects
                         where index_id = wanted.id and removed_serial is null
                         order by name
                         limit $2
                     ) bounded
                 ) counted",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &most]).await?;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("projects"))).collect())
}

/// The names of an index's projects that begin so and come after this one, sorted, so many at most.
pub async fn named(
    db: &impl Client,
    index_id: i64,
    prefix: &str,
    after: &str,
    most: i64,
) -> Result<Vec<String>> {
    let statement = db
        .prepare_cached(
            "-- store::projects::named
             select name
             from projects
             where index_id = $1 and removed_serial is null
                 and name collate \"C\" > $2 and name collate \"C\" >= $3 and name collate \"C\" < $3 || '~'
             order by name collate \"C\"
             limit $4",
        )
        .await?;
    let rows = db.query(&statement, &[&index_id, &after, &prefix, &most]).await?;
    Ok(rows.iter().map(|row| row.get("name")).collect())
}

/// For each of these indexes, the last change of the project there, 0 where it never was, and whether it is there.
pub async fn serials(
    db: &impl Client,
    index_ids: &[i64],
    name: &ProjectName,
) -> Result<Vec<(i64, Serial, bool)>> {
    let statement = db
        .prepare_cached(
            "-- store::projects::serials
             select wanted.id, coalesce(max(p.serial), 0) as serial,
                 coalesce(bool_or(p.removed_serial is null) filter (where p.id is not null), false) as found
             from unnest($1::bigint[]) as wanted (id)
                 left join projects p on p.index_id = wanted.id and p.name = $2
             group by wanted.id",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &name.as_str()]).await?;
    Ok(rows.iter().map(|row| (row.get("id"), Serial(row.get("serial")), row.get("found"))).collect())
}

/// For each of these indexes, the last change of the list of its projects.
pub async fn list_serials(db: &impl Client, index_ids: &[i64]) -> Result<Vec<(i64, Serial)>> {
    let statement = db
        .prepare_cached(
            "-- store::projects::list_serials
             select id, projects_serial
             from indexes
             where id = any ($1)",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids]).await?;
    Ok(rows.iter().map(|row| (row.get("id"), Serial(row.get("projects_serial")))).collect())
}

/// For each of these indexes, the last change of anything on it but its settings.
pub async fn last_changes(db: &impl Client, index_ids: &[i64]) -> Result<Vec<(i64, Serial)>> {
    let statement = db
        .prepare_cached(
            "-- store::projects::last_changes
             select i.id, greatest(i.projects_serial, max(p.serial)) as serial
             from indexes i left join projects p on p.index_id = i.id
             where i.id = any ($1)
             group by i.id",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids]).await?;
    Ok(rows.iter().map(|row| (row.get("id"), Serial(row.get("serial")))).collect())
}

/// The last change, as of a serial, of each project that any of these indexes has, by its name.
///
/// What changed since then counts as of that serial: it is told again with the next one.
pub async fn last_serials(
    db: &impl Client,
    index_ids: &[i64],
    at: Serial,
) -> Result<HashMap<String, Serial>> {
    let statement = db
        .prepare_cached(
            "-- store::projects::last_serials
             select name, max(least(serial, $2)) as serial
             from projects
             where index_id = any ($1)
                 and added_serial <= $2 and (removed_serial is null or removed_serial > $2)
             group by name",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &at.0]).await?;
    Ok(rows.iter().map(|row| (row.get("name"), Serial(row.get("serial")))).collect())
}

/// The status of the project on each of these indexes that has it, as of a serial: index id and status.
pub async fn statuses(
    db: &impl Client,
    index_ids: &[i64],
    name: &ProjectName,
    at: Serial,
) -> Result<Vec<(i64, Status)>> {
    let statement = db
        .prepare_cached(
            "-- store::projects::statuses
             select p.index_id, s.status, s.reason
             from projects p
                 left join project_states s on s.project_id = p.id
                     and s.added_serial <= $3 and (s.removed_serial is null or s.removed_serial > $3)
             where p.index_id = any ($1) and p.name = $2
                 and p.added_serial <= $3 and (p.removed_serial is null or p.removed_serial > $3)",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &name.as_str(), &at.0]).await?;
    let status = |row: &tokio_postgres::Row| match row.get("status") {
        Some(status) => Status { status, reason: row.get("reason") },
        None => Status::default(),
    };
    Ok(rows.iter().map(|row| (row.get("index_id"), status(row))).collect())
}

/// The project, which nobody else changes until the change ends.
pub async fn lock(change: &mut Change<'_>, index: &Index, name: &ProjectName) -> Result<Option<Project>> {
    let statement = change
        .prepare_cached(
            "-- store::projects::lock
             select id
             from projects
             where index_id = $1 and name = $2 and removed_serial is null
             for update",
        )
        .await?;
    let row = change.query_opt(&statement, &[&index.id, &name.as_str()]).await?;
    Ok(row.map(|row| Project { id: row.get("id"), name: name.clone() }))
}

/// The project, created if there is none, locked as by [`lock`], and stamped as changed.
pub async fn ensure(change: &mut Change<'_>, index: &Index, name: &ProjectName) -> Result<Project> {
    // Another change may create or delete the project between the two statements; then both look again.
    for _ in 0..5 {
        if let Some(project) = lock(change, index, name).await? {
            touch(change, &project);
            return Ok(project);
        }
        let statement = change
            .prepare_cached(
                "-- store::projects::ensure
                 insert into projects (index_id, name)
                 values ($1, $2)
                 on conflict (index_id, name) where removed_serial is null do nothing
                 returning id",
            )
            .await?;
        if let Some(row) = change.query_opt(&statement, &[&index.id, &name.as_str()]).await? {
            let project = Project { id: row.get("id"), name: name.clone() };
            touch(change, &project);
            change.touched.index_projects.push(index.id);
            change.log(Event::project(EventKind::ProjectCreate, &index.name, name));
            return Ok(project);
        }
    }
    Err(Error::Overloaded("the project is created and deleted again and again"))
}

/// Says that the list of an index's projects changes.
pub fn touch_list(change: &mut Change<'_>, index: &Index) {
    change.touched.index_projects.push(index.id);
}

/// Says that something of a locked project changes.
pub fn touch(change: &mut Change<'_>, project: &Project) {
    change.touched.projects.push(project.id);
}

/// The status of a locked project.
pub async fn status(change: &mut Change<'_>, project: &Project) -> Result<Status> {
    let statement = change
        .prepare_cached(
            "-- store::projects::status
             select status, reason
             from project_states
             where project_id = $1 and removed_serial is null",
        )
        .await?;
    let row = change.query_opt(&statement, &[&project.id]).await?;
    Ok(row.map(|row| Status { status: row.get("status"), reason: row.get("reason") }).unwrap_or_default())
}

/// Gives a locked project another status.
pub async fn set_status(change: &mut Change<'_>, project: &Project, status: &Status) -> Result<()> {
    close_status(change, &[project.id]).await?;
    let statement = change
        .prepare_cached(
            "-- store::projects::set_status
             insert into project_states (project_id, status, reason)
             values ($1, $2, $3)
             returning id",
        )
        .await?;
    let row = change.query_one(&statement, &[&project.id, &status.status, &status.reason]).await?;
    change.touched.project_states.push(row.get("id"));
    touch(change, project);
    Ok(())
}

/// Deletes a locked project that has no release any more.
pub async fn delete(change: &mut Change<'_>, index: &Index, project: &Project) -> Result<()> {
    close_status(change, &[project.id]).await?;
    let statement = change
        .prepare_cached(
            "-- store::projects::delete
             update projects set removed_serial = 0
             where id = $1",
        )
        .await?;
    change.execute(&statement, &[&project.id]).await?;
    touch(change, project);
    change.touched.index_projects.push(index.id);
    change.log(Event::project(EventKind::ProjectDelete, &index.name, &project.name));
    Ok(())
}

async fn close_status(change: &mut Change<'_>, project_ids: &[i64]) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::projects::close_status
             update project_states set removed_serial = 0
             where project_id = any ($1) and removed_serial is null
             returning id",
        )
        .await?;
    let rows = change.query(&statement, &[&project_ids]).await?;
    change.touched.project_states.extend(rows.iter().map(|row| row.get::<_, i64>("id")));
    Ok(())
}

//! Releases: the metadata of each version of a project, state by state.

use crate::{
    error::{Error, Result},
    model::{
        name::ProjectName,
        release::{Recent, Release},
        serial::Serial,
    },
    store::{Change, Client, projects::Project},
};
use serde_json::{Map, Value};
use std::collections::HashMap;
use tokio_postgres::Row;

/// The releases of a project on these indexes as of a serial, of one version or all: index id and release, oldest state
/// first.
pub async fn of_project(
    db: &impl Client,
    index_ids: &[i64],
    name: &ProjectName,
    version: Option<&str>,
    at: Serial,
) -> Result<Vec<(i64, Release)>> {
    let statement = db
        .prepare_cached(
            "-- store::releases::of_project
             select p.index_id, r.id, r.version, r.metadata
             from projects p
                 join releases r on r.project_id = p.id
                     and r.added_serial <= $4
                     and coalesce(r.removed_serial, 9223372036854775807) > $4
             where p.index_id = any ($1) and p.name = $2
                 and p.added_serial <= $4 and (p.removed_serial is null or p.removed_serial > $4)
                 and ($3::text is null or r.version = $3)
             order by r.id",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &name.as_str(), &version, &at.0]).await?;
    rows.iter().map(|row| Ok((row.get("index_id"), release(row)?))).collect()
}

/// The versions of a project on these indexes as of a serial: index id and version.
pub async fn versions(
    db: &impl Client,
    index_ids: &[i64],
    name: &ProjectName,
    at: Serial,
) -> Result<Vec<(i64, String)>> {
    let statement = db
        .prepare_cached(
            "-- store::releases::versions
             select p.index_id, r.version
             from projects p
                 join releases r on r.project_id = p.id
                     and r.added_serial <= $3
                     and coalesce(r.removed_serial, 9223372036854775807) > $3
             where p.index_id = any ($1) and p.name = $2
                 and p.added_serial <= $3 and (p.removed_serial is null or p.removed_serial > $3)
             order by r.id",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &name.as_str(), &at.0]).await?;
    Ok(rows.iter().map(|row| (row.get("index_id"), row.get("version"))).collect())
}

/// One release of a project.
pub async fn find(db: &impl Client, project_id: i64, version: &str) -> Result<Option<Release>> {
    let statement = db
        .prepare_cached(
            "-- store::releases::find
             select id, version, metadata
             from releases
             where project_id = $1 and version = $2 and removed_serial is null",
        )
        .await?;
    db.query_opt(&statement, &[&project_id, &version]).await?.as_ref().map(release).transpose()
}

/// Whether a locked project has any release.
pub async fn any(change: &mut Change<'_>, project: &Project) -> Result<bool> {
    let statement = change
        .prepare_cached(
            "-- store::releases::any
             select exists (select from releases where project_id = $1 and removed_serial is null) as any",
        )
        .await?;
    Ok(change.query_one(&statement, &[&project.id]).await?.get("any"))
}

/// Gives a release of a locked project its metadata; returns whether that changed anything.
pub async fn put(
    change: &mut Change<'_>,
    project: &Project,
    version: &str,
    metadata: &Map<String, Value>,
) -> Result<bool> {
    if let Some(release) = find(change, project.id, version).await? {
        if release.metadata == *metadata {
            return Ok(false);
        }
        delete(change, &release).await?;
    }
    let statement = change
        .prepare_cached(
            "-- store::releases::put
             insert into releases (project_id, version, metadata)
             values ($1, $2, $3)
             returning id",
        )
        .await?;
    let row =
        change.query_one(&statement, &[&project.id, &version, &Value::Object(metadata.clone())]).await?;
    change.touched.releases.push(row.get("id"));
    Ok(true)
}

/// Closes a release of a locked project.
pub async fn delete(change: &mut Change<'_>, release: &Release) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::releases::delete
             update releases set removed_serial = 0
             where id = $1",
        )
        .await?;
    change.execute(&statement, &[&release.id]).await?;
    change.touched.releases.push(release.id);
    Ok(())
}

/// Closes every release of locked projects.
pub async fn close_all(change: &mut Change<'_>, project_ids: &[i64]) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::releases::close_all
             update releases set removed_serial = 0
             where project_id = any ($1) and removed_serial is null
             returning id",
        )
        .await?;
    let rows = change.query(&statement, &[&project_ids]).await?;
    change.touched.releases.extend(rows.iter().map(|row| row.get::<_, i64>("id")));
    Ok(())
}

/// Fills in the summaries of releases, each up to 300 characters.
pub async fn summarize(db: &impl Client, releases: &mut [Recent]) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::releases::summarize
             select id, left(metadata ->> 'summary', 300) as summary
             from releases
             where id = any ($1)",
        )
        .await?;
    let ids: Vec<i64> = releases.iter().filter_map(|release| release.id).collect();
    let rows = db.query(&statement, &[&ids]).await?;
    let mut summaries: HashMap<i64, Option<String>> =
        rows.iter().map(|row| (row.get("id"), row.get("summary"))).collect();
    for release in releases {
        release.summary = release.id.and_then(|id| summaries.remove(&id)).flatten();
    }
    Ok(())
}

fn release(row: &Row) -> Result<Release> {
    let Value::Object(metadata) = row.get("metadata") else {
        return Err(Error::Internal("version data are no object".into()));
    };
    Ok(Release { id: row.get("id"), version: row.get("version"), metadata })
}

//! Distribution files on indexes, state by state.

use crate::{
    error::{Error, Result},
    model::{
        file::{File, Found, logged},
        index::Index,
        name::{IndexName, ProjectName},
        release::Recent,
        serial::Serial,
    },
    store::{Change, Client, projects::Project},
};
use serde_json::Value;
use std::collections::HashMap;
use time::OffsetDateTime;
use tokio_postgres::Row;

/// What a new state of a file holds.
pub struct NewFile<'a> {
    pub version: &'a str,
    pub filename: &'a str,
    /// Hex digest of stored content.
    pub sha256: &'a str,
    /// Hex digest of kept core metadata.
    pub metadata_sha256: Option<&'a str>,
    pub requires_python: Option<&'a str>,
    pub yanked: Option<&'a str>,
    pub uploaded_at: OffsetDateTime,
    pub log: &'a Value,
}

/// The files of a project on these indexes as of a serial, of one version or of all: index id and file, in the order
/// they were uploaded.
pub async fn of_project(
    db: &impl Client,
    index_ids: &[i64],
    name: &ProjectName,
    version: Option<&str>,
    at: Serial,
) -> Result<Vec<(i64, File)>> {
    let statement = db
        .prepare_cached(
            "-- store::files::of_project
             select f.id, f.index_id, f.project_id, u.name as user_name, i.name as index_name, p.name as project,
                 f.version, f.filename, f.sha256, b.size, f.metadata_sha256, f.requires_python, f.yanked,
                 f.uploaded_at, f.log, f.added_serial
             from projects p
                 join indexes i on i.id = p.index_id
                 join users u on u.id = i.user_id
                 join files f on f.project_id = p.id
                     and f.added_serial <= $3
                     and coalesce(f.removed_serial, 9223372036854775807) > $3
                 join blobs b on b.sha256 = f.sha256
             where p.index_id = any ($1) and p.name = $2
                 and p.added_serial <= $3 and (p.removed_serial is null or p.removed_serial > $3)
                 and ($4::text is null or f.version = $4)
             order by f.id",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &name.as_str(), &at.0, &version]).await?;
    rows.iter().map(|row| Ok((row.get("index_id"), file(row)?))).collect()
}

/// The releases whose files came to an index last: those of its `files` newest files, newest first.
///
/// A state of a file that a yank opened counts as a new one here. The index is asked for as a range: by a plain
/// `index_id = $1` PostgreSQL may choose to read all newer files of other indexes first.
pub async fn latest(db: &impl Client, index_id: i64, files: i64) -> Result<Vec<Recent>> {
    let statement = db
        .prepare_cached(
            "-- store::files::latest
             select r.id, p.name as project, f.version, f.files, f.yanked, f.entry, f.uploaded_at
             from (
                 select project_id, version, count(*) as files, bool_and(yanked is not null) as yanked,
                     max(id) as newest, (array_agg(log -> -1 order by id desc))[1] as entry,
                     max(uploaded_at) as uploaded_at
                 from (
                     select id, project_id, version, yanked, log, uploaded_at
                     from files
                     where (index_id, id) >= ($1::bigint, 0) and (index_id, id) < ($1 + 1, 0)
                         and removed_serial is null
                     order by index_id desc, id desc
                     limit $2
                 ) newest
                 group by project_id, version
             ) f
                 join projects p on p.id = f.project_id
                 left join releases r on r.project_id = p.id and r.version = f.version and r.removed_serial is null
             order by f.newest desc",
        )
        .await?;
    let rows = db.query(&statement, &[&index_id, &files]).await?;
    let recent = |row: &Row| {
        let entry: Option<Value> = row.get("entry");
        let (by, at) = entry.as_ref().map(logged).unwrap_or_default();
        Ok(Recent {
            id: row.get("id"),
            project: ProjectName::parse(row.get("project")).map_err(Error::Internal)?,
            version: row.get("version"),
            summary: None,
            files: row.get("files"),
            is_yanked: row.get("yanked"),
            by,
            at: at.unwrap_or_else(|| row.get("uploaded_at")),
        })
    };
    rows.iter().map(recent).collect()
}

/// The further digests of the files of a project on these indexes as of a serial, by their sha256: md5 and blake2b-256 in
/// hex.
pub async fn digests(
    db: &impl Client,
    index_ids: &[i64],
    name: &ProjectName,
    at: Serial,
) -> Result<HashMap<String, [String; 2]>> {
    let statement = db
        .prepare_cached(
            "-- store::files::digests
             select b.sha256, b.md5, b.blake2b_256
             from projects p
                 join files f on f.project_id = p.id
                     and f.added_serial <= $3
                     and coalesce(f.removed_serial, 9223372036854775807) > $3
                 join blobs b on b.sha256 = f.sha256
             where p.index_id = any ($1) and p.name = $2
                 and p.added_serial <= $3 and (p.removed_serial is null or p.removed_serial > $3)",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &name.as_str(), &at.0]).await?;
    Ok(rows.iter().map(|row| (row.get("sha256"), [row.get("md5"), row.get("blake2b_256")])).collect())
}

/// The file at `+f/{first 3}/{next 13 digits of its hash}/{filename}` of an index.
pub async fn at_path(db: &impl Client, index: &Index, hash_start: &str, filename: &str) -> Result<Found> {
    let statement = db
        .prepare_cached(
            "-- store::files::at_path
             select f.id, f.project_id, u.name as user_name, i.name as index_name, p.name as project, f.version,
                 f.filename, f.sha256, b.size, f.metadata_sha256, f.requires_python, f.yanked, f.uploaded_at, f.log,
                 f.added_serial, f.removed_serial
             from files f
                 join projects p on p.id = f.project_id
                 join indexes i on i.id = f.index_id
                 join users u on u.id = i.user_id
                 join blobs b on b.sha256 = f.sha256
             where f.index_id = $1 and f.filename = $2 and starts_with(f.sha256, $3)
             order by f.removed_serial desc nulls first
             limit 1",
        )
        .await?;
    let row = db.query_opt(&statement, &[&index.id, &filename, &hash_start]).await?;
    Ok(match row {
        None => Found::Never,
        Some(row) if row.get::<_, Option<i64>>("removed_serial").is_some() => Found::Deleted,
        Some(row) => Found::File(Box::new(file(&row)?)),
    })
}

/// The files of one release of a locked project, in the order they were uploaded.
pub async fn of_release(change: &mut Change<'_>, project: &Project, version: &str) -> Result<Vec<File>> {
    let statement = change
        .prepare_cached(
            "-- store::files::of_release
             select f.id, f.project_id, u.name as user_name, i.name as index_name, p.name as project, f.version,
                 f.filename, f.sha256, b.size, f.metadata_sha256, f.requires_python, f.yanked, f.uploaded_at, f.log, f.added_serial
             from files f
                 join projects p on p.id = f.project_id
                 join indexes i on i.id = f.index_id
                 join users u on u.id = i.user_id
                 join blobs b on b.sha256 = f.sha256
             where f.project_id = $1 and f.version = $2 and f.removed_serial is null
             order by f.id",
        )
        .await?;
    change.query(&statement, &[&project.id, &version]).await?.iter().map(file).collect()
}

/// The file of this name on an index.
pub async fn named(db: &impl Client, index: &Index, filename: &str) -> Result<Option<File>> {
    let statement = db
        .prepare_cached(
            "-- store::files::named
             select f.id, f.project_id, u.name as user_name, i.name as index_name, p.name as project, f.version,
                 f.filename, f.sha256, b.size, f.metadata_sha256, f.requires_python, f.yanked, f.uploaded_at, f.log, f.added_serial
             from files f
                 join projects p on p.id = f.project_id
                 join indexes i on i.id = f.index_id
                 join users u on u.id = i.user_id
                 join blobs b on b.sha256 = f.sha256
             where f.index_id = $1 and f.filename = $2 and f.removed_serial is null",
        )
        .await?;
    db.query_opt(&statement, &[&index.id, &filename]).await?.as_ref().map(file).transpose()
}

/// Adds a file to a locked project; `false` when the index has one of this name.
pub async fn insert(
    change: &mut Change<'_>,
    index: &Index,
    project: &Project,
    new: &NewFile<'_>,
) -> Result<bool> {
    let statement = change
        .prepare_cached(
            "-- store::files::insert
             insert into files (index_id, project_id, version, filename, sha256, metadata_sha256, requires_python,
                 yanked, uploaded_at, log)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             on conflict (index_id, filename) where removed_serial is null do nothing
             returning id",
        )
        .await?;
    let row = change
        .query_opt(
            &statement,
            &[
                &index.id,
                &project.id,
                &new.version,
                &new.filename,
                &new.sha256,
                &new.metadata_sha256,
                &new.requires_python,
                &new.yanked,
                &new.uploaded_at,
                &new.log,
            ],
        )
        .await?;
    let Some(row) = row else { return Ok(false) };
    change.touched.files.push(row.get("id"));
    Ok(true)
}

/// Closes a file of a locked project.
pub async fn delete(change: &mut Change<'_>, file: &File) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::files::delete
             update files set removed_serial = 0
             where id = $1",
        )
        .await?;
    change.execute(&statement, &[&file.id]).await?;
    change.touched.files.push(file.id);
    Ok(())
}

/// Opens a state of a file of a locked project that differs in its yank mark only, and closes the one before.
pub async fn set_yanked(change: &mut Change<'_>, file: &File, yanked: Option<&str>) -> Result<()> {
    delete(change, file).await?;
    let statement = change
        .prepare_cached(
            "-- store::files::set_yanked
             insert into files (index_id, project_id, version, filename, sha256, metadata_sha256, requires_python,
                 yanked, uploaded_at, log)
             select index_id, project_id, version, filename, sha256, metadata_sha256, requires_python,
                 $2, uploaded_at, log
             from files
             where id = $1
             returning id",
        )
        .await?;
    let row = change.query_one(&statement, &[&file.id, &yanked]).await?;
    change.touched.files.push(row.get("id"));
    Ok(())
}

/// Closes every file of locked projects.
pub async fn close_all(change: &mut Change<'_>, project_ids: &[i64]) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::files::close_all
             update files set removed_serial = 0
             where project_id = any ($1) and removed_serial is null
             returning id",
        )
        .await?;
    let rows = change.query(&statement, &[&project_ids]).await?;
    change.touched.files.extend(rows.iter().map(|row| row.get::<_, i64>("id")));
    Ok(())
}

fn file(row: &Row) -> Result<File> {
    Ok(File {
        id: row.get("id"),
        project_id: row.get("project_id"),
        index: IndexName::parse(row.get("user_name"), row.get("index_name")).map_err(Error::Internal)?,
        project: ProjectName::parse(row.get("project")).map_err(Error::Internal)?,
        version: row.get("version"),
        filename: row.get("filename"),
        sha256: row.get("sha256"),
        size: row.get("size"),
        metadata_sha256: row.get("metadata_sha256"),
        requires_python: row.get("requires_python"),
        yanked: row.get("yanked"),
        uploaded_at: row.get("uploaded_at"),
        log: row.get("log"),
        added: Serial(row.get("added_serial")),
    })
}

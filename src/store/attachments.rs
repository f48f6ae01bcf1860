//! Tox results and documentation of releases, state by state.

use crate::{
    error::{Error, Result},
    model::{
        attachment::{Attachment, Rel},
        file::{self, File},
        index::Index,
        name::{IndexName, ProjectName},
        serial::Serial,
    },
    store::{Change, Client, projects::Project},
};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;

/// What a new attachment holds.
pub struct NewAttachment<'a> {
    pub version: &'a str,
    pub rel: Rel,
    /// See [`Attachment::entry`].
    pub entry: &'a str,
    pub filename: &'a str,
    pub for_filename: Option<&'a str>,
    /// Hex digest of stored content.
    pub sha256: &'a str,
    pub uploaded_at: OffsetDateTime,
    pub log: &'a Value,
}

/// What a lookup of an attachment's URL found.
#[derive(Debug)]
pub enum Found {
    Attachment(Box<Attachment>),
    /// It was there once.
    Deleted,
    Never,
}

/// The attachments of a project on these indexes, of one version or of all: index id and attachment, in the order they
/// were uploaded.
pub async fn of_project(
    db: &impl Client,
    index_ids: &[i64],
    name: &ProjectName,
    version: Option<&str>,
) -> Result<Vec<(i64, Attachment)>> {
    let statement = db
        .prepare_cached(
            "-- store::attachments::of_project
             select a.id, a.index_id, a.project_id, u.name as user_name, i.name as index_name, p.name as project,
                 a.version, a.rel, a.entry, a.filename, a.for_filename, a.sha256, b.size, a.uploaded_at, a.log,
                 a.added_serial
             from projects p
                 join indexes i on i.id = p.index_id
                 join users u on u.id = i.user_id
                 join attachments a on a.project_id = p.id
                     and coalesce(a.removed_serial, 9223372036854775807) = 9223372036854775807
                 join blobs b on b.sha256 = a.sha256
             where p.index_id = any ($1) and p.name = $2 and p.removed_serial is null
                 and ($3::text is null or a.version = $3)
             order by a.id",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &name.as_str(), &version]).await?;
    rows.iter().map(|row| Ok((row.get("index_id"), attachment_of(row)?))).collect()
}

/// The documentation of a project on an index: of one version, or of all that have any.
pub async fn documentation(
    db: &impl Client,
    index_id: i64,
    name: &ProjectName,
    version: Option<&str>,
) -> Result<Vec<Attachment>> {
    let statement = db
        .prepare_cached(
            "-- store::attachments::documentation
             select a.id, a.project_id, u.name as user_name, i.name as index_name, p.name as project,
                 a.version, a.rel, a.entry, a.filename, a.for_filename, a.sha256, b.size, a.uploaded_at, a.log,
                 a.added_serial
             from projects p
                 join indexes i on i.id = p.index_id
                 join users u on u.id = i.user_id
                 join attachments a on a.project_id = p.id and a.rel = 'doczip' and a.removed_serial is null
                 join blobs b on b.sha256 = a.sha256
             where p.index_id = $1 and p.name = $2 and p.removed_serial is null
                 and ($3::text is null or a.version = $3)",
        )
        .await?;
    let rows = db.query(&statement, &[&index_id, &name.as_str(), &version]).await?;
    rows.iter().map(attachment_of).collect()
}

/// The attachment in a folder of an index.
pub async fn at_path(db: &impl Client, index: &Index, entry: &str, filename: &str) -> Result<Found> {
    let statement = db
        .prepare_cached(
            "-- store::attachments::at_path
             select a.id, a.project_id, u.name as user_name, i.name as index_name, p.name as project,
                 a.version, a.rel, a.entry, a.filename, a.for_filename, a.sha256, b.size, a.uploaded_at, a.log,
                 a.added_serial, a.removed_serial
             from attachments a
                 join projects p on p.id = a.project_id
                 join indexes i on i.id = a.index_id
                 join users u on u.id = i.user_id
                 join blobs b on b.sha256 = a.sha256
             where a.index_id = $1 and a.entry = $2 and a.filename = $3
                 and (a.removed_serial is not null or p.removed_serial is null)
             order by a.removed_serial desc nulls first
             limit 1",
        )
        .await?;
    let row = db.query_opt(&statement, &[&index.id, &entry, &filename]).await?;
    Ok(match row {
        None => Found::Never,
        Some(row) if row.get::<_, Option<i64>>("removed_serial").is_some() => Found::Deleted,
        Some(row) => Found::Attachment(Box::new(attachment_of(&row)?)),
    })
}

/// The attachments of one release of a locked project, in the order they were uploaded.
pub async fn of_release(
    change: &mut Change<'_>,
    project: &Project,
    version: &str,
) -> Result<Vec<Attachment>> {
    let statement = change
        .prepare_cached(
            "-- store::attachments::of_release
             select a.id, a.project_id, u.name as user_name, i.name as index_name, p.name as project,
                 a.version, a.rel, a.entry, a.filename, a.for_filename, a.sha256, b.size, a.uploaded_at, a.log,
                 a.added_serial
             from attachments a
                 join projects p on p.id = a.project_id
                 join indexes i on i.id = a.index_id
                 join users u on u.id = i.user_id
                 join blobs b on b.sha256 = a.sha256
             where a.project_id = $1 and a.version = $2
                 and coalesce(a.removed_serial, 9223372036854775807) = 9223372036854775807
             order by a.id",
        )
        .await?;
    change.query(&statement, &[&project.id, &version]).await?.iter().map(attachment_of).collect()
}

/// Adds an attachment to a locked project; `false` when the index has one at this path.
pub async fn insert(
    change: &mut Change<'_>,
    index: &Index,
    project: &Project,
    new: &NewAttachment<'_>,
) -> Result<bool> {
    close_orphan(change, index, new).await?;
    let statement = change
        .prepare_cached(
            "-- store::attachments::insert
             insert into attachments (index_id, project_id, version, rel, entry, filename, for_filename, sha256,
                 uploaded_at, log)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             on conflict (index_id, entry, filename) where removed_serial is null do nothing
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
                &new.rel.name(),
                &new.entry,
                &new.filename,
                &new.for_filename,
                &new.sha256,
                &new.uploaded_at,
                &new.log,
            ],
        )
        .await?;
    let Some(row) = row else { return Ok(false) };
    change.touched.attachments.push(row.get("id"));
    Ok(true)
}

/// Closes what a process from before there were attachments has left open at a path, when it deleted the project.
async fn close_orphan(change: &mut Change<'_>, index: &Index, new: &NewAttachment<'_>) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::attachments::close_orphan
             update attachments a set removed_serial = 0
             from projects p
             where p.id = a.project_id and p.removed_serial is not null
                 and a.index_id = $1 and a.entry = $2 and a.filename = $3 and a.removed_serial is null
             returning a.id",
        )
        .await?;
    let rows = change.query(&statement, &[&index.id, &new.entry, &new.filename]).await?;
    change.touched.attachments.extend(rows.iter().map(|row| row.get::<_, i64>("id")));
    Ok(())
}

/// Closes an attachment of a locked project.
pub async fn delete(change: &mut Change<'_>, attachment: &Attachment) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::attachments::delete
             update attachments set removed_serial = 0
             where id = $1",
        )
        .await?;
    change.execute(&statement, &[&attachment.id]).await?;
    change.touched.attachments.push(attachment.id);
    Ok(())
}

/// Closes every tox result about a file of a locked project.
pub async fn close_about(change: &mut Change<'_>, file: &File) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::attachments::close_about
             update attachments set removed_serial = 0
             where project_id = $1 and coalesce(removed_serial, 9223372036854775807) = 9223372036854775807
                 and entry = $2 and for_filename = $3
             returning id",
        )
        .await?;
    let entry = file::entry(&file.sha256);
    let rows = change.query(&statement, &[&file.project_id, &entry, &file.filename]).await?;
    change.touched.attachments.extend(rows.iter().map(|row| row.get::<_, i64>("id")));
    Ok(())
}

/// Closes every attachment of a locked project, or of one release of it.
pub async fn close_all(change: &mut Change<'_>, project: &Project, version: Option<&str>) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::attachments::close_all
             update attachments set removed_serial = 0
             where project_id = $1 and removed_serial is null and ($2::text is null or version = $2)
             returning id",
        )
        .await?;
    let rows = change.query(&statement, &[&project.id, &version]).await?;
    change.touched.attachments.extend(rows.iter().map(|row| row.get::<_, i64>("id")));
    Ok(())
}

fn attachment_of(row: &Row) -> Result<Attachment> {
    let rel: &str = row.get("rel");
    Ok(Attachment {
        id: row.get("id"),
        project_id: row.get("project_id"),
        index: IndexName::parse(row.get("user_name"), row.get("index_name")).map_err(Error::Internal)?,
        project: ProjectName::parse(row.get("project")).map_err(Error::Internal)?,
        version: row.get("version"),
        rel: Rel::parse(rel).ok_or_else(|| Error::Internal(format!("unknown rel {rel}")))?,
        entry: row.get("entry"),
        filename: row.get("filename"),
        for_filename: row.get("for_filename"),
        sha256: row.get("sha256"),
        size: row.get("size"),
        uploaded_at: row.get("uploaded_at"),
        log: row.get("log"),
        added: Serial(row.get("added_serial")),
    })
}

//! Links of mirrors, state by state, and the content that was fetched for them.

use crate::{
    error::{Error, Result},
    model::{
        index::Index,
        link::{CoreMetadata, Link},
        name::ProjectName,
        serial::Serial,
    },
    store::{Change, Client, projects::Project},
};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use tokio_postgres::Row;

/// A link as a row, and the number of the row.
pub struct Known {
    pub id: i64,
    pub link: Link,
}

/// A link by its path.
pub struct Found {
    pub project: ProjectName,
    pub link: Link,
    /// It is on the page of the project, and any change of it moves the serial of that.
    pub is_open: bool,
}

/// The links of a project on these indexes as of a serial: index id and link, as the upstream has them in order.
pub async fn of_project(
    db: &impl Client,
    index_ids: &[i64],
    name: &ProjectName,
    at: Serial,
) -> Result<Vec<(i64, Known)>> {
    let statement = db
        .prepare_cached(
            "-- store::links::of_project
             select f.id, f.index_id, f.filename, f.version, f.url, f.hashes, f.size, f.uploaded_at, f.requires_python,
                 f.yanked, f.core_metadata, f.provenance, f.metadata_sha256
             from projects p
                 join mirror_files f on f.project_id = p.id
                     and f.added_serial <= $3
                     and coalesce(f.removed_serial, 9223372036854775807) > $3
             where p.index_id = any ($1) and p.name = $2
                 and p.added_serial <= $3 and (p.removed_serial is null or p.removed_serial > $3)
             order by f.id",
        )
        .await?;
    let rows = db.query(&statement, &[&index_ids, &name.as_str(), &at.0]).await?;
    rows.iter().map(|row| Ok((row.get("index_id"), known(row)?))).collect()
}

/// The link of a mirror whose file is at this path; the current one, else the last one that was there.
pub async fn at_path(db: &impl Client, index_id: i64, entry: &str, filename: &str) -> Result<Option<Found>> {
    let statement = db
        .prepare_cached(
            "-- store::links::at_path
             select p.name as project, f.id, f.filename, f.version, f.url, f.hashes, f.size, f.uploaded_at,
                 f.requires_python, f.yanked, f.core_metadata, f.provenance, f.metadata_sha256,
                 f.removed_serial is null as is_open
             from mirror_files f join projects p on p.id = f.project_id
             where f.index_id = $1 and f.entry = $2 and f.filename = $3
             order by f.removed_serial desc nulls first
             limit 1",
        )
        .await?;
    let Some(row) = db.query_opt(&statement, &[&index_id, &entry, &filename]).await? else { return Ok(None) };
    let project = ProjectName::parse(row.get("project")).map_err(Error::Internal)?;
    Ok(Some(Found { project, link: known(&row)?.link, is_open: row.get("is_open") }))
}

/// Closes these links of a locked project.
pub async fn close(change: &mut Change<'_>, ids: &[i64]) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::links::close
             update mirror_files set removed_serial = 0
             where id = any ($1) and removed_serial is null",
        )
        .await?;
    change.execute(&statement, &[&ids]).await?;
    change.touched.mirror_files.extend(ids);
    Ok(())
}

/// Closes every link of a locked project.
pub async fn close_all(change: &mut Change<'_>, project: &Project) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::links::close_all
             update mirror_files set removed_serial = 0
             where project_id = $1 and removed_serial is null
             returning id",
        )
        .await?;
    let rows = change.query(&statement, &[&project.id]).await?;
    change.touched.mirror_files.extend(rows.iter().map(|row| row.get::<_, i64>("id")));
    Ok(())
}

/// Opens links of a locked project, in this order.
pub async fn open(
    change: &mut Change<'_>,
    index_id: i64,
    project: &Project,
    links: impl Iterator<Item = &Link>,
) -> Result<()> {
    let rows: Vec<Value> = links.map(record).collect();
    let statement = change
        .prepare_cached(
            "-- store::links::open
             insert into mirror_files (index_id, project_id, entry, filename, version, url, hashes, size, uploaded_at,
                 requires_python, yanked, core_metadata, provenance, metadata_sha256)
             select $1, $2, r.entry, r.filename, r.version, r.url, r.hashes, r.size, r.uploaded_at,
                 r.requires_python, r.yanked, r.core_metadata, r.provenance, r.metadata_sha256
             from unnest($3::jsonb[]) with ordinality as given (link, position),
                 jsonb_to_record(given.link) as r (entry text, filename text, version text, url text, hashes jsonb,
                     size bigint, uploaded_at timestamptz, requires_python text, yanked text, core_metadata text,
                     provenance text, metadata_sha256 text)
             order by given.position
             returning id",
        )
        .await?;
    let rows = change.query(&statement, &[&index_id, &project.id, &rows]).await?;
    change.touched.mirror_files.extend(rows.iter().map(|row| row.get::<_, i64>("id")));
    Ok(())
}

/// The stored content of a mirrored file, its hex sha256 and size, if it was fetched for this very mirror.
///
/// That the digest the upstream states is stored is not enough: who makes a mirror could state the digest of a file that
/// they may not read, and get it.
pub async fn content(db: &impl Client, index_id: i64, link: &Link) -> Result<Option<(String, i64)>> {
    let statement = db
        .prepare_cached(
            "-- store::links::content
             select b.sha256, b.size
             from mirror_contents c join blobs b on b.sha256 = c.sha256
             where c.index_id = $1 and c.entry = $2 and c.filename = $3
                 and b.state = 'stored' and (b.sha256 = $4 or ($4::text is null and c.url = $5))",
        )
        .await?;
    let row = db
        .query_opt(&statement, &[&index_id, &link.entry(), &link.filename, &link.sha256(), &link.url])
        .await?;
    Ok(row.map(|row| (row.get("sha256"), row.get("size"))))
}

/// The links of a mirror whose content is stored: project, link, hex sha256 and size.
pub async fn stored(db: &impl Client, index_id: i64) -> Result<Vec<(ProjectName, Link, String, i64)>> {
    let statement = db
        .prepare_cached(
            "-- store::links::stored
             select p.name as project, f.id, f.filename, f.version, f.url, f.hashes, f.size, f.uploaded_at,
                 f.requires_python, f.yanked, f.core_metadata, f.provenance, f.metadata_sha256, b.sha256,
                 b.size as stored_size
             from mirror_contents c
                 join mirror_files f on f.index_id = c.index_id and f.entry = c.entry and f.filename = c.filename
                     and f.removed_serial is null
                 join projects p on p.id = f.project_id
                 join blobs b on b.sha256 = c.sha256 and b.state = 'stored'
             where c.index_id = $1 and (f.hashes ->> 'sha256' = b.sha256 or not f.hashes ? 'sha256' and c.url = f.url)
             order by p.name, f.id",
        )
        .await?;
    let rows = db.query(&statement, &[&index_id]).await?;
    let stored = |row: &Row| {
        let project = ProjectName::parse(row.get("project")).map_err(Error::Internal)?;
        Ok((project, known(row)?.link, row.get("sha256"), row.get("stored_size")))
    };
    rows.iter().map(stored).collect()
}

/// Says that the object of claimed content is in the store, and that it is the content of this file.
///
/// # Errors
/// [`Error::Busy`] when the claim was lost to gc.
pub async fn keep_content(db: &impl Client, index_id: i64, link: &Link, sha256: &str) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::links::keep_content
             with stored as (
                 update blobs set state = 'stored', touched_at = now()
                 where sha256 = $4 and state <> 'condemned'
                 returning sha256
             )
             insert into mirror_contents (index_id, entry, filename, sha256, url)
             select $1, $2, $3, sha256, $5 from stored
             on conflict (index_id, entry, filename) do update set sha256 = excluded.sha256, url = excluded.url",
        )
        .await?;
    match db.execute(&statement, &[&index_id, &link.entry(), &link.filename, &sha256, &link.url]).await? {
        0 => Err(Error::Busy),
        _ => Ok(()),
    }
}

/// Whether core metadata of this digest were fetched from beside a file, for this very mirror.
pub async fn has_metadata(
    db: &impl Client,
    index_id: i64,
    link: &Link,
    metadata_sha256: &str,
) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::links::has_metadata
             select exists (
                 select from mirror_contents
                 where index_id = $1 and entry = $2 and filename = $3 and metadata_sha256 = $4
             ) as found",
        )
        .await?;
    let row = db.query_one(&statement, &[&index_id, &link.entry(), &link.filename, &metadata_sha256]).await?;
    Ok(row.get("found"))
}

/// Core metadata of a release of a mirror, where those of any of its files are here.
pub async fn release_metadata(
    db: &impl Client,
    index_id: i64,
    project: &ProjectName,
    version: &str,
) -> Result<Option<Vec<u8>>> {
    let statement = db
        .prepare_cached(
            "-- store::links::release_metadata
             select m.content
             from projects p
                 join mirror_files f on f.project_id = p.id and f.version = $3 and f.removed_serial is null
                 left join mirror_contents c
                     on c.index_id = f.index_id and c.entry = f.entry and c.filename = f.filename
                 join core_metadata m on m.sha256 = coalesce(f.metadata_sha256, c.metadata_sha256)
             where p.index_id = $1 and p.name = $2 and p.removed_serial is null
             order by f.id
             limit 1",
        )
        .await?;
    let row = db.query_opt(&statement, &[&index_id, &project.as_str(), &version]).await?;
    Ok(row.map(|row| row.get("content")))
}

/// Says that kept core metadata were fetched from beside a file.
pub async fn keep_metadata(
    db: &impl Client,
    index_id: i64,
    link: &Link,
    metadata_sha256: &str,
) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::links::keep_metadata
             insert into mirror_contents (index_id, entry, filename, metadata_sha256)
             values ($1, $2, $3, $4)
             on conflict (index_id, entry, filename) do update set metadata_sha256 = excluded.metadata_sha256",
        )
        .await?;
    db.execute(&statement, &[&index_id, &link.entry(), &link.filename, &metadata_sha256]).await?;
    Ok(())
}

/// Forgets the content of these files of a mirror; returns how many had any.
pub async fn forget_contents(
    change: &mut Change<'_>,
    index: &Index,
    links: impl Iterator<Item = &Link>,
) -> Result<u64> {
    let (entries, filenames): (Vec<_>, Vec<_>) = links.map(|link| (link.entry(), &link.filename)).unzip();
    let statement = change
        .prepare_cached(
            "-- store::links::forget_contents
             delete from mirror_contents c
             using unnest($2::text[], $3::text[]) as given (entry, filename)
             where c.index_id = $1 and c.entry = given.entry and c.filename = given.filename
                 and c.sha256 is not null",
        )
        .await?;
    Ok(change.execute(&statement, &[&index.id, &entries, &filenames]).await?)
}

fn record(link: &Link) -> Value {
    json!({
        "entry": link.entry(),
        "filename": link.filename,
        "version": link.version,
        "url": link.url,
        "hashes": link.hashes,
        "size": link.size,
        "uploaded_at": link.uploaded_at.and_then(|at| at.format(&Rfc3339).ok()),
        "requires_python": link.requires_python,
        "yanked": link.yanked,
        "core_metadata": link.core_metadata.as_ref().map(|offered| match offered {
            CoreMetadata::Promised => "true",
            CoreMetadata::Sha256(digest) => digest,
        }),
        "provenance": link.provenance,
        "metadata_sha256": link.read_metadata,
    })
}

fn known(row: &Row) -> Result<Known> {
    let hashes = serde_json::from_value(row.get("hashes"));
    let core_metadata = row.get::<_, Option<String>>("core_metadata").map(|text| match text.as_str() {
        "true" => CoreMetadata::Promised,
        _ => CoreMetadata::Sha256(text),
    });
    let link = Link {
        filename: row.get("filename"),
        version: row.get("version"),
        url: row.get("url"),
        hashes: hashes.map_err(|error| Error::Internal(format!("hashes of a link: {error}")))?,
        size: row.get("size"),
        uploaded_at: row.get("uploaded_at"),
        requires_python: row.get("requires_python"),
        yanked: row.get("yanked"),
        core_metadata,
        provenance: row.get("provenance"),
        read_metadata: row.get("metadata_sha256"),
    };
    Ok(Known { id: row.get("id"), link })
}

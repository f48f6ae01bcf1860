//! What upstreams said, and who asks them: bookkeeping of mirrors that no reader sees, changed in place.

use crate::{
    error::Result,
    model::{name::ProjectName, names::Names},
    store::Client,
};
use std::{
    io::{Read, Write},
    time::Duration,
};
use tokio_postgres::Row;

/// What is known of an upstream's page, or list of projects.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The upstream that all of it came from; another makes it worth nothing.
    pub source: String,
    /// Digest of what it said; `None`: it never said anything.
    pub digest: Option<String>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub upstream_serial: Option<i64>,
    /// How long ago the upstream last said that this is right.
    pub checked: Option<Duration>,
    /// How long ago the upstream last had no such page.
    pub missing: Option<Duration>,
    /// The upstream says itself that it may be stale: so it is not checked.
    pub is_stale: bool,
    /// Of a page, how many answers of the upstream were kept; 0: none.
    pub revision: i64,
}

/// What is known of the page of a project.
pub async fn page(db: &impl Client, index_id: i64, project: &ProjectName) -> Result<Option<Seen>> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::page
             select source, digest, etag, last_modified, upstream_serial, revision,
                 extract(epoch from now() - checked_at)::float8 as checked,
                 extract(epoch from now() - missing_at)::float8 as missing
             from mirror_pages
             where index_id = $1 and project = $2",
        )
        .await?;
    Ok(db.query_opt(&statement, &[&index_id, &project.as_str()]).await?.as_ref().map(seen))
}

/// Takes the right to ask the upstream for a page, for so long; `false` when another process has it.
pub async fn lease_page(
    db: &impl Client,
    index_id: i64,
    project: &ProjectName,
    time: Duration,
) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::lease_page
             insert into mirror_pages (index_id, project, lease_until)
             values ($1, $2, clock_timestamp() + $3 * interval '1 second')
             on conflict (index_id, project) do update set lease_until = excluded.lease_until
                 where mirror_pages.lease_until is null or mirror_pages.lease_until < clock_timestamp()",
        )
        .await?;
    Ok(db.execute(&statement, &[&index_id, &project.as_str(), &time.as_secs_f64()]).await? > 0)
}

/// Gives the right back without having learned anything; of a page of which nothing is known no row stays.
pub async fn release_page(db: &impl Client, index_id: i64, project: &ProjectName) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::release_page
             with forgotten as (
                 delete from mirror_pages
                 where index_id = $1 and project = $2 and digest is null and missing_at is null
             )
             update mirror_pages set lease_until = null
             where index_id = $1 and project = $2 and (digest is not null or missing_at is not null)",
        )
        .await?;
    db.execute(&statement, &[&index_id, &project.as_str()]).await?;
    Ok(())
}

/// Keeps what the upstream said of a page just now, and gives the right to ask back; `false` when another answer was kept
/// since `seen.revision` was read, which may be newer.
pub async fn keep_page(db: &impl Client, index_id: i64, project: &ProjectName, seen: &Seen) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::keep_page
             insert into mirror_pages (index_id, project, source, digest, etag, last_modified, upstream_serial,
                 checked_at, revision)
             values ($1, $2, $3, $4, $5, $6, $7, case when $9::boolean then null else now() end, $8::bigint + 1)
             on conflict (index_id, project) do update set source = excluded.source, digest = excluded.digest,
                 etag = excluded.etag, last_modified = excluded.last_modified,
                 upstream_serial = excluded.upstream_serial, checked_at = excluded.checked_at, missing_at = null,
                 revision = excluded.revision, lease_until = null
                 where mirror_pages.revision = $8",
        )
        .await?;
    let Seen { source, digest, etag, last_modified, upstream_serial, revision, is_stale, .. } = seen;
    let kept = db
        .execute(
            &statement,
            &[
                &index_id,
                &project.as_str(),
                source,
                digest,
                etag,
                last_modified,
                upstream_serial,
                revision,
                is_stale,
            ],
        )
        .await?;
    Ok(kept > 0)
}

/// Keeps that a page is as it was seen, and gives the right to ask back; `false` when it was kept or forgotten since.
pub async fn keep_unchanged(
    db: &impl Client,
    index_id: i64,
    project: &ProjectName,
    seen: &Seen,
) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::keep_unchanged
             update mirror_pages
             set etag = $3, last_modified = $4, upstream_serial = $5, missing_at = null,
                 checked_at = case when $7::boolean then checked_at else now() end,
                 revision = revision + 1, lease_until = null
             where index_id = $1 and project = $2 and revision = $6",
        )
        .await?;
    let Seen { etag, last_modified, upstream_serial, revision, is_stale, .. } = seen;
    let kept = db
        .execute(
            &statement,
            &[&index_id, &project.as_str(), etag, last_modified, upstream_serial, revision, is_stale],
        )
        .await?;
    Ok(kept > 0)
}

/// Keeps that the upstream has no such page just now, and gives the right to ask back; `false` when another answer was
/// kept since `revision` was read.
///
/// People ask for names of all kinds, so with each that is kept some go that were missing for longer than `good_for`.
pub async fn keep_missing(
    db: &impl Client,
    index_id: i64,
    project: &ProjectName,
    (source, revision): (&str, i64),
    good_for: Duration,
) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::keep_missing
             with expired as (
                 delete from mirror_pages old
                 where old.index_id = $1 and old.project in (
                     select project from mirror_pages
                     where index_id = $1 and project <> $2 and digest is null
                         and (lease_until is null or lease_until < now())
                         and coalesce(missing_at, lease_until) < now() - $4 * interval '1 second'
                     order by missing_at
                     limit 10
                     for update skip locked)
             )
             insert into mirror_pages (index_id, project, source, missing_at, revision)
             values ($1, $2, $3, now(), $5::bigint + 1)
             on conflict (index_id, project) do update set source = excluded.source, etag = null,
                 last_modified = null, missing_at = now(), revision = excluded.revision, lease_until = null
                 where mirror_pages.revision = $5",
        )
        .await?;
    let good_for = good_for.as_secs_f64();
    let kept = db.execute(&statement, &[&index_id, &project.as_str(), &source, &good_for, &revision]).await?;
    Ok(kept > 0)
}

/// Forgets what is known of a page, so that it is asked for again and whole.
pub async fn forget_page(db: &impl Client, index_id: i64, project: &ProjectName) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::forget_page
             delete from mirror_pages
             where index_id = $1 and project = $2",
        )
        .await?;
    db.execute(&statement, &[&index_id, &project.as_str()]).await?;
    Ok(())
}

/// What is known of the list of an upstream's projects.
pub async fn list(db: &impl Client, index_id: i64) -> Result<Option<Seen>> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::list
             select source, digest, etag, last_modified, null::bigint as upstream_serial, 0::bigint as revision,
                 extract(epoch from now() - checked_at)::float8 as checked, null::float8 as missing
             from mirror_lists
             where index_id = $1",
        )
        .await?;
    Ok(db.query_opt(&statement, &[&index_id]).await?.as_ref().map(seen))
}

/// Sees to it that the list is asked for again.
pub async fn expire_list(db: &impl Client, index_id: i64) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::expire_list
             update mirror_lists set checked_at = null
             where index_id = $1",
        )
        .await?;
    db.execute(&statement, &[&index_id]).await?;
    Ok(())
}

/// The names on the list, and their digest.
///
/// # Errors
/// Those of the database; [`crate::error::Error::Internal`] when what is kept can't be read.
pub async fn names(db: &impl Client, index_id: i64) -> Result<Option<(String, Names)>> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::names
             select digest, names
             from mirror_lists
             where index_id = $1 and names is not null",
        )
        .await?;
    let Some(row) = db.query_opt(&statement, &[&index_id]).await? else { return Ok(None) };
    let (digest, packed): (String, Vec<u8>) = (row.get("digest"), row.get("names"));
    let names = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).map(|_| Names::from_text(text))
    });
    let names = names.await.map_err(std::io::Error::other).flatten();
    let names =
        names.map_err(|error| crate::error::Error::Internal(format!("names of a mirror: {error}")))?;
    Ok(Some((digest, names)))
}

/// Takes the right to ask the upstream for its list, for so long; `false` when another process has it.
pub async fn lease_list(db: &impl Client, index_id: i64, time: Duration) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::lease_list
             insert into mirror_lists (index_id, lease_until)
             values ($1, clock_timestamp() + $2 * interval '1 second')
             on conflict (index_id) do update set lease_until = excluded.lease_until
                 where mirror_lists.lease_until is null or mirror_lists.lease_until < clock_timestamp()",
        )
        .await?;
    Ok(db.execute(&statement, &[&index_id, &time.as_secs_f64()]).await? > 0)
}

/// Gives the right back without having learned anything.
pub async fn release_list(db: &impl Client, index_id: i64) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::release_list
             update mirror_lists set lease_until = null
             where index_id = $1",
        )
        .await?;
    db.execute(&statement, &[&index_id]).await?;
    Ok(())
}

/// Keeps what the upstream said of its list just now, and gives the right to ask back; `packed`: the names, if they are
/// others than before, from [`pack`].
pub async fn keep_list(db: &impl Client, index_id: i64, seen: &Seen, packed: Option<&[u8]>) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::mirrors::keep_list
             insert into mirror_lists (index_id, source, digest, etag, last_modified, names, checked_at)
             values ($1, $2, $3, $4, $5, $6, now())
             on conflict (index_id) do update set source = excluded.source, digest = excluded.digest,
                 etag = excluded.etag, last_modified = excluded.last_modified,
                 names = coalesce(excluded.names, mirror_lists.names), checked_at = now(), lease_until = null",
        )
        .await?;
    let Seen { source, digest, etag, last_modified, .. } = seen;
    db.execute(&statement, &[&index_id, source, digest, etag, last_modified, &packed]).await?;
    Ok(())
}

/// Names as they are kept; to be called on a blocking thread.
pub fn pack(names: &Names) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(names.as_text().as_bytes());
    encoder.finish().unwrap_or_default()
}

fn seen(row: &Row) -> Seen {
    let ago = |column| {
        row.get::<_, Option<f64>>(column).map(|s| Duration::try_from_secs_f64(s).unwrap_or_default())
    };
    Seen {
        source: row.get("source"),
        digest: row.get("digest"),
        etag: row.get("etag"),
        last_modified: row.get("last_modified"),
        upstream_serial: row.get("upstream_serial"),
        checked: ago("checked"),
        missing: ago("missing"),
        is_stale: false,
        revision: row.get("revision"),
    }
}

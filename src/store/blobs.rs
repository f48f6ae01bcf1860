//! Blobs: which content has its object in the store.
//!
//! A row comes before its object and outlives it, so whoever deletes objects (gc) never races an upload: an upload
//! touches the row first, gc condemns only rows long untouched, and a condemned row refuses the upload.

use crate::{
    error::{Error, Result},
    store::{Change, Client},
};

/// Content that is about to be stored, or known to be.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Hex digests.
    pub sha256: String,
    pub md5: String,
    pub blake2b_256: String,
    /// In bytes.
    pub size: i64,
}

/// Announces content; returns whether its object is stored already.
///
/// # Errors
/// [`Error::Busy`] while the object is being deleted.
pub async fn claim(db: &impl Client, blob: &Blob) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::blobs::claim
             insert into blobs (sha256, size, md5, blake2b_256, state, touched_at)
             values ($1, $2, $3, $4, 'storing', now())
             on conflict (sha256) do update set touched_at = now() where blobs.state <> 'condemned'
             returning state = 'stored' as stored",
        )
        .await?;
    let row = db.query_opt(&statement, &[&blob.sha256, &blob.size, &blob.md5, &blob.blake2b_256]).await?;
    row.map(|row| row.get("stored")).ok_or(Error::Busy)
}

/// Says that the object of claimed content is in the store.
///
/// # Errors
/// [`Error::Busy`] when the claim was lost to gc.
pub async fn stored(change: &mut Change<'_>, sha256: &str) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::blobs::stored
             update blobs set state = 'stored'
             where sha256 = $1 and state <> 'condemned'",
        )
        .await?;
    match change.execute(&statement, &[&sha256]).await? {
        0 => Err(Error::Busy),
        _ => Ok(()),
    }
}

/// Counts on content that is in the store, so that gc leaves it alone.
///
/// # Errors
/// [`Error::Busy`] when gc has condemned it.
pub async fn touch(change: &mut Change<'_>, sha256: &str) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::blobs::touch
             update blobs set touched_at = now()
             where sha256 = $1 and state = 'stored'",
        )
        .await?;
    match change.execute(&statement, &[&sha256]).await? {
        0 => Err(Error::Busy),
        _ => Ok(()),
    }
}

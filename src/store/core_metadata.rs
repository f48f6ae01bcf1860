//! Core metadata of distribution files, by content (PEP 658).

use crate::{error::Result, store::Client};

/// Keeps the bytes under their hex digest.
pub async fn keep(db: &impl Client, sha256: &str, content: &[u8]) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::core_metadata::keep
             insert into core_metadata (sha256, content)
             values ($1, $2)
             on conflict (sha256) do nothing",
        )
        .await?;
    db.execute(&statement, &[&sha256, &content]).await?;
    Ok(())
}

/// The bytes with this hex digest, if they are here.
pub async fn content(db: &impl Client, sha256: &str) -> Result<Option<Vec<u8>>> {
    let statement = db
        .prepare_cached(
            "-- store::core_metadata::content
             select content
             from core_metadata
             where sha256 = $1",
        )
        .await?;
    Ok(db.query_opt(&statement, &[&sha256]).await?.map(|row| row.get("content")))
}

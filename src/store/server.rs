//! What all processes of one index share: its identity, the key of its tokens, and the version of its schema.

use crate::{error::Result, store::Client};
use uuid::Uuid;

/// The identity of the index, and the key that signs its login tokens.
pub async fn identity(db: &impl Client) -> Result<(Uuid, Vec<u8>)> {
    let row = db
        .query_one(
            "-- store::server::identity
             select uuid, token_secret from server",
            &[],
        )
        .await?;
    Ok((row.get("uuid"), row.get("token_secret")))
}

/// The newest migration that was applied.
pub async fn schema_version(db: &impl Client) -> Result<i32> {
    let statement = db
        .prepare_cached(
            "-- store::server::schema_version
             select max(version) as version from refinery_schema_history",
        )
        .await?;
    Ok(db.query_one(&statement, &[]).await?.get("version"))
}

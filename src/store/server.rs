//! What all processes of one index share: its identity and the key of its tokens.

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

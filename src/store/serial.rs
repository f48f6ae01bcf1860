//! The serial: number of the last change.

use crate::{error::Result, model::serial::Serial, store::Client};
use time::OffsetDateTime;

/// The current serial; the one query of the gate.
pub async fn current(db: &impl Client) -> Result<Serial> {
    let statement = db
        .prepare_cached(
            "-- store::serial::current
             select value from serial",
        )
        .await?;
    Ok(Serial(db.query_one(&statement, &[]).await?.get("value")))
}

/// The current serial and when it was taken.
pub async fn last_change(db: &impl Client) -> Result<(Serial, OffsetDateTime)> {
    let statement = db
        .prepare_cached(
            "-- store::serial::last_change
             select value, changed_at from serial",
        )
        .await?;
    let row = db.query_one(&statement, &[]).await?;
    Ok((Serial(row.get("value")), row.get("changed_at")))
}

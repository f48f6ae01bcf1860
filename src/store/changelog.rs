//! The changelog: every event of every change, in the order of the serial.

use crate::{
    error::Result,
    model::{event::LoggedEvent, serial::Serial},
};
use deadpool_postgres::GenericClient;

/// The events after one serial up to another, both known; at most `limit` of them, oldest first.
pub async fn between(
    db: &impl GenericClient,
    after: Serial,
    up_to: Serial,
    limit: i64,
) -> Result<Vec<LoggedEvent>> {
    let statement = db
        .prepare_cached(
            "-- store::changelog::between
             select serial, at, actor, event, user_name, index_name, project, version, file, detail
             from changelog
             where serial > $1 and serial <= $2
             order by serial, position
             limit $3",
        )
        .await?;
    let rows = db.query(&statement, &[&after.0, &up_to.0, &limit]).await?;
    Ok(rows
        .iter()
        .map(|row| LoggedEvent {
            serial: Serial(row.get("serial")),
            at: row.get("at"),
            actor: row.get("actor"),
            event: row.get("event"),
            user: row.get("user_name"),
            index: row.get("index_name"),
            project: row.get("project"),
            version: row.get("version"),
            file: row.get("file"),
            detail: row.get("detail"),
        })
        .collect())
}

//! The changelog: every event of every change, in the order of the serial.

use crate::{
    error::Result,
    model::{event::LoggedEvent, serial::Serial},
    store::Client,
};
use tokio_postgres::Row;

/// The events after one serial up to another, oldest first; when there are more than `limit`, only those of the first
/// changes, each whole.
pub async fn between(db: &impl Client, after: Serial, up_to: Serial, limit: i64) -> Result<Vec<LoggedEvent>> {
    let statement = db
        .prepare_cached(
            "-- store::changelog::between
             select serial, position, at, actor, event, user_name, index_name, project, version, file, detail
             from changelog
             where serial > $1 and serial <= $2
             order by serial
             fetch first $3 rows with ties",
        )
        .await?;
    let rows = db.query(&statement, &[&after.0, &up_to.0, &limit]).await?;
    let mut events: Vec<(i32, LoggedEvent)> = rows.iter().map(event).collect();
    events.sort_by_key(|(position, event)| (event.serial, *position));
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

fn event(row: &Row) -> (i32, LoggedEvent) {
    (
        row.get("position"),
        LoggedEvent {
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
        },
    )
}

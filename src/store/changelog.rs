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
    Ok(in_order(&db.query(&statement, &[&after.0, &up_to.0, &limit]).await?))
}

/// The last events before a serial, oldest first; when there are more than `limit`, only those of the last changes, each
/// whole.
pub async fn before(db: &impl Client, before: Serial, limit: i64) -> Result<Vec<LoggedEvent>> {
    let statement = db
        .prepare_cached(
            "-- store::changelog::before
             select serial, position, at, actor, event, user_name, index_name, project, version, file, detail
             from changelog
             where serial < $1
             order by serial desc
             fetch first $2 rows with ties",
        )
        .await?;
    Ok(in_order(&db.query(&statement, &[&before.0, &limit]).await?))
}

/// As [`between`], of events on these indexes only.
pub async fn of_indexes_between(
    db: &impl Client,
    indexes: &[String],
    after: Serial,
    up_to: Serial,
    limit: i64,
) -> Result<Vec<LoggedEvent>> {
    let statement = db
        .prepare_cached(
            "-- store::changelog::of_indexes_between
             select c.*
             from unnest($1::text[]) as wanted (name)
                 cross join lateral (
                     select serial, position, at, actor, event, user_name, index_name, project, version, file, detail
                     from changelog
                     where index_name = wanted.name and serial > $2 and serial <= $3
                     order by serial
                     fetch first $4 rows with ties
                 ) c
             order by c.serial
             fetch first $4 rows with ties",
        )
        .await?;
    Ok(in_order(&db.query(&statement, &[&indexes, &after.0, &up_to.0, &limit]).await?))
}

/// As [`before`], of events on these indexes only.
pub async fn of_indexes_before(
    db: &impl Client,
    indexes: &[String],
    before: Serial,
    limit: i64,
) -> Result<Vec<LoggedEvent>> {
    let statement = db
        .prepare_cached(
            "-- store::changelog::of_indexes_before
             select c.*
             from unnest($1::text[]) as wanted (name)
                 cross join lateral (
                     select serial, position, at, actor, event, user_name, index_name, project, version, file, detail
                     from changelog
                     where index_name = wanted.name and serial < $2
                     order by serial desc
                     fetch first $3 rows with ties
                 ) c
             order by c.serial desc
             fetch first $3 rows with ties",
        )
        .await?;
    Ok(in_order(&db.query(&statement, &[&indexes, &before.0, &limit]).await?))
}

fn in_order(rows: &[Row]) -> Vec<LoggedEvent> {
    let mut events: Vec<(i32, LoggedEvent)> = rows.iter().map(event).collect();
    events.sort_by_key(|(position, event)| (event.serial, *position));
    events.into_iter().map(|(_, event)| event).collect()
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

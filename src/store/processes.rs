//! The processes that serve the index, as each tells of itself; nothing rests on it.

use crate::{error::Result, model::serial::Serial, store::Client};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How long a process is remembered that says nothing any more.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Processes that are listed.
const MOST: i64 = 200;

/// A process.
#[derive(Debug, Clone)]
pub struct Process {
    pub id: Uuid,
    /// The name of its machine; may be empty.
    pub host: String,
    /// Of the program.
    pub version: String,
    /// Where it listens, if anywhere.
    pub address: Option<String>,
    /// By the clock of its machine.
    pub started_at: OffsetDateTime,
}

/// A process as it was when it last told of itself.
pub struct Seen {
    pub process: Process,
    /// How long ago that was.
    pub ago: Duration,
    /// The newest serial that it knew.
    pub serial: Serial,
}

/// Tells that a process is there and what it knows, and drops those that were not heard of for long.
pub async fn tell(db: &impl Client, process: &Process, serial: Serial) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::processes::tell
             with gone as (
                 delete from processes
                 where id in (
                     select id from processes
                     where seen_at < now() - $7 * interval '1 second' and id <> $1
                     for update skip locked
                 )
             )
             insert into processes (id, host, version, address, started_at, seen_at, serial)
             values ($1, $2, $3, $4, $5, now(), $6)
             on conflict (id) do update set seen_at = excluded.seen_at, serial = excluded.serial",
        )
        .await?;
    let Process { id, host, version, address, started_at } = process;
    db.execute(&statement, &[id, host, version, address, started_at, &serial.0, &REMEMBERED.as_secs_f64()])
        .await?;
    Ok(())
}

/// Takes away a process that ends.
pub async fn remove(db: &impl Client, id: Uuid) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::processes::remove
             delete from processes
             where id = $1",
        )
        .await?;
    db.execute(&statement, &[&id]).await?;
    Ok(())
}

/// The processes that were heard of, the oldest first.
pub async fn all(db: &impl Client) -> Result<Vec<Seen>> {
    let statement = db
        .prepare_cached(
            "-- store::processes::all
             select id, host, version, address, started_at, serial,
                 greatest(extract(epoch from now() - seen_at), 0)::float8 as ago
             from processes
             where seen_at >= now() - $1 * interval '1 second'
             order by started_at, id
             limit $2",
        )
        .await?;
    let rows = db.query(&statement, &[&REMEMBERED.as_secs_f64(), &MOST]).await?;
    let seen = |row: &tokio_postgres::Row| Seen {
        process: Process {
            id: row.get("id"),
            host: row.get("host"),
            version: row.get("version"),
            address: row.get("address"),
            started_at: row.get("started_at"),
        },
        ago: Duration::try_from_secs_f64(row.get("ago")).unwrap_or_default(),
        serial: Serial(row.get("serial")),
    };
    Ok(rows.iter().map(seen).collect())
}

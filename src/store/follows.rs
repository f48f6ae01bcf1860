//! Mirrors whose upstream tells its changes, and which process listens: bookkeeping that no reader sees.

use crate::{
    error::{Error, Result},
    model::{
        name::{IndexName, ProjectName},
        serial::Serial,
    },
    store::Client,
};
use std::time::Duration;
use uuid::Uuid;

/// A mirror that this process listens for.
#[derive(Debug, Clone)]
pub struct Follow {
    pub index_id: i64,
    pub index: IndexName,
    /// The upstream whose changes are told.
    pub source: String,
    pub events_url: String,
    /// The upstream's serial up to which its changes were seen.
    pub seen: Serial,
    /// Who listens: another for each time that a mirror is taken.
    pub holder: Uuid,
}

/// Takes note that an upstream tells its changes, and that what is known of it is of this serial or newer; what is known
/// of the same upstream already stays as it is.
pub async fn notice(
    db: &impl Client,
    index_id: i64,
    source: &str,
    events_url: &str,
    seen: Serial,
) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::follows::notice
             insert into mirror_follows (index_id, source, events_url, seen_serial)
             values ($1, $2, $3, $4)
             on conflict (index_id) do update set source = excluded.source, events_url = excluded.events_url,
                 seen_serial = excluded.seen_serial, lease_until = null
                 where mirror_follows.source <> excluded.source or mirror_follows.events_url <> excluded.events_url",
        )
        .await?;
    db.execute(&statement, &[&index_id, &source, &events_url, &seen.0]).await?;
    Ok(())
}

/// Takes all mirrors that no process listens for, for so long.
pub async fn lease(db: &impl Client, time: Duration) -> Result<Vec<Follow>> {
    let statement = db
        .prepare_cached(
            "-- store::follows::lease
             update mirror_follows f
             set lease_until = clock_timestamp() + $1 * interval '1 second', holder = gen_random_uuid()
             from indexes i join users u on u.id = i.user_id
             where i.id = f.index_id and i.removed_serial is null
                 and (f.lease_until is null or f.lease_until < clock_timestamp())
             returning f.index_id, u.name as user_name, i.name, f.source, f.events_url, f.seen_serial, f.holder",
        )
        .await?;
    let rows = db.query(&statement, &[&time.as_secs_f64()]).await?;
    let follow = |row: &tokio_postgres::Row| {
        Ok(Follow {
            index_id: row.get("index_id"),
            index: IndexName::parse(row.get("user_name"), row.get("name")).map_err(Error::Internal)?,
            source: row.get("source"),
            events_url: row.get("events_url"),
            seen: Serial(row.get("seen_serial")),
            holder: row.get("holder"),
        })
    };
    rows.iter().map(follow).collect()
}

/// Takes note of what was seen, and goes on listening for so long; zero gives it back. `false` when the upstream is
/// another by now, or somebody else listens.
pub async fn seen(db: &impl Client, follow: &Follow, time: Duration) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::follows::seen
             update mirror_follows
             set seen_serial = $4, lease_until = clock_timestamp() + $5 * interval '1 second'
             where index_id = $1 and source = $2 and events_url = $3 and holder = $6",
        )
        .await?;
    let Follow { index_id, source, events_url, seen, holder, .. } = follow;
    let kept =
        db.execute(&statement, &[index_id, source, events_url, &seen.0, &time.as_secs_f64(), holder]).await?;
    Ok(kept > 0)
}

/// Forgets a mirror that is no more, or has another upstream.
pub async fn forget(db: &impl Client, follow: &Follow) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::follows::forget
             delete from mirror_follows
             where index_id = $1 and source = $2 and holder = $3",
        )
        .await?;
    db.execute(&statement, &[&follow.index_id, &follow.source, &follow.holder]).await?;
    Ok(())
}

/// The projects of a mirror that its upstream was ever asked for, those included whose page is being stored: a change that
/// is told meanwhile may not be on it.
pub async fn projects(db: &impl Client, index_id: i64) -> Result<Vec<ProjectName>> {
    let statement = db
        .prepare_cached(
            "-- store::follows::projects
             select project
             from mirror_pages
             where index_id = $1
                 and (checked_at is not null or missing_at is not null or lease_until > clock_timestamp())
             order by project",
        )
        .await?;
    let rows = db.query(&statement, &[&index_id]).await?;
    rows.iter().map(|row| ProjectName::parse(row.get("project")).map_err(Error::Internal)).collect()
}

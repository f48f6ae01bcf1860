//! How fresh what mirrors have is, and which of their upstreams failed: for people who look, nothing rests on it.

use crate::{error::Result, store::Client};
use std::time::Duration;
use tokio_postgres::Row;

/// Pages of a mirror that are counted, so that one with very many costs no more.
pub const COUNTED: i64 = 10_000;

/// A failure is kept only so long after the one before, since one upstream may fail for many projects at once.
const APART: Duration = Duration::from_secs(5);

/// What is known of a mirror; durations say how long ago something was.
#[derive(Debug, Clone, Default)]
pub struct Freshness {
    /// The upstream last said what projects it has.
    pub listed: Option<Duration>,
    /// The upstream last said that any page is right.
    pub checked: Option<Duration>,
    /// The upstream last failed, and how.
    pub failed: Option<(Duration, String)>,
    /// Projects whose page is here, counted up to [`COUNTED`].
    pub projects: i64,
    /// Those of them that will be looked at again before they are shown.
    pub stale: i64,
    /// Pages that some process asks the upstream for at the moment.
    pub refreshing: i64,
}

/// What is known of these mirrors, in this order, each with how long its pages are good, in seconds.
pub async fn of_mirrors(db: &impl Client, ids: &[i64], expiries: &[f64]) -> Result<Vec<Freshness>> {
    let statement = db
        .prepare_cached(
            "-- store::freshness::of_mirrors
             select extract(epoch from now() - l.checked_at)::float8 as listed,
                 extract(epoch from now() - p.checked_at)::float8 as checked,
                 extract(epoch from now() - f.failed_at)::float8 as failed, f.reason,
                 p.projects, p.stale, p.refreshing
             from unnest($1::bigint[], $2::float8[]) with ordinality as wanted (id, expiry, nth)
                 left join mirror_lists l on l.index_id = wanted.id and l.digest is not null
                 left join mirror_failures f on f.index_id = wanted.id
                 cross join lateral (
                     select max(checked_at) as checked_at, count(digest) as projects,
                         count(*) filter (where digest is not null and (checked_at is null
                             or checked_at < now() - wanted.expiry * interval '1 second')) as stale,
                         count(*) filter (where lease_until > now()) as refreshing
                     from (
                         select digest, checked_at, lease_until
                         from mirror_pages
                         where index_id = wanted.id
                         limit $3
                     ) counted
                 ) p
             order by wanted.nth",
        )
        .await?;
    let rows = db.query(&statement, &[&ids, &expiries, &COUNTED]).await?;
    Ok(rows.iter().map(freshness).collect())
}

/// Keeps that the upstream of a mirror failed just now.
pub async fn failed(db: &impl Client, index_id: i64, reason: &str) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::freshness::failed
             insert into mirror_failures (index_id, failed_at, reason)
             values ($1, now(), $2)
             on conflict (index_id) do update set failed_at = excluded.failed_at, reason = excluded.reason
                 where mirror_failures.failed_at < now() - $3 * interval '1 second'",
        )
        .await?;
    db.execute(&statement, &[&index_id, &reason, &APART.as_secs_f64()]).await?;
    Ok(())
}

fn freshness(row: &Row) -> Freshness {
    let ago = |column| {
        row.get::<_, Option<f64>>(column).map(|s| Duration::try_from_secs_f64(s).unwrap_or_default())
    };
    Freshness {
        listed: ago("listed"),
        checked: ago("checked"),
        failed: ago("failed").zip(row.get("reason")),
        projects: row.get("projects"),
        stale: row.get("stale"),
        refreshing: row.get("refreshing"),
    }
}

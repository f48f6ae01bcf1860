//! Work that is owed, and which process does it. It is owed by [`super::Change::commit`].

use crate::{
    error::{Error, Result},
    model::job::{Job, JobKind},
    store::Client,
};
use std::time::Duration;

/// How much waits of one kind.
pub struct Queue {
    pub kind: JobKind,
    pub jobs: i64,
    /// Those of them that were tried and failed.
    pub failing: i64,
    /// How long the oldest of them has been owed, in seconds.
    pub oldest: f64,
}

/// Takes the job that is due longest, of those that nobody works on, for so long.
pub async fn claim(db: &impl Client, lease: Duration) -> Result<Option<Job>> {
    let statement = db
        .prepare_cached(
            "-- store::jobs::claim
             update jobs
             set lease_until = clock_timestamp() + $1 * interval '1 second', attempts = attempts + 1
             where id = (
                 select id
                 from jobs
                 where not_before <= clock_timestamp() and kind = any ($2)
                     and (lease_until is null or lease_until < clock_timestamp())
                 order by not_before, id
                 limit 1
                 for update skip locked
             )
             returning id, kind, key, payload, attempts, revision",
        )
        .await?;
    // A kind that only a newer program knows is left to it.
    let Some(row) = db.query_opt(&statement, &[&lease.as_secs_f64(), &kinds()]).await? else {
        return Ok(None);
    };
    let kind: &str = row.get("kind");
    Ok(Some(Job {
        id: row.get("id"),
        kind: JobKind::parse(kind).ok_or_else(|| Error::Internal(format!("unknown kind of job {kind}")))?,
        key: row.get("key"),
        payload: row.get("payload"),
        attempts: row.get("attempts"),
        revision: row.get("revision"),
    }))
}

/// Says, in the transaction that does the work, that it is done: the job goes, or is due again if it was owed again
/// meanwhile. `false` when somebody else has taken it, whose work counts.
pub async fn finish(db: &impl Client, job: &Job) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::jobs::finish
             delete from jobs
             where id = $1 and attempts = $2 and revision = $3",
        )
        .await?;
    let gone = db.execute(&statement, &[&job.id, &job.attempts, &job.revision]).await?;
    // Not in the same statement, which would not see that the job was owed again while it waited for the row.
    Ok(gone > 0 || give_back(db, job, None, Duration::ZERO).await?)
}

/// Lets others take a job, after a pause, and says why it failed, if it did. `false` when somebody has taken it already.
pub async fn give_back(db: &impl Client, job: &Job, why: Option<&str>, pause: Duration) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::jobs::give_back
             update jobs
             set lease_until = null, last_error = $3, not_before = clock_timestamp() + $4 * interval '1 second'
             where id = $1 and attempts = $2",
        )
        .await?;
    Ok(db.execute(&statement, &[&job.id, &job.attempts, &why, &pause.as_secs_f64()]).await? > 0)
}

/// What waits, of each kind that this program knows.
pub async fn queues(db: &impl Client) -> Result<Vec<Queue>> {
    let statement = db
        .prepare_cached(
            "-- store::jobs::queues
             select wanted.kind, count(j.id) as jobs, count(j.last_error) as failing,
                 coalesce(extract(epoch from clock_timestamp() - min(j.created_at)), 0)::float8 as oldest
             from unnest($1::text[]) as wanted (kind) left join jobs j on j.kind = wanted.kind
             group by wanted.kind",
        )
        .await?;
    let rows = db.query(&statement, &[&kinds()]).await?;
    let queue = |row: &tokio_postgres::Row| {
        let kind = JobKind::parse(row.get("kind"))?;
        Some(Queue { kind, jobs: row.get("jobs"), failing: row.get("failing"), oldest: row.get("oldest") })
    };
    Ok(rows.iter().filter_map(queue).collect())
}

fn kinds() -> Vec<&'static str> {
    JobKind::ALL.into_iter().map(JobKind::name).collect()
}

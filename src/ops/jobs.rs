//! Does what is owed (DESIGN, Mirrors): takes jobs that are due, one by one, beside other processes that do the same.
//!
//! A job is done at least once: a process that dies with one leaves its lease to end, and then another takes it. So the
//! work of each kind may be repeated, and ends its job in the transaction that writes what came of it.

use crate::{
    error::{Error, Result},
    model::job::{Job, JobKind},
    ops::search,
    service::Service,
    store,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Jobs that a process does at the same time.
const PLACES: usize = 2;

/// How long a process has a job to itself, and how long it works on it at most.
const LEASE: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(50);

/// How often a process looks for jobs that it was not told of, and the least time between two looks that found none.
const LOOK: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// How long a job that failed waits, at first, and at most.
const BACK_OFF: Duration = Duration::from_secs(2);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(3600);

/// Works until the process is about to end; then what was begun is ended.
pub async fn run(service: Service) {
    let (workers, places) = (TaskTracker::new(), Arc::new(Semaphore::new(PLACES)));
    let mut newer = service.db.newer_serials();
    owe_unknown(&service).await;
    while !service.stopping.is_cancelled() {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = service.stopping.cancelled() => break,
        };
        newer.mark_unchanged();
        if let Some(job) = take(&service).await {
            let service = service.clone();
            workers.spawn(async move {
                work(&service, job).await;
                drop(place);
            });
            continue;
        }
        drop(place);
        tokio::select! {
            () = async {
                tokio::time::sleep(PAUSE).await;
                let _ = tokio::time::timeout(LOOK, newer.changed()).await;
            } => {}
            () = service.stopping.cancelled() => {}
        }
    }
    workers.close();
    workers.wait().await;
}

/// Works until nothing is due, or so long; for a process that sleeps between requests. `false`: something is left.
pub async fn work_off(service: &Service, time: Duration) -> bool {
    let all = async {
        while let Some(job) = take(service).await {
            work(service, job).await;
        }
    };
    tokio::time::timeout(time, all).await.is_ok()
}

async fn take(service: &Service) -> Option<Job> {
    let taken = async { store::jobs::claim(&service.db().await?, LEASE).await };
    let taken: Result<_> = taken.await;
    taken.inspect_err(|error| tracing::debug!(%error, "no job can be taken")).ok().flatten()
}

/// Finds what a program of before left undone, while both served.
async fn owe_unknown(service: &Service) {
    let owed = async { store::search::owe_unknown(&service.db().await?).await };
    match owed.await {
        Ok(0) => {}
        Ok(projects) => tracing::info!(projects, "the search does not know some projects yet"),
        Err(error) => tracing::warn!(%error, "the search may not know all projects"),
    }
}

async fn work(service: &Service, job: Job) {
    let done = tokio::time::timeout(LONGEST, perform(service, &job)).await;
    let done = done.unwrap_or_else(|_| Err(Error::Internal("took too long".into())));
    let outcome = if done.is_ok() { "done" } else { "failed" };
    metrics::counter!("wheelyard_jobs_total", "kind" => job.kind.name(), "outcome" => outcome).increment(1);
    let Err(error) = done else { return };
    let pause = BACK_OFF * 2_u32.saturating_pow(job.attempts.unsigned_abs().saturating_sub(1).min(16));
    let pause = pause.min(LONGEST_BACK_OFF);
    tracing::warn!(error = ?error, kind = job.kind.name(), key = job.key, ?pause, "a job failed");
    let given = async {
        store::jobs::give_back(&service.db().await?, &job, Some(&format!("{error:?}")), pause).await
    };
    if let Err(error) = given.await {
        tracing::warn!(%error, "a job is left to the end of its lease");
    }
}

async fn perform(service: &Service, job: &Job) -> Result<()> {
    match job.kind {
        JobKind::SearchProject => search::index::project(service, job).await,
        JobKind::SearchIndex => search::index::forget(service, job).await,
    }
}

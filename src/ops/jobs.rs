//! Does what is owed (DESIGN, Mirrors): takes jobs that are due, one by one, beside other processes that do the same.
//!
//! A job is done at least once: a process that dies with one leaves its lease to end, and then another takes it. So the
//! work of each kind may be repeated, and ends its job in the transaction that writes what came of it.

use crate::{
    error::{Error, Result},
    model::job::{Job, JobKind},
    ops::search,
    service::Service,
    store::{self, webhooks::Claimed},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;

/// How long a process has a job to itself, and how long it works on it at most.
const LEASE: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(50);

/// Where time is short, nothing is begun with less left of it: it would fail for that alone.
pub(super) const LEAST: Duration = Duration::from_secs(2);

/// How often a process looks for jobs that it was not told of, and the least time between two looks that found none.
const LOOK: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// How long a job that failed waits, at first, and at most.
const BACK_OFF: Duration = Duration::from_secs(2);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(3600);

/// What is owed and is done piece by piece, each by one process at a time.
pub(super) trait Owed: Sized + Send + 'static {
    /// Pieces that a process does at the same time.
    const PLACES: usize;

    /// A piece that is due, for a while for this process alone.
    fn take(service: &Service) -> impl Future<Output = Result<Option<Self>>> + Send;

    /// Does it, and ends before `until`; `None`: it takes what time it needs.
    fn work(self, service: &Service, until: Option<Instant>) -> impl Future<Output = ()> + Send;
}

/// Works until the process is about to end; then what was begun is ended.
pub async fn run(service: Service) {
    owe_unknown(&service).await;
    tokio::join!(
        do_all::<Job>(&service, Arc::default()),
        do_all::<Claimed>(&service, service.sending.clone())
    );
}

/// Does what is due of a kind; `more` says that there may be some.
async fn do_all<W: Owed>(service: &Service, more: Arc<Notify>) {
    let (workers, places) = (TaskTracker::new(), Arc::new(Semaphore::new(W::PLACES)));
    let mut newer = service.db.newer_serials();
    while !service.stopping.is_cancelled() {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = service.stopping.cancelled() => break,
        };
        newer.mark_unchanged();
        if let Some(owed) = take::<W>(service).await {
            let (service, more) = (service.clone(), more.clone());
            workers.spawn(async move {
                owed.work(&service, None).await;
                drop(place);
                // More may have become due of what nobody could take meanwhile.
                more.notify_one();
            });
            continue;
        }
        drop(place);
        tokio::select! {
            () = async {
                tokio::time::sleep(PAUSE).await;
                tokio::select! {
                    _ = newer.changed() => {}
                    () = more.notified() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            } => {}
            () = service.stopping.cancelled() => {}
        }
    }
    workers.close();
    workers.wait().await;
}

/// Works until nothing is due, or so long; for a process that sleeps between requests. `false`: something may be left.
pub async fn work_off(service: &Service, time: Duration) -> bool {
    let until = Instant::now() + time;
    work_off_all::<Claimed>(service, until).await && work_off_all::<Job>(service, until).await
}

async fn work_off_all<W: Owed>(service: &Service, until: Instant) -> bool {
    while !service.stopping.is_cancelled() && left(Some(until), LEAST) == LEAST {
        let Some(owed) = take::<W>(service).await else { return true };
        owed.work(service, Some(until)).await;
    }
    false
}

/// What is left of so long, if that has to end before `until`.
pub(super) fn left(until: Option<Instant>, time: Duration) -> Duration {
    until.map_or(time, |until| time.min(until.saturating_duration_since(Instant::now())))
}

async fn take<W: Owed>(service: &Service) -> Option<W> {
    let taken = W::take(service).await;
    taken.inspect_err(|error| tracing::debug!(%error, "nothing can be taken")).ok().flatten()
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

impl Owed for Job {
    const PLACES: usize = 2;

    async fn take(service: &Service) -> Result<Option<Self>> {
        store::jobs::claim(&service.db().await?, LEASE).await
    }

    async fn work(self, service: &Service, until: Option<Instant>) {
        let done = tokio::time::timeout(left(until, LONGEST), perform(service, &self)).await;
        let done = done.unwrap_or_else(|_| Err(Error::Internal("took too long".into())));
        let outcome = if done.is_ok() { "done" } else { "failed" };
        metrics::counter!("wheelyard_jobs_total", "kind" => self.kind.name(), "outcome" => outcome)
            .increment(1);
        let Err(error) = done else { return };
        let pause = BACK_OFF * 2_u32.saturating_pow(self.attempts.unsigned_abs().saturating_sub(1).min(16));
        let pause = pause.min(LONGEST_BACK_OFF);
        tracing::warn!(error = ?error, kind = self.kind.name(), key = self.key, ?pause, "a job failed");
        let given = async {
            store::jobs::give_back(&service.db().await?, &self, Some(&format!("{error:?}")), pause).await
        };
        if let Err(error) = given.await {
            tracing::warn!(%error, "a job is left to the end of its lease");
        }
    }
}

async fn perform(service: &Service, job: &Job) -> Result<()> {
    match job.kind {
        JobKind::SearchProject => search::index::project(service, job).await,
        JobKind::SearchIndex => search::index::forget(service, job).await,
    }
}

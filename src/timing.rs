//! Where the time of a request goes: what it waits for until its answer begins.
//!
//! Nothing here knows what is timed, and where nobody wants to know it next to nothing is done. Tasks that a request
//! starts have no part in its times: it spends there what it waits for them.

use futures::FutureExt;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

tokio::task_local! {
    static TIMES: Arc<Times>;
}

/// What a request may wait for. While it waits for several, be it that one is part of another or that they run beside
/// each other, the time is that of the first in this order; so no time counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The current serial, its statement included: one for many requests, and each waits for it.
    Gate,
    /// The database: for a connection, and for the answers to statements.
    Sql,
    /// The object store, until it begins to answer.
    S3,
    /// Pages that are made of rows.
    Rendering,
    /// Another index, itself or what others ask of it: the upstream of a mirror, the target of a push.
    Upstream,
    /// Rendered pages in memory, and others who make the page that is wanted.
    Cache,
}

const PHASES: usize = Phase::ALL.len();

impl Phase {
    pub const ALL: [Self; 6] =
        [Self::Gate, Self::Sql, Self::S3, Self::Rendering, Self::Upstream, Self::Cache];

    pub fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Sql => "sql",
            Self::S3 => "s3",
            Self::Rendering => "rendering",
            Self::Upstream => "upstream",
            Self::Cache => "cache",
        }
    }
}

/// Counts the time from now to the end of a future as this phase of the request that is being answered here, if its times
/// are taken.
pub fn of<F: Future>(phase: Phase, future: F) -> impl Future<Output = F::Output> {
    let running = TIMES.try_with(|times| Running::new(times.clone(), phase)).ok();
    future.inspect(move |_| drop(running))
}

/// The times of the request that is being answered here, if they are taken.
pub fn current() -> Option<Arc<Times>> {
    TIMES.try_with(Arc::clone).ok()
}

/// Runs a future as a part of the request that these are the times of.
pub async fn within<T>(times: Option<Arc<Times>>, future: impl Future<Output = T>) -> T {
    match times {
        Some(times) => TIMES.scope(times, future).await,
        None => future.await,
    }
}

/// The times of one request.
#[derive(Debug)]
pub struct Times(Mutex<Ledger>);

impl Default for Times {
    fn default() -> Self {
        Self(Mutex::new(Ledger::new(Instant::now())))
    }
}

impl Times {
    /// What the request spent in each of [`Phase::ALL`] so far.
    pub fn spent(&self) -> [Duration; PHASES] {
        let mut ledger = self.ledger();
        ledger.settle(Instant::now());
        ledger.spent
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A phase that is under way, until it is dropped.
struct Running {
    times: Arc<Times>,
    phase: Phase,
}

impl Running {
    fn new(times: Arc<Times>, phase: Phase) -> Self {
        times.ledger().begin(phase, Instant::now());
        Self { times, phase }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.times.ledger().end(self.phase, Instant::now());
    }
}

/// Knows how often each phase is under way, and gives the time that passes to the first of them.
#[derive(Debug)]
struct Ledger {
    spent: [Duration; PHASES],
    running: [usize; PHASES],
    /// Up to when the time is given away.
    settled: Instant,
}

impl Ledger {
    fn new(now: Instant) -> Self {
        Self { spent: [Duration::ZERO; PHASES], running: [0; PHASES], settled: now }
    }

    fn begin(&mut self, phase: Phase, now: Instant) {
        self.settle(now);
        self.running[phase as usize] += 1;
    }

    fn end(&mut self, phase: Phase, now: Instant) {
        self.settle(now);
        self.running[phase as usize] -= 1;
    }

    fn settle(&mut self, now: Instant) {
        if let Some(first) = self.running.iter().position(|running| *running > 0) {
            self.spent[first] += now.saturating_duration_since(self.settled);
        }
        self.settled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was spent when phases begin (`true`) and end at these milliseconds.
    fn spent(steps: &[(u64, Phase, bool)]) -> Vec<(&'static str, u128)> {
        let start = Instant::now();
        let mut ledger = Ledger::new(start);
        for (at, phase, begins) in steps {
            let now = start + Duration::from_millis(*at);
            if *begins { ledger.begin(*phase, now) } else { ledger.end(*phase, now) }
        }
        let spent = Phase::ALL.map(Phase::name).into_iter().zip(ledger.spent.map(|spent| spent.as_millis()));
        spent.filter(|(_, spent)| *spent > 0).collect()
    }

    #[test]
    fn each_moment_counts_once_for_what_is_waited_for_innermost() {
        use Phase::{Cache, Gate, Rendering, Sql, Upstream};
        for (steps, expected) in [
            (vec![], vec![]),
            // Between phases it is none of theirs.
            (vec![(5, Sql, true), (7, Sql, false), (9, Sql, true), (10, Sql, false)], vec![("sql", 3)]),
            // The cache gets what making the page leaves.
            (
                vec![
                    (0, Cache, true),
                    (1, Sql, true),
                    (5, Sql, false),
                    (6, Rendering, true),
                    (9, Rendering, false),
                    (11, Cache, false),
                ],
                vec![("sql", 4), ("rendering", 3), ("cache", 4)],
            ),
            // The statement of the gate is the gate's.
            (vec![(0, Gate, true), (1, Sql, true), (8, Sql, false), (9, Gate, false)], vec![("gate", 9)]),
            // Statements beside each other take as long as they take together.
            (
                vec![(0, Sql, true), (2, Sql, true), (5, Sql, false), (9, Sql, false), (9, Upstream, true)],
                vec![("sql", 9)],
            ),
            // So do different phases, in whatever order they end.
            (
                vec![(0, Upstream, true), (2, Sql, true), (4, Upstream, false), (7, Sql, false)],
                vec![("sql", 5), ("upstream", 2)],
            ),
        ] {
            assert_eq!(spent(&steps), expected, "{steps:?}");
        }
    }

    #[tokio::test]
    async fn a_phase_counts_for_the_request_it_is_part_of_also_when_it_is_given_up() {
        let times = Arc::new(Times::default());
        let parts = async {
            of(Phase::Sql, async { assert_eq!(times.ledger().running, [0, 1, 0, 0, 0, 0]) }).await;
            let endless = of(Phase::S3, std::future::pending::<()>());
            let () = tokio::select! { biased; () = endless => {}, () = async {} => {} };
            assert!(current().is_some_and(|current| Arc::ptr_eq(&current, &times)));
        };
        within(Some(times.clone()), parts).await;
        assert_eq!(times.ledger().running, [0; PHASES]);
        assert!(!times.spent()[Phase::S3 as usize].is_zero());
        assert!(current().is_none());
        within(None, of(Phase::Sql, async { assert!(current().is_none()) })).await;
    }
}

//! The gate: every read asks it for the current serial, and one query answers all who wait (DESIGN, The gate).

use crate::{
    error::{Error, Result},
    model::serial::Serial,
};
use std::{
    sync::{
        RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// After a failure, how long it is the answer for everybody, so that an absent database is not asked by each request.
const FAILURE_LASTS: Duration = Duration::from_millis(500);

/// What a read begins with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Every change up to this one is seen.
    pub serial: Serial,
    /// The database is away; this is how old the serial is.
    pub stale: Option<Duration>,
}

/// Lets at most one query for the serial be in flight.
pub struct Gate {
    staleness: Duration,
    stale_if_error: Duration,
    begun: AtomicU64,
    last: Mutex<Last>,
    /// The last answer and when its query began, for readers that may be served a little late.
    fresh: RwLock<Option<(Serial, Instant)>>,
}

struct Last {
    /// Number of the query that brought the outcome.
    query: u64,
    outcome: Result<Serial>,
    failed_at: Option<Instant>,
}

impl Gate {
    /// `staleness`: how old a serial may be, 0 for strict consistency. `stale_if_error`: the same while queries fail.
    pub fn new(staleness: Duration, stale_if_error: Duration) -> Self {
        let last = Last { query: 0, outcome: Err(Error::Unavailable), failed_at: None };
        Self {
            staleness,
            stale_if_error,
            begun: AtomicU64::new(0),
            last: Mutex::new(last),
            fresh: RwLock::new(None),
        }
    }

    /// The current serial, as of some moment after this call began.
    ///
    /// `ask` gets the serial known so far and returns the current one, having told the caches what lies between. A
    /// caller that arrives while a query is in flight waits for the next one, which began after it came, and shares it
    /// with all others that wait.
    ///
    /// # Errors
    /// That of `ask`, when the last good answer is too old.
    pub async fn current(&self, ask: impl AsyncFnOnce(Option<Serial>) -> Result<Serial>) -> Result<Reading> {
        if let Some((serial, at)) = self.fresh()
            && !self.staleness.is_zero()
            && at.elapsed() < self.staleness
        {
            return Ok(Reading { serial, stale: None });
        }
        let begun_before = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        let failed_just_now = last.failed_at.is_some_and(|at| at.elapsed() < FAILURE_LASTS);
        if last.query <= begun_before && !failed_just_now {
            let query = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let began = Instant::now();
            let known = self.fresh().map(|(serial, _)| serial);
            let outcome = ask(known).await;
            metrics::counter!("wheelyard_gate_queries_total").increment(1);
            if let Ok(serial) = outcome
                && let Ok(mut fresh) = self.fresh.write()
            {
                *fresh = Some((serial, began));
            }
            let failed_at = outcome.is_err().then(Instant::now);
            *last = Last { query, outcome, failed_at };
        }
        match &last.outcome {
            Ok(serial) => Ok(Reading { serial: *serial, stale: None }),
            Err(error) => match self.fresh() {
                Some((serial, at)) if at.elapsed() < self.stale_if_error => {
                    Ok(Reading { serial, stale: Some(at.elapsed()) })
                }
                _ => Err(error.clone()),
            },
        }
    }

    /// The serial up to which the caches know every change; that of a request's own reading, or newer.
    pub fn serial(&self) -> Serial {
        self.fresh().map_or_else(Serial::default, |(serial, _)| serial)
    }

    fn fresh(&self) -> Option<(Serial, Instant)> {
        self.fresh.read().ok().and_then(|fresh| *fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    fn gate() -> Gate {
        Gate::new(Duration::ZERO, Duration::from_secs(60))
    }

    #[tokio::test]
    async fn all_who_arrive_during_a_query_share_the_next_one() {
        let gate = Arc::new(gate());
        let (queries, let_go) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (gate, queries, let_go) = (gate.clone(), queries.clone(), let_go.clone());
            readers.spawn(async move {
                let ask = async |_| {
                    let number = queries.fetch_add(1, Ordering::SeqCst) + 1;
                    let_go.acquire().await.unwrap().forget();
                    Ok(Serial(number as i64))
                };
                gate.current(ask).await.unwrap().serial
            });
        }
        while queries.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        let_go.add_permits(100);
        let mut seen: Vec<_> = readers.join_all().await;
        seen.sort();
        assert_eq!(queries.load(Ordering::SeqCst), 2);
        assert_eq!(seen.iter().filter(|serial| **serial == Serial(2)).count(), 49);
    }

    #[tokio::test]
    async fn a_reader_never_gets_an_answer_that_was_asked_before_it_came() {
        let gate = gate();
        for expected in 1..5 {
            assert_eq!(gate.current(async |_| Ok(Serial(expected))).await.unwrap().serial, Serial(expected));
        }
    }

    #[tokio::test]
    async fn a_reader_that_leaves_does_not_hold_up_the_others() {
        let gate = gate();
        let never = gate.current(async |_| std::future::pending().await);
        assert!(tokio::time::timeout(Duration::from_millis(10), never).await.is_err());
        assert_eq!(gate.current(async |_| Ok(Serial(3))).await.unwrap().serial, Serial(3));
    }

    #[tokio::test]
    async fn while_the_database_is_away_the_last_serial_is_told_as_stale() {
        let gate = gate();
        assert!(gate.current(async |_| Err(Error::Unavailable)).await.is_err());
        tokio::time::sleep(FAILURE_LASTS).await;
        gate.current(async |_| Ok(Serial(7))).await.unwrap();
        let reading = gate.current(async |_| Err(Error::Unavailable)).await.unwrap();
        assert_eq!(reading.serial, Serial(7));
        assert!(reading.stale.is_some());
    }
}

//! The gate: every read asks it for the current serial, and one query answers all who wait (DESIGN, The gate).

use crate::{
    error::{Error, Result},
    model::serial::Serial,
};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

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
    state: Arc<Mutex<State>>,
}

/// A query for all who wait for it; it goes on as long as one of them does.
type Query = BoxFuture<'static, Result<Serial>>;

#[derive(Default)]
struct State {
    /// The query that is in flight, if somebody waits for it.
    running: Option<WeakShared<Query>>,
    /// The one that begins when that has ended; who comes now shares it.
    next: Option<WeakShared<Query>>,
    /// The last answer and when its query began.
    fresh: Option<(Serial, Instant)>,
    /// The last failure, if no answer came since.
    failed: Option<(Error, Instant)>,
}

impl Gate {
    /// `staleness`: how old a serial may be, 0 for strict consistency. `stale_if_error`: the same while queries fail.
    pub fn new(staleness: Duration, stale_if_error: Duration) -> Self {
        Self { staleness, stale_if_error, state: Arc::default() }
    }

    /// The current serial, as of some moment after this call began.
    ///
    /// `ask` gives the query, which returns the current serial, having told the caches what lies between it and
    /// [`Self::known`]. A caller that arrives while a query is in flight waits for the next one, which begins after it
    /// came, and shares it with all others that wait.
    ///
    /// # Errors
    /// That of the query, when the last good answer is too old.
    pub async fn current<Q>(&self, ask: impl FnOnce() -> Q) -> Result<Reading>
    where
        Q: Future<Output = Result<Serial>> + Send + 'static,
    {
        let query = {
            let mut state = lock(&self.state);
            if let Some((serial, at)) = state.fresh
                && !self.staleness.is_zero()
                && at.elapsed() < self.staleness
            {
                return Ok(Reading { serial, stale: None });
            }
            state.works().map(|()| self.next(&mut state, ask))
        };
        let outcome = match query {
            Ok(query) => query.await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(serial) => Ok(Reading { serial, stale: None }),
            Err(error) => match lock(&self.state).fresh {
                Some((serial, at)) if at.elapsed() < self.stale_if_error => {
                    Ok(Reading { serial, stale: Some(at.elapsed()) })
                }
                _ => Err(error),
            },
        }
    }

    /// The query that has not begun yet.
    fn next<Q>(&self, state: &mut State, ask: impl FnOnce() -> Q) -> Shared<Query>
    where
        Q: Future<Output = Result<Serial>> + Send + 'static,
    {
        if let Some(next) = state.next.as_ref().and_then(WeakShared::upgrade) {
            return next;
        }
        let (running, shared, query) = (state.running.clone(), self.state.clone(), ask());
        let next = async move {
            if let Some(running) = running.and_then(|running| running.upgrade()) {
                let _ = running.await;
            }
            let began = begin(&shared)?;
            // Who else waits would panic too, and then who waits for them.
            let outcome = AssertUnwindSafe(query).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| Err(Error::Internal("a panic in the gate".into())));
            metrics::counter!("wheelyard_gate_queries_total").increment(1);
            let mut state = lock(&shared);
            match &outcome {
                Ok(serial) => (state.fresh, state.failed) = (Some((*serial, began)), None),
                Err(error) => state.failed = Some((error.clone(), Instant::now())),
            }
            outcome
        };
        let next = next.boxed().shared();
        state.next = next.downgrade();
        next
    }

    /// The serial up to which the caches know every change, if any is known.
    pub fn known(&self) -> Option<Serial> {
        lock(&self.state).fresh.map(|(serial, _)| serial)
    }

    /// The same, 0 if none is; that of a request's own reading, or newer.
    pub fn serial(&self) -> Serial {
        self.known().unwrap_or_default()
    }
}

impl State {
    /// The last failure, while it is the answer for everybody.
    fn works(&self) -> Result<()> {
        match &self.failed {
            Some((error, at)) if at.elapsed() < FAILURE_LASTS => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

/// From here on, who comes shares the query after this one.
fn begin(state: &Mutex<State>) -> Result<Instant> {
    let mut state = lock(state);
    state.running = state.next.take();
    state.works().map(|()| Instant::now())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
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
                let ask = async move {
                    let number = queries.fetch_add(1, Ordering::SeqCst) + 1;
                    let_go.acquire().await.unwrap().forget();
                    Ok(Serial(number as i64))
                };
                gate.current(|| ask).await.unwrap().serial
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
            assert_eq!(
                gate.current(|| async move { Ok(Serial(expected)) }).await.unwrap().serial,
                Serial(expected)
            );
        }
    }

    #[tokio::test]
    async fn a_reader_that_leaves_does_not_hold_up_the_others() {
        let gate = gate();
        let never = gate.current(std::future::pending);
        assert!(tokio::time::timeout(Duration::from_millis(10), never).await.is_err());
        assert_eq!(gate.current(|| async { Ok(Serial(3)) }).await.unwrap().serial, Serial(3));
    }

    /// The second waits for the query after the first one's, which fails late.
    #[tokio::test]
    async fn a_failure_is_the_answer_for_those_who_wait_for_the_next_query_too() {
        let (gate, fail) = (Arc::new(gate()), Arc::new(Semaphore::new(0)));
        let ask = |gate: Arc<Gate>, fail: Arc<Semaphore>| async move {
            let ask = async move {
                fail.acquire().await.unwrap().forget();
                Err(Error::Unavailable)
            };
            gate.current(|| ask).await
        };
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..2 {
            readers.spawn(ask(gate.clone(), fail.clone()));
            tokio::task::yield_now().await;
        }
        fail.add_permits(1);
        assert!(readers.join_all().await.iter().all(Result::is_err));
    }

    #[tokio::test]
    async fn who_drives_the_query_may_leave_and_the_others_get_its_answer() {
        let (gate, let_go) = (Arc::new(gate()), Arc::new(Semaphore::new(0)));
        let mut readers = tokio::task::JoinSet::new();
        let mut ends = Vec::new();
        for _ in 0..3 {
            let (gate, let_go) = (gate.clone(), let_go.clone());
            ends.push(readers.spawn(async move {
                let ask = async move {
                    let_go.acquire().await.unwrap().forget();
                    Ok(Serial(5))
                };
                gate.current(|| ask).await
            }));
            tokio::task::yield_now().await;
        }
        ends[..2].iter().for_each(tokio::task::AbortHandle::abort);
        let_go.add_permits(9);
        let mut told = Vec::new();
        while let Some(reader) = readers.join_next().await {
            told.extend(reader.ok());
        }
        assert_eq!(told.len(), 1);
        assert_eq!(told.remove(0).unwrap().serial, Serial(5));
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_of_this_query_only() {
        let gate = gate();
        assert!(gate.current(|| async { panic!("inside") }).await.is_err());
        tokio::time::sleep(FAILURE_LASTS).await;
        assert_eq!(gate.current(|| async { Ok(Serial(2)) }).await.unwrap().serial, Serial(2));
    }

    #[tokio::test]
    async fn while_the_database_is_away_the_last_serial_is_told_as_stale() {
        let gate = gate();
        assert!(gate.current(|| async { Err(Error::Unavailable) }).await.is_err());
        tokio::time::sleep(FAILURE_LASTS).await;
        gate.current(|| async { Ok(Serial(7)) }).await.unwrap();
        let reading = gate.current(|| async { Err(Error::Unavailable) }).await.unwrap();
        assert_eq!(reading.serial, Serial(7));
        assert!(reading.stale.is_some());
    }
}

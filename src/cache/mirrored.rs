//! What a process knows of the pages of mirrors without asking anybody: which are good for how long, what was fetched and
//! is not stored yet, and which fetch is under way, so that all who want a page share one.

use crate::{
    error::Error,
    model::{link::UpstreamPage, name::ProjectName, names::Names, serial::Serial},
};
use futures::future::{BoxFuture, Shared};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Pages that are remembered at most, and for how long after their last use.
const CAPACITY: u64 = 100_000;
const IDLE: Duration = Duration::from_secs(600);

/// Pages of one mirror that are looked at upstream at the same time.
const LOOKS: usize = 256;

/// How long a list is remembered after its last use.
const LIST_IDLE: Duration = Duration::from_secs(7200);

/// Memory for lists of projects, in bytes.
const LISTS: u64 = 256 << 20;

/// The page of a project as an upstream has it, which is not stored yet.
#[derive(Debug)]
pub struct Pending {
    pub page: UpstreamPage,
    /// Hex digest of what it says.
    pub digest: String,
    /// The upstream's serial, where it tells one.
    pub upstream_serial: Option<i64>,
}

/// What is to be shown of a project on a mirror.
#[derive(Debug, Clone)]
pub enum Said {
    /// What the database has.
    Rows {
        /// The upstream did not say that it is right; this is how old it is.
        stale: Option<Duration>,
        upstream_serial: Option<i64>,
    },
    /// Something newer than what the database has.
    Newer(Arc<Pending>),
    /// The upstream has no such project.
    Missing,
    /// The upstream failed, and nothing of the project is here.
    Failed(Error),
}

/// A fetch that is under way.
pub type Running = Shared<BoxFuture<'static, Said>>;

/// Which page: id of the mirror, serial of its settings, project.
pub type Key = (i64, Serial, ProjectName);

/// The list of a mirror's projects as it is known.
#[derive(Default)]
pub struct List {
    pub names: Arc<Names>,
    /// Hex digest of the names; `None`: no list was ever fetched.
    pub digest: Option<String>,
    /// The serial of the list that this goes with; another process may have stored another since.
    pub at: Serial,
    /// The upstream need not be asked until then.
    pub good_until: Option<Instant>,
    /// When the upstream last said that the list is right, if the last time it did not.
    pub stale_since: Option<Instant>,
}

/// The list of a mirror, for all who want it.
#[derive(Default)]
pub struct SharedList {
    /// For who looks after it: one at a time.
    pub list: tokio::sync::Mutex<List>,
    /// For who can't wait: the names that were last known, with their digest.
    shown: Mutex<Option<(Arc<Names>, String)>>,
}

impl SharedList {
    /// The names that were last known, with their digest.
    pub fn shown(&self) -> Option<(Arc<Names>, String)> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets everybody see these names.
    pub fn show(&self, names: &Arc<Names>, digest: &str) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some((names.clone(), digest.to_owned()));
    }
}

/// What is known of mirrors.
pub struct Mirrored {
    pages: moka::sync::Cache<Key, Arc<Entry>>,
    lists: moka::sync::Cache<(i64, Serial), Arc<SharedList>>,
    /// Mirrors by id and serial of their settings, and where their upstreams tell their changes, as far as that was noticed.
    noticed: moka::sync::Cache<(i64, Serial, String), ()>,
    /// Places for fetches of files, by the id of the mirror.
    fetches: moka::sync::Cache<i64, Arc<tokio::sync::Semaphore>>,
    /// Places for looks at pages, by the id of the mirror.
    looks: moka::sync::Cache<i64, Arc<tokio::sync::Semaphore>>,
    /// Tells of upstreams that nobody listens to yet.
    pub to_follow: tokio::sync::Notify,
}

impl Default for Mirrored {
    fn default() -> Self {
        Self {
            noticed: moka::sync::Cache::builder().max_capacity(CAPACITY).time_to_live(IDLE).build(),
            fetches: moka::sync::Cache::builder().max_capacity(CAPACITY).time_to_idle(LIST_IDLE).build(),
            looks: moka::sync::Cache::builder().max_capacity(CAPACITY).time_to_idle(LIST_IDLE).build(),
            to_follow: tokio::sync::Notify::new(),
            pages: moka::sync::Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).build(),
            lists: moka::sync::Cache::builder()
                .weigher(|_, list: &Arc<SharedList>| {
                    let weight = list.shown().map_or(0, |(names, _)| names.weight());
                    u32::try_from(weight).unwrap_or(u32::MAX).max(1)
                })
                .max_capacity(LISTS)
                .time_to_idle(LIST_IDLE)
                .build(),
        }
    }
}

impl Mirrored {
    pub fn page(&self, key: Key) -> Arc<Entry> {
        self.pages.get_with(key, Arc::default)
    }

    /// The places for fetches of files of one mirror, so many of them: a slow upstream is not to take those of all others.
    pub fn fetches(&self, index_id: i64, places: usize) -> Arc<tokio::sync::Semaphore> {
        self.fetches.get_with(index_id, || Arc::new(tokio::sync::Semaphore::new(places)))
    }

    /// The places for looks at pages of one mirror: names are for everybody to think of, and an upstream may be slow.
    pub fn looks(&self, index_id: i64) -> Arc<tokio::sync::Semaphore> {
        self.looks.get_with(index_id, || Arc::new(tokio::sync::Semaphore::new(LOOKS)))
    }

    /// Whether it is the first time that this is noticed of a mirror with its present settings.
    pub fn is_news(&self, noticed: (i64, Serial, String)) -> bool {
        self.noticed.entry(noticed).or_insert(()).is_fresh()
    }

    /// Takes that back.
    pub fn is_no_news(&self, noticed: &(i64, Serial, String)) {
        self.noticed.invalidate(noticed);
    }

    pub fn list(&self, index_id: i64, settings: Serial) -> Arc<SharedList> {
        self.lists.get_with((index_id, settings), Arc::default)
    }

    /// Weighs a list again that has grown.
    pub fn weigh_list(&self, index_id: i64, settings: Serial, list: Arc<SharedList>) {
        self.lists.insert((index_id, settings), list);
    }
}

/// One page of one mirror.
#[derive(Default)]
pub struct Entry {
    state: Mutex<State>,
    /// Turns at storing what was fetched, and the revision of what was last stored by this process.
    pub kept: tokio::sync::Mutex<i64>,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    running: Option<(Instant, Running)>,
    /// When the upstream was last heard.
    good_at: Option<Instant>,
}

struct Known {
    said: Said,
    /// The serial of the project on the mirror that it goes with; another process may have stored something since.
    at: Serial,
    until: Instant,
}

impl Entry {
    /// What is known and still good, while the project's serial is this one.
    pub fn current(&self, at: Serial) -> Option<Said> {
        let state = self.state();
        let known = state.known.as_ref().filter(|known| Instant::now() < known.until)?;
        (known.at == at || matches!(known.said, Said::Newer(_))).then(|| known.said.clone())
    }

    /// What was fetched and is not stored yet.
    pub fn pending(&self) -> Option<Arc<Pending>> {
        match &self.state().known {
            Some(Known { said: Said::Newer(pending), .. }) => Some(pending.clone()),
            _ => None,
        }
    }

    /// Joins the fetch that is under way, or starts one; returns when it began, too.
    pub fn join(&self, start: impl FnOnce() -> Running) -> (Instant, Running) {
        let mut state = self.state();
        match &state.running {
            Some(running) if running.1.peek().is_none() => running.clone(),
            _ => state.running.insert((Instant::now(), start())).clone(),
        }
    }

    /// Takes note that the fetch is over, whose outcome would otherwise stay in memory.
    pub fn ended(&self) {
        self.state().running = None;
    }

    /// How long ago the upstream last said something, as far as this process knows.
    pub fn age(&self) -> Option<Duration> {
        self.state().good_at.map(|at| at.elapsed())
    }

    /// Takes note of what was learned, and for how long it is good.
    pub fn learn(&self, said: Said, at: Serial, good_for: Duration) {
        let now = Instant::now();
        let until = now.checked_add(good_for).unwrap_or(now);
        let mut state = self.state();
        if matches!(said, Said::Rows { stale: None, .. } | Said::Newer(_)) {
            state.good_at = Some(now);
        }
        state.known = Some(Known { said, at, until });
    }

    /// Takes note that what was fetched is stored, unless something else was learned since.
    pub fn stored(&self, pending: &Arc<Pending>, at: Serial) {
        let mut state = self.state();
        if let Some(known) = &mut state.known
            && matches!(&known.said, Said::Newer(newer) if Arc::ptr_eq(newer, pending))
        {
            known.said = Said::Rows { stale: None, upstream_serial: pending.upstream_serial };
            known.at = at;
        }
    }

    /// Forgets what is known, so that the next who asks looks again.
    pub fn forget(&self) {
        self.state().known = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What changes, for whoever listens and as far as the listener may see it.
//!
//! Nobody is sent anything: each listener looks for itself. All of a process look at the same instants, so that they
//! share the gate's question and the reading of the changelog, and while none listens nothing is asked.

use super::{changelog::LARGEST_ANSWER, login, reading, resolve};
use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        event::LoggedEvent,
        index::Index,
        name::{IndexName, ProjectName},
        serial::Serial,
        user::User,
    },
    service::Service,
    store,
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

/// The time between two looks.
const TICK: Duration = Duration::from_millis(200);

/// What ticks are counted from.
static CLOCK: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Somebody who wants to hear what changes, and how far they have heard it.
pub struct Listener {
    service: Service,
    caller: Caller,
    /// The caller as it was when the listening began.
    user: Option<Arc<User>>,
    /// Only changes of this index and its bases are wanted.
    index: Option<IndexName>,
    heard: Serial,
    newer: watch::Receiver<Serial>,
    /// Whether the last look came before its tick.
    early: bool,
    _place: OwnedSemaphorePermit,
}

/// What a listener hears at a time.
pub struct Heard {
    /// All changes up to this one are told, or are not for this listener.
    pub serial: Serial,
    /// Oldest first, and all that the listener may see of each change.
    pub events: Vec<LoggedEvent>,
    /// Whether the listener may know who did it and the details.
    pub in_full: bool,
    /// The listener hears no more: its rights or the index are gone, or this process is about to end.
    pub last: bool,
}

/// Begins to listen after a serial, or at the newest.
///
/// # Errors
/// As [`resolve::readable`] for the index; [`Error::Invalid`] for a serial that is not taken yet; [`Error::Overloaded`]
/// when too many listen.
pub async fn listen(
    service: &Service,
    caller: &Caller,
    index: Option<IndexName>,
    since: Option<Serial>,
) -> Result<Listener> {
    if let Some(name) = &index {
        resolve::readable(service, caller, name).await?;
    }
    let user = match &caller.user {
        Some(name) => {
            let user = login::known_user(service, name).await?;
            Some(user.ok_or_else(|| Error::NoSuchUser(name.to_string()))?)
        }
        None => None,
    };
    let heard = match since {
        Some(since) => taken(service, since).await?,
        None => service.gate.serial(),
    };
    let place = service.listeners.clone().try_acquire_owned();
    Ok(Listener {
        service: service.clone(),
        caller: caller.clone(),
        user,
        index,
        heard,
        newer: service.db.newer_serials(),
        early: false,
        _place: place.map_err(|_| Error::Overloaded("too many clients listen to its events"))?,
    })
}

/// A serial that some change has taken.
async fn taken(service: &Service, serial: Serial) -> Result<Serial> {
    if serial > service.gate.serial() {
        // Another process told it, and this one may be allowed to know a little less.
        let newest = store::serial::current(&service.db().await?).await?;
        if serial > newest {
            return Err(Error::invalid(format!(
                "there is no serial {serial}, the newest is {newest}: was the database set back? Then what came \
                 before is worth nothing, and events are to be asked for without a serial"
            )));
        }
        service.db.note_serial(newest);
    }
    Ok(serial)
}

impl Listener {
    /// The serial up to which everything was heard.
    pub fn heard(&self) -> Serial {
        self.heard
    }

    /// What the listener may see of the next changes, as soon as there is anything, or after a while nothing.
    ///
    /// While the database is away nothing is heard. May be given up at any await without losing a change.
    ///
    /// # Errors
    /// Those of the database, but for its absence.
    pub async fn next(&mut self, patience: Duration) -> Result<Heard> {
        let heard = self.look().await?;
        if heard.last || !heard.events.is_empty() {
            return Ok(heard);
        }
        tokio::time::timeout(patience, self.wait()).await.unwrap_or_else(|_| Ok(self.nothing(false)))
    }

    async fn wait(&mut self) -> Result<Heard> {
        loop {
            let before = self.heard;
            let heard = self.look().await?;
            if heard.last || !heard.events.is_empty() {
                return Ok(heard);
            }
            if self.heard == before {
                self.turn().await;
            }
        }
    }

    /// Waits for the next tick, or until this process itself learned of a change. The latter at most once between two
    /// ticks, so that many changes do not keep all listeners busy.
    async fn turn(&mut self) {
        let ticks = CLOCK.elapsed().as_millis() / TICK.as_millis() + 1;
        let tick = *CLOCK + TICK * u32::try_from(ticks).unwrap_or(u32::MAX);
        tokio::select! {
            () = tokio::time::sleep_until(tick) => self.early = false,
            _ = self.newer.changed(), if !self.early => self.early = true,
            () = self.service.stopping.cancelled() => {}
        }
    }

    async fn look(&mut self) -> Result<Heard> {
        if self.service.stopping.is_cancelled() {
            return Ok(self.nothing(true));
        }
        match self.read().await {
            Err(Error::Unavailable | Error::Overloaded(_)) => Ok(self.nothing(false)),
            heard => heard,
        }
    }

    /// Reads on in the changelog, as far as one answer goes. Rights are asked for again each time, after the caches know
    /// of every change that is told.
    async fn read(&mut self) -> Result<Heard> {
        let service = self.service.clone();
        self.newer.mark_unchanged();
        let reading = reading::begin(&service).await?;
        if service.db.newest_serial() < self.heard {
            return Ok(self.nothing(true)); // the database was set back
        }
        if reading.stale.is_some() || reading.serial <= self.heard {
            return Ok(self.nothing(false));
        }
        if let Some(user) = &self.user
            && !login::still_good(&service, &self.caller, user).await?
        {
            return Ok(self.nothing(true));
        }
        let (after, up_to) = (self.heard, reading.serial);
        let events = changes(&service, after, up_to).await?;
        let serial = match events.last() {
            Some(last) if events.len() as i64 >= LARGEST_ANSWER => last.serial,
            _ => up_to,
        };
        let in_full = access::may_read_changelog(&self.caller, &service.config.server.changelog_readers);
        let mut events = Vec::clone(&events);
        let mut last = false;
        if let Some(index) = &self.index {
            let scope = scope(&service, index).await?;
            events.retain(|event| index_of(event).is_some_and(|index| scope.contains(&index)));
            last = serial == up_to && !self.may_still_listen(index).await?;
        }
        if !in_full {
            events = self.visible(events, after, serial).await?;
        }
        self.heard = serial;
        Ok(Heard { serial, events, in_full, last })
    }

    async fn may_still_listen(&self, index: &IndexName) -> Result<bool> {
        match resolve::readable(&self.service, &self.caller, index).await {
            Ok(_) => Ok(true),
            Err(Error::NoSuchIndex(_) | Error::Unauthorized(_) | Error::Forbidden(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Those of the events that the caller may see: about an index that they may read now; and that an index they could
    /// read until then got other settings or was deleted, since pages that they see may change with it.
    ///
    /// An index of the same name that was there before is another index, whose events are nobody's any more.
    async fn visible(
        &self,
        events: Vec<LoggedEvent>,
        after: Serial,
        up_to: Serial,
    ) -> Result<Vec<LoggedEvent>> {
        let names: HashSet<IndexName> = events.iter().filter_map(index_of).collect();
        let now = resolve::indexes(&self.service, names).await?;
        let may_read = |index: &Index| self.service.policy.may_read(&self.caller, index);
        let readable = |name: &IndexName| now.get(name)?.as_ref().filter(|index| may_read(index));
        // Most events are younger than the settings of their index, and so than the index.
        let clear = |event: &LoggedEvent, index: &Index| event.serial >= index.settings_serial;
        let unclear = events.iter().filter_map(|event| {
            let name = index_of(event)?;
            let unclear = readable(&name).map_or(event.ends_settings(), |index| !clear(event, index));
            unclear.then_some(name)
        });
        let unclear: Vec<_> = unclear.collect::<HashSet<_>>().into_iter().collect();
        let mut states = HashMap::<_, Vec<_>>::new();
        if !unclear.is_empty() {
            let db = self.service.db().await?;
            for state in store::indexes::states(&db, &unclear, after, up_to).await? {
                states.entry(state.index.name.clone()).or_default().push(state);
            }
        }
        let visible = |event: &LoggedEvent| {
            let Some(name) = index_of(event) else { return false };
            let index = readable(&name);
            index.is_some_and(|index| clear(event, index))
                || states.get(&name).into_iter().flatten().any(|state| match state.ended {
                    Some(ended) => ended == event.serial && event.ends_settings() && may_read(&state.index),
                    None => {
                        index.is_some_and(|index| index.id == state.index.id) && state.created <= event.serial
                    }
                })
        };
        let of_project = |event: &LoggedEvent| {
            let project = event.project.as_deref().and_then(|project| ProjectName::parse(project).ok());
            project.is_none_or(|project| {
                let index = index_of(event).and_then(|name| readable(&name).cloned());
                index
                    .is_some_and(|index| self.service.policy.may_read_project(&self.caller, &index, &project))
            })
        };
        Ok(events.into_iter().filter(|event| visible(event) && of_project(event)).collect())
    }

    fn nothing(&self, last: bool) -> Heard {
        Heard { serial: self.heard, events: Vec::new(), in_full: false, last }
    }
}

/// The beginning of what the changelog has after one serial up to another; all who ask at the same time share it.
async fn changes(service: &Service, after: Serial, up_to: Serial) -> Result<Arc<Vec<LoggedEvent>>> {
    let changes = service.changes.try_get_with((after, up_to), async {
        let db = service.db().await?;
        store::changelog::between(&db, after, up_to, LARGEST_ANSWER).await.map(Arc::new)
    });
    changes.await.map_err(|error: Arc<Error>| Error::clone(&error))
}

fn index_of(event: &LoggedEvent) -> Option<IndexName> {
    event.index.as_deref()?.parse().ok()
}

/// The names of an index and of all that it inherits from, those included of which there is no index: one may have been
/// deleted just now.
async fn scope(service: &Service, index: &IndexName) -> Result<HashSet<IndexName>> {
    let order = resolve::whole_order(service, index).await?;
    let bases = order.iter().flat_map(|index| index.bases.iter().cloned());
    Ok(bases.chain([index.clone()]).collect())
}

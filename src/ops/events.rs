//! What changes, for whoever listens and as far as the listener may see it.
//!
//! Nobody is sent anything: each listener looks for itself. All of a process look at the same instants, so that they
//! share the gate's question and the reading of the changelog, and while none listens nothing is asked.

use super::{changelog::LARGEST_ANSWER, login, reading, resolve, visibility};
use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        event::LoggedEvent,
        name::IndexName,
        serial::Serial,
        user::User,
    },
    service::Service,
    store,
};
use std::{
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
            let scope = visibility::scope(&service, index).await?;
            let is_within =
                |event: &LoggedEvent| visibility::index_of(event).is_some_and(|it| scope.contains(&it));
            events.retain(is_within);
            last = serial == up_to && !self.may_still_listen(index).await?;
        }
        if !in_full {
            events = visibility::visible(&service, &self.caller, events, after, serial).await?;
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

//! Mirrors whose upstream is a wheelyard hear of its changes at once (DESIGN, Mirrors).
//!
//! One process listens for each such mirror, by a lease in the database. What it hears it looks up like any reader, and
//! what that changes has a serial, so that all processes know of it.

use crate::{
    error::{Error, Result},
    model::{event::EventKind, index::Index, name::ProjectName, serial::Serial},
    ops::{list, reading, refresh, resolve},
    service::Service,
    store::{self, follows::Follow},
    upstream::{Failure, Told, ToldEvent},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio_util::task::TaskTracker;
use url::Url;

/// How long a process listens without saying so again, and how long one question may stay open.
const LEASE: Duration = Duration::from_secs(60);
const WAIT: Duration = Duration::from_secs(25);

/// How often a process looks for mirrors that nobody listens for.
const LOOK: Duration = Duration::from_secs(10);

/// The least time between two questions, whatever an upstream answers.
const PAUSE: Duration = Duration::from_millis(100);

/// How long an upstream that fails is left alone: at first, and at most.
const BACK_OFF: Duration = Duration::from_millis(500);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

/// Takes note that an upstream tells its changes, and which serial it had when it said so.
pub async fn noticed(service: &Service, index: &Index, source: &str, events: &Url, serial: i64) {
    let news = (index.id, index.settings_serial, events.to_string());
    if !service.mirrored.is_news(news.clone()) {
        return;
    }
    let notice = async {
        let db = service.db().await?;
        store::follows::notice(&db, index.id, source, events.as_str(), Serial(serial)).await
    };
    match notice.await {
        Ok(()) => service.mirrored.to_follow.notify_waiters(),
        Err(error) => {
            service.mirrored.is_no_news(&news);
            tracing::warn!(%error, index = %index.name, "changes of an upstream are not followed yet");
        }
    }
}

/// Listens for every mirror that nobody else listens for, until the process is about to end.
pub async fn run(service: Service) {
    let listeners = TaskTracker::new();
    while !service.stopping.is_cancelled() {
        let news = service.mirrored.to_follow.notified();
        let leased = async { store::follows::lease(&service.db().await?, LEASE).await };
        for follow in leased.await.unwrap_or_default() {
            let service = service.clone();
            listeners.spawn(async move {
                let stopping = service.stopping.clone();
                let mut listener = Listener { service, follow, back_off: BACK_OFF };
                tokio::select! {
                    () = listener.listen() => {}
                    () = stopping.cancelled() => listener.give_back().await,
                }
            });
        }
        tokio::select! {
            () = news => {}
            () = tokio::time::sleep(LOOK) => {}
            () = service.stopping.cancelled() => {}
        }
    }
    listeners.close();
    listeners.wait().await;
}

struct Listener {
    service: Service,
    follow: Follow,
    back_off: Duration,
}

impl Listener {
    async fn listen(&mut self) {
        loop {
            match self.hear().await {
                Ok(true) => {
                    self.back_off = BACK_OFF;
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(false) => return,
                Err(error) => {
                    tracing::debug!(%error, index = %self.follow.index, "an upstream tells no changes");
                    tokio::time::sleep(self.back_off).await;
                    self.back_off = (self.back_off * 2).min(LONGEST_BACK_OFF);
                }
            }
        }
    }

    /// Asks once for changes and looks at what they are about; `false` when there is nothing to listen to any more.
    async fn hear(&mut self) -> Result<bool> {
        // Nobody else may ask this process for anything, and then it would go on with old settings.
        reading::begin(&self.service).await?;
        let index = match resolve::index(&self.service, &self.follow.index).await {
            Ok(index) if index.id == self.follow.index_id => index,
            Ok(_) | Err(Error::NoSuchIndex(_)) => return self.end().await,
            Err(error) => return Err(error),
        };
        let Some(mirror) = index.mirror.as_ref().filter(|_| index.mirrors(&self.follow.source)) else {
            return self.end().await;
        };
        if !store::follows::seen(&self.service.db().await?, &self.follow, LEASE).await? {
            return Ok(false);
        }
        let Ok(url) = Url::parse(&self.follow.events_url) else { return self.end().await };
        match self.service.upstream.events(mirror, &url, Some(self.follow.seen.0), WAIT).await {
            Ok(told) => {
                self.look(&index, &told).await?;
                self.follow.seen = Serial(told.serial);
            }
            // Its database was set back, so nothing that was heard is worth anything.
            Err(Failure::Status { status: 400, .. }) => {
                let now = self.service.upstream.events(mirror, &url, None, Duration::ZERO).await?;
                self.look_at_all(&index).await?;
                self.follow.seen = Serial(now.serial);
                store::follows::seen(&self.service.db().await?, &self.follow, LEASE).await?;
                return Err(Error::Upstream("the upstream was set back".into()));
            }
            Err(failure) => return Err(failure.into()),
        }
        store::follows::seen(&self.service.db().await?, &self.follow, LEASE).await
    }

    async fn look(&self, index: &Arc<Index>, told: &Told) -> Result<()> {
        let is_list = |event: &ToldEvent| event.event == EventKind::MirrorList.name();
        if told.events.iter().any(|event| event.project.is_none() && !is_list(event)) {
            return self.look_at_all(index).await;
        }
        let names = [EventKind::ProjectCreate, EventKind::ProjectDelete, EventKind::MirrorList];
        if told.events.iter().any(|event| names.iter().any(|kind| kind.name() == event.event)) {
            list::now(&self.service, index).await?;
        }
        let told_of =
            told.events.iter().filter_map(|event| ProjectName::parse(event.project.as_deref()?).ok());
        let told_of: BTreeSet<ProjectName> = told_of.collect();
        if told_of.is_empty() {
            return Ok(());
        }
        let known = store::follows::projects(&self.service.db().await?, index.id).await?;
        for project in known.iter().filter(|project| told_of.contains(project)) {
            self.look_at(index, project).await?;
        }
        Ok(())
    }

    async fn look_at_all(&self, index: &Arc<Index>) -> Result<()> {
        for project in store::follows::projects(&self.service.db().await?, index.id).await? {
            self.look_at(index, &project).await?;
        }
        list::now(&self.service, index).await
    }

    async fn look_at(&self, index: &Arc<Index>, project: &ProjectName) -> Result<()> {
        let presence = resolve::presence(&self.service, index, Some(project)).await?;
        // What fails now is looked at again when it expires.
        drop(refresh::now(&self.service, index, project, presence, true).await);
        store::follows::seen(&self.service.db().await?, &self.follow, LEASE).await?;
        Ok(())
    }

    async fn end(&self) -> Result<bool> {
        store::follows::forget(&self.service.db().await?, &self.follow).await?;
        Ok(false)
    }

    /// Lets another process listen at once.
    async fn give_back(&self) {
        let given =
            async { store::follows::seen(&self.service.db().await?, &self.follow, Duration::ZERO).await };
        if let Err(error) = given.await {
            tracing::debug!(%error, "a lease is left to its end");
        }
    }
}

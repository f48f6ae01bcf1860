//! Looks upstream for the page of a project, no more often than needed (DESIGN, Mirrors).
//!
//! Within a process all who want a page share one fetch, which goes on when they leave. Between processes a lease in the
//! database decides who asks; the others show what they have. What a fetch brought is shown at once and stored afterwards,
//! if it differs from what is known.

mod keep;

use crate::{
    cache::{
        mirrored::{Entry, Pending, Running, Said},
        page_serial::Presence,
    },
    error::{Error, Result},
    model::{index::Index, link::UpstreamPage, mirror::Mirror, name::ProjectName},
    ops::{
        after_response::{go_on, share},
        follow, freshness, reading,
    },
    service::Service,
    store::{self, mirrors::Seen},
    timing::{self, Phase},
    upstream::{self, Answer, Failure, PageHead, Validators},
};
use futures::FutureExt;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use url::Url;

/// How long a fetch may go on after its readers gave up waiting.
const LONGEST_FETCH: Duration = Duration::from_secs(120);

/// How long a failure is the answer, so that a silent upstream is not waited for by each reader.
const FAILURE_LASTS: Duration = Duration::from_secs(2);

/// The longest that an upstream is left alone because it wants so.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// How long what another process is about to learn is not asked for again.
const OTHERS_LOOK: Duration = Duration::from_millis(500);

/// How long one waits at most until what was fetched is stored.
const SETTLING: Duration = Duration::from_secs(10);

/// How often a look is done again because of what others kept meanwhile.
const MOST_LOOKS: usize = 4;

/// How often a reader without anything to show looks whether another process has learned it.
const POLL: Duration = Duration::from_millis(50);

/// How a look is done.
#[derive(Clone, Copy)]
struct Manner {
    /// Also when what is known is good still; and what it brings is stored before it ends.
    always: bool,
    /// With the validators of what is known.
    conditional: bool,
}

/// What a look is about.
#[derive(Clone)]
struct Place {
    service: Service,
    index: Arc<Index>,
    mirror: Arc<Mirror>,
    /// `mirror_url`.
    source: Url,
    project: ProjectName,
    presence: Presence,
    entry: Arc<Entry>,
}

/// What is to be shown of a project on a mirror: what is known if it is good, else what the upstream says within the
/// mirror's timeout, else what is known.
pub async fn project(
    service: &Service,
    index: &Arc<Index>,
    project: &ProjectName,
    presence: Presence,
) -> Said {
    let Some(place) = place(service, index, project, presence) else { return Said::Missing };
    if let Some(said) = place.entry.current(presence.serial) {
        return said;
    }
    let manner = Manner { always: false, conditional: true };
    let (began, running) = place.entry.join(|| start(place.clone(), manner));
    // Who has something to show does not wait for a fetch that is slow already.
    let began = if presence.exists { began.into() } else { Instant::now() };
    let timeout = place.mirror.timeout;
    let running = timing::of(Phase::Upstream, running);
    match tokio::time::timeout_at(began + timeout, running).await {
        Ok(said) => said,
        Err(_) => {
            let reason = format!("no answer in {} seconds", timeout.as_secs());
            let failure = Failure::broken(reason, &place.url());
            place.failed(&failure.into(), None, None)
        }
    }
}

/// Looks upstream now, whatever is known, and stores what that brings; `conditional`: as far as it changed.
pub async fn now(
    service: &Service,
    index: &Arc<Index>,
    project: &ProjectName,
    presence: Presence,
    conditional: bool,
) -> Said {
    let Some(place) = place(service, index, project, presence) else { return Said::Missing };
    let manner = Manner { always: true, conditional };
    loop {
        let mut is_ours = false;
        let (_, running) = place.entry.join(|| {
            is_ours = true;
            start(place.clone(), manner)
        });
        let said = timing::of(Phase::Upstream, running).await;
        // One that was under way may have asked before what is looked for happened, or not at all.
        if is_ours {
            return said;
        }
    }
}

fn place(service: &Service, index: &Arc<Index>, project: &ProjectName, presence: Presence) -> Option<Place> {
    let mirror = index.mirror.clone()?;
    let source = mirror.url.clone()?;
    let entry = service.mirrored.page((index.id, index.settings_serial, project.clone()));
    let (service, index, project) = (service.clone(), index.clone(), project.clone());
    Some(Place { service, index, mirror, source, project, presence, entry })
}

fn start(place: Place, manner: Manner) -> Running {
    let service = place.service.clone();
    let look = share(&service, async move {
        let limit = LONGEST_FETCH.max(place.mirror.timeout);
        let places = place.service.mirrored.looks(place.index.id);
        let looked = tokio::time::timeout(limit, async {
            let Ok(_place) = places.try_acquire() else {
                return Err(Error::Overloaded("too many pages of this mirror are looked at upstream"));
            };
            place.look(manner).await
        });
        let looked = looked.await;
        let looked =
            looked.unwrap_or_else(|_| Err(Error::Upstream(format!("no answer from {}", place.url()))));
        let said = looked.unwrap_or_else(|error| place.failed(&error, None, None));
        place.entry.ended();
        said
    });
    look.map(|said| said.unwrap_or_else(|error| Said::Failed(Error::Internal(error.to_string()))))
        .boxed()
        .shared()
}

impl Place {
    /// The URL of the project's page.
    fn url(&self) -> Url {
        self.source.join(&format!("{}/", self.project)).unwrap_or_else(|_| self.source.clone())
    }

    async fn look(&self, manner: Manner) -> Result<Said> {
        for _ in 0..MOST_LOOKS {
            if let Some(said) = self.try_look(manner).await? {
                return Ok(said);
            }
        }
        reading::begin(&self.service).await?;
        Ok(Said::Rows { stale: None, upstream_serial: None })
    }

    /// `None` when something was kept meanwhile that may be newer or older than what came.
    async fn try_look(&self, manner: Manner) -> Result<Option<Said>> {
        let began = Instant::now();
        let lease = self.mirror.timeout + Duration::from_secs(5);
        let seen = loop {
            let db = self.service.db().await?;
            let seen = store::mirrors::page(&db, self.index.id, &self.project).await?.unwrap_or_default();
            if !manner.always
                && let Some(said) = self.good(&seen)
            {
                self.catch_up().await?;
                return Ok(Some(said));
            }
            let leased = store::mirrors::lease_page(&db, self.index.id, &self.project, lease).await?;
            // While something is being stored here, the lease is our own.
            let ours = leased || self.entry.pending().is_some();
            // Who has nothing to show does not wait so long for a process that may be gone that its own reader gives up.
            if ours || manner.always || began.elapsed() > self.mirror.timeout / 2 {
                break seen;
            }
            // Where nothing is good for any time, the answer that another process waits for may be too old already.
            if self.presence.exists && !self.mirror.cache_expiry.is_zero() {
                let said = Said::Rows { stale: None, upstream_serial: seen.upstream_serial };
                self.entry.learn(
                    said.clone(),
                    self.presence.serial,
                    OTHERS_LOOK.min(self.mirror.cache_expiry),
                );
                return Ok(Some(said));
            }
            drop(db);
            tokio::time::sleep(POLL).await;
        };
        let said = match self.ask(manner, &seen).await {
            Ok(said) => return Ok(said),
            Err(Asked::Failed(Failure::Missing { .. })) => self.missing(&seen).await?,
            Err(Asked::Failed(failure)) => {
                tracing::warn!(index = %self.index.name, project = %self.project, "upstream: {failure}");
                self.release().await;
                freshness::failed(&self.service, self.index.id, &failure.reason()).await;
                let retry_after = match &failure {
                    Failure::Status { retry_after, .. } => *retry_after,
                    _ => None,
                };
                self.failed(&failure.into(), retry_after, seen.checked)
            }
            Err(Asked::Ours(error)) => {
                self.release().await;
                return Err(error);
            }
        };
        Ok(Some(said))
    }

    /// What is known, if it is good without asking.
    fn good(&self, seen: &Seen) -> Option<Said> {
        if seen.source != self.source.as_str() {
            return None;
        }
        let expiry = self.mirror.cache_expiry;
        let rest = |age: Option<Duration>| expiry.checked_sub(age?).filter(|rest| !rest.is_zero());
        let (said, rest) = if let Some(rest) = rest(seen.missing) {
            (if self.presence.exists { self.stale(seen.checked) } else { Said::Missing }, rest)
        } else if seen.digest.is_some()
            && seen.missing.is_none()
            && let Some(rest) = rest(seen.checked)
        {
            (Said::Rows { stale: None, upstream_serial: seen.upstream_serial }, rest)
        } else {
            return None;
        };
        // The project may be known to the database and not to the request that looks.
        if self.presence.exists || matches!(said, Said::Missing) {
            self.entry.learn(said.clone(), self.presence.serial, rest);
        }
        Some(said)
    }

    async fn ask(&self, manner: Manner, seen: &Seen) -> Result<Option<Said>, Asked> {
        let url = self.url();
        let known = seen.source == self.source.as_str();
        let is_here = self.presence.exists && seen.digest.is_some() && seen.missing.is_none();
        let validators = match manner.conditional && known && is_here {
            true => Validators { etag: seen.etag.clone(), last_modified: seen.last_modified.clone() },
            false => Validators::default(),
        };
        metrics::counter!("wheelyard_upstream_page_requests_total").increment(1);
        let (head, response) = match self.service.upstream.page(&self.mirror, &url, &validators).await? {
            Answer::NotModified => return Ok(Some(self.unchanged(seen.clone()).await?)),
            Answer::Modified(page) => page,
        };
        let base = response.url().clone();
        let body = upstream::page_body(response, &url).await?;
        let (content_type, name) = (head.content_type.clone(), self.project.clone());
        let parsed = tokio::task::spawn_blocking(move || {
            let page = upstream::page::parse(&body, &content_type, &base, &name)?;
            let text = serde_json::to_vec(&page).map_err(|error| error.to_string())?;
            Ok::<_, String>((page, hex::encode(Sha256::digest(text))))
        });
        let parsed = parsed.await.map_err(|error| Asked::Ours(Error::Internal(error.to_string())))?;
        let (page, digest) = parsed.map_err(|reason| Failure::broken(reason, &url))?;
        if known
            && !self.mirror.ignore_serial_header
            && let (Some(before), Some(now)) = (seen.upstream_serial, head.serial)
            && now < before
        {
            return Err(Failure::broken(format!("a page of serial {now}, older than {before}"), &url).into());
        }
        if let Some((events, serial)) = &head.events {
            follow::noticed(&self.service, &self.index, self.source.as_str(), events, *serial).await;
        }
        let now = Seen {
            source: self.source.to_string(),
            digest: Some(digest.clone()),
            etag: head.validators.etag.clone(),
            last_modified: head.validators.last_modified.clone(),
            upstream_serial: head.serial,
            revision: seen.revision,
            is_stale: head.is_stale,
            ..Seen::default()
        };
        if known && seen.digest.as_ref() == Some(&digest) && self.presence.exists {
            return Ok(Some(self.unchanged(now).await?));
        }
        Ok(self.changed(manner, page, digest, &head, now).await?)
    }

    /// The upstream says what it said before.
    async fn unchanged(&self, now: Seen) -> Result<Said> {
        let db = self.service.db().await?;
        let kept = store::mirrors::keep_unchanged(&db, self.index.id, &self.project, &now).await?;
        drop(db);
        let said = Said::Rows { stale: None, upstream_serial: now.upstream_serial };
        match kept {
            true => self.entry.learn(said.clone(), self.presence.serial, self.good_for(now.is_stale)),
            // Somebody else learned something meanwhile, and that counts.
            false => reading::begin(&self.service).await.map(drop)?,
        }
        Ok(said)
    }

    /// The upstream says something else: that is shown, and stored afterwards.
    async fn changed(
        &self,
        manner: Manner,
        page: UpstreamPage,
        digest: String,
        head: &PageHead,
        now: Seen,
    ) -> Result<Option<Said>> {
        if let Some(pending) = self.entry.pending().filter(|pending| pending.digest == digest) {
            let said = Said::Newer(pending);
            self.entry.learn(said.clone(), self.presence.serial, self.mirror.cache_expiry);
            self.release().await; // whoever stores it may have given it back before we took it
            return Ok(Some(said));
        }
        let pending = Arc::new(Pending { page, digest, upstream_serial: head.serial });
        let said = Said::Newer(pending.clone());
        self.entry.learn(said.clone(), self.presence.serial, self.good_for(now.is_stale));
        if manner.always {
            return Ok(self.keep(&pending, &now).await?.then_some(said));
        }
        let place = self.clone();
        go_on(&self.service, async move {
            let kept = tokio::time::timeout(LONGEST_FETCH, place.keep(&pending, &now)).await;
            if let Err(error) = kept.unwrap_or(Err(Error::Unavailable)) {
                tracing::warn!(%error, index = %place.index.name, project = %place.project, "a page was not stored");
                place.entry.forget();
                place.release().await;
            }
        });
        Ok(Some(said))
    }

    /// Stores what the upstream says, and sees to it that this process knows of it; `false` when something was kept since
    /// the look began.
    async fn keep(&self, pending: &Arc<Pending>, now: &Seen) -> Result<bool> {
        let mut kept = self.entry.kept.lock().await;
        if self.entry.pending().is_some_and(|newest| !Arc::ptr_eq(&newest, pending)) {
            return Ok(true); // something newer is stored instead
        }
        // What this process kept itself since then is surely older.
        let seen_revision = now.revision;
        let mut now = Seen { revision: now.revision.max(*kept), ..now.clone() };
        let keep = async |now: &Seen| {
            keep::rows(&self.service, &self.index, &self.project, &pending.page, now).await
        };
        let mut serial = keep(&now).await?;
        if serial.is_none() && now.revision > seen_revision {
            // The row was forgotten meanwhile, and its count began anew.
            (*kept, now.revision) = (0, seen_revision);
            serial = keep(&now).await?;
        }
        reading::begin(&self.service).await?;
        match serial {
            Some(serial) => {
                *kept = now.revision + 1;
                self.entry.stored(pending, serial);
            }
            None => self.entry.forget(),
        }
        Ok(serial.is_some())
    }

    /// Sees to it that the rows are known here which the reader did not know of when it came.
    async fn catch_up(&self) -> Result<()> {
        if !self.presence.exists {
            reading::begin(&self.service).await?;
        }
        Ok(())
    }

    /// The upstream has no such project. What was there once is still shown: one 404 may be a token that ended.
    async fn missing(&self, seen: &Seen) -> Result<Said> {
        let db = self.service.db().await?;
        let (source, expiry) = (self.source.as_str(), self.mirror.cache_expiry);
        let now = (source, seen.revision);
        let kept = store::mirrors::keep_missing(&db, self.index.id, &self.project, now, expiry).await?;
        drop(db);
        // Another upstream does not have it: then what is known is another project.
        let is_gone = self.presence.exists && seen.source != source && kept;
        if is_gone {
            keep::gone(&self.service, &self.index, &self.project).await?;
            reading::begin(&self.service).await?;
        }
        let said = match self.presence.exists && !is_gone {
            true => self.stale(seen.checked),
            false => Said::Missing,
        };
        if kept && !is_gone {
            self.entry.learn(said.clone(), self.presence.serial, expiry);
        }
        Ok(said)
    }

    /// How long an answer is good; one that says itself that it may be stale is asked for again soon.
    fn good_for(&self, is_stale: bool) -> Duration {
        if is_stale { FAILURE_LASTS.min(self.mirror.cache_expiry) } else { self.mirror.cache_expiry }
    }

    /// What is shown after a failure: `age` is that of what is known, where it was just read.
    fn failed(&self, error: &Error, retry_after: Option<Duration>, age: Option<Duration>) -> Said {
        // What came a moment ago and is being stored is newer than what is stored.
        if let Some(pending) = self.entry.pending() {
            return Said::Newer(pending);
        }
        let said = match self.presence.exists {
            true => self.stale(age),
            false => Said::Failed(error.clone()),
        };
        let wait = retry_after.unwrap_or_default().clamp(FAILURE_LASTS, LONGEST_RETRY_AFTER);
        self.entry.learn(said.clone(), self.presence.serial, wait);
        said
    }

    fn stale(&self, age: Option<Duration>) -> Said {
        let age = age.or_else(|| self.entry.age()).unwrap_or(self.mirror.cache_expiry);
        Said::Rows { stale: Some(age), upstream_serial: None }
    }

    async fn release(&self) {
        let released = async {
            store::mirrors::release_page(&self.service.db().await?, self.index.id, &self.project).await
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, "the lease of a page is left to its end");
        }
    }
}

/// Why a look did not end well.
enum Asked {
    Failed(Failure),
    Ours(Error),
}

impl From<Failure> for Asked {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Asked {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

/// Waits, for a while, until what was fetched of a project is stored.
pub async fn settled(service: &Service, index: &Index, project: &ProjectName) {
    let entry = service.mirrored.page((index.id, index.settings_serial, project.clone()));
    let began = Instant::now();
    while entry.pending().is_some() && began.elapsed() < SETTLING {
        tokio::time::sleep(POLL).await;
    }
}

//! Lists of projects: of stages from their rows, of mirrors from their upstreams (DESIGN, Mirrors).

use crate::{
    cache::mirrored::{List, SharedList},
    error::{Error, Result},
    model::{
        event::{Event, EventKind},
        index::Index,
        mirror::Mirror,
        names::Names,
        serial::Serial,
    },
    ops::{after_response::share, follow, freshness, reading, resolve},
    service::Service,
    store::{self, mirrors::Seen},
    timing::{self, Phase},
    upstream::{self, Answer, Failure, Validators},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::io::{StreamReader, SyncIoBridge};
use url::Url;

/// How long a reader with nothing to show waits for an upstream's list (devpi: 30 s), and how long its fetch may go on.
const TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_FETCH: Duration = Duration::from_secs(300);

/// How long a list that could not be renewed is shown before the upstream is asked again.
const FAILURE_LASTS: Duration = Duration::from_secs(5);

/// The list of a mirror's projects.
pub struct Listed {
    pub names: Arc<Names>,
    /// Hex digest of the names; `None`: the upstream never gave a list.
    pub digest: Option<String>,
    /// The upstream could not be asked; this is how long ago it could.
    pub stale: Option<Duration>,
}

/// What the upstream of a mirror lists; `None` where it is not to be asked.
pub async fn of_mirror(service: &Service, index: &Arc<Index>) -> Result<Option<Listed>> {
    let Some(mirror) = index.mirror.clone().filter(|mirror| !mirror.no_project_list) else { return Ok(None) };
    let Some(url) = mirror.url.clone() else { return Ok(None) };
    let shared = service.mirrored.list(index.id, index.settings_serial);
    let shown = shared.shown();
    let patience = if shown.is_some() { mirror.timeout } else { TIMEOUT };
    let at = resolve::presence(service, index, None).await?.serial;
    let look = Look { service: service.clone(), index: index.clone(), mirror, url, shared };
    let looking = share(service, async move {
        // One looks, the others wait for what it finds.
        let mut list = look.shared.list.lock().await;
        if list.at != at || list.good_until.is_none_or(|until| until <= Instant::now()) {
            list.at = at;
            look.renew(&mut list).await;
        }
        let stale = list.stale_since.map(|at| at.elapsed());
        Listed { names: list.names.clone(), digest: list.digest.clone(), stale }
    });
    match tokio::time::timeout(patience, timing::of(Phase::Upstream, looking)).await {
        Ok(listed) => listed.map(Some).map_err(|error| Error::Internal(error.to_string())),
        Err(_) => {
            let (names, digest) = shown.unzip();
            let names = names.unwrap_or_default();
            Ok(Some(Listed { names, digest, stale: Some(Duration::ZERO) }))
        }
    }
}

/// What is known of the list of a mirror's projects, without asking its upstream.
pub struct Known {
    pub names: Arc<Names>,
    /// How long ago the upstream last said that it is right; `None`: it is to be asked next time.
    pub checked: Option<Duration>,
}

/// What is known of what the upstream of a mirror lists; `None`: nothing.
pub async fn known(service: &Service, index: &Index) -> Result<Option<Known>> {
    let url = index.mirror.as_ref().and_then(|mirror| mirror.url.as_ref());
    let db = service.db().await?;
    let Some(seen) = store::mirrors::list(&db, index.id).await? else { return Ok(None) };
    if url.is_none_or(|url| seen.source != url.as_str()) {
        return Ok(None);
    }
    let shared = service.mirrored.list(index.id, index.settings_serial);
    if let Some((names, digest)) = shared.shown()
        && seen.digest.as_ref() == Some(&digest)
    {
        return Ok(Some(Known { names, checked: seen.checked }));
    }
    let Some((digest, names)) = store::mirrors::names(&db, index.id).await? else { return Ok(None) };
    let names = Arc::new(names);
    shared.show(&names, &digest);
    service.mirrored.weigh_list(index.id, index.settings_serial, shared);
    Ok(Some(Known { names, checked: seen.checked }))
}

/// Asks the upstream of a mirror for its list now, if there ever was one, and stores what that changes.
pub async fn now(service: &Service, index: &Arc<Index>) -> Result<()> {
    store::mirrors::expire_list(&service.db().await?, index.id).await?;
    let list = service.mirrored.list(index.id, index.settings_serial);
    {
        let mut list = list.list.lock().await;
        if list.digest.is_none() && store::mirrors::list(&service.db().await?, index.id).await?.is_none() {
            return Ok(());
        }
        list.good_until = None;
    }
    of_mirror(service, index).await.map(drop)
}

/// The names of the projects of one index: of a stage its own, of a mirror what its upstream lists, or without such a list
/// those that are known of it.
pub async fn names(service: &Service, index: &Arc<Index>) -> Result<Arc<Names>> {
    match of_mirror(service, index).await? {
        Some(Listed { names, digest: Some(_), .. }) => Ok(names),
        _ => {
            let names = store::projects::names(&service.db().await?, index.id, Serial::NOW).await?;
            Ok(Arc::new(Names::collect(names)))
        }
    }
}

/// A body that ends in an error when it takes too long, so that the thread that reads it ends.
fn bounded<E: From<io::Error>>(
    stream: impl Stream<Item = Result<Bytes, E>>,
) -> impl Stream<Item = Result<Bytes, E>> {
    let began = Instant::now();
    let late = async move {
        (began.elapsed() >= LONGEST_FETCH).then(|| Err(io::Error::other("it takes too long").into()))
    };
    stream
        .take_until(tokio::time::sleep(LONGEST_FETCH))
        .chain(futures::stream::once(late).filter_map(std::future::ready))
}

struct Look {
    service: Service,
    index: Arc<Index>,
    mirror: Arc<Mirror>,
    url: Url,
    shared: Arc<SharedList>,
}

impl Look {
    async fn renew(&self, list: &mut List) {
        let renewed = tokio::time::timeout(LONGEST_FETCH, self.try_renew(list)).await;
        match renewed.unwrap_or(Err(Error::Unavailable)) {
            Ok(good_for) => {
                list.good_until = Instant::now().checked_add(good_for);
                list.stale_since = None;
            }
            Err(error) => {
                tracing::warn!(%error, index = %self.index.name, "the list of a mirror could not be renewed");
                if let Error::Upstream(reason) = &error {
                    freshness::failed(&self.service, self.index.id, reason).await;
                }
                list.good_until = Instant::now().checked_add(FAILURE_LASTS);
                list.stale_since.get_or_insert_with(Instant::now);
            }
        }
    }

    /// Brings the list up to date; returns for how long it is good.
    async fn try_renew(&self, list: &mut List) -> Result<Duration> {
        let expiry = self.mirror.cache_expiry;
        let db = self.service.db().await?;
        let seen = store::mirrors::list(&db, self.index.id).await?.unwrap_or_default();
        let known = seen.source == self.url.as_str();
        if known && seen.digest.is_some() && seen.digest != list.digest {
            self.load(list).await?;
        }
        if known
            && seen.digest.is_some()
            && let Some(rest) =
                seen.checked.and_then(|age| expiry.checked_sub(age)).filter(|rest| !rest.is_zero())
        {
            return Ok(rest);
        }
        if !store::mirrors::lease_list(&db, self.index.id, TIMEOUT).await? && list.digest.is_some() {
            return Ok(FAILURE_LASTS.min(expiry));
        }
        drop(db);
        let asked = self.ask(list, seen, known).await;
        if asked.is_err() {
            store::mirrors::release_list(&self.service.db().await?, self.index.id).await?;
        }
        asked.map(|()| expiry)
    }

    async fn load(&self, list: &mut List) -> Result<()> {
        if let Some((digest, names)) = store::mirrors::names(&self.service.db().await?, self.index.id).await?
        {
            self.show(list, names, digest);
        }
        Ok(())
    }

    fn show(&self, list: &mut List, names: Names, digest: String) {
        list.names = Arc::new(names);
        self.shared.show(&list.names, &digest);
        list.digest = Some(digest);
        self.service.mirrored.weigh_list(self.index.id, self.index.settings_serial, self.shared.clone());
    }

    async fn ask(&self, list: &mut List, seen: Seen, known: bool) -> Result<()> {
        let validators = match known && seen.digest.is_some() && seen.digest == list.digest {
            true => Validators { etag: seen.etag.clone(), last_modified: seen.last_modified.clone() },
            false => Validators::default(),
        };
        metrics::counter!("wheelyard_upstream_page_requests_total").increment(1);
        let answer = self.service.upstream.page(&self.mirror, &self.url, &validators).await?;
        let (head, response) = match answer {
            Answer::NotModified => {
                return store::mirrors::keep_list(&self.service.db().await?, self.index.id, &seen, None)
                    .await;
            }
            Answer::Modified(list) => list,
        };
        let (base, content_type) = (response.url().clone(), head.content_type);
        let stream =
            response.bytes_stream().map_err(|error| io::Error::other(error.without_url().to_string()));
        let reader = SyncIoBridge::new(StreamReader::new(Box::pin(bounded(stream))));
        let read = tokio::task::spawn_blocking(move || {
            let names = upstream::list::read(reader, &content_type, &base)?;
            let digest = hex::encode(Sha256::digest(names.as_text()));
            let packed = store::mirrors::pack(&names);
            Ok::<_, String>((names, digest, packed))
        });
        let read = read.await.map_err(|error| Error::Internal(error.to_string()))?;
        let (names, digest, packed) = read.map_err(|reason| Failure::broken(reason, &self.url))?;
        if let Some((events, serial)) = &head.events {
            follow::noticed(&self.service, &self.index, self.url.as_str(), events, *serial).await;
        }
        let now = Seen {
            source: self.url.to_string(),
            digest: Some(digest.clone()),
            etag: head.validators.etag,
            last_modified: head.validators.last_modified,
            ..Seen::default()
        };
        if known && seen.digest.as_ref() == Some(&digest) {
            store::mirrors::keep_list(&self.service.db().await?, self.index.id, &now, None).await?;
        } else {
            self.keep(&now, &packed).await?;
        }
        self.show(list, names, digest);
        Ok(())
    }

    /// Stores another list than before, in one change.
    async fn keep(&self, now: &Seen, packed: &[u8]) -> Result<()> {
        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, None).await?;
        let current = store::indexes::share(&mut change, &self.index.name).await?;
        if current.id != self.index.id || !current.mirrors(self.url.as_str()) {
            return Err(Error::NoSuchIndex(self.index.name.to_string()));
        }
        store::mirrors::keep_list(&change, self.index.id, now, Some(packed)).await?;
        store::projects::touch_list(&mut change, &current);
        change.log(Event::index(EventKind::MirrorList, &self.index.name));
        change.commit().await?;
        reading::begin(&self.service).await?;
        Ok(())
    }
}

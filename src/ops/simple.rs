//! Simple pages, rendered once for each page serial (DESIGN, The serial).

use crate::{
    cache::{
        mirrored::Pending,
        pages::{Answer, AsOf, Asked, Coding, PageKey},
    },
    error::{Error, Result},
    model::{
        access::Caller,
        index::Index,
        list::ListPage,
        name::{IndexName, ProjectName},
        names::Names,
        page::{Base, Format, PageFile, ProjectPage, Status},
        resolution::View,
        serial::Serial,
    },
    ops::{
        coding,
        list::{self, Listed},
        mirrored, pypi_json, resolve,
    },
    service::Service,
    store,
    timing::{self, Phase},
};
use bytes::Bytes;
use metrics::Counter;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, LazyLock},
    time::Duration,
};

/// A page that the caller may see; its bytes are made only when [`Page::body`] asks for them.
pub struct Page {
    answer: Arc<Answer>,
    /// The indexes that take part, in order; none where no mirror does, and it is no list.
    indexes: Vec<Arc<Index>>,
    /// What upstreams said that is not stored yet, by the id of the mirror.
    pending: Vec<(i64, Arc<Pending>)>,
    /// The lists of mirrors, by their ids.
    lists: HashMap<i64, Listed>,
    /// Some upstream could not be asked; this is how old its part is.
    pub stale: Option<Duration>,
    /// `X-PyPI-Last-Serial`: on a mirror's own page the upstream's, else that as of which the page is right. The page's own
    /// is not it: with a base that is deleted it may fall, and whoever mirrors us would take the page for an old one.
    pub last_serial: i64,
}

/// The bytes of a page.
pub enum Body {
    Whole(Bytes),
    /// A list that is too long to be held.
    Pieces(Box<dyn Iterator<Item = io::Result<Bytes>> + Send>),
}

/// Which page, and in which form.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub index: &'a IndexName,
    pub view: View,
    /// For [`Format::PypiJson`]: of the project only this release.
    pub version: Option<&'a str>,
    pub format: Format,
    pub coding: Coding,
    pub base: &'a Base,
}

impl Wanted<'_> {
    fn key(&self, project: Option<&ProjectName>, order: &[Arc<Index>], serial: Serial) -> PageKey {
        PageKey {
            index: self.index.clone(),
            view: self.view,
            project: project.cloned(),
            version: self.version.map(str::to_owned),
            format: self.format,
            coding: self.coding,
            base: self.base.clone(),
            order: order.iter().map(|index| index.id).collect(),
            pending: Vec::new(),
            blocked: None,
            left_out: false,
            serial,
        }
    }

    fn asked(&self, caller: &Caller, project: &ProjectName) -> Asked {
        Asked {
            user: caller.user.clone(),
            limit: caller.limit().cloned(),
            index: self.index.clone(),
            view: self.view,
            project: project.clone(),
            version: self.version.map(str::to_owned),
            format: self.format,
            coding: self.coding,
            base: self.base.clone(),
        }
    }
}

/// The page of one project.
///
/// # Errors
/// Those of [`mirrored::sources`].
pub async fn project(
    service: &Service,
    caller: &Caller,
    wanted: Wanted<'_>,
    project: &ProjectName,
) -> Result<Page> {
    let asked = wanted.asked(caller, project);
    let as_of = (service.gate.serial(), service.page_serials.ticket());
    if let Some(answer) = service.answers.at(&asked, as_of) {
        return Ok(Page::of_stages(answer, as_of.0));
    }
    // What is seldom needed is not to be moved about with each request.
    Box::pin(looked_up(service, caller, wanted, asked, as_of)).await
}

/// The page of one project, from the serials of what it is made of.
async fn looked_up(
    service: &Service,
    caller: &Caller,
    wanted: Wanted<'_>,
    asked: Asked,
    as_of: AsOf,
) -> Result<Page> {
    let project = &asked.project;
    let sources = mirrored::sources(service, caller, wanted.index, project, wanted.view).await?;
    let scope = sources.scope;
    let key = PageKey {
        pending: sources.pending.iter().map(|(id, pending)| (*id, pending.digest.clone())).collect(),
        blocked: scope.blocked.clone(),
        left_out: sources.left_out,
        ..wanted.key(Some(project), &scope.order, scope.page_serial().min(sources.known))
    };
    let answer = answer(service, key, scope.restricted);
    if scope.order.iter().all(|index| index.mirror.is_none()) {
        service.answers.keep(asked, as_of, answer.clone());
        return Ok(Page::of_stages(answer, as_of.0));
    }
    let upstream_serial = sources.upstream_serial.filter(|_| wanted.format != Format::PypiJson);
    Ok(Page {
        indexes: scope.order,
        pending: sources.pending,
        stale: sources.stale.or(sources.left_out.then_some(Duration::ZERO)),
        last_serial: upstream_serial.unwrap_or(sources.known.0),
        ..Page::of_stages(answer, sources.known)
    })
}

/// The list of projects.
///
/// # Errors
/// Those of [`resolve::scope`].
pub async fn list(service: &Service, caller: &Caller, wanted: Wanted<'_>) -> Result<Page> {
    let mut known = service.gate.serial();
    let mut scope = resolve::scope(service, caller, wanted.index, None, wanted.view).await?;
    let mut lists = HashMap::new();
    for index in scope.order.iter().filter(|index| index.mirror.is_some()) {
        if let Some(listed) = list::of_mirror(service, index).await? {
            lists.insert(index.id, listed);
        }
    }
    if scope.order.iter().any(|index| index.mirror.is_some()) {
        known = service.gate.serial();
        scope = resolve::scope(service, caller, wanted.index, None, wanted.view).await?;
    }
    let mut serial = scope.page_serial();
    if wanted.format == Format::Json {
        // It tells the last change of each project.
        serial = serial.max(resolve::last_change(service, &scope.order).await?);
    }
    let digest = |index: &Arc<Index>| Some((index.id, lists.get(&index.id)?.digest.clone()?));
    let key = PageKey {
        pending: scope.order.iter().filter_map(digest).collect(),
        ..wanted.key(None, &scope.order, serial.min(known))
    };
    let stale = lists.values().filter_map(|listed| listed.stale).max();
    let answer = answer(service, key, scope.restricted);
    Ok(Page { indexes: scope.order, lists, stale, ..Page::of_stages(answer, known) })
}

/// The last change of what an index and its bases have, and of each project, as a list in JSON tells them.
///
/// # Errors
/// Those of [`resolve::scope`].
pub async fn last_serials(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
) -> Result<(Serial, HashMap<String, Serial>)> {
    let known = service.gate.serial();
    let scope = resolve::scope(service, caller, index, None, View::All).await?;
    let last = scope.page_serial().max(resolve::last_change(service, &scope.order).await?).min(known);
    Ok((last, serials_of(service, &scope.order, last).await?))
}

/// The last change of each project, as of a serial. Those of their settings are changes of all.
async fn serials_of(service: &Service, order: &[Arc<Index>], at: Serial) -> Result<HashMap<String, Serial>> {
    let ids: Vec<i64> = order.iter().map(|index| index.id).collect();
    let settings = order.iter().map(|index| index.settings_serial).max().unwrap_or_default();
    let mut serials = store::projects::last_serials(&service.db().await?, &ids, at).await?;
    for serial in serials.values_mut() {
        *serial = settings.max(*serial);
    }
    Ok(serials)
}

/// The answer with its entity tag, which is the same on every process, and another for any other bytes, those of another
/// version of this program included.
fn answer(service: &Service, key: PageKey, private: bool) -> Arc<Answer> {
    let version = env!("CARGO_PKG_VERSION");
    let digest = Sha256::digest(format!("{version} {} {key:?}", service.uuid));
    Arc::new(Answer { key, private, etag: hex::encode(&digest[..16]) })
}

impl Page {
    /// A page of stages alone, right as of a serial.
    fn of_stages(answer: Arc<Answer>, as_of: Serial) -> Self {
        Self {
            answer,
            indexes: Vec::new(),
            pending: Vec::new(),
            lists: HashMap::new(),
            stale: None,
            last_serial: as_of.0,
        }
    }

    /// Names the bytes of the page: hex, without quotes.
    pub fn etag(&self) -> &str {
        &self.answer.etag
    }

    /// Not everybody sees the same page here.
    pub fn is_private(&self) -> bool {
        self.answer.private
    }

    /// The bytes, coded as asked for.
    ///
    /// # Errors
    /// [`Error::NoSuchProject`] when no index of the order has the project.
    pub async fn body(&self, service: &Service) -> Result<Body> {
        static SERVED: LazyLock<Counter> =
            LazyLock::new(|| metrics::counter!("wheelyard_pages_served_total"));
        SERVED.increment(1);
        let key = &self.answer.key;
        if self.lists.values().any(|listed| listed.digest.is_some()) {
            let pieces = self.list(service).await?.pieces(key.format, key.base.list_prefix(key.view));
            return Ok(Body::Pieces(coding::pieces(pieces, key.coding).map_err(broken)?));
        }
        let from_memory = timing::of(Phase::Cache, service.pages.get(key)).await;
        let page = match from_memory {
            Some(page) => page,
            // See `project`.
            None => Box::pin(timing::of(Phase::Cache, self.coded(service, key))).await?,
        };
        page.map(Body::Whole).ok_or_else(|| {
            Error::NoSuchProject(key.project.as_ref().map_or_else(String::new, ToString::to_string))
        })
    }

    /// The bytes from memory, or else coded from those that are not.
    async fn coded(&self, service: &Service, key: &PageKey) -> Result<Option<Bytes>> {
        if key.coding == Coding::Identity {
            return self.plain(service, key).await;
        }
        let made = service.pages.try_get_with_by_ref(key, async {
            let plain = PageKey { coding: Coding::Identity, ..key.clone() };
            let Some(page) = self.plain(service, &plain).await? else { return Ok(None) };
            let coding = key.coding;
            let coded = blocking(move || coding::whole(std::iter::once(page), coding)).await?;
            coded.map(Some).map_err(broken)
        });
        made.await.map_err(|error: Arc<Error>| (*error).clone())
    }

    /// The bytes as they are, from memory or else rendered.
    async fn plain(&self, service: &Service, key: &PageKey) -> Result<Option<Bytes>> {
        let made = service.pages.try_get_with_by_ref(key, async {
            match self.make(service).await {
                Ok(page) => Ok(Some(page)),
                Err(Error::NoSuchProject(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        made.await.map_err(|error| (*error).clone())
    }

    async fn make(&self, service: &Service) -> Result<Bytes> {
        metrics::counter!("wheelyard_pages_rendered_total").increment(1);
        let PageKey { format, view, .. } = self.answer.key;
        let base = self.answer.key.base.clone();
        if let Some(project) = &self.answer.key.project {
            let mut page = self.project(service, project).await?;
            if format == Format::PypiJson {
                return pypi_json::render(service, &self.answer.key, page).await;
            }
            let rendered = blocking(move || {
                page.arrange();
                page.render(format, &base)
            });
            let rendered = rendered.await?.map_err(|error| Error::Internal(format!("{error:#}")))?;
            return Ok(rendered.into());
        }
        let list = self.list(service).await?;
        let listed =
            blocking(move || coding::whole(list.pieces(format, base.list_prefix(view)), Coding::Identity));
        listed.await?.map_err(broken)
    }

    /// Reads the rows of a project page as of its page serial: what a later change did is not in it.
    async fn project(&self, service: &Service, project: &ProjectName) -> Result<ProjectPage> {
        let key = &self.answer.key;
        let ids = &key.order;
        let mirrors = self.indexes.iter().filter(|index| index.mirror.is_some());
        let mirrors: HashMap<i64, &IndexName> = mirrors.map(|index| (index.id, &index.name)).collect();
        let db = service.db().await?;
        let (statuses, versions, files, mut links) = tokio::try_join!(
            store::projects::statuses(&db, ids, project, key.serial),
            store::releases::versions(&db, ids, project, key.serial),
            store::files::of_project(&db, ids, project, None, key.serial),
            mirrored::links_of(&db, mirrors.keys().copied(), &self.pending, project, key.serial),
        )?;
        let mut statuses: HashMap<i64, Status> = statuses.into_iter().collect();
        statuses.extend(self.pending.iter().map(|(id, pending)| (*id, pending.page.status.clone())));
        let status = ids.iter().find_map(|id| statuses.get(id)).cloned();
        let mut page = ProjectPage {
            index: key.index.clone(),
            project: project.clone(),
            serial: key.serial,
            // devpi: with a mirror that could not be asked, nobody can say that there is no such project.
            status: status
                .or_else(|| key.left_out.then(Status::default))
                .ok_or_else(|| Error::NoSuchProject(project.to_string()))?,
            versions: Vec::new(),
            files: Vec::new(),
            blocked: key.blocked.clone(),
            refresh: (!mirrors.is_empty() && key.view == View::All).then(|| {
                match mirrors.contains_key(&ids[0]) {
                    true => "Refresh",
                    false => "Refresh mirror links",
                }
            }),
        };
        for id in ids {
            if statuses.get(id).is_none_or(Status::is_quarantined) {
                continue;
            }
            if let Some(mirror) = mirrors.get(id) {
                let linked = links.remove(id).unwrap_or_default();
                page.versions.extend(linked.iter().map(|link| link.version.clone()));
                page.files.extend(linked.iter().map(|link| PageFile::of_mirror(mirror, link)));
                continue;
            }
            let own = versions.iter().filter(|(of, _)| of == id);
            page.versions.extend(own.map(|(_, version)| version.clone()));
            let own = files.iter().filter(|(of, _)| of == id);
            page.files.extend(own.map(|(_, file)| PageFile::of_stage(file)));
        }
        Ok(page)
    }

    async fn list(&self, service: &Service) -> Result<ListPage> {
        let key = &self.answer.key;
        let serials = match key.format {
            Format::Json => serials_of(service, &self.indexes, key.serial).await?,
            _ => HashMap::new(),
        };
        let mut page =
            ListPage { index: key.index.clone(), indexes: Vec::new(), serial: key.serial, serials };
        for index in &self.indexes {
            let listed = self.lists.get(&index.id).filter(|listed| listed.digest.is_some());
            let names = match listed {
                Some(listed) => listed.names.clone(),
                None => {
                    let db = service.db().await?;
                    Arc::new(Names::collect(store::projects::names(&db, index.id, key.serial).await?))
                }
            };
            // A base that this reader may not see is not named either.
            let seen = |base: &&IndexName| self.indexes.iter().any(|index| index.name == **base);
            page.indexes.push((
                index.name.clone(),
                index.bases.iter().filter(seen).cloned().collect(),
                names,
            ));
        }
        Ok(page)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: io::Error) -> Error {
    Error::Internal(format!("coding a page: {error}"))
}

/// Renders on a thread of its own.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let rendered = timing::of(Phase::Rendering, tokio::task::spawn_blocking(work)).await;
    rendered.map_err(|error| Error::Internal(error.to_string()))
}

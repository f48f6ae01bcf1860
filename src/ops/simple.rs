//! Simple pages, rendered once for each page serial (DESIGN, The serial).

use crate::{
    cache::{Coding, PageKey, mirrored::Pending},
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
        list::{self, Listed},
        mirrored, resolve,
    },
    service::Service,
    store,
    timing::{self, Phase},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, io::Write, sync::Arc, time::Duration};

/// A page that the caller may see; its bytes are made only when [`Page::body`] asks for them.
pub struct Page {
    key: PageKey,
    order: Vec<Arc<Index>>,
    /// What upstreams said that is not stored yet, by the id of the mirror.
    pending: Vec<(i64, Arc<Pending>)>,
    /// The lists of mirrors, by their ids.
    lists: HashMap<i64, Listed>,
    /// Not everybody sees the same page here.
    pub private: bool,
    /// Some upstream could not be asked; this is how old its part is.
    pub stale: Option<Duration>,
    /// `X-PyPI-Last-Serial`, on a mirror's own page.
    pub upstream_serial: Option<i64>,
}

/// The bytes of a page.
pub enum Body {
    Whole(Bytes),
    /// A list that is too long to be held.
    Pieces(Box<dyn Iterator<Item = Bytes> + Send>),
}

/// Which page, and in which form.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub index: &'a IndexName,
    pub view: View,
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
    let sources = mirrored::sources(service, caller, wanted.index, project, wanted.view).await?;
    let scope = sources.scope;
    let key = PageKey {
        pending: sources.pending.iter().map(|(id, pending)| (*id, pending.digest.clone())).collect(),
        blocked: scope.blocked.clone(),
        left_out: sources.left_out,
        ..wanted.key(Some(project), &scope.order, scope.page_serial().min(sources.known))
    };
    Ok(Page {
        key,
        order: scope.order,
        pending: sources.pending,
        lists: HashMap::new(),
        private: scope.restricted,
        stale: sources.stale.or(sources.left_out.then_some(Duration::ZERO)),
        upstream_serial: sources.upstream_serial,
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
    let digest = |index: &Arc<Index>| Some((index.id, lists.get(&index.id)?.digest.clone()?));
    let key = PageKey {
        pending: scope.order.iter().filter_map(digest).collect(),
        ..wanted.key(None, &scope.order, scope.page_serial().min(known))
    };
    let stale = lists.values().filter_map(|listed| listed.stale).max();
    let (order, private) = (scope.order, scope.restricted);
    Ok(Page { key, order, pending: Vec::new(), lists, private, stale, upstream_serial: None })
}

impl Page {
    /// Names the bytes of the page: the same on every process, another for any other bytes, those of another version of
    /// this program included. Hex, without quotes.
    pub fn etag(&self, service: &Service) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let digest = Sha256::digest(format!("{version} {} {:?}", service.uuid, self.key));
        hex::encode(&digest[..16])
    }

    /// The bytes, coded as asked for.
    ///
    /// # Errors
    /// [`Error::NoSuchProject`] when no index of the order has the project.
    pub async fn body(&self, service: &Service) -> Result<Body> {
        metrics::counter!("wheelyard_pages_served_total").increment(1);
        if self.lists.values().any(|listed| listed.digest.is_some()) {
            let pieces =
                self.list(service).await?.pieces(self.key.format, self.key.base.list_prefix(self.key.view));
            return Ok(Body::Pieces(coded(pieces, self.key.coding)));
        }
        let made = service.pages.try_get_with_by_ref(&self.key, async {
            match self.make(service).await {
                Ok(page) => Ok(Some(page)),
                Err(Error::NoSuchProject(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let page = timing::of(Phase::Cache, made).await.map_err(|error| (*error).clone())?;
        page.map(Body::Whole).ok_or_else(|| {
            Error::NoSuchProject(self.key.project.as_ref().map_or_else(String::new, ToString::to_string))
        })
    }

    async fn make(&self, service: &Service) -> Result<Bytes> {
        metrics::counter!("wheelyard_pages_rendered_total").increment(1);
        let PageKey { format, coding, view, .. } = self.key;
        let base = self.key.base.clone();
        if let Some(project) = &self.key.project {
            let mut page = self.project(service, project).await?;
            let rendered = blocking(move || {
                page.arrange();
                let rendered = page.render(format, &base)?;
                Ok::<_, minijinja::Error>(whole(std::iter::once(rendered), coding))
            });
            return rendered.await?.map_err(|error| Error::Internal(format!("{error:#}")));
        }
        let list = self.list(service).await?;
        blocking(move || {
            let pieces = list.pieces(format, base.list_prefix(view));
            whole(pieces.map(String::into_bytes), coding)
        })
        .await
    }

    /// Reads the rows of a project page as of its page serial: what a later change did is not in it.
    async fn project(&self, service: &Service, project: &ProjectName) -> Result<ProjectPage> {
        let Self { key, order, .. } = self;
        let ids = &key.order;
        let is_mirrored = order.iter().any(|index| index.mirror.is_some());
        let db = service.db().await?;
        let (statuses, versions, files, mut links) = tokio::try_join!(
            store::projects::statuses(&db, ids, project, key.serial),
            store::releases::versions(&db, ids, project, key.serial),
            store::files::of_project(&db, ids, project, None, key.serial),
            mirrored::links_of(&db, order, &self.pending, project, key.serial),
        )?;
        let mut statuses: HashMap<i64, Status> = statuses.into_iter().collect();
        statuses.extend(self.pending.iter().map(|(id, pending)| (*id, pending.page.status.clone())));
        let status = order.iter().find_map(|index| statuses.get(&index.id)).cloned();
        let mut page = ProjectPage {
            index: key.index.clone(),
            project: project.clone(),
            // devpi: with a mirror that could not be asked, nobody can say that there is no such project.
            status: status
                .or_else(|| key.left_out.then(Status::default))
                .ok_or_else(|| Error::NoSuchProject(project.to_string()))?,
            versions: Vec::new(),
            files: Vec::new(),
            blocked: key.blocked.clone(),
            refresh: (is_mirrored && key.view == View::All).then(|| match order[0].mirror {
                Some(_) => "Refresh",
                None => "Refresh mirror links",
            }),
        };
        for index in order {
            if statuses.get(&index.id).is_none_or(Status::is_quarantined) {
                continue;
            }
            if index.mirror.is_some() {
                let linked = links.remove(&index.id).unwrap_or_default();
                page.versions.extend(linked.iter().map(|link| link.version.clone()));
                page.files.extend(linked.iter().map(|link| PageFile::of_mirror(&index.name, link)));
                continue;
            }
            let own = versions.iter().filter(|(id, _)| *id == index.id);
            page.versions.extend(own.map(|(_, version)| version.clone()));
            let own = files.iter().filter(|(id, _)| *id == index.id);
            page.files.extend(own.map(|(_, file)| PageFile::of_stage(file)));
        }
        Ok(page)
    }

    async fn list(&self, service: &Service) -> Result<ListPage> {
        let mut page = ListPage { index: self.key.index.clone(), indexes: Vec::new() };
        for index in &self.order {
            let listed = self.lists.get(&index.id).filter(|listed| listed.digest.is_some());
            let names = match listed {
                Some(listed) => listed.names.clone(),
                None => {
                    let db = service.db().await?;
                    Arc::new(Names::collect(store::projects::names(&db, index.id, self.key.serial).await?))
                }
            };
            // A base that this reader may not see is not named either.
            let seen = |base: &&IndexName| self.order.iter().any(|index| index.name == **base);
            page.indexes.push((
                index.name.clone(),
                index.bases.iter().filter(seen).cloned().collect(),
                names,
            ));
        }
        Ok(page)
    }
}

/// The pieces in one.
fn whole(pieces: impl Iterator<Item = Vec<u8>>, coding: Coding) -> Bytes {
    match coding {
        Coding::Identity => pieces.flatten().collect::<Vec<u8>>().into(),
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            // Writing to memory does not fail.
            pieces.for_each(|piece| drop(encoder.write_all(&piece)));
            encoder.finish().unwrap_or_default().into()
        }
    }
}

/// The pieces as they come.
fn coded(
    mut pieces: Box<dyn Iterator<Item = String> + Send>,
    coding: Coding,
) -> Box<dyn Iterator<Item = Bytes> + Send> {
    if coding == Coding::Identity {
        return Box::new(pieces.map(Bytes::from));
    }
    let mut encoder = Some(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    Box::new(std::iter::from_fn(move || {
        while let Some(running) = &mut encoder {
            let Some(piece) = pieces.next() else {
                return encoder.take()?.finish().ok().map(Bytes::from);
            };
            let _ = running.write_all(piece.as_bytes());
            let packed = std::mem::take(running.get_mut());
            if !packed.is_empty() {
                return Some(packed.into());
            }
        }
        None
    }))
}

/// Renders on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let rendered = timing::of(Phase::Rendering, tokio::task::spawn_blocking(work)).await;
    rendered.map_err(|error| Error::Internal(error.to_string()))
}

//! What an index and its mirrors have of a project now, stored or not.

use crate::{
    cache::mirrored::{Pending, Said},
    error::Result,
    model::{
        access::Caller,
        filename,
        index::Index,
        link::Link,
        name::{IndexName, ProjectName},
        page::Status,
        resolution::View,
        serial::Serial,
    },
    ops::{
        reading, refresh,
        resolve::{self, Scope},
    },
    service::Service,
    store::{links, projects},
};
use deadpool_postgres::Object;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// What a page is made from.
pub struct Sources {
    pub scope: Scope,
    /// What upstreams said that is not stored yet, by the id of the mirror.
    pub pending: Vec<(i64, Arc<Pending>)>,
    /// Some mirror could not be asked; this is how old the oldest part is.
    pub stale: Option<Duration>,
    /// Some mirror failed that nothing is known of, so it is left out.
    pub left_out: bool,
    /// `X-PyPI-Last-Serial`, on a mirror's own page.
    pub upstream_serial: Option<i64>,
    /// The serial up to which all of this is known.
    pub known: Serial,
}

impl Sources {
    /// The ids of the mirrors that take part.
    pub fn mirrors(&self) -> impl Iterator<Item = i64> {
        self.scope.order.iter().filter(|index| index.mirror.is_some()).map(|index| index.id)
    }

    /// Of these indexes, the ids of those that have the project.
    pub fn having(&self) -> Vec<i64> {
        let pairs = self.scope.order.iter().zip(&self.scope.presences);
        let stored = pairs.filter(|(_, presence)| presence.exists).map(|(index, _)| index.id);
        stored.chain(self.pending.iter().map(|(id, _)| *id)).collect()
    }

    /// The status of the project on the first index that has it.
    pub async fn status(&self, db: &Object, project: &ProjectName) -> Result<Status> {
        let ids: Vec<i64> = self.scope.order.iter().map(|index| index.id).collect();
        let stored = projects::statuses(db, &ids, project, Serial::NOW).await?;
        let mut statuses: HashMap<i64, Status> = stored.into_iter().collect();
        statuses.extend(self.pending.iter().map(|(id, pending)| (*id, pending.page.status.clone())));
        Ok(ids.iter().find_map(|id| statuses.remove(id)).unwrap_or_default())
    }
}

/// What there is of a project on an index that the caller may read. Upstreams are asked where that is due.
///
/// # Errors
/// Those of [`resolve::scope`]; [`crate::error::Error::Upstream`] when the index that is asked is itself a mirror that failed.
pub async fn sources(
    service: &Service,
    caller: &Caller,
    name: &IndexName,
    project: &ProjectName,
    view: View,
) -> Result<Sources> {
    // Rights are at least as new as this, and so they are never older than what they give access to.
    let known = service.gate.serial();
    let scope = resolve::scope(service, caller, name, Some(project), view).await?;
    let mut sources =
        Sources { scope, pending: Vec::new(), stale: None, left_out: false, upstream_serial: None, known };
    if sources.scope.order.iter().all(|index| index.mirror.is_none()) {
        return Ok(sources);
    }
    let pairs = sources.scope.order.iter().zip(&sources.scope.presences);
    let mirrors = pairs.filter(|(index, _)| index.mirror.is_some());
    let asked = mirrors.map(async |(index, presence)| {
        (index.clone(), refresh::project(service, index, project, *presence).await)
    });
    let said = futures::future::join_all(asked).await;
    // What was stored meanwhile is to be seen, and rights may have changed.
    if sources.scope.page_serial() > service.gate.serial() {
        reading::begin(service).await?;
    }
    sources.known = service.gate.serial();
    sources.scope = resolve::scope(service, caller, name, Some(project), view).await?;
    for (index, said) in said {
        let is_asked_itself = index.name == *name;
        match said {
            Said::Rows { stale, upstream_serial } => {
                sources.stale = sources.stale.max(stale);
                sources.upstream_serial = upstream_serial.filter(|_| is_asked_itself);
            }
            Said::Newer(pending) => {
                sources.upstream_serial = pending.upstream_serial.filter(|_| is_asked_itself);
                if sources.scope.order.iter().any(|other| other.id == index.id) {
                    sources.pending.push((index.id, pending));
                }
            }
            Said::Missing => {}
            Said::Failed(error) if is_asked_itself => return Err(error),
            Said::Failed(_) => sources.left_out = true,
        }
    }
    Ok(sources)
}

/// The links of a project on each of these mirrors, by its id: what is not stored yet, else the rows as of a serial.
pub async fn links_of(
    db: &Object,
    mirrors: impl Iterator<Item = i64>,
    pending: &[(i64, Arc<Pending>)],
    project: &ProjectName,
    at: Serial,
) -> Result<HashMap<i64, Vec<Link>>> {
    let mirrors: Vec<i64> = mirrors.collect();
    let mut links: HashMap<i64, Vec<Link>> = HashMap::new();
    if mirrors.is_empty() {
        return Ok(links);
    }
    for (id, known) in links::of_project(db, &mirrors, project, at).await? {
        links.entry(id).or_default().push(known.link);
    }
    links.extend(pending.iter().map(|(id, pending)| (*id, pending.page.links.clone())));
    Ok(links)
}

/// The links of a project on exactly this mirror, none if it has no such project. Its upstream is asked where that is due.
///
/// # Errors
/// Those of [`sources`].
pub async fn links(
    service: &Service,
    caller: &Caller,
    mirror: &Index,
    project: &ProjectName,
) -> Result<Vec<Link>> {
    let sources = sources(service, caller, &mirror.name, project, View::Own).await?;
    let db = service.db().await?;
    let mut links = links_of(&db, sources.mirrors(), &sources.pending, project, Serial::NOW).await?;
    Ok(links.remove(&mirror.id).unwrap_or_default())
}

/// The link of a mirror whose file is at this path. Where none is known, the page of the project that the file name tells is
/// looked at.
pub async fn link_at(
    service: &Service,
    index: &Arc<Index>,
    entry: &str,
    filename: &str,
) -> Result<Option<links::Found>> {
    let stored = links::at_path(&service.db().await?, index.id, entry, filename).await?;
    if stored.is_some() {
        return Ok(stored);
    }
    let Some((name, _)) = filename::split(filename) else { return Ok(None) };
    let Ok(project) = ProjectName::parse(&name) else { return Ok(None) };
    let presence = resolve::presence(service, index, Some(&project)).await?;
    match refresh::project(service, index, &project, presence).await {
        Said::Newer(pending) => {
            let link = pending.page.find(entry, filename).cloned();
            Ok(link.map(|link| links::Found { project, link, is_open: false }))
        }
        Said::Rows { .. } => links::at_path(&service.db().await?, index.id, entry, filename).await,
        Said::Missing => Ok(None),
        Said::Failed(error) => Err(error),
    }
}

/// The link of a file after another look at its page, since the URL that is known does not work any more.
pub async fn link_again(
    service: &Service,
    index: &Arc<Index>,
    project: &ProjectName,
    entry: &str,
    filename: &str,
) -> Result<Option<Link>> {
    let presence = resolve::presence(service, index, Some(project)).await?;
    match refresh::now(service, index, project, presence, false).await {
        Said::Newer(pending) => Ok(pending.page.find(entry, filename).cloned()),
        _ => {
            let found = links::at_path(&service.db().await?, index.id, entry, filename).await?;
            Ok(found.map(|found| found.link))
        }
    }
}

/// Looks upstream now for a project on every mirror that takes part. Unlike devpi (`views.py`, `simple_refresh`) not on
/// those that a private project keeps out: they are not to hear of its name.
///
/// # Errors
/// Those of [`resolve::scope`]; [`crate::error::Error::Upstream`] when a mirror fails of which nothing is known.
pub async fn look_again(
    service: &Service,
    caller: &Caller,
    name: &IndexName,
    project: &ProjectName,
) -> Result<()> {
    let scope = resolve::scope(service, caller, name, Some(project), View::All).await?;
    let pairs = scope.order.iter().zip(&scope.presences);
    for (index, presence) in pairs.filter(|(index, _)| index.mirror.is_some()) {
        if let Said::Failed(error) = refresh::now(service, index, project, *presence, false).await {
            return Err(error);
        }
    }
    Ok(())
}

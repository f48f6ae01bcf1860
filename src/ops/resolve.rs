//! Indexes and page serials, from memory or else from the database.

use crate::{
    cache::page_serial::Presence,
    error::{Error, Result},
    model::{
        access::Caller,
        index::Index,
        name::{IndexName, ProjectName},
        resolution::{self, Known, View},
        serial::Serial,
    },
    service::Service,
    store,
};
use std::{collections::HashMap, sync::Arc};

/// An index that the caller may read.
///
/// # Errors
/// [`Error::NoSuchIndex`]; [`Error::Unauthorized`] or [`Error::Forbidden`] without the right to read it.
pub async fn readable(service: &Service, caller: &Caller, name: &IndexName) -> Result<Arc<Index>> {
    let index = index(service, name).await?;
    if service.policy.may_read(caller, &index) {
        return Ok(index);
    }
    Err(Error::denied(caller, "package read forbidden"))
}

/// An index of which the caller may read this project.
///
/// # Errors
/// As [`readable`].
pub async fn readable_project(
    service: &Service,
    caller: &Caller,
    name: &IndexName,
    project: &ProjectName,
) -> Result<Arc<Index>> {
    let index = readable(service, caller, name).await?;
    check_project(service, caller, &index, project)?;
    Ok(index)
}

/// Whether the caller may read this project of an index.
///
/// # Errors
/// [`Error::Unauthorized`] or [`Error::Forbidden`] without that right.
pub fn check_project(service: &Service, caller: &Caller, index: &Index, project: &ProjectName) -> Result<()> {
    match service.policy.may_read_project(caller, index, project) {
        true => Ok(()),
        false => Err(Error::denied(caller, format!("read of project {project} forbidden"))),
    }
}

/// An index, whoever asks.
///
/// # Errors
/// [`Error::NoSuchIndex`].
pub async fn index(service: &Service, name: &IndexName) -> Result<Arc<Index>> {
    let index = match service.page_serials.index(name) {
        Known::Index(index) => Some(index),
        Known::Missing => None,
        Known::Unknown => load(service, std::slice::from_ref(name)).await?.remove(name).flatten(),
    };
    index.ok_or_else(|| Error::NoSuchIndex(name.to_string()))
}

/// The indexes of these names, whoever asks; `None` where there is none.
pub async fn indexes(
    service: &Service,
    names: impl IntoIterator<Item = IndexName>,
) -> Result<HashMap<IndexName, Option<Arc<Index>>>> {
    let (mut found, mut unknown) = (HashMap::new(), Vec::new());
    for name in names {
        match service.page_serials.index(&name) {
            Known::Index(index) => drop(found.insert(name, Some(index))),
            Known::Missing => drop(found.insert(name, None)),
            Known::Unknown => unknown.push(name),
        }
    }
    if !unknown.is_empty() {
        found.extend(load(service, &unknown).await?);
    }
    Ok(found)
}

/// All indexes, by name, whoever asks.
pub async fn all(service: &Service) -> Result<Arc<[Arc<Index>]>> {
    let ticket = service.page_serials.ticket();
    if let Some(all) = service.page_serials.all() {
        return Ok(all);
    }
    let all = store::indexes::all(&service.db().await?, None).await?;
    let all: Arc<[Arc<Index>]> = all.into_iter().map(Arc::new).collect();
    service.page_serials.keep_all(ticket, &all);
    Ok(all)
}

/// The indexes that answer for this one, in resolution order, whoever asks.
pub async fn whole_order(service: &Service, name: &IndexName) -> Result<Vec<Arc<Index>>> {
    let mut loaded = HashMap::new();
    loop {
        let order = match loaded.is_empty() {
            true => service.page_serials.order(name),
            false => resolution::order(name, |name| match loaded.get(name) {
                Some(Some(index)) => Known::Index(Arc::clone(index)),
                Some(None) => Known::Missing,
                None => service.page_serials.index(name),
            }),
        };
        match order {
            Ok(order) => return Ok(order),
            Err(unknown) => loaded.extend(load(service, &unknown).await?),
        }
    }
}

/// What answers for a project, or for the list of projects, of an index.
pub struct Scope {
    /// The indexes that take part for this caller, in resolution order.
    pub order: Vec<Arc<Index>>,
    /// What is known of the project (or list) on each of them.
    pub presences: Vec<Presence>,
    /// The first mirror that is kept out because a stage has the project.
    pub blocked: Option<IndexName>,
    /// Not everybody sees the same here.
    pub restricted: bool,
}

impl Scope {
    /// The newest among the settings of the indexes and the project (or list) on them: what a page may depend on.
    pub fn page_serial(&self) -> Serial {
        let pairs = self.order.iter().zip(&self.presences);
        pairs.map(|(index, presence)| index.settings_serial.max(presence.serial)).max().unwrap_or_default()
    }
}

/// What answers for a project, or with `None` for the list of projects, of an index that the caller may read.
///
/// A private project keeps mirrors out also where the caller may not read the stage that has it.
///
/// # Errors
/// As [`readable`].
pub async fn scope(
    service: &Service,
    caller: &Caller,
    name: &IndexName,
    project: Option<&ProjectName>,
    view: View,
) -> Result<Scope> {
    match project {
        Some(project) => readable_project(service, caller, name, project).await?,
        None => readable(service, caller, name).await?,
    };
    let whole: Vec<_> =
        whole_order(service, name).await?.into_iter().filter(|it| view.has(name, it)).collect();
    let presences = presences(service, &whole, project).await?;
    let private = project.is_some_and(|project| {
        let has = |stage: &Index| {
            whole.iter().zip(&presences).any(|(index, presence)| index.id == stage.id && presence.exists)
        };
        resolution::is_private(&whole, project, has)
    });
    let restricted = whole.iter().any(|index| index.acl_read.is_some());
    let mut scope = Scope { order: Vec::new(), presences: Vec::new(), blocked: None, restricted };
    for (index, presence) in whole.into_iter().zip(presences) {
        let may_read = match project {
            Some(project) => service.policy.may_read_project(caller, &index, project),
            None => service.policy.may_read(caller, &index),
        };
        if !may_read {
            continue;
        }
        if private && index.mirror.as_ref().is_some_and(|mirror| !mirror.whitelist_exempt) {
            scope.blocked.get_or_insert_with(|| index.name.clone());
            continue;
        }
        scope.order.push(index);
        scope.presences.push(presence);
    }
    Ok(scope)
}

/// What is known of a project, or with `None` of the list of projects, on one index.
pub async fn presence(
    service: &Service,
    index: &Arc<Index>,
    project: Option<&ProjectName>,
) -> Result<Presence> {
    let known = presences(service, std::slice::from_ref(index), project).await?;
    Ok(known.first().copied().unwrap_or_default())
}

/// The last change of anything on any of these indexes but their settings.
pub async fn last_change(service: &Service, order: &[Arc<Index>]) -> Result<Serial> {
    let ticket = service.page_serials.ticket();
    if let Some(serial) = service.page_serials.last_change(order) {
        return Ok(serial);
    }
    let ids: Vec<i64> = order.iter().map(|index| index.id).collect();
    let found: HashMap<i64, Serial> =
        store::projects::last_changes(&service.db().await?, &ids).await?.into_iter().collect();
    let loaded = order.iter().filter_map(|index| Some((index.name.clone(), *found.get(&index.id)?)));
    service.page_serials.keep_last_changes(ticket, loaded);
    Ok(found.into_values().max().unwrap_or_default())
}

/// What is known of a project, or with `None` of the list of projects, on each of these indexes.
pub async fn presences(
    service: &Service,
    order: &[Arc<Index>],
    project: Option<&ProjectName>,
) -> Result<Vec<Presence>> {
    let ticket = service.page_serials.ticket();
    if let Some(presences) = service.page_serials.presences(order, project) {
        return Ok(presences);
    }
    // All of them, the known ones too: these may be forgotten while the others are loaded.
    let ids: Vec<i64> = order.iter().map(|index| index.id).collect();
    let db = service.db().await?;
    let found: HashMap<i64, Presence> = match project {
        Some(project) => {
            let serials = store::projects::serials(&db, &ids, project).await?.into_iter();
            serials.map(|(id, serial, exists)| (id, Presence { serial, exists })).collect()
        }
        None => {
            let serials = store::projects::list_serials(&db, &ids).await?.into_iter();
            serials.map(|(id, serial)| (id, Presence { serial, exists: true })).collect()
        }
    };
    let presences: Vec<_> =
        order.iter().map(|index| found.get(&index.id).copied().unwrap_or_default()).collect();
    let loaded = order.iter().zip(&presences).map(|(index, presence)| (index.name.clone(), *presence));
    service.page_serials.keep_serials(ticket, project, loaded);
    Ok(presences)
}

async fn load(service: &Service, names: &[IndexName]) -> Result<HashMap<IndexName, Option<Arc<Index>>>> {
    let ticket = service.page_serials.ticket();
    let found = store::indexes::by_names(&service.db().await?, names).await?;
    let mut loaded: HashMap<_, _> = names.iter().map(|name| (name.clone(), None)).collect();
    loaded.extend(found.into_iter().map(|index| (index.name.clone(), Some(Arc::new(index)))));
    service.page_serials.keep_indexes(ticket, loaded.clone());
    Ok(loaded)
}

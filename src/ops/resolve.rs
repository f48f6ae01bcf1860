//! Indexes and page serials, from memory or else from the database.

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        index::Index,
        name::{IndexName, ProjectName},
        resolution::Known,
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
    Err(Error::denied(caller.user.is_none(), "package read forbidden"))
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

/// The indexes that answer for one that the caller may read, in resolution order; those that the caller may not read
/// are left out.
///
/// # Errors
/// As [`readable`].
pub async fn order(service: &Service, caller: &Caller, name: &IndexName) -> Result<Vec<Arc<Index>>> {
    readable(service, caller, name).await?;
    let mut order = whole_order(service, name).await?;
    order.retain(|index| service.policy.may_read(caller, index));
    Ok(order)
}

/// The indexes that answer for this one, in resolution order, whoever asks.
pub async fn whole_order(service: &Service, name: &IndexName) -> Result<Vec<Arc<Index>>> {
    let mut loaded = HashMap::new();
    loop {
        let order = match loaded.is_empty() {
            true => service.page_serials.order(name),
            false => crate::model::resolution::order(name, |name| match loaded.get(name) {
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

/// The page serial of a project, or with `None` of the project list, over a resolution order.
pub async fn page_serial(
    service: &Service,
    order: &[Arc<Index>],
    project: Option<&ProjectName>,
) -> Result<Serial> {
    let ticket = service.page_serials.ticket();
    if let Some(serial) = service.page_serials.page_serial(order, project) {
        return Ok(serial);
    }
    // All of them, the known ones too: these may be forgotten while the others are loaded.
    let ids: Vec<i64> = order.iter().map(|index| index.id).collect();
    let db = service.db().await?;
    let serials: HashMap<i64, Serial> = match project {
        Some(project) => store::projects::serials(&db, &ids, project).await?,
        None => store::projects::list_serials(&db, &ids).await?,
    }
    .into_iter()
    .collect();
    let newest = |index: &Arc<Index>| serials.get(&index.id).copied().unwrap_or_default();
    let loaded = order.iter().map(|index| (index.name.clone(), newest(index)));
    service.page_serials.keep_serials(ticket, project, loaded);
    Ok(order.iter().map(|index| newest(index).max(index.settings_serial)).max().unwrap_or_default())
}

async fn load(service: &Service, names: &[IndexName]) -> Result<HashMap<IndexName, Option<Arc<Index>>>> {
    let ticket = service.page_serials.ticket();
    let found = store::indexes::by_names(&service.db().await?, names).await?;
    let mut loaded: HashMap<_, _> = names.iter().map(|name| (name.clone(), None)).collect();
    loaded.extend(found.into_iter().map(|index| (index.name.clone(), Some(Arc::new(index)))));
    service.page_serials.keep_indexes(ticket, loaded.clone());
    Ok(loaded)
}

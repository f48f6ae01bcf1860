//! Indexes: created, shown, changed, deleted (devpi-api, Indexes).

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        event::{Event, EventKind},
        index::{Index, Settings},
        limit::Permission,
        name::{IndexName, UserName},
        names::Names,
    },
    ops::{list, login, publishers, resolve},
    service::Service,
    store::{self, Change},
};
use serde_json::{Map, Value};
use std::{collections::HashSet, sync::Arc};

/// An index, and if asked for the names of its own projects.
///
/// # Errors
/// Those of [`resolve::readable`].
pub async fn show(
    service: &Service,
    caller: &Caller,
    name: &IndexName,
    projects: bool,
) -> Result<(Arc<Index>, Option<Arc<Names>>)> {
    let index = resolve::readable(service, caller, name).await?;
    let names = match projects {
        true => Some(list::names(service, &index).await?),
        false => None,
    };
    Ok((index, names))
}

/// All indexes that the caller may read, by name.
pub async fn all(service: &Service, caller: &Caller) -> Result<Vec<Arc<Index>>> {
    let all = resolve::all(service).await?;
    Ok(all.iter().filter(|index| service.policy.may_read(caller, index)).cloned().collect())
}

/// Creates an index, a stage or a mirror.
///
/// # Errors
/// [`Error::NoSuchUser`] and [`Error::IndexExists`] before [`Error::Forbidden`], as devpi; [`Error::Invalid`].
pub async fn create(
    service: &Service,
    caller: &Caller,
    user: &str,
    index: &str,
    options: &Map<String, Value>,
) -> Result<Settings> {
    let no_user = || Error::NoSuchUser(user.to_owned());
    let user_name = UserName::parse(user).map_err(|_| no_user())?;
    if login::known_user(service, &user_name).await?.is_none() {
        return Err(no_user());
    }
    let name =
        IndexName::parse(user, index).map_err(|problem| Error::Invalid(format!("indexname {problem}")))?;
    match resolve::index(service, &name).await {
        Ok(_) => return Err(Error::IndexExists(name)),
        Err(Error::NoSuchIndex(_)) => {}
        Err(error) => return Err(error),
    }
    if !service.policy.may_modify_index(caller, Permission::IndexCreate, &name) {
        return Err(Error::forbidden(caller, format!("no permission to create index {name}")));
    }
    let settings = Settings::create(&name, options).map_err(Error::Invalid)?;

    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let user = store::users::lock(&mut change, &user_name).await?.ok_or_else(no_user)?;
    if !store::indexes::insert(&mut change, user.id, &name, &settings).await? {
        return Err(Error::IndexExists(name));
    }
    check_bases(&mut change, &name, &settings.bases()).await?;
    change.log(Event::index(EventKind::IndexCreate, &name));
    change.commit().await?;
    Ok(settings)
}

/// Adds an index at the wish of the operator, who needs no permission; `false` when there is one of that name, or was:
/// what somebody deleted does not come back.
///
/// # Errors
/// [`Error::NoSuchUser`], [`Error::Invalid`].
pub async fn insert_once(service: &Service, name: &IndexName, options: &Map<String, Value>) -> Result<bool> {
    let settings = Settings::create(name, options).map_err(Error::Invalid)?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, None).await?;
    let user = store::users::lock(&mut change, &name.user).await?;
    let user = user.ok_or_else(|| Error::NoSuchUser(name.user.to_string()))?;
    if store::indexes::ever_existed(&change, name).await?
        || !store::indexes::insert(&mut change, user.id, name, &settings).await?
    {
        return Ok(false);
    }
    check_bases(&mut change, name, &settings.bases()).await?;
    change.log(Event::index(EventKind::IndexCreate, name));
    change.commit().await?;
    Ok(true)
}

/// Changes the settings of an index, and takes away those that are `removed`; returns the new ones and whether they differ from the old.
///
/// # Errors
/// [`Error::Forbidden`] also for a missing index, as devpi; [`Error::NoSuchIndex`], [`Error::Invalid`].
pub async fn modify(
    service: &Service,
    caller: &Caller,
    name: &IndexName,
    patch: &Value,
    removed: &[String],
) -> Result<(Settings, bool)> {
    if !service.policy.may_modify_index(caller, Permission::IndexModify, name) {
        return Err(Error::forbidden(caller, format!("no permission to modify index {name}")));
    }
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::lock(&mut change, name).await?;
    let settings = index.settings.patch(patch).and_then(|settings| settings.without(removed));
    let settings = settings.map_err(Error::Invalid)?;
    if Settings::patches_bases(patch) {
        check_bases(&mut change, name, &settings.bases()).await?;
    }
    let changed = settings != index.settings;
    if changed {
        store::indexes::replace_settings(&mut change, &index, &settings).await?;
        change.log(Event::index(EventKind::IndexModify, name));
    }
    change.commit().await?;
    Ok((settings, changed))
}

/// Deletes an index with all projects and files.
///
/// # Errors
/// [`Error::Forbidden`] also for a missing index, as devpi; [`Error::NoSuchIndex`], [`Error::NonVolatile`].
pub async fn delete(service: &Service, caller: &Caller, name: &IndexName) -> Result<()> {
    if !service.policy.may_modify_index(caller, Permission::IndexDelete, name) {
        return Err(Error::forbidden(caller, format!("no permission to delete index {name}")));
    }
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::lock(&mut change, name).await?;
    if !index.volatile {
        return Err(Error::NonVolatile(format!("index {name} non-volatile, cannot delete")));
    }
    publishers::delete_all(&mut change, &index).await?;
    store::indexes::delete(&mut change, &index).await?;
    change.log(Event::index(EventKind::IndexDelete, name));
    change.commit().await?;
    Ok(())
}

/// Every base must exist, and none may inherit from the index itself.
async fn check_bases(change: &mut Change<'_>, name: &IndexName, bases: &[IndexName]) -> Result<()> {
    if bases.is_empty() {
        return Ok(());
    }
    store::indexes::lock_bases(change).await?;
    let found = store::indexes::by_names(change, bases).await?;
    let missing = bases.iter().filter(|base| !found.iter().any(|index| index.name == **base));
    let problems: Vec<_> = missing.map(|base| format!("base index '{base}' does not exist")).collect();
    if !problems.is_empty() {
        return Err(Error::Invalid(problems.join(", ")));
    }
    let mut visited: HashSet<IndexName> = HashSet::new();
    let mut next = bases.to_vec();
    while !next.is_empty() {
        if next.contains(name) {
            return Err(Error::Invalid(format!(
                "base index '{name}' would make the index inherit from itself"
            )));
        }
        visited.extend(next.iter().cloned());
        let indexes = store::indexes::by_names(change, &next).await?;
        next = indexes
            .into_iter()
            .flat_map(|index| index.bases)
            .filter(|base| !visited.contains(base))
            .collect();
    }
    Ok(())
}

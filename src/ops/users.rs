//! Users: created, shown, changed, deleted (devpi-api, Users).

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        api_token,
        event::{Event, EventKind},
        index::Index,
        name::UserName,
        user::{User, UserPatch},
    },
    ops::{indexes, login, publishers},
    service::Service,
    store::{self, users::NewState},
};
use serde_json::Map;
use std::{collections::HashMap, sync::Arc};
use time::OffsetDateTime;
use uuid::Uuid;

/// A user with the indexes that the caller may read.
pub struct Shown {
    pub user: User,
    pub indexes: Vec<Arc<Index>>,
}

/// All users, by name.
pub async fn list(service: &Service, caller: &Caller) -> Result<Vec<Shown>> {
    let users = store::users::all(&service.db().await?).await?;
    let mut of_users: HashMap<UserName, Vec<Arc<Index>>> = HashMap::new();
    for index in indexes::all(service, caller).await? {
        of_users.entry(index.name.user.clone()).or_default().push(index);
    }
    let shown = users
        .into_iter()
        .map(|user| Shown { indexes: of_users.remove(&user.name).unwrap_or_default(), user });
    Ok(shown.collect())
}

/// One user.
///
/// # Errors
/// [`Error::NoSuchUser`].
pub async fn show(service: &Service, caller: &Caller, name: &str) -> Result<Shown> {
    let name = existing_name(name)?;
    let db = service.db().await?;
    let user = store::users::find(&db, &name).await?.ok_or_else(|| Error::NoSuchUser(name.to_string()))?;
    let indexes = store::indexes::all(&db, Some(&name)).await?;
    let indexes = indexes.into_iter().filter(|index| service.policy.may_read(caller, index));
    Ok(Shown { user, indexes: indexes.map(Arc::new).collect() })
}

/// Creates a user.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`], [`Error::UserExists`].
pub async fn create(service: &Service, caller: &Caller, name: &str, patch: &UserPatch) -> Result<()> {
    let name = UserName::parse(name).map_err(|problem| Error::Invalid(format!("username {problem}")))?;
    if name.as_str() == api_token::USER {
        return Err(Error::Invalid(format!("username '{name}' is what goes with API tokens")));
    }
    if !service.policy.may_create_user(caller) {
        return Err(Error::forbidden(caller, format!("no permission to create user {name}")));
    }
    if login::known_user(service, &name).await?.is_some() {
        return Err(Error::UserExists);
    }
    let password = patch.password.as_ref().ok_or_else(|| Error::invalid("password needs to be set"))?;
    let password_hash = login::hash(service, password).await?;
    let mut profile = Map::new();
    patch.apply_to(&mut profile);
    if !insert(service, caller.name(), &name, &profile, &password_hash).await? {
        return Err(Error::UserExists);
    }
    Ok(())
}

/// Adds a user whose password is hashed already; `false` when there is one of that name.
pub async fn insert(
    service: &Service,
    actor: Option<&str>,
    name: &UserName,
    profile: &Map<String, serde_json::Value>,
    password_hash: &str,
) -> Result<bool> {
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, actor).await?;
    let state = NewState {
        profile,
        password_hash,
        token_generation: Uuid::new_v4(),
        kept_token: None,
        created_at: OffsetDateTime::now_utc(),
        modified_at: None,
    };
    if !store::users::insert(&mut change, name, &state).await? {
        return Ok(false);
    }
    change.log(Event::user(EventKind::UserCreate, name));
    change.commit().await?;
    Ok(true)
}

/// Gives a user whom no password opens this one, hashed already, at the wish of the operator.
pub async fn open(service: &Service, name: &UserName, password_hash: &str) -> Result<()> {
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, None).await?;
    let user = store::users::lock(&mut change, name).await?;
    let Some(user) = user.filter(|user| user.password_hash.is_empty()) else { return Ok(()) };
    let state = NewState {
        profile: &user.profile,
        password_hash,
        token_generation: Uuid::new_v4(),
        kept_token: None,
        created_at: user.created_at,
        modified_at: Some(OffsetDateTime::now_utc()),
    };
    store::users::replace_state(&mut change, &user, &state).await?;
    change.log(Event::user(EventKind::UserModify, name));
    change.commit().await?;
    Ok(())
}

/// Changes a user; after a change of the password returns a new login token.
///
/// # Errors
/// [`Error::NoSuchUser`] before [`Error::Forbidden`], as devpi; [`Error::Invalid`].
pub async fn modify(
    service: &Service,
    caller: &Caller,
    name: &str,
    patch: &UserPatch,
) -> Result<Option<String>> {
    let name = existing_name(name)?;
    if login::known_user(service, &name).await?.is_none() {
        return Err(Error::NoSuchUser(name.to_string()));
    }
    let only_password = patch.password.is_some() && patch.profile.is_empty();
    let allowed = match only_password {
        true => service.policy.may_change_password(caller, &name),
        false => service.policy.may_modify_user(caller, &name),
    };
    if !allowed {
        let what = if only_password { "change password for" } else { "modify" };
        return Err(Error::forbidden(caller, format!("no permission to {what} user {name}")));
    }
    let password_hash = match &patch.password {
        Some(password) => Some(login::hash(service, password).await?),
        None => None,
    };

    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let user = store::users::lock(&mut change, &name).await?;
    let user = user.ok_or_else(|| Error::NoSuchUser(name.to_string()))?;
    let mut changed = user.clone();
    patch.apply_to(&mut changed.profile);
    if let Some(password_hash) = password_hash {
        changed.password_hash = password_hash;
        changed.token_generation = Uuid::new_v4();
        changed.kept_token = caller.login_token().filter(|_| caller.user.as_ref() == Some(&name));
    } else if changed.profile == user.profile {
        return Ok(None);
    }
    let state = NewState {
        profile: &changed.profile,
        password_hash: &changed.password_hash,
        token_generation: changed.token_generation,
        kept_token: changed.kept_token,
        created_at: user.created_at,
        modified_at: Some(OffsetDateTime::now_utc()),
    };
    store::users::replace_state(&mut change, &user, &state).await?;
    change.log(Event::user(EventKind::UserModify, &name));
    change.commit().await?;
    patch.password.is_some().then(|| login::token(service, &changed)).transpose()
}

/// Deletes a user with all indexes, projects and files.
///
/// # Errors
/// [`Error::NoSuchUser`], [`Error::Forbidden`]; [`Error::UserHasNonVolatileIndex`].
pub async fn delete(service: &Service, caller: &Caller, name: &str) -> Result<()> {
    let name = existing_name(name)?;
    if !service.policy.may_delete_user(caller, &name) {
        return Err(Error::forbidden(caller, format!("no permission to delete user {name}")));
    }
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let user = store::users::lock(&mut change, &name).await?;
    let user = user.ok_or_else(|| Error::NoSuchUser(name.to_string()))?;
    let mut indexes = Vec::new();
    for index in store::indexes::all(&change, Some(&name)).await? {
        indexes.push(store::indexes::lock(&mut change, &index.name).await?);
    }
    let fixed: Vec<_> =
        indexes.iter().filter(|index| !index.volatile).map(|index| index.name.index.as_str()).collect();
    if !fixed.is_empty() {
        return Err(Error::UserHasNonVolatileIndex { indexes: fixed.join(", "), user: name });
    }
    for index in indexes {
        publishers::delete_all(&mut change, &index).await?;
        store::indexes::delete(&mut change, &index).await?;
        change.log(Event::index(EventKind::IndexDelete, &index.name));
    }
    store::tokens::delete_of_user(&mut change, user.id).await?;
    store::users::delete(&mut change, &user).await?;
    change.log(Event::user(EventKind::UserDelete, &name));
    change.commit().await?;
    Ok(())
}

fn existing_name(name: &str) -> Result<UserName> {
    UserName::parse(name).map_err(|_| Error::NoSuchUser(name.to_owned()))
}

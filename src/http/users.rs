//! `/` and `/{user}` (devpi-api, Users).

use super::{
    extract::{JsonObject, UserPath},
    login::proxy_auth,
    negotiate, respond,
    web::{self, Page},
};
use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        user::{UserPatch, written},
    },
    ops::{self, users::Shown},
    service::Service,
};
use axum::{extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

/// `GET /`: all users, each with the indexes that the caller may read; for people the root page.
///
/// # Errors
/// [`Error::NotFound`] where neither JSON nor a page is wanted.
pub(super) async fn list(State(service): State<Service>, page: Page, headers: HeaderMap) -> Result<Response> {
    let users = ops::users::list(&service, &page.caller).await?;
    let data: Map<String, Value> =
        users.iter().map(|shown| (shown.user.name.to_string(), user_config(shown))).collect();
    if page.wanted {
        return web::root(&service, &page, &users, &data).await;
    }
    admit(&headers)?;
    Ok(respond::result("list:userconfig", data))
}

/// `GET /{user}`.
pub(super) async fn show(
    State(service): State<Service>,
    UserPath(user): UserPath,
    page: Page,
    headers: HeaderMap,
) -> Result<Response> {
    let shown = ops::users::show(&service, &page.caller, &user).await?;
    let data = user_config(&shown);
    if page.wanted {
        return web::user(&service, &page, &shown, &data).await;
    }
    admit(&headers)?;
    Ok(respond::result("userconfig", data))
}

/// `PUT /{user}`: 201.
pub(super) async fn create(
    State(service): State<Service>,
    caller: Caller,
    UserPath(user): UserPath,
    JsonObject(body): JsonObject,
) -> Result<Response> {
    let patch = UserPatch::parse(body, true).map_err(Error::Invalid)?;
    ops::users::create(&service, &caller, &user, &patch).await?;
    let shown = ops::users::show(&service, &caller, &user).await?;
    let mut response = respond::result("userconfig", user_config(&shown));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `PATCH /{user}`; a change of the password answers with a new login token.
pub(super) async fn modify(
    State(service): State<Service>,
    caller: Caller,
    UserPath(user): UserPath,
    JsonObject(body): JsonObject,
) -> Result<Response> {
    let patch = UserPatch::parse(body, false).map_err(Error::Invalid)?;
    Ok(match ops::users::modify(&service, &caller, &user, &patch).await? {
        Some(token) => {
            let token = proxy_auth(&token, ops::login::TOKEN_SECONDS);
            respond::result_with_message("userpassword", token, "user updated, new proxy auth")
        }
        None => respond::message(StatusCode::OK, "user updated"),
    })
}

/// `DELETE /{user}`.
pub(super) async fn remove(
    State(service): State<Service>,
    caller: Caller,
    UserPath(user): UserPath,
) -> Result<Response> {
    ops::users::delete(&service, &caller, &user).await?;
    Ok(respond::message(StatusCode::OK, &format!("user '{user}' deleted")))
}

/// These URLs have JSON only so far, so a client that takes neither JSON nor a page gets nothing.
pub(super) fn admit(headers: &HeaderMap) -> Result<()> {
    match negotiate::admits_json(headers) {
        true => Ok(()),
        false => Err(Error::NotFound("there is only application/json at this URL".into())),
    }
}

fn user_config(Shown { user, indexes }: &Shown) -> Value {
    let mut config = user.profile.clone();
    config.insert("username".into(), user.name.to_string().into());
    config.insert("created".into(), written(user.created_at).into());
    if let Some(at) = user.modified_at {
        config.insert("modified".into(), written(at).into());
    }
    let indexes = indexes.iter().map(|index| (index.name.index.clone(), index.settings.shown().into()));
    config.insert("indexes".into(), Value::Object(indexes.collect()));
    config.into()
}

//! `/{user}/{index}` (devpi-api, Indexes).

use super::{
    extract::{IndexPath, Json, JsonObject, Query, RawIndexPath},
    respond,
    simple::{self, Asked},
    users::admit,
    web::{self, Page},
};
use crate::{
    error::{Error, Result},
    model::access::Caller,
    ops,
    service::Service,
};
use axum::{extract::State, response::Response};
use http::StatusCode;

/// Longest beginning of a name that projects are looked for by, in characters: no name is longer.
const LONGEST: usize = 200;

/// `GET /{user}/{index}`: the settings and the names of its own projects; `?no_projects` leaves these out. The page has
/// a part of these: by `prefix` those whose names begin so, by `after` those that come after a name.
///
/// Installers, and whoever asks for the simple API by media type, get the list of projects instead.
pub(super) async fn show(
    State(service): State<Service>,
    IndexPath(index): IndexPath,
    query: Query,
    asked: Asked,
    page: Page,
) -> Result<Response> {
    if asked.means_simple() {
        if !asked.uri.path().ends_with('/') {
            return Ok(respond::found(&asked.root, &format!("/{}/+simple/", index.url_path())));
        }
        return simple::respond(&service, &asked, &index, None, &query).await;
    }
    if page.wanted {
        let (index, _) = ops::indexes::show(&service, &asked.caller, &index, false).await?;
        let text = |key| query.get(key).map(|text| text.chars().take(LONGEST).collect::<String>());
        let (prefix, after) = (text("prefix").unwrap_or_default(), text("after").unwrap_or_default());
        return web::index(&service, &page, &index, &prefix, &after).await;
    }
    admit(&asked.headers)?;
    let (index, names) =
        ops::indexes::show(&service, &asked.caller, &index, !query.has("no_projects")).await?;
    let config = index.settings.shown();
    Ok(match names {
        Some(names) => respond::result_with_names("indexconfig", config, "projects", names),
        None => respond::result("indexconfig", config),
    })
}

/// `PUT /{user}/{index}`: 200, not 201.
pub(super) async fn create(
    State(service): State<Service>,
    caller: Caller,
    RawIndexPath { user, index }: RawIndexPath,
    JsonObject(options): JsonObject,
) -> Result<Response> {
    let settings = ops::indexes::create(&service, &caller, &user, &index, &options).await?;
    Ok(respond::result("indexconfig", settings.shown()))
}

/// `PATCH /{user}/{index}` with an object or a list of operations.
pub(super) async fn modify(
    State(service): State<Service>,
    caller: Caller,
    IndexPath(index): IndexPath,
    query: Query,
    Json(patch): Json,
) -> Result<Response> {
    let (settings, changed) = ops::indexes::modify(&service, &caller, &index, &patch, &[]).await?;
    if query.has("error_on_noop") && !changed {
        return Err(Error::invalid("The requested modifications resulted in no changes"));
    }
    Ok(respond::result("indexconfig", settings.shown()))
}

/// `DELETE /{user}/{index}`: 201, as devpi's client expects.
pub(super) async fn remove(
    State(service): State<Service>,
    caller: Caller,
    IndexPath(index): IndexPath,
) -> Result<Response> {
    ops::indexes::delete(&service, &caller, &index).await?;
    Ok(respond::message(StatusCode::CREATED, &format!("index {index} deleted")))
}

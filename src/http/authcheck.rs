//! `/+authcheck`: whether the request that a proxy names may be made by who makes this one, for nginx's `auth_request`
//! (devpi: `views.py`, `authcheck_view`).
//!
//! The request is sent on to the route of the one that it names, and turns round before the handler.

use super::extract::{FilePath, ProjectPath, RawIndexPath};
use crate::{
    error::{Error, Result},
    model::{access::Caller, name::IndexName},
    ops,
    service::Service,
};
use axum::{
    extract::{FromRequestParts, MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, Method, StatusCode, Uri, header::USER_AGENT, request::Parts};

const ORIGINAL: HeaderName = HeaderName::from_static("x-original-uri");

/// Routes that answer whoever reaches the server.
const OPEN: [&str; 3] = ["/+health/live", "/+health/ready", "/metrics"];

/// Marks a request that only asks.
#[derive(Clone)]
struct Asks;

/// Puts the request that this one asks about, if it does, in its place.
pub(super) fn turn(request: &mut Request) -> bool {
    let named = request.headers().get(ORIGINAL).filter(|_| request.uri().path() == "/+authcheck");
    let Some(uri) = named.and_then(|uri| uri.to_str().ok()?.parse::<Uri>().ok()) else { return false };
    *request.uri_mut() = uri;
    *request.method_mut() = Method::GET;
    request.extensions_mut().insert(Asks);
    true
}

pub(super) fn asks(request: &Request) -> bool {
    request.extensions().get::<Asks>().is_some()
}

/// 200 where the caller may read what the path names, or where reading is not what it is about; 401 where a login may
/// help; 403 else, and for devpi's client, which knows what to say of that.
pub(super) async fn answer(service: &Service, caller: &Caller, request: Request) -> Result<Response> {
    let (mut parts, _) = request.into_parts();
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", |path| path.as_str().trim_end_matches('/'));
    // Uploads and pushes go there too, and who may do that need not read.
    let is_open = route == "/{user}/{index}" || route.ends_with("/+api");
    let RawIndexPath { user, index } = RawIndexPath::from_request_parts(&mut parts, service).await?;
    let Some(index) = IndexName::parse(&user, &index).ok().filter(|_| !is_open && !index.is_empty()) else {
        return Ok(StatusCode::OK.into_response());
    };
    match ops::resolve::readable(service, caller, &index).await {
        Ok(_) if caller.limit().is_some() => {
            check_project(service, caller, parts, route).await?;
            Ok(StatusCode::OK.into_response())
        }
        Ok(_) => Ok(StatusCode::OK.into_response()),
        // A proxy may have files that we no longer have; else the client is to be told that there is no such index.
        Err(Error::NoSuchIndex(_)) if !route.ends_with("{filename}") => Ok(StatusCode::OK.into_response()),
        Err(missing @ Error::NoSuchIndex(_)) => Err(Error::Forbidden(missing.to_string())),
        Err(Error::Unauthorized(reason)) if is_devpi_client(&parts) => Err(Error::Forbidden(reason)),
        Err(error) => Err(error),
    }
}

/// An API token may be for some projects only: whether it is for the one that the path names, or whose file it names.
async fn check_project(service: &Service, caller: &Caller, mut parts: Parts, route: &str) -> Result<()> {
    if route.ends_with("{filename}") {
        let FilePath { index, entry, filename } = FilePath::from_request_parts(&mut parts, service).await?;
        let filename = filename.strip_suffix(".metadata").unwrap_or(&filename);
        let found = ops::download::file(service, caller, &index, &entry, filename).await;
        // Whose file it was nobody knows.
        found.map(drop).map_err(|error| Error::Forbidden(error.to_string()))
    } else if route.contains("{project}") {
        let ProjectPath { index, project, .. } = ProjectPath::from_request_parts(&mut parts, service).await?;
        ops::resolve::readable_project(service, caller, &index, &project).await.map(drop)
    } else {
        Ok(())
    }
}

/// Lets nobody ask in this way for what a proxy may keep to itself: these routes do not ask who is there.
pub(super) async fn keep_from_open_routes(request: Request, next: Next) -> Result<Response> {
    let route = request.extensions().get::<MatchedPath>();
    match asks(&request) && route.is_some_and(|route| OPEN.contains(&route.as_str())) {
        true => without_handler(request).await,
        false => Ok(next.run(request).await),
    }
}

/// Where there is no such method, or without any request to ask about: 200. Where there is no route: 403.
pub(super) async fn without_handler(request: Request) -> Result<Response> {
    match request.extensions().get::<MatchedPath>() {
        Some(_) => Ok(StatusCode::OK.into_response()),
        None => Err(Error::Forbidden("there is nothing at this URL".into())),
    }
}

fn is_devpi_client(parts: &Parts) -> bool {
    let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.contains("devpi-client"))
}

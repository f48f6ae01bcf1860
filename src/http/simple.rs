//! `+simple/`: project lists and project pages for installers (PEP 503, PEP 691; devpi-api, Simple API).

use super::{
    conditional,
    extract::{IndexPath, ProjectPath, Query},
    negotiate,
    outside::{self, Root},
    respond as reply,
};
use crate::{
    cache::Coding,
    error::{Error, Result},
    model::{
        access::Caller,
        name::{IndexName, ProjectName},
        page::{Base, Format},
    },
    ops,
    service::Service,
};
use axum::{
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use headers::{ETag, HeaderMapExt, IfNoneMatch};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
    request::Parts,
};

/// Where a mirror hears of changes of the page: a path, so that it holds behind any proxy.
const EVENTS: HeaderName = HeaderName::from_static("x-wheelyard-events");

const VARY: &str = "Accept, Accept-Encoding";
const VARY_PRIVATE: &str = "Accept, Accept-Encoding, Authorization, X-Devpi-Auth";

/// All that a simple page depends on beside its index and project.
pub(super) struct Asked {
    pub caller: Caller,
    pub headers: HeaderMap,
    pub uri: Uri,
    pub root: String,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let Root(root) = Root::from_request_parts(parts, state).await?;
        Ok(Self { caller, headers: parts.headers.clone(), uri: parts.uri.clone(), root })
    }
}

impl Asked {
    /// Whether the simple API is meant on a URL that has another form too: by media type, or by an installer.
    pub(super) fn means_simple(&self) -> bool {
        negotiate::wants_simple_json(&self.headers) || negotiate::is_installer(&self.headers)
    }

    /// 302 to another path with the same query.
    pub(super) fn redirect(&self, path: &str) -> Response {
        let query = self.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut response = reply::found(&self.root, &format!("{path}{query}"));
        negotiate::vary(&mut response, VARY);
        response
    }

    /// How links begin: below `/{user}/{index}/`, each further slash of the path is a step up.
    fn base(&self) -> Base {
        match self.headers.contains_key("x-devpi-absolute-urls") {
            true => Base::Absolute(self.root.clone()),
            false => Base::Up(self.uri.path().matches('/').count().saturating_sub(3)),
        }
    }
}

/// `GET /{user}/{index}/+simple[/]`.
pub(super) async fn list(
    State(service): State<Service>,
    IndexPath(index): IndexPath,
    query: Query,
    asked: Asked,
) -> Result<Response> {
    respond(&service, &asked, &index, None, &query).await
}

/// `GET /{user}/{index}/+simple/{project}[/]`; a name that is not normalised is redirected to the one that is.
pub(super) async fn project(
    State(service): State<Service>,
    path: ProjectPath,
    query: Query,
    asked: Asked,
) -> Result<Response> {
    match &path.normalized {
        Some(normalized) => Ok(asked.redirect(normalized)),
        None => respond(&service, &asked, &path.index, Some(&path.project), &query).await,
    }
}

/// A project page, or with `None` the project list.
pub(super) async fn respond(
    service: &Service,
    asked: &Asked,
    index: &IndexName,
    project: Option<&ProjectName>,
    query: &Query,
) -> Result<Response> {
    let headers = &asked.headers;
    let Some(format) = negotiate::simple_format(headers, query.get("format")) else {
        let ours: Vec<_> = Format::ALL.iter().map(|format| format.media_type()).collect();
        return Err(Error::NotAcceptable(format!("this page has the types {}", ours.join(", "))));
    };
    let coding = negotiate::coding(headers);
    let form = (format, coding, asked.base());
    let page = ops::simple::page(service, &asked.caller, index, project, form).await?;
    let etag: ETag = format!("\"{}\"", page.etag(service))
        .parse()
        .map_err(|_| Error::Internal("an entity tag that is none".into()))?;
    // `*` stands for any page, so it must be known that there is one.
    if headers.typed_get() == Some(IfNoneMatch::any()) {
        page.body(service).await?;
    }
    let mut response = match conditional::not_modified(headers, Some(&etag), None) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let mut response = page.body(service).await?.into_response();
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type(format)));
            if coding == Coding::Gzip {
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        }
    };
    let cache =
        if page.private { "private, max-age=0, must-revalidate" } else { "max-age=0, must-revalidate" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response.headers_mut().typed_insert(etag);
    let events = format!("{}/+events?index={}", outside::prefix(&asked.root), index.url_path());
    response.headers_mut().extend(HeaderValue::from_str(&events).ok().map(|events| (EVENTS, events)));
    negotiate::vary(&mut response, if page.private { VARY_PRIVATE } else { VARY });
    Ok(response)
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Html => "text/html; charset=utf-8",
        Format::HtmlV1 | Format::Json => format.media_type(),
    }
}

//! `+simple/`: project lists and project pages for installers (PEP 503, PEP 691; devpi-api, Simple API).

use super::{
    conditional,
    extract::{IndexPath, ProjectPath, Query},
    negotiate,
    outside::{self, Root},
    respond as reply,
};
use crate::{
    cache::pages::Coding,
    error::{Error, Result},
    model::{
        access::Caller,
        name::{IndexName, ProjectName},
        page::{Base, Format},
        resolution::View,
    },
    ops::{
        self,
        simple::{Body, Page, Wanted},
    },
    service::Service,
};
use axum::{
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use headers::{ETag, HeaderMapExt, IfNoneMatch};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
    header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, PRAGMA, WARNING},
    request::Parts,
};

/// Where a mirror hears of changes of the page: a path, so that it holds behind any proxy.
const EVENTS: HeaderName = HeaderName::from_static("x-wheelyard-events");

/// What is said where an upstream could not be asked.
const STALE: &str = "110 - \"an upstream does not answer, this may be stale\"";

/// For who mirrors us: no copy of the page with a lower one is newer (packaging standards, Caching).
const LAST_SERIAL: HeaderName = HeaderName::from_static("x-pypi-last-serial");

const VARY: &str = "Accept, Accept-Encoding";
const VARY_PRIVATE: &str = "Accept, Accept-Encoding, Authorization, Cookie, X-Devpi-Auth";

/// All that a simple page depends on beside its index and project.
pub(super) struct Asked {
    pub caller: Caller,
    pub headers: HeaderMap,
    pub uri: Uri,
    pub root: String,
}

impl FromRequestParts<Service> for Asked {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self> {
        let caller = Caller::from_request_parts(parts, service).await?;
        let Ok(Root(root)) = Root::from_request_parts(parts, service).await;
        Ok(Self { caller, headers: parts.headers.clone(), uri: parts.uri.clone(), root })
    }
}

impl Asked {
    /// Whether the simple API is meant on a URL that has another form too: by media type, or by an installer.
    pub(super) fn means_simple(&self) -> bool {
        negotiate::wants_simple_json(&self.headers) || negotiate::is_installer(&self.headers)
    }

    /// Which part of the index the path names.
    fn view(&self) -> View {
        let segment = self.uri.path().split('/').nth(3).unwrap_or_default();
        [View::Hosted, View::Own].into_iter().find(|view| view.segment() == segment).unwrap_or(View::All)
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

/// `POST /{user}/{index}/+simple/{project}/refresh`: looks upstream now, then leads to the page (devpi-api, Simple API).
pub(super) async fn refresh(
    State(service): State<Service>,
    path: ProjectPath,
    asked: Asked,
) -> Result<Response> {
    ops::mirrored::look_again(&service, &asked.caller, &path.index, &path.project).await?;
    Ok(asked.redirect(&format!("/{}/+simple/{}/", path.index.url_path(), path.project)))
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
    let (view, base) = (asked.view(), asked.base());
    let wanted = Wanted { index, view, version: None, format, coding, base: &base };
    let page = match project {
        Some(project) => ops::simple::project(service, &asked.caller, wanted, project).await?,
        None => Box::pin(ops::simple::list(service, &asked.caller, wanted)).await?,
    };
    deliver(service, asked, wanted, &page).await
}

/// Writes a page with all that is told about it.
pub(super) async fn deliver(
    service: &Service,
    asked: &Asked,
    Wanted { index, format, coding, .. }: Wanted<'_>,
    page: &Page,
) -> Result<Response> {
    let headers = &asked.headers;
    let etag: ETag = format!("\"{}\"", page.etag())
        .parse()
        .map_err(|_| Error::Internal("an entity tag that is none".into()))?;
    // `*` stands for any page, so it must be known that there is one.
    if headers.typed_get() == Some(IfNoneMatch::any()) {
        page.body(service).await?;
    }
    let mut response = match conditional::not_modified(headers, Some(&etag), None) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let mut response = match page.body(service).await? {
                Body::Whole(bytes) => bytes.into_response(),
                Body::Pieces(pieces) => {
                    axum::body::Body::from_stream(futures::stream::iter(pieces)).into_response()
                }
            };
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type(format)));
            let named = match coding {
                Coding::Identity => None,
                Coding::Gzip => Some("gzip"),
                Coding::Zstd => Some("zstd"),
            };
            if let Some(named) = named {
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(named));
            }
            response
        }
    };
    // Those of `observe` too find room.
    response.headers_mut().reserve(24);
    let cache = match (page.stale, page.is_private()) {
        (Some(_), _) => "max-age=0, must-revalidate, no-cache, no-store",
        (None, true) => "private, max-age=0, must-revalidate",
        (None, false) => "max-age=0, must-revalidate",
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Some(age) = page.stale {
        response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
        response.headers_mut().insert(AGE, HeaderValue::from(age.as_secs()));
        response.headers_mut().insert(WARNING, HeaderValue::from_static(STALE));
    }
    response.headers_mut().insert(LAST_SERIAL, HeaderValue::from(page.last_serial));
    response.headers_mut().typed_insert(etag);
    let events = format!("{}/+events?index={}", outside::prefix(&asked.root), index.url_path());
    response.headers_mut().extend(HeaderValue::from_str(&events).ok().map(|events| (EVENTS, events)));
    negotiate::vary(&mut response, if page.is_private() { VARY_PRIVATE } else { VARY });
    Ok(response)
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Html => "text/html; charset=utf-8",
        Format::HtmlV1 | Format::Json | Format::PypiJson => format.media_type(),
    }
}

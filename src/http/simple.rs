//! `+simple/`: project lists and project pages for installers (PEP 503, PEP 691; devpi-api, Simple API).

use super::{
    conditional,
    extract::{IndexPath, ProjectPath, Query},
    negotiate,
    outside::Root,
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
    extract::State,
    response::{IntoResponse, Response},
};
use headers::{ETag, HeaderMapExt, IfNoneMatch};
use http::{
    HeaderMap, HeaderValue, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
};

const VARY: &str = "Accept, Accept-Encoding";
const VARY_PRIVATE: &str = "Accept, Accept-Encoding, Authorization, X-Devpi-Auth";

/// `GET /{user}/{index}/+simple[/]`.
pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    IndexPath(index): IndexPath,
    Root(root): Root,
    query: Query,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response> {
    let steps = usize::from(uri.path().ends_with('/'));
    respond(&service, &caller, &index, None, steps, &root, &headers, query.get("format")).await
}

/// `GET /{user}/{index}/+simple/{project}[/]`; a name that is not normalised is redirected to the one that is.
pub(super) async fn project(
    State(service): State<Service>,
    caller: Caller,
    path: ProjectPath,
    Root(root): Root,
    query: Query,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response> {
    let steps = if uri.path().ends_with('/') { 2 } else { 1 };
    if let Some(normalized) = path.normalized {
        return Ok(redirect(&root, &normalized, &uri));
    }
    let format = query.get("format");
    respond(&service, &caller, &path.index, Some(&path.project), steps, &root, &headers, format).await
}

/// 302 to another path with the same query.
pub(super) fn redirect(root: &str, path: &str, uri: &Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = reply::found(root, &format!("{path}{query}"));
    negotiate::vary(&mut response, VARY);
    response
}

/// A project page, or with `None` the project list, on a URL from which `steps` times `../` leads to the index.
#[expect(clippy::too_many_arguments, reason = "all that the answer depends on")]
pub(super) async fn respond(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: Option<&ProjectName>,
    steps: usize,
    root: &str,
    headers: &HeaderMap,
    wanted: Option<&str>,
) -> Result<Response> {
    let Some(format) = negotiate::simple_format(headers, wanted) else {
        let ours: Vec<_> = Format::ALL.iter().map(|format| format.media_type()).collect();
        return Err(Error::NotAcceptable(format!("this page has the types {}", ours.join(", "))));
    };
    let coding = negotiate::coding(headers);
    let base = match headers.contains_key("x-devpi-absolute-urls") {
        true => Base::Absolute(root.to_owned()),
        false => Base::Up(steps),
    };
    let page = ops::simple::page(service, caller, index, project, (format, coding, base)).await?;
    let etag: ETag = format!("\"{}\"", page.etag(service))
        .parse()
        .map_err(|_| Error::Internal("an entity tag that is none".into()))?;
    // `*` stands for any page, so it must be known that there is one.
    if headers.typed_get() == Some(IfNoneMatch::any()) {
        page.body(service).await?;
    }
    let mut response = match conditional::not_modified(headers, &etag, None) {
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
    negotiate::vary(&mut response, if page.private { VARY_PRIVATE } else { VARY });
    Ok(response)
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Html => "text/html; charset=utf-8",
        Format::HtmlV1 | Format::Json => format.media_type(),
    }
}

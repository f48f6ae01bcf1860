//! `/{user}/{index}/{project}/{version}/+doc/…`: the documentation of a release (devpi-api, Documentation).
//!
//! Whoever may upload writes it, scripts included, so it is strange to the index: each answer is in a sandbox, which has an
//! origin of its own, and `--docs-base-url` gives it a host of its own too.

use super::{
    authcheck, conditional,
    extract::DocumentPath,
    files::etag,
    outside::{self, Root},
    respond,
    web::{self, Page},
};
use crate::{
    error::{Error, Result},
    model::{access::Caller, archive::documents::Documents},
    ops,
    service::Service,
};
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use headers::{ContentLength, HeaderMapExt};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{
        ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        X_CONTENT_TYPE_OPTIONS,
    },
    uri::PathAndQuery,
};
use url::Url;

/// Without `allow-same-origin` a document's scripts reach no cookie, no storage and no answer of the index.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "sandbox allow-downloads allow-modals allow-popups allow-popups-to-escape-sandbox allow-scripts \
     allow-top-navigation-by-user-activation",
);

/// `GET` and `HEAD` of a file of documentation; a folder leads to its `index.html`.
pub(super) async fn serve(
    State(service): State<Service>,
    caller: Caller,
    Root(root): Root,
    path: DocumentPath,
    uri: Uri,
    method: Method,
    request: HeaderMap,
) -> Result<Response> {
    if let Some(normalized) = &path.normalized {
        return Ok(moved(&root, normalized, &uri));
    }
    let DocumentPath { index, project, version, path, .. } = &path;
    let (index, archive) = ops::documentation::find(&service, &caller, index, project, version).await?;
    if path.is_empty() {
        return Ok(to_index_page(&uri));
    }
    let tag = etag(&archive.sha256)?;
    let mut response = if conditional::not_modified(&request, Some(&tag), None) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let directory = ops::documentation::directory(&service, &archive).await?;
        let Some(document) = directory.at(path) else {
            index_page(&directory, path)?;
            return Ok(to_index_page(&uri));
        };
        let body = match method == Method::HEAD {
            true => Body::empty(),
            false => Body::from_stream(ops::documentation::content(&service, &archive, document).await?),
        };
        let mut response = body.into_response();
        response.headers_mut().typed_insert(ContentLength(document.size()));
        set_content_type(response.headers_mut(), path);
        response
    };
    let headers = response.headers_mut();
    headers.typed_insert(tag);
    headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let cache = if index.acl_read.is_some() { "private, max-age=60" } else { "max-age=60" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    Ok(response)
}

/// By the name of the file. Fonts are open to all origins, since the sandbox has one that is nobody's.
fn set_content_type(headers: &mut HeaderMap, path: &str) {
    let guessed = mime_guess::from_path(path).first_or_octet_stream();
    let text = match guessed.type_() == mime_guess::mime::TEXT {
        true => format!("{}; charset=utf-8", guessed.essence_str()),
        false => guessed.essence_str().to_owned(),
    };
    headers.extend(HeaderValue::from_str(&text).ok().map(|text| (CONTENT_TYPE, text)));
    if guessed.type_() == mime_guess::mime::FONT {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
}

/// Fails unless the path is that of a folder with an index page.
fn index_page(directory: &Documents, path: &str) -> Result<()> {
    match directory.at(&format!("{}/index.html", path.trim_end_matches('/'))) {
        Some(_) => Ok(()),
        None => Err(Error::NotFound(format!("File {path} not found in documentation."))),
    }
}

/// 302 to the index page of the folder that was asked for, relative, so that it holds behind any proxy.
fn to_index_page(uri: &Uri) -> Response {
    let folder = uri.path().rsplit('/').next().unwrap_or_default();
    let page = if folder.is_empty() { "index.html".to_owned() } else { format!("./{folder}/index.html") };
    respond::found_with(HeaderMap::new(), &page)
}

/// `GET …/+d/…`: the document in a frame with a way back; for programs the document itself.
pub(super) async fn show(
    State(service): State<Service>,
    Root(root): Root,
    uri: Uri,
    page: Page,
    path: DocumentPath,
) -> Result<Response> {
    if page.wanted && path.normalized.is_none() {
        let DocumentPath { index, project, version, .. } = &path;
        let (_, archive) = ops::documentation::find(&service, &page.caller, index, project, version).await?;
        if !path.path.is_empty() {
            let directory = ops::documentation::directory(&service, &archive).await?;
            directory.at(&path.path).map_or_else(|| index_page(&directory, &path.path), |_| Ok(()))?;
        }
        let versions = ops::documentation::versions(&service, &page.caller, index, project).await?;
        return web::documentation(&service, &page, &path, &archive.version, &versions);
    }
    let path = uri.path();
    let at = path.match_indices('/').nth(4).map_or(0, |(at, _)| at);
    Ok(moved(&root, &format!("{}{}", &path[..at], path[at..].replacen("/+d", "/+doc", 1)), &uri))
}

/// 302 to another path with the same query.
fn moved(root: &str, path: &str, uri: &Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    respond::found(root, &format!("{path}{query}"))
}

/// With `--docs-base-url`, documents are served at that host only, and nothing else is.
pub(super) async fn keep_apart(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let base = service.config.server.docs_base_url.as_ref();
    // Who only asks is a proxy, and not at the host that it asks about.
    let Some(base) = base.filter(|_| !authcheck::asks(&request)) else { return Ok(next.run(request).await) };
    let route = request.extensions().get::<MatchedPath>();
    let is_document = route.is_some_and(|route| route.as_str().contains("/{version}/+doc"));
    match (is_document, is_at(request.headers(), base)) {
        (true, false) => {
            let asked = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
            let url = format!("{}{asked}", base.origin().ascii_serialization());
            Ok(respond::found_with(HeaderMap::new(), &url))
        }
        (false, true) => Err(Error::NotFound("there is nothing but documentation at this host".into())),
        _ => Ok(next.run(request).await),
    }
}

/// Whether the client sees us at the host of this URL, whatever a proxy does about TLS.
fn is_at(request: &HeaderMap, base: &Url) -> bool {
    let seen = outside::root(request, None);
    let seen =
        seen.split_once("://").and_then(|(_, rest)| format!("{}://{rest}", base.scheme()).parse().ok());
    seen.is_some_and(|seen: Url| seen.host() == base.host() && seen.port() == base.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HOST;

    #[test]
    fn the_host_of_documents_is_known_whatever_a_proxy_does() {
        for (host, base, expected) in [
            ("docs.example", "https://docs.example", true),
            ("DOCS.example:443", "https://docs.example", true),
            ("docs.example:8443", "https://docs.example", false),
            ("docs.example:8443", "http://docs.example:8443/", true),
            ("index.example", "https://docs.example", false),
            ("", "https://docs.example", false),
        ] {
            let request = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            assert_eq!(is_at(&request, &base.parse().unwrap()), expected, "{host} {base}");
        }
    }
}

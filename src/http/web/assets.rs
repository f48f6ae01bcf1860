//! `/+static/{path}`: style sheet, script and pictures of the theme; and what programs look for at the root of a host.

use super::Theme;
use crate::{
    error::{Error, Result},
    http::{conditional, outside::Root, respond},
};
use axum::{
    Extension,
    extract::{Path, RawQuery},
    response::{IntoResponse, Response},
};
use headers::ETag;
use http::{
    HeaderMap, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG},
};
use std::sync::Arc;

/// A file of the theme. With the digest of its content in the URL, as `asset` writes it, it is kept for ever.
pub(in crate::http) async fn asset(
    Extension(theme): Extension<Arc<Theme>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
) -> Result<Response> {
    theme.refresh().await;
    let file = theme.file(&path).ok_or_else(|| Error::NotFound(format!("there is no file {path}")))?;
    let is_dated = query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(file.digest.as_str());
    let kept = if is_dated { "public, max-age=31536000, immutable" } else { "public, max-age=300" };
    let tag = format!("\"{}\"", file.digest);
    let headers = [(CACHE_CONTROL, kept.to_owned()), (ETAG, tag.clone())];
    if conditional::not_modified(&request, tag.parse::<ETag>().ok().as_ref(), None) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let kind = mime_guess::from_path(&path).first_or_octet_stream();
    let kind = if kind.type_() == mime_guess::mime::TEXT {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    };
    Ok((headers, [(CONTENT_TYPE, kind)], file.content).into_response())
}

/// `/favicon.ico`, which browsers ask for where a page names no icon, as one of a file.
pub(in crate::http) async fn favicon(Root(root): Root) -> Response {
    respond::found(&root, "/+static/wheelyard.svg")
}

/// `/robots.txt` (RFC 9309): nothing here is for the search engines of the world.
pub(in crate::http) async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}

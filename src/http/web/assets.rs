//! `/+static/{path}`: style sheet, script and pictures of the theme; and what programs look for at the root of a host.

use super::Theme;
use crate::{
    error::{Error, Result},
    http::{outside::Root, respond},
};
use axum::{
    Extension,
    extract::Path,
    response::{IntoResponse, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use std::sync::Arc;

/// A file of the theme, kept by browsers for as long as the program is the same.
pub(in crate::http) async fn asset(
    Extension(theme): Extension<Arc<Theme>>,
    Path(path): Path<String>,
) -> Result<Response> {
    let content = theme.file(&path).ok_or_else(|| Error::NotFound(format!("there is no file {path}")))?;
    let kind = mime_guess::from_path(&path).first_or_octet_stream();
    let kind = if kind.type_() == mime_guess::mime::TEXT {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    };
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=3600".to_owned())], content).into_response())
}

/// `/favicon.ico`, which browsers ask for where a page names no icon, as one of a file.
pub(in crate::http) async fn favicon(Root(root): Root) -> Response {
    respond::found(&root, "/+static/wheelyard.svg")
}

/// `/robots.txt` (RFC 9309): nothing here is for the search engines of the world.
pub(in crate::http) async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}

//! `/+static/{path}`: style sheet, script and pictures of the theme.

use super::Theme;
use crate::error::{Error, Result};
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

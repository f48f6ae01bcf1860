//! The page of a request that failed.

use super::{Session, Theme, page::site};
use crate::{http::outside, model::name::UserName, service::Service};
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri};
use minijinja::context;

/// Tells a person the message; where the theme fails too, plainly.
#[expect(clippy::too_many_arguments, reason = "all that is left of the request")]
pub(in crate::http) fn failure(
    service: &Service,
    theme: &Theme,
    request: &HeaderMap,
    uri: &Uri,
    user: Option<&str>,
    status: StatusCode,
    message: &str,
    request_id: &str,
) -> Response {
    let root = outside::root(request, service.config.server.outside_url.as_deref());
    let session = Session::of(service, request).filter(|_| user.is_some());
    let context = context! {
        title => message,
        status => status.as_u16(),
        message,
        request_id,
        site => site(service, &root, uri),
        csrf_token => session.map(|session| session.csrf),
        caller => context! { name => user, is_root => user == Some(UserName::root().as_str()) },
    };
    let page = theme.render("error.html", context).unwrap_or_else(|error| {
        tracing::error!(%error, "the page of a failure failed");
        let text = minijinja::HtmlEscape(message).to_string();
        format!("<!DOCTYPE html>\n<title>{text}</title>\n<h1>{text}</h1>\n")
    });
    Html(page).into_response()
}

//! The page of an index.

use super::{Page, rights};
use crate::{error::Result, model::index::Index, service::Service};
use axum::response::Response;
use minijinja::{context, value::Serde};

/// From what `GET /{user}/{index}` says as JSON.
pub(in crate::http) fn index(service: &Service, page: &Page, index: &Index) -> Result<Response> {
    let user = &index.name.user;
    let context = context! {
        title => index.name.to_string(),
        crumbs => [
            context! { label => user.as_str(), path => format!("/{user}") },
            context! { label => index.name.index.as_str(), path => format!("/{}", index.name.url_path()) },
        ],
        name => index.name.to_string(),
        may => rights::on_index(service, &page.caller, index),
        data => Serde(index.settings.shown()),
    };
    page.render(service, "index.html", context)
}

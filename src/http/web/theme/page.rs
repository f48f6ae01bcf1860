//! `/+theme`: how the theme does, for root.

use super::is_ours;
use crate::{
    error::{Error, Result},
    http::web::Page,
    model::name::UserName,
    service::Service,
};
use axum::{extract::State, response::Response};
use minijinja::{Value, context, value::Serde};

/// Lists the files that the theme adds or overrides, and what is broken in its templates.
///
/// # Errors
/// [`Error::NotFound`] for everybody but root.
pub(in crate::http) async fn show(State(service): State<Service>, page: Page) -> Result<Response> {
    if !page.caller.user.as_ref().is_some_and(UserName::is_root) {
        return Err(Error::NotFound("there is nothing at this URL for this method".into()));
    }
    let theirs = page.theme.theirs();
    let (sources, faults) =
        theirs.look.as_ref().map(|look| (look.sources.keys().collect(), look.faults())).unwrap_or_default();
    let templates: Vec<_> = Vec::into_iter(sources)
        .map(|name| context! { name, overrides => is_ours(name), is_broken => faults.keys().any(|(broken, _)| broken == name) })
        .collect();
    let context = context! {
        title => "Theme",
        folder => page.theme.folder().map(|folder| folder.display().to_string()),
        problem => theirs.problem,
        templates,
        faults => faults.values().map(|fault| Value::from(Serde(fault))).collect::<Vec<_>>(),
    };
    page.render(&service, "theme.html", context)
}

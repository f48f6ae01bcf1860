//! The page of a user.

use super::{Page, crumbs::crumbs, listed::listed, rights};
use crate::{
    error::Result,
    model::{
        index::{Index, place},
        name::encode,
    },
    ops::{self, users::Shown},
    service::Service,
};
use axum::response::Response;
use minijinja::{context, value::Serde};

/// From what `GET /{user}` says as JSON.
pub(in crate::http) async fn user(
    service: &Service,
    page: &Page,
    Shown { user, indexes }: &Shown,
    data: &serde_json::Value,
) -> Result<Response> {
    let indexes: Vec<&Index> = indexes.iter().map(|index| &**index).collect();
    let overview = ops::overview::of(service, &page.caller, &indexes).await?;
    let (groups, others) = place::arrange(indexes);
    let indexes = groups.into_iter().flat_map(|group| group.indexes).chain(others);
    let name = user.name.as_str();
    let context = context! {
        title => name,
        crumbs => crumbs(&[name], &[]),
        name,
        path => format!("/{}", encode(name)),
        indexes => indexes.map(|index| listed(index, &overview)).collect::<Vec<_>>(),
        may => rights::on_user(service, &page.caller, &user.name),
        data => Serde(data),
    };
    page.render(service, "user.html", context)
}

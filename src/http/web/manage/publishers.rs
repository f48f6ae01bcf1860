//! Trusted publishers of an index: listed, named, deleted.

use crate::{
    error::{Error, Result},
    http::{
        extract::PublisherPath,
        publishers,
        web::{
            Form, Page,
            crumbs::{crumbs, index_path, segments},
            form::{Fields, again},
        },
    },
    model::{name::IndexName, publisher::Publisher},
    ops,
    service::Service,
};
use axum::{extract::State, response::Response};
use minijinja::{context, value::Serde};
use serde_json::{Map, Value, json};

/// Claims that a form has room for.
const CLAIMS: usize = 5;

/// From what `GET /{user}/{index}/+publishers` says as JSON.
pub(in crate::http) fn page(
    service: &Service,
    page: &Page,
    index: &IndexName,
    publishers: &[Publisher],
) -> Result<Response> {
    let form = json!({"claim_0": "repository", "claim_1": "workflow_ref"});
    show(service, page, index, publishers, &form.as_object().cloned().unwrap_or_default(), None)
}

/// `POST /{user}/{index}/+publishers` with the form.
pub(in crate::http) async fn create(
    service: &Service,
    index: &IndexName,
    Form { page, fields }: Form,
) -> Result<Response> {
    match ops::publishers::create(service, &page.caller, index, &request(&fields)).await {
        Ok(_) => Ok(page.done(&path(index), "publisher-created")),
        Err(error @ (Error::Forbidden(_) | Error::Unauthorized(_))) => Err(error),
        Err(error) => {
            let form = async |problem: &str| {
                let publishers = ops::publishers::list(service, &page.caller, index).await?;
                show(service, &page, index, &publishers, &fields.shown(), Some(problem))
            };
            again(error, form).await
        }
    }
}

/// `POST /{user}/{index}/+publishers/{id}`: deletes it.
pub(in crate::http) async fn delete(
    State(service): State<Service>,
    PublisherPath { index, id }: PublisherPath,
    Form { page, .. }: Form,
) -> Result<Response> {
    ops::publishers::delete(&service, &page.caller, &index, &id).await?;
    Ok(page.done(&path(&index), "publisher-deleted"))
}

fn request(fields: &Fields) -> Map<String, Value> {
    let claims: Map<String, Value> = (0..CLAIMS)
        .map(|place| (fields.text(&format!("claim_{place}")), fields.text(&format!("value_{place}"))))
        .filter(|(claim, value)| !claim.is_empty() && !value.is_empty())
        .map(|(claim, value)| (claim.to_owned(), value.into()))
        .collect();
    let projects = fields.names("projects");
    let projects = if projects.is_empty() { Value::Null } else { projects.into() };
    let body = json!({"issuer": fields.text("issuer"), "claims": claims, "projects": projects});
    body.as_object().cloned().unwrap_or_default()
}

fn show(
    service: &Service,
    page: &Page,
    index: &IndexName,
    publishers: &[Publisher],
    form: &Map<String, Value>,
    problem: Option<&str>,
) -> Result<Response> {
    let data: Vec<_> = publishers.iter().map(publishers::shown).collect();
    let context = context! {
        title => format!("Trusted publishers of {index}"),
        crumbs => crumbs(&segments(index), &[("Trusted publishers", "")]),
        path => path(index),
        data => Serde(&data),
        issuers => service.config.server.oidc_issuer.clone(),
        places => (0..CLAIMS).collect::<Vec<_>>(),
        form => Serde(form),
        problem,
    };
    page.render(service, "manage/publishers.html", context)
}

fn path(index: &IndexName) -> String {
    format!("{}/+publishers", index_path(index))
}

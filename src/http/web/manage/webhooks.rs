//! Webhooks of an index, or of the server: listed, made, tried, changed. A new one's secret is shown in the answer to its
//! form, and never again.

use crate::{
    error::{Error, Result},
    http::{
        extract::WebhookPath,
        web::{
            Form, Page,
            crumbs::{crumbs, index_path, segments},
            form::{Fields, again},
        },
        webhooks::{delivery, shown},
    },
    model::{
        event::EventKind,
        name::{IndexName, encode},
        webhook::{Delivery, Webhook},
    },
    ops::{self, webhooks::DELIVERIES},
    service::Service,
};
use axum::{extract::State, response::Response};
use http::{HeaderValue, header::CACHE_CONTROL};
use minijinja::{Value, context, value::Serde};
use serde_json::Map;
use url::Url;

/// From what `GET …/+webhooks` says as JSON.
pub(in crate::http) fn list(
    service: &Service,
    page: &Page,
    index: Option<&IndexName>,
    webhooks: &[Webhook],
) -> Result<Response> {
    render_list(service, page, index, webhooks, &Map::new(), None, None)
}

/// `POST …/+webhooks` with the form: the one page that has the secret.
pub(in crate::http) async fn create(
    service: &Service,
    index: Option<&IndexName>,
    Form { page, fields }: Form,
) -> Result<Response> {
    let created = ops::webhooks::create(service, &page.caller, index, &wanted(&fields)).await;
    if let Err(error @ (Error::Forbidden(_) | Error::Unauthorized(_) | Error::NoSuchIndex(_))) = created {
        return Err(error);
    }
    match created {
        Ok((webhook, secret)) => {
            let webhooks = ops::webhooks::list(service, &page.caller, index).await?;
            let made = context! { id => webhook.id.to_string(), secret };
            let mut response = render_list(service, &page, index, &webhooks, &Map::new(), Some(made), None)?;
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        }
        Err(error) => {
            let form = async |problem: &str| {
                let webhooks = ops::webhooks::list(service, &page.caller, index).await?;
                render_list(service, &page, index, &webhooks, &fields.shown(), None, Some(problem))
            };
            again(error, form).await
        }
    }
}

/// From what `GET …/+webhooks/{id}` and `…/deliveries` say as JSON.
pub(in crate::http) fn show(
    service: &Service,
    page: &Page,
    index: Option<&IndexName>,
    webhook: &Webhook,
    deliveries: &[Delivery],
) -> Result<Response> {
    render_one(service, page, index, webhook, deliveries, None, None)
}

/// `POST …/+webhooks/{id}`: what the button `do` says.
pub(in crate::http) async fn change(
    State(service): State<Service>,
    WebhookPath { index, id, .. }: WebhookPath,
    Form { page, fields }: Form,
) -> Result<Response> {
    let (caller, index) = (&page.caller, index.as_ref());
    let body = match fields.text("do") {
        "delete" => {
            ops::webhooks::delete(&service, caller, index, &id).await?;
            return Ok(page.done(&path(index), "webhook-deleted"));
        }
        "enable" => Map::from_iter([("enabled".to_owned(), true.into())]),
        "disable" => Map::from_iter([("enabled".to_owned(), false.into())]),
        "save" => wanted(&fields),
        other => {
            return Err(Error::Invalid(format!("do must be save, enable, disable or delete, not '{other}'")));
        }
    };
    match ops::webhooks::modify(&service, caller, index, &id, &body).await {
        Ok(_) => Ok(page.done(&format!("{}/{id}", path(index)), "webhook-changed")),
        Err(error @ Error::Invalid(_)) => {
            let form = async |problem: &str| {
                let webhook = ops::webhooks::show(&service, caller, index, &id).await?;
                let deliveries = ops::webhooks::deliveries(&service, caller, index, &id, None).await?;
                let form = fields.shown();
                render_one(&service, &page, index, &webhook, &deliveries, Some(&form), Some(problem))
            };
            again(error, form).await
        }
        Err(error) => Err(error),
    }
}

/// `POST …/+webhooks/{id}/test` with the form.
pub(in crate::http) async fn test(
    service: &Service,
    index: Option<&IndexName>,
    id: &str,
    Form { page, .. }: Form,
) -> Result<Response> {
    ops::webhooks::test(service, &page.caller, index, id).await?;
    Ok(page.done(&format!("{}/{}", path(index), encode(id)), "webhook-sent"))
}

/// `POST …/+webhooks/{id}/deliveries/{delivery}/retry` with the form.
pub(in crate::http) async fn retry(
    service: &Service,
    index: Option<&IndexName>,
    (id, delivery): (&str, &str),
    Form { page, .. }: Form,
) -> Result<Response> {
    ops::webhooks::retry(service, &page.caller, index, id, delivery).await?;
    Ok(page.done(&format!("{}/{}", path(index), encode(id)), "webhook-sent"))
}

/// What a form asks for, as the API takes it.
fn wanted(fields: &Fields) -> Map<String, serde_json::Value> {
    let events = fields.names("events");
    let events = if events.is_empty() { serde_json::Value::Null } else { events.into() };
    Map::from_iter([
        ("url".to_owned(), fields.text("url").into()),
        ("description".to_owned(), fields.text("description").into()),
        ("events".to_owned(), events),
    ])
}

fn render_list(
    service: &Service,
    page: &Page,
    index: Option<&IndexName>,
    webhooks: &[Webhook],
    form: &Map<String, serde_json::Value>,
    made: Option<Value>,
    problem: Option<&str>,
) -> Result<Response> {
    let data: Vec<_> = webhooks.iter().map(shown).collect();
    let context = context! {
        title => title(index),
        crumbs => way(index, &[]),
        path => path(index),
        index => index.map(ToString::to_string),
        data => Serde(data),
        names => names(index),
        form => Serde(form),
        made,
        problem,
    };
    page.render(service, "webhooks.html", context)
}

fn render_one(
    service: &Service,
    page: &Page,
    index: Option<&IndexName>,
    webhook: &Webhook,
    deliveries: &[Delivery],
    form: Option<&Map<String, serde_json::Value>>,
    problem: Option<&str>,
) -> Result<Response> {
    let mut data = shown(webhook);
    data["deliveries"] = deliveries.iter().map(delivery).collect();
    let is_full = i64::try_from(deliveries.len()).is_ok_and(|shown| shown >= DELIVERIES);
    let host = host(&webhook.wanted.url);
    let context = context! {
        title => format!("Webhook to {host}"),
        crumbs => way(index, &[(&host, "")]),
        path => format!("{}/{}", path(index), webhook.id),
        index => index.map(ToString::to_string),
        host,
        data => Serde(&data),
        payloads => deliveries.iter().map(|sent| format!("{:#}", sent.payload)).collect::<Vec<_>>(),
        older => deliveries.last().filter(|_| is_full).map(|last| last.id),
        names => names(index),
        form => Serde(form.cloned().unwrap_or_else(|| filled(webhook))),
        problem,
    };
    page.render(service, "webhook.html", context)
}

/// What the form of a webhook holds before anybody types.
fn filled(webhook: &Webhook) -> Map<String, serde_json::Value> {
    let wanted = &webhook.wanted;
    Map::from_iter([
        ("url".to_owned(), wanted.url.as_str().into()),
        ("description".to_owned(), wanted.description.as_str().into()),
        ("events".to_owned(), wanted.events.as_ref().map(|events| events.join(", ")).into()),
    ])
}

/// Names of events that one may want: on an index, of what happens there.
fn names(index: Option<&IndexName>) -> Vec<&'static str> {
    let names = EventKind::ALL.into_iter().map(EventKind::name);
    let of_server = |name: &&str| {
        ["user.", "token.", "publisher.", "webhook."].iter().any(|beginning| name.starts_with(beginning))
    };
    names.filter(|name| index.is_none() || !of_server(name)).collect()
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn title(index: Option<&IndexName>) -> String {
    index.map_or_else(|| "Webhooks of the server".to_owned(), |index| format!("Webhooks of {index}"))
}

fn path(index: Option<&IndexName>) -> String {
    index.map_or_else(|| "/+webhooks".to_owned(), |index| format!("{}/+webhooks", index_path(index)))
}

/// The way to the list, and on to pages below it.
fn way(index: Option<&IndexName>, below: &[(&str, &str)]) -> Vec<Value> {
    let list = path(index);
    crumbs(
        index.map(segments).as_ref().map_or(&[], |it| it),
        &[&[("Webhooks", list.as_str())], below].concat(),
    )
}

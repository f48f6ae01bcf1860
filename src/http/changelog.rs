//! `/+changelog/{serial}`: one change; `/+changelog/{serial}-`: it and what came after. `/+changelog` and
//! `/{user}/{index}/+changelog`: the last changes.

use super::{
    extract::{IndexPath, Query, SerialPath},
    respond,
    web::{self, Page},
};
use crate::{
    error::{Error, Result},
    model::{access::Caller, event::LoggedEvent, serial::Serial},
    ops::{
        self,
        changelog::{Position, Subject},
    },
    service::Service,
};
use axum::{extract::State, response::Response};
use serde_json::{Value, json};

/// The events, oldest first; of a long list only the beginning, so that one asks again with the last serial.
pub(super) async fn changelog(
    State(service): State<Service>,
    caller: Caller,
    SerialPath(serial): SerialPath,
) -> Result<Response> {
    let (number, onwards) = match serial.strip_suffix('-') {
        Some(number) => (number, true),
        None => (serial.as_str(), false),
    };
    let number = number.parse::<i64>().map_err(|_| Error::NotFound(format!("'{serial}' is no serial")));
    let events = ops::changelog::from(&service, &caller, Serial(number?), onwards).await?;
    Ok(respond::result("changelog", events.iter().map(|event| told(event, true)).collect::<Vec<_>>()))
}

/// The last changes of the server, of an index, or with `inherited` of an index and its bases; those `before` a serial, or
/// the first ones `after` one.
pub(super) async fn page(
    State(service): State<Service>,
    page: Page,
    index: Option<IndexPath>,
    query: Query,
) -> Result<Response> {
    let index = index.map(|IndexPath(index)| index);
    let subject = match &index {
        None => Subject::Server,
        Some(index) if query.has("inherited") => Subject::IndexAndBases(index),
        Some(index) => Subject::Index(index),
    };
    let position = match (serial(&query, "before")?, serial(&query, "after")?) {
        (Some(before), _) => Position::Before(before),
        (None, Some(after)) => Position::After(after),
        (None, None) => Position::Newest,
    };
    let part = ops::changelog::page(&service, &page.caller, subject, position).await?;
    let events: Vec<_> = part.events.iter().map(|event| told(event, part.in_full)).collect();
    let number = |serial: Option<Serial>| serial.map(|serial| serial.0);
    let data = json!({
        "serial": part.serial.0, "before": number(part.older), "after": number(part.newer), "events": events,
    });
    if page.wanted {
        return web::changelog(&service, &page, index.as_ref(), query.has("inherited"), &part, &data);
    }
    Ok(respond::result("changelog", data))
}

fn serial(query: &Query, key: &str) -> Result<Option<Serial>> {
    let Some(text) = query.get(key) else { return Ok(None) };
    match text.parse() {
        Ok(number @ 0..) => Ok(Some(Serial(number))),
        _ => Err(Error::invalid(format!("{key} must be the number of a serial, not '{text}'"))),
    }
}

/// An event; who did it and the details only for whom all of it is told.
pub(super) fn told(event: &LoggedEvent, in_full: bool) -> Value {
    let mut value = json!({
        "serial": event.serial.0,
        "time": respond::moment(event.at),
        "actor": event.actor,
        "event": event.event,
        "user": event.user,
        "index": event.index,
        "project": event.project,
        "version": event.version,
        "file": event.file,
        "detail": event.detail,
    });
    if let Some(fields) = value.as_object_mut()
        && !in_full
    {
        fields.retain(|name, _| name != "actor" && name != "detail");
    }
    value
}

//! `/+changelog/{serial}`: one change; `/+changelog/{serial}-`: it and what came after.

use super::{extract::SerialPath, respond};
use crate::{
    error::{Error, Result},
    model::{access::Caller, event::LoggedEvent, serial::Serial},
    ops,
    service::Service,
};
use axum::{extract::State, response::Response};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

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
    Ok(respond::result("changelog", events.iter().map(event).collect::<Vec<_>>()))
}

pub(super) fn event(event: &LoggedEvent) -> Value {
    json!({
        "serial": event.serial.0,
        "time": event.at.format(&Rfc3339).unwrap_or_default(),
        "actor": event.actor,
        "event": event.event,
        "user": event.user,
        "index": event.index,
        "project": event.project,
        "version": event.version,
        "file": event.file,
        "detail": event.detail,
    })
}

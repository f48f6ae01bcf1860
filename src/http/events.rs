//! `/+events`: what changes, as a stream of server-sent events (HTML standard, Server-sent events) or by long poll.

use super::{changelog::told, extract::Query, negotiate, respond};
use crate::{
    error::{Error, Result},
    model::{access::Caller, event::LoggedEvent, name::IndexName, serial::Serial},
    ops::{
        self,
        events::{Heard, Listener},
    },
    service::Service,
};
use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName};
use serde_json::json;
use std::{
    convert::Infallible,
    future::ready,
    time::{Duration, Instant},
};

/// How long a poll waits when its client does not say, and the longest that it may say, in seconds.
const WAIT: u64 = 25;
const LONGEST_WAIT: u64 = 55;

/// What a poll leaves of the time that a request may take, in seconds.
const RESERVE: u64 = 5;

/// A stream in which nothing was told for so long gets a comment, so that nobody takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A stream ends after so long, and its client comes back with what it logs in with.
const LONGEST_STREAM: Duration = Duration::from_secs(3600);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What happens after a serial or from now on, on the whole server or on an index and its bases.
pub(super) async fn events(
    State(service): State<Service>,
    caller: Caller,
    query: Query,
    headers: HeaderMap,
) -> Result<Response> {
    let since = since(&query, &headers)?;
    let wait = wait(&query)?;
    let index = query
        .get("index")
        .map(|name| name.parse::<IndexName>().map_err(|_| Error::NoSuchIndex(name.to_owned())));
    let mut listener = ops::events::listen(&service, &caller, index.transpose()?, since).await?;
    if wait.is_none() && !negotiate::prefers_json_to_events(&headers) {
        return Ok(([respond::UNBUFFERED], Sse::new(stream(listener))).into_response());
    }
    let longest = service.config.server.request_timeout.saturating_sub(RESERVE);
    let wait = Duration::from_secs(wait.unwrap_or(WAIT).min(longest));
    let heard = listener.next(wait).await?;
    let events: Vec<_> = heard.events.iter().map(|event| told(event, heard.in_full)).collect();
    Ok(respond::result("events", json!({"serial": heard.serial.0, "events": events})))
}

/// The serial that the client has heard of: a stream that was broken goes on where it was, whatever its URL says.
fn since(query: &Query, headers: &HeaderMap) -> Result<Option<Serial>> {
    let last = headers.get(LAST_EVENT_ID).map(|id| ("Last-Event-ID", id.to_str().unwrap_or_default()));
    let Some((name, text)) = last.or(query.get("since").map(|since| ("since", since))) else {
        return Ok(None);
    };
    match text.parse::<i64>() {
        Ok(serial) if serial >= 0 => Ok(Some(Serial(serial))),
        _ => Err(Error::invalid(format!("{name} must be the number of a serial, not '{text}'"))),
    }
}

fn wait(query: &Query) -> Result<Option<u64>> {
    let Some(text) = query.get("wait") else { return Ok(None) };
    match text.parse() {
        Ok(seconds) if seconds <= LONGEST_WAIT => Ok(Some(seconds)),
        _ => Err(Error::invalid(format!("wait must be 0 to {LONGEST_WAIT} seconds, not '{text}'"))),
    }
}

fn stream(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    let ends = Instant::now() + LONGEST_STREAM;
    let beginning = heartbeat(listener.heard());
    let rest = stream::unfold(Some(listener), move |listener| async move {
        let mut listener = listener?;
        match listener.next(HEARTBEAT).await {
            Ok(heard) => {
                let goes_on = !heard.last && Instant::now() < ends;
                Some((stream::iter(lines(&heard)), goes_on.then_some(listener)))
            }
            Err(error) => {
                tracing::error!(error = ?error, "a stream of events broke");
                None
            }
        }
    });
    stream::once(ready(beginning)).chain(rest.flatten()).map(Ok)
}

/// One for each event. The id stands with the last event of a change, so that who lost the stream in between hears the
/// whole change again.
fn lines(heard: &Heard) -> Vec<Event> {
    if heard.events.is_empty() {
        return vec![heartbeat(heard.serial)];
    }
    let serials = heard.events.iter().map(|event| event.serial);
    let next = serials.skip(1).map(Some).chain([None]);
    let line = |(event, next): (&LoggedEvent, Option<Serial>)| {
        let line = match next {
            Some(next) if next == event.serial => Event::default(),
            _ => Event::default().id(event.serial.to_string()),
        };
        line.data(told(event, heard.in_full).to_string())
    };
    heard.events.iter().zip(next).map(line).collect()
}

/// A comment, and an id without an event: the client goes on from it and is told nothing.
fn heartbeat(serial: Serial) -> Event {
    Event::default().comment("").id(serial.to_string())
}

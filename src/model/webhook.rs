//! Webhooks: who is told of changes, of which, and in what words (Standard Webhooks).

use super::{
    event::{EventKind, LoggedEvent},
    name::{IndexName, encode},
    serial::Serial,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;
use uuid::Uuid;

/// Longest URL and description, in bytes, and most names of events.
const LONGEST_URL: usize = 2000;
const LONGEST_DESCRIPTION: usize = 500;
const MOST_EVENTS: usize = 50;

/// The event of a delivery that somebody asked for to see whether it comes.
pub const PING: &str = "ping";

/// What may be shown of a webhook: all but its secret.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: Uuid,
    pub wanted: Wanted,
    /// The user who made it.
    pub created_by: Option<String>,
    pub created_at: OffsetDateTime,
    /// Since when it hears of nothing, and why.
    pub disabled: Option<(OffsetDateTime, String)>,
    /// First failure since something was delivered.
    pub failing_since: Option<OffsetDateTime>,
    /// Deliveries that it is still owed.
    pub waiting: i64,
}

/// What whoever makes a webhook wants of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub url: Url,
    /// May be empty.
    pub description: String,
    /// Names of events, `file.*` for all that begin so; `None`: all.
    pub events: Option<Vec<String>>,
}

/// What a client wants changed of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    pub wanted: Wanted,
    pub enabled: bool,
}

impl Wanted {
    /// Reads the body of `POST …/+webhooks`.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, String> {
        known_keys(body, &["url", "description", "events"])?;
        let Some(address) = body.get("url") else { return Err("url must say where to send to".into()) };
        Ok(Self {
            url: url(address)?,
            description: description(body.get("description").unwrap_or(&Value::Null))?,
            events: events(body.get("events").unwrap_or(&Value::Null))?,
        })
    }

    /// Whether it wants events of this name.
    pub fn wants(&self, event: &str) -> bool {
        self.events.as_ref().is_none_or(|wanted| wanted.iter().any(|pattern| fits(pattern, event)))
    }
}

impl Patch {
    /// Reads the body of `PATCH …/+webhooks/{id}`: what it does not name stays.
    pub fn parse(webhook: &Webhook, body: &Map<String, Value>) -> Result<Self, String> {
        known_keys(body, &["url", "description", "events", "enabled"])?;
        let Webhook { wanted, disabled, .. } = webhook;
        Ok(Self {
            wanted: Wanted {
                url: body.get("url").map_or_else(|| Ok(wanted.url.clone()), url)?,
                description: body
                    .get("description")
                    .map_or_else(|| Ok(wanted.description.clone()), description)?,
                events: body.get("events").map_or_else(|| Ok(wanted.events.clone()), events)?,
            },
            enabled: match body.get("enabled") {
                None => disabled.is_none(),
                Some(Value::Bool(enabled)) => *enabled,
                Some(_) => return Err("enabled must be true or false".into()),
            },
        })
    }
}

fn known_keys(body: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match body.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("'{key}' is none of {}", known.join(", "))),
        None => Ok(()),
    }
}

fn url(value: &Value) -> Result<Url, String> {
    let text = value.as_str().filter(|text| text.len() <= LONGEST_URL);
    let url = text.and_then(|text| Url::parse(text).ok());
    let url = url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    let url =
        url.ok_or_else(|| format!("url must be an http or https URL of at most {LONGEST_URL} bytes"))?;
    match url.username().is_empty() && url.password().is_none() {
        true => Ok(url),
        false => Err("url must hold no user and no password: what is sent is signed".into()),
    }
}

fn description(value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) if text.len() <= LONGEST_DESCRIPTION => Ok(text.clone()),
        _ => Err(format!("description must be a text of at most {LONGEST_DESCRIPTION} bytes")),
    }
}

fn events(value: &Value) -> Result<Option<Vec<String>>, String> {
    let names = match value {
        Value::Null => return Ok(None),
        Value::Array(names) if (1..=MOST_EVENTS).contains(&names.len()) => names,
        _ => {
            return Err(format!(
                "events must be a list of 1 to {MOST_EVENTS} names of events, or null for all of them"
            ));
        }
    };
    let known = |name: &&str| EventKind::ALL.iter().any(|kind| fits(name, kind.name()));
    let parse = |name: &Value| match name.as_str().filter(known) {
        Some(name) => Ok(name.to_owned()),
        None => Err(format!("events: {name} is no name of an event such as file.upload or file.*")),
    };
    names.iter().map(parse).collect::<Result<_, _>>().map(Some)
}

fn fits(pattern: &str, event: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => beginning.ends_with('.') && event.starts_with(beginning),
        None => pattern == event,
    }
}

/// The secret by which a receiver knows what is from us, of so many random bytes.
pub fn secret(bytes: [u8; 24]) -> String {
    format!("whsec_{}", STANDARD.encode(bytes))
}

/// A webhook that hears of changes.
#[derive(Debug, Clone)]
pub struct Listening {
    pub id: Uuid,
    pub wanted: Wanted,
    /// Of changes to this index only; to what it inherits from it does not listen.
    pub index: Option<IndexName>,
    /// It hears of later changes.
    pub since: Serial,
    /// The change that deleted its index, which is the last that it hears of.
    pub until: Option<Serial>,
}

impl Listening {
    /// Whether it is to be told of this event.
    pub fn hears(&self, event: &LoggedEvent) -> bool {
        let is_in_time = self.since < event.serial && self.until.is_none_or(|until| event.serial <= until);
        let is_on_index =
            |index: &IndexName| event.index.as_deref().is_some_and(|name| name == index.to_string());
        is_in_time && self.index.as_ref().is_none_or(is_on_index) && self.wanted.wants(&event.event)
    }
}

/// What is sent of an event. `root` is the URL under which clients reach the server, or empty where that is not known.
pub fn payload(event: &LoggedEvent, root: &str) -> Value {
    json!({
        "type": event.event,
        "timestamp": moment(event.at),
        "data": {
            "serial": event.serial.0,
            "index": event.index,
            "user": event.user,
            "project": event.project,
            "version": event.version,
            "file": event.file,
            "actor": event.actor,
            "detail": event.detail,
            "url": path(event).map(|path| format!("{root}{path}")),
        },
    })
}

/// What is sent when somebody tries whether it comes.
pub fn ping(webhook: Uuid, index: Option<&IndexName>, actor: Option<&str>, at: OffsetDateTime) -> Value {
    json!({
        "type": PING,
        "timestamp": moment(at),
        "data": {"webhook": webhook, "index": index, "actor": actor},
    })
}

/// The page of what an event is about.
fn path(event: &LoggedEvent) -> Option<String> {
    let Some(Ok(index)) = event.index.as_deref().map(str::parse::<IndexName>) else {
        return event.user.as_deref().map(|user| format!("/{}", encode(user)));
    };
    let parts = [event.project.as_deref(), event.version.as_deref()];
    let parts = parts.into_iter().map_while(|part| Some(format!("/{}", encode(part?))));
    Some(format!("/{}{}", index.url_path(), parts.collect::<String>()))
}

fn moment(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// Something that a webhook is told, was told, or was not to be reached with.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: i64,
    pub webhook: Uuid,
    /// `None`: somebody tried whether it comes.
    pub serial: Option<Serial>,
    pub event: String,
    pub payload: Value,
    pub state: State,
    /// Somebody asked for it: it is sent once, before all others.
    pub ahead: bool,
    /// How often it was sent.
    pub attempts: i32,
    /// Not sent earlier.
    pub not_before: OffsetDateTime,
    pub created_at: OffsetDateTime,
    pub attempted_at: Option<OffsetDateTime>,
    /// HTTP status of the last answer.
    pub status: Option<i32>,
    /// Why it failed last, for people.
    pub error: Option<String>,
    /// How long the last attempt took.
    pub milliseconds: Option<i32>,
    /// The beginning of the last answer.
    pub response: Option<String>,
}

impl Delivery {
    /// `webhook-id`: the same each time that it is sent.
    pub fn message_id(&self) -> String {
        format!("msg_{}_{}", self.webhook.simple(), self.id)
    }
}

/// How far a delivery came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Waiting,
    Delivered,
    /// Given up.
    Failed,
}

impl State {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Failed];

    /// As it stands in the table and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_a_webhook_may_be_is_said_where_it_is_not() {
        for (body, problem) in [
            (json!({}), "url must say"),
            (json!({"url": 1}), "url must be an http or https URL"),
            (json!({"url": "ftp://h/"}), "url must be an http or https URL"),
            (json!({"url": "/hook"}), "url must be an http or https URL"),
            (json!({"url": format!("http://h/{}", "x".repeat(2000))}), "url must be an http or https URL"),
            (json!({"url": "http://u@h/"}), "url must hold no user"),
            (json!({"url": "http://:p@h/"}), "url must hold no user"),
            (json!({"url": "http://h/", "secret": "x"}), "'secret' is none of url, description, events"),
            (json!({"url": "http://h/", "description": 1}), "description must be a text"),
            (json!({"url": "http://h/", "events": []}), "events must be a list of 1 to 50"),
            (json!({"url": "http://h/", "events": "file.upload"}), "events must be a list"),
            (json!({"url": "http://h/", "events": ["file.eaten"]}), "events: \"file.eaten\" is no name"),
            (json!({"url": "http://h/", "events": ["*"]}), "events: \"*\" is no name"),
            (json!({"url": "http://h/", "events": ["eaten.*"]}), "events: \"eaten.*\" is no name"),
        ] {
            let error = Wanted::parse(&object(&body)).unwrap_err();
            assert!(error.starts_with(problem), "{body}: {error}");
        }
    }

    #[test]
    fn a_webhook_hears_of_what_it_wants_on_its_index_and_in_its_time() {
        let wanted =
            |events: Value| Wanted::parse(&object(&json!({"url": "https://h/", "events": events}))).unwrap();
        let listening = |index: Option<&str>, events| Listening {
            id: Uuid::nil(),
            wanted: wanted(events),
            index: index.map(|index| index.parse().unwrap()),
            since: Serial(3),
            until: Some(Serial(8)),
        };
        let event = |serial, event: &str, index: Option<&str>| LoggedEvent {
            serial: Serial(serial),
            at: OffsetDateTime::UNIX_EPOCH,
            actor: None,
            event: event.into(),
            user: None,
            index: index.map(str::to_owned),
            project: None,
            version: None,
            file: None,
            detail: None,
        };
        let upload = |serial| event(serial, "file.upload", Some("alice/dev"));
        let here = || listening(Some("alice/dev"), Value::Null);
        for (listening, event, hears) in [
            (here(), upload(3), false),
            (here(), upload(4), true),
            (here(), upload(8), true),
            (here(), upload(9), false),
            (here(), event(5, "file.upload", Some("alice/base")), false),
            (here(), event(5, "user.create", None), false),
            (listening(None, Value::Null), event(5, "user.create", None), true),
            (listening(None, json!(["file.*"])), upload(5), true),
            (listening(None, json!(["file.*"])), event(5, "user.create", None), false),
            (listening(None, json!(["file.yank", "file.upload"])), upload(5), true),
            (listening(None, json!(["file.yank"])), upload(5), false),
        ] {
            assert_eq!(listening.hears(&event), hears, "{listening:?} {event:?}");
        }
    }
}

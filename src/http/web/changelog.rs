//! The last changes, each as a sentence.

use super::{
    Page,
    crumbs::{crumbs, index_path, segments},
};
use crate::{
    error::Result,
    http::respond::moment,
    model::{
        event::LoggedEvent,
        name::{IndexName, encode},
    },
    ops::changelog::Part,
    service::Service,
};
use axum::response::Response;
use minijinja::{Value, context, value::Serde};

/// Events of one change that are shown.
const SHOWN: usize = 20;

/// What somebody did, by the name of the event.
const SENTENCES: [(&str, &str); 35] = [
    ("user.create", "created the user {user}"),
    ("user.modify", "changed the user {user}"),
    ("user.delete", "deleted the user {user}"),
    ("token.create", "made an API token for {user}"),
    ("token.delete", "revoked an API token of {user}"),
    ("publisher.create", "let a trusted publisher in"),
    ("publisher.delete", "shut a trusted publisher out"),
    ("webhook.create", "made a webhook"),
    ("webhook.modify", "changed a webhook"),
    ("webhook.delete", "deleted a webhook"),
    ("webhook.disable", "disabled a webhook"),
    ("index.create", "created {index}"),
    ("index.modify", "changed the settings of {index}"),
    ("index.delete", "deleted {index}"),
    ("project.create", "created {project} on {index}"),
    ("project.delete", "deleted {project} from {index}"),
    ("project.status", "set the status of {project} on {index}"),
    ("release.register", "registered {project} {version} on {index}"),
    ("release.delete", "deleted {project} {version} from {index}"),
    ("file.upload", "uploaded {file} to {index}"),
    ("file.overwrite", "replaced {file} on {index}"),
    ("file.push", "pushed {file} to {index}"),
    ("file.delete", "deleted {file} from {index}"),
    ("file.yank", "yanked {file} on {index}"),
    ("file.unyank", "took back the yank of {file} on {index}"),
    ("toxresult.upload", "sent a test result of {project} {version} to {index}"),
    ("toxresult.push", "pushed a test result of {project} {version} to {index}"),
    ("toxresult.delete", "deleted a test result of {project} {version} from {index}"),
    ("doczip.upload", "uploaded documentation of {project} {version} to {index}"),
    ("doczip.overwrite", "replaced documentation of {project} {version} on {index}"),
    ("doczip.push", "pushed documentation of {project} {version} to {index}"),
    ("doczip.delete", "deleted documentation of {project} {version} from {index}"),
    ("mirror.page", "fetched another page of {project} for {index}"),
    ("mirror.list", "fetched another list of projects for {index}"),
    ("mirror.metadata", "fetched core metadata of {project} {version} for {index}"),
];

/// From what `GET /+changelog` says as JSON.
pub(in crate::http) fn changelog(
    service: &Service,
    page: &Page,
    index: Option<&IndexName>,
    inherited: bool,
    part: &Part,
    data: &serde_json::Value,
) -> Result<Response> {
    let own = index.map_or_else(|| "/+changelog".to_owned(), |it| format!("/{}/+changelog", it.url_path()));
    let asked = |what: &str| {
        let parts = [if inherited { "inherited" } else { "" }, what].into_iter();
        let query = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        if query.is_empty() { own.clone() } else { format!("{own}?{query}") }
    };
    let changes = part.events.chunk_by(|one, other| one.serial == other.serial);
    let changes: Vec<_> = changes.map(|events| change(events, part.in_full)).collect();
    let heard = index.map_or_else(String::new, |index| format!("index={}&", index.url_path()));
    let context = context! {
        title => index.map_or_else(|| "Changelog".to_owned(), |index| format!("Changelog of {index}")),
        crumbs => index.map(|index| crumbs(&segments(index), &[("Changelog", &own)])),
        index => index.map(ToString::to_string),
        inherited,
        own_path => &own,
        inherited_path => index.map(|_| format!("{own}?inherited")),
        changes,
        serial => part.serial.0,
        is_newest => part.newer.is_none(),
        older => part.older.map(|serial| asked(&format!("before={serial}"))),
        newer => asked(&format!("after={}", part.serial)),
        newest => asked(""),
        // What a script asks, which adds the serial that it knows.
        live => format!("/+events?{heard}since="),
        live_more => asked("after="),
        data => Serde(data),
    };
    page.render(service, "changelog.html", context)
}

/// The events of one change.
fn change(events: &[LoggedEvent], in_full: bool) -> Value {
    let first = events.first();
    context! {
        serial => first.map(|event| event.serial.0),
        at => first.map(|event| moment(event.at)),
        events => events.iter().take(SHOWN).map(|event| said(event, in_full)).collect::<Vec<_>>(),
        more => events.len().saturating_sub(SHOWN),
        // Where all of it is told, to whom all of it is told.
        path => in_full.then(|| first.map(|event| format!("/+changelog/{}", event.serial))),
    }
}

/// An event as a sentence: pieces of text, some of which lead somewhere.
fn said(event: &LoggedEvent, in_full: bool) -> Value {
    let sentence = SENTENCES.iter().find(|(name, _)| *name == event.event).map(|(_, sentence)| *sentence);
    let actor = event.actor.as_deref().filter(|_| in_full);
    let mut pieces = match (actor, sentence) {
        (Some(actor), _) => vec![context! { text => actor, is_actor => true }, context! { text => " " }],
        (None, _) => Vec::new(),
    };
    let generic = format!("{} {{index}}", event.event);
    for (nth, part) in sentence.unwrap_or(&generic).split(['{', '}']).enumerate() {
        match nth % 2 {
            0 if nth == 0 && pieces.is_empty() => pieces.push(context! { text => capitalised(part) }),
            0 => pieces.push(context! { text => part }),
            _ => pieces.push(named(event, part)),
        }
    }
    let reason = event.detail.as_ref().filter(|_| in_full).and_then(|detail| detail["reason"].as_str());
    context! {
        event => &event.event,
        pieces,
        reason => reason.filter(|reason| !reason.is_empty()),
    }
}

/// What an event names, and where that is, unless it is gone with the event.
fn named(event: &LoggedEvent, what: &str) -> Value {
    let (subject, verb) = event.event.split_once('.').unwrap_or_default();
    let index = event.index.as_deref().and_then(|index| index.parse::<IndexName>().ok());
    let is_gone = verb == "delete";
    let index_path = index.map(|index| index_path(&index));
    let project = index_path.as_ref().zip(event.project.as_ref());
    let project_path = project.map(|(index, project)| format!("{index}/{}", encode(project)));
    let release = project_path.as_ref().zip(event.version.as_ref());
    let release_path = release.map(|(project, version)| format!("{project}/{}", encode(version)));
    let user_path = event.user.as_ref().map(|user| format!("/{}", encode(user)));
    let (text, path) = match what {
        "user" => (event.user.as_ref(), user_path.filter(|_| subject != "user" || !is_gone)),
        "index" => (event.index.as_ref(), index_path.filter(|_| subject != "index" || !is_gone)),
        "project" => (event.project.as_ref(), project_path.filter(|_| subject != "project" || !is_gone)),
        "version" => (event.version.as_ref(), release_path.filter(|_| subject != "release" || !is_gone)),
        _ => (event.file.as_ref(), release_path.filter(|_| !is_gone)),
    };
    // Tokens without a user are those of publishers; events that this program does not know may be about the server.
    let nobody = if what == "user" { "a publisher" } else { "" };
    context! { text => text.map_or(nobody, String::as_str), path }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventKind;

    #[test]
    fn every_event_has_its_sentence() {
        let told: Vec<_> = SENTENCES.iter().map(|(name, _)| *name).collect();
        let untold: Vec<_> =
            EventKind::ALL.iter().map(|kind| kind.name()).filter(|name| !told.contains(name)).collect();
        assert_eq!(untold, Vec::<&str>::new());
    }
}

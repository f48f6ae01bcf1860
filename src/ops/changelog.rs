//! What happened: all of it for whoever may know that, and what others may see of it.

use super::{resolve, visibility};
use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        event::LoggedEvent,
        name::IndexName,
        serial::Serial,
    },
    service::Service,
    store,
};
use std::cmp::Reverse;

/// Events that one answer tells at most.
pub(super) const LARGEST_ANSWER: i64 = 1_000;

/// Events on a page, more only where one change has more; and how often so many are read for one who may see few of them.
const PAGE: i64 = 50;
const MOST_READS: usize = 8;

/// Whose changes are wanted.
pub enum Subject<'a> {
    Server,
    Index(&'a IndexName),
    /// An index and all that it inherits from.
    IndexAndBases(&'a IndexName),
}

/// Which changes are wanted.
#[derive(Clone, Copy)]
pub enum Position {
    Newest,
    /// The last ones before this one.
    Before(Serial),
    /// The first ones after this one.
    After(Serial),
}

/// Some changes.
pub struct Part {
    /// The newest change first; those of one change in their order.
    pub events: Vec<LoggedEvent>,
    /// Whether the caller may know who did it and the details.
    pub in_full: bool,
    /// No change up to this one, and after those that are told, is left out.
    pub serial: Serial,
    /// Before this change there may be others.
    pub older: Option<Serial>,
    /// After this change there may be others.
    pub newer: Option<Serial>,
}

/// The events of one change, or of it and all later ones as far as one answer goes.
///
/// # Errors
/// [`Error::Forbidden`] for all but root and the principals that the operator named; [`Error::NotFound`] for a serial
/// that is not taken yet.
pub async fn from(
    service: &Service,
    caller: &Caller,
    serial: Serial,
    onwards: bool,
) -> Result<Vec<LoggedEvent>> {
    if !access::may_read_changelog(caller, &service.config.server.changelog_readers) {
        return Err(Error::forbidden(caller, "no permission to read the changelog"));
    }
    if serial.0 < 1 || serial > service.db.newest_serial() {
        return Err(Error::NotFound(format!("there is no serial {serial}")));
    }
    let up_to = if onwards { Serial::NOW } else { serial };
    let db = service.db().await?;
    store::changelog::between(&db, Serial(serial.0 - 1), up_to, LARGEST_ANSWER).await
}

/// A page of changes, as far as the caller may see them: what [`super::events`] would tell. There may be nothing on it that
/// the caller may see, and something on the next.
///
/// # Errors
/// As [`resolve::readable`] for the index.
pub async fn page(
    service: &Service,
    caller: &Caller,
    subject: Subject<'_>,
    position: Position,
) -> Result<Part> {
    let names = match subject {
        Subject::Server => None,
        Subject::Index(name) | Subject::IndexAndBases(name) => {
            resolve::readable(service, caller, name).await?;
            Some(match subject {
                Subject::IndexAndBases(name) => visibility::scope(service, name).await?.into_iter().collect(),
                _ => vec![name.clone()],
            })
        }
    };
    let names = names.map(|names| names.iter().map(IndexName::to_string).collect::<Vec<_>>());
    let in_full = access::may_read_changelog(caller, &service.config.server.changelog_readers);
    let newest = service.gate.serial();
    let beyond = Serial(newest.0 + 1);
    let (start, backwards) = match position {
        Position::Newest => (beyond, true),
        Position::Before(serial) => (serial.clamp(Serial(1), beyond), true),
        Position::After(serial) => (serial.min(newest), false),
    };
    let (mut events, mut at, mut goes_on) = (Vec::new(), start, true);
    for _ in 0..MOST_READS {
        let some = match backwards {
            true => before(service, names.as_deref(), at).await?,
            false => between(service, names.as_deref(), at, newest).await?,
        };
        goes_on = some.len() as i64 >= PAGE;
        let (Some(first), Some(last)) = (some.first(), some.last()) else { break };
        let (after, up_to) = (Serial(first.serial.0 - 1), last.serial);
        at = if backwards { first.serial } else { last.serial };
        events.extend(match in_full {
            true => some,
            false => visibility::visible(service, caller, some, after, up_to).await?,
        });
        if !goes_on || events.len() as i64 >= PAGE {
            break;
        }
    }
    events.sort_by_key(|event| Reverse(event.serial));
    let on = goes_on.then_some(at);
    Ok(match backwards {
        true => Part {
            events,
            in_full,
            serial: Serial(start.0 - 1),
            older: on,
            newer: (start < beyond).then_some(Serial(start.0 - 1)),
        },
        false => Part {
            events,
            in_full,
            serial: on.unwrap_or(newest),
            older: (start.0 > 0).then_some(Serial(start.0 + 1)),
            newer: on,
        },
    })
}

async fn before(service: &Service, indexes: Option<&[String]>, serial: Serial) -> Result<Vec<LoggedEvent>> {
    let db = service.db().await?;
    match indexes {
        Some(indexes) => store::changelog::of_indexes_before(&db, indexes, serial, PAGE).await,
        None => store::changelog::before(&db, serial, PAGE).await,
    }
}

async fn between(
    service: &Service,
    indexes: Option<&[String]>,
    after: Serial,
    up_to: Serial,
) -> Result<Vec<LoggedEvent>> {
    let db = service.db().await?;
    match indexes {
        Some(indexes) => store::changelog::of_indexes_between(&db, indexes, after, up_to, PAGE).await,
        None => store::changelog::between(&db, after, up_to, PAGE).await,
    }
}

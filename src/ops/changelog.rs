//! What happened, for whoever may know all of it.

use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        event::LoggedEvent,
        serial::Serial,
    },
    service::Service,
    store,
};
use time::OffsetDateTime;

/// Events that one answer tells at most.
pub(super) const LARGEST_ANSWER: i64 = 1_000;

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

/// The newest serial and when it was taken.
pub async fn last_change(service: &Service) -> Result<(Serial, OffsetDateTime)> {
    store::serial::last_change(&service.db().await?).await
}

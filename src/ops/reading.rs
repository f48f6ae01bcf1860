//! How every request begins: with the current serial, and caches that know every change up to it.

use crate::{
    cache::gate::Reading,
    error::{Error, Result},
    model::serial::Serial,
    service::Service,
    store,
    timing::{self, Phase},
};
use deadpool_postgres::Object;
use std::time::Duration;

/// With more events than this between two reads, the caches are emptied instead.
const EVENTS_APPLIED: i64 = 2_000;

/// How long the gate waits for a connection, and then for an answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The current serial, from the gate.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away for longer than memory may be served.
pub async fn begin(service: &Service) -> Result<Reading> {
    let ask = || {
        let service = service.clone();
        async move {
            match ask(&service).await {
                // A connection may have died while nobody used it.
                Err(Error::Unavailable) => ask(&service).await,
                answer => answer,
            }
        }
    };
    let reading = timing::of(Phase::Gate, service.gate.current(ask)).await?;
    service.db.note_serial(reading.serial);
    Ok(reading)
}

/// Asks once; a connection that did not answer well is not used again.
async fn ask(service: &Service) -> Result<Serial> {
    let connection = tokio::time::timeout(PATIENCE, service.db.gate_connection());
    let db = connection.await.unwrap_or(Err(Error::Unavailable))?;
    let answer = tokio::time::timeout(PATIENCE, catch_up(service, &db)).await;
    let answer = answer.unwrap_or(Err(Error::Unavailable));
    if answer.is_err() {
        drop(Object::take(db));
    }
    answer
}

/// Asks for the serial and tells the caches what happened since the known one.
async fn catch_up(service: &Service, db: &Object) -> Result<Serial> {
    let serial = store::serial::current(db).await?;
    match service.gate.known() {
        Some(known) if known < serial => {
            let events = store::changelog::between(db, known, serial, EVENTS_APPLIED + 1).await?;
            if events.len() as i64 > EVENTS_APPLIED {
                service.page_serials.forget();
                service.credentials.forget();
            } else {
                service.page_serials.apply(&events);
                service.credentials.apply(&events);
            }
        }
        Some(known) if known > serial => {
            tracing::warn!(%known, %serial, "the database was set back: nothing known is worth anything");
            service.page_serials.forget();
            service.credentials.forget();
            service.pages.invalidate_all();
            service.answers.forget();
            service.files.forget();
            service.changes.invalidate_all();
            service.db.set_back(serial);
        }
        _ => {}
    }
    Ok(serial)
}

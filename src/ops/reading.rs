//! How every request begins: with the current serial, and caches that know every change up to it.

use crate::{
    cache::gate::Reading,
    error::{Error, Result},
    model::serial::Serial,
    service::Service,
    store,
};
use std::time::Duration;

/// With more events than this between two reads, the caches are emptied instead.
const EVENTS_APPLIED: i64 = 2_000;

/// How long the gate waits for the database.
const PATIENCE: Duration = Duration::from_secs(3);

/// The current serial, from the gate.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away for longer than memory may be served.
pub async fn begin(service: &Service) -> Result<Reading> {
    let reading = service.gate.current(async |known| {
        let asked = tokio::time::timeout(PATIENCE, catch_up(service, known));
        asked.await.unwrap_or(Err(Error::Unavailable))
    });
    let reading = reading.await?;
    service.db.note_serial(reading.serial);
    Ok(reading)
}

/// Asks for the serial and tells the caches what happened since the known one.
async fn catch_up(service: &Service, known: Option<Serial>) -> Result<Serial> {
    let db = service.db.gate_connection().await?;
    let serial = store::serial::current(&db).await?;
    match known {
        Some(known) if known == serial => {}
        Some(known) if known < serial => {
            let events = store::changelog::between(&db, known, serial, EVENTS_APPLIED + 1).await?;
            if events.len() as i64 > EVENTS_APPLIED {
                forget(service);
            } else {
                service.page_serials.apply(&events);
                service.credentials.apply(&events);
            }
        }
        // The first answer, or a database that was set back: nothing known is worth anything.
        _ => forget(service),
    }
    Ok(serial)
}

fn forget(service: &Service) {
    service.page_serials.forget();
    service.credentials.forget();
    service.pages.invalidate_all();
}

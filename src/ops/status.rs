//! How the server is, for people and for monitoring.

pub use crate::store::{
    freshness::{COUNTED, Freshness},
    jobs::Queue,
    processes::Seen,
};

use super::freshness;
use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        name::IndexName,
        serial::Serial,
    },
    service::Service,
    store,
};
use std::time::{Duration, Instant};
use time::OffsetDateTime;

/// How long the object store may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is told of the server.
pub struct Status {
    /// The newest serial and when it was taken.
    pub serial: Serial,
    pub changed_at: OffsetDateTime,
    /// The newest migration that was applied.
    pub schema: i32,
    /// How long ago this process began.
    pub uptime: Duration,
    /// How long the database and the object store took to answer; `None`: it did not.
    pub database: Duration,
    pub object_store: Option<Duration>,
    /// Connections to the database, in use and open.
    pub connections: (usize, usize),
    /// Clients that listen to events.
    pub listeners: usize,
    pub caches: [Cache; 2],
    pub jobs: Vec<Queue>,
    pub processes: Vec<Seen>,
    /// Whether the caller may know where processes run.
    pub in_full: bool,
    /// Those that the caller may read.
    pub mirrors: Vec<(IndexName, Freshness)>,
}

/// What this process has in memory of a kind.
pub struct Cache {
    pub name: &'static str,
    pub entries: u64,
    pub bytes: u64,
}

/// Looks at everything, which costs a few cheap statements and one small request to the object store.
///
/// # Errors
/// Those of the database.
pub async fn of_server(service: &Service, caller: &Caller) -> Result<Status> {
    let began = Instant::now();
    let db = service.db().await?;
    let (serial, changed_at) = store::serial::last_change(&db).await?;
    let database = began.elapsed();
    let schema = store::server::schema_version(&db).await?;
    let jobs = store::jobs::queues(&db).await?;
    let mut processes = store::processes::all(&db).await?;
    drop(db);
    // It said so some seconds ago, and knows better by now.
    for own in processes.iter_mut().filter(|seen| seen.process.id == service.process) {
        (own.ago, own.serial) = (Duration::ZERO, serial);
    }
    let mirrors = freshness::of_mirrors(service, caller).await?;
    service.pages.run_pending_tasks().await;
    let (objects, object_bytes) = service.objects.measure().await;
    Ok(Status {
        serial,
        changed_at,
        schema,
        uptime: (OffsetDateTime::now_utc() - service.started).try_into().unwrap_or_default(),
        database,
        object_store: ask_object_store(service).await,
        connections: service.db.pool_size(),
        listeners: service.config.server.max_listeners - service.listeners.available_permits(),
        caches: [
            Cache {
                name: "pages",
                entries: service.pages.entry_count(),
                bytes: service.pages.weighted_size(),
            },
            Cache { name: "files", entries: objects, bytes: object_bytes },
        ],
        jobs,
        processes,
        in_full: access::may_read_changelog(caller, &service.config.server.changelog_readers),
        mirrors,
    })
}

async fn ask_object_store(service: &Service) -> Option<Duration> {
    let began = Instant::now();
    let asked = tokio::time::timeout(PATIENCE, service.blobs.check()).await;
    match asked.unwrap_or_else(|_| Err(Error::ObjectStore("it takes too long to answer".into()))) {
        Ok(()) => Some(began.elapsed()),
        Err(error) => {
            tracing::warn!(%error, "the object store does not answer");
            None
        }
    }
}

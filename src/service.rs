//! What every operation works with: database, objects, caches and settings. Cheap to clone.

use crate::{
    blobs::Blobs,
    cache::{
        Changes, Descriptions, Diagrams, Directories, ToxRuns, changes,
        credentials::Credentials,
        descriptions, diagrams, directories,
        files::Files,
        gate::Gate,
        issuers::Issuers,
        mirrored::Mirrored,
        objects::Objects,
        page_serial::PageSerials,
        pages::{Answers, Pages, pages},
        tox_runs,
    },
    config::Config,
    error::{Error, Result},
    model::access::Policy,
    receivers::Receivers,
    store::{self, Db, freshness::Freshness},
    upstream::{Upstream, spool::Downloads},
};
use deadpool_postgres::Object;
use std::{ops::Deref, sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::sync::{Mutex, Notify, Semaphore, SemaphorePermit};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// Directories of documentation that are read at a time: each may take tens of megabytes until it is.
const DIRECTORY_READS: usize = 2;

/// Tox results that are read at a time, likewise.
const RESULT_READS: usize = 4;

/// Descriptions that are rendered at a time.
const RENDERINGS: usize = 2;

/// How long what is known of mirrors is told again without a look: anybody may ask, and counting costs.
const FRESHNESS: Duration = Duration::from_secs(5);

/// A handle to the parts of a running server.
#[derive(Clone)]
pub struct Service(Arc<Parts>);

pub struct Parts {
    pub config: Config,
    pub policy: Policy,
    pub db: Db,
    pub blobs: Blobs,
    pub gate: Gate,
    pub page_serials: PageSerials,
    pub credentials: Credentials,
    pub issuers: Issuers,
    pub pages: Pages,
    pub answers: Answers,
    pub files: Files,
    pub objects: Objects,
    pub directories: Directories,
    pub diagrams: Diagrams,
    pub descriptions: Descriptions,
    pub tox_runs: ToxRuns,
    pub mirrored: Mirrored,
    pub changes: Changes,
    /// How fresh what mirrors have is, by their ids.
    pub freshness: moka::future::Cache<Vec<i64>, Arc<Vec<Freshness>>>,
    /// Turns at storing content, by its sha256 in hex; some stores let a reader see a copy that is being made again.
    pub storing: moka::future::Cache<String, Arc<Mutex<()>>>,
    /// Talks to the repositories that users push to.
    pub client: reqwest::Client,
    /// The name of this process among those that serve the index, drawn at its start.
    pub process: Uuid,
    pub started: OffsetDateTime,
    /// Identity of the index, the same on all processes.
    pub uuid: Uuid,
    /// Key that signs login tokens, the same on all processes.
    pub token_secret: Vec<u8>,
    /// Uploads that may be received at the same time.
    pub uploads: Semaphore,
    /// Searches that may run at the same time: a question may keep the database busy for seconds, so they leave connections
    /// to all else.
    pub searches: Semaphore,
    /// Tox results that may be received at the same time.
    pub results: Semaphore,
    /// Tox results that may be read at the same time, to be shown.
    pub result_reads: Semaphore,
    /// Directories of documentation that may be read at the same time.
    pub directory_reads: Semaphore,
    /// Descriptions that may be rendered at the same time.
    pub renderings: Arc<Semaphore>,
    /// Password hashes that may be computed at the same time.
    pub hashing: Arc<Semaphore>,
    /// Clients that may listen to events at the same time.
    pub listeners: Arc<Semaphore>,
    /// Cancelled when the process is about to end: whoever listens is told to come again elsewhere.
    pub stopping: CancellationToken,
    /// Talks to the upstreams of mirrors.
    pub upstream: Upstream,
    /// Talks to the receivers of webhooks.
    pub receivers: Receivers,
    /// Notified when somebody wants something sent to a receiver at once: by a server's loop, or after an answer of a Lambda.
    pub sending: Arc<Notify>,
    /// Files on their way from upstreams, see `ops::fetch`.
    pub downloads: Downloads,
    /// Files that may be fetched from upstreams at the same time.
    pub fetches: Semaphore,
    /// What goes on after the answers, see `ops::after_response`.
    pub tasks: TaskTracker,
    /// What readers share, see there too.
    pub shared: TaskTracker,
}

impl Deref for Service {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Service {
    /// Connects to a migrated database and prepares the rest.
    ///
    /// # Errors
    /// A text for the operator.
    pub async fn start(config: Config) -> Result<Self, String> {
        let db = Db::new(&config.database)?;
        db.check_schema().await?;
        let connection = db.connection().await.map_err(|error| error.to_string())?;
        let (uuid, token_secret) =
            store::server::identity(&connection).await.map_err(|error| format!("{error:?}"))?;
        drop(connection);
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("wheelyard/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        let server = &config.server;
        Ok(Self(Arc::new(Parts {
            policy: Policy { restrict_modify: server.restrict_modify.clone() },
            blobs: Blobs::new(&config.s3).await,
            gate: Gate::new(
                Duration::from_millis(server.read_staleness),
                Duration::from_secs(server.stale_if_error),
            ),
            page_serials: PageSerials::default(),
            credentials: Credentials::default(),
            issuers: Issuers::new(server)?,
            pages: pages(server.page_cache << 20),
            answers: Answers::default(),
            files: Files::default(),
            objects: Objects::new(server.file_cache << 20),
            directories: directories(),
            diagrams: diagrams(),
            descriptions: descriptions(),
            tox_runs: tox_runs(),
            mirrored: Mirrored::default(),
            changes: changes(),
            freshness: moka::future::Cache::builder().max_capacity(100).time_to_live(FRESHNESS).build(),
            storing: moka::future::Cache::new(100_000),
            upstream: Upstream::new()?,
            receivers: Receivers::new(server)?,
            sending: Arc::default(),
            downloads: Downloads::default(),
            fetches: Semaphore::new(server.concurrent_fetches),
            tasks: TaskTracker::new(),
            shared: TaskTracker::new(),
            client,
            process: Uuid::new_v4(),
            started: OffsetDateTime::now_utc(),
            uuid,
            token_secret,
            uploads: Semaphore::new(server.concurrent_uploads),
            searches: Semaphore::new(config.database.database_connections.div_ceil(4)),
            results: Semaphore::new(server.concurrent_uploads.div_ceil(4)),
            result_reads: Semaphore::new(RESULT_READS),
            directory_reads: Semaphore::new(DIRECTORY_READS),
            renderings: Arc::new(Semaphore::new(RENDERINGS)),
            hashing: Arc::new(Semaphore::new(
                std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            )),
            listeners: Arc::new(Semaphore::new(server.max_listeners)),
            stopping: CancellationToken::new(),
            db,
            config,
        })))
    }

    /// Bounds work that waits for nothing but the database, whose own time-out does not help when it falls silent.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it takes too long; those of the work.
    pub async fn bounded<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let limit = self.config.database.timeout() * 2;
        tokio::time::timeout(limit, work).await.unwrap_or(Err(Error::Unavailable))
    }

    /// A place among those who do the same; `busy` says what too many do.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when there is none for as long as a connection to the database is waited for.
    pub async fn place<'a>(
        &self,
        places: &'a Semaphore,
        busy: &'static str,
    ) -> Result<SemaphorePermit<'a>, Error> {
        let place = tokio::time::timeout(self.config.database.timeout(), places.acquire()).await;
        let place = place.map_err(|_| Error::Overloaded(busy))?;
        place.map_err(|error| Error::Internal(error.to_string()))
    }

    /// A connection to the database.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Overloaded`].
    pub async fn db(&self) -> Result<Object, Error> {
        self.db.connection().await
    }
}

//! PostgreSQL: every SQL statement, one file per table.
//!
//! Nothing here knows HTTP or decides who may do what, and no transaction waits for anything but the database.

pub mod attachments;
pub mod blobs;
pub mod change;
pub mod changelog;
mod client;
pub mod core_metadata;
pub mod deliveries;
pub mod files;
pub mod follows;
pub mod freshness;
pub mod indexes;
pub mod jobs;
mod large_indexes;
pub mod links;
pub mod mirrors;
pub mod processes;
pub mod projects;
pub mod publishers;
pub mod releases;
pub mod search;
pub mod serial;
pub mod server;
pub mod tokens;
pub mod users;
pub mod webhooks;

pub use change::{Change, change};
pub use client::Client;

use crate::{
    config::DatabaseConfig,
    error::{Error, Result},
    model::serial::Serial,
    timing::{self, Phase},
};
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_postgres_rustls::MakeRustlsConnect;

refinery::embed_migrations!("migrations");

/// How long a connection may take to show that it is free.
const RECYCLE_TIMEOUT: Duration = Duration::from_millis(500);

/// The advisory lock that one migration run holds, and how often another looks whether it still does.
const MIGRATION_LOCK: i64 = 0x7768_6565_6c79;
const MIGRATION_LOOK: Duration = Duration::from_millis(200);

/// A pool of connections to the database.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
    /// A connection of its own for the gate, which every request waits for: no burst of writers may delay it.
    gate: Pool,
    timeout: Duration,
    newest: Arc<watch::Sender<Serial>>,
}

impl Db {
    /// Prepares the pool; connects to nothing yet.
    ///
    /// # Errors
    /// A text for the operator, when the URL or a certificate can't be read.
    pub fn new(config: &DatabaseConfig) -> Result<Self, String> {
        if config.database_url.is_empty() {
            return Err("DATABASE_URL (or --database-url) is not set".into());
        }
        let mut options: tokio_postgres::Config =
            config.database_url.parse().map_err(|error| format!("DATABASE_URL can't be read: {error}"))?;
        options.connect_timeout(config.timeout()).keepalives_idle(Duration::from_secs(30));
        options.tcp_user_timeout(config.timeout() * 2);
        if options.get_application_name().is_none() {
            options.application_name("wheelyard");
        }
        // The server gives up on a statement a little before a client would. Said after connecting, since poolers
        // refuse it as an option of the connection.
        let timeout = config.timeout().as_millis();
        let settings =
            format!("set statement_timeout = {timeout}; set idle_in_transaction_session_timeout = {timeout}");
        let tls = MakeRustlsConnect::new(tls(config)?);
        let pool = |size: usize, recycling_method: RecyclingMethod| {
            let settings = settings.clone();
            let set = Hook::async_fn(move |client: &mut ClientWrapper, _| {
                let settings = settings.clone();
                Box::pin(async move { client.batch_execute(&settings).await.map_err(HookError::Backend) })
            });
            Pool::builder(Manager::from_config(
                options.clone(),
                tls.clone(),
                ManagerConfig { recycling_method },
            ))
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.timeout()))
            .create_timeout(Some(config.timeout()))
            .recycle_timeout(Some(RECYCLE_TIMEOUT))
            .post_create(set)
            .build()
            .map_err(|error| error.to_string())
        };
        Ok(Self {
            // A request that was given up may have left a statement running, which the next must not wait for.
            pool: pool(config.database_connections, RecyclingMethod::Verified)?,
            gate: pool(1, RecyclingMethod::Fast)?,
            timeout: config.timeout(),
            newest: Arc::default(),
        })
    }

    /// A connection of the pool.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when all are in use for too long, [`Error::Unavailable`] when there is no server.
    pub async fn connection(&self) -> Result<Object> {
        self.take(&self.pool).await
    }

    /// The connection that only the gate uses.
    ///
    /// # Errors
    /// As [`Self::connection`].
    pub async fn gate_connection(&self) -> Result<Object> {
        self.take(&self.gate).await
    }

    async fn take(&self, pool: &Pool) -> Result<Object> {
        let connection = tokio::time::timeout(self.timeout * 2, pool.get());
        timing::of(Phase::Sql, connection).await.map_err(|_| Error::Unavailable)?.map_err(Into::into)
    }

    /// The newest serial that this process has seen or made.
    pub fn newest_serial(&self) -> Serial {
        *self.newest.borrow()
    }

    /// Hears of each newer serial that this process sees or makes.
    pub fn newer_serials(&self) -> watch::Receiver<Serial> {
        self.newest.subscribe()
    }

    /// Forgets newer serials than this, of a database that was restored from a backup.
    pub fn set_back(&self, serial: Serial) {
        self.newest.send_replace(serial);
    }

    /// Takes note of a serial for [`Self::newest_serial`].
    pub fn note_serial(&self, serial: Serial) {
        // Most requests bring nothing newer, and need not stand in each other's way to find that out.
        if self.newest_serial() < serial {
            self.newest.send_if_modified(|newest| {
                let newer = *newest < serial;
                *newest = serial.max(*newest);
                newer
            });
        }
    }

    /// Connections in use and open, for metrics.
    pub fn pool_size(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size - status.available.min(status.size), status.size)
    }

    /// Brings the schema up to date; safe to run from several processes at once.
    pub async fn migrate(&self) -> Result<()> {
        let mut connection = self.connection().await?;
        connection.batch_execute("set statement_timeout = 0").await?;
        // A statement that waited for the lock would have whoever holds it wait: an index that is built while others write
        // is ready only when all statements from before have ended.
        while !lock_migrations(&connection).await? {
            tokio::time::sleep(MIGRATION_LOOK).await;
        }
        let migrated = migrate(&mut connection).await;
        // Closing the connection gives the lock and its settings back.
        drop(Object::take(connection));
        migrated
    }

    /// Refuses a schema that this program does not know.
    ///
    /// # Errors
    /// A text for the operator.
    pub async fn check_schema(&self) -> Result<(), String> {
        let connection = self.connection().await.map_err(|error| error.to_string())?;
        let known = migrations::runner().get_migrations().iter().map(refinery::Migration::version).max();
        let row = connection
            .query_opt(
                "-- store::check_schema
                 select max(version) from refinery_schema_history",
                &[],
            )
            .await;
        let found: Option<i32> = row.ok().flatten().and_then(|row| row.get(0));
        match (found, known) {
            (Some(found), Some(known)) if i64::from(found) < i64::from(known) => Err(format!(
                "the schema is at version {found}, this program needs {known}: run wheelyard migrate"
            )),
            (Some(_), _) => Ok(()),
            (None, _) => Err("the database has no schema of wheelyard: run wheelyard migrate".into()),
        }
    }
}

/// Whether this connection is now the one that migrates.
async fn lock_migrations(connection: &Object) -> Result<bool> {
    let row = connection
        .query_one(
            "-- store::lock_migrations
             select pg_try_advisory_lock($1) as is_ours",
            &[&MIGRATION_LOCK],
        )
        .await?;
    Ok(row.get("is_ours"))
}

async fn migrate(connection: &mut Object) -> Result<()> {
    let report = migrations::runner().run_async(&mut **Object::as_mut(connection)).await;
    for migration in report.map_err(|error| migration_failed(&error))?.applied_migrations() {
        tracing::info!(version = migration.version(), "applied migration {}", migration.name());
    }
    large_indexes::build(connection).await.map_err(|error| migration_failed(&error))
}

/// Only the last cause is in the server's own words.
fn migration_failed(error: &dyn std::error::Error) -> Error {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let cause = causes.last().map(|cause| format!(": {cause}")).unwrap_or_default();
    Error::Internal(format!("migration failed: {error}{cause}"))
}

/// Trust in the system's certificates and in the given file's.
fn tls(config: &DatabaseConfig) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = &config.database_ca {
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fail(&error))? {
            let certificate = certificate.map_err(|error| fail(&error))?;
            roots.add(certificate).map_err(|error| fail(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

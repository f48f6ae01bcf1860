//! A site to measure: PostgreSQL, an object store, and as many wheelyards as wanted.

use crate::{person::PASSWORD, process::Process, roles::BUCKET};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::process::Command;
use wheelyard::{
    cli::dev::postgres::{Durability, Postgres},
    config::DatabaseConfig,
    store::Db,
};

pub struct Site {
    pub folder: TempDir,
    postgres: Postgres,
    pub store: Process,
    keys: (String, String),
}

impl Site {
    /// Starts PostgreSQL as a site has it (a commit is on the disk) and the object store.
    pub async fn start() -> Self {
        // In /tmp whatever TMPDIR says: PostgreSQL may run under an account that has to get there.
        let folder = tempfile::Builder::new().prefix("wheelyard-bench.").tempdir_in("/tmp").unwrap();
        open(folder.path());
        let postgres = folder.path().join("postgres");
        let postgres = Postgres::start(&postgres, None, Durability::Full).await.expect("no PostgreSQL");
        let log = folder.path().join("store.log");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--role").arg("object-store").arg(folder.path().join("objects"));
        let (store, keys) = start_store(&mut command, &log).await;
        Self { folder, postgres, store, keys }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The URL of a new database with the schema.
    pub async fn database(&self, name: &str) -> String {
        self.execute(self.postgres.url(), &format!("create database {name}")).await;
        let mut url = url::Url::parse(self.postgres.url()).unwrap();
        url.set_path(name);
        let config = DatabaseConfig {
            database_url: url.to_string(),
            database_ca: None,
            database_connections: 2,
            database_timeout: 60_000,
        };
        Db::new(&config).unwrap().migrate().await.unwrap();
        url.into()
    }

    /// Runs statements on a database.
    pub async fn execute(&self, database: &str, statements: &str) {
        let (client, connection) = tokio_postgres::connect(database, tokio_postgres::NoTls).await.unwrap();
        tokio::select! {
            executed = client.batch_execute(statements) => executed.unwrap(),
            ended = connection => ended.unwrap(),
        }
    }

    /// A wheelyard on a database, with its default settings but for these arguments.
    pub async fn wheelyard(&self, database: &str, arguments: &[&str]) -> Process {
        Process::start(self.command(database, "serve").args(arguments), &self.path("wheelyard.log")).await
    }

    /// Makes the user `root` in a database.
    pub async fn init(&self, database: &str) {
        let status = self
            .command(database, "init")
            .args(["--mirror-url", "none", "--root-password", PASSWORD])
            .stdout(Stdio::null())
            .status();
        let status = tokio::time::timeout(Duration::from_secs(60), status).await.expect("init hangs");
        assert!(status.unwrap().success());
    }

    fn command(&self, database: &str, command: &str) -> Command {
        let mut wheelyard = Command::new(env!("CARGO_BIN_EXE_wheelyard"));
        wheelyard.arg(command).env("DATABASE_URL", database).env("WHEELYARD_LISTEN", "127.0.0.1:0");
        wheelyard.env("WHEELYARD_S3_BUCKET", BUCKET).env("WHEELYARD_S3_ENDPOINT", &self.store.url);
        wheelyard.env("WHEELYARD_S3_PATH_STYLE", "true").env("AWS_REGION", "us-east-1");
        wheelyard.env("AWS_ACCESS_KEY_ID", &self.keys.0).env("AWS_SECRET_ACCESS_KEY", &self.keys.1);
        wheelyard
    }

    /// The bare handler over a folder, see [`crate::roles::bare`].
    pub async fn bare(&self, folder: &Path) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        Process::start(command.arg("--role").arg("bare").arg(folder), &self.path("bare.log")).await
    }

    /// Stops PostgreSQL; the rest ends with its handles.
    pub async fn stop(self) {
        self.postgres.stop().await;
    }
}

/// Lets other accounts enter a folder.
fn open(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711)).unwrap();
}

/// Starts the object store, and returns its keys with it.
async fn start_store(command: &mut Command, log: &Path) -> (Process, (String, String)) {
    let (process, line) = Process::start_saying(command, log).await;
    let mut words = line.split_whitespace().skip(1).map(str::to_owned);
    (process, (words.next().unwrap(), words.next().unwrap()))
}

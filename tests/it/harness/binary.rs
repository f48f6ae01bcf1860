//! The real binary, as a process of its own.

use super::{
    Client,
    world::{BUCKET, world},
};
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A running wheelyard; killed when the test ends.
pub struct Binary {
    pub url: String,
    pub child: Child,
}

impl Binary {
    /// `wheelyard serve` on a database and the objects under a prefix.
    pub async fn serve(database: &str, prefix: &str, arguments: &[&str]) -> Self {
        let mut command = command();
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .envs(environment(database, prefix));
        Self::start(command).await
    }

    /// `wheelyard dev` on a data folder.
    pub async fn dev(data_dir: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir).args(arguments);
        Self::start(command).await
    }

    /// Any command of the binary that serves.
    pub async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(std::time::Duration::from_secs(90), lines.next_line()).await;
        let line = line.expect("no URL in 90 seconds").unwrap().expect("ended before it served");
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        Self { url: url.trim_end_matches(',').to_owned(), child }
    }

    pub fn client(&self, credentials: Option<(&str, &str)>) -> Client {
        Client::new(&self.url, credentials)
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends a signal and waits for the end, at most a minute.
    pub async fn end(mut self, signal: &str) -> std::process::ExitStatus {
        let kill = Command::new("kill").args([signal, &self.pid().to_string()]).status().await.unwrap();
        assert!(kill.success());
        let ended = tokio::time::timeout(std::time::Duration::from_secs(60), self.child.wait()).await;
        ended.expect("still runs a minute after the signal").unwrap()
    }
}

/// The binary with nothing of wheelyard in its environment.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wheelyard"));
    command.env_remove("DATABASE_URL").stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    command.env("WHEELYARD_LOG", "warn,s3s=off");
    command
}

/// The settings of a server by environment.
pub fn environment(database: &str, prefix: &str) -> Vec<(&'static str, String)> {
    let world = world();
    vec![
        ("DATABASE_URL", database.to_owned()),
        ("WHEELYARD_S3_BUCKET", BUCKET.to_owned()),
        ("WHEELYARD_S3_PREFIX", format!("{prefix}/")),
        ("WHEELYARD_S3_ENDPOINT", world.endpoint.clone()),
        ("WHEELYARD_S3_PATH_STYLE", "true".to_owned()),
        ("AWS_ACCESS_KEY_ID", world.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", world.secret_key.clone()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ]
}

/// A new database with the current schema, and a prefix of its own.
pub async fn place() -> (String, String) {
    let database = world().database().await;
    let prefix = database.rsplit('/').next().unwrap().to_owned();
    (database, prefix)
}

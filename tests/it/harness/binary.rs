//! The real binary, as a process of its own.

use super::{
    Client,
    world::{BUCKET, world},
};
use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::OnceLock,
    time::Duration,
};
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

    /// Starts a command that serves, and waits until it says its URL.
    pub async fn start(mut command: Command) -> Self {
        Self::started(command.spawn().unwrap()).await
    }

    /// The same, with what it logs written to a file.
    pub async fn start_with_log(mut command: Command, log: std::fs::File) -> Self {
        Self::started(command.stderr(log).spawn().unwrap()).await
    }

    async fn started(mut child: Child) -> Self {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("ended before it served");
                if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")) {
                    return url.trim_end_matches(',').to_owned();
                }
            }
        };
        let url = tokio::time::timeout(Duration::from_secs(90), url).await.expect("no URL in 90 seconds");
        Self { url, child }
    }

    pub fn client(&self, credentials: Option<(&str, &str)>) -> Client {
        Client::new(&self.url, credentials)
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends a signal.
    pub async fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.pid().to_string()]).status().await.unwrap();
        assert!(kill.success());
    }

    /// Waits for the end, at most a minute.
    pub async fn ended(mut self) -> ExitStatus {
        let ended = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await;
        ended.expect("still runs after a minute").unwrap()
    }

    /// Sends a signal and waits for the end, at most a minute.
    pub async fn end(self, signal: &str) -> ExitStatus {
        self.signal(signal).await;
        self.ended().await
    }

    /// The most memory that the process ever had, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// A copy of the binary, so that a build during the run does not change what is tested.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let copy = std::env::temp_dir().join(format!("wheelyard-{}", std::process::id()));
        let built = env!("CARGO_BIN_EXE_wheelyard");
        std::fs::hard_link(built, &copy).or_else(|_| std::fs::copy(built, &copy).map(drop)).unwrap();
        copy
    })
}

/// How a command ended, and what it said.
pub struct Outcome {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command of the binary to its end, at most a minute.
pub async fn run(arguments: &[&str], environment: &[(&str, String)]) -> Outcome {
    let mut command = command();
    command
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::piped());
    let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await;
    let output = output.expect("still runs after a minute").unwrap();
    Outcome {
        success: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The binary with nothing of wheelyard in its environment but that it mirrors nothing, or it would ask pip.
pub fn command() -> Command {
    let mut command = Command::new(program());
    command.env_remove("DATABASE_URL").stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    command.env("WHEELYARD_LOG", "warn,s3s=off").env("WHEELYARD_MIRROR_URL", "none");
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

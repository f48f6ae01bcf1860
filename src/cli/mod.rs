//! Processes: one file per command.
//!
//! What a command does with the index it does through `ops/`, as a handler would.

pub mod dev;
mod export;
mod import;
mod init;
mod lambda;
mod log;
mod progress;
pub mod serve;
mod theme;
mod upstream_url;

use crate::{
    config::{Config, DatabaseConfig, LogFormat},
    store::Db,
};
use clap::{Parser, Subcommand};
pub use log::LastLines;
use log::Lines;
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// A private Python package index: devpi's API on PostgreSQL and S3.
#[derive(Parser)]
#[command(version)]
pub struct Cli {
    /// How log lines are written
    #[arg(long, env = "WHEELYARD_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    log_format: LogFormat,
    /// What is logged, as in `RUST_LOG`
    #[arg(long, env = "WHEELYARD_LOG", default_value = "info,s3s=off,refinery_core=warn", global = true)]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything on one machine: its own PostgreSQL and S3 server, kept in a data folder
    Dev(dev::command::Options),
    /// Serve the index, from a database and a bucket that others may serve too
    Serve(Config),
    /// Bring the schema of the database up to date
    Migrate(DatabaseConfig),
    /// Create the first user, root, and its mirror in a migrated database
    Init(init::Options),
    /// Take over what a devpi-server, or another wheelyard, exported
    Import(import::Options),
    /// Write all of the index to a folder, in the form that devpi-server imports
    Export(export::Options),
    /// What the pages for people look like
    #[command(subcommand)]
    Theme(theme::Command),
}

impl Cli {
    /// Reads the command line; Lambda starts the program without one, and means `serve`.
    pub fn of_process() -> Self {
        let mut arguments: Vec<_> = std::env::args_os().collect();
        if lambda::is_lambda() && arguments.len() == 1 {
            arguments.push("serve".into());
        }
        Self::parse_from(arguments)
    }
}

/// Runs a command to its end.
///
/// # Errors
/// A text for the operator.
pub async fn run(cli: Cli) -> Result<(), String> {
    let filter = EnvFilter::try_new(&cli.log).map_err(|error| format!("--log: {error}"))?;
    // At its level of detail the driver writes down parameters, and so the hashes of passwords.
    let driver = "tokio_postgres=info".parse().map_err(|error| format!("{error}"))?;
    let filter = filter.add_directive(driver);
    let subscriber = tracing_subscriber::registry().with(filter);
    let is_terminal = std::io::stderr().is_terminal();
    // A Lambda sleeps after its response, and nobody knows for how long.
    let lines = Lines::start(!is_terminal && !lambda::is_lambda());
    match cli.log_format {
        LogFormat::Text => {
            subscriber.with(fmt::layer().with_ansi(is_terminal).with_writer(lines)).init();
        }
        LogFormat::Json => subscriber.with(fmt::layer().json().with_writer(lines)).init(),
    }
    match cli.command {
        Command::Dev(options) => dev::command::run(options).await,
        Command::Serve(config) if lambda::is_lambda() => lambda::run(config).await,
        Command::Serve(config) => serve::run(config).await,
        Command::Migrate(config) => migrate(&config).await,
        Command::Init(options) => init::run(options).await,
        Command::Import(options) => import::run(options).await,
        Command::Export(options) => export::run(options).await,
        Command::Theme(command) => theme::run(command),
    }
}

async fn migrate(config: &DatabaseConfig) -> Result<(), String> {
    Db::new(config)?.migrate().await.map_err(|error| format!("{error}"))
}

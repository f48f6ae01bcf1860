//! Every setting, with its unit and default. The only reader of the environment.

use crate::model::address::Allowed;
use clap::{Args, builder::RangedU64ValueParser, value_parser};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use url::Url;

/// What a server needs to know, from flags and `WHEELYARD_*` variables.
#[derive(Clone, Args)]
pub struct Config {
    #[command(flatten)]
    pub database: DatabaseConfig,
    #[command(flatten)]
    pub s3: S3Config,
    #[command(flatten)]
    pub server: ServerConfig,
}

/// Where PostgreSQL is.
#[derive(Clone, Args)]
pub struct DatabaseConfig {
    /// PostgreSQL 14 or newer, as a URL: `postgres://user:password@host/database?sslmode=require`
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, default_value = "")]
    pub database_url: String,
    /// Certificates (PEM) to trust for the database beside the system's
    #[arg(long, env = "WHEELYARD_DATABASE_CA")]
    pub database_ca: Option<PathBuf>,
    /// Connections a process opens at most, beside the one that its gate keeps
    #[arg(long, env = "WHEELYARD_DATABASE_CONNECTIONS", default_value_t = 16, value_parser = at_least_one())]
    pub database_connections: usize,
    /// How long a request waits for a connection, and a statement for its answer, in milliseconds
    #[arg(long, env = "WHEELYARD_DATABASE_TIMEOUT", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..))]
    pub database_timeout: u64,
}

/// Where the object store is. Credentials and region come from the standard `AWS_*` names.
#[derive(Clone, Args)]
pub struct S3Config {
    /// Bucket that holds the files
    #[arg(long, env = "WHEELYARD_S3_BUCKET", default_value = "wheelyard")]
    pub s3_bucket: String,
    /// Text before the name of every object
    #[arg(long, env = "WHEELYARD_S3_PREFIX", default_value = "")]
    pub s3_prefix: String,
    /// URL of an S3-compatible server; without it AWS, or what `AWS_ENDPOINT_URL_S3` says
    #[arg(long, env = "WHEELYARD_S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,
    /// Put the bucket into the path of URLs, as most servers but AWS want it
    #[arg(long, env = "WHEELYARD_S3_PATH_STYLE", default_value_t = false, action = clap::ArgAction::Set)]
    pub s3_path_style: bool,
    /// How long one request to the object store may take to answer, in milliseconds
    #[arg(long, env = "WHEELYARD_S3_TIMEOUT", default_value_t = 30_000, value_parser = value_parser!(u64).range(1..))]
    pub s3_timeout: u64,
    /// Access key; without it the standard AWS chain of credentials
    #[arg(skip)]
    pub s3_credentials: Option<(String, String)>,
}

/// How a file reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FileDelivery {
    /// The bytes pass through this process.
    Stream,
    /// The client is sent to a presigned URL of the object store.
    Redirect,
}

/// How this process serves.
#[derive(Clone, Args)]
pub struct ServerConfig {
    /// Address to listen on
    #[arg(long, env = "WHEELYARD_LISTEN", default_value = "127.0.0.1:3141")]
    pub listen: SocketAddr,
    /// URL under which clients reach the server, when it is not what they write into the Host header
    #[arg(long, env = "WHEELYARD_OUTSIDE_URL")]
    pub outside_url: Option<String>,
    /// URL of a host of its own for documentation: documents are served there only, and nothing else is
    #[arg(long, env = "WHEELYARD_DOCS_BASE_URL", value_parser = host_url)]
    pub docs_base_url: Option<Arc<Url>>,
    /// Folder whose `templates` and `static` files take the place of those of the pages for people, or add to them
    #[arg(long, env = "WHEELYARD_THEME", value_name = "DIR", value_parser = folder)]
    pub theme: Option<PathBuf>,
    /// How files are delivered
    #[arg(long, env = "WHEELYARD_FILE_DELIVERY", value_enum, default_value_t = FileDelivery::Stream)]
    pub file_delivery: FileDelivery,
    /// How long a presigned URL is good for, in seconds; its signing time is rounded down to half of that
    #[arg(long, env = "WHEELYARD_PRESIGN_SECONDS", default_value_t = 900, value_parser = value_parser!(u64).range(4..=604_800))]
    pub presign_seconds: u64,
    /// How old the known serial may be when a read begins, in milliseconds; 0: strictly consistent
    #[arg(long, env = "WHEELYARD_READ_STALENESS", default_value_t = 0)]
    pub read_staleness: u64,
    /// How long memory is served while the database is away, in seconds
    #[arg(long, env = "WHEELYARD_STALE_IF_ERROR", default_value_t = 3600)]
    pub stale_if_error: u64,
    /// Memory for rendered pages, in MiB
    #[arg(long, env = "WHEELYARD_PAGE_CACHE", default_value_t = 128)]
    pub page_cache: u64,
    /// Memory for files of at most 2 MiB, in MiB; 0: none are kept
    #[arg(long, env = "WHEELYARD_FILE_CACHE", default_value_t = 64)]
    pub file_cache: u64,
    /// Largest upload, in bytes, and at most 5 GiB, the most that S3 copies at once
    #[arg(long, env = "WHEELYARD_MAX_UPLOAD", default_value_t = 4 << 30, value_parser = value_parser!(u64).range(1..=5 << 30))]
    pub max_upload: u64,
    /// Uploads that are received at the same time; further ones wait, then get 503
    #[arg(long, env = "WHEELYARD_CONCURRENT_UPLOADS", default_value_t = 16, value_parser = at_least_one())]
    pub concurrent_uploads: usize,
    /// Files that are fetched from upstreams at the same time; further ones wait, then get 503
    #[arg(long, env = "WHEELYARD_CONCURRENT_FETCHES", default_value_t = 32, value_parser = at_least_one())]
    pub concurrent_fetches: usize,
    /// Connections that are open at the same time; further ones wait to be accepted
    #[arg(long, env = "WHEELYARD_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = at_least_one())]
    pub max_connections: usize,
    /// Clients that listen to events at the same time; further ones get 503
    #[arg(long, env = "WHEELYARD_MAX_LISTENERS", default_value_t = 1_000, value_parser = at_least_one())]
    pub max_listeners: usize,
    /// How long a request may take until its answer begins, in seconds; uploads and pushes have no such bound
    #[arg(long, env = "WHEELYARD_REQUEST_TIMEOUT", default_value_t = 60, value_parser = value_parser!(u64).range(1..))]
    pub request_timeout: u64,
    /// How long a client may pause while it sends an upload, in seconds; on the whole it must bring 16 KiB a second
    #[arg(long, env = "WHEELYARD_BODY_TIMEOUT", default_value_t = 60, value_parser = value_parser!(u64).range(1..))]
    pub body_timeout: u64,
    /// Only these principals create and change users and indexes (comma separated; devpi: --restrict-modify)
    #[arg(long, env = "WHEELYARD_RESTRICT_MODIFY", value_delimiter = ',')]
    pub restrict_modify: Option<Vec<String>>,
    /// Users beside root who may read the changelog of the whole server (comma separated)
    #[arg(long, env = "WHEELYARD_CHANGELOG_READERS", value_delimiter = ',')]
    pub changelog_readers: Vec<String>,
    /// Origins of web pages whose scripts may read (comma separated), like `https://notebooks.example`; `*`: all
    #[arg(long, env = "WHEELYARD_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// OIDC issuers, by URL, whose tokens trusted publishers may show (comma separated)
    #[arg(long, env = "WHEELYARD_OIDC_ISSUER", value_delimiter = ',')]
    pub oidc_issuer: Vec<String>,
    /// For whom those tokens have to be; without it the identity of the index, which no other server has
    #[arg(long, env = "WHEELYARD_OIDC_AUDIENCE")]
    pub oidc_audience: Option<String>,
    /// Hosts, addresses and networks that webhooks may reach beside the public internet (comma separated); `*`: all
    #[arg(long, env = "WHEELYARD_WEBHOOK_ALLOW", value_delimiter = ',')]
    pub webhook_allow: Vec<Allowed>,
    /// How long receivers of webhooks are waited for, and when they are tried again
    #[arg(skip)]
    pub webhook_patience: WebhookPatience,
    /// How long running requests may go on after a SIGTERM, in seconds
    #[arg(long, env = "WHEELYARD_SHUTDOWN_TIMEOUT", default_value_t = 30)]
    pub shutdown_timeout: u64,
    /// Tell each client by the header Server-Timing where the time of its request went
    #[arg(long, env = "WHEELYARD_SERVER_TIMING", default_value_t = false)]
    pub server_timing: bool,
    /// Print after so many requests where their time went, and start again; 0: never
    #[arg(long, env = "WHEELYARD_PROFILE_REQUESTS", default_value_t = 0, value_name = "NUM")]
    pub profile_requests: u64,
}

/// How long receivers of webhooks are waited for, and when they are tried again.
#[derive(Clone)]
pub struct WebhookPatience {
    /// How long one may take until it is connected to.
    pub connect: Duration,
    /// How long one may take altogether, for one delivery.
    pub answer: Duration,
    /// How long a delivery waits after each failure; after as many and one more it is given up.
    pub pauses: Vec<Duration>,
    /// A receiver is given up with a delivery, when nothing has reached it for so long.
    pub failing: Duration,
}

impl Default for WebhookPatience {
    /// Pauses as Standard Webhooks advises: three days on the whole.
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let pauses =
            [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(20),
            pauses: pauses.map(Duration::from_secs).to_vec(),
            failing: Duration::from_secs(5 * 24 * HOUR),
        }
    }
}

/// A URL that names a host and no more.
fn host_url(text: &str) -> Result<Arc<Url>, String> {
    let url = Url::parse(text).ok().filter(|url| {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        ["http", "https"].contains(&url.scheme()) && is_bare && url.username().is_empty()
    });
    url.map(Arc::new).ok_or_else(|| "expected a URL like https://docs.example, without a path".to_owned())
}

/// A folder that is there.
fn folder(text: &str) -> Result<PathBuf, String> {
    let folder = PathBuf::from(text);
    if folder.is_dir() { Ok(folder) } else { Err("expected a folder that is there".to_owned()) }
}

fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

impl DatabaseConfig {
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.database_timeout)
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

//! `wheelyard dev`: everything on one machine. Data survive a restart and a kill.

use super::{
    postgres::{Durability, Postgres},
    s3::S3Server,
};
use crate::{
    cli::{
        import, init, serve,
        upstream_url::{Upstream, Wish},
    },
    config::{Config, DatabaseConfig, S3Config, ServerConfig},
    service::Service,
    store::Db,
};
use clap::Args;
use std::path::PathBuf;
use tokio::net::TcpListener;

const BUCKET: &str = "wheelyard";

/// Releases of an export that are worked on at the same time.
const IMPORT_JOBS: usize = 8;

/// How it is run on one machine.
#[derive(Args)]
pub struct Options {
    /// Folder that holds the database and the files
    #[arg(long, env = "WHEELYARD_DATA_DIR", default_value = ".wheelyard")]
    data_dir: PathBuf,
    /// Folder of PostgreSQL's programs, when it is not found by itself
    #[arg(long, env = "WHEELYARD_PGBIN")]
    pgbin: Option<PathBuf>,
    /// Password of root, set when it is created; devpi's default is an empty one
    #[arg(long, env = "WHEELYARD_ROOT_PASSWORD", hide_env_values = true, default_value = "")]
    root_password: String,
    /// Simple index that root/pypi mirrors, or `none`; without it the one that pip installs from, at the first start
    #[arg(long, env = "WHEELYARD_MIRROR_URL", hide_env_values = true)]
    mirror_url: Option<String>,
    /// Folder that devpi-server exported, to be taken over before it serves
    #[arg(long, value_name = "DIR")]
    import: Option<PathBuf>,
    #[command(flatten)]
    server: ServerConfig,
}

pub(in crate::cli) async fn run(options: Options) -> Result<(), String> {
    let Options { data_dir, pgbin, root_password, mirror_url, import, server } = options;
    let wish = Wish::parse(mirror_url.as_deref())?;
    let postgres = Postgres::start(&data_dir, pgbin.as_deref(), Durability::Full).await;
    let postgres = postgres.map_err(|error| error.to_string())?;
    let outcome = with_database(&postgres, &data_dir, &root_password, wish, import, server).await;
    postgres.stop().await;
    outcome
}

async fn with_database(
    postgres: &Postgres,
    data_dir: &std::path::Path,
    root_password: &str,
    wish: Wish,
    export: Option<PathBuf>,
    server: ServerConfig,
) -> Result<(), String> {
    let s3 = S3Server::start(&data_dir.join("s3"), BUCKET).await.map_err(|error| error.to_string())?;
    let config = Config {
        database: DatabaseConfig {
            database_url: postgres.url().to_owned(),
            database_ca: None,
            database_connections: 16,
            database_timeout: 10_000,
        },
        s3: S3Config {
            s3_bucket: BUCKET.into(),
            s3_prefix: String::new(),
            s3_endpoint: Some(s3.endpoint()),
            s3_path_style: true,
            s3_timeout: 60_000,
            s3_credentials: Some((s3.access_key().into(), s3.secret_key().into())),
        },
        server,
    };
    let address = config.server.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|error| format!("can't listen on {address}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Db::new(&config.database)?.migrate().await.map_err(|error| error.to_string())?;
    let service = Service::start(config).await?;
    if let Some(folder) = export {
        import::take(Some(&service), folder, IMPORT_JOBS).await?;
    }
    let is_first_start = init::create_root(&service, Some(root_password)).await?;
    if is_first_start && root_password.is_empty() {
        tracing::warn!(
            "root has an empty password: set one with --root-password at the first start, or PATCH /root"
        );
    }
    mirror(&service, wish, is_first_start).await?;
    println!("wheelyard serves on http://{address}, its data are in {}", data_dir.display());
    let outcome = serve::until_stopped(service, listener).await;
    s3.stop().await;
    outcome
}

/// Creates `root/pypi` at the first start, and later only when it never was and somebody says what it mirrors.
async fn mirror(service: &Service, wish: Wish, is_first_start: bool) -> Result<(), String> {
    let upstream = match wish {
        Wish::This(upstream) => upstream,
        Wish::Unsaid if is_first_start => match Upstream::of_pip().await {
            Some(upstream) => upstream,
            None => {
                tracing::warn!(
                    "there is no root/pypi, since pip names no index to mirror: give one with --mirror-url"
                );
                return Ok(());
            }
        },
        Wish::Unsaid | Wish::Nothing => return Ok(()),
    };
    if init::create_mirror(service, &upstream).await? {
        tracing::info!("created root/pypi, a mirror of {upstream}");
    }
    Ok(())
}

//! The parts that all tests of a run share: the cluster's template database and the S3 server.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};
use tokio_postgres::NoTls;
use wheelyard::{
    cli::dev::s3::S3Server,
    config::{DatabaseConfig, S3Config},
    store::Db,
};

pub const BUCKET: &str = "test";

/// What is the same for all servers of a run.
pub struct World {
    cluster: String,
    pub endpoint: String,
    pub access_key: String,
    pub secret_key: String,
    databases: AtomicU32,
}

/// Started at the first call; lives as long as the process.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let (send, receive) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                send.send(start().await).unwrap();
                std::future::pending::<()>().await;
            });
        });
        receive.recv().unwrap()
    })
}

async fn start() -> World {
    #[expect(clippy::disallowed_methods, reason = "the tests' only setting")]
    let cluster = std::env::var("WHEELYARD_TEST_DATABASE_URL");
    let cluster = cluster.expect("WHEELYARD_TEST_DATABASE_URL names a PostgreSQL; `make test` sets it");
    execute(&cluster, &format!("create database template_{}", std::process::id())).await;
    let template = with_database(&cluster, &format!("template_{}", std::process::id()));
    Db::new(&database_config(template)).unwrap().migrate().await.unwrap();

    let folder = std::env::temp_dir().join(format!("wheelyard-test-s3-{}", std::process::id()));
    let s3 = S3Server::start(&folder, BUCKET).await.unwrap();
    let world = World {
        cluster,
        endpoint: s3.endpoint(),
        access_key: s3.access_key().into(),
        secret_key: s3.secret_key().into(),
        databases: AtomicU32::new(0),
    };
    std::mem::forget(s3);
    world
}

impl World {
    /// The URL of a new database with the current schema.
    pub async fn database(&self) -> String {
        let (id, number) = (std::process::id(), self.databases.fetch_add(1, Ordering::SeqCst));
        let name = format!("test_{id}_{number}");
        execute(&self.cluster, &format!("create database {name} template template_{id}")).await;
        with_database(&self.cluster, &name)
    }

    /// The URL of a new database with nothing in it.
    pub async fn empty_database(&self) -> String {
        let (id, number) = (std::process::id(), self.databases.fetch_add(1, Ordering::SeqCst));
        execute(&self.cluster, &format!("create database empty_{id}_{number}")).await;
        with_database(&self.cluster, &format!("empty_{id}_{number}"))
    }

    /// The object store, with a prefix that no other server uses.
    pub fn s3(&self, prefix: &str) -> S3Config {
        S3Config {
            s3_bucket: BUCKET.into(),
            s3_prefix: format!("{prefix}/"),
            s3_endpoint: Some(self.endpoint.clone()),
            s3_path_style: true,
            s3_timeout: 30_000,
            s3_credentials: Some((self.access_key.clone(), self.secret_key.clone())),
        }
    }
}

pub fn database_config(database_url: String) -> DatabaseConfig {
    DatabaseConfig { database_url, database_ca: None, database_connections: 8, database_timeout: 10_000 }
}

/// Runs a statement on the cluster; cloning a template wants to be alone, so it is tried again for a while.
async fn execute(url: &str, statement: &str) {
    let mut last = None;
    for _ in 0..100 {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let executed = tokio::select! {
            executed = client.batch_execute(statement) => executed,
            ended = connection => ended,
        };
        match executed {
            Ok(()) => return,
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{statement}: {last:?}");
}

fn with_database(cluster: &str, name: &str) -> String {
    let mut url = url::Url::parse(cluster).unwrap();
    url.set_path(name);
    url.into()
}

//! A server in this process.

use super::{
    Client, Upstream,
    world::{database_config, world},
};
use clap::Parser;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wheelyard::{
    cli::serve,
    config::{Config, ServerConfig},
    model::name::UserName,
    ops,
    service::Service,
};

/// The server's settings as flags would give them, without any environment.
#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    server: ServerConfig,
}

/// A running server; it ends with the test.
pub struct Server {
    pub url: String,
    pub service: Service,
    pub config: Config,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Server {
    /// A server with default settings on an empty index that has `root`, whose password is `root`.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let database = world().database().await;
        let prefix = database.rsplit('/').next().unwrap().to_owned();
        let mut config = Config {
            database: database_config(database),
            s3: world().s3(&prefix),
            server: Defaults::parse_from(["test"]).server,
        };
        change(&mut config);
        let server = Self::on(config).await;
        let hash = ops::login::hash(&server.service, "root").await.unwrap();
        let (name, profile) = (UserName::root(), serde_json::Map::new());
        assert!(ops::users::insert(&server.service, None, &name, &profile, &hash).await.unwrap());
        server
    }

    /// Another process, as it were, on the same database and bucket.
    pub async fn beside(&self) -> Self {
        self.beside_with(|_| {}).await
    }

    /// The same, with other settings.
    pub async fn beside_with(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.config.clone();
        change(&mut config);
        Self::on(config).await
    }

    async fn on(config: Config) -> Self {
        let service = Box::pin(Service::start(config.clone())).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        TaskTracker::new().spawn(serve::serve(service.clone(), listener, stop.clone()));
        Self { url, service, config, stop }
    }

    /// Somebody who is not logged in.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url, None)
    }

    pub fn root(&self) -> Client {
        Client::new(&self.url, Some(("root", "root")))
    }

    /// A new user, whose password is `secret`.
    pub async fn user(&self, name: &str) -> Client {
        self.anonymous().put(name, json!({"password": "secret"})).await.expect(201);
        self.login(name)
    }

    /// A user that exists, on this server.
    pub fn login(&self, name: &str) -> Client {
        Client::new(&self.url, Some((name, "secret")))
    }

    /// Alice, who has `alice/mirror` of this upstream with these options.
    pub async fn alice_with_mirror(&self, upstream: &Upstream, options: Value) -> Client {
        let alice = self.user("alice").await;
        alice.create_mirror("alice/mirror", upstream, options).await;
        alice
    }

    /// The current serial, as any reply tells it.
    pub async fn serial(&self) -> i64 {
        self.anonymous().get("+api").await.serial()
    }
}

//! What every test stands on: a server of its own, on a database of its own, and people who ask it.
//!
//! One PostgreSQL cluster serves a whole run (`WHEELYARD_TEST_DATABASE_URL`, which `make test` sets), a migrated
//! template database is cloned for each server, and one S3 server in this process holds a prefix for each.

pub mod archive;
pub mod binary;
mod client;
mod form;
pub mod issuer;
mod objects;
pub mod raw;
pub mod receiver;
pub mod repository;
mod folder;
pub mod large;
mod proxy;
mod server;
pub mod tls;
pub mod upstream;
mod world;

pub use client::{Client, Reply, Upload};
pub use folder::Folder;
pub use form::RawForm;
pub use proxy::Proxy;
pub use server::Server;
pub use upstream::Upstream;
pub use world::world;

use std::time::{Duration, Instant};

/// Waits until a condition holds, at most ten seconds.
pub async fn until(what: &str, holds: impl AsyncFnMut() -> bool) {
    until_within(Duration::from_secs(10), what, holds).await;
}

/// Waits until a condition holds, at most so long.
pub async fn until_within(limit: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < limit, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

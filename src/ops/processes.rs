//! Each process tells now and then that it is there, for people who look at the status of the server.
//!
//! It is never on a request's way, no process does anything else because of it, and a failure is only logged.

use crate::{
    error::Error,
    service::Service,
    store::{self, processes::Process},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// How often a process tells of itself, and how long that may take.
const PERIOD: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(3);

/// Where Linux says how the machine is called.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// What this process tells of itself.
pub struct Presence {
    service: Service,
    process: Process,
    told: Option<Instant>,
    is_failing: bool,
}

/// Tells of this process until it is about to end, and takes that back then.
pub async fn run(service: Service, address: Option<SocketAddr>) {
    let mut presence = Presence::new(&service, address).await;
    while !service.stopping.is_cancelled() {
        presence.tell().await;
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = service.stopping.cancelled() => {}
        }
    }
    let removed = async { store::processes::remove(&service.db().await?, service.process).await };
    let removed = tokio::time::timeout(PATIENCE, removed).await;
    if let Err(error) = removed.unwrap_or(Err(Error::Unavailable)) {
        tracing::debug!(%error, "this process will be listed for some minutes more");
    }
}

impl Presence {
    /// Of this process, which listens there, if anywhere.
    pub async fn new(service: &Service, address: Option<SocketAddr>) -> Self {
        let host = tokio::fs::read_to_string(HOST_NAME).await.unwrap_or_default();
        let process = Process {
            id: service.process,
            host: host.trim().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: address.map(|address| address.to_string()),
            started_at: service.started,
        };
        Self { service: service.clone(), process, told: None, is_failing: false }
    }

    /// Tells that the process is there, unless it did so just now.
    pub async fn tell(&mut self) {
        if self.told.is_some_and(|told| told.elapsed() < PERIOD) {
            return;
        }
        self.told = Some(Instant::now());
        let told = async {
            let serial = self.service.db.newest_serial();
            store::processes::tell(&self.service.db().await?, &self.process, serial).await
        };
        let told = tokio::time::timeout(PATIENCE, told).await;
        let told = told.unwrap_or(Err(Error::Unavailable));
        if let Err(error) = &told
            && !self.is_failing
        {
            tracing::warn!(%error, "others do not see that this process is there");
        }
        self.is_failing = told.is_err();
    }
}

//! What a process does for webhooks that has only a moment for it, between two requests.

use super::{Hook, column, server};
use crate::harness::{
    Server,
    receiver::{Reaction, Receiver},
};
use std::time::Duration;
use wheelyard::{ops::jobs::work_off, service::Service};

/// Such a process; the server goes on answering, and does nothing beside that.
async fn beside(server: &Server) -> Service {
    server.service.stopping.cancel();
    Box::pin(Service::start(server.config.clone())).await.unwrap()
}

async fn jobs(service: &Service) -> usize {
    service.db().await.unwrap().query("select from jobs", &[]).await.unwrap().len()
}

#[tokio::test]
async fn a_receiver_that_takes_longer_than_the_moment_has_failed_and_gets_the_same_again() {
    let (server, alice) = server().await;
    let receiver = Receiver::start(&[Reaction::Silence]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    let process = beside(&server).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    assert!(!work_off(&process, Duration::from_secs(3)).await);
    let deliveries = hook.deliveries(&alice).await;
    assert_eq!(column(&deliveries, "attempts"), ["1", "0"]);
    assert_eq!(column(&deliveries, "error"), ["did not answer in time", "null"]);
    // Webhooks come first, and there was no time for more.
    assert!(jobs(&process).await > 0);

    assert!(work_off(&process, Duration::from_secs(60)).await);
    assert_eq!(receiver.events(), ["project.create", "project.create", "file.upload"]);
    assert_eq!(column(&hook.deliveries(&alice).await, "attempts"), ["2", "1"]);
    assert_eq!(jobs(&process).await, 0);
}

#[tokio::test]
async fn a_process_that_is_about_to_end_begins_nothing() {
    let (server, alice) = server().await;
    let receiver = Receiver::start(&[]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    let process = beside(&server).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    process.stopping.cancel();
    assert!(!work_off(&process, Duration::from_secs(60)).await);
    assert!(receiver.messages().is_empty() && jobs(&process).await > 0);
    assert_eq!(hook.deliveries(&alice).await.len(), 0);
}

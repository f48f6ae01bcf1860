//! Webhooks reach the public internet, and of the operator's own networks only what the operator admits.

use super::{Hook, quick};
use crate::harness::{Server, receiver::Receiver, until};
use serde_json::json;
use wheelyard::model::address::Allowed;

/// A server that admits this.
async fn server(allowed: &[&str]) -> Server {
    let allowed: Vec<Allowed> = allowed.iter().map(|text| text.parse().unwrap()).collect();
    Server::start_with(|config| {
        quick(config);
        config.server.webhook_allow = allowed;
        config.server.webhook_patience.pauses = Vec::new();
    })
    .await
}

#[tokio::test]
async fn an_address_of_a_network_of_ones_own_is_no_receiver() {
    let server = server(&[]).await;
    let root = server.root();
    let hook = Hook::make(&root, "", "http://hooks.example/", json!({})).await;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "2852039166",
        "0.0.0.0",
        "0",
        "100.100.100.200",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",
        "127.0.0.1.",
        "１２７.0.0.1",
        "127。0。0。1",
    ] {
        let url = format!("http://{host}:3141/");
        for reply in [
            root.post("+webhooks", json!({"url": url})).await,
            root.patch(&hook.path, json!({"url": url})).await,
        ] {
            let message = reply.expect(400).message();
            assert!(message.contains("is no address of the public internet"), "{host}: {message}");
        }
    }
}

#[tokio::test]
async fn a_name_is_looked_up_and_its_addresses_are_looked_at_before_they_are_connected_to() {
    let receiver = Receiver::start(&[]).await;
    let named = receiver.url.replace("127.0.0.1", "localhost");
    for (allowed, url, came) in [
        (&[][..], &named, false),
        (&["10.0.0.0/8", "hooks.example"], &named, false),
        (&["localhost"], &named, true),
        (&["127.0.0.0/8"], &named, true),
        (&["127.0.0.1"], &receiver.url, true),
        (&["*"], &named, true),
    ] {
        let before = receiver.messages().len();
        let server = server(allowed).await;
        let root = server.root();
        let hook = Hook::make(&root, "", url, json!({})).await;
        root.post(&format!("{}/test", hook.path), json!({})).await.expect(202);
        until("it was tried", async || hook.deliveries(&root).await[0]["state"] != "waiting").await;
        let delivery = &hook.deliveries(&root).await[0];
        assert_eq!(receiver.messages().len() - before, usize::from(came), "{allowed:?} {url} {delivery}");
        if !came {
            let error = delivery["error"].as_str().unwrap();
            assert!(error.starts_with("localhost is no address of the public internet"), "{error}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_receiver_is_told_without_its_url() {
    let server = server(&["*"]).await;
    let root = server.root();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let hook = Hook::make(&root, "", &format!("http://{closed}/as-good-as-a-password"), json!({})).await;
    root.post(&format!("{}/test", hook.path), json!({})).await.expect(202);
    until("it was tried", async || hook.deliveries(&root).await[0]["state"] == "failed").await;
    let error = hook.deliveries(&root).await[0]["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("can't be connected to") && !error.contains("password"), "{error}");
}

//! Webhooks with many processes: nothing is lost, and each hears all of it in order.

use super::{Hook, quick};
use crate::harness::{
    Client, Server,
    binary::{self, Binary, environment, place},
    receiver::{Message, Reaction, Receiver},
    until, until_within,
};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio_postgres::NoTls;
use tokio_util::task::TaskTracker;

/// What a receiver took, each once, in the order in which it did.
fn taken(messages: Vec<Message>) -> Vec<(i64, String)> {
    let mut seen = HashSet::new();
    let taken = messages.into_iter().filter(|message| message.answered == 200);
    let first = taken.filter(|message| seen.insert(message.header("webhook-id").to_owned()));
    first.map(|message| (message.json()["data"]["serial"].as_i64().unwrap(), message.event())).collect()
}

/// What the changelog has of an index, or of all where that is empty, and of events that begin so.
async fn logged(root: &Client, since: i64, index: &str, event: &str) -> Vec<(i64, String)> {
    let (mut told, mut serial) = (Vec::new(), since);
    loop {
        let reply = root.get(&format!("+changelog/{}-", serial + 1)).await;
        if reply.status == 404 {
            return told;
        }
        let events = reply.expect(200).result();
        for logged in events.as_array().unwrap() {
            serial = logged["serial"].as_i64().unwrap();
            let name = logged["event"].as_str().unwrap();
            if (index.is_empty() || logged["index"] == index) && name.starts_with(event) {
                told.push((serial, name.to_owned()));
            }
        }
    }
}

#[tokio::test]
async fn each_of_many_webhooks_hears_all_in_order_from_many_processes_and_in_spite_of_failures() {
    let server = Server::start_with(|config| {
        quick(config);
        config.server.webhook_patience.pauses = vec![Duration::ZERO; 1000];
    })
    .await;
    let servers = [server.beside().await, server.beside().await, server.beside().await];
    let (alice, root) = (server.user("alice").await, server.root());
    for index in ["alice/one", "alice/two"] {
        alice.create_index(index, json!({})).await;
    }
    // Every third message fails.
    let turn = AtomicUsize::new(0);
    let receiver = Receiver::start_with(&[], move |_| {
        let fails = turn.fetch_add(1, Ordering::SeqCst).is_multiple_of(3);
        fails.then(|| Reaction::Answer(500, Vec::new()))
    })
    .await;
    let wanted = [
        ("/a", "alice/one", "", Value::Null),
        ("/b", "alice/one", "file.", json!(["file.*"])),
        ("/c", "alice/two", "", Value::Null),
        ("/d", "", "project.create", json!(["project.create"])),
        ("/e", "", "", Value::Null),
    ];
    let mut hooks = Vec::new();
    for (path, index, _, events) in &wanted {
        let who = if index.is_empty() { &root } else { &alice };
        let url = format!("{}{path}", receiver.url);
        hooks.push(Hook::make(who, index, &url, json!({"events": events})).await);
    }
    let since = server.serial().await;
    let changes = (0..40).map(|number| {
        let alice = alice.at(&servers[number % 3].url);
        async move {
            let index = if number % 2 == 0 { "alice/one" } else { "alice/two" };
            alice.upload_wheel(index, &format!("pkg-{}", number % 7), &format!("{number}.0")).await;
        }
    });
    futures::future::join_all(changes).await;
    for ((path, index, event, _), hook) in wanted.iter().zip(&hooks) {
        let expected = logged(&root, since, index, event).await;
        until_within(Duration::from_secs(60), "it has all of it", async || {
            taken(receiver.at(path)).len() >= expected.len()
        })
        .await;
        assert_eq!(taken(receiver.at(path)), expected, "{path}");
        assert!(receiver.at(path).iter().all(|message| message.is_signed(&hook.secret)));
    }
    // Nothing is sent once more that was taken: no process died.
    let all: Vec<_> = receiver.messages().into_iter().filter(|message| message.answered == 200).collect();
    let ids: HashSet<_> = all.iter().map(|message| message.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), all.len());
}

#[tokio::test]
async fn what_a_killed_process_was_about_to_deliver_another_delivers() {
    let (database, prefix) = place().await;
    let (db, connection) = tokio_postgres::connect(&database, NoTls).await.unwrap();
    TaskTracker::new().spawn(connection);
    let receiver = Receiver::start(&[Reaction::Silence]).await;
    let arguments = ["--webhook-allow", "127.0.0.1"];
    let one = Binary::serve(&database, &prefix, &arguments).await;
    one.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = one.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({})).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("the first is on its way", async || receiver.messages().len() == 1).await;
    one.end("-KILL").await;

    let two = Binary::serve(&database, &prefix, &arguments).await;
    let alice = alice.at(&two.url);
    // Nobody takes what has been taken, until its time is over; others go on.
    let other = Hook::make(&alice, "alice/dev", &format!("{}/other", receiver.url), json!({})).await;
    alice.post(&format!("{}/test", other.path), json!({})).await.expect(202);
    until("the other is served", async || receiver.at("/other").len() == 1).await;
    assert_eq!(receiver.at("/hook").len(), 1);
    db.execute("update webhooks set lease_until = now()", &[]).await.unwrap();
    until("all of it came", async || receiver.at("/hook").len() == 3).await;
    let messages = receiver.at("/hook");
    assert_eq!(messages[0].header("webhook-id"), messages[1].header("webhook-id"));
    let told = ["project.create", "project.create", "file.upload"];
    assert_eq!(messages.iter().map(Message::event).collect::<Vec<_>>(), told);
    assert!(messages.iter().all(|message| message.is_signed(&hook.secret)));
}

#[tokio::test]
async fn no_log_holds_a_secret_or_more_of_a_url_than_its_host() {
    let (database, prefix) = place().await;
    let receiver = Receiver::start(&[Reaction::Answer(500, Vec::new())]).await;
    let log = std::env::temp_dir().join(format!("{prefix}.log"));
    let mut command = binary::command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--webhook-allow", "127.0.0.1"])
        .envs(environment(&database, &prefix))
        .env("WHEELYARD_LOG", "debug,s3s=off");
    let server = Binary::start_with_log(command, fs::File::create(&log).unwrap()).await;
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({})).await;
    let url = format!("{}/as-good-as-a-password", receiver.url);
    let hook = Hook::make(&alice, "alice/dev", &url, json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("it failed", async || hook.shown(&alice).await["failing_since"] != Value::Null).await;
    let refused = alice.post("alice/dev/+webhooks", json!({"url": "http://10.0.0.1/as-good-as-a-password"}));
    refused.await.expect(400);
    let first = hook.deliveries(&alice).await[0].clone();
    alice.post(&format!("{}/deliveries/{}/retry", hook.path, first["id"]), json!({})).await.expect(202);
    until("all of it came", async || receiver.messages().len() == 3).await;
    server.end("-TERM").await;
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("a delivery failed"), "{text}");
    for secret in ["whsec_", &hook.secret[6..], "as-good-as-a-password"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    fs::remove_file(&log).unwrap();
}

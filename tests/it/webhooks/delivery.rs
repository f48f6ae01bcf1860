//! How webhooks are told of what changes: signed, in order, again where that failed.

use super::{Hook, column, quick, server};
use crate::harness::{
    Server,
    receiver::{Reaction, Receiver},
    until,
};
use serde_json::{Value, json};
use std::time::Duration;

fn answer(status: u16) -> Reaction {
    Reaction::Answer(status, Vec::new())
}

#[tokio::test]
async fn a_webhook_is_told_of_each_change_of_its_index_in_signed_words() {
    let receiver = Receiver::start(&[]).await;
    let server = Server::start_with(|config| {
        quick(config);
        config.server.outside_url = Some("https://wheels.example/pypi/".into());
    })
    .await;
    let alice = server.user("alice").await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": ["alice/base"]})).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    // What it inherits from is another index.
    alice.upload_wheel("alice/base", "other", "1.0").await;
    let file = alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let serial = server.serial().await;
    alice.patch("alice/dev", json!({"title": "Ours"})).await.expect(200);

    until("all of it came", async || receiver.messages().len() == 3).await;
    let told = ["project.create", "file.upload", "index.modify"];
    assert_eq!(receiver.events(), told);
    let messages = receiver.messages();
    let upload = &messages[1];
    let sha256 = upload.json()["data"]["detail"]["sha256"].clone();
    assert_eq!(sha256.as_str().unwrap().len(), 64);
    assert_eq!(
        upload.json()["data"],
        json!({
            "serial": serial, "index": "alice/dev", "user": null, "project": "pkg", "version": "1.0",
            "file": file, "actor": "alice", "detail": upload.json()["data"]["detail"],
            "url": "https://wheels.example/pypi/alice/dev/pkg/1.0",
        })
    );
    assert_eq!(messages[2].json()["data"]["url"], "https://wheels.example/pypi/alice/dev");
    for message in &messages {
        assert!(message.is_signed(&hook.secret), "{message:?}");
        assert!(!message.is_signed("whsec_b3RoZXJvdGhlcm90aGVyb3RoZXI="));
        assert_eq!((message.path.as_str(), message.header("content-type")), ("/hook", "application/json"));
        assert!(message.header("user-agent").starts_with("wheelyard/"));
    }
    until("they are settled", async || hook.shown(&alice).await["waiting"] == 0).await;
    let deliveries = hook.deliveries(&alice).await;
    assert_eq!(column(&deliveries, "event"), told);
    assert_eq!(column(&deliveries, "state"), ["delivered"; 3]);
    let ids: Vec<_> = messages.iter().map(|message| message.header("webhook-id").to_owned()).collect();
    assert_eq!(column(&deliveries, "message_id"), ids);
    assert_eq!(deliveries[1]["payload"], upload.json());
    let path = format!("{}/deliveries?before={}", hook.path, deliveries[1]["id"]);
    assert_eq!(alice.get(&path).await.expect(200).result().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_fails_gets_the_same_again_before_what_came_after() {
    let (_server, alice) = server().await;
    let receiver = Receiver::start(&[answer(500), answer(503)]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("all of it came", async || receiver.messages().len() == 4).await;
    let told = ["project.create", "project.create", "project.create", "file.upload"];
    assert_eq!(receiver.events(), told);
    let messages = receiver.messages();
    let id = messages[0].header("webhook-id");
    assert!(messages[1..3].iter().all(|message| message.header("webhook-id") == id));
    assert!(messages.iter().all(|message| message.is_signed(&hook.secret)));
    assert_eq!(messages[0].text, messages[2].text);
    until("they are settled", async || hook.shown(&alice).await["waiting"] == 0).await;
    let deliveries = hook.deliveries(&alice).await;
    assert_eq!(column(&deliveries, "attempts"), ["3", "1"]);
    assert_eq!(hook.shown(&alice).await["failing_since"], Value::Null);
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_holds_nobody_else_up() {
    let server = Server::start_with(|config| {
        quick(config);
        config.server.webhook_patience.answer = Duration::from_secs(1);
    })
    .await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let slow = Receiver::start_with(&[], |_| Some(Reaction::Silence)).await;
    let other = Receiver::start(&[]).await;
    let held_up = Hook::of_dev(&alice, &slow).await;
    Hook::of_dev(&alice, &other).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("the other has all of it", async || other.messages().len() == 2).await;
    until("it was given up", async || held_up.shown(&alice).await["enabled"] == false).await;
    // The first alone, four times.
    assert_eq!(slow.events(), ["project.create"; 4]);
    let first = &held_up.deliveries(&alice).await[0];
    assert_eq!((&first["error"], &first["status"]), (&json!("did not answer in time"), &Value::Null));
}

#[tokio::test]
async fn many_receivers_that_never_answer_keep_nobody_waiting() {
    let server = Server::start_with(|config| {
        quick(config);
        config.server.webhook_patience.answer = Duration::from_secs(3600);
    })
    .await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    alice.create_index("alice/dev", json!({})).await;
    bob.create_index("bob/dev", json!({})).await;
    let silent = Receiver::start_with(&[], |_| Some(Reaction::Silence)).await;
    for _ in 0..20 {
        Hook::of_dev(&alice, &silent).await;
    }
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("all of them are told", async || silent.messages().len() == 20).await;
    let receiver = Receiver::start(&[]).await;
    Hook::make(&bob, "bob/dev", &format!("{}/hook", receiver.url), json!({})).await;
    bob.upload_wheel("bob/dev", "pkg", "1.0").await;
    until("the other has all of it", async || receiver.messages().len() == 2).await;
}

#[tokio::test]
async fn a_receiver_that_never_takes_anything_is_left_alone_until_somebody_enables_it() {
    let (server, alice) = server().await;
    let receiver = Receiver::start(&[answer(500), answer(400), answer(301), answer(500)]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("it is disabled", async || hook.shown(&alice).await["enabled"] == false).await;
    let shown = hook.shown(&alice).await;
    assert_eq!(shown["disabled_reason"], "nothing could be delivered for 0 days: answered 500");
    assert_eq!(shown["waiting"], 1);
    let log = server.root().get(&format!("+changelog/{}", server.serial().await)).await.expect(200).result();
    assert_eq!((&log[0]["event"], &log[0]["actor"]), (&json!("webhook.disable"), &Value::Null));
    assert_eq!(log[0]["detail"]["index"], "alice/dev");
    alice.post(&format!("{}/test", hook.path), json!({})).await.expect(400);
    // Of this it never hears.
    alice.upload_wheel("alice/dev", "missed", "1.0").await;
    let failed = hook.deliveries(&alice).await[0].clone();
    assert_eq!((&failed["state"], &failed["attempts"]), (&json!("failed"), &json!(4)));
    alice.post(&format!("{}/deliveries/{}/retry", hook.path, failed["id"]), json!({})).await.expect(400);

    alice.patch(&hook.path, json!({"enabled": true})).await.expect(200);
    until("what waited came", async || receiver.messages().len() == 5).await;
    alice.upload_wheel("alice/dev", "later", "1.0").await;
    until("what is new came", async || receiver.messages().len() == 7).await;
    assert_eq!(receiver.events()[4..], ["file.upload", "project.create", "file.upload"]);
    assert!(receiver.messages().iter().all(|message| !message.text.contains("missed")));
    let retried = alice.post(&format!("{}/deliveries/{}/retry", hook.path, failed["id"]), json!({})).await;
    assert_eq!(retried.expect(202).result()["state"], "waiting");
    until("what was given up came", async || receiver.messages().len() == 8).await;
    let again = receiver.messages().pop().unwrap();
    assert_eq!(again.header("webhook-id"), failed["message_id"].as_str().unwrap());
}

#[tokio::test]
async fn a_receiver_that_says_it_is_gone_is_not_asked_again() {
    let (_server, alice) = server().await;
    let receiver = Receiver::start(&[answer(410)]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("it is disabled", async || hook.shown(&alice).await["enabled"] == false).await;
    assert_eq!(hook.shown(&alice).await["disabled_reason"], "the receiver answered 410: it is gone");
    let deliveries = hook.deliveries(&alice).await;
    assert_eq!(column(&deliveries, "state"), ["failed", "waiting"]);
    assert_eq!(column(&deliveries, "attempts"), ["1", "0"]);
    assert_eq!(receiver.messages().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_nobody_goes_where_it_leads() {
    let (_server, alice) = server().await;
    let elsewhere = Receiver::start(&[]).await;
    let receiver = Receiver::start(&[Reaction::Redirect(elsewhere.url.clone())]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    let ping = alice.post(&format!("{}/test", hook.path), json!({})).await.expect(202).result();
    assert_eq!((&ping["event"], &ping["serial"]), (&json!("ping"), &Value::Null));
    until("it came", async || hook.deliveries(&alice).await[0]["state"] != "waiting").await;
    let delivery = &hook.deliveries(&alice).await[0];
    assert_eq!(delivery["state"], "failed");
    assert_eq!(delivery["error"], "answered 307: redirects are not followed");
    assert!(elsewhere.messages().is_empty());
}

#[tokio::test]
async fn somebody_who_tries_does_not_wait_for_what_failed() {
    let receiver =
        Receiver::start_with(&[], |message| (message.event() != "ping").then(|| answer(500))).await;
    let server = Server::start_with(|config| {
        quick(config);
        config.server.webhook_patience.pauses = vec![Duration::from_secs(3600)];
    })
    .await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("the first failed", async || hook.shown(&alice).await["failing_since"] != Value::Null).await;
    alice.post(&format!("{}/test", hook.path), json!({})).await.expect(202);
    until("the ping came", async || receiver.events().contains(&"ping".to_owned())).await;
    let ping = receiver.messages().pop().unwrap();
    assert!(ping.is_signed(&hook.secret));
    assert_eq!(ping.json()["data"], json!({"webhook": hook.id, "index": "alice/dev", "actor": "alice"}));
    let first = hook.deliveries(&alice).await[0].clone();
    assert_eq!((&first["state"], &first["attempts"]), (&json!("waiting"), &json!(1)));
    alice.post(&format!("{}/deliveries/{}/retry", hook.path, first["id"]), json!({})).await.expect(202);
    until("it was sent again", async || hook.deliveries(&alice).await[0]["attempts"] == 2).await;
}

#[tokio::test]
async fn of_an_answer_the_beginning_is_kept() {
    let (_server, alice) = server().await;
    let mut text = b"no\0thing \xff of that: ".to_vec();
    text.resize(1 << 20, b'x');
    let receiver = Receiver::start(&[Reaction::Answer(422, text)]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    alice.post(&format!("{}/test", hook.path), json!({})).await.expect(202);
    until("it came", async || hook.deliveries(&alice).await[0]["state"] == "failed").await;
    let delivery = &hook.deliveries(&alice).await[0];
    let response = delivery["response"].as_str().unwrap();
    assert!(response.starts_with("no\u{fffd}thing \u{fffd} of that: xxx"), "{response}");
    assert!(response.len() < 1100);
    assert_eq!((&delivery["status"], &delivery["error"]), (&json!(422), &json!("answered 422")));
}

#[tokio::test]
async fn one_test_is_sent_at_a_time() {
    let server = Server::start_with(|config| {
        quick(config);
        config.server.webhook_patience.answer = Duration::from_secs(1);
        config.server.webhook_patience.failing = Duration::from_secs(3600);
    })
    .await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let receiver = Receiver::start(&[Reaction::Silence]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    let path = format!("{}/test", hook.path);
    let asked = futures::future::join_all((0..4).map(|_| alice.post(&path, json!({})))).await;
    let mut statuses: Vec<_> = asked.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 400, 400, 400]);
    let refused = asked.iter().find(|reply| reply.status == 400).unwrap();
    assert_eq!(refused.message(), "a test is on its way already");
    until("it failed", async || hook.deliveries(&alice).await[0]["state"] == "failed").await;
    alice.post(&path, json!({})).await.expect(202);
    until("another came", async || receiver.messages().len() == 2).await;
}

#[tokio::test]
async fn another_url_is_heeded_at_once() {
    let server = Server::start_with(|config| {
        quick(config);
        config.server.webhook_patience.answer = Duration::from_secs(600);
        config.server.webhook_patience.pauses = vec![Duration::from_secs(3600)];
    })
    .await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let failing = Receiver::start(&[answer(500)]).await;
    let hook = Hook::of_dev(&alice, &failing).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("the first failed", async || hook.shown(&alice).await["failing_since"] != Value::Null).await;
    // Nobody waits for the pause after what failed elsewhere,
    let silent = Receiver::start_with(&[], |_| Some(Reaction::Silence)).await;
    alice.patch(&hook.path, json!({"url": silent.url})).await.expect(200);
    assert_eq!(hook.shown(&alice).await["failing_since"], Value::Null);
    until("the same came", async || silent.events() == ["project.create"]).await;
    // nor for the answer of somebody who is asked no more.
    let receiver = Receiver::start(&[]).await;
    alice.patch(&hook.path, json!({"url": receiver.url})).await.expect(200);
    until("all of it came", async || receiver.events() == ["project.create", "file.upload"]).await;
    until("they are settled", async || hook.shown(&alice).await["waiting"] == 0).await;
    assert_eq!(column(&hook.deliveries(&alice).await, "attempts"), ["2", "1"]);
}

#[tokio::test]
async fn who_makes_deliveries_keeps_nobody_from_sending() {
    let (server, alice) = server().await;
    let receiver = Receiver::start(&[]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    let mut db = server.service.db().await.unwrap();
    let making = db.transaction().await.unwrap();
    making.execute("select from webhooks for key share", &[]).await.unwrap();
    alice.post(&format!("{}/test", hook.path), json!({})).await.expect(202);
    until("it came", async || receiver.messages().len() == 1).await;
    making.rollback().await.unwrap();
}

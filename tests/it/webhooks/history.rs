//! What of webhooks is kept, and when they end.

use super::{Hook, column, server};
use crate::harness::{receiver::Receiver, until};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn the_deletion_of_its_index_is_the_last_that_a_webhook_hears() {
    let (server, alice) = server().await;
    let receiver = Receiver::start(&[]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    alice.delete("alice/dev").await.expect(201);
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    until("it was told", async || receiver.messages().len() == 1).await;
    assert_eq!(receiver.events(), ["index.delete"]);
    alice.get(&hook.path).await.expect(404);
    assert_eq!(alice.get("alice/dev/+webhooks").await.expect(200).result(), json!([]));
    let db = server.service.db().await.unwrap();
    db.execute("update webhook_outbox set pruned_at = '2020-01-01'", &[]).await.unwrap();
    until("it is gone", async || db.query("select from webhooks", &[]).await.unwrap().is_empty()).await;
    assert_eq!(receiver.events(), ["index.delete"]);

    // The same with its user.
    let bob = server.user("bob").await;
    bob.create_index("bob/dev", json!({})).await;
    Hook::make(&bob, "bob/dev", &format!("{}/bob", receiver.url), json!({})).await;
    bob.delete("bob").await.expect(200);
    until("it was told", async || receiver.at("/bob").len() == 1).await;
}

#[tokio::test]
async fn old_deliveries_go_and_of_the_others_the_newest_stay() {
    let (server, alice) = server().await;
    let receiver = Receiver::start(&[]).await;
    let hook = Hook::of_dev(&alice, &receiver).await;
    alice.post(&format!("{}/test", hook.path), json!({})).await.expect(202);
    until("it came", async || hook.shown(&alice).await["waiting"] == 0).await;
    let db = server.service.db().await.unwrap();
    let id = Uuid::parse_str(&hook.id).unwrap();
    let insert = "insert into webhook_deliveries (webhook_id, event, payload, state, created_at)
        select $1, 'file.upload', '{}', 'delivered', now() - $2 * interval '1 day' from generate_series(1, $3)";
    db.execute(insert, &[&id, &31.0, &5]).await.unwrap();
    db.execute(insert, &[&id, &29.0, &1200]).await.unwrap();
    db.execute("update webhook_outbox set pruned_at = '2020-01-01'", &[]).await.unwrap();
    let count = async || {
        let row = db.query_one("select count(*) as n from webhook_deliveries", &[]).await.unwrap();
        row.get::<_, i64>("n")
    };
    until("the rest is gone", async || count().await == 1000).await;
    assert_eq!(hook.deliveries(&alice).await.len(), 50);
}

#[tokio::test]
async fn what_waits_stays_until_its_webhook_has_been_disabled_for_thirty_days() {
    let (server, alice) = server().await;
    let db = server.service.db().await.unwrap();
    let mut hooks = Vec::new();
    for disabled in [None, Some(29.0), Some(31.0)] {
        let hook = Hook::make(&alice, "alice/dev", "http://hooks.example/", json!({})).await;
        let id = Uuid::parse_str(&hook.id).unwrap();
        let disable = "update webhooks set disabled_at = now() - $2::float8 * interval '1 day' where id = $1";
        db.execute(disable, &[&id, &disabled]).await.unwrap();
        let insert = "insert into webhook_deliveries (webhook_id, event, payload, created_at, not_before)
            values ($1, 'file.upload', '{}', now() - interval '40 days', now() + interval '1 day')";
        db.execute(insert, &[&id]).await.unwrap();
        hooks.push(hook);
    }
    db.execute("update webhook_outbox set pruned_at = '2020-01-01'", &[]).await.unwrap();
    until("somebody has looked", async || {
        let looked = "select from webhook_outbox where pruned_at > '2020-01-01'";
        !db.query(looked, &[]).await.unwrap().is_empty()
    })
    .await;
    for (hook, waiting) in hooks.iter().zip([1, 1, 0]) {
        assert_eq!(hook.shown(&alice).await["waiting"], waiting);
    }
}

#[tokio::test]
async fn a_webhook_hears_of_nothing_from_before_it_was_made_or_enabled() {
    let (server, alice) = server().await;
    let receiver = Receiver::start(&[]).await;
    alice.upload_wheel("alice/dev", "before", "1.0").await;
    let hook = Hook::make(&alice, "alice/dev", &receiver.url, json!({"events": ["file.upload"]})).await;
    alice.upload_wheel("alice/dev", "first", "1.0").await;
    until("it was told", async || receiver.messages().len() == 1).await;
    alice.patch(&hook.path, json!({"enabled": false})).await.expect(200);
    alice.upload_wheel("alice/dev", "missed", "1.0").await;
    alice.patch(&hook.path, json!({"enabled": true})).await.expect(200);
    alice.upload_wheel("alice/dev", "second", "1.0").await;
    until("it was told", async || receiver.messages().len() == 2).await;
    let projects: Vec<Value> =
        receiver.messages().iter().map(|message| message.json()["data"]["project"].clone()).collect();
    assert_eq!(projects, ["first", "second"]);
    until("all is settled", async || hook.shown(&alice).await["waiting"] == 0).await;
    assert_eq!(column(&hook.deliveries(&alice).await, "event"), ["file.upload"; 2]);
    let _server = server;
}

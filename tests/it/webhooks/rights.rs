//! Who may make, see and change webhooks, and what they may be.

use super::{Hook, column, server};
use crate::harness::{Client, receiver::Receiver, until};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn who_rules_an_index_has_its_webhooks_and_root_those_of_the_server() {
    let (server, alice) = server().await;
    let receiver = Receiver::start(&[]).await;
    let (bob, anonymous, root) = (server.user("bob").await, server.anonymous(), server.root());
    alice.create_index("alice/protected", json!({"acl_read": ["alice"]})).await;
    let token = alice.post("alice/+token-create", json!({})).await.expect(200).result();
    let token = alice.with_secret(token["token"].as_str().unwrap());

    let of_dev = Hook::of_dev(&alice, &receiver).await;
    let of_all = Hook::make(&root, "", &receiver.url, json!({"description": "all"})).await;
    let by_root = Hook::make(&root, "alice/protected", &receiver.url, json!({})).await;
    let requests = |hook: &Hook| {
        let all = hook.path.rsplit_once('/').unwrap().0.to_owned();
        let path = &hook.path;
        [
            (Method::GET, all.clone()),
            (Method::GET, format!("{all}/")),
            (Method::POST, all),
            (Method::GET, path.clone()),
            (Method::PATCH, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::POST, format!("{path}/test")),
            (Method::GET, format!("{path}/deliveries")),
            (Method::POST, format!("{path}/deliveries/1/retry")),
        ]
    };
    let refused = async |who: &Client, status: u16, hook: &Hook| {
        for (method, path) in requests(hook) {
            let reply = who.json(method.as_str(), &path, json!({"url": receiver.url})).await.expect(status);
            assert!(reply.message().starts_with("no permission to see or change webhooks of"), "{reply}");
        }
    };
    for hook in [&of_dev, &of_all, &by_root] {
        refused(&anonymous, 401, hook).await;
        refused(&bob, 403, hook).await;
        refused(&token, 403, hook).await;
    }
    refused(&alice, 403, &of_all).await;
    assert_eq!(
        column(alice.get("alice/dev/+webhooks/").await.expect(200).result().as_array().unwrap(), "id"),
        [of_dev.id.as_str()]
    );
    assert_eq!(by_root.shown(&alice).await["created_by"], "root");
    assert_eq!(of_all.shown(&root).await["description"], "all");

    // Each belongs where it is, and to nowhere else.
    for path in [
        format!("alice/protected/+webhooks/{}", of_dev.id),
        format!("+webhooks/{}", of_dev.id),
        format!("alice/dev/+webhooks/{}", of_all.id),
        "alice/dev/+webhooks/x".into(),
    ] {
        let message = root.get(&path).await.expect(404).message();
        assert!(message.starts_with("there is no webhook"), "{message}");
    }
    root.get("alice/none/+webhooks").await.expect(404);
    alice.delete(&of_dev.path).await.expect(200);
    alice.get(&of_dev.path).await.expect(404);
}

#[tokio::test]
async fn json_is_taken_whatever_it_is_called() {
    let (_server, alice) = server().await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let body = r#"{"url": "http://hooks.example/"}"#;
    let made = alice.send("POST", "alice/dev/+webhooks", &[kind, ("accept", "*/*")], body).await.expect(201);
    let path = format!("alice/dev/+webhooks/{}", made.result()["id"].as_str().unwrap());
    alice.send("POST", &format!("{path}/test"), &[kind], "").await.expect(202);
}

#[tokio::test]
async fn what_a_webhook_can_not_be_is_said() {
    let (_server, alice) = server().await;
    let hook = Hook::make(&alice, "alice/dev", "http://hooks.example/", json!({})).await;
    for (body, said) in [
        (json!({}), "url must say where to send to"),
        (json!({"url": "mailto:a@b"}), "url must be an http or https URL of at most 2000 bytes"),
        (
            json!({"url": "http://u:p@hooks.example/"}),
            "url must hold no user and no password: what is sent is signed",
        ),
        (
            json!({"url": "http://hooks.example/", "events": ["x"]}),
            "events: \"x\" is no name of an event such as file.upload or file.*",
        ),
        (
            json!({"url": "http://hooks.example/", "enabled": true}),
            "'enabled' is none of url, description, events",
        ),
        (json!({"url": "http://hooks.example/\0"}), "the body holds a NUL character"),
    ] {
        assert_eq!(alice.post("alice/dev/+webhooks", body).await.expect(400).message(), said);
    }
    for (body, said) in [
        (json!({"enabled": "no"}), "enabled must be true or false"),
        (json!({"secret": "x"}), "'secret' is none of url, description, events, enabled"),
        (json!({"url": null}), "url must be an http or https URL of at most 2000 bytes"),
    ] {
        assert_eq!(alice.patch(&hook.path, body).await.expect(400).message(), said);
    }
    alice.get(&format!("{}/deliveries?before=x", hook.path)).await.expect(400);
    alice.post(&format!("{}/deliveries/9/retry", hook.path), json!({})).await.expect(404);
    for _ in 1..20 {
        Hook::make(&alice, "alice/dev", "http://hooks.example/", json!({})).await;
    }
    let more = alice.post("alice/dev/+webhooks", json!({"url": "http://hooks.example/"})).await.expect(400);
    assert_eq!(more.message(), "there are 20 webhooks already: delete one first");
}

#[tokio::test]
async fn what_happens_to_a_webhook_stands_in_the_changelog_and_its_secret_nowhere() {
    let (server, alice) = server().await;
    let receiver = Receiver::start(&[]).await;
    let url = format!("{}/as-good-as-a-password", receiver.url);
    let before = server.serial().await;
    let hook = Hook::make(&alice, "alice/dev", &url, json!({"events": ["file.*"]})).await;
    assert!(hook.secret.starts_with("whsec_"));
    let root = server.root();
    let of_all = Hook::make(&root, "", &receiver.url, json!({"events": ["webhook.*"]})).await;

    let same = json!({"url": url, "events": ["file.*"], "description": "", "enabled": true});
    let serial = alice.patch(&hook.path, same).await.expect(200).serial();
    assert_eq!(server.serial().await, serial);
    let changed = json!({"description": "CI", "events": null});
    let shown = alice.patch(&hook.path, changed).await.expect(200).result();
    assert_eq!((&shown["description"], &shown["events"]), (&json!("CI"), &Value::Null));
    let shown = alice.patch(&hook.path, json!({"enabled": false})).await.expect(200).result();
    assert_eq!((&shown["enabled"], &shown["disabled_reason"]), (&json!(false), &json!("by hand")));
    alice.patch(&hook.path, json!({"enabled": true})).await.expect(200);
    alice.post(&format!("{}/test", hook.path), json!({})).await.expect(202);
    until("the ping came", async || !receiver.at("/as-good-as-a-password").is_empty()).await;
    let deliveries = alice.get(&format!("{}/deliveries", hook.path)).await.expect(200).text();
    let seen = [
        alice.get("alice/dev/+webhooks").await.expect(200).text(),
        alice.get(&hook.path).await.expect(200).text(),
        deliveries,
    ];
    alice.delete(&hook.path).await.expect(200);

    let log = root.get(&format!("+changelog/{}-", before + 1)).await.expect(200);
    let told = [
        "webhook.create",
        "webhook.create",
        "webhook.modify",
        "webhook.disable",
        "webhook.modify",
        "webhook.delete",
    ];
    assert_eq!(column(log.result().as_array().unwrap(), "event"), told);
    let first = &log.result()[0];
    assert_eq!((&first["actor"], &first["index"]), (&json!("alice"), &Value::Null));
    assert_eq!(first["detail"]["index"], "alice/dev");
    assert_eq!(first["detail"]["host"], "127.0.0.1");
    // The server's own hears of it as well, but not of how it came to be.
    until("the server's webhook was told", async || receiver.at("/").len() == 4).await;
    for text in
        seen.iter().chain([&log.text()]).chain(receiver.messages().iter().map(|message| &message.text))
    {
        assert!(!text.contains("whsec_") && !text.contains(&hook.secret[6..]), "{text}");
    }
    assert!(!log.text().contains("as-good-as-a-password"), "{log}");
    assert!(receiver.at("/").iter().all(|message| message.is_signed(&of_all.secret)));
}

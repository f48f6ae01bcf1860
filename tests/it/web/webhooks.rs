//! Webhooks in a browser: made, tried, changed, deleted.

use super::visitor::{Visitor, forms};
use crate::harness::{
    Server,
    receiver::{Reaction, Receiver},
    until,
};
use serde_json::json;

/// A server whose webhooks reach this machine, with alice's `alice/dev`, and alice at her browser.
async fn start() -> (Server, Visitor) {
    let server = Server::start_with(|config| {
        config.server.webhook_allow = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    server.user("alice").await.create_index("alice/dev", json!({})).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    (server, alice)
}

#[tokio::test]
async fn a_person_makes_a_webhook_tries_it_and_looks_what_came_of_it() {
    let (server, alice) = start().await;
    let text = b"<script>alert(1)</script> no such job".to_vec();
    let receiver = Receiver::start(&[Reaction::Answer(404, text)]).await;
    let all = "alice/dev/+webhooks";
    let page = alice.get(all).await.expect(200).text();
    assert!(
        page.contains("There are no webhooks yet.") && page.contains("<code>file.upload</code>"),
        "{page}"
    );
    assert!(!page.contains("user.create"), "{page}");

    let typed = [("url", "ftp://x"), ("events", "file.*, index.modify"), ("description", "<b>CI</b>")];
    let again = alice.fill(all, "/alice/dev/+webhooks", &typed).await.expect(400).text();
    assert!(again.contains("role=\"alert\">url must be an http or https URL"), "{again}");
    assert!(again.contains("value=\"file.*, index.modify\""), "{again}");
    let url = format!("{}/hook", receiver.url);
    let typed = [("url", url.as_str()), ("events", "file.*, index.modify"), ("description", "<b>CI</b>")];
    let made = alice.fill(all, "/alice/dev/+webhooks", &typed).await.expect(200);
    assert_eq!(made.header("cache-control"), "no-store");
    let made = made.text().replace("&#x2f;", "/");
    let secret = &made[made.find("whsec_").unwrap()..][..38];
    assert!(!made.contains("<b>CI"), "{made}");

    let known = server.login("alice").get(all).await.expect(200).result();
    assert_eq!(known[0]["events"], json!(["file.*", "index.modify"]));
    let path = format!("{all}/{}", known[0]["id"].as_str().unwrap());
    assert!(made.contains(&format!("href=\"/{path}\"")), "{made}");
    let page = alice.get(&path).await.expect(200).text();
    assert!(!page.contains("whsec_") && page.contains("Nothing yet."), "{page}");

    let sent = alice.fill(&path, &format!("/{path}/test"), &[]).await.expect(303);
    assert_eq!(sent.header("location"), format!("/{path}?done=webhook-sent"));
    until("it failed", async || alice.get(&path).await.text().contains("answered 404")).await;
    assert!(receiver.messages()[0].is_signed(secret));
    let page = alice.get(&path).await.expect(200).text();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt; no such job"), "{page}");
    assert!(page.contains("failing</span>") && page.contains("&quot;ping&quot;"), "{page}");
    let retry = forms(&page).into_iter().find(|form| form.action.ends_with("/retry")).unwrap();
    alice.send(&retry, &[]).await.expect(303);
    until("it came", async || alice.get(&path).await.text().contains("delivered</span>")).await;
    assert_eq!(receiver.events(), ["ping", "ping"]);
    let listed = alice.get(&format!("{path}/deliveries?before=1")).await.expect(200).text();
    assert!(listed.contains("Nothing yet."), "{listed}");
}

#[tokio::test]
async fn a_person_changes_disables_enables_and_deletes_a_webhook() {
    let (server, alice) = start().await;
    let made =
        server.login("alice").post("alice/dev/+webhooks", json!({"url": "http://hooks.example/x"})).await;
    let path = format!("alice/dev/+webhooks/{}", made.expect(201).result()["id"].as_str().unwrap());
    let action = format!("/{path}");
    let shown = async || server.login("alice").get(&path).await.expect(200).result();
    let press = async |button: &str, typed: &[(&str, &str)]| {
        let form = alice.form(&path, &action).await;
        let typed: Vec<_> = typed.iter().copied().chain([("do", button)]).collect();
        alice.send(&form, &typed).await
    };
    let typed = [("url", "https://hooks.example/y"), ("events", "file.upload"), ("description", "")];
    let saved = press("save", &typed).await.expect(303);
    assert_eq!(saved.header("location"), format!("/{path}?done=webhook-changed"));
    assert_eq!(
        (&shown().await["url"], &shown().await["events"]),
        (&json!("https://hooks.example/y"), &json!(["file.upload"]))
    );
    let refused = press("save", &[("url", "http://10.0.0.1/"), ("events", "x")]).await.expect(400).text();
    assert!(refused.contains("events: &quot;x&quot; is no name of an event"), "{refused}");
    let refused = press("save", &[("url", "http://10.0.0.1/"), ("events", "")]).await.expect(400).text();
    assert!(refused.contains("10.0.0.1 is no address of the public internet"), "{refused}");
    press("disable", &[]).await.expect(303);
    assert_eq!(shown().await["enabled"], false);
    let page = alice.get(&path).await.expect(200).text();
    assert!(page.contains("by hand") && !page.contains(">Send a test<"), "{page}");
    press("enable", &[]).await.expect(303);
    assert_eq!(shown().await["enabled"], true);
    press("eat", &[]).await.expect(400);
    assert_eq!(
        press("delete", &[]).await.expect(303).header("location"),
        "/alice/dev/+webhooks?done=webhook-deleted"
    );
    alice.get(&path).await.expect(404);
}

#[tokio::test]
async fn nobody_else_sees_webhooks_and_no_other_site_makes_any() {
    let (server, alice) = start().await;
    server.user("bob").await;
    let made =
        server.login("alice").post("alice/dev/+webhooks", json!({"url": "http://hooks.example/x"})).await;
    let path = format!("alice/dev/+webhooks/{}", made.expect(201).result()["id"].as_str().unwrap());
    let bob = Visitor::of(&server, "bob", "secret").await;
    let root = Visitor::of(&server, "root", "root").await;
    for path in ["alice/dev/+webhooks", &path, "+webhooks"] {
        assert!(!Visitor::new(&server).get(path).await.expect(401).text().contains("hooks.example"));
        assert!(!bob.get(path).await.expect(403).text().contains("hooks.example"));
        root.get(path).await.expect(200);
    }
    alice.get("+webhooks").await.expect(403);
    assert!(alice.get("alice/dev").await.expect(200).text().contains("/+webhooks\">Webhooks</a>"));
    assert!(!bob.get("alice/dev").await.expect(200).text().contains("+webhooks"));
    assert!(root.get("").await.expect(200).text().contains("/+webhooks\">Webhooks of the server</a>"));
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for target in
        ["alice/dev/+webhooks", &path, &format!("{path}/test"), &format!("{path}/deliveries/1/retry")]
    {
        for body in
            ["url=http://hooks.example/&do=delete", "csrf_token=x&url=http://hooks.example/&do=delete"]
        {
            alice.ask("POST", target, &[kind], body).await.expect(403);
        }
    }
    let left = server.login("alice").get("alice/dev/+webhooks").await.expect(200).result();
    assert_eq!(left.as_array().unwrap().len(), 1);
    let typed = [("url", "http://hooks.example/all"), ("events", "user.*")];
    let made = root.fill("+webhooks", "/+webhooks", &typed).await.expect(200).text();
    assert!(made.contains("whsec_") && made.contains("Webhooks of the server"), "{made}");
}

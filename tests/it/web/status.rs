//! The page of the server's status.

use crate::harness::{
    Client, Server, Upstream,
    binary::{Binary, place},
    until,
};
use serde_json::{Value, json};

async fn page(client: &Client) -> String {
    let reply = client.get_with("+status", &[("accept", "text/html")]).await.expect(200);
    reply.text().replace("&#x2f;", "/")
}

async fn status(client: &Client) -> Value {
    client.get("+status").await.expect(200).result()
}

#[tokio::test]
async fn all_processes_are_seen_with_what_they_know_and_where_they_run_by_root_alone() {
    let one = Server::start().await;
    let two = one.beside().await;
    let alice = one.user("alice").await;
    until("both processes are seen", async || {
        status(&alice).await["processes"].as_array().unwrap().len() == 2
    })
    .await;
    let (open, full) = (status(&alice).await, status(&one.root()).await);
    let address = one.url.trim_start_matches("http://");
    for process in open["processes"].as_array().unwrap() {
        assert!(process.get("host").is_none() && process.get("address").is_none(), "{process}");
        assert_eq!(process["version"], env!("CARGO_PKG_VERSION"));
        let behind = open["serial"].as_i64().unwrap() - process["serial"].as_i64().unwrap();
        assert_eq!(process["behind"], behind.max(0), "{process}");
    }
    let answers = |status: &Value| {
        let mut processes = status["processes"].as_array().unwrap().iter();
        processes.find(|process| process["answers"] == true).unwrap().clone()
    };
    assert_eq!(answers(&full)["address"], address);
    assert_ne!(answers(&full)["id"], answers(&status(&two.root()).await)["id"]);
    assert!(!page(&alice).await.contains(address));
    let text = page(&one.root()).await;
    assert!(text.contains(address) && text.contains("answers you"), "{text}");
    assert_eq!(open["polling_replicas"], json!({}));
}

#[tokio::test]
async fn a_process_that_ends_is_gone_from_the_page() {
    let (database, prefix) = place().await;
    let first = Binary::serve(&database, &prefix, &[]).await;
    let second = Binary::serve(&database, &prefix, &[]).await;
    let client = first.client(None);
    let seen = async || status(&client).await["processes"].as_array().unwrap().len();
    until("both are seen", async || seen().await == 2).await;
    second.end("-TERM").await;
    until("one is left", async || seen().await == 1).await;
}

#[tokio::test]
async fn a_process_that_says_nothing_for_ten_minutes_is_forgotten() {
    let server = Server::start().await;
    let seen = async || {
        let data = status(&server.root()).await;
        let processes = data["processes"].as_array().unwrap().iter();
        processes.map(|process| process["host"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let db = server.service.db().await.unwrap();
    for (host, minutes) in [("silent", 9), ("dead", 11)] {
        let insert = "insert into processes (id, host, version, address, started_at, seen_at, serial)
            values (gen_random_uuid(), $1, '0.1.0', null, now(), now() - $2::int * interval '1 minute', 1)";
        db.execute(insert, &[&host, &minutes]).await.unwrap();
    }
    let hosts = seen().await;
    assert!(hosts.contains(&"silent".to_owned()) && !hosts.contains(&"dead".to_owned()), "{hosts:?}");
    // Whoever comes next sweeps up.
    let _other = server.beside().await;
    until("the row is gone", async || {
        db.query("select from processes where host = 'dead'", &[]).await.unwrap().is_empty()
    })
    .await;
    assert!(seen().await.contains(&"silent".to_owned()));
}

#[tokio::test]
async fn the_page_says_what_the_json_says() {
    let server = Server::start().await;
    let text = page(&server.anonymous()).await;
    let data = status(&server.anonymous()).await;
    assert!(text.contains(&format!("<dd>{}<small>changed ", data["serial"])), "{text}");
    assert!(text.contains(&format!("schema {}, up for ", data["schema"])), "{text}");
    assert!(text.contains(data["uuid"].as_str().unwrap()), "{text}");
    assert!(!text.contains("does not answer") && data["object-store-ms"].is_number(), "{text}");
    assert_eq!(text.matches("<h1>").count(), 1);
}

#[tokio::test]
async fn mirrors_are_shown_with_how_fresh_they_are_and_how_their_upstream_failed() {
    let mut upstream = Upstream::start();
    upstream.add_wheel("far", "1.0");
    let server = Server::start().await;
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_cache_expiry": 0})).await;
    alice.patch("alice/mirror", json!({"acl_read": ["alice"]})).await.expect(200);
    let mirror = async || status(&alice).await["mirrors"][0].clone();
    let unasked = mirror().await;
    assert_eq!((&unasked["index"], &unasked["listed"]), (&json!("alice/mirror"), &Value::Null));
    assert!(page(&alice).await.contains("not asked yet"));

    alice.simple("alice/mirror", "far").await;
    alice.simple_list("alice/mirror").await.expect(200);
    until("page and list are kept", async || {
        let mirror = mirror().await;
        mirror["projects"] == 1 && mirror["stale"] == 1 && mirror["listed"].is_number()
    })
    .await;
    assert_eq!(mirror().await["reason"], Value::Null);

    upstream.stop().await;
    until("the failure is known", async || {
        alice.simple("alice/mirror", "far").await;
        mirror().await["reason"].is_string()
    })
    .await;
    let reason = mirror().await["reason"].as_str().unwrap().to_owned();
    assert!(!reason.contains("far"), "{reason}");
    let text = page(&alice).await;
    assert!(text.contains("upstream fails") && text.contains("<a href=\"/alice/mirror\">"), "{text}");

    let bob = server.user("bob").await;
    assert_eq!(status(&bob).await["mirrors"], json!([]));
    assert!(!page(&bob).await.contains("alice/mirror"));
}

//! The changelog of the server and of an index: as sentences, as far as the reader may see, newest first.

use crate::harness::{Client, Server, Upstream, until};
use regex::Regex;
use serde_json::{Value, json};

async fn page(client: &Client, path: &str) -> String {
    let reply = client.get_with(path, &[("accept", "text/html")]).await.expect(200);
    reply.text().replace("&#x2f;", "/")
}

/// The sentences of a page, the newest change first.
fn sentences(text: &str) -> Vec<String> {
    let list = text.split("<ol class=\"changes\">").nth(1).unwrap().split("</ol>").next().unwrap();
    let sentence = Regex::new("(?s)<li>(.*?)</li>").unwrap();
    let tag = Regex::new("<[^>]*>").unwrap();
    let lists = list.split("<ul class=\"plain\">").skip(1);
    let sentences = lists.flat_map(|list| sentence.captures_iter(list).map(|found| found[1].to_owned()));
    sentences.map(|it| tag.replace_all(&it, "").into_owned()).collect()
}

async fn said(client: &Client, path: &str) -> Vec<String> {
    sentences(&page(client, path).await)
}

#[tokio::test]
async fn each_change_is_a_sentence_with_links_and_who_did_it_is_for_those_who_may_know() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = alice.upload_wheel("alice/dev", "hello", "1.0").await;
    alice.patch("alice/dev/hello/1.0", json!({"yanked": "<i>broken</i>"})).await.expect(200);
    alice.delete("alice/dev/hello").await.expect(200);

    let uploaded = format!("Uploaded {wheel} to alice/dev");
    let yanked = format!("Yanked {wheel} on alice/dev");
    let expected = [
        "Deleted hello from alice/dev",
        yanked.as_str(),
        "Created hello on alice/dev",
        uploaded.as_str(),
        "Created alice/dev",
    ];
    for client in [&alice, &server.anonymous()] {
        assert_eq!(said(client, "alice/dev/+changelog").await, expected);
        assert_eq!(said(client, "+changelog").await, expected);
    }
    let text = page(&alice, "alice/dev/+changelog").await;
    assert!(text.contains(r#"<a href="/alice/dev/hello/1.0">"#), "{text}");
    assert!(!text.contains("broken"), "{text}");

    let whole = said(&server.root(), "+changelog").await;
    assert_eq!(whole[0], "alice deleted hello from alice/dev");
    assert_eq!(whole[1], format!("alice yanked {wheel} on alice/dev: “&lt;i&gt;broken&lt;/i&gt;”"));
    assert_eq!(whole[3], format!("alice uploaded {wheel} to alice/dev"));
    assert!(whole.contains(&"Created the user alice".to_owned()), "{whole:?}");
    let text = page(&server.root(), "+changelog").await;
    // What came of the change cannot be asked for any more, what it was about still can.
    assert!(text.contains("deleted hello from <a href=\"/alice/dev\">"), "{text}");
}

#[tokio::test]
async fn json_tells_the_same() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "hello", "1.0").await;
    let data = alice.get("alice/dev/+changelog").await.expect(200).result();
    let names: Vec<_> =
        data["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["project.create", "file.upload", "index.create"]);
    assert_eq!(data["serial"], server.serial().await);
    assert_eq!((&data["before"], &data["after"]), (&Value::Null, &Value::Null));
    assert!(data["events"][0].get("actor").is_none(), "{data}");
    let full = server.root().get("alice/dev/+changelog").await.expect(200).result();
    assert_eq!(full["events"][0]["actor"], "alice");
    for wrong in ["before=x", "after=-1", "before="] {
        alice.get(&format!("+changelog?{wrong}")).await.expect(400);
    }
    let newest = server.serial().await;
    let after = alice.get("+changelog?after=9223372036854775807").await.expect(200).result();
    assert_eq!((&after["serial"], &after["before"]), (&json!(newest), &json!(newest + 1)));
    let before = alice.get("+changelog?before=0").await.expect(200).result();
    assert_eq!((&before["serial"], &before["events"]), (&json!(0), &json!([])));
    alice.get("alice/none/+changelog").await.expect(404);
}

#[tokio::test]
async fn changes_are_turned_page_by_page_and_none_is_lost_or_told_twice() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    for index in ["alice/base", "alice/other"] {
        alice.create_index(index, json!({})).await;
    }
    alice.create_index("alice/dev", json!({"bases": "alice/base"})).await;
    for number in 0..70 {
        let index = ["alice/dev", "alice/base", "alice/other"][number % 3];
        alice.patch(index, json!({"title": format!("title {number}")})).await.expect(200);
    }
    let all = alice.get("+events?since=0&wait=0").await.expect(200).result();
    let all = all["events"].as_array().unwrap().clone();
    for (path, indexes) in [
        ("+changelog", &["alice/dev", "alice/base", "alice/other"][..]),
        ("alice/dev/+changelog", &["alice/dev"]),
        ("alice/dev/+changelog?inherited", &["alice/dev", "alice/base"]),
    ] {
        let is_meant = |event: &&Value| indexes.contains(&event["index"].as_str().unwrap());
        let expected: Vec<_> =
            all.iter().rev().filter(is_meant).map(|event| event["serial"].clone()).collect();
        let join = if path.contains('?') { "&" } else { "?" };
        let mut backwards = Vec::new();
        let mut part = alice.get(path).await.expect(200).result();
        loop {
            backwards.extend(part["events"].as_array().unwrap().iter().map(|it| it["serial"].clone()));
            let Some(before) = part["before"].as_i64() else { break };
            part = alice.get(&format!("{path}{join}before={before}")).await.expect(200).result();
        }
        assert_eq!(backwards, expected, "{path}");
        let (mut forwards, mut after) = (Vec::new(), Some(0));
        while let Some(serial) = after {
            let part = alice.get(&format!("{path}{join}after={serial}")).await.expect(200).result();
            let events = part["events"].as_array().unwrap().iter().map(|it| it["serial"].clone());
            forwards.splice(0..0, events);
            after = part["after"].as_i64();
        }
        assert_eq!(forwards, expected, "{path}");
    }
    let text = page(&alice, "+changelog").await;
    let older = text.split("rel=\"next\"").nth(1).unwrap().split("href=\"/").nth(1).unwrap();
    let older = page(&alice, older.split('"').next().unwrap()).await;
    assert!(older.contains("rel=\"prev\"") && !older.contains("data-live"), "{older}");
}

#[tokio::test]
async fn a_protected_index_and_one_that_is_gone_tell_strangers_nothing() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    alice.create_index("alice/secret", json!({"acl_read": ["alice"]})).await;
    alice.create_index("alice/gone", json!({})).await;
    alice.upload_wheel("alice/secret", "hidden", "1.0").await;
    alice.upload_wheel("alice/gone", "lost", "1.0").await;
    alice.delete("alice/gone").await.expect(201);
    bob.create_index("bob/dev", json!({"bases": "alice/secret"})).await;
    for client in [&bob, &server.anonymous()] {
        let told = said(client, "+changelog").await;
        assert_eq!(told, ["Created bob/dev", "Deleted alice/gone"]);
        assert_eq!(said(client, "bob/dev/+changelog?inherited").await, ["Created bob/dev"]);
    }
    bob.get_with("alice/secret/+changelog", &[("accept", "text/html")]).await.expect(403);
    server.anonymous().get_with("alice/secret/+changelog", &[("accept", "text/html")]).await.expect(401);
    assert!(said(&alice, "+changelog").await.iter().any(|it| it.contains("hidden")));
    // Another index of the name has a past of its own.
    alice.create_index("alice/gone", json!({})).await;
    assert_eq!(said(&alice, "alice/gone/+changelog").await, ["Created alice/gone", "Deleted alice/gone"]);
}

#[tokio::test]
async fn the_page_says_where_a_script_hears_of_more_and_what_it_asks_then() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let text = page(&alice, "alice/dev/+changelog").await;
    let serial = server.serial().await;
    for part in [
        format!("data-serial=\"{serial}\""),
        "data-live=\"/+events?index=alice/dev&amp;since=\"".to_owned(),
        "data-more=\"/alice/dev/+changelog?after=\"".to_owned(),
        "data-only=\"alice/dev\"".to_owned(),
        format!("href=\"/alice/dev/+changelog?after={serial}\">Load newer changes"),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
    alice.get(&format!("+events?index=alice/dev&since={serial}&wait=0")).await.expect(200);
    alice.patch("alice/dev", json!({"title": "x"})).await.expect(200);
    let newer = page(&alice, &format!("alice/dev/+changelog?after={serial}")).await;
    assert_eq!(sentences(&newer), ["Changed the settings of alice/dev"]);
    assert!(newer.contains(&format!("data-serial=\"{}\"", server.serial().await)), "{newer}");
}

#[tokio::test]
async fn what_a_mirror_fetches_is_told_without_an_actor() {
    let upstream = Upstream::start();
    upstream.add_wheel("far", "1.0");
    let server = Server::start().await;
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.simple("alice/mirror", "far").await;
    until("the page is told of", async || {
        let told = said(&server.root(), "alice/mirror/+changelog").await;
        told.contains(&"Fetched another page of far for alice/mirror".to_owned())
    })
    .await;
}

//! Refresh: somebody asks a mirror to look upstream now.

use crate::harness::{
    Client, Server, Upstream, until,
    upstream::{Fault, Part},
};
use serde_json::json;

const ONE: &str = "pkg-1.0-py3-none-any.whl";
const TWO: &str = "pkg-2.0-py3-none-any.whl";

async fn refresh(client: &Client, index: &str, project: &str) {
    let path = format!("{index}/+simple/{project}/refresh");
    let reply = client.send("POST", &path, &[], "").await.expect(302);
    let to = reply.header("location");
    assert!(to.ends_with(&format!("/{index}/+simple/{project}/")), "{to}");
}

#[tokio::test]
async fn a_refresh_fetches_the_page_now_and_leads_to_it() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_no_project_list": true})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [ONE]);
    let beside = server.beside().await;
    let other = beside.anonymous();
    for (asked, (index, version)) in [("alice/mirror", "2.0"), ("alice/dev", "3.0")].into_iter().enumerate() {
        let (filename, _) = upstream.add_wheel("pkg", version);
        assert!(!alice.filenames("alice/dev", "pkg").await.contains(&filename));
        // Anybody may.
        refresh(&server.anonymous(), index, "pkg").await;
        assert_eq!(upstream.page_requests("pkg"), asked + 2);
        for reader in [&alice, &other] {
            for index in ["alice/mirror", "alice/dev"] {
                assert!(reader.filenames(index, "pkg").await.contains(&filename), "{index}");
            }
        }
        assert_eq!(upstream.page_requests("pkg"), asked + 2);
    }
}

#[tokio::test]
async fn after_a_refresh_who_has_the_page_is_told_whether_it_is_another() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let before = server.serial().await;
    alice.simple("alice/mirror", "pkg").await;
    // Until then the page has a tag of its own.
    until("the page is stored", async || server.serial().await > before).await;
    let mut etag = String::new();
    until("the page has the tag of what is stored", async || {
        let reply = alice.simple_page("alice/mirror", "pkg", &[("if-none-match", &etag)]).await;
        reply.header("etag").clone_into(&mut etag);
        reply.status == 304
    })
    .await;
    refresh(&alice, "alice/mirror", "pkg").await;
    alice.simple_page("alice/mirror", "pkg", &[("if-none-match", &etag)]).await.expect(304);
    upstream.add_wheel("pkg", "2.0");
    refresh(&alice, "alice/mirror", "pkg").await;
    let reply = alice.simple_page("alice/mirror", "pkg", &[("if-none-match", &etag)]).await.expect(200);
    assert!(reply.text().contains(TWO), "{reply}");
}

#[tokio::test]
async fn a_refresh_finds_a_project_that_was_not_there() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_no_project_list": true})).await;
    alice.simple_page("alice/mirror", "pkg", &[]).await.expect(404);
    upstream.add_wheel("pkg", "1.0");
    alice.simple_page("alice/mirror", "pkg", &[]).await.expect(404);
    refresh(&alice, "alice/mirror", "pkg").await;
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE]);
}

#[tokio::test]
async fn a_project_that_was_forgotten_is_kept_again_by_the_process_that_kept_it_before() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    for _ in 0..3 {
        let before = server.serial().await;
        assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE]);
        until("the page is stored", async || server.serial().await > before).await;
        alice.delete("alice/mirror/pkg").await.expect(200);
    }
}

#[tokio::test]
async fn a_refresh_of_an_upstream_that_fails_loses_nothing() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE]);
    let beside = server.beside().await;
    let other = beside.anonymous();
    upstream.fail(Part::Pages, Fault::Status(500));
    until("the page is stored", async || other.simple_page("alice/mirror", "pkg", &[]).await.status == 200)
        .await;
    let path = "alice/mirror/+simple/pkg/refresh";
    let reply = alice.send("POST", path, &[], "").await;
    assert!([302, 502].contains(&reply.status), "{reply}");
    for reader in [&alice, &other] {
        assert_eq!(reader.filenames("alice/mirror", "pkg").await, [ONE]);
    }
}

#[tokio::test]
async fn a_refresh_is_offered_to_people_and_to_nobody_by_get() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    alice.create_index("alice/alone", json!({})).await;
    alice.upload_wheel("alice/alone", "pkg", "1.0").await;
    for (index, label) in [("alice/mirror", "Refresh"), ("alice/dev", "Refresh mirror links")] {
        let page = format!("{index}/+simple/pkg/");
        let text = alice.get_with(&page, &[("accept", "text/html")]).await.expect(200).text();
        assert!(text.contains(&format!("value=\"{label}\"")) && text.contains("method=\"post\""), "{text}");
        alice.get(&format!("{page}refresh")).await.expect(404);
    }
    let page = "alice/alone/+simple/pkg/";
    let text = alice.get_with(page, &[("accept", "text/html")]).await.expect(200).text();
    assert!(!text.contains("Refresh"), "{text}");
}

#[tokio::test]
async fn a_refresh_tells_no_upstream_the_name_of_a_private_project() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "9.0");
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_no_project_list": true})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    server.anonymous().send("POST", "alice/dev/+simple/pkg/refresh", &[], "").await.expect(302);
    assert_eq!(upstream.page_requests("pkg"), 0);
}

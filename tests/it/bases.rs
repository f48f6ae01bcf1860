//! Bases: which may be set, and in which order they answer.

use crate::harness::{Client, Server, Upload, archive};
use serde_json::json;

/// Uploads `pkg-1.0` with this text, so that the same file name has other bytes on each index.
async fn upload(client: &Client, index: &str) {
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";
    let wheel = archive::wheel_with("pkg", "1.0", metadata, index);
    client.upload(index, Upload::new("pkg", "1.0", wheel)).await.expect(200);
}

/// The index whose `pkg-1.0` a page serves, and those that JSON names, in order.
async fn answering(client: &Client, index: &str) -> (String, Vec<String>) {
    let owner = |path: &str| path.split('/').take(2).collect::<Vec<_>>().join("/");
    let path = client.file_path(index, "pkg", "pkg-1.0-py3-none-any.whl").await;
    let version = client.get(&format!("{index}/pkg/1.0")).await.expect(200).result();
    let shadowing = version["+shadowing"].as_array().cloned().unwrap_or_default();
    let releases = std::iter::once(version).chain(shadowing);
    let hrefs = releases.map(|release| release["+links"][0]["href"].as_str().unwrap().to_owned());
    let paths = hrefs.map(|href| owner(&url::Url::parse(&href).unwrap().path()[1..]));
    (owner(&path), paths.collect())
}

#[tokio::test]
async fn indexes_answer_breadth_first_in_the_order_of_bases() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    for (index, bases) in [
        ("alice/deep", ""),
        ("alice/left", "alice/deep"),
        ("alice/right", ""),
        ("alice/top", "alice/left,alice/right"),
    ] {
        alice.create_index(index, json!({"bases": bases})).await;
    }
    upload(&alice, "alice/deep").await;
    assert_eq!(answering(&alice, "alice/top").await, ("alice/deep".into(), vec!["alice/deep".into()]));
    let order = |names: &[&str]| names.iter().map(|name| format!("alice/{name}")).collect::<Vec<_>>();
    upload(&alice, "alice/right").await;
    let (page, json) = answering(&alice, "alice/top").await;
    assert_eq!((page.as_str(), json), ("alice/right", order(&["right", "deep"])));
    upload(&alice, "alice/left").await;
    let (page, json) = answering(&alice, "alice/top").await;
    assert_eq!((page.as_str(), json), ("alice/left", order(&["left", "right", "deep"])));
    upload(&alice, "alice/top").await;
    let (page, json) = answering(&alice, "alice/top").await;
    assert_eq!((page.as_str(), json), ("alice/top", order(&["top", "left", "right", "deep"])));

    alice.delete("alice/top/pkg").await.expect(200);
    alice.patch("alice/top", json!({"bases": ["alice/right", "alice/left"]})).await.expect(200);
    let (page, json) = answering(&alice, "alice/top").await;
    assert_eq!((page.as_str(), json), ("alice/right", order(&["right", "left", "deep"])));
}

#[tokio::test]
async fn an_index_with_the_same_base_over_two_ways_shows_it_once() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/left", json!({"bases": "alice/base"})).await;
    alice.create_index("alice/right", json!({"bases": "alice/base"})).await;
    alice.create_index("alice/top", json!({"bases": "alice/left,alice/right,alice/base,alice/base"})).await;
    upload(&alice, "alice/base").await;
    assert_eq!(answering(&alice, "alice/top").await, ("alice/base".into(), vec!["alice/base".into()]));
    assert_eq!(alice.filenames("alice/top", "pkg").await.len(), 1);
    let list =
        alice.get_with("alice/top/+simple/", &[("accept", "application/vnd.pypi.simple.v1+json")]).await;
    assert_eq!(list.json()["projects"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn no_index_may_come_to_inherit_from_itself() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/a", json!({})).await;
    alice.create_index("alice/b", json!({"bases": "alice/a"})).await;
    alice.create_index("alice/c", json!({"bases": "alice/b"})).await;
    upload(&alice, "alice/a").await;
    let before = server.serial().await;
    let message = "base index 'alice/a' would make the index inherit from itself";
    for patch in [
        json!({"bases": "alice/a"}),
        json!({"bases": ["alice/b"]}),
        json!({"bases": ["alice/c"]}),
        json!(["bases+=alice/c"]),
        json!(["title=t", "bases=alice/c"]),
    ] {
        let reply = alice.patch("alice/a", patch.clone()).await.expect(400);
        assert_eq!(reply.json(), json!({"message": message}), "{patch}");
    }
    assert_eq!(server.serial().await, before);
    assert_eq!(alice.filenames("alice/c", "pkg").await.len(), 1);
}

#[tokio::test]
async fn a_base_that_is_gone_is_skipped_and_no_error_before_bases_are_set_again() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/other", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/base,alice/other"})).await;
    upload(&alice, "alice/other").await;
    alice.delete("alice/base").await.expect(201);
    assert_eq!(answering(&alice, "alice/dev").await.0, "alice/other");
    let settings = alice.patch("alice/dev", json!({"title": "t"})).await.expect(200).result();
    assert_eq!(settings["bases"], json!(["alice/base", "alice/other"]));
    let message = "base index 'alice/base' does not exist";
    for patch in [json!(["title=u"]), json!({"bases": "alice/other,alice/base"})] {
        assert_eq!(alice.patch("alice/dev", patch).await.expect(400).message(), message);
    }
    alice.patch("alice/dev", json!(["bases-=alice/base", "title=u"])).await.expect(200);
    assert_eq!(alice.get("alice/dev").await.result()["title"], "u");
}

#[tokio::test]
async fn anybody_may_inherit_from_an_index_that_they_may_not_upload_to() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    alice.create_index("alice/base", json!({})).await;
    upload(&alice, "alice/base").await;
    bob.create_index("bob/dev", json!({"bases": "alice/base"})).await;
    assert_eq!(answering(&bob, "bob/dev").await.0, "alice/base");
    assert_eq!(bob.get("bob/dev").await.result()["projects"], json!([]));
    assert_eq!(bob.get("bob/dev/pkg?ignore_bases").await.expect(200).result(), json!({}));
    bob.delete("bob/dev/pkg").await.expect(404);
    bob.delete("alice/base/pkg").await.expect(403);
}

//! Yank and un-yank.

use crate::harness::{Client, Server, Upload, archive};
use serde_json::{Value, json};

/// Alice with a wheel and an sdist of one version and a wheel of another.
async fn alice_with_pkg(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/prod", json!({"volatile": false})).await;
    for version in ["1.0", "2.0"] {
        alice.upload_wheel("alice/prod", "pkg", version).await;
    }
    alice.upload("alice/prod", Upload::new("pkg", "1.0", archive::sdist("pkg", "1.0"))).await.expect(200);
    alice
}

/// The yank marks of an index's page: of 2.0, and of the wheel and the sdist of 1.0.
async fn marks(client: &Client, index: &str) -> Vec<Value> {
    let page = client.simple(index, "pkg").await;
    page["files"].as_array().unwrap().iter().map(|file| file["yanked"].clone()).collect()
}

#[tokio::test]
async fn a_version_is_yanked_with_all_its_files_and_un_yanked_again() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    alice.create_index("alice/top", json!({"bases": ["alice/prod"]})).await;
    let path = alice.file_path("alice/prod", "pkg", "pkg-1.0-py3-none-any.whl").await;
    let modified = alice.head(&path).await.header("last-modified").to_owned();
    for (asked, mark, html) in [
        (json!("it <breaks>"), json!("it <breaks>"), Some(" data-yanked=\"it &lt;breaks&gt;\"")),
        (json!(true), json!(true), Some(" data-yanked=\"\"")),
        (json!(""), json!(true), Some(" data-yanked=\"\"")),
        (json!(false), Value::Null, None),
    ] {
        let before = alice.simple_page("alice/top", "pkg", &[]).await;
        alice.patch("alice/prod/Pkg/1.0", json!({"yanked": asked})).await.expect(200);
        for index in ["alice/prod", "alice/top"] {
            assert_eq!(marks(&alice, index).await, [Value::Null, mark.clone(), mark.clone()]);
            let page = alice.get_with(&format!("{index}/+simple/pkg/"), &[]).await.text();
            assert_eq!(page.matches("data-yanked").count(), if html.is_some() { 2 } else { 0 });
            assert!(html.is_none_or(|html| page.matches(html).count() == 2), "{page}");
        }
        let changed =
            alice.simple_page("alice/top", "pkg", &[]).await.header("etag") != before.header("etag");
        assert_eq!(changed, asked != json!(""));
        assert_eq!(alice.head(&path).await.expect(200).header("last-modified"), modified);
    }
}

#[tokio::test]
async fn a_file_is_yanked_alone_and_stays_where_it_is() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let path = alice.file_path("alice/prod", "pkg", "pkg-1.0.tar.gz").await;
    let content = alice.get_with(&path, &[]).await.body;
    let serial = alice.patch(&path, json!({"yanked": "bad sdist"})).await.expect(200).serial();
    assert_eq!(
        marks(&alice, "alice/prod").await.iter().filter(|mark| **mark == json!("bad sdist")).count(),
        1
    );
    assert_eq!(alice.get_with(&path, &[]).await.expect(200).body, content);
    let links = alice.get("alice/prod/pkg/1.0").await.result()["+links"].clone();
    assert_eq!(links.as_array().unwrap().len(), 2);
    assert_eq!(alice.patch(&path, json!({"yanked": "bad sdist"})).await.expect(200).serial(), serial);
    alice.patch(&path, json!({"yanked": false})).await.expect(200);
    assert_eq!(marks(&alice, "alice/prod").await, [Value::Null, Value::Null, Value::Null]);
}

#[tokio::test]
async fn only_uploaders_yank_what_is_there_and_with_a_mark_that_is_one() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let bob = server.user("bob").await;
    let path = alice.file_path("alice/prod", "pkg", "pkg-1.0.tar.gz").await;
    let before = server.serial().await;
    let yank = || json!({"yanked": true});
    for (client, status) in [(&bob, 403), (&server.anonymous(), 401)] {
        client.patch("alice/prod/pkg/1.0", yank()).await.expect(status);
        client.patch(&path, yank()).await.expect(status);
    }
    for body in [
        json!({}),
        json!([]),
        json!(null),
        json!({"yanked": null}),
        json!({"yanked": 1}),
        json!({"yanked": ["a"]}),
        json!({"yanked": "a\0"}),
    ] {
        for what in ["alice/prod/pkg/1.0", &path] {
            assert!(!alice.patch(what, body.clone()).await.expect(400).message().is_empty());
        }
    }
    let reply = alice.send("PATCH", &path, &[("accept", "application/json")], "{").await.expect(400);
    assert_eq!(reply.message(), "Bad request: could not decode json");
    for what in
        ["alice/prod/pkg/9.0", "alice/prod/none/1.0", "alice/none/pkg/1.0", &path.replace("1.0", "9.0")]
    {
        alice.patch(what, yank()).await.expect(404);
    }
    assert_eq!(server.serial().await, before);
    assert_eq!(marks(&alice, "alice/prod").await, [Value::Null, Value::Null, Value::Null]);
}

#[tokio::test]
async fn a_push_carries_the_mark_and_an_overwritten_file_is_no_longer_yanked() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    alice.create_index("alice/dev", json!({})).await;
    alice.patch("alice/prod/pkg/2.0", json!({"yanked": "old"})).await.expect(200);
    let push = json!({"name": "pkg", "version": "2.0", "targetindex": "alice/dev"});
    alice.post("alice/prod", push).await.expect(200);
    assert_eq!(marks(&alice, "alice/dev").await, [json!("old")]);
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 2.0\n";
    let wheel = archive::wheel_with("pkg", "2.0", metadata, "new");
    alice.upload("alice/dev", Upload::new("pkg", "2.0", wheel)).await.expect(200);
    assert_eq!(marks(&alice, "alice/dev").await, [Value::Null]);
}

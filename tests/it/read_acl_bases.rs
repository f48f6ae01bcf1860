//! `acl_read` through inheritance: a base that a reader may not read is not there for that reader.

use crate::harness::{Client, Server};
use serde_json::{Value, json};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// carol's index inherits from one of alice that all may read and one that only bob may. Both have `pkg`, in the
/// versions 1.0 (secret), 2.0 (both) and 3.0 (open); `hush` is only on the secret one.
async fn start() -> Server {
    let server = Server::start().await;
    let (alice, carol) = (server.user("alice").await, server.user("carol").await);
    server.user("bob").await;
    alice.create_index("alice/secret", json!({"acl_read": "bob"})).await;
    alice.create_index("alice/open", json!({})).await;
    carol.create_index("carol/dev", json!({"bases": "alice/secret,alice/open"})).await;
    for (index, name, version) in [
        ("alice/secret", "hush", "1.0"),
        ("alice/secret", "pkg", "1.0"),
        ("alice/secret", "pkg", "2.0"),
        ("alice/open", "pkg", "2.0"),
        ("alice/open", "pkg", "3.0"),
    ] {
        alice.upload_wheel(index, name, version).await;
    }
    server
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn a_hidden_base_is_on_no_page_and_in_no_json() {
    let server = start().await;
    let inside = [server.login("bob"), server.login("alice"), server.root()];
    let outside = [server.login("carol"), server.anonymous()];
    // In turns, so that nothing cached for one is served to the other.
    for _ in 0..2 {
        for (readers, hidden) in [(&inside[..], false), (&outside[..], true)] {
            for client in readers {
                see(client, hidden).await;
            }
        }
    }
}

/// Looks at carol's index everywhere.
async fn see(client: &Client, hidden: bool) {
    let files = client.filenames("carol/dev", "pkg").await;
    assert_eq!(files.len(), if hidden { 2 } else { 3 }, "{files:?}");
    let found = if hidden { 404 } else { 200 };
    for path in [
        "carol/dev/+simple/hush/",
        "carol/dev/+simple/hush",
        "carol/dev/hush",
        "carol/dev/hush/",
        "carol/dev/hush/1.0",
        "carol/dev/pkg/1.0",
    ] {
        assert_eq!(client.get(path).await.status, found, "{path}");
    }
    for (path, accept) in [
        ("carol/dev/+simple/", JSON),
        ("carol/dev/+simple/", "text/html"),
        ("carol/dev/+simple/pkg/", JSON),
        ("carol/dev/+simple/pkg/", "text/html"),
        ("carol/dev/pkg", "application/json"),
        ("carol/dev/pkg/2.0", "application/json"),
        ("", "application/json"),
        ("alice", "application/json"),
    ] {
        let text = client.get_with(path, &[("accept", accept)]).await.expect(200).text();
        let told = text.contains("hush") || text.contains("alice/secret/") || text.contains("\"secret\"");
        assert_eq!(told, !hidden, "{path} {accept}: {text}");
    }
    let list = client.get_with("carol/dev/+simple/", &[("accept", "text/html")]).await.text();
    assert_eq!(list.contains("alice/secret"), !hidden, "{list}");
    let versions = client.get("carol/dev/pkg").await.result();
    assert_eq!(keys(&versions), if hidden { vec!["2.0", "3.0"] } else { vec!["1.0", "2.0", "3.0"] });
    let version = client.get("carol/dev/pkg/2.0").await.result();
    assert_eq!(version.get("+shadowing").is_none(), hidden, "{version}");
}

#[tokio::test]
async fn an_entity_tag_of_one_reader_is_not_that_of_another() {
    let server = start().await;
    let (bob, carol) = (server.login("bob"), server.login("carol"));
    for (path, accept) in [
        ("carol/dev/+simple/pkg/", JSON),
        ("carol/dev/+simple/pkg/", "text/html"),
        ("carol/dev/+simple/", JSON),
        ("carol/dev/+simple/", "text/html"),
    ] {
        let get = async |client: &Client, etag: &str| {
            client.get_with(path, &[("accept", accept), ("if-none-match", etag)]).await
        };
        let (of_bob, of_carol) = (get(&bob, "\"\"").await.expect(200), get(&carol, "\"\"").await.expect(200));
        assert_ne!(of_bob.body, of_carol.body);
        let (bobs, carols) = (of_bob.header("etag").to_owned(), of_carol.header("etag").to_owned());
        assert_ne!(bobs, carols);
        assert_eq!(get(&carol, &bobs).await.expect(200).body, of_carol.body);
        assert_eq!(get(&bob, &carols).await.expect(200).body, of_bob.body);
        get(&bob, &bobs).await.expect(304);
        get(&carol, &carols).await.expect(304);
        get(&server.anonymous(), &carols).await.expect(304);
        for reply in [&of_bob, &of_carol] {
            assert_eq!(reply.header("cache-control"), "private, max-age=0, must-revalidate");
            assert!(reply.header("vary").contains("Authorization"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_files_of_a_hidden_base_are_as_closed_as_the_base() {
    let server = start().await;
    let bob = server.login("bob");
    let path = bob.file_path("carol/dev", "pkg", "pkg-1.0-py3-none-any.whl").await;
    assert!(path.starts_with("alice/secret/+f/"), "{path}");
    for path in [path.clone(), format!("{path}.metadata")] {
        bob.get_with(&path, &[]).await.expect(200);
        server.anonymous().get_with(&path, &[]).await.expect(401);
        server.login("carol").get_with(&path, &[]).await.expect(403);
        // The same file is not to be had below an index that one may read.
        let elsewhere = path.replace("alice/secret", "carol/dev");
        server.login("carol").get_with(&elsewhere, &[]).await.expect(404);
        let elsewhere = path.replace("alice/secret", "alice/open");
        server.login("carol").get_with(&elsewhere, &[]).await.expect(404);
    }
}

#[tokio::test]
async fn nothing_is_pushed_off_a_hidden_index() {
    let server = start().await;
    let (bob, carol) = (server.login("bob"), server.login("carol"));
    bob.create_index("bob/dev", json!({})).await;
    let before = server.serial().await;
    let push = |target: &str| json!({"name": "pkg", "version": "1.0", "targetindex": target});
    for path in ["alice/secret", "alice/secret/"] {
        carol.json("PUSH", path, push("carol/dev")).await.expect(403);
        carol.post(path, push("carol/dev")).await.expect(403);
        server.anonymous().post(path, push("carol/dev")).await.expect(401);
    }
    // The source of a push is exactly the index that is named, not its bases.
    carol.post("carol/dev", push("carol/dev")).await.expect(400);
    assert_eq!(server.serial().await, before);
    bob.post("alice/secret", push("bob/dev")).await.expect(200);
    assert_eq!(server.anonymous().filenames("bob/dev", "pkg").await.len(), 1);
}

#[tokio::test]
async fn a_base_closed_or_opened_leaves_and_enters_the_pages_at_once() {
    let one = start().await;
    let two = one.beside().await;
    let alice = one.login("alice");
    for (patch, versions) in [
        (json!(["acl_read+=carol"]), 3),
        (json!(["acl_read-=carol"]), 2),
        (json!(["acl_read-="]), 3),
        (json!(["acl_read="]), 2),
    ] {
        alice.patch("alice/secret", patch.clone()).await.expect(200);
        for server in [&one, &two] {
            assert_eq!(server.login("carol").filenames("carol/dev", "pkg").await.len(), versions, "{patch}");
        }
    }
}

#[tokio::test]
async fn the_bases_of_a_hidden_base_answer_those_who_may_read_them() {
    let server = start().await;
    let alice = server.login("alice");
    alice.patch("alice/secret", json!({"bases": "alice/open"})).await.expect(200);
    server.login("carol").patch("carol/dev", json!({"bases": "alice/secret"})).await.expect(200);
    assert_eq!(server.login("carol").filenames("carol/dev", "pkg").await.len(), 2);
    assert_eq!(server.login("bob").filenames("carol/dev", "pkg").await.len(), 3);
}

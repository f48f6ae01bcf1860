//! Push from index to index.

use crate::harness::{Client, Reply, Server, Upload, archive};
use serde_json::{Value, json};

const WHEEL: &str = "pkg-1.0-py3-none-any.whl";

/// Alice with a wheel and an sdist of pkg 1.0 on alice/dev, and an empty alice/prod that is not volatile.
async fn alice_with_pkg(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.create_index("alice/prod", json!({"volatile": false})).await;
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\nRequires-Python: >=3.9\n";
    let wheel = archive::wheel_with("pkg", "1.0", metadata, "");
    let upload = Upload::new("pkg", "1.0", wheel).with("summary", "s").with("classifiers", "a");
    alice.upload("alice/dev", upload).await.expect(200);
    alice.upload("alice/dev", Upload::new("pkg", "1.0", archive::sdist("pkg", "1.0"))).await.expect(200);
    alice
}

fn to(target: &str) -> Value {
    json!({"name": "pkg", "version": "1.0", "targetindex": target})
}

async fn push(client: &Client, method: &str, path: &str, body: &Value) -> Reply {
    client.json(method, path, body.clone()).await
}

/// The log of the file's link on an index, without the times.
async fn log(client: &Client, index: &str) -> Vec<Value> {
    let links = client.get(&format!("{index}/pkg/1.0")).await.result()["+links"].clone();
    let is_wheel = |link: &&Value| link["href"].as_str().unwrap().contains(WHEEL);
    let link = links.as_array().unwrap().iter().find(is_wheel).unwrap().clone();
    let entries = link["log"].as_array().unwrap().iter().cloned();
    entries
        .map(|mut entry| {
            assert_eq!(entry.as_object_mut().unwrap().remove("when").unwrap().as_array().unwrap().len(), 6);
            entry
        })
        .collect()
}

#[tokio::test]
async fn a_pushed_version_is_on_the_target_as_it_was_and_no_bytes_move() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    for (method, path, target) in [
        ("PUSH", "alice/dev", "alice/p1"),
        ("POST", "alice/dev", "alice/p2"),
        ("PUSH", "alice/dev/", "alice/p3"),
        ("POST", "alice/dev/", "alice/p4"),
    ] {
        alice.create_index(target, json!({"volatile": false})).await;
        let (objects, serial) = (server.objects().await, server.serial().await);
        let from = alice.file_path("alice/dev", "pkg", WHEEL).await;
        let mut body = to(target);
        body["no_docs"] = json!(true);
        let reply = push(&alice, method, path, &body).await.expect(200);
        let sdist = alice.file_path(target, "pkg", "pkg-1.0.tar.gz").await;
        let wheel = alice.file_path(target, "pkg", WHEEL).await;
        let log = json!([
            [200, "register", "pkg", "1.0", "->", target],
            [200, "store_releasefile", wheel],
            [200, "store_releasefile", sdist],
        ]);
        assert_eq!(reply.json(), json!({"type": "actionlog", "result": log}));
        assert_eq!((server.objects().await, server.serial().await), (objects, serial + 1));

        assert_eq!(wheel, from.replace("alice/dev", target));
        let (old, new) = (alice.get_with(&from, &[]).await, alice.get_with(&wheel, &[]).await);
        assert_eq!((&old.body, old.header("last-modified")), (&new.body, new.header("last-modified")));
        let (from_page, to_page) =
            (alice.simple("alice/dev", "pkg").await, alice.simple(target, "pkg").await);
        assert_eq!(from_page["files"], to_page["files"]);
        alice.get_with(&format!("{wheel}.metadata"), &[]).await.expect(200);
        let (mut old, mut new) = (
            alice.get("alice/dev/pkg/1.0").await.result(),
            alice.get(&format!("{target}/pkg/1.0")).await.result(),
        );
        for data in [&mut old, &mut new] {
            data.as_object_mut().unwrap().remove("+links");
        }
        assert_eq!(old, new);
    }
    let expected = [
        json!({"what": "upload", "who": "alice", "dst": "alice/dev"}),
        json!({"what": "push", "who": "alice", "src": "alice/dev", "dst": "alice/p1"}),
    ];
    assert_eq!(log(&alice, "alice/p1").await, expected);
}

#[tokio::test]
async fn a_push_merges_metadata_and_overwrites_on_a_volatile_target() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    alice.create_index("alice/next", json!({})).await;
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";
    let wheel = archive::wheel_with("pkg", "1.0", metadata, "other");
    let upload = Upload::new("Pkg", "1.0", wheel).with("license", "MIT").with("summary", "old");
    alice.upload("alice/next", upload).await.expect(200);
    let old = alice.file_path("alice/next", "pkg", WHEEL).await;

    push(&alice, "PUSH", "alice/dev", &to("alice/next")).await.expect(200);
    let data = alice.get("alice/next/pkg/1.0").await.result();
    // Every key of the source comes over, the empty ones too.
    assert_eq!((&data["name"], &data["summary"], &data["license"]), (&json!("pkg"), &json!("s"), &json!("")));
    alice.get_with(&old, &[]).await.expect(410);
    let expected = [
        json!({"what": "overwrite", "who": null, "count": 1}),
        json!({"what": "upload", "who": "alice", "dst": "alice/dev"}),
        json!({"what": "push", "who": "alice", "src": "alice/dev", "dst": "alice/next"}),
    ];
    assert_eq!(log(&alice, "alice/next").await, expected);
}

#[tokio::test]
async fn of_a_conflicting_push_nothing_stays_behind() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    alice.upload("alice/prod", Upload::new("pkg", "1.0", archive::sdist("pkg", "1.0"))).await.expect(200);
    let state = async || {
        let data = alice.get("alice/prod/pkg/1.0").await.result();
        (server.serial().await, alice.simple("alice/prod", "pkg").await, data)
    };
    let before = state().await;
    for _ in 0..2 {
        let reply = push(&alice, "PUSH", "alice/dev", &to("alice/prod")).await.expect(409);
        assert_eq!(reply.message(), "pkg-1.0.tar.gz already exists in non-volatile index");
    }
    assert_eq!(state().await, before);
}

#[tokio::test]
async fn a_push_is_refused_for_the_first_reason_in_devpis_order() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let bob = server.user("bob").await;
    bob.create_index("bob/own", json!({"bases": ["alice/dev"]})).await;
    let submit = json!({"name": "bare", "version": "1.0"});
    let form = crate::harness::RawForm::default().field(":action", "submit").field("name", "bare");
    alice.post_form("alice/dev", form.field("version", "1.0")).await.expect(200);
    push(&alice, "PUSH", "alice/dev", &to("alice/prod")).await.expect(200);
    let before = server.serial().await;

    // Each body has the faults of all that follow it, so its own must be the first that is found.
    let worst = || json!({"no_docs": true, "only_docs": true, "foo": 1, "bar": 2, "targetindex": "prod"});
    let with = |body: &Value, more: Value| {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let pkg = json!({"name": "PKG", "version": "1.0"});
    let known = |target: Value| with(&pkg, json!({"targetindex": target}));
    for (body, status, message) in [
        (worst(), 400, "'name' is missing"),
        (with(&worst(), json!({"name": "pkg", "version": 1})), 400, "'version' must be a text"),
        (with(&worst(), json!({"name": "", "version": "1"})), 400, "'name' must be a text that is not empty"),
        (with(&worst(), json!({"name": "../pkg", "version": "1"})), 400, "Invalid package name"),
        (
            with(&worst(), json!({"name": "PKG", "version": "1.0.0"})),
            400,
            "there are no files for PKG 1.0.0 on stage alice/dev",
        ),
        (
            with(&worst(), json!({"name": "none", "version": "1.0"})),
            400,
            "there are no files for none 1.0 on stage alice/dev",
        ),
        (with(&submit, worst()), 400, "can't use 'no_docs' and 'only_docs' together"),
        (with(&submit, with(&worst(), json!({"no_docs": "x"}))), 400, "'no_docs' must be true or false"),
        (
            with(&submit, with(&worst(), json!({"no_docs": false}))),
            404,
            "no release/files found for bare 1.0",
        ),
        (with(&pkg, with(&worst(), json!({"no_docs": false}))), 404, "no release/files found for PKG 1.0"),
        (
            with(&pkg, with(&worst(), json!({"only_docs": false}))),
            400,
            "unknown additional options: bar, foo",
        ),
        (pkg.clone(), 400, "either 'targetindex' or 'posturl' is needed"),
        (known(json!("prod")), 400, "targetindex not in format user/index"),
        (known(json!("/alice/prod/")), 400, "targetindex not in format user/index"),
        (known(json!("a/b/c")), 400, "targetindex not in format user/index"),
        (known(json!("")), 400, "'targetindex' must be a text"),
        (known(json!(["alice/prod"])), 400, "'targetindex' must be a text"),
        (known(json!("alice/none")), 404, "The stage alice/none could not be found."),
        (known(json!("bob/own")), 401, "user 'alice' cannot upload to 'bob/own'"),
        (known(json!("alice/prod")), 409, "pkg-1.0-py3-none-any.whl already exists in non-volatile index"),
    ] {
        for method in ["PUSH", "POST"] {
            let reply = push(&alice, method, "alice/dev", &body).await;
            assert_eq!(reply.status, status, "{body}: {reply}");
            assert!(reply.message().starts_with(message), "{body}: {reply}");
        }
    }
    let reply = push(&server.anonymous(), "PUSH", "alice/dev", &to("alice/prod")).await.expect(401);
    assert_eq!(reply.message(), "user None cannot upload to 'alice/prod'");
    let reply = push(&bob, "PUSH", "bob/own", &to("bob/own")).await.expect(400);
    assert_eq!(reply.message(), "there are no files for pkg 1.0 on stage bob/own");
    push(&alice, "PUSH", "alice/none", &to("alice/prod")).await.expect(404);
    for body in ["", "{", "[]", "null", "\"pkg\"", "{\"name\": \"a\\u0000\"}"] {
        for method in ["PUSH", "POST"] {
            let reply = alice.send(method, "alice/dev", &[("accept", "application/json")], body).await;
            assert!(!reply.expect(400).message().is_empty(), "{body}");
        }
    }
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn who_may_read_the_source_and_upload_to_the_target_may_push() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let bob = server.user("bob").await;
    bob.create_index("bob/own", json!({})).await;
    push(&bob, "PUSH", "alice/dev", &to("bob/own")).await.expect(200);
    bob.delete("bob/own/pkg").await.expect(200);

    alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    push(&bob, "PUSH", "alice/dev", &to("bob/own")).await.expect(403);
    bob.get("bob/own/pkg").await.expect(404);
    alice.patch("alice/dev", json!({"acl_read": ["alice", "bob"]})).await.expect(200);
    push(&bob, "PUSH", "alice/dev", &to("bob/own")).await.expect(200);

    alice.upload_wheel("alice/prod", "pkg", "2.0").await;
    alice.patch("alice/prod/pkg", json!({"status": "archived"})).await.expect(200);
    push(&alice, "PUSH", "alice/dev", &to("alice/prod")).await.expect(403);
    assert_eq!(alice.filenames("alice/prod", "pkg").await, ["pkg-2.0-py3-none-any.whl"]);
}

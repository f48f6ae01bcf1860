//! Uploads of documentation.

use crate::harness::{Client, Reply, Server, Upload, archive};
use serde_json::{Value, json};

fn page(text: &str) -> Vec<u8> {
    archive::zip(&[("index.html", text.as_bytes())])
}

async fn alice_with_pkg(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    alice
}

async fn upload(client: &Client, name: &str, version: Option<&str>, content: Vec<u8>) -> Reply {
    client.upload("alice/dev", Upload::documentation(name, version, content)).await
}

/// The links of rel `doczip` of a version, without the times in their logs.
async fn docs(client: &Client, version: &str) -> Vec<Value> {
    let data = client.get(&format!("alice/dev/pkg/{version}")).await.expect(200).result();
    let links = data["+links"].as_array().cloned().unwrap_or_default();
    let docs = links.into_iter().filter(|link| link["rel"] == "doczip").map(|mut link| {
        for entry in link["log"].as_array_mut().unwrap() {
            entry.as_object_mut().unwrap().remove("when").unwrap();
        }
        link
    });
    docs.collect()
}

#[tokio::test]
async fn documentation_is_a_link_of_its_release_and_a_file() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let before = server.serial().await;
    let (content, size) = (page("1"), page("1").len());
    upload(&alice, "PKG", Some("1.0"), content.clone()).await.expect(200);
    assert_eq!(server.serial().await, before + 1);
    let digest = archive::sha256(&content);
    let path = format!("alice/dev/+f/{}/{}/pkg-1.0.doc.zip", &digest[..3], &digest[3..16]);
    let link = json!({
        "rel": "doczip",
        "hash_spec": format!("sha256={digest}"),
        "hashes": {"sha256": digest},
        "href": format!("{}/{path}", server.url),
        "log": [{"what": "upload", "who": "alice", "dst": "alice/dev"}],
    });
    assert_eq!(docs(&alice, "1.0").await, [link]);
    assert_eq!(alice.get("alice/dev/pkg/1.0").await.result()["name"], "PKG");
    let file = alice.get_with(&path, &[]).await.expect(200);
    assert_eq!(file.header("content-type"), "application/zip");
    assert!(file.body == content);
    assert_eq!(alice.filenames("alice/dev", "pkg").await, ["pkg-1.0-py3-none-any.whl"]);

    // Of a release that has no files yet, and the last that it has.
    upload(&alice, "pkg", Some("2.0"), page("2")).await.expect(200);
    let other =
        docs(&alice, "2.0").await[0]["href"].as_str().unwrap().replace(&format!("{}/", server.url), "");
    alice.delete(&other).await.expect(200);
    alice.get(&other).await.expect(410);
    alice.get("alice/dev/pkg/2.0").await.expect(404);
    // A release keeps its documentation when its last file goes.
    let wheel = alice.file_path("alice/dev", "pkg", "pkg-1.0-py3-none-any.whl").await;
    alice.delete(&wheel).await.expect(200);
    assert_eq!(docs(&alice, "1.0").await.len(), 1);
    alice.delete(&path).await.expect(200);
    alice.get("alice/dev/pkg").await.expect(404);

    let reply = server.root().get(&format!("+changelog/{}-", before + 1)).await.expect(200);
    let told = reply.result();
    let told: Vec<_> = told.as_array().unwrap().iter().map(|it| it["event"].as_str().unwrap()).collect();
    let expected = [
        "doczip.upload",
        "doczip.upload",
        "doczip.delete",
        "release.delete",
        "file.delete",
        "doczip.delete",
        "release.delete",
        "project.delete",
    ];
    assert_eq!(told, expected);
    assert_eq!(
        (&reply.result()[0]["file"], &reply.result()[0]["detail"]["size"]),
        (&json!("pkg-1.0.doc.zip"), &json!(size))
    );
}

#[tokio::test]
async fn without_a_version_it_is_that_of_the_latest_release() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    alice.upload_wheel("alice/dev", "pkg", "1.10rc1").await;
    alice.upload_wheel("alice/dev", "pkg", "1.9").await;
    upload(&alice, "Pkg", None, page("x")).await.expect(200);
    assert_eq!(docs(&alice, "1.10rc1").await.len(), 1);
    assert_eq!(alice.get("alice/dev/pkg/1.10rc1").await.result()["name"], "pkg");
    let before = server.serial().await;
    for (name, version, message) in [
        ("none", None, "doczip has no version and 'none' has no releases to derive one from"),
        ("pkg", Some(""), "invalid metadata: Missing required field \"version\""),
        ("", Some("1.0"), "invalid metadata: Missing required field \"name\""),
        ("pkg", Some("x"), "invalid metadata: version 'x' is not a valid version by PEP 440"),
    ] {
        let reply = upload(&alice, name, version, page("x")).await.expect(400);
        assert_eq!((reply.message(), reply.reason.as_str()), (message.to_owned(), message));
    }
    assert_eq!(server.serial().await, before);
    alice.get("alice/dev/none").await.expect(404);
}

#[tokio::test]
async fn on_a_volatile_index_the_new_replaces_the_old_and_on_another_it_does_not() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    upload(&alice, "pkg", Some("1.0"), page("1")).await.expect(200);
    let old = docs(&alice, "1.0").await[0]["href"].as_str().unwrap().replace(&format!("{}/", server.url), "");
    alice.get_with(&old, &[]).await.expect(200);
    upload(&alice, "pkg", Some("1.0"), page("2")).await.expect(200);
    alice.get(&old).await.expect(410);
    upload(&alice, "pkg", Some("1.0"), page("3")).await.expect(200);
    let log = json!([
        {"what": "overwrite", "who": null, "count": 2},
        {"what": "upload", "who": "alice", "dst": "alice/dev"},
    ]);
    assert_eq!(docs(&alice, "1.0").await[0]["log"], log);

    let before = server.serial().await;
    alice.patch("alice/dev", json!({"volatile": false})).await.expect(200);
    for version in [Some("1.0"), None] {
        let reply = upload(&alice, "pkg", version, page("3")).await.expect(200);
        assert_eq!(reply.reason, "Upload of identical file to non volatile index.");
        let reply = upload(&alice, "pkg", version, page("4")).await.expect(409);
        assert_eq!(reply.reason, "pkg.doc.zip already exists in non-volatile index");
    }
    assert_eq!(server.serial().await, before + 1);
    assert_eq!(docs(&alice, "1.0").await.len(), 1);
    assert_eq!(server.objects().await.len(), 4);
}

#[tokio::test]
async fn what_is_no_documentation_or_not_allowed_is_refused_and_leaves_nothing() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let before = (server.serial().await, server.objects().await);
    let traversal = archive::zip(&[("../index.html", b"x")]);
    for (content, message) in [
        (b"".to_vec(), "'pkg.doc.zip' is empty"),
        (b"<html>".to_vec(), "'pkg.doc.zip' is not a zip file: it begins like an HTML or XML file"),
        (archive::zip(&[]), "'pkg.doc.zip' holds no files"),
        (
            page("x")[..50].to_vec(),
            "'pkg.doc.zip' is truncated, or has bytes behind its end: there is no zip directory",
        ),
        (traversal, "'pkg.doc.zip' has a member with the unsafe path \"../index.html\""),
    ] {
        let reply = upload(&alice, "pkg", Some("1.0"), content).await.expect(400);
        assert_eq!(reply.message(), message);
    }
    let wrong = Upload::documentation("pkg", Some("1.0"), page("x")).with("md5_digest", "00");
    alice.upload("alice/dev", wrong).await.expect(400);
    let form = reqwest::multipart::Form::new().text(":action", "doc_upload").text("name", "pkg");
    let reply = alice.send_form("alice/dev", form).await.expect(400);
    assert_eq!(reply.message(), "content file field not found");
    upload(&server.anonymous(), "pkg", Some("1.0"), page("x")).await.expect(401);
    upload(&server.user("bob").await, "pkg", Some("1.0"), page("x")).await.expect(403);
    assert_eq!((server.serial().await, server.objects().await), (before.0 + 1, before.1));
    alice.patch("alice/dev/pkg", json!({"status": "archived"})).await.expect(200);
    upload(&alice, "pkg", Some("1.0"), page("x")).await.expect(403);
    assert!(docs(&alice, "1.0").await.is_empty());
}

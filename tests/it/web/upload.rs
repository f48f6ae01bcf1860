//! Upload of files with a browser.

use super::visitor::Visitor;
use crate::harness::{RawForm, Server, archive};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;

/// An sdist as setuptools made them for long: its metadata are of before version 2.2.
fn old_sdist() -> (String, Vec<u8>) {
    let metadata = "Metadata-Version: 2.1\nName: Old-Project\nVersion: 1.0\nSummary: of old\n";
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut header = tar::Header::new_gnu();
    header.set_size(metadata.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "old-project-1.0/PKG-INFO", metadata.as_bytes()).unwrap();
    ("old-project-1.0.tar.gz".into(), tar.into_inner().unwrap().finish().unwrap())
}

#[tokio::test]
async fn files_say_themselves_what_they_are_and_one_that_is_refused_keeps_no_other_out() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({"volatile": false})).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let metadata = "Metadata-Version: 2.4\nName: My.Pkg\nVersion: 1.0\nSummary: good\nClassifier: A\nClassifier: B\n\ntext";
    let wheel = archive::wheel_with("my-pkg", "1.0", metadata, "");
    let files = [
        wheel.clone(),
        ("<b>notes.txt".into(), b"hello".to_vec()),
        ("broken-1.0.tar.gz".into(), b"no gzip".to_vec()),
        old_sdist(),
        archive::sdist("new", "2.0"),
    ];
    let reply = alice.upload("alice/dev/+upload", &files).await.expect(400);
    let text = reply.text();
    assert_eq!(text.matches("uploaded</span>").count(), 3, "{text}");
    assert!(text.contains("is not named like a wheel or an sdist") && !text.contains("<b>notes"), "{text}");
    assert!(text.contains("is not a gzip file"), "{text}");
    let release = api.get("alice/dev/my-pkg/1.0").await.expect(200).result();
    assert_eq!(
        (&release["name"], &release["summary"], &release["classifiers"], &release["description"]),
        (&json!("My.Pkg"), &json!("good"), &json!(["A", "B"]), &json!("text"))
    );
    assert_eq!(api.get("alice/dev/old-project/1.0").await.expect(200).result()["summary"], "of old");
    assert_eq!(api.simple("alice/dev", "new").await["files"][0]["requires-python"], ">=3.8");

    let before = server.serial().await;
    let reply = alice.upload("alice/dev/+upload", &[wheel]).await.expect(200);
    assert!(reply.text().contains("was there already</span>"), "{reply}");
    let other = archive::wheel_with("my-pkg", "1.0", metadata, "other");
    let reply = alice.upload("alice/dev/+upload", &[other]).await.expect(409);
    assert!(reply.text().contains("already exists in non-volatile index"), "{reply}");
    assert_eq!(server.serial().await, before);
    for files in [&[][..], &[(String::new(), Vec::new())]] {
        let reply = alice.upload("alice/dev/+upload", files).await.expect(400);
        assert!(reply.text().contains("choose at least one file"), "{reply}");
    }
}

#[tokio::test]
async fn a_script_sends_a_file_with_a_header_and_reads_json() {
    let server = Server::start_with(|config| config.server.max_upload = 20 << 20).await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({})).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let form = alice.form("alice/dev/+upload", "/alice/dev/+upload").await;
    let http = server.anonymous();
    let send = async |proof: &str, (filename, content): (String, Vec<u8>)| {
        let headers = [
            ("accept", "application/json"),
            ("content-type", RawForm::CONTENT_TYPE),
            ("cookie", alice.cookie.as_deref().unwrap()),
            ("x-csrf-token", proof),
        ];
        let body = RawForm::default().file("content", &filename, &content).finish();
        http.send("POST", "alice/dev/+upload", &headers, body).await
    };
    let proof = &form.fields["csrf_token"];
    let large = archive::large_wheel("large", "1.0", 17 << 20);
    let reply = send(proof, large.clone()).await.expect(200);
    let expected = json!([{
        "filename": large.0, "status": 200, "message": "uploaded", "path": "/alice/dev/large/1.0",
    }]);
    assert_eq!(reply.result(), expected);
    let path = api.file_path("alice/dev", "large", &large.0).await;
    assert_eq!(api.get_with(&path, &[]).await.expect(200).body, large.1);
    let reply = send(proof, archive::large_wheel("larger", "1.0", 21 << 20)).await.expect(413);
    assert!(reply.text().contains("larger than 20971520 bytes"), "{reply}");
    let reply = send("wrong", archive::wheel("pkg", "1.0")).await.expect(403);
    assert!(reply.message().contains("load the page again"), "{reply}");
    api.get("alice/dev/pkg").await.expect(404);
}

#[tokio::test]
async fn only_who_may_upload_uploads() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({})).await;
    api.create_index("alice/mirror", json!({"type": "mirror"})).await;
    server.user("bob").await;
    let bob = Visitor::of(&server, "bob", "secret").await;
    bob.get("alice/dev/+upload").await.expect(403);
    let proof = bob.form("bob/+edit", "/bob/+edit").await.fields["csrf_token"].clone();
    let (filename, content) = archive::wheel("pkg", "1.0");
    let body = RawForm::default().field("csrf_token", &proof).file("content", &filename, &content).finish();
    let headers = [("content-type", RawForm::CONTENT_TYPE)];
    bob.ask("POST", "alice/dev/+upload", &headers, body.clone()).await.expect(403);
    Visitor::new(&server).ask("POST", "alice/dev/+upload", &headers, body.clone()).await.expect(403);
    let alice = Visitor::of(&server, "alice", "secret").await;
    alice.get("alice/mirror/+upload").await.expect(404);
    alice.ask("POST", "alice/dev/+upload", &headers, body).await.expect(403);
    api.get("alice/dev/pkg").await.expect(404);

    // The proof comes first, so that nothing is read of a form that has none.
    let proof = alice.form("alice/dev/+upload", "/alice/dev/+upload").await.fields["csrf_token"].clone();
    let late = RawForm::default().file("content", &filename, &content).field("csrf_token", &proof).finish();
    alice.ask("POST", "alice/dev/+upload", &headers, late).await.expect(403);
}

#[tokio::test]
async fn a_file_that_is_too_large_keeps_no_other_out_and_fields_are_bounded() {
    let server = Server::start_with(|config| config.server.max_upload = 1 << 20).await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({})).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let large = archive::large_wheel("large", "1.0", (1 << 20) + 1000);
    let small = archive::wheel("small", "1.0");
    let reply = alice.upload("alice/dev/+upload", &[large, small.clone()]).await.expect(413);
    let text = reply.text();
    assert!(text.contains("larger than 1048576 bytes") && text.contains("uploaded</span>"), "{text}");
    assert_eq!(api.filenames("alice/dev", "small").await, [small.0]);

    let proof = alice.form("alice/dev/+upload", "/alice/dev/+upload").await.fields["csrf_token"].clone();
    let begin = || RawForm::default().field("csrf_token", &proof);
    let many = (0..11).fold(begin(), |form, number| form.field(&format!("f{number}"), "x"));
    for form in [many, begin().field("long", "x".repeat(2000))] {
        let headers = [("content-type", RawForm::CONTENT_TYPE)];
        let reply = alice.ask("POST", "alice/dev/+upload", &headers, form.finish()).await.expect(400);
        assert!(reply.text().contains("more fields than those for files"), "{reply}");
    }
}

#[tokio::test]
async fn what_a_wheel_says_of_itself_is_nothing_about_its_upload() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({})).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let metadata =
        "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\nProtocol-Version: 9\nMd5-Digest: 00\nSummary: s\n";
    let wheel = archive::wheel_with("pkg", "1.0", metadata, "");
    alice.upload("alice/dev/+upload", &[wheel]).await.expect(200);
    assert_eq!(api.get("alice/dev/pkg/1.0").await.expect(200).result()["summary"], "s");
}

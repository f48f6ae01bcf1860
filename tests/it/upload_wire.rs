//! Uploads as they come over the wire: who may send a body, in which order and how its parts come.

use crate::harness::{Client, RawForm, Server, Upload, archive, raw::Connection, until};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::StreamExt;
use serde_json::json;

async fn alice_with_index(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice
}

/// The head of an upload of so many bytes.
fn head(credentials: &str, length: usize, more: &str) -> String {
    let credentials = STANDARD.encode(credentials);
    format!(
        "POST /alice/dev/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\
         Content-Type: {}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n",
        RawForm::CONTENT_TYPE
    )
}

#[tokio::test]
async fn who_may_not_upload_still_reads_the_refusal_after_a_large_body() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let bob = server.user("bob").await;
    let upload = || Upload::new("pkg", "1.0", archive::large_wheel("pkg", "1.0", 20 << 20));
    let before = server.serial().await;
    let reply = server.anonymous().upload("alice/dev", upload()).await.expect(401);
    assert_eq!(reply.header("www-authenticate"), "Basic realm=\"pypi\"");
    assert_eq!(reply.message(), "no permission to submit");
    alice.with_secret("wrong").upload("alice/dev", upload()).await.expect(401);
    let reply = bob.upload("alice/dev", upload()).await.expect(403);
    assert_eq!(
        (reply.message(), reply.reason.as_str()),
        (reply.json()["title"].as_str().unwrap().into(), "no permission to submit")
    );
    let reply = bob.upload("alice/none", upload()).await.expect(404);
    assert_eq!(reply.message(), "The stage alice/none could not be found.");
    server.root().upload("alice/dev", upload()).await.expect(403);
    assert_eq!((server.serial().await, server.objects().await), (before, vec![]));
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_sends_its_body_only_if_it_may() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let (filename, content) = archive::wheel("pkg", "1.0");
    let body = RawForm::upload("pkg", "1.0").file("content", &filename, &content).finish();
    let expecting = |credentials| head(credentials, body.len(), "Expect: 100-continue\r\n");

    for (credentials, status) in [("alice:wrong", "401"), ("root:root", "403")] {
        let mut connection = Connection::open(&server.url).await;
        connection.send(expecting(credentials)).await;
        let answer = connection.head().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} no permission to submit\r\n")), "{answer}");
    }
    let mut connection = Connection::open(&server.url).await;
    connection.send(expecting("alice:secret")).await;
    assert_eq!(connection.head().await, "HTTP/1.1 100 Continue");
    connection.send(&body).await;
    assert!(connection.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [filename]);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let server = Server::start().await;
    alice_with_index(&server).await;
    let before = server.serial().await;
    let (filename, content) = archive::large_wheel("pkg", "1.0", 20 << 20);
    let body = RawForm::upload("pkg", "1.0").file("content", &filename, &content).finish();
    let mut connection = Connection::open(&server.url).await;
    connection.send(head("alice:secret", body.len(), "")).await;
    connection.send(&body[..18 << 20]).await;
    drop(connection);
    let places = server.config.server.concurrent_uploads;
    until("the upload has ended", async || server.service.uploads.available_permits() == places).await;
    assert_eq!((server.serial().await, server.objects().await), (before, vec![]));
}

#[tokio::test]
async fn parts_may_come_in_any_order_and_be_labelled_in_any_way() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let form = RawForm::default;
    for (version, build) in [
        (
            "1",
            (|f, n, c| f.file("content", n, c).field("version", "1")) as fn(RawForm, &str, &[u8]) -> RawForm,
        ),
        ("2", |f, n, c| f.field("version", "2").file("content", n, c)),
        ("3", |f, n, c| {
            f.file("gpg_signature", "pkg.asc", b"---").field("version", "3").file("content", n, c)
        }),
        ("4", |f, n, c| f.field("version", "4").file("content", n, c).field("attestations", "[]")),
    ] {
        let (filename, content) = archive::wheel("pkg", version);
        let form = build(form(), &filename, &content).field("name", "pkg").field(":action", "file_upload");
        alice.post_form("alice/dev", form).await.expect(200);
        let path = alice.file_path("alice/dev", "pkg", &filename).await;
        assert_eq!(alice.get_with(&path, &[]).await.body, content);
    }
    let (filename, content) = archive::wheel("pkg", "5");
    let text = reqwest::multipart::Part::bytes(content).file_name(filename);
    let text = text.mime_str("text/plain; charset=utf-8").unwrap();
    let labelled =
        |text: &'static str| reqwest::multipart::Part::text(text).mime_str("text/plain; charset=utf-8");
    let form = reqwest::multipart::Form::new()
        .part(":action", labelled("file_upload").unwrap())
        .part("name", labelled("pkg").unwrap())
        .part("version", labelled("5").unwrap());
    alice.send_form("alice/dev", form.part("content", text)).await.expect(200);
    assert_eq!(alice.simple("alice/dev", "pkg").await["versions"], json!(["1", "2", "3", "4", "5"]));
}

#[tokio::test]
async fn a_body_may_be_chunked_and_the_url_may_end_in_a_slash_or_not() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    for (version, path) in [("1", "alice/dev"), ("2", "alice/dev/")] {
        let (filename, content) = archive::wheel("pkg", version);
        let body = RawForm::upload("pkg", version).file("content", filename, &content).finish();
        let pieces: Vec<_> = body.chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces).boxed());
        let headers = [("content-type", RawForm::CONTENT_TYPE)];
        alice.send("POST", path, &headers, body).await.expect(200);
    }
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    for (version, path) in [("3", "alice/dev"), ("4", "alice/dev/")] {
        let form = format!(":action=submit&name=pkg&version={version}");
        alice.send("POST", path, &headers, form).await.expect(200);
    }
    assert_eq!(alice.simple("alice/dev", "pkg").await["versions"], json!(["1", "2", "3", "4"]));
}

#[tokio::test]
async fn a_file_of_several_parts_is_stored_whole_with_right_digests() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    for size in [(8 << 20) - 400, 8 << 20, 25 << 20] {
        let (filename, content) = archive::large_wheel("pkg", &size.to_string(), size);
        let upload = Upload::new("pkg", &size.to_string(), (filename.clone(), content.clone()))
            .with("md5_digest", &hex::encode(<md5::Md5 as md5::Digest>::digest(&content)))
            .with("sha256_digest", &hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&content)));
        alice.upload("alice/dev", upload).await.expect(200);
        let path = alice.file_path("alice/dev", "pkg", &filename).await;
        let reply = alice.get_with(&path, &[]).await.expect(200);
        assert!(reply.body == content, "{size}");
    }
    let objects = server.objects().await;
    assert_eq!(objects.len(), 3);
    assert!(objects.iter().all(|name| name.starts_with("blobs/sha256/")), "{objects:?}");
}

#[tokio::test]
async fn many_uploads_of_one_basic_client_cost_one_password_hash() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let cores = server.service.hashing.available_permits();
    // Alice has been here before, so while all places for hashing are taken she still gets in.
    let taken = server.service.hashing.acquire_many(u32::try_from(cores).unwrap()).await.unwrap();
    for number in 0..120 {
        alice.upload_wheel("alice/dev", &format!("pkg{}", number % 10), &format!("{number}")).await;
    }
    drop(taken);
    alice.with_secret("wrong").put("alice/x", json!({})).await.expect(403);
    assert_eq!(alice.filenames("alice/dev", "pkg7").await.len(), 12);
}

#[tokio::test]
async fn acl_upload_says_who_may_upload_whatever_the_owner_thinks() {
    let server = Server::start().await;
    let (alice, bob) = (alice_with_index(&server).await, server.user("bob").await);
    let everybody = server.anonymous();
    let upload = async |client: &Client| {
        let upload = Upload::new("pkg", "1.0", archive::wheel("pkg", "1.0"));
        client.upload("alice/dev", upload).await.status
    };
    for (acl, expected) in [
        (json!(["alice"]), [200, 403, 401]),
        (json!(["bob"]), [403, 200, 401]),
        (json!([":AUTHENTICATED:"]), [200, 200, 401]),
        (json!([":ANONYMOUS:"]), [200, 200, 200]),
        (json!([]), [403, 403, 401]),
    ] {
        alice.patch("alice/dev", json!({"acl_upload": acl})).await.expect(200);
        assert_eq!([upload(&alice).await, upload(&bob).await, upload(&everybody).await], expected, "{acl}");
    }
}

#[tokio::test]
async fn a_client_that_drips_does_not_hold_the_only_place_for_ever() {
    let server = Server::start_with(|config| {
        config.server.concurrent_uploads = 1;
        config.server.body_timeout = 1;
    })
    .await;
    let alice = alice_with_index(&server).await;
    let mut slow = Connection::open(&server.url).await;
    slow.send(head("alice:secret", 1 << 20, "")).await;
    let drips = async {
        loop {
            let _ = slow.try_send("x").await;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    // It waits for its turn while the other never pauses for a second.
    let upload = alice.upload("alice/dev", Upload::new("pkg", "1.0", archive::wheel("pkg", "1.0")));
    tokio::select! {
        reply = upload => drop(reply.expect(200)),
        () = drips => {}
    }
}

//! Tox results: sent for release files, listed with them, read, and gone with them.

use crate::harness::{Client, Reply, Server, Upload, Upstream, archive};
use serde_json::{Value, json};

const WHEEL: &str = "pkg-1.0-py3-none-any.whl";
const RESULT: &str = "{\"testenvs\": {}, \"é\":  1.50}";
const JSON: [(&str, &str); 1] = [("accept", "application/json")];

/// Alice with pkg 1.0 on alice/dev, and the path of its wheel.
async fn alice_with_wheel(server: &Server) -> (Client, String) {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let path = alice.file_path("alice/dev", "pkg", WHEEL).await;
    (alice, path)
}

async fn send(client: &Client, path: &str, body: &str) -> Reply {
    client.send("POST", path, &JSON, body.to_owned()).await
}

/// Sends a result, which must work, and returns the path of the result.
async fn sent(client: &Client, path: &str, body: &str) -> String {
    let reply = send(client, path, body).await.expect(200);
    assert_eq!(reply.json()["type"], "toxresultpath");
    let (path, digest) =
        reply.result().as_str().unwrap().split_once('#').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(digest, format!("sha256={}", archive::sha256(body.as_bytes())));
    path
}

/// `rel` and last part of the URL of each link of pkg 1.0.
async fn links(client: &Client, index: &str) -> Vec<(String, String)> {
    let data = client.get(&format!("{index}/pkg/1.0")).await.expect(200).result();
    let links = data["+links"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    links.map(|link| (text(&link["rel"]), text(&link["href"]))).collect()
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn a_result_is_listed_with_its_file_and_read_as_it_was_sent() {
    let server = Server::start().await;
    let (alice, wheel) = alice_with_wheel(&server).await;
    let before = server.serial().await;
    let first = sent(&server.anonymous(), &wheel, RESULT).await;
    assert_eq!(server.serial().await, before + 1);
    let second = sent(&alice, &wheel.replace("+f", "%2Bf"), "[]").await;
    for (path, number) in [(&first, "-0"), (&second, "-1")] {
        let moment = path.strip_prefix(&format!("{wheel}.toxresult-")).unwrap();
        let moment = moment.strip_suffix(number).unwrap();
        assert!(moment.len() == 14 && moment.bytes().all(|byte| byte.is_ascii_digit()), "{path}");
    }

    let mut links = alice.get("alice/dev/pkg/1.0").await.result()["+links"].clone();
    for (place, path, who, content) in [(1, &first, json!(null), RESULT), (2, &second, json!("alice"), "[]")]
    {
        let digest = archive::sha256(content.as_bytes());
        let when = links[place]["log"][0].as_object_mut().unwrap().remove("when").unwrap();
        assert_eq!(when.as_array().unwrap().len(), 6);
        let expected = json!({
            "rel": "toxresult",
            "hash_spec": format!("sha256={digest}"),
            "hashes": {"sha256": digest},
            "href": format!("{}/{path}", server.url),
            "for_href": format!("{}/{wheel}", server.url),
            "log": [{"what": "upload", "who": who, "dst": "alice/dev"}],
        });
        assert_eq!(links[place], expected);

        let read = alice.get_with(path, &[]).await.expect(200);
        assert_eq!((read.text().as_str(), read.header("etag")), (content, format!("\"{digest}\"").as_str()));
        assert_eq!(read.header("content-type"), "application/octet-stream");
        assert_eq!(read.header("cache-control"), "max-age=365000000, immutable, public");
        let head = alice.head(path).await.expect(200);
        assert_eq!(head.header("content-length"), content.len().to_string());
        let meta = alice.get(path).await.expect(200).json();
        assert_eq!((&meta["type"], &meta["result"]["version"]), (&json!("releasefilemeta"), &json!("1.0")));
        assert_eq!(meta["result"]["hashes"]["sha256"], digest);
        alice.get_with(&format!("{path}.metadata"), &[]).await.expect(404);
        alice.patch(path, json!({"yanked": true})).await.expect(400);
        alice.post(path, json!({})).await.expect(404);
    }
    let project = alice.get("alice/dev/pkg").await.result();
    assert_eq!(project["1.0"]["+links"].as_array().unwrap().len(), 3);
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [WHEEL]);
}

#[tokio::test]
async fn a_result_is_refused_for_the_first_reason_in_devpis_order() {
    let server = Server::start().await;
    let (alice, wheel) = alice_with_wheel(&server).await;
    let bob = server.user("bob").await;
    let none = wheel.replace("pkg-1.0", "pkg-2.0");
    for body in ["", "{", "{} x", "nothing", "{\"a\": 1,}"] {
        let reply = send(&bob, &wheel, body).await.expect(400);
        assert_eq!(reply.message(), "Bad request: could not decode json");
    }
    let deep = "[".repeat(100_000);
    send(&bob, &wheel, &deep).await.expect(400);
    let reply = send(&bob, &none, "{").await.expect(404);
    assert_eq!(reply.message(), format!("no release file found at {none}"));
    for path in ["alice/dev/+f/x/y/z", "alice/none/+f/123/1234567890123/x.whl"] {
        send(&bob, path, "{}").await.expect(404);
    }
    let large = "1".repeat((64 << 20) + 1);
    send(&bob, &wheel, &large).await.expect(413);

    alice.patch("alice/dev", json!({"acl_toxresult_upload": ["alice"]})).await.expect(200);
    for who in [&bob, &server.anonymous()] {
        let reply = send(who, &none, "{").await.expect(403);
        assert_eq!(
            reply.message(),
            "No permission to upload tox results. You can use the devpi test --no-upload option to skip the upload."
        );
    }
    assert_eq!(links(&alice, "alice/dev").await.len(), 1);
    sent(&alice, &wheel, "{}").await;
    alice.patch("alice/dev", json!({"acl_toxresult_upload": [":ANONYMOUS:"], "acl_read": ["alice"]})).await;
    send(&bob, &wheel, "{}").await.expect(403);
    send(&server.anonymous(), &wheel, "{}").await.expect(401);
    assert_eq!(links(&alice, "alice/dev").await.len(), 2);
}

#[tokio::test]
async fn a_large_result_is_kept_byte_for_byte() {
    let server = Server::start().await;
    let (alice, wheel) = alice_with_wheel(&server).await;
    let large = format!("[\"{}\"]\n", "output\\n".repeat(2 << 20));
    let path = sent(&alice, &wheel, &large).await;
    assert!(alice.get_with(&path, &[]).await.expect(200).text() == large);
    let part = alice.get_with(&path, &[("range", "bytes=2-7")]).await.expect(206);
    assert_eq!(part.text(), "output");
    assert!(!server.objects().await.iter().any(|name| name.starts_with("staging/")));
}

#[tokio::test]
async fn results_go_with_their_file_and_each_may_go_by_itself() {
    let server = Server::start().await;
    let other = server.beside().await;
    let (alice, wheel) = alice_with_wheel(&server).await;
    alice.upload("alice/dev", Upload::new("pkg", "1.0", archive::sdist("pkg", "1.0"))).await.expect(200);
    let sdist = alice.file_path("alice/dev", "pkg", "pkg-1.0.tar.gz").await;
    let (a, b) = (sent(&alice, &wheel, "1").await, sent(&alice, &wheel, "2").await);
    let c = sent(&alice, &sdist, "2").await;
    let reader = server.anonymous().at(&other.url);
    for path in [&a, &b, &c] {
        reader.get_with(path, &[]).await.expect(200);
    }
    server.anonymous().delete(&a).await.expect(403);
    server.user("bob").await.delete(&a).await.expect(403);
    alice.patch("alice/dev", json!({"volatile": false})).await.expect(200);
    let reply = alice.delete(&a).await.expect(403);
    assert_eq!(reply.message(), "cannot delete version on non-volatile index");
    let reply = alice.delete(&format!("{a}?force")).await.expect(200);
    assert_eq!(reply.message(), format!("package '{a}' deleted"));
    assert_eq!(reader.get(&a).await.expect(410).message(), "file existed, deleted in later serial");
    alice.delete(&a).await.expect(410);
    let again = sent(&alice, &wheel, "3").await;
    assert!(again != a && again != b, "{again}");
    let expected = [WHEEL, "pkg-1.0.tar.gz", name(&b), name(&c), name(&again)];
    let listed: Vec<_> = links(&alice, "alice/dev").await.into_iter().map(|(_, name)| name).collect();
    assert_eq!(listed, expected);

    // Overwritten by another, and by itself again: its results do not come back.
    alice.patch("alice/dev", json!({"volatile": true})).await.expect(200);
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";
    let changed = archive::wheel_with("pkg", "1.0", metadata, "other = 1\n");
    alice.upload("alice/dev", Upload::new("pkg", "1.0", changed)).await.expect(200);
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    for path in [&b, &again] {
        reader.get(path).await.expect(410);
    }
    let listed = links(&alice, "alice/dev").await;
    assert_eq!(
        listed.iter().map(|(rel, _)| rel.as_str()).collect::<Vec<_>>(),
        ["releasefile", "toxresult", "releasefile"]
    );

    alice.delete(&sdist).await.expect(200);
    reader.get(&c).await.expect(410);
    let last = sent(&alice, &wheel, "4").await;
    alice.delete(&wheel).await.expect(200);
    reader.get(&last).await.expect(410);
    alice.get("alice/dev/pkg").await.expect(404);
}

#[tokio::test]
async fn results_are_told_to_who_listens_and_end_with_release_and_project() {
    let server = Server::start().await;
    let (alice, wheel) = alice_with_wheel(&server).await;
    let before = server.serial().await;
    let first = sent(&alice, &wheel, "1").await;
    alice.delete(&first).await.expect(200);
    let reply = server.root().get(&format!("+changelog/{}-", before + 1)).await.expect(200);
    let told: Vec<_> = reply.result().as_array().unwrap().iter().map(|it| it["event"].clone()).collect();
    assert_eq!(told, ["toxresult.upload", "toxresult.delete"]);
    assert_eq!(reply.result()[0]["detail"]["for"], WHEEL);
    for deleted in ["alice/dev/pkg/1.0", "alice/dev/pkg"] {
        let result = sent(&alice, &wheel, "1").await;
        alice.get_with(&result, &[]).await.expect(200);
        alice.delete(deleted).await.expect(200);
        alice.get(&result).await.expect(410);
        alice.upload_wheel("alice/dev", "pkg", "1.0").await;
        assert_eq!(links(&alice, "alice/dev").await.len(), 1);
    }
}

#[tokio::test]
async fn a_mirror_takes_none() {
    let server = Server::start().await;
    let upstream = Upstream::start();
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let reply = alice.post("alice/mirror/+f/123/1234567890123/pkg-1.0.tar.gz", json!({})).await.expect(404);
    assert!(reply.message().starts_with("no release file found at alice/mirror/+f/"), "{reply}");
}

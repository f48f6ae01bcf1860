//! Push from a mirror: what is not here is fetched first, and what was pushed needs no upstream any more.

use crate::harness::{
    Client, Server, Upload, Upstream, archive,
    repository::Repository,
    upstream::{Fault, File, Part, Sidecar},
};
use serde_json::{Value, json};

const MIRROR: &str = "alice/mirror";
const TARGET: &str = "alice/prod";
const METADATA: &str =
    "Metadata-Version: 2.1\nName: Pkg\nVersion: 1.0\nSummary: s\nClassifier: a\nClassifier: b\n";

/// An upstream with a wheel and an sdist of pkg 1.0 and a wheel of 2.0, alice's mirror of it, and an empty index that is
/// not volatile.
async fn alice(server: &Server, upstream: &Upstream) -> (Client, [(String, Vec<u8>); 2]) {
    let wheel = File::new(archive::wheel_with("pkg", "1.0", METADATA, ""));
    let wheel = wheel.requires_python(">=3.9").yanked("broken").uploaded("2024-05-06T07:08:09.123456Z");
    let wheel = upstream.add("pkg", wheel.sidecar(Sidecar::Sha256, METADATA));
    let sdist = upstream.add("pkg", File::new(archive::sdist("pkg", "1.0")).requires_python(">=3.8"));
    upstream.add_wheel("pkg", "2.0");
    let alice = server.alice_with_mirror(upstream, json!({})).await;
    alice.create_index(TARGET, json!({"volatile": false})).await;
    (alice, [wheel, sdist])
}

fn to(target: &str) -> Value {
    json!({"name": "Pkg", "version": "1.0", "targetindex": target})
}

/// The kinds of all events on an index, and their serials.
async fn events(server: &Server, index: &str) -> Vec<(String, i64)> {
    let events = server.root().get("+changelog/1-").await.expect(200).result();
    let events = events.as_array().unwrap().iter().filter(|event| event["index"] == index);
    let event =
        |event: &Value| (event["event"].as_str().unwrap().to_owned(), event["serial"].as_i64().unwrap());
    events.map(event).collect()
}

#[tokio::test]
async fn what_is_pushed_is_as_the_upstream_has_it_and_needs_it_no_more() {
    for method in ["PUSH", "POST"] {
        let (server, mut upstream) = (Server::start().await, Upstream::start());
        let (alice, files) = alice(&server, &upstream).await;
        let reply = alice.json(method, MIRROR, to(TARGET)).await.expect(200);
        upstream.stop().await;
        let page = alice.simple(TARGET, "pkg").await;
        assert_eq!(page["versions"], json!(["1.0"]));
        let mut log = vec![json!([200, "register", "Pkg", "1.0", "->", TARGET])];
        for (filename, bytes) in &files {
            let path = alice.file_path(TARGET, "pkg", filename).await;
            let reply = alice.get_with(&path, &[]).await.expect(200);
            assert!(reply.body == *bytes);
            log.push(json!([200, "store_releasefile", path]));
        }
        assert_eq!(reply.json(), json!({"type": "actionlog", "result": log}));

        let file = |filename: &str| {
            let mut files = page["files"].as_array().unwrap().iter();
            files.find(|file| file["filename"] == filename).unwrap().clone()
        };
        let wheel = file(&files[0].0);
        assert_eq!(wheel["hashes"]["sha256"], archive::sha256(&files[0].1));
        assert_eq!(wheel["size"], files[0].1.len());
        assert_eq!((&wheel["requires-python"], &wheel["yanked"]), (&json!(">=3.9"), &json!("broken")));
        assert!(wheel["upload-time"].as_str().unwrap().starts_with("2024-05-06T07:08:09"), "{wheel}");
        assert_eq!(wheel["core-metadata"]["sha256"], archive::sha256(METADATA.as_bytes()));
        let path = alice.file_path(TARGET, "pkg", &files[0].0).await;
        assert_eq!(alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200).text(), METADATA);
        let sdist = file(&files[1].0);
        assert_eq!((&sdist["requires-python"], sdist.get("yanked")), (&json!(">=3.8"), None));

        let data = alice.get("alice/prod/pkg/1.0").await.result();
        assert_eq!((&data["name"], &data["version"]), (&json!("Pkg"), &json!("1.0")));
        assert_eq!((&data["summary"], &data["classifiers"]), (&json!("s"), &json!(["a", "b"])));
        assert_eq!((&data["license"], &data["requires_dist"]), (&json!(""), &json!([])));
        let entry = &data["+links"][0]["log"][0];
        assert_eq!(
            (&entry["what"], &entry["who"], &entry["src"], &entry["dst"]),
            (&json!("push"), &json!("alice"), &json!(MIRROR), &json!(TARGET))
        );
        let events = events(&server, TARGET).await;
        let serial = events.last().unwrap().1;
        assert!(events[1..].iter().all(|event| event.1 == serial), "{events:?}");
        let kinds: Vec<_> = events[1..].iter().map(|event| event.0.as_str()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "file.push").count(), 2, "{kinds:?}");
    }
}

#[tokio::test]
async fn core_metadata_that_the_upstream_does_not_offer_are_read_from_the_wheel() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, _) = upstream.add("pkg", File::new(archive::wheel_with("pkg", "1.0", METADATA, "")));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index(TARGET, json!({})).await;
    alice.post(MIRROR, to(TARGET)).await.expect(200);
    let path = alice.file_path(TARGET, "pkg", &filename).await;
    assert_eq!(alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200).text(), METADATA);
    assert_eq!(alice.get("alice/prod/pkg/1.0").await.result()["summary"], "s");
    // On a volatile index once more changes nothing.
    let before = events(&server, TARGET).await;
    alice.post(MIRROR, to(TARGET)).await.expect(200);
    assert_eq!(events(&server, TARGET).await, before);
}

#[tokio::test]
async fn files_without_any_digest_are_pushed_with_the_one_they_turn_out_to_have() {
    use crate::harness::upstream::Hash;
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0").hash(Hash::None).size(None));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index(TARGET, json!({})).await;
    alice.post(MIRROR, to(TARGET)).await.expect(200);
    let path = alice.file_path(TARGET, "pkg", &filename).await;
    assert!(path.contains("/+f/") && alice.get_with(&path, &[]).await.expect(200).body == bytes);
}

#[tokio::test]
async fn a_conflict_is_found_before_anything_is_fetched() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (alice, files) = alice(&server, &upstream).await;
    alice.upload(TARGET, Upload::new("pkg", "1.0", files[1].clone())).await.expect(200);
    let before = events(&server, TARGET).await;
    let reply = alice.post(MIRROR, to(TARGET)).await.expect(409);
    assert_eq!(reply.message(), "pkg-1.0.tar.gz already exists in non-volatile index");
    for body in
        [to("alice/none"), to("alice/mirror"), json!({"name": "pkg", "version": "9", "targetindex": TARGET})]
    {
        let reply = alice.post(MIRROR, body.clone()).await;
        assert!([400, 401, 404].contains(&reply.status), "{body}: {reply}");
    }
    let reply = server.anonymous().post(MIRROR, to(TARGET)).await.expect(401);
    assert_eq!(reply.message(), "user None cannot upload to 'alice/prod'");
    let reply = alice.post(MIRROR, json!({"name": "none", "version": "1", "targetindex": TARGET})).await;
    assert_eq!(reply.expect(400).message(), "there are no files for none 1 on stage alice/mirror");
    assert_eq!(upstream.file_requests(&files[0].0), 0);
    assert_eq!(events(&server, TARGET).await, before);
    assert_eq!(alice.filenames(TARGET, "pkg").await, ["pkg-1.0.tar.gz"]);
}

#[tokio::test]
async fn of_a_release_that_cannot_be_fetched_as_a_whole_nothing_is_pushed() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (alice, files) = alice(&server, &upstream).await;
    let before = events(&server, TARGET).await;
    let sdist = Part::File(&files[1].0);
    for (part, fault) in [
        (Part::Page("pkg"), Fault::Status(500)),
        (sdist, Fault::Status(500)),
        (sdist, Fault::Status(404)),
        (sdist, Fault::WrongBytes),
        (sdist, Fault::CutAfter(10)),
    ] {
        upstream.fail(part, fault.clone());
        let reply = alice.post(MIRROR, to(TARGET)).await;
        assert_eq!(reply.status, 502, "{fault:?}: {reply}");
        assert!(!reply.message().is_empty());
        alice.simple_page(TARGET, "pkg", &[]).await.expect(404);
        assert_eq!(events(&server, TARGET).await, before, "{fault:?}");
        upstream.mend();
    }
    alice.patch(MIRROR, json!({"mirror_cache_expiry": 1000})).await.expect(200);
    alice.post(MIRROR, to(TARGET)).await.expect(200);
    assert_eq!(alice.filenames(TARGET, "pkg").await, [files[0].0.as_str(), files[1].0.as_str()]);
}

#[tokio::test]
async fn a_release_of_a_mirror_goes_to_another_repository_too() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (alice, files) = alice(&server, &upstream).await;
    let repository = Repository::start(&[]).await;
    let body = json!({"name": "pkg", "version": "1.0", "posturl": repository.url, "username": "bob", "password": "x"});
    let reply = alice.post(MIRROR, body.clone()).await.expect(200);
    assert_eq!(reply.result()[0][1], "upload");
    let forms = repository.forms();
    assert_eq!(forms.iter().map(|form| form.file.clone().unwrap()).collect::<Vec<_>>(), files);
    assert_eq!((forms[0].field("summary"), forms[0].field("classifiers")), (vec!["s"], vec!["a", "b"]));
    server.anonymous().post(MIRROR, body).await.expect(401);
}

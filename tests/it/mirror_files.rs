//! Files of a mirror: fetched once, by whoever comes first, and served to all meanwhile and afterwards.

use crate::harness::{
    Client, Server, Upload, Upstream, archive, until,
    upstream::{Fault, File, Part, Sidecar},
};
use futures::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::Duration;

const MIRROR: &str = "alice/mirror";

/// A wheel of two mebibytes, so that it comes in many pieces.
fn large(version: &str) -> File {
    File::new(archive::large_wheel("pkg", version, 2 << 20))
}

/// Waits until another process serves a file without any upstream; leaves the upstream stopped.
async fn stored(server: &Server, upstream: &mut Upstream, path: &str, bytes: &[u8]) {
    upstream.stop().await;
    let beside = server.beside().await;
    let other = beside.anonymous();
    until("the file is stored", async || {
        other.try_get(path, &[]).await.is_some_and(|reply| reply.status == 200 && reply.body == bytes)
    })
    .await;
}

/// The beginning of an answer, in which a file has begun to come.
async fn begin(client: &Client, path: &str) -> (Response, Vec<u8>) {
    let mut response = client.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let first = response.chunk().await.unwrap().unwrap().to_vec();
    (response, first)
}

/// The whole of it.
async fn finish((mut response, mut bytes): (Response, Vec<u8>)) -> Vec<u8> {
    while let Some(chunk) = response.chunk().await.unwrap() {
        bytes.extend(chunk);
    }
    bytes
}

#[tokio::test]
async fn a_file_is_fetched_once_and_then_served_without_the_upstream() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    assert_eq!(upstream.file_requests(&filename), 0);
    for _ in 0..2 {
        let reply = alice.get_with(&path, &[]).await.expect(200);
        assert!(reply.body == bytes);
        assert_eq!(reply.header("content-length"), bytes.len().to_string());
        assert_eq!(reply.header("content-type"), "application/octet-stream");
        assert_eq!(reply.header("content-encoding"), "");
        assert_eq!(reply.header("etag"), format!("\"{}\"", archive::sha256(&bytes)));
        stored(&server, &mut upstream, &path, &bytes).await;
        assert_eq!(upstream.file_requests(&filename), 1);
    }
    assert_eq!(alice.get_with(&path, &[]).await.header("accept-ranges"), "bytes");
    let objects = server.objects().await;
    assert!(objects.iter().any(|name| name.ends_with(&archive::sha256(&bytes))), "{objects:?}");
}

#[tokio::test]
async fn twenty_readers_at_once_cost_one_request() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", large("1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    let hold = upstream.hold(Part::Files, 1000);
    let readers = join_all((0..20).map(|_| alice.get_with(&path, &[])));
    let (replies, ()) = tokio::join!(readers, async {
        hold.reached().await;
        hold.release();
    });
    assert!(replies.into_iter().all(|reply| reply.expect(200).body == bytes));
    assert_eq!((upstream.file_requests(&filename), upstream.sent(&filename)), (1, bytes.len()));
}

#[tokio::test]
async fn readers_through_two_processes_cost_at_most_two_requests() {
    let (one, mut upstream) = (Server::start().await, Upstream::start());
    let two = one.beside().await;
    let (filename, bytes) = upstream.add("pkg", large("1.0"));
    let alice = one.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    let clients = (0..10).map(|number| alice.at(if number % 2 == 0 { &one.url } else { &two.url }));
    let path = &path;
    let readers = clients.map(|client| async move { client.get_with(path, &[]).await });
    assert!(join_all(readers).await.into_iter().all(|reply| reply.expect(200).body == bytes));
    assert!((1..=2).contains(&upstream.file_requests(&filename)));
    stored(&one, &mut upstream, path, &bytes).await;
    let objects = one.objects().await;
    assert_eq!(objects.iter().filter(|name| name.ends_with(&archive::sha256(&bytes))).count(), 1);
}

#[tokio::test]
async fn a_reader_who_leaves_does_not_stop_the_store() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", large("1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    let hold = upstream.hold(Part::Files, 1 << 20);
    let begun = begin(&alice, &path).await;
    hold.reached().await;
    drop(begun);
    hold.let_through(1000);
    hold.reached().await;
    hold.release();
    until("all has come", async || upstream.in_flight() == 0).await;
    assert_eq!((upstream.file_requests(&filename), upstream.sent(&filename)), (1, bytes.len()));
    stored(&server, &mut upstream, &path, &bytes).await;
}

#[tokio::test]
async fn who_comes_in_the_middle_gets_it_from_the_start() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", large("1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    let hold = upstream.hold(Part::Files, 1 << 20);
    let first = begin(&alice, &path).await;
    hold.reached().await;
    let second = begin(&server.anonymous(), &path).await;
    assert!(bytes.starts_with(&second.1));
    hold.release();
    let (first, second) = tokio::join!(finish(first), finish(second));
    assert!(first == bytes && second == bytes);
    assert_eq!(upstream.file_requests(&filename), 1);
}

#[tokio::test]
async fn a_reader_who_does_not_read_keeps_nobody_waiting() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::new(archive::large_wheel("pkg", "1.0", 24 << 20)));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    let slow = begin(&alice, &path).await;
    let quick = tokio::time::timeout(Duration::from_secs(30), alice.get_with(&path, &[])).await;
    assert!(quick.expect("the slow one stops the quick one").expect(200).body == bytes);
    assert_eq!(upstream.file_requests(&filename), 1);
    stored(&server, &mut upstream, &path, &bytes).await;
    assert!(finish(slow).await == bytes);
}

#[tokio::test]
async fn head_and_parts_and_conditions_work_on_what_is_not_stored_yet() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_cache_expiry": 0})).await;
    let mut version = 0;
    let mut fresh = async || {
        version += 1;
        let file = File::new(archive::large_wheel("pkg", &format!("{version}.0"), 100_000));
        let (filename, bytes) = upstream.add("pkg", file);
        (alice.file_path(MIRROR, "pkg", &filename).await, bytes)
    };
    for range in ["bytes=0-9", "bytes=-9", "bytes=5000-5999", "bytes=90000-", "bytes=99990-999999"] {
        let (path, bytes) = fresh().await;
        let size = bytes.len();
        let (first, last) = match range.trim_start_matches("bytes=").split_once('-').unwrap() {
            ("", count) => (size - count.parse::<usize>().unwrap(), size - 1),
            (first, "") => (first.parse().unwrap(), size - 1),
            (first, last) => (first.parse().unwrap(), last.parse().unwrap()),
        };
        let last = last.min(size - 1);
        let reply = alice.get_with(&path, &[("range", range)]).await.expect(206);
        assert!(reply.body == bytes[first..=last], "{range}");
        assert_eq!(reply.header("content-range"), format!("bytes {first}-{last}/{size}"));
        // Nobody has checked it against the digest, so nothing is to be put together with it.
        assert_eq!(reply.header("etag"), "", "{range}");
        assert!(alice.get_with(&path, &[]).await.expect(200).body == bytes);
    }
    let (path, bytes) = fresh().await;
    let reply = alice.get_with(&path, &[("range", "bytes=9999999-")]).await.expect(416);
    assert_eq!(reply.header("content-range"), format!("bytes */{}", bytes.len()));

    let (path, bytes) = fresh().await;
    let reply = alice.head(&path).await.expect(200);
    assert_eq!(reply.header("content-length"), bytes.len().to_string());
    assert_eq!(reply.header("accept-ranges"), "bytes");
    let etag = format!("\"{}\"", archive::sha256(&bytes));
    assert_eq!((reply.header("etag"), reply.body.len()), (etag.as_str(), 0));

    let (path, bytes) = fresh().await;
    let etag = format!("\"{}\"", archive::sha256(&bytes));
    assert!(alice.get_with(&path, &[("if-none-match", &etag)]).await.expect(304).body.is_empty());
    assert!(alice.get_with(&path, &[("if-none-match", "\"other\"")]).await.expect(200).body == bytes);
}

#[tokio::test]
async fn a_range_of_an_upstream_that_knows_no_ranges_is_right_too() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    upstream.fail(Part::Files, Fault::NoRange);
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    let reply = alice.get_with(&path, &[("range", "bytes=10-19")]).await;
    match reply.status {
        206 => assert!(reply.body == bytes[10..20]),
        _ => assert!(reply.expect(200).body == bytes),
    }
}

#[tokio::test]
async fn nobody_gets_a_file_or_its_metadata_by_stating_their_digests() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let wheel = archive::wheel("pkg", "1.0");
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";
    let (filename, _) = upstream.add("pkg", File::new(wheel.clone()).sidecar(Sidecar::Sha256, metadata));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/secret", json!({"acl_read": "alice"})).await;
    alice.upload("alice/secret", Upload::new("pkg", "1.0", wheel)).await.expect(200);
    // Who makes a mirror can let its upstream say what they like, and need not have what it says.
    upstream.fail(Part::Files, Fault::Status(500));
    upstream.fail(Part::Metadata(&filename), Fault::Status(500));
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    let eve = server.anonymous();
    eve.get_with(&path, &[]).await.expect(502);
    eve.get_with(&path, &[("range", "bytes=0-9")]).await.expect(502);
    eve.get_with(&format!("{path}.metadata"), &[]).await.expect(502);
}

#[tokio::test]
async fn core_metadata_beside_a_file_are_passed_on_if_they_are_the_right_ones() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\nSummary: beside\n";
    for (version, sidecar) in [("1.0", Sidecar::Sha256), ("2.0", Sidecar::True), ("3.0", Sidecar::Wrong)] {
        upstream.add("pkg", File::wheel("pkg", version).sidecar(sidecar, metadata));
    }
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    for version in ["1.0", "2.0"] {
        let filename = format!("pkg-{version}-py3-none-any.whl");
        let path = alice.file_path(MIRROR, "pkg", &filename).await;
        for _ in 0..2 {
            let reply = alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200);
            assert_eq!(reply.text(), metadata);
        }
        assert_eq!((upstream.file_requests(&filename), upstream.range_requests(&filename)), (0, 0));
        assert_eq!(alice.head(&format!("{path}.metadata")).await.status, 200);
    }
    let path = alice.file_path(MIRROR, "pkg", "pkg-3.0-py3-none-any.whl").await;
    for _ in 0..2 {
        let reply = alice.try_get(&format!("{path}.metadata"), &[]).await.unwrap();
        assert!(!reply.expect(502).message().is_empty());
    }
    upstream.change("pkg", "pkg-3.0-py3-none-any.whl", |file| file.sidecar = Sidecar::Sha256);
    alice.patch(MIRROR, json!({"mirror_cache_expiry": 0})).await.expect(200);
    until("the right ones come", async || {
        alice.simple(MIRROR, "pkg").await;
        alice.get_with(&format!("{path}.metadata"), &[]).await.text() == metadata
    })
    .await;
}

#[tokio::test]
async fn core_metadata_that_nobody_offers_are_read_from_the_wheel_and_then_offered() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", large("1.0"));
    let (without_ranges, _) = upstream.add("pkg", File::wheel("pkg", "2.0"));
    upstream.fail(Part::File(&without_ranges), Fault::NoRange);
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    for (filename, version) in [(&filename, "1.0"), (&without_ranges, "2.0")] {
        let metadata = format!("Metadata-Version: 2.1\nName: pkg\nVersion: {version}\n");
        let path = alice.file_path(MIRROR, "pkg", filename).await;
        let reply = alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200);
        assert_eq!(reply.text(), metadata);
        let offered = json!({"sha256": archive::sha256(metadata.as_bytes())});
        until("the page offers them", async || {
            let page = alice.simple(MIRROR, "pkg").await;
            let mut files = page["files"].as_array().unwrap().iter();
            files.any(|file| file["filename"] == **filename && file["core-metadata"] == offered)
        })
        .await;
        upstream.clear_requests();
        assert_eq!(alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200).text(), metadata);
        assert!(upstream.requests().is_empty(), "{:?}", upstream.requests());
    }
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    assert!(alice.get_with(&path, &[]).await.expect(200).body == bytes);
}

#[tokio::test]
async fn reading_core_metadata_takes_a_small_part_of_a_wheel() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", large("1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200);
    assert_eq!(upstream.file_requests(&filename), 0);
    assert!((1..=4).contains(&upstream.range_requests(&filename)));
    assert!(upstream.sent(&filename) < bytes.len() / 4, "{}", upstream.sent(&filename));
}

#[tokio::test]
async fn with_external_urls_readers_are_sent_to_the_upstream_for_what_is_not_here() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    upstream.credentials("me", "xyzzy");
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_use_external_urls": true})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    for _ in 0..2 {
        let reply = alice.get_with(&path, &[]).await.expect(302);
        assert_eq!(reply.header("location"), upstream.file_url(&filename));
    }
    assert_eq!(upstream.file_requests(&filename), 0);
    alice.patch(MIRROR, json!({"mirror_use_external_urls": false})).await.expect(200);
    assert!(alice.get_with(&path, &[]).await.expect(200).body == bytes);
    stored(&server, &mut upstream, &path, &bytes).await;
    alice.patch(MIRROR, json!({"mirror_use_external_urls": true})).await.expect(200);
    assert!(alice.get_with(&path, &[]).await.expect(200).body == bytes);
}

#[tokio::test]
async fn credentials_go_to_the_upstreams_own_host_only_and_are_never_shown() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.credentials("me", "xyzzy:/");
    let (here, here_bytes) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    let (there, there_bytes) = upstream.add("pkg", File::wheel("pkg", "2.0").elsewhere());
    let (sent_away, _) = upstream.add("pkg", File::wheel("pkg", "3.0"));
    upstream.fail(Part::File(&sent_away), Fault::RedirectTo(upstream.file_url(&there)));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/dev", json!({"bases": MIRROR})).await;
    for (filename, bytes) in [(&here, &here_bytes), (&there, &there_bytes)] {
        let path = alice.file_path(MIRROR, "pkg", filename).await;
        assert!(alice.get_with(&path, &[]).await.expect(200).body == *bytes);
    }
    let path = alice.file_path(MIRROR, "pkg", &sent_away).await;
    let reply = alice.try_get(&path, &[]).await;
    assert!(reply.is_none_or(|reply| reply.status == 502));
    upstream.fail(Part::Page("moved"), Fault::RedirectTo(upstream.file_url(&there)));
    alice.simple_page(MIRROR, "moved", &[]).await;
    for asked in upstream.requests() {
        assert_eq!(asked.header("authorization").is_empty(), asked.elsewhere, "{asked:?}");
    }
    for page in ["alice/mirror/+simple/pkg/", "alice/dev/+simple/pkg/", "alice/mirror/+simple/"] {
        for accept in ["text/html", "application/vnd.pypi.simple.v1+json"] {
            let reply = alice.get_with(page, &[("accept", accept)]).await.expect(200);
            assert!(!reply.text().contains("xyzzy") && !reply.text().contains("me@"), "{reply}");
        }
    }
    for json in ["alice/mirror/pkg", "alice/mirror/pkg/1.0", path.as_str()] {
        let reply = alice.get(json).await.expect(200);
        assert!(!reply.text().contains("xyzzy"), "{reply}");
    }
}

#[tokio::test]
async fn a_file_whose_url_has_expired_is_found_by_looking_at_the_page_again() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0").expiring());
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    upstream.expire("pkg", &filename);
    until("the new URL is found", async || {
        let reply = alice.try_get(&path, &[]).await;
        reply.is_some_and(|reply| reply.status == 200 && reply.body == bytes)
    })
    .await;
}

#[tokio::test]
async fn what_a_file_is_can_be_asked_without_fetching_it() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    let reply = alice.get(&path).await.expect(200).json();
    assert_eq!(reply["type"], "releasefilemeta");
    let sha256 = archive::sha256(&bytes);
    for (key, value) in [
        ("project", json!("pkg")),
        ("version", json!("1.0")),
        ("hash_spec", json!(format!("sha256={sha256}"))),
        ("hashes", json!({"sha256": sha256})),
        ("url", json!(upstream.file_url(&filename))),
    ] {
        assert_eq!(reply["result"][key], value, "{key}");
    }
    assert_eq!(upstream.file_requests(&filename), 0);
}

#[tokio::test]
async fn a_path_that_is_in_an_old_lock_file_is_found_though_nobody_has_asked_for_the_page() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let digest = archive::sha256(&bytes);
    let path = format!("{MIRROR}/+f/{}/{}/{filename}", &digest[..3], &digest[3..16]);
    assert!(alice.get_with(&path, &[]).await.expect(200).body == bytes);
    let wrong = path.replace(&digest[..3], if digest.starts_with("abc") { "def" } else { "abc" });
    alice.get_with(&wrong, &[]).await.expect(404);
    alice.get_with(&path.replace("pkg-1.0", "pkg-9.0"), &[]).await.expect(404);
}

#[tokio::test]
async fn a_volatile_mirror_can_be_made_to_forget() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({"volatile": true})).await;
    let reply = alice.delete("alice/mirror/pkg").await.expect(404);
    assert_eq!(reply.message(), "project not found");
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    stored_page(&server, &mut upstream).await;
    let reply = alice.delete(&path).await.expect(404);
    assert!(reply.message().contains("has no file data"), "{reply}");
    server.anonymous().delete(&path).await.expect(401);

    for what in [path.as_str(), "alice/mirror/pkg/1.0", "alice/mirror/pkg"] {
        assert!(alice.get_with(&path, &[]).await.expect(200).body == bytes, "{what}");
        stored(&server, &mut upstream, &path, &bytes).await;
        upstream.start_again().await;
        upstream.clear_requests();
        let message = alice.delete(what).await.expect(200).message();
        match what {
            "alice/mirror/pkg" => assert_eq!(message, "project pkg deleted from stage alice/mirror"),
            "alice/mirror/pkg/1.0" => assert!(message.ends_with("version '1.0' deleted"), "{message}"),
            path => assert_eq!(message, format!("package '{path}' deleted")),
        }
        assert_eq!(alice.filenames(MIRROR, "pkg").await, [filename.as_str()], "{what}");
        assert_eq!(upstream.page_requests("pkg"), usize::from(what == "alice/mirror/pkg"), "{what}");
    }
    assert!(alice.get_with(&path, &[]).await.expect(200).body == bytes);
}

/// Waits until another process has the page without any upstream.
async fn stored_page(server: &Server, upstream: &mut Upstream) {
    upstream.stop().await;
    let beside = server.beside().await;
    let other = beside.anonymous();
    until("the page is stored", async || other.simple_page(MIRROR, "pkg", &[]).await.status == 200).await;
    upstream.start_again().await;
}

#[tokio::test]
async fn a_mirror_that_is_not_volatile_forgets_only_by_force() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({"volatile": false})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    alice.get_with(&path, &[]).await.expect(200);
    stored(&server, &mut upstream, &path, &bytes).await;
    upstream.start_again().await;
    for (what, message) in [
        ("alice/mirror/pkg", "project 'pkg' is on non-volatile index alice/mirror"),
        ("alice/mirror/pkg/1.0", "cannot delete version on non-volatile index"),
        (path.as_str(), "cannot delete version on non-volatile index"),
    ] {
        assert_eq!(alice.delete(what).await.expect(403).message(), message);
    }
    alice.delete("alice/mirror/pkg?force").await.expect(200);
    alice.delete(MIRROR).await.expect(403);
}

#[tokio::test]
async fn nothing_is_uploaded_to_a_mirror() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let reply = alice.upload(MIRROR, Upload::new("pkg", "1.0", archive::wheel("pkg", "1.0"))).await;
    assert!((400..500).contains(&reply.status), "{reply}");
    let page: Value = alice.simple_list(MIRROR).await.json();
    assert_eq!(page["projects"], json!([]));
    assert!(server.objects().await.is_empty());
}

//! Files: how they are served, whole and in parts, and what is not there.

use crate::harness::{Client, Server, Upload, archive};
use serde_json::json;

const WHEEL: &str = "pkg-1.0+local.1-py3-none-any.whl";

/// Alice, and the path and bytes of a wheel of hers.
async fn alice_with_wheel(server: &Server) -> (Client, String, Vec<u8>) {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = archive::wheel("pkg", "1.0+local.1");
    let content = wheel.1.clone();
    alice.upload("alice/dev", Upload::new("pkg", "1.0+local.1", wheel)).await.expect(200);
    let path = alice.file_path("alice/dev", "pkg", WHEEL).await;
    (alice, path, content)
}

#[tokio::test]
async fn a_file_is_served_with_all_that_a_client_may_cache_it_by() {
    let server = Server::start().await;
    let (alice, _, _) = alice_with_wheel(&server).await;
    alice.upload("alice/dev", Upload::new("pkg", "2.0", archive::sdist("pkg", "2.0"))).await.expect(200);
    let zip = || archive::zip(&[("a", b"")]);
    for filename in ["pkg-2.0.zip", "pkg-2.0.egg"] {
        let upload = Upload::new("pkg", "2.0", (filename.to_owned(), zip()));
        alice.upload("alice/dev", upload).await.expect(200);
    }
    for (filename, content_type) in [
        (WHEEL, "application/octet-stream"),
        ("pkg-2.0.tar.gz", "application/x-tar"),
        ("pkg-2.0.zip", "application/zip"),
        ("pkg-2.0.egg", "application/octet-stream"),
    ] {
        let path = alice.file_path("alice/dev", "pkg", filename).await;
        let get = alice.get_with(&path, &[("accept-encoding", "gzip")]).await.expect(200);
        let head = alice.head(&path).await.expect(200);
        assert!(head.body.is_empty());
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&get.body));
        for reply in [&get, &head] {
            assert_eq!(reply.header("content-type"), content_type);
            assert_eq!(reply.header("content-encoding"), "");
            assert_eq!(reply.header("content-length"), get.body.len().to_string());
            assert_eq!(reply.header("accept-ranges"), "bytes");
            assert_eq!(reply.header("etag"), format!("\"{digest}\""));
            assert_eq!(reply.header("cache-control"), "max-age=365000000, immutable, public");
            httpdate::parse_http_date(reply.header("last-modified")).unwrap();
        }
    }
}

#[tokio::test]
async fn a_plus_in_a_path_may_be_written_in_either_way() {
    let server = Server::start().await;
    let (alice, path, content) = alice_with_wheel(&server).await;
    for path in
        [path.clone(), path.replace('+', "%2B"), path.replace('+', "%2b"), path.replacen('+', "%2B", 1)]
    {
        assert_eq!(alice.get_with(&path, &[]).await.expect(200).body, content, "{path}");
        alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200);
    }
    alice.get_with(&path.replace("1.0+", "1.0%20"), &[]).await.expect(404);
}

#[tokio::test]
async fn a_range_of_a_file_is_served_and_one_past_its_end_is_refused() {
    let server = Server::start().await;
    let (alice, path, content) = alice_with_wheel(&server).await;
    let size = content.len();
    for (range, first, last) in [
        ("bytes=0-0".to_owned(), 0, 0),
        ("bytes=-16".to_owned(), size - 16, size - 1),
        ("bytes=-99999".to_owned(), 0, size - 1),
        ("bytes=7-".to_owned(), 7, size - 1),
        ("bytes=7-99999".to_owned(), 7, size - 1),
        (format!("bytes={}-", size - 1), size - 1, size - 1),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = alice.send(method, &path, &[("range", &range)], "").await.expect(206);
            assert_eq!(reply.header("content-range"), format!("bytes {first}-{last}/{size}"), "{range}");
            assert_eq!(reply.header("content-length"), (last - first + 1).to_string());
            assert!(method == "HEAD" || reply.body == content[first..=last], "{range}");
        }
    }
    for range in [format!("bytes={size}-"), format!("bytes={size}-{}", size + 9)] {
        let reply = alice.get_with(&path, &[("range", &range)]).await.expect(416);
        assert_eq!(reply.header("content-range"), format!("bytes */{size}"));
    }
    for range in
        ["bytes=0-1,3-4", "lines=1-2", "bytes=5-2", "bytes=", "bytes=a-b", "bytes=99999999999999999999-"]
    {
        let reply = alice.get_with(&path, &[("range", range)]).await;
        assert!(
            reply.status == 200 && reply.body == content || reply.status == 416,
            "{range}: {}",
            reply.status
        );
    }
}

#[tokio::test]
async fn a_download_is_resumed_only_if_the_file_is_still_the_same() {
    let server = Server::start().await;
    let (alice, path, content) = alice_with_wheel(&server).await;
    let whole = alice.head(&path).await;
    let (etag, modified) = (whole.header("etag"), whole.header("last-modified"));
    for (condition, status) in [
        (etag, 206),
        ("\"other\"", 200),
        (&format!("W/{etag}"), 200),
        (modified, 206),
        ("Fri, 01 Jan 2010 00:00:00 GMT", 200),
    ] {
        let reply = alice.get_with(&path, &[("range", "bytes=5-"), ("if-range", condition)]).await;
        assert_eq!(reply.status, status, "{condition}");
        assert_eq!(reply.body, content[if status == 206 { 5 } else { 0 }..]);
    }
}

#[tokio::test]
async fn whoever_has_the_file_is_told_so() {
    let server = Server::start().await;
    let (alice, path, _) = alice_with_wheel(&server).await;
    let whole = alice.head(&path).await;
    let (etag, modified) = (whole.header("etag"), whole.header("last-modified"));
    let past = "Fri, 01 Jan 2010 00:00:00 GMT";
    for (conditions, status) in [
        (vec![("if-none-match", etag)], 304),
        (vec![("if-none-match", "*")], 304),
        (vec![("if-none-match", "\"other\"")], 200),
        (vec![("if-modified-since", modified)], 304),
        (vec![("if-modified-since", past)], 200),
        (vec![("if-modified-since", "yesterday")], 200),
        (vec![("if-none-match", etag), ("if-modified-since", past)], 304),
        (vec![("if-none-match", "\"other\""), ("if-modified-since", modified)], 200),
        (vec![("if-none-match", etag), ("range", "bytes=0-0")], 304),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = alice.send(method, &path, &conditions, "").await;
            assert_eq!(reply.status, status, "{conditions:?}");
            assert_eq!(reply.header("etag"), etag);
            assert_eq!(reply.header("cache-control"), whole.header("cache-control"));
            assert!(status == 200 || reply.body.is_empty());
        }
    }
}

#[tokio::test]
async fn with_json_wanted_a_file_tells_about_itself() {
    let server = Server::start().await;
    let (alice, path, content) = alice_with_wheel(&server).await;
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&content));
    let reply = alice.get(&path).await.expect(200);
    let expected = json!({"type": "releasefilemeta", "result": {
        "project": "pkg",
        "version": "1.0+local.1",
        "last_modified": alice.head(&path).await.header("last-modified"),
        "hash_spec": format!("sha256={digest}"),
        "hashes": {"sha256": digest},
    }});
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn what_never_was_is_404_and_what_was_deleted_is_410() {
    let server = Server::start().await;
    let (alice, path, content) = alice_with_wheel(&server).await;
    alice.create_index("alice/top", json!({"bases": ["alice/dev"]})).await;
    let (first, next) = (&path[13..16], &path[17..30]);
    for wrong in [
        path.replace("pkg-1.0", "pkg-2.0"),
        path.replace(first, "000"),
        path.replace(next, "0000000000000"),
        path.replace(&format!("{first}/{next}"), &format!("{first}{}/{}", &next[..1], &next[1..])),
        path.replace("alice/dev", "alice/top"),
        path.replace("alice/dev", "alice/none"),
        path.replace(".whl", ""),
        path.replace(".whl", ".whl.metadata.metadata"),
        format!("alice/dev/+f/{first}/{next}/"),
        format!("alice/dev/+f/{first}/{next}"),
        format!("alice/dev/+f/{first}/{next}/..%2F{WHEEL}"),
        format!("alice/dev/+f/{first}/{next}/{}", "a".repeat(10_000)),
        "alice/dev/+f/".into(),
        "alice/dev/+e/x/y".into(),
    ] {
        let reply = alice.get(&wrong).await.expect(404);
        assert!(!reply.message().is_empty());
        alice.head(&wrong).await.expect(404);
    }
    assert_eq!(alice.get(&path.replace("pkg-1.0", "pkg-2.0")).await.message(), "no such file");

    alice.delete(&path).await.expect(200);
    for gone in [path.clone(), format!("{path}.metadata")] {
        assert_eq!(alice.get(&gone).await.expect(410).message(), "file existed, deleted in later serial");
    }
    let again = Upload::new("pkg", "1.0+local.1", (WHEEL.into(), content.clone()));
    alice.upload("alice/dev", again).await.expect(200);
    assert_eq!(alice.get_with(&path, &[]).await.expect(200).body, content);
    alice.delete("alice/dev").await.expect(201);
    assert!([404, 410].contains(&alice.get(&path).await.status));
}

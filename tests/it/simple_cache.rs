//! Simple pages: entity tags, conditional requests and compression.

use crate::harness::{
    Client, Server,
    binary::{Binary, place},
};
use serde_json::json;
use std::io::Read;

async fn alice_with_pkg(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    alice
}

#[tokio::test]
async fn whoever_has_the_page_is_told_so() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    for page in ["alice/dev/+simple/pkg/", "alice/dev/+simple/"] {
        let whole = alice.get_with(page, &[]).await.expect(200);
        let etag = whole.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
        for (condition, status) in [
            (etag.clone(), 304),
            (format!("W/{etag}"), 304),
            (format!("\"other\", {etag}"), 304),
            (format!("W/\"other\",W/{etag} , \"x\""), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
            (etag.trim_matches('"').to_owned(), 200),
            (String::new(), 200),
        ] {
            for method in ["GET", "HEAD"] {
                let reply = alice.send(method, page, &[("if-none-match", &condition)], "").await;
                assert_eq!(reply.status, status, "{method} {condition}");
                for name in ["etag", "cache-control", "vary"] {
                    assert_eq!(reply.header(name), whole.header(name));
                }
                assert!(status == 200 || reply.body.is_empty());
            }
        }
        assert_eq!(whole.header("cache-control"), "max-age=0, must-revalidate");
        let since = [("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT")];
        alice.get_with(page, &since).await.expect(200);
    }
}

#[tokio::test]
async fn two_processes_give_a_page_the_same_tag_and_a_change_gives_it_another_at_once() {
    let one = Server::start().await;
    let two = one.beside().await;
    let here = alice_with_pkg(&one).await;
    let there = here.at(&two.url);
    let forms = [
        ("text/html", "identity"),
        ("text/html", "gzip"),
        ("application/vnd.pypi.simple.v1+html", "identity"),
        ("application/vnd.pypi.simple.v1+json", "identity"),
        ("application/vnd.pypi.simple.v1+json", "gzip"),
    ];
    let mut tags = Vec::new();
    for version in ["2.0", "3.0"] {
        for page in ["alice/dev/+simple/pkg/", "alice/dev/+simple/pkg", "alice/dev/+simple/"] {
            for (accept, coding) in forms {
                let sent = [("accept", accept), ("accept-encoding", coding)];
                let etag = here.get_with(page, &sent).await.expect(200).header("etag").to_owned();
                assert_eq!(there.get_with(page, &sent).await.header("etag"), etag);
                let condition = [sent[0], sent[1], ("if-none-match", etag.as_str())];
                there.get_with(page, &condition).await.expect(304);
                tags.push(etag);
            }
        }
        here.upload_wheel("alice/dev", "pkg", version).await;
        here.upload_wheel("alice/dev", &format!("new{}", &version[..1]), version).await;
    }
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count);

    let page = "alice/dev/+simple/pkg/";
    let etag = here.get_with(page, &[]).await.header("etag").to_owned();
    here.upload_wheel("alice/dev", "other", "1.0").await;
    there.get_with(page, &[("if-none-match", &etag)]).await.expect(304);
    there.upload_wheel("alice/dev", "pkg", "4.0").await;
    let reply = here.get_with(page, &[("if-none-match", &etag)]).await.expect(200);
    assert!(reply.text().contains("pkg-4.0-py3-none-any.whl"), "{reply}");
}

#[tokio::test]
async fn a_page_is_packed_as_its_reader_likes_and_is_the_same_inside() {
    let server = Server::start().await;
    alice_with_pkg(&server).await;
    let client = reqwest::Client::builder().no_gzip().build().unwrap();
    let get = async |page: &str, coding: &str| {
        let request = client.get(format!("{}/{page}", server.url)).header("accept-encoding", coding);
        crate::harness::Reply::read(request.send().await.unwrap()).await.expect(200)
    };
    for page in ["alice/dev/+simple/pkg/", "alice/dev/+simple/"] {
        let plain = get(page, "identity").await;
        assert_eq!(plain.header("content-encoding"), "");
        for (coding, packed) in [
            ("gzip, deflate", "gzip"),
            ("gzip, deflate, br, zstd", "zstd"),
            ("gzip, zstd;q=0.5", "gzip"),
            ("gzip;q=0.1", "gzip"),
            ("GZIP", "gzip"),
            ("*", "zstd"),
            ("zstd;q=0, *", "gzip"),
            ("gzip;q=0", ""),
            ("gzip;q=0, *", "zstd"),
            ("br, zstd", "zstd"),
            ("identity, gzip;q=0.5", ""),
            ("", ""),
        ] {
            let reply = get(page, coding).await;
            assert_eq!(reply.header("content-encoding"), packed, "{coding}");
            assert_eq!(reply.header("etag") == plain.header("etag"), packed.is_empty(), "{coding}");
            assert_eq!(reply.header("vary"), "Accept, Accept-Encoding");
            let body = match packed {
                "gzip" => {
                    let mut body = Vec::new();
                    flate2::read::GzDecoder::new(reply.body.as_slice()).read_to_end(&mut body).unwrap();
                    body
                }
                "zstd" => zstd::decode_all(reply.body.as_slice()).unwrap(),
                _ => reply.body,
            };
            assert_eq!(body, plain.body, "{coding}");
        }
    }
}

/// Of one format and all codings, over a change of another project and one of its own.
#[tokio::test]
async fn a_page_is_rendered_once_for_each_change_of_its_project() {
    let (database, prefix) = place().await;
    let server = Binary::serve(&database, &prefix, &[]).await;
    let anonymous = server.client(None);
    anonymous.put("alice", json!({"password": "open"})).await.expect(201);
    let alice = server.client(Some(("alice", "open")));
    alice.put("alice/dev", json!({})).await.expect(200);
    let rendered = async || {
        let metrics = anonymous.get("metrics").await.text();
        let line = metrics.lines().find(|line| line.starts_with("wheelyard_pages_rendered_total "));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap())
    };
    let read = async || {
        for reader in [&anonymous, &alice] {
            for coding in ["identity", "gzip", "zstd", "gzip"] {
                let headers = [("accept-encoding", coding), ("accept", "text/html")];
                reader.get_with("alice/dev/+simple/pkg/", &headers).await.expect(200);
            }
        }
    };
    for (project, expected) in [("pkg", 1), ("other", 1), ("pkg", 2), ("other", 2)] {
        let version = format!("{}.0", rendered().await + if project == "pkg" { 1 } else { 10 });
        alice.upload_wheel("alice/dev", project, &version).await;
        read().await;
        assert_eq!(rendered().await, expected, "after an upload of {project}");
    }
}

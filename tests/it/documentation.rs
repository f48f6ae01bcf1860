//! Documentation, read file by file out of its zip.

use crate::harness::{Client, Reply, Server, Upload, archive};
use serde_json::json;
use std::{
    io::{Cursor, Write},
    sync::Arc,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const DOCS: &str = "alice/dev/pkg/1.0/+doc";

async fn alice_with_index(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice
}

async fn upload(client: &Client, version: &str, members: &[(&str, &[u8])]) {
    let docs = Upload::documentation("pkg", Some(version), archive::zip(members));
    client.upload("alice/dev", docs).await.expect(200);
}

async fn read(client: &Client, path: &str) -> Reply {
    client.get_with(path, &[("accept", "text/html")]).await
}

#[tokio::test]
async fn each_file_is_served_as_what_its_name_says_and_in_a_sandbox() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let script = "x = 1;\n".repeat(50_000);
    let files: [(&str, &[u8], &str); 9] = [
        ("index.html", "<h1>ä</h1>".as_bytes(), "text/html; charset=utf-8"),
        ("_static/a.css", b"a {}", "text/css; charset=utf-8"),
        ("_static/a b+c.js", script.as_bytes(), "text/javascript; charset=utf-8"),
        ("_static/x.svg", b"<svg/>", "image/svg+xml"),
        ("_static/x.woff2", b"font", "font/woff2"),
        ("objects.inv", &[0, 159, 146, 150], "application/octet-stream"),
        ("empty.txt", b"", "text/plain; charset=utf-8"),
        ("ä/index.html", b"deep", "text/html; charset=utf-8"),
        ("no-ending", b"?", "application/octet-stream"),
    ];
    let members: Vec<_> = files.iter().map(|(path, content, _)| (*path, *content)).collect();
    upload(&alice, "1.0", &members).await;
    let reader = server.anonymous();
    for (path, content, content_type) in files {
        let url = format!("{DOCS}/{}", path.replace(' ', "%20"));
        let reply = read(&reader, &url).await.expect(200);
        assert!(reply.body == content, "{path}");
        assert_eq!(reply.header("content-type"), content_type, "{path}");
        assert_eq!(reply.header("content-length"), content.len().to_string());
        assert_eq!(reply.header("cache-control"), "max-age=60");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("sandbox ") && policy.contains("allow-scripts"), "{policy}");
        assert!(!policy.contains("allow-same-origin"));
        assert_eq!(reply.header("access-control-allow-origin") == "*", path.ends_with("woff2"));
        let head = reader.head(&url).await.expect(200);
        assert_eq!(head.header("content-length"), content.len().to_string());
        let etag = reply.header("etag");
        assert_eq!(head.header("etag"), etag);
        let again = reader.get_with(&url, &[("if-none-match", etag)]).await.expect(304);
        assert_eq!((again.header("etag"), again.body.len()), (etag, 0));
    }
}

#[tokio::test]
async fn a_folder_leads_to_its_index_page_and_what_is_not_there_is_told() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    upload(&alice, "1.0", &[("index.html", b"top"), ("guide/index.html", b"guide"), ("img/x.png", b"")])
        .await;
    let reader = server.anonymous();
    let root = url::Url::parse(&format!("{}/", server.url)).unwrap();
    for (path, target) in [
        ("", "index.html"),
        ("/", "index.html"),
        ("/guide", "guide/index.html"),
        ("/guide/", "guide/index.html"),
    ] {
        let reply = read(&reader, &format!("{DOCS}{path}")).await.expect(302);
        let url = root.join(&format!("{DOCS}{path}")).unwrap().join(reply.header("location")).unwrap();
        assert_eq!(url, root.join(&format!("{DOCS}/{target}")).unwrap());
    }
    for path in ["img", "img/", "nothing.html", "guide/index.htm", "..%2fx", "index.html/"] {
        let reply = reader.send("GET", &format!("{DOCS}/{path}"), &[], "").await.expect(404);
        assert!(reply.message().ends_with("not found in documentation."), "{reply}");
    }
    let reply = reader.get(&format!("{DOCS}/img")).await.expect(404);
    assert_eq!(reply.message(), "File img not found in documentation.");
    reader.get(&format!("{DOCS}/a%00b")).await.expect(400);
    alice.post(&format!("{DOCS}/index.html"), json!({})).await.expect(404);
    for (path, message) in [
        ("alice/dev/pkg/2.0/+doc/index.html", "No documentation available."),
        ("alice/dev/none/latest/+doc/index.html", "No documentation available."),
        ("alice/dev/none/stable/+doc/index.html", "No stable documentation available."),
        ("alice/none/pkg/1.0/+doc/index.html", "The stage alice/none could not be found."),
    ] {
        assert_eq!(reader.get(path).await.expect(404).message(), message);
    }
    for (from, to) in [
        ("alice/dev/PKG/1.0/+doc/index.html?q=x", "alice/dev/pkg/1.0/+doc/index.html?q=x"),
        ("alice/dev/pkg/1.0/+d/guide/index.html?q=x", "alice/dev/pkg/1.0/+doc/guide/index.html?q=x"),
        ("alice/dev/pkg/1.0/+d/", "alice/dev/pkg/1.0/+doc/"),
        ("alice/dev/pkg/1.0/+d", "alice/dev/pkg/1.0/+doc"),
    ] {
        let reply = reader.get(from).await.expect(302);
        assert_eq!(reply.header("location"), format!("/{to}"));
    }
}

#[tokio::test]
async fn latest_and_stable_are_the_newest_that_have_documentation_through_any_process() {
    let server = Server::start().await;
    let other = server.beside().await;
    let alice = alice_with_index(&server).await;
    alice.create_index("alice/next", json!({"bases": ["alice/dev"]})).await;
    let reader = server.anonymous().at(&other.url);
    let shown = async |word: &str| {
        let reply = read(&reader, &format!("alice/dev/pkg/{word}/+doc/index.html")).await;
        if reply.status == 200 { reply.text() } else { reply.status.to_string() }
    };
    for (version, latest, stable) in [
        ("1.10rc1", "1.10rc1", "404"),
        ("1.9", "1.10rc1", "1.9"),
        ("1.2", "1.10rc1", "1.9"),
        ("1.10", "1.10", "1.10"),
    ] {
        upload(&alice, version, &[("index.html", version.as_bytes())]).await;
        assert_eq!((shown("latest").await.as_str(), shown("stable").await.as_str()), (latest, stable));
    }
    alice.upload_wheel("alice/dev", "pkg", "2.0").await;
    assert_eq!(shown("latest").await, "1.10");
    upload(&alice, "1.10", &[("index.html", b"changed")]).await;
    assert_eq!(shown("stable").await, "changed");
    alice.delete("alice/dev/pkg/1.10").await.expect(200);
    assert_eq!((shown("latest").await.as_str(), shown("1.10").await.as_str()), ("1.10rc1", "404"));
    // As with devpi, an index has its own documentation only.
    read(&reader, "alice/next/pkg/latest/+doc/index.html").await.expect(404);
}

#[tokio::test]
async fn only_who_may_read_the_index_reads_its_documentation() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    upload(&alice, "1.0", &[("index.html", b"secret")]).await;
    let path = format!("{DOCS}/index.html");
    let bob = server.user("bob").await;
    let etag = read(&bob, &path).await.expect(200).header("etag").to_owned();
    alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    assert_eq!(read(&alice, &path).await.expect(200).header("cache-control"), "private, max-age=60");
    read(&bob, &path).await.expect(403);
    bob.get_with(&path, &[("if-none-match", &etag)]).await.expect(403);
    let reply = read(&server.anonymous(), &path).await.expect(401);
    assert!(reply.header("www-authenticate").starts_with("Basic "));
}

#[tokio::test]
async fn documents_may_have_a_host_of_their_own_which_serves_nothing_else() {
    let server = Server::start_with(|config| {
        config.server.docs_base_url = Some(Arc::new("https://docs.example".parse().unwrap()));
    })
    .await;
    let alice = alice_with_index(&server).await;
    upload(&alice, "1.0", &[("index.html", b"page")]).await;
    let path = format!("{DOCS}/index.html");
    let reply = read(&server.anonymous(), &format!("{path}?q=x")).await.expect(302);
    assert_eq!(reply.header("location"), format!("https://docs.example/{path}?q=x"));
    let at_docs = [("host", "docs.example"), ("accept", "application/json")];
    for headers in [at_docs, [("x-outside-url", "https://docs.example"), at_docs[1]]] {
        assert_eq!(alice.get_with(&path, &headers).await.expect(200).text(), "page");
        for other in
            ["", "+api", "alice/dev", "alice/dev/+simple/", "alice/dev/pkg", "+health/live", "metrics"]
        {
            let reply = alice.get_with(other, &headers).await.expect(404);
            assert_eq!(reply.message(), "there is nothing but documentation at this host");
        }
        alice.send("PUT", "alice/other", &headers, "{}").await.expect(404);
    }
    alice.get("alice/other").await.expect(404);
    alice.get("alice/dev").await.expect(200);
}

#[tokio::test]
async fn of_a_large_archive_only_what_is_asked_for_is_read_and_what_is_damaged_never_comes_whole() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    let video: Vec<u8> =
        (0..3_u32 << 20).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let text = "a line of text\n".repeat(20_000);
    for (name, content, method) in [
        ("first.html", text.as_bytes(), CompressionMethod::Deflated),
        ("video.mp4", &video, CompressionMethod::Stored),
        ("packed.bin", &video, CompressionMethod::Deflated),
        ("last.html", b"last", CompressionMethod::Stored),
    ] {
        zip.start_file(name, options.compression_method(method)).unwrap();
        zip.write_all(content).unwrap();
    }
    let content = zip.finish().unwrap().into_inner();
    alice.upload("alice/dev", Upload::documentation("pkg", Some("1.0"), content.clone())).await.expect(200);
    for (name, expected) in [("video.mp4", &video), ("packed.bin", &video)] {
        assert!(read(&alice, &format!("{DOCS}/{name}")).await.expect(200).body == *expected, "{name}");
    }

    let digest = archive::sha256(&content);
    let object = format!("blobs/sha256/{}/{}/{digest}", &digest[..2], &digest[2..4]);
    let mut damaged = content.clone();
    let first = content.windows(9).position(|bytes| bytes == b"video.mp4").unwrap() + 100;
    let last = content.windows(9).position(|bytes| bytes == b"last.html").unwrap() - 100;
    damaged[first..last].fill(0x55);
    server.put_object(&object, damaged).await;
    let other = server.beside().await;
    for server in [&server, &other] {
        let reader = server.anonymous();
        assert!(read(&reader, &format!("{DOCS}/first.html")).await.expect(200).text() == text);
        assert_eq!(read(&reader, &format!("{DOCS}/last.html")).await.expect(200).text(), "last");
        for name in ["video.mp4", "packed.bin"] {
            let reply = reader.try_get(&format!("{DOCS}/{name}"), &[]).await;
            assert!(reply.is_none_or(|reply| reply.status != 200), "{name}");
        }
    }
}

#[tokio::test]
async fn a_file_that_unpacks_to_much_more_than_it_is_comes_whole() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("zeros.bin", SimpleFileOptions::default()).unwrap();
    let block = vec![0; 1 << 20];
    for _ in 0..64 {
        zip.write_all(&block).unwrap();
    }
    let content = zip.finish().unwrap().into_inner();
    assert!(content.len() < 100_000);
    alice.upload("alice/dev", Upload::documentation("pkg", Some("1.0"), content)).await.expect(200);
    let reply = read(&alice, &format!("{DOCS}/zeros.bin")).await.expect(200);
    assert!(reply.body.len() == 64 << 20 && reply.body.iter().all(|byte| *byte == 0));
}

//! The upstream that mirrors are tested with, tested itself: what it promises is what it does.

use crate::harness::{
    Upstream, archive, until,
    upstream::{Fault, File, Hash, Part, Shape, Sidecar, Validators},
};
use regex::Regex;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::time::Duration;

const WHEEL: &str = "pkg-1.0-py3-none-any.whl";

fn client() -> Client {
    Client::builder().no_gzip().build().unwrap()
}

async fn get(url: &str, headers: &[(&str, &str)]) -> reqwest::Result<Response> {
    let mut request = client().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await
}

/// Status and body; `None`: the connection broke before the end.
async fn whole(url: &str, headers: &[(&str, &str)]) -> Option<(u16, Vec<u8>)> {
    let response = get(url, headers).await.ok()?;
    Some((response.status().as_u16(), response.bytes().await.ok()?.to_vec()))
}

#[tokio::test]
async fn pages_say_what_is_there_in_every_shape() {
    let upstream = Upstream::start();
    upstream.add(
        "Pkg.X",
        File::wheel("pkg-x", "1.0")
            .requires_python(">=3.8")
            .yanked("bad & worse")
            .uploaded("2026-11-02T10:00:00.123456Z")
            .sidecar(Sidecar::Sha256, "Name: pkg-x"),
    );
    upstream.add("Pkg.X", File::wheel("pkg-x", "2.0").hash(Hash::None).size(None).elsewhere());
    upstream.add("Pkg.X", File::wheel("pkg-x", "3.0").hash(Hash::Md5).yanked(""));
    let url = format!("{}pkg-x/", upstream.url());

    let page: Value = serde_json::from_slice(&whole(&url, &[]).await.unwrap().1).unwrap();
    assert_eq!(page["versions"], json!(["1.0", "2.0", "3.0"]));
    let files = page["files"].as_array().unwrap();
    assert_eq!(files[0]["yanked"], "bad & worse");
    assert_eq!((&files[1]["hashes"], files[1].get("size")), (&json!({}), None));
    assert_eq!((&files[2]["yanked"], files[2]["hashes"]["md5"].is_string()), (&json!(true), true));
    for file in files {
        let (status, bytes) = whole(file["url"].as_str().unwrap(), &[]).await.unwrap();
        let filename = file["filename"].as_str().unwrap();
        assert_eq!((status, upstream.sent(filename)), (200, bytes.len()));
    }
    let metadata = format!("{}.metadata", files[0]["url"].as_str().unwrap());
    assert_eq!(whole(&metadata, &[]).await.unwrap().1, b"Name: pkg-x");

    let link = Regex::new(r#"(?i)href=["']?([^"'> ]*\.whl[^"'> ]*)"#).unwrap();
    for shape in [Shape::Html, Shape::HtmlWild] {
        upstream.shape(shape);
        let page = String::from_utf8(whole(&url, &[]).await.unwrap().1).unwrap();
        let base = reqwest::Url::parse(&url.replace("simple/pkg-x/", "files/")).unwrap();
        let mut links = 0;
        for found in link.captures_iter(&page) {
            let link = base.join(&found[1].replace("&amp;", "&")).unwrap();
            assert_eq!(whole(link.as_str(), &[]).await.unwrap().0, 200, "{link}");
            links += 1;
        }
        assert_eq!(links, 3, "{page}");
        assert!(page.contains("bad &amp; worse"));
    }
    upstream.names(300_000);
    for shape in [Shape::Json, Shape::Html] {
        upstream.shape(shape);
        let list = String::from_utf8(whole(&upstream.url(), &[]).await.unwrap().1).unwrap();
        assert!(list.contains("Pkg.X") && list.contains("name-299999"));
    }
    assert_eq!(whole(&url.replace("pkg-x", "other"), &[]).await.unwrap().0, 404);
    assert_eq!(upstream.requests()[0].path, "/simple/pkg-x/");
    assert_eq!((upstream.page_requests("pkg-x"), upstream.list_requests()), (3, 2));
    upstream.clear_requests();
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn who_has_a_page_is_told_so_until_it_changes() {
    let upstream = Upstream::start();
    upstream.add_wheel("pkg", "1.0");
    let url = format!("{}pkg/", upstream.url());
    for (validators, header, condition) in [
        (Validators::ETag, "etag", "if-none-match"),
        (Validators::LastModified, "last-modified", "if-modified-since"),
    ] {
        upstream.validators(validators);
        let first = get(&url, &[]).await.unwrap();
        let validator = first.headers()[header].to_str().unwrap().to_owned();
        assert_eq!(whole(&url, &[(condition, &validator)]).await, Some((304, Vec::new())));
        upstream.add_wheel("pkg", if header == "etag" { "2.0" } else { "3.0" });
        assert_eq!(whole(&url, &[(condition, &validator)]).await.unwrap().0, 200);
    }
    upstream.validators(Validators::None);
    assert!(get(&url, &[]).await.unwrap().headers().get("etag").is_none());
}

#[tokio::test]
async fn a_file_comes_in_parts() {
    let upstream = Upstream::start();
    let (_, bytes) = upstream.add_wheel("pkg", "1.0");
    let (url, size) = (upstream.file_url(WHEEL), bytes.len());
    for (range, part) in [
        ("bytes=0-9", &bytes[..10]),
        ("bytes=10-", &bytes[10..]),
        ("bytes=-7", &bytes[size - 7..]),
        ("bytes=5-999999", &bytes[5..]),
    ] {
        assert_eq!(whole(&url, &[("range", range)]).await, Some((206, part.to_vec())), "{range}");
    }
    assert_eq!(whole(&url, &[("range", "bytes=999999-")]).await.unwrap().0, 416);
    assert_eq!((upstream.range_requests(WHEEL), upstream.file_requests(WHEEL)), (5, 0));
    upstream.fail(Part::File(WHEEL), Fault::NoRange);
    assert_eq!(whole(&url, &[("range", "bytes=0-9")]).await, Some((200, bytes)));
}

#[tokio::test]
async fn what_is_wrong_is_wrong_until_it_is_mended() {
    let upstream = Upstream::start();
    let (_, bytes) = upstream.add_wheel("pkg", "1.0");
    let (page, file) = (format!("{}pkg/", upstream.url()), upstream.file_url(WHEEL));
    let size = bytes.len();

    for fault in [Fault::CutAfter(50), Fault::CutChunked(50), Fault::CutAfter(0)] {
        upstream.fail(Part::Files, fault.clone());
        assert_eq!(whole(&file, &[]).await, None, "{fault:?}");
    }
    upstream.clear_requests();
    upstream.fail(Part::Files, Fault::CutAfter(50));
    let mut response = get(&file, &[]).await.unwrap();
    assert_eq!(response.content_length(), Some(size as u64));
    assert_eq!(response.chunk().await.unwrap().unwrap(), bytes[..50]);
    assert!(response.chunk().await.is_err());
    assert_eq!(upstream.sent(WHEEL), 50);

    for (fault, length) in [(Fault::Short(9), 9), (Fault::Long, size + 9), (Fault::WrongBytes, size)] {
        upstream.fail(Part::Files, fault);
        let (status, content) = whole(&file, &[]).await.unwrap();
        assert_eq!((status, content.len(), content == bytes), (200, length, false));
    }
    upstream.fail(Part::Files, Fault::Packed);
    let response = get(&file, &[]).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");

    upstream.fail(Part::Page("pkg"), Fault::RedirectLoop);
    assert!(get(&page, &[]).await.unwrap_err().is_redirect());
    upstream.fail(Part::Pages, Fault::Status(503));
    assert_eq!(whole(&page, &[]).await.unwrap().0, 503);
    upstream.fail(Part::List, Fault::RetryAfter(429, 7));
    assert_eq!(get(&upstream.url(), &[]).await.unwrap().headers()["retry-after"], "7");
    upstream.mend();
    for (url, content) in [(&file, Some(bytes)), (&page, None), (&upstream.url(), None)] {
        let (status, found) = whole(url, &[]).await.unwrap();
        assert_eq!(status, 200);
        assert!(content.is_none_or(|content| content == found));
    }
}

#[tokio::test]
async fn a_stalled_answer_comes_when_it_is_mended() {
    let upstream = Upstream::start();
    upstream.add_wheel("pkg", "1.0");
    upstream.fail(Part::Pages, Fault::Stall);
    let page = format!("{}pkg/", upstream.url());
    let impatient = client().get(&page).timeout(Duration::from_millis(50)).send().await;
    assert!(impatient.unwrap_err().is_timeout());
    let ((status, _), ()) = tokio::join!(async { whole(&page, &[]).await.unwrap() }, async {
        until("the request came", async || upstream.page_requests("pkg") == 2).await;
        upstream.mend();
    });
    assert_eq!(status, 200);
    until("all is answered", async || upstream.in_flight() == 0).await;
}

#[tokio::test]
async fn a_held_file_comes_as_far_as_it_is_let_through() {
    let upstream = Upstream::start();
    let (filename, bytes) = upstream.add("pkg", File::new(archive::large_wheel("pkg", "1.0", 100_000)));
    let hold = upstream.hold(Part::File(&filename), 1000);
    let mut response = get(&upstream.file_url(&filename), &[]).await.unwrap();
    hold.reached().await;
    assert_eq!((upstream.sent(&filename), upstream.in_flight()), (1000, 1));
    let mut content = Vec::new();
    while content.len() < 1000 {
        content.extend(response.chunk().await.unwrap().unwrap());
    }
    hold.let_through(500);
    while content.len() < 1500 {
        content.extend(response.chunk().await.unwrap().unwrap());
    }
    hold.reached().await;
    assert_eq!(upstream.sent(&filename), 1500);
    hold.release();
    while let Some(chunk) = response.chunk().await.unwrap() {
        content.extend(chunk);
    }
    assert!(content == bytes);
    until("all is answered", async || upstream.in_flight() == 0).await;
}

#[tokio::test]
async fn credentials_are_wanted_by_the_index_and_not_by_the_files_host() {
    let upstream = Upstream::start();
    upstream.credentials("me", "pass:word/");
    let (here, _) = upstream.add_wheel("pkg", "1.0");
    let (there, _) = upstream.add("pkg", File::wheel("pkg", "2.0").elsewhere());
    for (url, status) in [
        (upstream.url(), 401),
        (upstream.mirror_url(), 200),
        (upstream.file_url(&here), 401),
        (upstream.file_url(&there), 200),
    ] {
        assert_eq!(whole(&url, &[]).await.unwrap().0, status, "{url}");
    }
    let requests = upstream.requests();
    assert!(requests[1].header("authorization").starts_with("Basic "));
    assert_eq!((requests[2].elsewhere, requests[3].elsewhere), (false, true));
}

#[tokio::test]
async fn a_url_that_expired_is_forbidden_and_the_page_has_another() {
    let upstream = Upstream::start();
    let (filename, _) = upstream.add("pkg", File::wheel("pkg", "1.0").expiring());
    let old = upstream.file_url(&filename);
    assert_eq!(whole(&old, &[]).await.unwrap().0, 200);
    upstream.expire("pkg", &filename);
    assert_eq!(whole(&old, &[]).await.unwrap().0, 403);
    assert_eq!(whole(&upstream.file_url(&filename), &[]).await.unwrap().0, 200);
}

#[tokio::test]
async fn it_can_go_and_come_back_where_it_was() {
    let mut upstream = Upstream::start();
    upstream.add_wheel("pkg", "1.0");
    let url = upstream.url();
    let kept = client();
    assert_eq!(kept.get(&url).send().await.unwrap().status(), 200);
    upstream.stop().await;
    assert!(kept.get(&url).send().await.unwrap_err().is_connect());
    upstream.talk_nonsense().await;
    assert!(kept.get(&url).send().await.is_err());
    upstream.start_again().await;
    assert_eq!(kept.get(&url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn by_tls_only_who_trusts_anyone_gets_an_answer() {
    let upstream = Upstream::start_tls();
    upstream.add_wheel("pkg", "1.0");
    assert!(whole(&upstream.url(), &[]).await.is_none());
    assert!(upstream.requests().is_empty());
    let client = Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let file = upstream.file_url(WHEEL);
    assert_eq!(client.get(file).send().await.unwrap().status(), 200);
}

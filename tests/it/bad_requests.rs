//! Bad input: paths, methods and credentials that nothing answers to.

use crate::harness::{Client, Server};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends a request line as it is, which no client library would; status, media type and body of the answer.
async fn raw(
    client: &Client,
    server: &Server,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String, String) {
    let authorization = client.request(reqwest::Method::GET, "").build().unwrap();
    let authorization =
        authorization.headers().get("authorization").map_or("", |value| value.to_str().unwrap());
    let host = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nConnection: close\r\n\
         Authorization: {authorization}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let media_type = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    (status, media_type.to_owned(), body.to_owned())
}

/// Names that nothing may have, percent-encoded.
fn bad_names() -> Vec<String> {
    let long = "x".repeat(10_000);
    let plain = [
        "",
        " ",
        ".",
        "..",
        "../..",
        "/",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "\0",
        "a\0b",
        "\n",
        "a\r\nSet-Cookie: x=y",
        "\t",
        "\u{7f}",
        "*",
        "?",
        "#",
        "a:b",
        "a;b",
        "a,b",
        "a b",
        "'",
        "\"",
        "<script>",
        "a&b",
        "%",
        "%2F",
        "%00",
        "{}",
        "$(id)",
        "`id`",
        "' or 1=1 --",
        "+",
        "+x",
        "~",
        long.as_str(),
    ];
    let encoded = plain.iter().map(|name| utf8_percent_encode(name, NON_ALPHANUMERIC).to_string());
    let undecodable = ["%ff", "a%ffb", "%c3", "%ed%a0%80", "%", "%2", "%zz", "%C0%AF"].map(str::to_owned);
    encoded.chain(undecodable).collect()
}

#[tokio::test]
async fn names_that_nothing_may_have_are_found_nowhere_and_given_to_nothing() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let before = server.serial().await;
    let password = r#"{"password": "x"}"#;
    for name in bad_names() {
        let mut requests = vec![
            ("PUT", format!("/{name}"), password),
            ("PATCH", format!("/{name}"), password),
            ("DELETE", format!("/{name}"), ""),
            ("GET", format!("/alice/dev/+simple/{name}/x"), ""),
            ("GET", format!("/alice/dev/pkg/{name}/x"), ""),
            ("GET", format!("/alice/dev/+f/{name}"), ""),
            ("GET", format!("/alice/dev/+f/{name}/{name}/{name}"), ""),
            ("GET", format!("/alice/dev/+f/123/456789abcdef0/{name}"), ""),
            ("DELETE", format!("/alice/dev/+f/123/456789abcdef0/{name}"), ""),
            ("PATCH", format!("/alice/dev/+f/123/456789abcdef0/{name}"), r#"{"yanked": true}"#),
            ("GET", format!("/+changelog/{name}"), ""),
        ];
        // An empty segment is the page above, which is there.
        if !name.is_empty() {
            requests.extend([
                ("GET", format!("/{name}"), ""),
                ("GET", format!("/{name}/dev"), ""),
                ("GET", format!("/alice/{name}"), ""),
                ("PUT", format!("/alice/{name}"), "{}"),
                ("PUT", format!("/{name}/dev"), "{}"),
                ("PATCH", format!("/alice/{name}"), "{}"),
                ("DELETE", format!("/alice/{name}"), ""),
                ("POST", format!("/alice/{name}"), "{}"),
                ("GET", format!("/alice/{name}/+api"), ""),
                ("GET", format!("/alice/{name}/+simple/pkg/"), ""),
                ("GET", format!("/alice/dev/{name}"), ""),
                ("DELETE", format!("/alice/dev/{name}"), ""),
                ("PATCH", format!("/alice/dev/{name}"), r#"{"status": "archived"}"#),
                ("GET", format!("/alice/dev/+simple/{name}"), ""),
                ("GET", format!("/alice/dev/+simple/{name}/"), ""),
                ("GET", format!("/alice/dev/{name}/1.0"), ""),
                ("GET", format!("/alice/dev/pkg/{name}"), ""),
                ("DELETE", format!("/alice/dev/pkg/{name}"), ""),
                ("PATCH", format!("/alice/dev/pkg/{name}"), r#"{"yanked": true}"#),
            ]);
        }
        for (method, path, body) in requests {
            let (status, media_type, text) = raw(&alice, &server, method, &path, body).await;
            let what = format!("{method} {path:.200}: {status} {text:.400}");
            assert!((400..500).contains(&status), "{what}");
            assert_eq!(media_type, "application/json", "{what}");
            let reply: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{what}"));
            assert!(reply["message"].is_string(), "{what}");
        }
    }
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn no_path_leads_out_of_the_index() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    for path in [
        "/../../etc/passwd",
        "/alice/dev/../../../etc/passwd",
        "/alice/dev/+f/../../../../etc/passwd",
        "/alice/dev/+f/%2e%2e/%2e%2e/passwd",
        "/alice/dev/+f/..%2f..%2f/etc%2fpasswd/x",
        "/alice/dev/+f/etc/passwd",
        "/alice/dev/+simple/../../..",
        "//etc/passwd",
        "/alice//dev",
        "///",
        "/alice/dev/pkg/1.0/+f/x",
        "/alice/dev/+e/x/y",
        "/a/b/c/d/e/f/g",
        "/+nothing",
        "/+login/",
        "/+status/x",
        "/+changelog/",
        "/alice/dev/+simple/pkg/refresh",
    ] {
        let (status, media_type, text) = raw(&server.root(), &server, "GET", path, "").await;
        assert_eq!((status, media_type.as_str()), (404, "application/json"), "{path}: {text}");
    }
}

#[tokio::test]
async fn methods_that_a_route_does_not_have_are_not_found() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let file = alice.file_path("alice/dev", "pkg", &wheel).await;
    let before = server.serial().await;
    let always = ["OPTIONS", "TRACE", "PROPFIND", "get", "X"];
    for (path, methods) in [
        ("", &["POST", "PUT", "PATCH", "DELETE", "PUSH"][..]),
        ("+status", &["POST", "PUT", "DELETE"]),
        ("+api", &["POST", "PUT", "DELETE"]),
        ("+login", &["PUT", "PATCH", "DELETE", "PUSH"]),
        ("+changelog/1", &["PUT", "DELETE"]),
        ("alice", &["POST", "PUSH"]),
        ("alice/", &["POST", "PUSH"]),
        ("alice/+api", &["POST", "PUT"]),
        ("alice/dev", &[]),
        ("alice/dev/", &[]),
        ("alice/dev/+api", &["PUT", "DELETE"]),
        ("alice/dev/+simple", &["POST", "PUT", "PATCH", "DELETE", "PUSH"]),
        ("alice/dev/+simple/", &["POST", "PUT", "PATCH", "DELETE", "PUSH"]),
        ("alice/dev/+simple/pkg", &["POST", "PUT", "PATCH", "DELETE", "PUSH"]),
        ("alice/dev/+simple/pkg/", &["POST", "PUT", "PATCH", "DELETE", "PUSH"]),
        ("alice/dev/pkg", &["POST", "PUT", "PUSH"]),
        ("alice/dev/pkg/", &["POST", "PUT", "PUSH"]),
        ("alice/dev/pkg/1.0", &["POST", "PUT", "PUSH"]),
        (&file, &["PUT", "PUSH"]),
    ] {
        for method in methods.iter().chain(&always) {
            let reply = alice.json(method, path, json!({})).await;
            assert_eq!(reply.status, 404, "{method} {path}: {reply}");
            assert!(!reply.message().is_empty(), "{method} {path}");
        }
    }
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn an_error_has_the_form_that_its_reader_asks_for() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    for (accept, media_type) in [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html, */*;q=0.1", "text/html; charset=utf-8"),
        ("text/html;q=0.5, application/json", "application/json"),
    ] {
        let reply = anonymous.get_with("alice/%3Cb%3E", &[("accept", accept)]).await.expect(404);
        assert_eq!(reply.header("content-type"), media_type, "{accept}");
        assert_eq!(reply.header("cache-control"), "no-cache");
        assert!(media_type.contains("json") || !reply.text().contains("<b>"), "{reply}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_with_what_the_browser_remembers() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let put = async |site: &str| {
        let headers = [("sec-fetch-site", site), ("content-type", "text/plain")];
        alice.send("PUT", "alice/dev", &headers, "{}").await.status
    };
    for site in ["cross-site", "same-site", "nonsense"] {
        assert_eq!(put(site).await, 403, "{site}");
    }
    alice.get_with("alice", &[("sec-fetch-site", "cross-site")]).await.expect(200);
    assert_eq!((put("same-origin").await, put("none").await), (200, 409));
}

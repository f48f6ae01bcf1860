//! `/+authcheck`, as nginx's `auth_request` asks it, and scripts of other origins.

use crate::harness::{Client, Server};
use serde_json::json;

async fn check(client: &Client, original: &str, agent: &str) -> u16 {
    let headers = [("x-original-uri", original), ("user-agent", agent)];
    client.get_with("+authcheck", &headers).await.status
}

#[tokio::test]
async fn what_a_proxy_may_keep_to_itself_is_not_told_on_this_way() {
    let server = Server::start().await;
    for path in ["/metrics", "/+health/ready"] {
        let reply = server.anonymous().get_with("+authcheck", &[("x-original-uri", path)]).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, ""), "{path}");
    }
}

#[tokio::test]
async fn a_proxy_learns_who_may_read_what() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    alice.create_index("alice/open", json!({})).await;
    alice.create_index("alice/secret", json!({"acl_read": "alice"})).await;
    let wheel = alice.upload_wheel("alice/secret", "pkg", "1.0").await;
    let file = alice.file_path("alice/secret", "pkg", &wheel).await;
    for (original, strangers) in [
        (format!("/{file}"), 401),
        (format!("/{file}.metadata?x=1"), 401),
        (format!("/packages/{file}"), 401),
        (format!("http://host/{file}"), 401),
        ("/alice/secret/%2Bsimple/pkg/".into(), 401),
        ("/alice/secret/pkg/1.0".into(), 401),
        ("/alice/secret/pypi/pkg/json".into(), 401),
        // Who uploads need not read.
        ("/alice/secret/".into(), 200),
        ("/alice/secret/+api".into(), 200),
        ("/alice/open/+simple/".into(), 200),
        ("/alice/none/+simple/".into(), 200),
        ("/alice".into(), 200),
        ("/+login".into(), 200),
        ("/+api".into(), 200),
        ("/".into(), 200),
    ] {
        assert_eq!(check(&server.anonymous(), &original, "pip/26").await, strangers, "{original}");
        let known = if strangers == 401 { 403 } else { 200 };
        assert_eq!(check(&bob, &original, "pip/26").await, known, "{original}");
        assert_eq!(check(&server.anonymous(), &original, "devpi-client/7.3.0").await, known, "{original}");
        assert_eq!(check(&alice, &original, "pip/26").await, 200, "{original}");
    }
    // A file of an index that was deleted may still lie where the proxy finds it.
    for nowhere in ["/a/b/c/d/e/f/g", "/+nothing/b/c/d/e", "/alice/none/+f/abc/0123456789abc/x.whl"] {
        assert_eq!(check(&alice, nowhere, "pip/26").await, 403, "{nowhere}");
    }
    let reply = server.anonymous().get_with("+authcheck", &[("x-original-uri", &format!("/{file}"))]).await;
    assert_eq!(reply.header("www-authenticate"), "Basic realm=\"pypi\"");
    let asked = [("x-original-uri", "/alice/secret/+simple/")];
    server.anonymous().send("POST", "+authcheck", &asked, "").await.expect(401);
    server.anonymous().get("+authcheck").await.expect(200);
    // The header means nothing elsewhere.
    server.anonymous().get_with(&file, &[("x-original-uri", "/+api")]).await.expect(401);
}

#[tokio::test]
async fn behind_a_prefix_a_proxy_asks_with_the_whole_path() {
    let server =
        Server::start_with(|config| config.server.outside_url = Some("https://x.example/pypi".into())).await;
    let alice = server.user("alice").await;
    alice.create_index("alice/secret", json!({"acl_read": "alice"})).await;
    for (path, original) in [
        ("+authcheck", "/pypi/alice/secret/+simple/"),
        ("+authcheck", "/alice/secret/+simple/"),
        ("pypi/+authcheck", "/pypi/alice/secret/+simple/"),
    ] {
        for (client, status) in [(&server.anonymous(), 401), (&alice, 200)] {
            assert_eq!(
                client.get_with(path, &[("x-original-uri", original)]).await.status,
                status,
                "{original}"
            );
        }
    }
}

#[tokio::test]
async fn scripts_of_the_origins_of_the_setting_may_read_and_nobody_elses() {
    let plain = Server::start().await;
    let reply = plain.anonymous().get_with("+api", &[("origin", "https://a.example")]).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), "");

    for (origins, a, b) in [("https://a.example", "https://a.example", ""), ("*", "*", "*")] {
        let server = Server::start_with(|config| config.server.cors_origins = vec![origins.into()]).await;
        let alice = server.user("alice").await;
        alice.create_index("alice/dev", json!({})).await;
        for (origin, allowed) in [("https://a.example", a), ("https://b.example", b)] {
            for path in ["alice/dev/+simple/", "alice/dev/+simple/none/", "nothing/at/all/here/x"] {
                let reply = alice.get_with(path, &[("origin", origin)]).await;
                assert_eq!(reply.header("access-control-allow-origin"), allowed, "{path}");
                assert_eq!(reply.header("access-control-allow-credentials"), "");
            }
            let asked = [
                ("origin", origin),
                ("access-control-request-method", "GET"),
                ("access-control-request-headers", "authorization"),
            ];
            let reply = alice.send("OPTIONS", "alice/dev/+simple/", &asked, "").await.expect(200);
            assert_eq!(reply.header("access-control-allow-origin"), allowed);
            assert!(reply.header("access-control-allow-headers").contains("authorization"));
            assert!(!reply.header("access-control-allow-methods").contains("POST"));
        }
    }
}

//! Log in and out with a browser, and what a cookie alone may not do.

use super::visitor::Visitor;
use crate::harness::Server;
use serde_json::json;

#[tokio::test]
async fn a_person_logs_in_sees_who_they_are_and_logs_out() {
    let server = Server::start().await;
    server.user("alice").await;
    let mut alice = Visitor::new(&server);
    assert!(alice.get("").await.expect(200).text().contains("+login?next="));
    let form = alice.form("+login?next=/alice/x%3Fy", "/+login").await;
    let reply = alice.send(&form, &[("user", "alice"), ("password", "secret")]).await.expect(303);
    assert_eq!(reply.header("location"), "/alice/x?y");
    let cookie = reply.header("set-cookie").to_owned();
    let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    assert_eq!(attributes, ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=36000"], "{cookie}");
    alice.keep(&reply);
    let page = alice.get("").await.expect(200);
    assert!(page.text().contains("+logout\"") && page.text().contains(">alice</a>"), "{page}");
    assert!(page.header("cache-control").contains("private") && page.header("vary").contains("Cookie"));

    let reply = alice.fill("", "/+logout", &[]).await.expect(303);
    assert_eq!(reply.header("location"), "/?done=logged-out");
    alice.keep(&reply);
    assert_eq!(alice.cookie, None);
    assert!(alice.get("?done=logged-out").await.text().contains("You are logged out."));
    assert!(!alice.get("?done=<b>x").await.text().contains("<b>x"));
}

#[tokio::test]
async fn behind_tls_and_a_prefix_the_cookie_is_for_those_only() {
    let server = Server::start_with(|config| {
        config.server.outside_url = Some("https://index.example/py".into());
    })
    .await;
    server.user("alice").await;
    let alice = Visitor::new(&server);
    alice.form("py/+login?next=/alice", "/py/+login").await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let body = "user=alice&password=secret&next=/alice";
    let reply = alice.ask("POST", "py/+login", &[kind, ("origin", "https://index.example")], body).await;
    assert_eq!(reply.header("location"), "/py/alice", "{reply}");
    let cookie = reply.header("set-cookie");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/py; Max-Age=36000"), "{cookie}");
}

#[tokio::test]
async fn a_wrong_login_says_the_same_of_users_that_are_and_that_are_not() {
    let server = Server::start().await;
    server.user("alice").await;
    let mut seen = Vec::new();
    for user in ["alice", "nobody"] {
        let mut visitor = Visitor::new(&server);
        let reply = visitor.log_in(user, "wrong").await.expect(401);
        assert_eq!((reply.header("set-cookie"), reply.header("www-authenticate")), ("", ""));
        assert!(reply.text().contains("role=\"alert\">The user name or the password is wrong."), "{reply}");
        assert!(!reply.text().contains("wrong\""), "the password is not shown: {reply}");
        seen.push(reply.text().replace(user, "USER"));
    }
    assert_eq!(seen[0], seen[1]);
    let reply = Visitor::new(&server).log_in("\"><script>alert(1)</script>", "x").await.expect(401);
    assert!(!reply.text().contains("<script>alert"), "{reply}");
}

#[tokio::test]
async fn a_page_of_another_origin_logs_nobody_in() {
    let server = Server::start().await;
    server.user("alice").await;
    let visitor = Visitor::new(&server);
    let body = "user=alice&password=secret";
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for origin in ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1"] {
        let reply = visitor.ask("POST", "+login", &[kind, ("origin", origin)], body).await.expect(403);
        assert_eq!(reply.header("set-cookie"), "", "{origin}");
    }
    for origin in [server.url.clone(), server.url.replace("http://", "https://")] {
        visitor.ask("POST", "+login", &[kind, ("origin", &origin)], body).await.expect(303);
    }
    for site in ["cross-site", "same-site"] {
        visitor.ask("POST", "+login", &[kind, ("sec-fetch-site", site)], body).await.expect(403);
    }
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_the_browser_forgets_it() {
    let server = Server::start().await;
    server.user("alice").await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    assert_eq!(alice.get("").await.header("set-cookie"), "");
    server.login("alice").patch("alice", json!({"password": "other"})).await.expect(200);
    let reply = alice.get("").await.expect(200);
    assert!(reply.text().contains(">Log in</a>"), "{reply}");
    assert!(reply.header("set-cookie").starts_with("wheelyard_session=; "), "{}", reply.header("set-cookie"));
    assert!(reply.header("set-cookie").contains("Max-Age=0"));

    for cookie in ["", "x", "alice:secret2", "alice%3A", "%", "alice:eyJ.x.y", ":", "\"alice:x\""] {
        let mut visitor = Visitor::new(&server);
        visitor.cookie = Some(format!("wheelyard_session={cookie}"));
        assert!(visitor.get("").await.expect(200).text().contains(">Log in</a>"), "{cookie}");
    }
}

#[tokio::test]
async fn an_api_token_logs_in_for_what_it_is_for() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/secret", json!({"acl_read": "alice"})).await;
    let made = alice.post("alice/+token-create", json!({"allowed": ["pkg_read"]})).await.expect(200).result();
    for user in ["alice", "__token__"] {
        let visitor = Visitor::of(&server, user, made["token"].as_str().unwrap()).await;
        visitor.get("alice/secret").await.expect(200);
        let id = made["id"].as_str().unwrap();
        assert!(!visitor.get("").await.text().contains("+new-user"));
        if user == "__token__" {
            alice.delete(&format!("alice/+tokens/{id}")).await.expect(200);
            visitor.get("alice/secret").await.expect(401);
        }
    }
}

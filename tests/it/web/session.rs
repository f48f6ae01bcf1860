//! Log in and out with a browser, and what a cookie alone may not do.

use super::visitor::{Visitor, forms};
use crate::harness::{Server, issuer::Issuer};
use base64::{Engine, engine::general_purpose::STANDARD};
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
        let reply = visitor.ask("POST", "+login", &[kind, ("origin", &origin)], body).await.expect(303);
        assert_eq!(reply.header("set-cookie").contains("; Secure"), origin.starts_with("https"), "{origin}");
    }
    // Behind a proxy that does not pass the host on, the browser knows it.
    let behind = [kind, ("origin", "https://index.example"), ("sec-fetch-site", "same-origin")];
    let reply = visitor.ask("POST", "+login", &behind, body).await.expect(303);
    assert!(reply.header("set-cookie").contains("; Secure"), "{reply}");
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
        let mut visitor = Visitor::new(&server);
        let reply = visitor.log_in(user, made["token"].as_str().unwrap()).await.expect(303);
        assert!(reply.header("set-cookie").ends_with("; Max-Age=36000"), "{}", reply.header("set-cookie"));
        visitor.get("alice/secret").await.expect(200);
        let id = made["id"].as_str().unwrap();
        assert!(!visitor.get("").await.text().contains("+new-user"));
        if user == "__token__" {
            alice.delete(&format!("alice/+tokens/{id}")).await.expect(200);
            visitor.get("alice/secret").await.expect(401);
        }
    }
}

#[tokio::test]
async fn the_token_of_a_trusted_publisher_begins_no_session_and_is_told_why() {
    let issuer = Issuer::start().await;
    let url = issuer.url.clone();
    let server = Server::start_with(|config| {
        config.server.oidc_issuer = vec![url];
        config.server.oidc_audience = Some("wheels.example".into());
    })
    .await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let body = json!({"issuer": issuer.url, "claims": {"repository": "octo/app"}});
    alice.post("alice/dev/+publishers", body).await.expect(201);
    let jwt = json!({"token": issuer.token("wheels.example")});
    let minted = server.anonymous().post("_/oidc/mint-token", jwt).await.expect(200).json();
    let mut visitor = Visitor::new(&server);
    let reply = visitor.log_in("__token__", minted["token"].as_str().unwrap()).await.expect(403);
    assert!(reply.text().contains("role=\"alert\">This is the token of a trusted publisher"), "{reply}");
    assert_eq!(reply.header("set-cookie"), "");
}

#[tokio::test]
async fn a_password_that_a_browser_sends_for_a_proxy_ends_no_session() {
    let server = Server::start().await;
    server.user("alice").await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let root = server.root().request(reqwest::Method::GET, "").build().unwrap();
    let root = root.headers()["authorization"].to_str().unwrap().to_owned();
    let proxy = format!("Basic {}", STANDARD.encode("proxy:word"));
    for basic in [&proxy, &root] {
        let basic = ("authorization", basic.as_str());
        let page = alice.ask("GET", "alice/+edit", &[basic], "").await.expect(200).text();
        let form = forms(&page).into_iter().find(|form| form.action == "/alice/+edit").unwrap();
        let proof = ("x-csrf-token", form.fields["csrf_token"].as_str());
        let json = ("content-type", "application/json");
        alice.ask("PATCH", "alice", &[basic, proof, json], "{\"title\": \"x\"}").await.expect(200);
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&form.fields);
        let kind = ("content-type", "application/x-www-form-urlencoded");
        alice.ask("POST", "alice/+edit", &[basic, kind], body.finish()).await.expect(303);
    }
    // A program says itself who it is, whatever cookies it has.
    let said = [("authorization", "Bearer wrong"), ("accept", "text/html")];
    assert!(alice.ask("GET", "", &said, "").await.text().contains(">Log in</a>"));
    // Without a session there is no form to send, but the way to one.
    for page in ["root/+edit", "root/+password", "root/+new-index"] {
        let reply = server.root().get_with(page, &[("accept", "text/html")]).await.expect(200);
        let text = reply.text();
        assert!(!forms(&text).iter().any(|form| form.action.contains("root/+")), "{text}");
        assert!(text.contains("To change anything here, <a href=\"/+login?next="), "{text}");
    }
}

#[tokio::test]
async fn what_a_page_of_a_browser_asks_for_opens_no_window_for_a_password() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/secret", json!({"acl_read": "alice"})).await;
    for (agent, accept, scheme) in [
        ("Mozilla/5.0 (X11)", "text/event-stream", "Cookie"),
        ("Mozilla/5.0 (X11)", "text/html", "Cookie"),
        ("curl/8", "text/event-stream", "Basic"),
        ("Mozilla/5.0 (X11)", "*/*", "Basic"),
    ] {
        let headers = [("user-agent", agent), ("accept", accept)];
        let reply = server.anonymous().get_with("+events?index=alice/secret", &headers).await.expect(401);
        assert_eq!(reply.header("www-authenticate"), format!("{scheme} realm=\"pypi\""), "{agent} {accept}");
    }
}

//! Login, tokens and the other ways to say who one is.

use crate::harness::{
    Client, Server,
    binary::{Binary, place},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures::StreamExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn a_login_token_stands_for_the_password_in_both_headers() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let reply = alice.post("+login", json!({"user": "alice", "password": "secret"})).await.expect(200);
    assert_eq!((&reply.json()["type"], reply.message().as_str()), (&json!("proxyauth"), "login successful"));
    assert_eq!(reply.result()["expiration"], 36_000);
    let token = token(&reply.result());
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "not URL-safe: {token}");

    let status =
        |name: &str| if name.is_empty() { json!(["noauth", "", []]) } else { json!(["ok", name, []]) };
    for secret in [token.as_str(), "secret"] {
        assert_eq!(authstatus(&alice.with_secret(secret)).await, status("alice"));
        assert_eq!(authstatus_by(&server, "x-devpi-auth", &encoded("alice", secret)).await, status("alice"));
    }
    assert_eq!(authstatus(&server.anonymous()).await, status(""));
    // A second server of the same index takes the token too.
    assert_eq!(authstatus(&server.beside().await.login("alice").with_secret(&token)).await, status("alice"));
}

#[tokio::test]
async fn json_logs_in_whatever_content_type_curl_gives_it() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "*/*")];
    let body = json!({"user": "alice", "password": "secret"}).to_string();
    let reply = server.anonymous().send("POST", "+login", &headers, body).await.expect(200);
    assert_eq!(authstatus(&alice.with_secret(&token(&reply.result()))).await, json!(["ok", "alice", []]));
}

#[tokio::test]
async fn a_wrong_password_is_a_401_and_says_no_more_of_a_user_than_of_nobody() {
    let server = Server::start().await;
    server.user("alice").await;
    for (user, password) in [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", "secret "),
        ("Alice", "secret"),
        ("nobody", "secret"),
        ("", ""),
        ("a/b", "x"),
        ("alice", &"x".repeat(10_000)),
        (&"x".repeat(10_000), "x"),
    ] {
        let reply = server.anonymous().post("+login", json!({"user": user, "password": password})).await;
        let message = format!("user '{user}' could not be authenticated");
        assert_eq!(reply.expect(401).json(), json!({"message": message}));
    }
    for body in [
        json!({}),
        json!({"user": "alice"}),
        json!({"password": "secret"}),
        json!({"user": 1, "password": 2}),
        json!({"user": ["alice"], "password": null}),
    ] {
        let reply = server.anonymous().post("+login", body).await.expect(400);
        assert_eq!(reply.json(), json!({"message": "Bad request: no user/password specified"}));
    }
}

#[tokio::test]
async fn wrong_credentials_leave_a_request_anonymous() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let good = encoded("alice", "secret");
    for (header, value, user) in [
        ("authorization", format!("Basic {good}"), "alice"),
        ("authorization", format!("bAsIc  {good}"), "alice"),
        ("x-devpi-auth", good.clone(), "alice"),
        ("authorization", format!("Bearer {good}"), ""),
        ("authorization", good.clone(), ""),
        ("authorization", "Basic".into(), ""),
        ("authorization", "Basic ???".into(), ""),
        ("authorization", format!("Basic {}", STANDARD.encode("alice")), ""),
        ("authorization", format!("Basic {}", encoded("", "")), ""),
        ("authorization", format!("Basic {}", encoded("alice", "wrong")), ""),
        ("authorization", format!("Basic {}", encoded("nobody", "secret")), ""),
        ("authorization", format!("Basic {}", encoded("alice\0", "secret")), ""),
        ("authorization", format!("Basic {}", encoded("alice", "secret\0")), ""),
        ("authorization", format!("Basic {}", encoded("alice", &"x".repeat(10_000))), ""),
        ("authorization", format!("Basic {}", encoded(&"x".repeat(10_000), "x")), ""),
        ("authorization", format!("Basic {}", STANDARD.encode(b"al\xefce:secret")), ""),
        ("x-devpi-auth", format!("Basic {good}"), ""),
        ("x-devpi-auth", String::new(), ""),
    ] {
        let status = authstatus_by(&server, header, &value).await;
        assert_eq!(status[1], user, "{header}: {}", &value[..value.len().min(80)]);
        let headers = [(header, value.as_str()), ("accept", "application/json")];
        let page = server.anonymous().get_with("alice/dev", &headers).await;
        assert_eq!(page.status, 200);
        let write = server.anonymous().send("PATCH", "alice/dev", &headers, "{}").await;
        assert_eq!(write.status, if user.is_empty() { 403 } else { 200 });
    }
}

#[tokio::test]
async fn the_first_header_that_can_be_decoded_decides() {
    let server = Server::start().await;
    server.user("alice").await;
    server.user("bob").await;
    let (alice, bob) = (encoded("alice", "secret"), format!("Basic {}", encoded("bob", "secret")));
    for (devpi, user) in [(alice.as_str(), "alice"), ("???", "bob"), (&encoded("alice", "wrong"), "")] {
        let headers = [("x-devpi-auth", devpi), ("authorization", &bob), ("accept", "application/json")];
        let reply = server.anonymous().get_with("+api", &headers).await.expect(200);
        assert_eq!(reply.result()["authstatus"][1], user, "{devpi}");
    }
}

#[tokio::test]
async fn passwords_may_be_empty_have_colons_and_be_in_any_script() {
    let server = Server::start().await;
    for (name, password) in [("a", ""), ("b", ":x:"), ("c", "пароль"), ("d", " "), ("e", &"x".repeat(4096))]
    {
        server.anonymous().put(name, json!({"password": password})).await.expect(201);
        let client = server.login(name).with_secret(password);
        assert_eq!(authstatus(&client).await[1], name);
    }
    let reply = server.anonymous().put("f", json!({"password": "x".repeat(4097)})).await.expect(400);
    assert_eq!(reply.message(), "password must not be longer than 4096 bytes");
    // Old clients write latin-1.
    server.anonymous().put("g", json!({"password": "é"})).await.expect(201);
    let latin = STANDARD.encode(b"g:\xe9");
    assert_eq!(authstatus_by(&server, "x-devpi-auth", &latin).await[1], "g");
}

#[tokio::test]
async fn forged_expired_and_foreign_tokens_are_worth_nothing() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let real = login(&alice, "alice").await;
    let parts: Vec<&str> = real.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let with = |key: &str, value: Value| {
        let mut claims = claims.clone();
        claims[key] = value;
        claims
    };
    let without = |key: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(key);
        claims
    };
    let key = server.service.token_secret.as_slice();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let sign = |algorithm, claims: &Value, key: &[u8]| {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key)).unwrap()
    };
    let none = |signature: &str| {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        format!("{header}.{}.{signature}", parts[1])
    };
    for (what, token, user) in [
        ("the token itself", real.clone(), "alice"),
        ("the same claims signed again", sign(Algorithm::HS256, &claims, key), "alice"),
        ("expired", sign(Algorithm::HS256, &with("exp", (now - 1).into()), key), ""),
        ("without an end", sign(Algorithm::HS256, &without("exp"), key), ""),
        ("with an end that is no number", sign(Algorithm::HS256, &with("exp", "never".into()), key), ""),
        ("of nobody", sign(Algorithm::HS256, &without("sub"), key), ""),
        ("of somebody else", sign(Algorithm::HS256, &with("sub", "bob".into()), key), ""),
        (
            "of another generation",
            sign(Algorithm::HS256, &with("generation", claims["jti"].clone()), key),
            "",
        ),
        ("signed with another key", sign(Algorithm::HS256, &claims, b"guess"), ""),
        ("signed with no key", sign(Algorithm::HS256, &claims, b""), ""),
        ("signed in another way", sign(Algorithm::HS512, &claims, key), ""),
        ("not signed", none(""), ""),
        ("not signed, with the signature left", none(parts[2]), ""),
        ("cut", real[..real.len() - 1].into(), ""),
        ("without its signature", format!("{}.{}.", parts[0], parts[1]), ""),
        ("with other claims", format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode("{}"), parts[2]), ""),
        ("empty", "..".into(), ""),
    ] {
        assert_eq!(authstatus(&alice.with_secret(&token)).await[1], user, "{what}");
        let reply = alice.with_secret(&token).put("alice/dev", json!({"volatile": 1})).await;
        assert_eq!(reply.status, if user.is_empty() { 403 } else { 400 }, "{what}: {reply}");
    }
    assert_eq!(authstatus(&bob.with_secret(&real)).await[1], "", "a token works with its user only");
    let reply = alice.post("+login", json!({"user": "alice", "password": real})).await;
    assert_eq!(reply.status, 401, "a token is no password");
}

#[tokio::test]
async fn a_new_password_ends_every_token_but_the_one_that_set_it() {
    let server = Server::start().await;
    let other = server.beside().await;
    let alice = server.user("alice").await;
    let (one, two) = (login(&alice, "alice").await, login(&alice, "alice").await);
    let reply = alice.with_secret(&one).patch("alice", json!({"password": "new"})).await.expect(200);
    assert_eq!(
        (&reply.json()["type"], reply.message().as_str()),
        (&json!("userpassword"), "user updated, new proxy auth")
    );
    assert_eq!(reply.result()["expiration"], 36_000);
    let three = token(&reply.result());
    for at in [&server, &other] {
        for (secret, user) in
            [("secret", ""), ("new", "alice"), (&one, "alice"), (&two, ""), (&three, "alice")]
        {
            assert_eq!(authstatus(&at.login("alice").with_secret(secret)).await[1], user, "{secret}");
        }
    }
    // The next change is made with a password, so every token ends.
    let reply = alice.with_secret("new").patch("alice", json!({"password": "newer"})).await.expect(200);
    let four = token(&reply.result());
    for (secret, user) in [("new", ""), ("newer", "alice"), (&one, ""), (&three, ""), (&four, "alice")] {
        assert_eq!(authstatus(&alice.with_secret(secret)).await[1], user, "{secret}");
    }
    // Root's token survives nobody's password but root's.
    let reply = server.root().post("+login", json!({"user": "root", "password": "root"})).await.expect(200);
    let root = server.root().with_secret(&token(&reply.result()));
    let reply = root.patch("alice", json!({"password": "newest"})).await.expect(200);
    assert_eq!(authstatus(&alice.with_secret(&four)).await[1], "");
    assert_eq!(authstatus(&alice.with_secret(&token(&reply.result()))).await[1], "alice");
    assert_eq!(authstatus(&root).await[1], "root");
}

#[tokio::test]
async fn a_token_outlives_changes_of_the_profile_but_not_its_user() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let alice = alice.with_secret(&login(&alice, "alice").await);
    alice.patch("alice", json!({"email": "a@x"})).await.expect(200);
    assert_eq!(authstatus(&alice).await[1], "alice");
    alice.delete("alice").await.expect(200);
    assert_eq!(authstatus(&alice).await[1], "");
    server.user("alice").await;
    assert_eq!(authstatus(&alice).await[1], "", "a namesake is somebody else");
}

#[tokio::test]
async fn two_hundred_requests_with_a_password_cost_one_hash() {
    let (database, prefix) = place().await;
    let server = Binary::serve(&database, &prefix, &[]).await;
    let anonymous = server.client(None);
    anonymous.put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    let before = hashes(&anonymous).await;
    let requests = futures::stream::iter(0..200).map(|_| authstatus(&alice)).buffer_unordered(16);
    assert!(requests.all(async |status| status[1] == "alice").await);
    assert_eq!(hashes(&anonymous).await - before, 1);

    alice.patch("alice", json!({"password": "other"})).await.expect(200);
    let changed = hashes(&anonymous).await;
    assert_eq!(authstatus(&alice).await[1], "", "the old password is forgotten at once");
    assert_eq!(authstatus(&alice.with_secret("other")).await[1], "alice");
    assert_eq!(hashes(&anonymous).await - changed, 2);
}

/// How many password hashes a server has computed.
async fn hashes(client: &Client) -> u64 {
    let metrics = client.get("metrics").await.expect(200).text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("wheelyard_password_hashes_total "));
    line.unwrap_or("0").parse().unwrap()
}

/// A login token of a user whose password is `secret`.
async fn login(client: &Client, user: &str) -> String {
    token(&client.post("+login", json!({"user": user, "password": "secret"})).await.expect(200).result())
}

fn token(result: &Value) -> String {
    result["password"].as_str().unwrap().to_owned()
}

/// Who the server takes the client for.
async fn authstatus(client: &Client) -> Value {
    client.get("+api").await.expect(200).result()["authstatus"].clone()
}

async fn authstatus_by(server: &Server, header: &str, value: &str) -> Value {
    let headers = [(header, value), ("accept", "application/json")];
    server.anonymous().get_with("+api", &headers).await.expect(200).result()["authstatus"].clone()
}

fn encoded(user: &str, secret: &str) -> String {
    STANDARD.encode(format!("{user}:{secret}"))
}

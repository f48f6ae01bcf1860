//! Trusted publishing: jobs of a CI system upload without a password.

use crate::harness::{
    Client, Reply, Server, Upload, archive,
    issuer::{Issuer, Key},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// A server that trusts an issuer, and alice with `alice/dev`.
async fn trusting() -> (Issuer, Server, Client) {
    let issuer = Issuer::start().await;
    let url = issuer.url.clone();
    let server = Server::start_with(|config| {
        config.server.oidc_issuer = vec![url];
        config.server.oidc_audience = Some("wheels.example".into());
    })
    .await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({"acl_read": ["alice"]})).await;
    (issuer, server, alice)
}

/// Lets the jobs of `octo/app` upload to an index.
async fn publisher(who: &Client, issuer: &Issuer, index: &str, projects: Value) -> String {
    let body = json!({"issuer": issuer.url, "claims": {"repository": "octo/app"}, "projects": projects});
    let made = who.post(&format!("{index}/+publishers"), body).await.expect(201).result();
    made["id"].as_str().unwrap().to_owned()
}

async fn mint(server: &Server, jwt: &str) -> Reply {
    server.anonymous().post("_/oidc/mint-token", json!({"token": jwt})).await
}

/// Mints a token, which must work.
async fn minted(server: &Server, issuer: &Issuer) -> Client {
    let reply = mint(server, &issuer.token("wheels.example")).await.expect(200).json();
    Client::new(&server.url, Some(("__token__", reply["token"].as_str().unwrap())))
}

/// The code and the description of a refusal.
fn refusal(reply: &Reply) -> (String, String) {
    let reply = reply.json();
    assert_eq!(reply["message"], "Token request failed", "{reply}");
    let error = &reply["errors"][0];
    (error["code"].as_str().unwrap().to_owned(), error["description"].as_str().unwrap().to_owned())
}

async fn upload(client: &Client, index: &str, name: &str) -> Reply {
    client.upload(index, Upload::new(name, "1.0", archive::wheel(name, "1.0"))).await
}

#[tokio::test]
async fn a_job_uploads_the_projects_that_it_may_and_does_nothing_else() {
    let (issuer, server, alice) = trusting().await;
    alice.create_index("alice/prod", json!({"acl_upload": []})).await;
    publisher(&alice, &issuer, "alice/dev", json!(["One"])).await;
    publisher(&alice, &issuer, "alice/prod", Value::Null).await;
    assert_eq!(
        server.anonymous().get("_/oidc/audience").await.expect(200).json(),
        json!({"audience": "wheels.example"})
    );
    let reply = mint(&server, &issuer.token("wheels.example")).await.expect(200).json();
    assert_eq!(reply["success"], true);
    let left = reply["expires"].as_i64().unwrap() - time::OffsetDateTime::now_utc().unix_timestamp();
    assert!((890..=900).contains(&left), "{reply}");
    let job = Client::new(&server.url, Some(("__token__", reply["token"].as_str().unwrap())));

    upload(&job, "alice/dev", "one").await.expect(200);
    upload(&job, "alice/prod", "anything").await.expect(200);
    upload(&job, "alice/dev", "two").await.expect(403);
    let said = upload(&job, "alice/other", "one").await;
    said.expect(404);
    alice.create_index("alice/other", json!({})).await;
    let said = upload(&job, "alice/other", "one").await.expect(403).message();
    assert!(
        said.starts_with("no permission to submit, the token is for allowed=upload indexes=alice/dev"),
        "{said}"
    );

    job.get("alice/dev/+simple/one/").await.expect(403);
    job.get("alice/prod/+simple/anything/").await.expect(200);
    for (method, path) in [
        ("DELETE", "alice/dev/one"),
        ("DELETE", "alice/dev/one/1.0"),
        ("DELETE", "alice/dev"),
        ("PATCH", "alice/dev"),
        ("PUT", "alice/new"),
        ("GET", "alice/dev/+publishers"),
        ("POST", "alice/dev/+publishers"),
        ("GET", "alice/+tokens"),
        ("POST", "alice/+token-create"),
        ("PATCH", "alice"),
        ("DELETE", "alice"),
        ("PUT", "bob"),
        ("GET", "+changelog/1"),
    ] {
        job.json(method, path, json!({})).await.expect(403);
    }
    let push = json!({"name": "anything", "version": "1.0", "posturl": "http://127.0.0.1:9/", "username": "u", "password": "p"});
    job.json("PUSH", "alice/prod", push).await.expect(403);
    let log = server.root().get("+changelog/1-").await.expect(200).result();
    let of = |event: &str| log.as_array().unwrap().iter().rfind(|it| it["event"] == event).unwrap().clone();
    assert_eq!(of("file.upload")["actor"], ":PUBLISHER:");
    assert_eq!(of("token.create")["detail"]["subject"], "repo:octo/app:environment:release");
}

#[tokio::test]
async fn a_token_is_taken_once_on_whichever_process() {
    let (issuer, server, alice) = trusting().await;
    let beside = server.beside().await;
    publisher(&alice, &issuer, "alice/dev", Value::Null).await;
    let jwt = issuer.token("wheels.example");
    let (one, two) = tokio::join!(mint(&server, &jwt), mint(&beside, &jwt));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422], "{one} {two}");
    assert_eq!(refusal(&mint(&beside, &jwt).await.expect(422)).0, "invalid-reuse-token");
    // Without an id, it is named by what is signed.
    let mut claims = issuer.claims("wheels.example");
    claims.as_object_mut().unwrap().remove("jti");
    let jwt = issuer.key.sign(&claims);
    mint(&server, &jwt).await.expect(200);
    assert_eq!(refusal(&mint(&beside, &jwt).await.expect(422)).0, "invalid-reuse-token");
}

#[tokio::test]
async fn keys_of_each_kind_prove_a_token() {
    let (issuer, server, alice) = trusting().await;
    publisher(&alice, &issuer, "alice/dev", Value::Null).await;
    let keys = [("r", Algorithm::RS256), ("e", Algorithm::ES256), ("d", Algorithm::EdDSA)];
    let keys = keys.map(|(id, algorithm)| Key::new(id, algorithm));
    let mut published: Vec<Value> = keys.iter().map(|key| key.public.clone()).collect();
    published.insert(0, json!({"kty": "strange", "kid": "r"}));
    issuer.publish(published);
    for key in &keys {
        mint(&server, &key.sign(&issuer.claims("wheels.example"))).await.expect(200);
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_token_that_is_not_the_issuers_for_this_server_and_now_is_refused() {
    let (issuer, server, alice) = trusting().await;
    publisher(&alice, &issuer, "alice/dev", Value::Null).await;
    let other = Issuer::start().await;
    let good = issuer.claims("wheels.example");
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        issuer.key.sign(&claims)
    };
    let without = |key: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(key);
        issuer.key.sign(&claims)
    };
    let now = good["iat"].as_i64().unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = issuer.key.sign(&good);
    let (body, signature) = signed.rsplit_once('.').unwrap();
    let unsigned = |alg: &str| format!("{}.{}.", part(&json!({"alg": alg, "kid": "first"})), part(&good));
    let by_public_key = {
        // As if the public key were a secret that both sides share.
        let secret = issuer.key.public["x"].as_str().unwrap();
        let header = Header { kid: Some("first".into()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    };
    let headed = |header: Value| {
        let key = Key { id: "first".into(), ..issuer.key.clone() };
        let token = key.sign(&good);
        let (_, rest) = token.split_once('.').unwrap();
        format!("{}.{rest}", part(&header))
    };
    let before = server.serial().await;
    for (what, jwt, reason) in [
        ("nothing", String::new(), "can't be read"),
        ("no token", "a.b.c".into(), "can't be read"),
        ("alg none", unsigned("none"), "can't be read"),
        ("alg NONE", unsigned("NONE"), "can't be read"),
        ("alg ES256 without a signature", unsigned("ES256"), "not good here"),
        ("HS256 by the public key", by_public_key, "it is signed by HS256"),
        ("a cut signature", format!("{body}.{}", &signature[..20]), "not good here"),
        ("another's signature", Key { id: "first".into(), ..other.key.clone() }.sign(&good), "not good here"),
        ("an unknown key", Key::new("second", Algorithm::ES256).sign(&good), "no key of this id"),
        ("no key id", headed(json!({"alg": "ES256"})), "does not name a key"),
        (
            "a critical extension",
            headed(json!({"alg": "ES256", "kid": "first", "crit": ["b64"]})),
            "extensions",
        ),
        ("another algorithm", headed(json!({"alg": "RS256", "kid": "first"})), "not good here"),
        ("an issuer that is not trusted", other.token("wheels.example"), "issuer (iss) is not trusted"),
        ("issuers", with("iss", json!([issuer.url])), "can't be read"),
        ("no issuer", without("iss"), "can't be read"),
        ("another audience", issuer.token("other.example"), "not good here"),
        ("audiences", with("aud", json!(["wheels.example", "other.example"])), "not this server alone"),
        ("no audience", without("aud"), "not good here"),
        ("expired", with("exp", json!(now - 31)), "not good here"),
        ("no end", without("exp"), "not good here"),
        ("not yet", with("nbf", json!(now + 60)), "not good here"),
        ("from the future", with("iat", json!(now + 60)), "issued in the future"),
        ("no beginning", without("iat"), "from when (iat)"),
        ("too long a life", with("exp", json!(now + 90_000)), "longer than a day"),
        ("huge", with("x", json!("x".repeat(20_000))), "longer than 16384 bytes"),
    ] {
        let reply = mint(&server, &jwt).await.expect(422);
        let (code, description) = refusal(&reply);
        assert_eq!(code, "invalid-token", "{what}: {description}");
        assert!(description.contains(reason), "{what}: {description}");
    }
    for body in [json!({}), json!({"token": 1}), json!({"token": null})] {
        let reply = server.anonymous().post("_/oidc/mint-token", body).await.expect(422);
        assert_eq!(refusal(&reply).0, "invalid-payload");
    }
    server.anonymous().post("_/oidc/mint-token", json!([])).await.expect(400);
    assert_eq!(server.serial().await, before);
    // Small differences of clocks do no harm, and the old path of some clients works.
    for jwt in [with("nbf", json!(now + 20)), with("aud", json!(["wheels.example"]))] {
        let jwt = json!({"token": jwt});
        let reply = server.anonymous().post("_/oidc/github/mint-token", jwt).await;
        assert!(reply.status == 200 || refusal(&reply).0 == "invalid-reuse-token", "{reply}");
    }
}

#[tokio::test]
async fn claims_that_no_publisher_has_are_refused() {
    let (issuer, server, alice) = trusting().await;
    let (other_index, body) =
        ("alice/dev/+publishers", |claims: Value| json!({"issuer": issuer.url, "claims": claims}));
    alice.post(other_index, body(json!({"repository": "octo/app", "environment": "test"}))).await.expect(201);
    alice.post(other_index, body(json!({"repository": "octo/ap"}))).await.expect(201);
    let reply = mint(&server, &issuer.token("wheels.example")).await.expect(422);
    let (code, description) = refusal(&reply);
    assert_eq!(code, "invalid-publisher");
    assert!(description.contains("its subject is 'repo:octo/app:environment:release'"), "{description}");
    // A stranger's pull request runs in the name of the repository.
    publisher(&alice, &issuer, "alice/dev", Value::Null).await;
    let mut claims = issuer.claims("wheels.example");
    claims["event_name"] = "pull_request_target".into();
    claims["x"] = "a\0b".into();
    assert_eq!(refusal(&mint(&server, &issuer.key.sign(&claims)).await.expect(422)).0, "invalid-publisher");
    claims["event_name"] = "push".into();
    mint(&server, &issuer.key.sign(&claims)).await.expect(200);
}

#[tokio::test]
async fn an_issuer_is_asked_seldom_and_believed_while_it_is_away() {
    let (issuer, server, alice) = trusting().await;
    publisher(&alice, &issuer, "alice/dev", Value::Null).await;
    minted(&server, &issuer).await;
    for _ in 0..5 {
        let jwt = Key::new("unknown", Algorithm::ES256).sign(&issuer.claims("wheels.example"));
        mint(&server, &jwt).await.expect(422);
    }
    assert_eq!(issuer.asked(), 1);
    issuer.publish(Vec::new());
    minted(&server, &issuer).await;
    // A process that knows no keys yet can't say whether the token is good.
    let beside = server.beside().await;
    issuer.discover(json!({"issuer": "http://127.0.0.1:9", "jwks_uri": "http://127.0.0.1:9/keys"}));
    let reply = mint(&beside, &issuer.token("wheels.example")).await.expect(502);
    assert_eq!(refusal(&reply).0, "issuer-unavailable");
    let beside = server.beside().await;
    issuer.discover(json!({"issuer": issuer.url, "jwks_uri": "http://ci.example/keys"}));
    mint(&beside, &issuer.token("wheels.example")).await.expect(502);
}

#[tokio::test]
async fn what_was_minted_ends_with_its_publisher_its_index_and_when_it_is_burnt() {
    let (issuer, server, alice) = trusting().await;
    let beside = server.beside().await;
    let id = publisher(&alice, &issuer, "alice/dev", Value::Null).await;
    let path = format!("alice/dev/+publishers/{id}");
    let job = minted(&server, &issuer).await;
    upload(&job, "alice/dev", "one").await.expect(200);
    upload(&job.at(&beside.url), "alice/dev", "one").await.expect(200);
    alice.delete(&path).await.expect(200);
    alice.delete(&path).await.expect(404);
    alice.delete("alice/dev/+publishers/x").await.expect(404);
    for job in [&job, &job.at(&beside.url)] {
        upload(job, "alice/dev", "two").await.expect(401);
    }

    publisher(&alice, &issuer, "alice/dev", Value::Null).await;
    let job = minted(&server, &issuer).await;
    upload(&job, "alice/dev", "two").await.expect(200);
    alice.delete("alice/dev").await.expect(201);
    alice.create_index("alice/dev", json!({})).await;
    for job in [&job, &job.at(&beside.url)] {
        upload(job, "alice/dev", "three").await.expect(401);
    }
    assert_eq!(alice.get("alice/dev/+publishers").await.expect(200).result(), json!([]));
    assert_eq!(refusal(&mint(&server, &issuer.token("wheels.example")).await).0, "invalid-publisher");

    publisher(&alice, &issuer, "alice/dev", Value::Null).await;
    let reply = mint(&server, &issuer.token("wheels.example")).await.expect(200).json();
    let job = Client::new(&server.url, Some(("__token__", reply["token"].as_str().unwrap())));
    upload(&job, "alice/dev", "three").await.expect(200);
    let own = alice.post("alice/+token-create", json!({})).await.expect(200).result();
    for token in [&reply["token"], &own["token"], &json!("whl_x"), &json!(null)] {
        let burnt = beside.anonymous().post("_/oidc/burn-token", json!({"token": token})).await;
        burnt.expect(202);
    }
    upload(&job, "alice/dev", "four").await.expect(401);
    upload(&alice.with_secret(own["token"].as_str().unwrap()), "alice/dev", "four").await.expect(200);
}

#[tokio::test]
async fn only_who_rules_an_index_says_who_publishes_to_it() {
    let (issuer, server, alice) = trusting().await;
    let bob = server.user("bob").await;
    alice.patch("alice/dev", json!({"acl_upload": ["alice", "bob"]})).await.expect(200);
    let body = json!({"issuer": issuer.url, "claims": {"sub": "x"}, "projects": ["A.b"]});
    let token = alice.post("alice/+token-create", json!({})).await.expect(200).result();
    let with_token = alice.with_secret(token["token"].as_str().unwrap());
    for (who, status) in [(server.anonymous(), 401), (bob, 403), (with_token, 403)] {
        who.post("alice/dev/+publishers", body.clone()).await.expect(status);
        who.get("alice/dev/+publishers").await.expect(status);
        who.delete("alice/dev/+publishers/x").await.expect(status);
    }
    server.root().post("alice/dev/+publishers", body).await.expect(201);
    let listed = alice.get("alice/dev/+publishers").await.expect(200).result();
    assert_eq!(listed[0]["claims"], json!({"sub": "x"}));
    assert_eq!((&listed[0]["projects"], &listed[0]["created_by"]), (&json!(["a-b"]), &json!("root")));
    alice.get("alice/none/+publishers").await.expect(404);
    for (body, problem) in [
        (json!({"issuer": "https://other.example"}), "issuer must be one that this server trusts"),
        (json!({"issuer": issuer.url, "claims": {"ref": "main"}}), "claims must tell whose jobs they are"),
    ] {
        let reply = alice.post("alice/dev/+publishers", body).await.expect(400);
        assert!(reply.message().contains(problem), "{reply}");
    }
    // What publishers do is nothing that a reader of the index hears of.
    let heard = alice.get("+events?since=1&wait=0").await.expect(200).text();
    assert!(!heard.contains("publisher") && !heard.contains("token"), "{heard}");
}

#[tokio::test]
async fn a_stranger_with_the_same_claims_gets_nothing_and_spoils_nothing() {
    let (issuer, server, alice) = trusting().await;
    let mallory = server.user("mallory").await;
    mallory.create_index("mallory/dev", json!({})).await;
    publisher(&mallory, &issuer, "mallory/dev", Value::Null).await;
    let job = minted(&server, &issuer).await;
    upload(&job, "alice/dev", "one").await.expect(403);
    publisher(&alice, &issuer, "alice/dev", Value::Null).await;
    let job = minted(&server, &issuer).await;
    upload(&job, "alice/dev", "one").await.expect(200);
}

#[tokio::test]
async fn a_server_that_trusts_no_issuer_says_so() {
    let server = Server::start().await;
    server.anonymous().get("_/oidc/audience").await.expect(404);
    assert_eq!(refusal(&mint(&server, "x").await.expect(403)).0, "not-enabled");
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let body = json!({"issuer": "https://ci.example", "claims": {"sub": "x"}});
    let reply = alice.post("alice/dev/+publishers", body).await.expect(400);
    assert!(reply.message().contains("--oidc-issuer"), "{reply}");
    // Whoever names none gets an audience that no other server has.
    let issuer = Issuer::start().await;
    let server = Server::start_with(|config| config.server.oidc_issuer = vec![issuer.url.clone()]).await;
    let audience = server.anonymous().get("_/oidc/audience").await.expect(200).json();
    assert_eq!(audience["audience"], server.service.uuid.to_string());
}

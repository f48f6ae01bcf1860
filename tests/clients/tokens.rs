//! Clients with an API token in place of a password, and jobs of a CI system without either.

use super::{Home, wheel, wheelyard};
use crate::harness::{Client, issuer::Issuer, tls::TlsProxy};
use serde_json::{Value, json};

/// A new token of alice.
async fn token(alice: &Client, limits: Value) -> String {
    let made = alice.post("alice/+token-create", limits).await.expect(200).result();
    made["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn twine_and_uv_upload_with_a_token_and_pip_and_uv_install_with_another() {
    let (server, alice) = wheelyard(&[]).await;
    alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    let home = Home::new();
    for name in ["one", "two"] {
        let (filename, content) = wheel(name, "1.0", &[]);
        home.folder.write(&format!("{name}/{filename}"), content);
    }
    let write = token(&alice, json!({"allowed": ["upload"], "indexes": ["alice/dev"]})).await;
    let index = format!("{}/alice/dev/", server.url);
    let twine = "twine upload --non-interactive --disable-progress-bar -u __token__";
    home.run(&format!("{twine} -p {write} --repository-url {index} one/*")).await.works();
    let uv = "uv publish --trusted-publishing never";
    home.run(&format!("{uv} --token {write} --publish-url {index} two/*")).await.works();

    let read = token(&alice, json!({"allowed": ["pkg_read"]})).await;
    let host = server.url.strip_prefix("http://").unwrap();
    let simple = format!("http://__token__:{read}@{host}/alice/dev/+simple/");
    home.run(&format!("pip install --index-url {simple} --target target one")).await.works();
    assert_eq!(home.imported("target", "one").await, "one 1.0");
    // The token alone, in the place of the user.
    let simple = format!("http://{read}@{host}/alice/dev/+simple/");
    home.run(&format!("uv pip install --default-index {simple} --target target two")).await.works();
    assert_eq!(home.imported("target", "two").await, "two 1.0");

    home.run(&format!("{twine} -p {read} --repository-url {index} one/*"))
        .await
        .fails_with("no permission to submit, the token is for allowed=pkg_read");
    let simple = format!("http://__token__:{write}@{host}/alice/dev/+simple/");
    home.run(&format!("pip install --index-url {simple} --target other one"))
        .await
        .fails_with("No matching distribution found for one");
}

#[tokio::test]
async fn devpi_logs_in_with_a_token_and_does_what_it_is_for() {
    let (server, alice) = wheelyard(&[]).await;
    let home = Home::new();
    home.folder.write("dist/one-1.0-py3-none-any.whl", wheel("one", "1.0", &[]).1);
    let limits = json!({"allowed": ["pkg_read", "upload"], "indexes": ["alice/dev"]});
    let token = token(&alice, limits).await;
    home.run(&format!("devpi use {}/alice/dev", server.url)).await.works();
    home.run(&format!("devpi login alice --password={token}")).await.works();
    home.run("devpi upload dist/one-1.0-py3-none-any.whl").await.works();
    assert!(home.run("devpi list one").await.works().contains("one-1.0-py3-none-any.whl"));
    home.run("devpi remove -y one").await.fails_with("the token is for allowed=pkg_read,upload");
    home.run("devpi index -c alice/new").await.fails_with("no permission to create index alice/new");
    home.run("devpi user -m alice password=other").await.fails_with("no permission to change password");
}

#[tokio::test]
async fn uv_publishes_from_a_job_without_a_secret() {
    let issuer = Issuer::start().await;
    let (server, alice) = wheelyard(&["--oidc-issuer", &issuer.url, "--changelog-readers", "alice"]).await;
    let claims = json!({"repository": "octo/app", "repository_id": 74, "environment": "release"});
    let publisher = json!({"issuer": issuer.url, "claims": claims, "projects": ["one"]});
    alice.post("alice/dev/+publishers", publisher).await.expect(201);
    let home = Home::new();
    for name in ["one", "two"] {
        let (filename, content) = wheel(name, "1.0", &[]);
        home.folder.write(&format!("{name}/{filename}"), content);
    }
    let job = issuer.job_url();
    let job = [
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", job.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job"),
    ];
    // It asks for tokens by https only.
    let proxy = TlsProxy::before(&server.url).await;
    let publish = "uv publish --allow-insecure-host 127.0.0.1 --trusted-publishing always --publish-url";
    let publish = format!("{publish} {}/alice/dev/", proxy.url);
    let said = home.run_with(&format!("{publish} one/*"), &job, "").await.works();
    assert!(!said.contains("warning"), "{said}");
    assert_eq!(alice.filenames("alice/dev", "one").await, ["one-1.0-py3-none-any.whl"]);
    home.run_with(&format!("{publish} two/*"), &job, "").await.fails_with("the token is for allowed=upload");
    // What was minted was burnt by uv itself.
    let log = alice.get("+changelog/1-").await.expect(200);
    let events = |event: &str| log.text().matches(&format!("\"{event}\"")).count();
    assert_eq!((events("token.create"), events("token.delete")), (2, 2), "{log}");

    let elsewhere = [("GITHUB_ACTIONS", "true"), job[1], ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "another")];
    home.run_with(&format!("{publish} one/*"), &elsewhere, "").await.fails_with("token");
}

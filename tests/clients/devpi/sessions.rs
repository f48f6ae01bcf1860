//! `use`, `login`, `logoff`, `getjson`, `patchjson`.

use super::{super::wheelyard, Devpi};
use serde_json::{Value, json};

#[tokio::test]
async fn alice_finds_her_way_about_the_server() {
    let (server, _, devpi) = Devpi::alice().await;
    let said = devpi.does("use --urls").await;
    for (name, url) in
        [("login", "+login"), ("pypisubmit", "alice/dev/"), ("simpleindex", "alice/dev/+simple/")]
    {
        assert!(said.contains(&format!("{name}: {}/{url}\n", server.url)), "{url}: {said}");
    }
    let said = devpi.does("use -l --user alice").await;
    assert!(said.contains("alice/dev") && !said.contains("root"), "{said}");
    assert!(devpi.does("--version").await.contains("wheelyard "));
    devpi.cannot("use alice/none", "The stage alice/none could not be found.").await;

    devpi.does("logoff").await;
    devpi.does("login alice --password secret").await;
    devpi.does("logout").await;
    devpi.does("use --delete").await;
    assert!(devpi.does("use").await.contains("no server"));
}

#[tokio::test]
async fn pip_and_uv_install_from_what_the_client_writes_into_their_settings() {
    let (_server, alice, devpi) = Devpi::alice().await;
    alice.upload_wheel("alice/dev", "one", "1.0").await;
    let config = devpi.home.at("config/pip/pip.conf");
    let environment = [("PIP_CONFIG_FILE", config.as_str())];
    devpi.home.run_with("devpi use --set-cfg --clientdir client", &environment, "").await.works();
    devpi.home.run_with("pip install --target by-pip one", &environment, "").await.works();
    let config = devpi.home.at("config/uv/uv.toml");
    let environment = [("UV_NO_CONFIG", "false"), ("UV_CONFIG_FILE", config.as_str())];
    devpi.home.run_with("uv pip install --target by-uv one", &environment, "").await.works();
    for target in ["by-pip", "by-uv"] {
        assert!(devpi.home.path().join(target).join("one.py").exists(), "{target}");
    }
}

#[tokio::test]
async fn alice_reads_and_patches_json() {
    let (server, _, devpi) = Devpi::alice().await;
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let index = parsed(&devpi.does("getjson /alice/dev?no_projects=").await);
    assert_eq!((&index["type"], index["result"].get("projects")), (&json!("indexconfig"), None));
    for path in ["/", "/alice", "/+status", "/+api", &format!("{}/alice/dev", server.url)] {
        assert!(parsed(&devpi.does(&format!("getjson {path}")).await)["result"].is_object(), "{path}");
    }
    assert!(devpi.does("getjson /alice -v").await.contains("X-DEVPI-API-VERSION: 2"));
    devpi.home.folder.write("patch.json", json!({"title": "Patched"}).to_string());
    let said = devpi.does("patchjson /alice/dev patch.json").await;
    assert!(said.contains("\"title\": \"Patched\""), "{said}");
    let patched = parsed(&devpi.does("getjson /alice/dev").await);
    assert_eq!(patched["result"]["title"], "Patched");
}

#[tokio::test]
async fn a_url_with_user_and_password_opens_an_index_that_not_all_may_read() {
    let (server, alice) = wheelyard(&[]).await;
    alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    alice.upload_wheel("alice/dev", "one", "1.0").await;
    let devpi = Devpi::new();
    devpi.cannot(&format!("use {}/alice/dev", server.url), "401 Unauthorized: package read forbidden").await;
    let host = server.url.strip_prefix("http://").unwrap();
    devpi.cannot(&format!("use http://alice:wrong@{host}/alice/dev"), "package read forbidden").await;
    devpi.does(&format!("use http://alice:secret@{host}/alice/dev")).await;
    assert_eq!(devpi.does("list").await.trim(), "one");
    // The client keeps them from pip, but not the login beside them.
    devpi.does("login alice --password secret").await;
    devpi.does("index dev title=Ours").await;
    devpi.home.run("python -m venv place").await.works();
    assert!(devpi.does("install --venv place one").await.contains("Successfully installed one-1.0"));
}

//! uv installs, locks and publishes.

use super::{Home, wheel, wheelyard};
use crate::harness::Upload;
use serde_json::json;

#[tokio::test]
async fn uv_installs_from_an_inheriting_index_by_stream_and_by_redirect() {
    for delivery in ["stream", "redirect"] {
        let (server, alice) = wheelyard(&["--file-delivery", delivery]).await;
        alice.create_index("alice/top", json!({"bases": "alice/dev"})).await;
        for (name, version, requires) in
            [("dep", "1.0", ""), ("dep", "2.0", ""), ("app", "1.0", "Requires-Dist: dep<2")]
        {
            let wheel = wheel(
                name,
                version,
                &[requires].map(|line| if line.is_empty() { "License: MIT" } else { line }),
            );
            alice.upload("alice/dev", Upload::new(name, version, wheel)).await.expect(200);
        }
        alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
        let home = Home::new();
        let host = server.url.strip_prefix("http://").unwrap();
        let install = |index: &str| format!("uv pip install --default-index {index} --target target app");
        let simple = format!("http://alice:secret@{host}/alice/top/+simple/");
        home.run(&install(&simple)).await.works();
        assert_eq!(home.imported("target", "app").await, "app 1.0");
        assert_eq!(home.imported("target", "dep").await, "dep 1.0");
        let simple = format!("http://{host}/alice/top/+simple/");
        Home::new().run(&install(&simple)).await.fails_with("app was not found");
    }
}

#[tokio::test]
async fn uv_publishes_a_release_twice_and_is_refused_other_bytes() {
    let (server, alice) = wheelyard(&[]).await;
    let home = Home::new();
    home.build("project", "real", "1.0").await;
    let publish = format!(
        "uv publish --trusted-publishing never --username alice --publish-url {}/alice/dev/",
        server.url
    );
    let check = format!("{publish} --check-url {}/alice/dev/+simple/", server.url);
    home.run(&format!("{check} project/dist/real-1.0-py3-none-any.whl --password secret")).await.works();
    let said = home.run(&format!("{check} project/dist/* --password secret")).await.works();
    assert!(said.contains("already exists, skipping"), "{said}");
    home.run(&format!("{publish} project/dist/* --password secret")).await.works();
    assert_eq!(alice.filenames("alice/dev", "real").await, ["real-1.0-py3-none-any.whl", "real-1.0.tar.gz"]);

    let other = wheel("real", "1.0", &[]);
    home.folder.write("other/real-1.0-py3-none-any.whl", &other.1);
    home.run(&format!("{publish} other/* --password secret"))
        .await
        .fails_with("already exists in non-volatile index");
    home.run(&format!("{check} other/* --password secret"))
        .await
        .fails_with("Local file and index file do not match");
    home.run(&format!("{publish} other/* --password wrong")).await.fails_with("401");
}

#[tokio::test]
async fn uv_locks_what_was_uploaded_before_a_moment() {
    let (server, alice) = wheelyard(&[]).await;
    for version in ["1.0", "2.0"] {
        alice.upload("alice/dev", Upload::new("pkg", version, wheel("pkg", version, &[]))).await.expect(200);
    }
    let page = alice.simple("alice/dev", "pkg").await;
    let second = page["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["filename"].as_str().unwrap().starts_with("pkg-2.0"));
    let second = second.unwrap()["upload-time"].as_str().unwrap();
    let (home, simple) = (Home::new(), format!("{}/alice/dev/+simple/", server.url));
    let project =
        "[project]\nname = 'app'\nversion = '1'\nrequires-python = '>=3.8'\ndependencies = ['pkg']\n";
    home.folder.write("pyproject.toml", project);
    let lock = format!("uv lock --default-index {simple} --exclude-newer");

    home.run(&format!("{lock} 2000-01-01T00:00:00Z")).await.fails_with("pkg");
    home.run(&format!("{lock} {second}")).await.works();
    let locked = home.folder.read("uv.lock");
    assert!(locked.contains("pkg-1.0") && !locked.contains("pkg-2.0"), "{locked}");
    assert!(locked.contains("upload-time = ") && locked.contains("hash = \"sha256:"), "{locked}");
    home.run(&format!("{lock} 9999-01-01T00:00:00Z --upgrade")).await.works();
    assert!(home.folder.read("uv.lock").contains("pkg-2.0"));
    let sync = format!("uv sync --no-install-project --default-index {simple}");
    home.run(&format!("{sync} --exclude-newer 9999-01-01T00:00:00Z")).await.works();
    home.folder.write("show.py", "import pkg; print(pkg.NAME)");
    assert_eq!(home.run(".venv/bin/python show.py").await.works().trim(), "pkg 2.0");
}

//! bandersnatch mirrors an index of ours.

use super::{Home, NOWHERE, wheel, wheelyard};
use crate::harness::{Client, Upload, archive};
use serde_json::json;

/// Whose files a mirror is to hold.
const PROJECTS: [(&str, &str); 4] = [("one", "1.0"), ("one", "1.1"), ("two", "1.0"), ("three", "1.0")];

/// Checks that a file that a page of `index` shows is in the mirror, byte for byte.
async fn is_mirrored(alice: &Client, home: &Home, index: &str, project: &str, filename: &str) -> bool {
    let path = alice.file_path(index, project, filename).await;
    let content = alice.get_with(&path, &[]).await.expect(200).body;
    let mirrored = std::fs::read(home.path().join("mirror/web/packages").join(path));
    mirrored.is_ok_and(|mirrored| archive::sha256(&mirrored) == archive::sha256(&content))
}

#[tokio::test]
async fn bandersnatch_mirrors_an_index_with_its_bases_and_then_only_what_changed() {
    for api_method in ["simple", "xmlrpc"] {
        mirror_by(api_method).await;
    }
}

async fn mirror_by(api_method: &str) {
    let (server, alice) = wheelyard(&[]).await;
    alice.create_index("alice/top", json!({"bases": ["alice/dev"]})).await;
    for (name, version) in PROJECTS {
        let index = if name == "three" { "alice/top" } else { "alice/dev" };
        alice.upload(index, Upload::new(name, version, wheel(name, version, &[]))).await.expect(200);
    }
    let home = Home::new();
    let settings = format!(
        "[mirror]\ndirectory = {}\nmaster = {}/alice/top\napi-method = {api_method}\nallow-non-https = true\n\
         json = true\ntimeout = 10\nworkers = 2\nhash-index = false\nstop-on-error = true\n",
        home.at("mirror"),
        server.url
    );
    home.folder.write("bandersnatch.conf", settings);
    // It goes by these whatever NO_PROXY says.
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, ""));
    let mirror =
        async || home.run_with("bandersnatch --config bandersnatch.conf mirror", &proxies, "").await.works();
    mirror().await;
    for (name, version) in PROJECTS {
        let filename = format!("{name}-{version}-py3-none-any.whl");
        assert!(is_mirrored(&alice, &home, "alice/top", name, &filename).await, "{filename}");
    }

    let status = home.folder.read("mirror/status");
    alice.upload("alice/dev", Upload::new("two", "2.0", wheel("two", "2.0", &[]))).await.expect(200);
    let said = mirror().await;
    assert!(said.contains("1 packages to sync"), "{said}");
    assert!(is_mirrored(&alice, &home, "alice/top", "two", "two-2.0-py3-none-any.whl").await);
    let number = |text: &str| text.trim().parse::<i64>().unwrap();
    assert!(number(&home.folder.read("mirror/status")) > number(&status));
    let page = home.folder.read("mirror/web/simple/two/index.html");
    assert!(page.contains("two-1.0-py3-none-any.whl#sha256=") && page.contains("two-2.0"), "{page}");
    assert!(!page.contains(NOWHERE) && page.contains("../../packages/alice/dev/"), "{page}");
}

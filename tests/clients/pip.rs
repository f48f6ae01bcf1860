//! pip installs, downloads and looks for versions.

use super::{Home, wheel, wheelyard};
use crate::harness::{Client, Upload, until};
use serde_json::json;

async fn upload(alice: &Client, index: &str, name: &str, version: &str, requires: &[&str]) {
    alice.upload(index, Upload::new(name, version, wheel(name, version, requires))).await.expect(200);
}

#[tokio::test]
async fn pip_installs_a_project_and_what_it_requires_through_an_inheriting_index() {
    let (server, alice) = wheelyard(&[]).await;
    alice.create_index("alice/top", json!({"bases": "alice/dev"})).await;
    upload(&alice, "alice/dev", "dep", "1.0", &[]).await;
    upload(&alice, "alice/dev", "dep", "2.0", &[]).await;
    upload(&alice, "alice/dev", "app", "1.0", &["Requires-Dist: dep<2"]).await;
    upload(&alice, "alice/top", "app", "1.1", &["Requires-Dist: dep<2"]).await;
    let home = Home::new();
    for (index, target, expected) in [("dev", "one", "app 1.0"), ("top", "two", "app 1.1")] {
        let simple = format!("{}/alice/{index}/+simple/", server.url);
        home.run(&format!("pip install --index-url {simple} --target {target} app")).await.works();
        assert_eq!(home.imported(target, "app").await, expected);
        assert_eq!(home.imported(target, "dep").await, "dep 1.0");
    }
    let simple = format!("{}/alice/dev/+simple", server.url);
    home.run(&format!("pip install --index-url {simple} --target three app==1.1"))
        .await
        .fails_with("No matching distribution found for app==1.1");
}

#[tokio::test]
async fn pip_searches_an_index_and_what_it_inherits() {
    let (server, alice) = wheelyard(&[]).await;
    alice.create_index("alice/top", json!({"bases": "alice/dev"})).await;
    alice.create_index("alice/closed", json!({"acl_read": ["alice"]})).await;
    for (index, name, summary) in [
        ("alice/dev", "greeter", "Says hello"),
        ("alice/top", "other", "Says nothing & <leaves>"),
        ("alice/closed", "hidden", "Greeter for few"),
    ] {
        let upload = Upload::new(name, "1.0", wheel(name, "1.0", &[])).with("summary", summary);
        alice.upload(index, upload).await.expect(200);
    }
    let home = Home::new();
    let search = async |index: &str, words: &str| {
        home.run(&format!("pip search --index {}/alice/{index} {words}", server.url)).await
    };
    until("pip finds it", async || search("top", "greeter").await.text.contains("greeter")).await;
    until("all is there", async || alice.get("metrics").await.text().contains("search_project\"} 0")).await;
    let said = search("top", "says").await.works();
    for line in
        ["greeter (1.0)", "[alice/dev] Says hello", "other (1.0)", "[alice/top] Says nothing & <leaves>"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("hidden"), "{said}");
    assert!(!search("dev", "nothing").await.success);
    let closed = server.url.replace("http://", "http://alice:secret@");
    let said = home.run(&format!("pip search --index {closed}/alice/closed greeter")).await.works();
    assert!(said.contains("hidden (1.0)"), "{said}");
    search("none", "x").await.fails_with("The stage alice/none could not be found.");
    search("closed", "x").await.fails_with("401");
}

#[tokio::test]
async fn pip_finds_a_project_by_any_spelling_of_its_name() {
    let (server, alice) = wheelyard(&[]).await;
    let named = wheel("My.Dotted_Name", "1.0", &[]);
    alice.upload("alice/dev", Upload::new("My.Dotted_Name", "1.0", named)).await.expect(200);
    let home = Home::new();
    for name in ["My.Dotted_Name", "my-dotted-name", "MY__dotted.name"] {
        let command = format!("pip download --index-url {}/alice/dev/+simple/ -d {name} {name}", server.url);
        home.run(&command).await.works();
        assert!(home.path().join(name).join("My_Dotted_Name-1.0-py3-none-any.whl").exists());
    }
}

#[tokio::test]
async fn pip_checks_the_hashes_that_somebody_wrote_down() {
    let (server, alice) = wheelyard(&[]).await;
    upload(&alice, "alice/dev", "pkg", "1.0", &[]).await;
    let page = alice.simple("alice/dev", "pkg").await;
    let sha256 = page["files"][0]["hashes"]["sha256"].as_str().unwrap().to_owned();
    let home = Home::new();
    home.folder.write("right.txt", format!("pkg==1.0 --hash=sha256:{sha256}\n"));
    home.folder.write("wrong.txt", format!("pkg==1.0 --hash=sha256:{}\n", "0".repeat(64)));
    let download = format!("pip download --index-url {}/alice/dev/+simple/ -d files -r", server.url);
    home.run(&format!("{download} wrong.txt")).await.fails_with("DO NOT MATCH THE HASHES");
    assert!(!home.path().join("files/pkg-1.0-py3-none-any.whl").exists());
    home.run(&format!("{download} right.txt")).await.works();
    assert!(home.path().join("files/pkg-1.0-py3-none-any.whl").exists());
}

#[tokio::test]
async fn pip_tells_the_versions_of_a_project_and_takes_the_newest_for_its_python() {
    let (server, alice) = wheelyard(&[]).await;
    for version in ["1.0", "1.10", "1.9", "2.0rc1"] {
        upload(&alice, "alice/dev", "pkg", version, &[]).await;
    }
    upload(&alice, "alice/dev", "pkg", "3.0", &["Requires-Python: >=99"]).await;
    let (home, simple) = (Home::new(), format!("{}/alice/dev/+simple/", server.url));
    let said = home.run(&format!("pip index versions --index-url {simple} pkg")).await.works();
    assert!(said.contains("Available versions: 1.10, 1.9, 1.0\n"), "{said}");
    home.run(&format!("pip install --index-url {simple} --target new pkg")).await.works();
    assert_eq!(home.imported("new", "pkg").await, "pkg 1.10");
}

#[tokio::test]
async fn pip_takes_a_yanked_version_only_when_it_is_asked_for_and_tells_the_reason() {
    let (server, alice) = wheelyard(&[]).await;
    upload(&alice, "alice/dev", "pkg", "1.0", &[]).await;
    upload(&alice, "alice/dev", "pkg", "2.0", &[]).await;
    alice.patch("alice/dev/pkg/2.0", json!({"yanked": "it eats files"})).await.expect(200);
    let (home, simple) = (Home::new(), format!("{}/alice/dev/+simple/", server.url));
    home.run(&format!("pip install --index-url {simple} --target any pkg")).await.works();
    assert_eq!(home.imported("any", "pkg").await, "pkg 1.0");
    let said = home.run(&format!("pip install --index-url {simple} --target two pkg==2.0")).await.works();
    assert!(said.contains("it eats files"), "{said}");
    assert_eq!(home.imported("two", "pkg").await, "pkg 2.0");

    alice.patch("alice/dev/pkg/2.0", json!({"yanked": false})).await.expect(200);
    home.run(&format!("pip install --index-url {simple} --target back pkg")).await.works();
    assert_eq!(home.imported("back", "pkg").await, "pkg 2.0");
}

#[tokio::test]
async fn pip_reads_a_private_index_with_credentials_in_its_url_and_not_without() {
    for delivery in ["stream", "redirect"] {
        let (server, alice) = wheelyard(&["--file-delivery", delivery]).await;
        upload(&alice, "alice/dev", "pkg", "1.0", &[]).await;
        alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
        let home = Home::new();
        let host = server.url.strip_prefix("http://").unwrap();
        for credentials in ["", "alice:wrong@"] {
            let simple = format!("http://{credentials}{host}/alice/dev/+simple/");
            let said = home.run(&format!("pip -vv download --index-url {simple} -d files pkg")).await;
            assert!(said.text.contains("401"), "{}", said.text);
            said.fails_with("No matching distribution found for pkg");
        }
        let simple = format!("http://alice:secret@{host}/alice/dev/+simple/");
        home.run(&format!("pip install --index-url {simple} --target mine pkg")).await.works();
        assert_eq!(home.imported("mine", "pkg").await, "pkg 1.0");
    }
}

//! `wheelyard export`: what leaves, what does not, and what comes back.

use crate::harness::{
    Client, Folder, Server, archive,
    binary::{Binary, Outcome, environment, place, run},
};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

/// The server of alice and of root, whom no password opens, and where its rows and objects are.
async fn server() -> (Binary, Client, (String, String)) {
    let place = place().await;
    assert!(run(&["init"], &environment(&place.0, &place.1)).await.success);
    let server = Binary::serve(&place.0, &place.1, &[]).await;
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({})).await;
    (server, alice, place)
}

async fn export((database, prefix): &(String, String), folder: &Folder, arguments: &[&str]) -> Outcome {
    let export = folder.path().join("export");
    run(&[&["export", export.to_str().unwrap()], arguments].concat(), &environment(database, prefix)).await
}

#[tokio::test]
async fn secrets_leave_only_when_they_are_asked_for() {
    let (_server, alice, place) = server().await;
    let mirror = json!({"type": "mirror", "mirror_url": "http://me:hidden@127.0.0.1:9/simple/"});
    alice.create_index("alice/mirror", mirror).await;
    for (arguments, url, opens) in [
        (&[][..], "http://127.0.0.1:9/simple/", 401),
        (&["--include-secrets"], "http://me:hidden@127.0.0.1:9/simple/", 200),
    ] {
        let folder = Folder::new();
        let said = export(&place, &folder, arguments).await;
        assert!(said.success, "{}", said.stderr);
        let data: Value = serde_json::from_str(&folder.read("export/dataindex.json")).unwrap();
        assert_eq!(data["indexes"]["alice/mirror"]["indexconfig"]["mirror_url"], url);
        let (other, place) = place_of(&folder).await;
        let login = json!({"user": "alice", "password": "secret"});
        other.client(None).post("+login", login).await.expect(opens);
        // Nobody else is locked out for good.
        let init = ["init", "--root-password", "new"];
        assert!(run(&init, &environment(&place.0, &place.1)).await.success);
        let login = json!({"user": "root", "password": "new"});
        other.client(None).post("+login", login).await.expect(200);
    }
}

/// Another server that has what a folder says.
async fn place_of(folder: &Folder) -> (Binary, (String, String)) {
    let place = place().await;
    let export = folder.path().join("export");
    let said = run(&["import", export.to_str().unwrap()], &environment(&place.0, &place.1)).await;
    assert!(said.success, "{}{}", said.stdout, said.stderr);
    (Binary::serve(&place.0, &place.1, &[]).await, place)
}

#[tokio::test]
async fn what_devpi_does_not_know_comes_along_to_another_wheelyard() {
    let (_server, alice, place) = server().await;
    let filename = alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let path = alice.file_path("alice/dev", "pkg", &filename).await;
    alice.patch(&path, json!({"yanked": "broken"})).await.expect(200);
    let status = json!({"status": "archived", "reason": "moved"});
    alice.patch("alice/dev/pkg", status).await.expect(200);
    alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    let folder = Folder::new();
    let said = export(&place, &folder, &["--include-secrets"]).await;
    assert!(said.success, "{}", said.stderr);
    let (other, _) = place_of(&folder).await;
    other.client(None).get("alice/dev").await.expect(401);
    let page = other.client(Some(("alice", "secret"))).simple("alice/dev", "pkg").await;
    assert_eq!(page["files"][0]["yanked"], "broken");
    assert_eq!(page["project-status"], json!({"status": "archived", "reason": "moved"}));
}

#[tokio::test]
async fn documentation_of_releases_whose_names_run_together_goes_its_own_ways() {
    let (_server, alice, place) = server().await;
    for (name, version) in [("a", "2-1"), ("a-2", "1")] {
        let form = [(":action", "doc_upload"), ("name", name), ("version", version)];
        let form = form.into_iter().fold(Form::new(), |form, (key, text)| form.text(key, text));
        let zip = archive::zip(&[("index.html", name.as_bytes())]);
        let form = form.part("content", Part::bytes(zip).file_name("docs.zip"));
        alice.send_form("alice/dev", form).await.expect(200);
    }
    let folder = Folder::new();
    let said = export(&place, &folder, &[]).await;
    assert!(said.success, "{}", said.stderr);
    let (other, _) = place_of(&folder).await;
    for (name, version) in [("a", "2-1"), ("a-2", "1")] {
        let path = format!("alice/dev/{name}/{version}/+doc/index.html");
        assert_eq!(other.client(None).get_with(&path, &[]).await.expect(200).text(), name);
    }
}

#[tokio::test]
async fn a_name_that_no_file_can_have_is_told_and_the_rest_is_written() {
    let (_server, alice, place) = server().await;
    let version = format!("1.{}", "0".repeat(98));
    let filename = alice.upload_wheel("alice/dev", &"a".repeat(120), &version).await;
    let path = alice.file_path("alice/dev", &"a".repeat(120), &filename).await;
    alice.post(&path, json!({"testenvs": {}})).await.expect(200);
    let folder = Folder::new();
    let said = export(&place, &folder, &[]).await;
    assert!(!said.success && said.stdout.contains("left out alice/dev/"), "{}{}", said.stdout, said.stderr);
    let data: Value = serde_json::from_str(&folder.read("export/dataindex.json")).unwrap();
    assert_eq!(data["indexes"]["alice/dev"]["files"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_that_holds_something_is_refused_and_nothing_in_it_is_touched() {
    let (_server, _, place) = server().await;
    let folder = Folder::new();
    folder.write("export/mine", "kept");
    let said = export(&place, &folder, &[]).await;
    assert!(!said.success && said.stderr.contains("the folder is not empty"), "{}", said.stderr);
    assert_eq!(folder.read("export/mine"), "kept");
    assert!(!folder.path().join("export/dataindex.json").exists());
}

#[tokio::test]
async fn an_object_that_is_not_what_was_stored_is_told_and_makes_no_export() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let object = server.objects().await.pop().unwrap();
    server.put_object(&object, b"damaged".to_vec()).await;
    let config = &server.config;
    let prefix = config.s3.s3_prefix.trim_end_matches('/');
    let place = (config.database.database_url.clone(), prefix.to_owned());
    let folder = Folder::new();
    let said = export(&place, &folder, &[]).await;
    let words = "alice/dev/pkg/1.0/pkg-1.0-py3-none-any.whl: the object";
    assert!(!said.success && said.stderr.contains(words), "{}", said.stderr);
    assert!(!folder.path().join("export/dataindex.json").exists());
}

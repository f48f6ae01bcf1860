//! `wheelyard import`: exports as devpi-servers of all ages write them, whole and damaged.

use crate::harness::{
    Folder, archive,
    binary::{Binary, Outcome, command, environment, place, run},
    until,
};
use serde_json::{Value, json};
use std::path::Path;

/// The hash of the password "secret", made as devpi-server 6 makes it.
const HASH: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$s7HDvht1s+JaAdJ1qoLH/2c4KCL7V5DME2Cyd+d1XPI";

/// An export on its way.
struct Export {
    folder: Folder,
    data: Value,
}

impl Export {
    /// Of alice, whose password is "secret", and her index `alice/dev`.
    fn new() -> Self {
        let stage = json!({"type": "stage", "volatile": true, "bases": [], "acl_upload": ["alice"]});
        let data = json!({
            "dumpversion": "2",
            "users": {
                "root": {"username": "root", "pwhash": HASH, "created": "2020-01-02T03:04:05Z"},
                "alice": {"username": "alice", "pwhash": HASH, "email": "a@example.com"},
            },
            "indexes": {"alice/dev": {"indexconfig": stage, "projects": {}, "files": []}},
        });
        Self { folder: Folder::new(), data }
    }

    fn index(&mut self) -> &mut Value {
        &mut self.data["indexes"]["alice/dev"]
    }

    /// Adds a release with a file that lies in the folder; returns its entry in the list of files.
    fn file(&mut self, project: &str, version: &str, (filename, content): (String, Vec<u8>)) -> &mut Value {
        let path = format!("alice/dev/{project}/{version}/{filename}");
        let digest = archive::sha256(&content);
        self.folder.write(&path, content);
        let metadata = json!({"name": project, "version": version, "summary": "taken over"});
        self.index()["projects"][project][version] = metadata;
        let files = self.index()["files"].as_array_mut().unwrap();
        files.push(json!({
            "type": "releasefile", "projectname": project, "version": version, "relpath": path,
            "entrymapping": {
                "last_modified": "Mon, 02 Jan 2023 03:04:05 GMT", "project": project, "version": version,
                "hash_spec": format!("sha256={digest}"), "hashes": {"sha256": digest},
            },
            "log": [{"what": "upload", "who": "alice", "when": [2023, 1, 2, 3, 4, 5], "dst": "alice/dev"}],
        }));
        files.last_mut().unwrap()
    }

    /// The folder of the export, written.
    fn path(&self) -> String {
        self.folder.write("dataindex.json", self.data.to_string());
        self.folder.path().to_str().unwrap().to_owned()
    }

    async fn import(&self, place: &(String, String), arguments: &[&str]) -> Outcome {
        run(&[&["import", &self.path()], arguments].concat(), &environment(&place.0, &place.1)).await
    }

    /// Imports all of it into a server of its own.
    async fn imported(&self) -> (Binary, (String, String)) {
        let place = place().await;
        let said = self.import(&place, &[]).await;
        assert!(said.success, "{}{}", said.stdout, said.stderr);
        (Binary::serve(&place.0, &place.1, &[]).await, place)
    }
}

/// The hash of alice's password, as an export tells it.
async fn hash_of_alice((database, prefix): &(String, String)) -> String {
    let folder = Folder::new();
    let export = folder.path().join("export");
    let arguments = ["export", export.to_str().unwrap(), "--include-secrets"];
    assert!(run(&arguments, &environment(database, prefix)).await.success);
    let data: Value = serde_json::from_str(&folder.read("export/dataindex.json")).unwrap();
    data["users"]["alice"]["pwhash"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_release_comes_with_its_metadata_its_time_and_its_log() {
    let mut export = Export::new();
    let wheel = archive::wheel("pkg", "1.0");
    export.file("pkg", "1.0", wheel.clone());
    let (server, _) = export.imported().await;
    let anyone = server.client(None);
    let data = anyone.get("alice/dev/pkg/1.0").await.expect(200).result();
    assert_eq!(data["summary"], "taken over");
    let log = json!([{"what": "upload", "who": "alice", "when": [2023, 1, 2, 3, 4, 5], "dst": "alice/dev"}]);
    assert_eq!(data["+links"][0]["log"], log);
    let path = anyone.file_path("alice/dev", "pkg", &wheel.0).await;
    let file = anyone.get_with(&path, &[("accept", "*/*")]).await.expect(200);
    assert_eq!(file.header("last-modified"), "Mon, 02 Jan 2023 03:04:05 GMT");
    assert_eq!(file.body, wheel.1);
    let metadata = anyone.get_with(&format!("{path}.metadata"), &[]).await.expect(200);
    assert!(metadata.text().contains("Name: pkg"));
    let alice = anyone.get("alice").await.expect(200).result();
    assert_eq!(
        (&alice["email"], &alice["created"]),
        (&json!("a@example.com"), &json!("1970-01-01T00:00:00Z"))
    );
}

#[tokio::test]
async fn a_password_works_on_and_its_hash_becomes_ours_at_the_first_login() {
    let (server, place) = Export::new().imported().await;
    assert_eq!(hash_of_alice(&place).await, HASH);
    let login = async |password| {
        server.client(None).post("+login", json!({"user": "alice", "password": password})).await.status
    };
    assert_eq!(login("wrong").await, 401);
    assert_eq!(hash_of_alice(&place).await, HASH);
    assert_eq!(login("secret").await, 200);
    let ours = hash_of_alice(&place).await;
    assert!(ours.starts_with("$argon2id$v=19$m=19456,"), "{ours}");
    assert_eq!((login("wrong").await, login("secret").await), (401, 200));
    let other = Binary::serve(&place.0, &place.1, &[]).await;
    other.client(None).post("+login", json!({"user": "alice", "password": "secret"})).await.expect(200);
}

#[tokio::test]
async fn what_can_not_be_taken_is_told_with_the_reason_and_the_rest_is_taken() {
    let mut export = Export::new();
    export.file("good", "1.0", archive::wheel("good", "1.0"));
    export.file("wrong", "1.0", archive::wheel("wrong", "1.0"))["entrymapping"]["hashes"]["sha256"] =
        "0".repeat(64).into();
    export.file("missing", "1.0", archive::wheel("missing", "1.0"))["relpath"] = "alice/dev/none.whl".into();
    export.file("outside", "1.0", archive::wheel("outside", "1.0"))["relpath"] = "../../etc/hosts".into();
    let link = export.folder.path().join("alice/dev/link-1.0.zip");
    std::os::unix::fs::symlink("/etc/hosts", link).unwrap();
    export.file("link", "1.0", archive::wheel("link", "1.0"))["relpath"] = "alice/dev/link-1.0.zip".into();
    export.index()["indexconfig"]["uploadtrigger"] = "http://ci.example/".into();
    export.data["users"]["bad name"] = json!({"pwhash": HASH});
    export.data["users"]["old"] = json!({"pwhash": "0123456789abcdef", "pwsalt": "salt"});
    export.data["indexes"]["alice/odd"] = json!({"indexconfig": {"type": "constrained"}});

    let place = place().await;
    let said = export.import(&place, &[]).await;
    assert!(!said.success);
    for words in [
        "refused alice/dev/wrong/1.0/wrong-1.0-py3-none-any.whl: it does not have the sha256",
        "refused alice/dev/none.whl: it can't be read",
        "refused ../../etc/hosts: its path leads out of the folder",
        "refused alice/dev/link-1.0.zip: its path leads out of the folder",
        "refused option of index alice/dev: indexconfig got unexpected keyword arguments: uploadtrigger",
        "refused user bad name: ",
        "refused password of user old: ",
        "refused index alice/odd with 0 files: unknown index type 'constrained'",
        "took 3 users, 1 indexes, 5 releases, 1 files",
    ] {
        assert!(said.stdout.contains(words), "no {words:?} in\n{}", said.stdout);
    }
    assert!(said.stderr.contains("8 parts of the export were not taken"), "{}", said.stderr);
    let server = Binary::serve(&place.0, &place.1, &[]).await;
    assert_eq!(server.client(None).filenames("alice/dev", "good").await.len(), 1);
    assert!(server.client(None).filenames("alice/dev", "wrong").await.is_empty());
    server.client(None).post("+login", json!({"user": "old", "password": ""})).await.expect(401);
}

#[tokio::test]
async fn odd_values_are_left_out_and_hold_up_nobody() {
    let mut export = Export::new();
    for version in ["1.0", "1.1", "1.2"] {
        export.file("pkg", version, archive::wheel("pkg", version));
    }
    let files = export.index()["files"].as_array_mut().unwrap();
    files[0]["yanked"] = "nul\u{0}".into();
    files[1]["entrymapping"]["last_modified"] = "9999-12-31T23:59:59-23:59".into();
    files[2]["log"][0]["when"] = "9999-12-31T23:59:59-01:00".into();
    // Listed twice, and so there already when it comes again.
    let again = files[0].clone();
    files.push(again);
    export.index()["projects"]["pkg"]["1.0"]["yanked"] = "nul\u{0}".into();
    export.index()["indexconfig"]["title"] = "a\u{0}b".into();
    export.index()["project_status"] = json!({"pkg": {"status": "archived", "reason": "\u{0}"}});
    export.data["users"]["alice"]["email"] = "a\u{0}b".into();
    export.data["users"]["alice"]["created"] = "9999-12-31T23:59:59-23:59".into();
    let costly = "$argon2id$v=19$m=8,t=4294967295,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA";
    export.data["users"]["costly"] = json!({"pwhash": costly});
    let pipe =
        export.file("pipe", "1.0", archive::wheel("pipe", "1.0"))["relpath"].as_str().unwrap().to_owned();
    let path = export.folder.path().join(pipe);
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());

    let place = place().await;
    let said = export.import(&place, &[]).await;
    assert!(said.stdout.contains("pipe-1.0-py3-none-any.whl: it is no file"), "{}", said.stdout);
    assert!(said.stdout.contains("refused password of user costly"), "{}", said.stdout);
    assert!(said.stderr.contains("2 parts of the export were not taken"), "{}{}", said.stdout, said.stderr);
    let server = Binary::serve(&place.0, &place.1, &[]).await;
    assert_eq!(server.client(None).filenames("alice/dev", "pkg").await.len(), 3);
    let dev = server.client(None).get("alice/dev").await.expect(200).result();
    assert_eq!(dev["title"], "ab");
}

#[tokio::test]
async fn two_who_import_the_same_at_the_same_time_do_not_stand_in_each_others_way() {
    let mut export = Export::new();
    for number in 0..20 {
        let version = format!("1.{number}");
        export.file("pkg", &version, archive::wheel("pkg", &version));
    }
    let place = place().await;
    export.path();
    for said in futures::future::join_all([export.import(&place, &[]), export.import(&place, &[])]).await {
        assert!(said.success, "{}{}", said.stdout, said.stderr);
    }
    let server = Binary::serve(&place.0, &place.1, &[]).await;
    assert_eq!(server.client(None).filenames("alice/dev", "pkg").await.len(), 20);
}

#[tokio::test]
async fn a_dry_run_reads_all_and_needs_no_server() {
    let mut export = Export::new();
    export.file("pkg", "1.0", archive::wheel("pkg", "1.0"));
    let path = export.path();
    let said = run(&["import", &path, "--dry-run"], &[]).await;
    assert!(said.success, "{}", said.stderr);
    assert!(said.stdout.contains("would take 2 users, 1 indexes, 1 releases, 1 files"), "{}", said.stdout);
    export.folder.write("alice/dev/pkg/1.0/pkg-1.0-py3-none-any.whl", "damaged");
    let said = run(&["import", &path, "--dry-run"], &[]).await;
    assert!(!said.success && said.stdout.contains("it does not have the sha256"), "{}", said.stdout);
}

#[tokio::test]
async fn what_is_no_export_is_told_in_one_line() {
    let folder = Folder::new();
    let path = folder.path().to_str().unwrap();
    let fails = async |words: &str| {
        let said = run(&["import", path, "--dry-run"], &[]).await;
        assert!(!said.success && said.stderr.contains(words), "{}", said.stderr);
    };
    fails("dataindex.json: No such file").await;
    folder.write("dataindex.json", "{\"users\": ");
    fails("dataindex.json: EOF").await;
    folder.write("dataindex.json", r#"{"dumpversion": "1", "users": {}, "indexes": {}}"#);
    fails("has dump version 1, expected 2 or 3").await;
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_where_it_was() {
    let mut export = Export::new();
    for number in 0..60 {
        let version = format!("1.{number}");
        export.file("pkg", &version, archive::wheel("pkg", &version));
    }
    let place = place().await;
    let server = Binary::serve(&place.0, &place.1, &[]).await;
    let mut import = command();
    import.args(["import", &export.path(), "--jobs", "1"]).envs(environment(&place.0, &place.1));
    let mut import = import.spawn().unwrap();
    let anyone = server.client(None);
    until("some of it is there", async || {
        let page = anyone.simple_page("alice/dev", "pkg", &[]).await;
        page.status == 200 && page.json()["files"].as_array().unwrap().len() > 3
    })
    .await;
    import.kill().await.unwrap();
    let there = anyone.filenames("alice/dev", "pkg").await.len();
    let said = export.import(&place, &[]).await;
    assert!(said.success, "{}{}", said.stdout, said.stderr);
    let words = format!("{} files: ", 60 - there);
    assert!(said.stdout.contains(&words), "no {words:?} in {}", said.stdout);
    assert_eq!(anyone.filenames("alice/dev", "pkg").await.len(), 60);
}

#[tokio::test]
async fn a_machine_of_its_own_takes_an_export_over_before_it_serves() {
    let mut export = Export::new();
    export.file("pkg", "1.0", archive::wheel("pkg", "1.0"));
    let (path, home) = (export.path(), Folder::new());
    for _ in 0..2 {
        let server = Binary::dev(home.path(), &["--import", &path]).await;
        assert_eq!(server.client(None).filenames("alice/dev", "pkg").await.len(), 1);
        for user in ["alice", "root"] {
            let login = json!({"user": user, "password": "secret"});
            server.client(None).post("+login", login).await.expect(200);
        }
        assert!(server.end("-TERM").await.success());
    }
}

#[tokio::test]
async fn a_large_file_comes_in_parts() {
    let mut export = Export::new();
    let (filename, content) = archive::large_wheel("large", "1.0", 20 << 20);
    export.file("large", "1.0", (filename.clone(), content.clone()));
    let (server, _) = export.imported().await;
    let path = server.client(None).file_path("alice/dev", "large", &filename).await;
    let file = server.client(None).get_with(&path, &[("accept", "*/*")]).await.expect(200);
    assert!(file.body == content);
}

#[tokio::test]
async fn an_export_of_devpi_7_speaks_its_own_words() {
    let mut export = Export::new();
    let file = export.file("pkg", "1.0", archive::wheel("pkg", "1.0"));
    for (part, key) in [("/log/0", "when"), ("/entrymapping", "last_modified")] {
        file.pointer_mut(part).unwrap()[key] = "2023-01-02T03:04:05Z".into();
    }
    export.data["dumpversion"] = "3".into();
    let index = export.index();
    index["indexconfig"] =
        json!({"type": "local", "volatile": false, "acl_upload": ["alice"], "bases": ["root/up"]});
    let versions = index["projects"]["pkg"].take();
    index["projects"] = json!({
        "pkg": {"config": {"inheritance_rules": "allow all"}, "versions": versions},
        "open": {"config": {"inheritance_rules": "allow all"}, "versions": {}},
    });
    export.data["indexes"]["root/up"] = json!({
        "indexconfig": {"type": "remote", "remote_url": "http://127.0.0.1:9/simple/", "remote_refresh_delay": 60},
    });
    let (server, _) = export.imported().await;
    let anyone = server.client(None);
    let dev = anyone.get("alice/dev").await.expect(200).result();
    assert_eq!((&dev["type"], &dev["volatile"]), (&json!("stage"), &json!(false)));
    assert_eq!(dev["mirror_whitelist"], json!(["open", "pkg"]));
    assert_eq!(dev["projects"], json!(["pkg"]));
    let up = anyone.get("root/up?no_projects=").await.expect(200).result();
    assert_eq!((&up["type"], &up["mirror_cache_expiry"]), (&json!("mirror"), &json!(60)));
    let data = anyone.get("alice/dev/pkg/1.0").await.expect(200).result();
    assert_eq!(data["+links"][0]["log"][0]["when"], json!([2023, 1, 2, 3, 4, 5]));
    assert_eq!(dev["mirror_whitelist_inheritance"], "intersection");
    let path = anyone.file_path("alice/dev", "pkg", "pkg-1.0-py3-none-any.whl").await;
    let file = anyone.get_with(&path, &[("accept", "*/*")]).await.expect(200);
    assert_eq!(file.header("last-modified"), "Mon, 02 Jan 2023 03:04:05 GMT");
}

#[tokio::test]
async fn files_of_a_mirror_are_served_while_its_upstream_is_away_and_exported_again() {
    let mut export = Export::new();
    let (filename, content) = archive::wheel("pkg", "1.0");
    let digest = archive::sha256(&content);
    let path = format!("root/up/pkg/1.0/{filename}");
    export.folder.write(&path, &content);
    let url = format!("http://127.0.0.1:9/files/{filename}");
    export.data["indexes"]["root/up"] = json!({
        "indexconfig": {"type": "mirror", "mirror_url": "http://127.0.0.1:9/simple/", "volatile": false},
        "projects": {"pkg": {"1.0": {"name": "pkg", "version": "1.0", "requires_python": ">=3.8", "yanked": null}}},
        "files": [{
            "type": "releasefile", "projectname": "pkg", "version": "1.0", "relpath": path, "log": null,
            "entrymapping": {"url": url, "hashes": {"sha256": digest}, "last_modified": "Mon, 02 Jan 2023 03:04:05 GMT"},
        }],
    });
    let (server, place) = export.imported().await;
    let anyone = server.client(None);
    let page = anyone.simple("root/up", "pkg").await;
    assert_eq!(page["files"][0]["requires-python"], ">=3.8");
    let path = anyone.file_path("root/up", "pkg", &filename).await;
    assert_eq!(anyone.get_with(&path, &[("accept", "*/*")]).await.expect(200).body, content);

    let said = export.import(&place, &[]).await;
    assert!(said.stdout.contains("1 files were there already"), "{}", said.stdout);
    let folder = Folder::new();
    let again = folder.path().join("export");
    let arguments = ["export", again.to_str().unwrap(), "--include-mirrored-files"];
    let said = run(&arguments, &environment(&place.0, &place.1)).await;
    assert!(said.success, "{}", said.stderr);
    assert!(Path::new(&again).join(format!("root/up/pkg/1.0/{filename}")).is_file());
    let data: Value = serde_json::from_str(&folder.read("export/dataindex.json")).unwrap();
    assert_eq!(data["indexes"]["root/up"]["files"][0]["entrymapping"]["url"], url);
    assert_ne!(data["users"]["alice"]["pwhash"], HASH);
}

//! Uploads that work: what is stored, and what the pages and the metadata then say.

use crate::harness::{RawForm, Server, Upload, archive};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Version data without the keys that say nothing, and without the links.
fn told(data: &Value) -> Value {
    let data = data.as_object().unwrap().iter();
    let says = |value: &Value| *value != json!("") && *value != json!([]);
    data.filter(|(key, value)| says(value) && *key != "+links").map(|(k, v)| (k.clone(), v.clone())).collect()
}

#[tokio::test]
async fn an_upload_is_on_the_page_and_is_downloaded_byte_for_byte() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    for (filename, content) in [archive::wheel("My.Pkg", "1.0"), archive::sdist("My.Pkg", "1.0")] {
        let upload = Upload::new("My.Pkg", "1.0", (filename.clone(), content.clone()));
        let reply = alice.upload("alice/dev", upload).await.expect(200);
        assert_eq!(reply.text(), "");
        let path = alice.file_path("alice/dev", "my-pkg", &filename).await;
        let digest = sha256(&content);
        assert_eq!(path, format!("alice/dev/+f/{}/{}/{filename}", &digest[..3], &digest[3..16]));
        assert_eq!(server.anonymous().get_with(&path, &[]).await.expect(200).body, content);
    }
    assert_eq!(alice.get("alice/dev").await.result()["projects"], json!(["my-pkg"]));
    assert_eq!(alice.get("alice/dev/my-pkg/1.0").await.result()["name"], "My.Pkg");
}

#[tokio::test]
async fn the_metadata_of_a_wheel_and_a_reliable_sdist_are_served_byte_for_byte() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let metadata = "Metadata-Version: 2.4\r\nName: Pkg\r\nVersion: 1.0.0\r\nX-New: é \r\n\r\nText\0 \n\n";
    let wheel = archive::wheel_with("pkg", "1.0", metadata, "");
    let filename = wheel.0.clone();
    alice.upload("alice/dev", Upload::new("pkg", "1.0", wheel)).await.expect(200);
    let path = alice.file_path("alice/dev", "pkg", &filename).await;
    let reply = alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200);
    assert_eq!(reply.body, metadata.as_bytes());
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    let page = alice.simple("alice/dev", "pkg").await;
    assert_eq!(page["files"][0]["core-metadata"], json!({"sha256": sha256(metadata.as_bytes())}));

    let (filename, content) = archive::sdist("pkg", "2.0");
    alice.upload("alice/dev", Upload::new("pkg", "2.0", (filename.clone(), content))).await.expect(200);
    let path = alice.file_path("alice/dev", "pkg", &filename).await;
    let reply = alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200);
    assert!(reply.text().starts_with("Metadata-Version: 2.2\n"), "{reply}");

    let egg = ("pkg-3.0.egg".to_owned(), archive::zip(&[("a", b"")]));
    alice.upload("alice/dev", Upload::new("pkg", "3.0", egg)).await.expect(200);
    let path = alice.file_path("alice/dev", "pkg", "pkg-3.0.egg").await;
    alice.get_with(&format!("{path}.metadata"), &[]).await.expect(404);
}

#[tokio::test]
async fn requires_python_comes_from_the_file_and_from_the_form_where_the_file_says_nothing() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let metadata = |more: &str| format!("Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n{more}");
    let egg = || ("pkg-1.0.egg".to_owned(), archive::zip(&[("a", b"")]));
    for (file, form, expected) in [
        (archive::wheel_with("pkg", "1.0", &metadata("Requires-Python: >=3.9\n"), ""), ">=2", json!(">=3.9")),
        (archive::wheel_with("pkg", "1.0", &metadata("\n"), "a"), ">=2", Value::Null),
        (archive::sdist("pkg", "1.0"), "", json!(">=3.8")),
        (egg(), ">=3.7,<4", json!(">=3.7,<4")),
        (("pkg-1.0.zip".into(), egg().1), "UNKNOWN", Value::Null),
    ] {
        let filename = file.0.clone();
        let upload = Upload::new("pkg", "1.0", file).with("requires_python", form);
        alice.upload("alice/dev", upload).await.expect(200);
        let page = alice.simple("alice/dev", "pkg").await;
        let files = page["files"].as_array().unwrap();
        let found = files.iter().find(|file| file["filename"] == filename.as_str()).unwrap();
        assert_eq!(found.get("requires-python").unwrap_or(&Value::Null), &expected, "{filename}");
    }
}

#[tokio::test]
async fn all_core_metadata_up_to_2_4_is_kept() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let lists = [
        "platform",
        "classifiers",
        "supported_platform",
        "provides",
        "requires",
        "obsoletes",
        "project_urls",
        "provides_dist",
        "obsoletes_dist",
        "requires_dist",
        "requires_external",
        "dynamic",
        "license_file",
        "provides_extra",
    ];
    let texts = [
        "summary",
        "home_page",
        "author",
        "author_email",
        "maintainer",
        "maintainer_email",
        "license",
        "description",
        "keywords",
        "download_url",
        "comment",
        "requires_python",
        "description_content_type",
        "license_expression",
    ];
    let mut form = RawForm::upload("pkg", "1.0").field("metadata_version", "2.4");
    let mut expected = json!({"name": "pkg", "version": "1.0", "metadata_version": "2.4"});
    for key in lists {
        form = form.field(key, format!("{key} é")).field(key, "").field(key, "two\r\nlines");
        let kept = if key == "provides_extra" { "provides_extras" } else { key };
        expected[kept] = json!([format!("{key} é"), "two\r\nlines"]);
    }
    for key in texts {
        form = form.field(key, format!("{key} \"é\"\n"));
        expected[key] = json!(format!("{key} \"é\"\n"));
    }
    let (filename, content) = archive::wheel("pkg", "1.0");
    let form = form.field("unknown", "field").file("content", filename, &content);
    alice.post_form("alice/dev", form).await.expect(200);
    assert_eq!(told(&alice.get("alice/dev/pkg/1.0").await.result()), expected);
}

#[tokio::test]
async fn a_second_upload_changes_only_the_fields_it_has_and_a_registration_replaces_all() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let told_now = async || told(&alice.get("alice/dev/pkg/1.0").await.result());
    let upload = Upload::new("pkg", "1.0", archive::wheel("pkg", "1.0"))
        .with("summary", "one")
        .with("license", "MIT")
        .with("classifiers", "a")
        .with("classifiers", "b");
    alice.upload("alice/dev", upload).await.expect(200);

    let upload = Upload::new("Pkg", "1.0", archive::sdist("pkg", "1.0"))
        .with("summary", "UNKNOWN")
        .with("classifiers", "c");
    alice.upload("alice/dev", upload).await.expect(200);
    let expected = json!({"name": "Pkg", "version": "1.0", "metadata_version": "2.1", "license": "MIT",
        "classifiers": ["c"]});
    assert_eq!(told_now().await, expected);

    let submit = "%3Aaction=submit&name=PKG&version=1.0&author=a+b&summary=";
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let reply = alice.send("POST", "alice/dev/", &headers, submit).await.expect(200);
    assert_eq!(told_now().await, json!({"name": "PKG", "version": "1.0", "author": "a b"}));
    assert_eq!(alice.filenames("alice/dev", "pkg").await.len(), 2);
    let again = alice.send("POST", "alice/dev/", &headers, submit).await.expect(200);
    assert_eq!(again.serial(), reply.serial());
}

#[tokio::test]
async fn a_project_may_be_registered_before_it_has_files() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let form = RawForm::default().field(":action", "submit").field("name", "Pkg").field("version", "1.0");
    alice.post_form("alice/dev", form.field("summary", "s")).await.expect(200);
    let page = alice.simple("alice/dev", "pkg").await;
    assert_eq!((&page["files"], &page["versions"]), (&json!([]), &json!(["1.0"])));
    let data = alice.get("alice/dev/pkg/1.0").await.result();
    assert_eq!((&data["summary"], data.get("+links")), (&json!("s"), None));
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    assert_eq!(alice.get("alice/dev/pkg/1.0").await.result()["summary"], "s");
}

#[tokio::test]
async fn on_a_volatile_index_a_file_is_overwritten_and_its_log_tells() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";
    let wheel = |text: &str| archive::wheel_with("pkg", "1.0", metadata, text);
    let filename = wheel("").0;
    let mut old = None;
    for text in ["one", "two", "three"] {
        alice.upload("alice/dev", Upload::new("pkg", "1.0", wheel(text))).await.expect(200);
        let path = alice.file_path("alice/dev", "pkg", &filename).await;
        assert_eq!(alice.get_with(&path, &[]).await.body, wheel(text).1);
        if let Some(old) = old.replace(path) {
            alice.get_with(&old, &[]).await.expect(410);
        }
    }
    let links = alice.get("alice/dev/pkg/1.0").await.result()["+links"].clone();
    assert_eq!(links.as_array().unwrap().len(), 1);
    let log = &links[0]["log"];
    let told = |at: usize| (log[at]["what"].clone(), log[at]["who"].clone());
    assert_eq!(told(0), (json!("overwrite"), Value::Null));
    assert_eq!(told(1), (json!("upload"), json!("alice")));
    assert_eq!((&log[0]["count"], &log[1]["dst"]), (&json!(2), &json!("alice/dev")));
    assert_eq!(log[1]["when"].as_array().unwrap().len(), 6);

    alice.upload("alice/dev", Upload::new("pkg", "1.0", wheel("one"))).await.expect(200);
    let path = alice.file_path("alice/dev", "pkg", &filename).await;
    assert_eq!(alice.get_with(&path, &[]).await.expect(200).body, wheel("one").1);
}

#[tokio::test]
async fn on_a_non_volatile_index_a_file_stays_and_a_refused_upload_changes_no_metadata() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/prod", json!({"volatile": false})).await;
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";
    let upload = |text: &str, summary: &str| {
        let wheel = archive::wheel_with("pkg", "1.0", metadata, text);
        Upload::new("pkg", "1.0", wheel).with("summary", summary)
    };
    let stored = alice.upload("alice/prod", upload("one", "first")).await.expect(200);
    let (before, objects) = (alice.simple("alice/prod", "pkg").await, server.objects().await);

    let again = alice.upload("alice/prod", upload("one", "second")).await.expect(200);
    assert_eq!(again.reason, "Upload of identical file to non volatile index.");
    let refused = alice.upload("alice/prod", upload("two", "third")).await.expect(409);
    let message = "pkg-1.0-py3-none-any.whl already exists in non-volatile index";
    assert_eq!((refused.reason.as_str(), refused.message().as_str()), (message, message));
    assert_eq!((again.serial(), refused.serial()), (stored.serial(), stored.serial()));
    assert_eq!(alice.simple("alice/prod", "pkg").await, before);
    assert_eq!(alice.get("alice/prod/pkg/1.0").await.result()["summary"], "first");
    assert_eq!(server.objects().await, objects);
}

#[tokio::test]
async fn white_space_around_a_version_is_no_part_of_it() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    for version in [" 1.0 ", "1.0\n", "1.0"] {
        alice
            .upload("alice/dev", Upload::new("pkg", version, archive::wheel("pkg", "1.0")))
            .await
            .expect(200);
    }
    let versions = alice.get("alice/dev/pkg").await.result();
    assert_eq!(versions.as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0"]);
}

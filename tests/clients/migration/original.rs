//! The devpi-server of a small company.

use super::DevpiServer;
use crate::harness::{Client, Upload, archive};
use reqwest::multipart::{Form, Part};
use serde_json::json;

/// Two users, four indexes over each other, fifty files, tox results and documentation.
pub(super) async fn fill(devpi: &DevpiServer) {
    let anonymous = devpi.client(None);
    let email = json!({"password": "secret-a", "email": "alice@example.com", "title": "Alice"});
    anonymous.put("alice", email).await.expect(201);
    anonymous.put("bob", json!({"password": "secret-b"})).await.expect(201);
    let alice = devpi.client(Some(("alice", "secret-a")));
    let bob = devpi.client(Some(("bob", "secret-b")));
    alice.create_index("alice/base", json!({"volatile": false, "acl_upload": ["alice", "bob"]})).await;
    let bases = json!({"bases": ["alice/base"], "title": "Development", "mirror_whitelist": ["pkg-a"]});
    alice.create_index("alice/dev", bases).await;
    let mirror = json!({"type": "mirror", "mirror_url": "http://127.0.0.1:9/simple/", "volatile": false});
    bob.create_index("bob/mirror", mirror).await;
    let bases = json!({"bases": ["alice/dev", "bob/mirror"], "acl_upload": ["bob"], "volatile": false});
    bob.create_index("bob/prod", bases).await;

    for project in ["pkg-a", "Pkg_B", "pkg.c"] {
        for version in ["1.0", "1.1", "2.0", "2.1rc1"] {
            upload(&alice, "alice/dev", project, version).await;
        }
    }
    for version in ["0.9", "1.0", "3.0"] {
        upload(&bob, "alice/base", "pkg-a", version).await;
        upload(&bob, "alice/base", "other", version).await;
    }
    upload(&bob, "alice/base", "other", "4.0").await;
    // Pushed, so that there are files with more than one entry in their log.
    for version in ["1.0", "2.0", "3.0"] {
        upload(&alice, "alice/dev", "pushed", version).await;
        document(&alice, "alice/dev", "pushed", version).await;
        let push = json!({"name": "pushed", "version": version, "targetindex": "bob/prod"});
        test(&alice, "alice/dev", "pushed", version).await;
        bob.post("alice/dev", push).await.expect(200);
    }
    document(&alice, "alice/dev", "pkg-a", "1.0").await;
    for _ in 0..2 {
        test(&alice, "alice/dev", "pkg-a", "1.0").await;
    }
    // Overwritten, and so with an entry that counts.
    let other =
        archive::wheel_with("pkg-a", "1.0", "Metadata-Version: 2.1\nName: pkg-a\nVersion: 1.0\n", "other");
    alice.upload("alice/dev", Upload::new("pkg-a", "1.0", other)).await.expect(200);
    let register =
        [(":action", "submit"), ("name", "planned"), ("version", "0.1"), ("summary", "To come: ä€")];
    let register = register.into_iter().fold(Form::new(), |form, (key, text)| form.text(key, text));
    alice.send_form("alice/dev", register).await.expect(200);
}

/// Uploads a wheel and an sdist.
async fn upload(client: &Client, index: &str, project: &str, version: &str) {
    let metadata = [
        ("summary", "A package"),
        ("description", "# Long\n\ntext with ä€ <b>"),
        ("description_content_type", "text/markdown"),
        ("requires_python", ">=3.8, <4"),
        ("classifiers", "Framework :: Devpi"),
        ("classifiers", "Topic :: Utilities"),
    ];
    for file in [archive::wheel(project, version), archive::sdist(project, version)] {
        let upload = Upload::new(project, version, file);
        let upload = metadata.iter().fold(upload, |upload, (key, text)| upload.with(key, text));
        client.upload(index, upload).await.expect(200);
    }
}

/// Uploads documentation.
async fn document(client: &Client, index: &str, project: &str, version: &str) {
    let page = format!("<h1>{project} {version}</h1>");
    let zip = archive::zip(&[("index.html", page.as_bytes()), ("sub/page.html", b"<p>more")]);
    let form = Form::new().text(":action", "doc_upload").text("name", project.to_owned());
    let form = form.text("version", version.to_owned());
    let form = form.part("content", Part::bytes(zip).file_name("docs.zip"));
    client.send_form(index, form).await.expect(200);
}

/// Sends a tox result about the wheel.
async fn test(client: &Client, index: &str, project: &str, version: &str) {
    let (filename, _) = archive::wheel(project, version);
    let data = client.get(&format!("{index}/{project}/{version}")).await.expect(200).result();
    let links = data["+links"].as_array().unwrap();
    let is_wheel = |link: &&serde_json::Value| link["href"].as_str().unwrap().ends_with(&filename);
    let href = links.iter().find(is_wheel).unwrap()["href"].as_str().unwrap();
    let path = href.splitn(4, '/').last().unwrap();
    let result = json!({"toxversion": "4.0", "testenvs": {"py3": {"test": [{"retcode": "0"}]}}});
    client.post(path, result).await.expect(200);
}

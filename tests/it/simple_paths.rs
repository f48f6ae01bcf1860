//! Simple pages: redirects, outside URLs, what is not there, inheritance and the status of a project.

use crate::harness::{Client, Server, Upload, archive};
use serde_json::{Value, json};

async fn alice_with_pkg(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "my-pkg", "1.0").await;
    alice
}

#[tokio::test]
async fn a_name_that_is_not_normalised_is_redirected_to_the_one_that_is() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let bob = server.user("ümit").await;
    bob.create_index("ümit/BC", json!({})).await;
    for (path, location) in [
        ("alice/dev/+simple/My_Pkg/", "alice/dev/+simple/my-pkg/"),
        ("alice/dev/+simple/My.-_Pkg", "alice/dev/+simple/my-pkg"),
        ("alice/dev/%2Bsimple/My%5FPkg/?format=text/html", "alice/dev/+simple/my-pkg/?format=text/html"),
        ("alice/dev/MY-PKG", "alice/dev/my-pkg"),
        ("alice/dev/my_pkg/?ignore_bases=", "alice/dev/my-pkg/?ignore_bases="),
        ("alice/dev/my_pkg/1.0", "alice/dev/my-pkg/1.0"),
        ("alice/dev/My.Pkg/1.0/", "alice/dev/my-pkg/1.0/"),
        ("%C3%BCmit/BC/+simple/BC/", "%C3%BCmit/BC/+simple/bc/"),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = alice.send(method, path, &[("accept", "application/json")], "").await.expect(302);
            assert_eq!(reply.header("location"), format!("/{location}"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn links_are_absolute_when_asked_for_and_begin_with_the_outside_url() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let outside = ("x-outside-url", "https://proxy.example/wheels/");
    let absolute = ("x-devpi-absolute-urls", "1");
    let json = ("accept", "application/vnd.pypi.simple.v1+json");
    for (sent, root) in [(vec![], server.url.as_str()), (vec![outside], "https://proxy.example/wheels")] {
        let with = |more: &[(&'static str, &'static str)]| [&sent, more].concat();
        for prefix in ["", if sent.is_empty() { "" } else { "wheels/" }] {
            let page = format!("{prefix}alice/dev/+simple/my-pkg/");
            let reply = alice.get_with(&page, &with(&[json])).await.expect(200);
            assert!(reply.json()["files"][0]["url"].as_str().unwrap().starts_with("../../+f/"));
            let reply = alice.get_with(&page, &with(&[json, absolute])).await.expect(200);
            let url = reply.json()["files"][0]["url"].as_str().unwrap().to_owned();
            assert!(url.starts_with(&format!("{root}/alice/dev/+f/")), "{url}");
            let reply = alice.get_with(&page, &with(&[absolute])).await.expect(200);
            assert!(reply.text().contains(&format!("href=\"{url}#sha256=")), "{reply}");

            let page = format!("{prefix}alice/dev/+simple/My_Pkg/");
            let reply = alice.get_with(&page, &sent).await.expect(302);
            let below = if sent.is_empty() { "" } else { "/wheels" };
            assert_eq!(reply.header("location"), format!("{below}/alice/dev/+simple/my-pkg/"));
            let data = format!("{prefix}alice/dev/my-pkg/1.0");
            let reply = alice.get_with(&data, &with(&[("accept", "application/json")])).await.expect(200);
            assert_eq!(reply.result()["+links"][0]["href"], url);
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_cannot_be_is_400() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let long = format!("alice/dev/+simple/{}/", "a".repeat(10_000));
    for (method, path, status, message) in [
        ("GET", "alice/dev/+simple/none/", 404, "The project none does not exist."),
        ("GET", "alice/dev/+simple/none", 404, "The project none does not exist."),
        ("GET", "alice/none/+simple/my-pkg/", 404, "The stage alice/none could not be found."),
        ("GET", "alice/none/+simple/", 404, "The stage alice/none could not be found."),
        ("GET", "a:b/c/+simple/", 404, "The stage a:b/c could not be found."),
        ("GET", "alice/dev/+simple/my-pkg/x", 404, ""),
        ("GET", "alice/dev/+simple/..%2Fmy-pkg/", 404, ""),
        ("GET", "alice/dev/+simple/-/", 404, ""),
        ("GET", &long, 404, ""),
        ("GET", "alice/dev/+simple/p%C3%A4ckchen/", 400, "unicode project names not allowed"),
        ("GET", "alice/dev/+simple/a%00b/", 400, "the path holds a NUL character"),
        ("GET", "alice/dev/+simple/a%FFb/", 400, "the path is not UTF-8"),
        ("GET", "alice/dev/none", 404, "no project 'none'"),
        ("GET", "alice/dev/my-pkg/2.0", 404, "The version 2.0 of project my-pkg does not exist."),
        ("GET", "alice/dev/none/2.0", 404, "The version 2.0 of project none does not exist."),
        ("POST", "alice/dev/+simple/my-pkg/", 404, ""),
        ("DELETE", "alice/dev/+simple/my-pkg/", 404, ""),
        ("OPTIONS", "alice/dev/+simple/", 404, ""),
    ] {
        let reply = alice.send(method, path, &[("accept", "application/json")], "").await.expect(status);
        assert!(message.is_empty() || reply.message() == message, "{path}: {reply}");
        assert_eq!(reply.header("content-type"), "application/json");
    }
    let reply = alice.get_with("alice/dev/+simple/none/", &[("accept", "text/html")]).await.expect(404);
    assert!(reply.text().contains("The project none does not exist."), "{reply}");
    alice.get_with("alice/dev/+simple/none/", &[("if-none-match", "*")]).await.expect(404);
}

#[tokio::test]
async fn a_page_holds_the_files_of_all_bases_and_an_earlier_file_name_shadows_a_later() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    bob.create_index("bob/base", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": ["bob/base"]})).await;
    let wheel = |version: &str, text: &str| {
        let metadata = format!("Metadata-Version: 2.1\nName: pkg\nVersion: {version}\n");
        Upload::new("pkg", version, archive::wheel_with("pkg", version, &metadata, text))
    };
    alice.upload("alice/dev", wheel("1.0", "alice")).await.expect(200);
    bob.upload("bob/base", wheel("1.0", "bob")).await.expect(200);
    bob.upload("bob/base", wheel("10.0", "bob")).await.expect(200);
    bob.upload("bob/base", wheel("9.0", "bob")).await.expect(200);

    let page = alice.simple("alice/dev", "pkg").await;
    assert_eq!(page["versions"], json!(["1.0", "9.0", "10.0"]));
    let files = page["files"].as_array().unwrap();
    let names: Vec<_> = files.iter().map(|file| file["filename"].as_str().unwrap()).collect();
    assert_eq!(names, ["10.0", "9.0", "1.0"].map(|version| format!("pkg-{version}-py3-none-any.whl")));
    assert!(files[0]["url"].as_str().unwrap().starts_with("../../../../bob/base/+f/"));
    let path = alice.file_path("alice/dev", "pkg", "pkg-1.0-py3-none-any.whl").await;
    assert!(path.starts_with("alice/dev/+f/"), "{path}");
    alice.get_with(&path.replace("alice/dev", "bob/base"), &[]).await.expect(404);

    let html = alice.get_with("alice/dev/+simple/", &[]).await.expect(200).text();
    assert!(
        html.contains("<h2>alice/dev (bases: bob/base)</h2>") && html.contains("<h2>bob/base</h2>"),
        "{html}"
    );
    let data = alice.get("alice/dev/pkg/1.0").await.result();
    assert_eq!(data["+shadowing"].as_array().unwrap().len(), 1);
    assert!(data["+shadowing"][0]["+links"][0]["href"].as_str().unwrap().contains("/bob/base/+f/"));
    let own = alice.get("alice/dev/pkg?ignore_bases=").await.result();
    assert_eq!(own.as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0"]);
    bob.upload_wheel("bob/base", "other", "1.0").await;
    assert_eq!(alice.get("alice/dev/other?ignore_bases=").await.expect(200).result(), json!({}));
    assert_eq!(alice.get("alice/dev").await.result()["projects"], json!(["pkg"]));
}

#[tokio::test]
async fn installers_are_known_by_their_user_agent_and_others_get_devpis_json() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    for (agent, simple) in [
        ("pip/26.3 {\"ci\":null}", true),
        ("uv/0.13.9", true),
        ("tool setuptools/80", true),
        ("pex/2", true),
        ("twine/7.0", false),
        ("poetry/2.5", false),
        ("curl/8", false),
    ] {
        let sent = [("accept", "application/json"), ("user-agent", agent)];
        let reply = alice.get_with("alice/dev/my-pkg", &sent).await.expect(200);
        let expected = if simple { "text/html; charset=utf-8" } else { "application/json" };
        assert_eq!(reply.header("content-type"), expected, "{agent}");
    }
    let sent = [("accept", "application/vnd.pypi.simple.v1+json")];
    assert!(alice.get_with("alice/dev/my-pkg/", &sent).await.expect(200).json()["files"].is_array());
    assert!(alice.get_with("alice/dev/", &sent).await.expect(200).json()["projects"].is_array());
}

#[tokio::test]
async fn an_archived_project_takes_no_uploads_and_a_quarantined_one_offers_no_files() {
    let server = Server::start().await;
    let (alice, bob) = (alice_with_pkg(&server).await, server.user("bob").await);
    bob.create_index("bob/dev", json!({"bases": ["alice/dev"]})).await;
    bob.upload_wheel("bob/dev", "my-pkg", "3.0").await;
    let path = alice.file_path("alice/dev", "my-pkg", "my_pkg-1.0-py3-none-any.whl").await;
    for (status, reason, upload, own, inherited) in [
        ("archived", json!("no more"), 403, 1, 2),
        ("quarantined", Value::Null, 403, 0, 1),
        ("deprecated", json!("use another"), 200, 2, 3),
        ("active", Value::Null, 200, 2, 3),
    ] {
        let body = json!({"status": status, "reason": reason});
        alice.patch("alice/dev/my-pkg", body.clone()).await.expect(200);
        let serial = server.serial().await;
        alice.patch("alice/dev/my-pkg", body.clone()).await.expect(200);
        assert_eq!(server.serial().await, serial);
        let objects = server.objects().await;
        let file = Upload::new("my-pkg", "2.0", archive::wheel("my-pkg", "2.0"));
        let reply = alice.upload("alice/dev", file).await.expect(upload);
        assert!(
            upload == 200 || reply.reason.contains(&format!("is {status} and takes no uploads")),
            "{reply}"
        );
        assert!(upload == 200 || server.objects().await == objects);

        let page = alice.simple("alice/dev", "my-pkg").await;
        assert_eq!(page["project-status"]["status"], status);
        assert_eq!(page["project-status"].get("reason").unwrap_or(&Value::Null), &reason);
        assert_eq!(page["files"].as_array().unwrap().len(), own, "{status}");
        let page = bob.simple("bob/dev", "my-pkg").await;
        assert_eq!(page["project-status"], json!({"status": "active"}));
        assert_eq!(page["files"].as_array().unwrap().len(), inherited, "{status}");
        alice.get_with(&path, &[]).await.expect(200);
    }
    for (client, project, body, status) in [
        (&alice, "my-pkg", json!({"status": "sleepy"}), 400),
        (&alice, "my-pkg", json!({"status": 1}), 400),
        (&alice, "my-pkg", json!({"status": "archived", "reason": []}), 400),
        (&alice, "my-pkg", json!({}), 400),
        (&alice, "none", json!({"status": "archived"}), 404),
        (&bob, "my-pkg", json!({"status": "archived"}), 403),
        (&server.anonymous(), "my-pkg", json!({"status": "archived"}), 401),
    ] {
        client.patch(&format!("alice/dev/{project}"), body.clone()).await.expect(status);
    }
    assert_eq!(alice.simple("alice/dev", "my-pkg").await["project-status"], json!({"status": "active"}));
}

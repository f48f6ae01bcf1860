//! Simple pages: their forms, their links and what they say of each file.

use crate::harness::{Client, Reply, Server, Upload, archive, raw::Connection};
use regex::Regex;
use serde_json::{Value, json};
use url::Url;

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const PIP: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";

async fn alice_with_pkg(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    alice
}

/// The links of an HTML page: where they lead, and their texts, found as a simple client finds them.
fn links(page: &Url, reply: &Reply) -> Vec<(Url, String)> {
    let link = Regex::new("<a [^>]*href=\"([^\"]+)\"[^>]*>([^<]+)</a>").unwrap();
    let text = reply.text();
    let found = link.captures_iter(&text);
    found.map(|found| (page.join(&found[1].replace("&amp;", "&")).unwrap(), found[2].to_owned())).collect()
}

/// The headers of a reply but for those that no two replies share.
fn headers(reply: &Reply) -> reqwest::header::HeaderMap {
    let mut headers = reply.headers.clone();
    for name in ["date", "x-request-id"] {
        headers.remove(name);
    }
    headers
}

#[tokio::test]
async fn each_accept_gets_its_form_by_get_and_head() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let html = "text/html; charset=utf-8";
    let html_v1 = "application/vnd.pypi.simple.v1+html";
    for (accept, query, status, content_type) in [
        ("*/*", "", 200, html),
        (PIP, "", 200, JSON),
        (
            "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
            "",
            200,
            JSON,
        ),
        ("application/vnd.pypi.simple.v1+json, */*;q=0.1", "", 200, JSON),
        ("application/vnd.pypi.simple.latest+json", "", 200, JSON),
        ("application/vnd.pypi.simple.latest+html", "", 200, html_v1),
        (html_v1, "", 200, html_v1),
        ("text/html;q=0.5, application/vnd.pypi.simple.v1+json;q=0.5", "", 200, html),
        ("text/*;q=0.3, application/vnd.pypi.simple.v1+json;q=0", "", 200, html),
        ("application/json", "", 200, html),
        ("application/vnd.pypi.simple.v2+json", "", 406, ""),
        ("image/png", "", 406, ""),
        ("text/html", "?format=application/vnd.pypi.simple.v1%2Bjson", 200, JSON),
        ("text/html", "?format=application/vnd.pypi.simple.v1+json", 200, JSON),
        ("text/html", "?format=application/vnd.pypi.simple.latest%2Bjson", 200, JSON),
        (PIP, "?format=text/html", 200, html),
        (PIP, "?format=text/plain", 406, ""),
    ] {
        for page in ["alice/dev/+simple/pkg/", "alice/dev/+simple/"] {
            let sent = [("accept", accept), ("accept-encoding", "identity")];
            let get = alice.get_with(&format!("{page}{query}"), &sent).await.expect(status);
            let head = alice.send("HEAD", &format!("{page}{query}"), &sent, "").await.expect(status);
            assert_eq!(headers(&get), headers(&head), "{accept}");
            assert!(head.body.is_empty());
            if status == 200 {
                assert_eq!(get.header("content-type"), content_type, "{accept}");
                assert_eq!(get.header("vary"), "Accept, Accept-Encoding");
                assert_eq!(get.body.starts_with(b"{"), content_type == JSON, "{accept}");
            } else {
                assert!(get.text().contains(JSON) && get.text().contains("text/html"), "{get}");
            }
        }
    }
    let mut connection = Connection::open(&server.url).await;
    connection.send("GET /alice/dev/+simple/pkg HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(connection.head().await.contains("\r\ncontent-type: text/html; charset=utf-8\r\n"));
    assert!(connection.rest().await.starts_with(b"<!DOCTYPE html>"));
}

#[tokio::test]
async fn the_links_of_a_project_page_lead_to_the_files_from_every_url_that_it_has() {
    let server = Server::start().await;
    let (alice, bob) = (alice_with_pkg(&server).await, server.user("jürgen").await);
    bob.create_index("jürgen/bäse", json!({})).await;
    alice.patch("alice/dev", json!({"bases": ["jürgen/bäse"]})).await.expect(200);
    let wheel = archive::wheel("pkg", "1.0+local.1");
    bob.upload("jürgen/bäse", Upload::new("pkg", "1.0+local.1", wheel)).await.expect(200);
    for (path, agent) in [
        ("alice/dev/+simple/pkg/", "twine/7"),
        ("alice/dev/+simple/pkg", "twine/7"),
        ("alice/dev/%2Bsimple/pkg/", "hatch/1"),
        ("alice/dev/%2bsimple/pkg", "hatch/1"),
        ("alice/dev/pkg/", "pip/26.3 {}"),
        ("alice/dev/pkg", "uv/0.13"),
    ] {
        let page = Url::parse(&format!("{}/{path}", server.url)).unwrap();
        let reply = alice.get_with(path, &[("accept", "text/html"), ("user-agent", agent)]).await.expect(200);
        let mut found = links(&page, &reply);
        let reply = alice.get_with(path, &[("accept", PIP), ("user-agent", agent)]).await.expect(200);
        for file in reply.json()["files"].as_array().unwrap() {
            let url = page.join(file["url"].as_str().unwrap()).unwrap();
            found.push((url, file["filename"].as_str().unwrap().to_owned()));
        }
        assert_eq!(found.len(), 4, "{path}");
        for (url, text) in found {
            assert!(url.path().ends_with(&text), "{url} {text}");
            alice.get_with(&url.path()[1..], &[]).await.expect(200);
        }
    }
}

#[tokio::test]
async fn the_links_of_a_project_list_lead_to_the_pages_from_every_url_that_it_has() {
    let server = Server::start().await;
    let (alice, bob) = (alice_with_pkg(&server).await, server.user("bob").await);
    bob.create_index("bob/bäse", json!({})).await;
    for project in ["pkg", "Other.Name"] {
        bob.upload_wheel("bob/bäse", project, "1.0").await;
    }
    alice.create_index("alice/ü", json!({"bases": ["alice/dev", "bob/bäse"]})).await;
    for (path, agent) in [
        ("alice/ü/+simple/", "twine/7"),
        ("alice/ü/+simple", "twine/7"),
        ("alice/ü/%2Bsimple", "hatch/1"),
        ("alice/ü/", "pip/26.3 {}"),
        ("alice/ü", "uv/0.13"),
    ] {
        let get = async |path: &str, accept| {
            let reply = alice.get_with(path, &[("accept", accept), ("user-agent", agent)]).await;
            if reply.status == 302 {
                let to = Url::parse(&server.url).unwrap().join(reply.header("location")).unwrap();
                let reply =
                    alice.get_with(&to.path()[1..], &[("accept", accept), ("user-agent", agent)]).await;
                return (to, reply.expect(200));
            }
            (Url::parse(&format!("{}/{path}", server.url)).unwrap(), reply.expect(200))
        };
        let (page, reply) = get(path, "text/html").await;
        let found = links(&page, &reply);
        let texts: Vec<_> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["pkg", "other-name"], "{path}: {reply}");
        for (url, text) in found {
            let sent = [("accept", JSON), ("user-agent", agent)];
            let page = alice.get_with(&url.path()[1..], &sent).await.expect(200);
            assert_eq!((&page.json()["name"], page.json()["files"].is_array()), (&json!(text), true));
        }
        let (_, reply) = get(path, PIP).await;
        // The settings of the index are what changed last.
        let serial = reply.serial();
        let projects = ["other-name", "pkg"].map(|name| json!({"name": name, "_last-serial": serial}));
        let meta = json!({"api-version": "1.4", "_last-serial": serial});
        assert_eq!(reply.json(), json!({"meta": meta, "projects": projects}));
    }
}

#[tokio::test]
async fn a_page_in_json_tells_all_that_the_standards_know() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let metadata = "Metadata-Version: 2.1\nName: My_Pkg\nVersion: 1.0\nRequires-Python: >=3.8\n";
    let (filename, content) = archive::wheel_with("My.Pkg", "1.0", metadata, "");
    let upload = Upload::new("My.Pkg", "1.0", (filename.clone(), content.clone()));
    alice.upload("alice/dev", upload).await.expect(200);
    let egg = ("my-pkg-2.0.egg".to_owned(), archive::zip(&[("a", b"")]));
    alice.upload("alice/dev", Upload::new("my_pkg", "2.0", egg.clone())).await.expect(200);
    alice.patch("alice/dev/my-pkg/2.0", json!({"yanked": "bad"})).await.expect(200);

    let mut page = alice.simple("alice/dev", "my-pkg").await;
    let time = Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z$").unwrap();
    for file in page["files"].as_array_mut().unwrap() {
        let uploaded = file.as_object_mut().unwrap().remove("upload-time").unwrap();
        assert!(time.is_match(uploaded.as_str().unwrap()), "{uploaded}");
    }
    let digest = |bytes: &[u8]| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes));
    let file = |(filename, content): &(String, Vec<u8>), more: Value| {
        let digest = digest(content);
        let mut file = json!({
            "filename": filename,
            "url": format!("../../+f/{}/{}/{filename}", &digest[..3], &digest[3..16]),
            "hashes": {"sha256": digest},
            "size": content.len(),
        });
        file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        file
    };
    let core = json!({"sha256": digest(metadata.as_bytes())});
    let wheel = json!({"requires-python": ">=3.8", "core-metadata": core});
    let expected = json!({
        "meta": {"api-version": "1.4", "_last-serial": server.serial().await},
        "name": "my-pkg",
        "project-status": {"status": "active"},
        "versions": ["1.0", "2.0"],
        "files": [file(&egg, json!({"yanked": "bad"})), file(&(filename, content), wheel)],
    });
    assert_eq!(page, expected);
}

#[tokio::test]
async fn a_page_in_html_is_escaped_and_the_text_of_a_link_is_the_file_name() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\nRequires-Python: >=3.8, <4\n";
    let wheel = archive::wheel_with("pkg", "1.0", metadata, "");
    alice.upload("alice/dev", Upload::new("pkg", "1.0", wheel)).await.expect(200);
    alice.patch("alice/dev/pkg/1.0", json!({"yanked": "\"<b>'&"})).await.expect(200);
    let status = json!({"status": "deprecated", "reason": "\"<i>"});
    alice.patch("alice/dev/pkg", status).await.expect(200);
    let page = alice.get_with("alice/dev/+simple/pkg/", &[]).await.expect(200).text();
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(metadata.as_bytes()));
    for expected in [
        "<meta name=\"pypi:repository-version\" content=\"1.4\">",
        "<meta name=\"pypi:project-status\" content=\"deprecated\">",
        "<meta name=\"pypi:project-status-reason\" content=\"&quot;&lt;i&gt;\">",
        " data-requires-python=\"&gt;=3.8, &lt;4\"",
        " data-yanked=\"&quot;&lt;b&gt;",
        &format!(" data-core-metadata=\"sha256={digest}\" data-dist-info-metadata=\"sha256={digest}\""),
    ] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    let found = Regex::new("<a [^>]+>([^<]+)</a>").unwrap();
    let texts: Vec<_> = found.captures_iter(&page).map(|found| found[1].to_owned()).collect();
    assert_eq!(texts, ["pkg-1.0-py3-none-any.whl"]);
    assert!(Regex::new("href=\"[^\"]+#sha256=[0-9a-f]{64}\"").unwrap().is_match(&page));
}

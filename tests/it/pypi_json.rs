//! PyPI's JSON API, and what else mirroring tools go by.

use crate::harness::{Client, Reply, Server, Upload, Upstream, archive};
use serde_json::{Value, json};

const SIMPLE: (&str, &str) = ("accept", "application/vnd.pypi.simple.v1+json");

async fn project(client: &Client, index: &str, name: &str) -> Reply {
    client.get(&format!("{index}/pypi/{name}/json")).await
}

/// The names of the files of a release, and where their URLs lead as paths.
fn files(urls: &Value) -> Vec<(String, String)> {
    let one = |file: &Value| {
        let url = url::Url::parse(file["url"].as_str().unwrap()).unwrap();
        (file["filename"].as_str().unwrap().to_owned(), url.path()[1..].to_owned())
    };
    urls.as_array().unwrap().iter().map(one).collect()
}

/// The last change of each project of a list, and the list's own.
async fn serials(client: &Client, path: &str) -> (Value, i64) {
    let list = client.get_with(path, &[SIMPLE]).await.expect(200).json();
    let projects = list["projects"].as_array().unwrap().iter();
    let serials = projects.map(|it| (it["name"].as_str().unwrap().to_owned(), it["_last-serial"].clone()));
    (Value::Object(serials.collect()), list["meta"]["_last-serial"].as_i64().unwrap())
}

#[tokio::test]
async fn a_project_is_told_as_pypi_tells_it_over_all_bases() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    bob.create_index("bob/base", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": ["bob/base"]})).await;
    bob.upload_wheel("bob/base", "my-pkg", "3.0a1").await;
    bob.upload_wheel("bob/base", "my-pkg", "0.9").await;
    let metadata = "Metadata-Version: 2.1\nName: My.Pkg\nVersion: 1.0\nSummary: A summary\nClassifier: One\n\
                    Requires-Python: >=3.8\nRequires-Dist: dep\nProject-URL: Home, http://home.example/\n\nText";
    let wheel = archive::wheel_with("my-pkg", "1.0", metadata, "");
    let upload = Upload::new("My.Pkg", "1.0", wheel.clone())
        .with("summary", "A summary")
        .with("classifiers", "One")
        .with("requires_dist", "dep")
        .with("project_urls", "Home, http://home.example/");
    alice.upload("alice/dev", upload).await.expect(200);

    let reply = project(&alice, "alice/dev", "my-pkg").await.expect(200);
    assert_eq!(reply.header("content-type"), "application/json");
    let document = reply.json();
    let info = &document["info"];
    for (key, expected) in [
        ("name", json!("My.Pkg")),
        ("version", json!("1.0")),
        ("summary", json!("A summary")),
        ("classifiers", json!(["One"])),
        ("requires_dist", json!(["dep"])),
        ("requires_python", json!(">=3.8")),
        ("project_urls", json!({"Home": "http://home.example/"})),
        ("package_url", json!(format!("{}/alice/dev/my-pkg", server.url))),
        ("yanked", json!(false)),
    ] {
        assert_eq!(info[key], expected, "{key}");
    }
    let versions: Vec<_> = document["releases"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["0.9", "1.0", "3.0a1"]);
    assert_eq!(document["vulnerabilities"], json!([]));
    assert_eq!(document["last_serial"].as_i64().unwrap(), alice.get("+status").await.serial());

    let file = &document["urls"][0];
    let sha256 = archive::sha256(&wheel.1);
    assert_eq!(file["digests"]["sha256"], sha256);
    for (algorithm, length) in [("md5", 32), ("blake2b_256", 64)] {
        assert_eq!(file["digests"][algorithm].as_str().unwrap().len(), length, "{file}");
    }
    assert_eq!(file["md5_digest"], file["digests"]["md5"]);
    assert_eq!(
        (&file["size"], &file["packagetype"], &file["python_version"]),
        (&json!(wheel.1.len()), &json!("bdist_wheel"), &json!("py3"))
    );
    let (_, path) = files(&document["urls"]).remove(0);
    assert!(path.starts_with("packages/alice/dev/+f/"), "{path}");
    assert_eq!(alice.get_with(&path, &[]).await.expect(200).body, wheel.1);
    alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200);
    alice.delete(&path).await.expect(404);

    let one = alice.get("alice/dev/pypi/my-pkg/0.9.0/json").await.expect(200).json();
    assert_eq!(one["info"]["version"], "0.9");
    assert!(one.get("releases").is_none());
    assert!(files(&one["urls"])[0].1.starts_with("packages/bob/base/+f/"), "{one}");
    for (path, status) in [
        ("alice/dev/pypi/my-pkg/json/", 200),
        ("alice/dev/pypi/my-pkg/1.0/json/", 200),
        ("alice/dev/pypi/My.Pkg/json", 302),
        ("alice/dev/pypi/My.Pkg/1.0/json", 302),
        ("alice/dev/pypi/none/json", 404),
        ("alice/dev/pypi/none/1.0/json", 404),
        ("alice/dev/pypi/my-pkg/9.9/json", 404),
        ("alice/none/pypi/my-pkg/json", 404),
    ] {
        assert_eq!(alice.get(path).await.status, status, "{path}");
    }
    assert_eq!(
        alice.get("alice/dev/pypi/My.Pkg/1.0/json").await.header("location"),
        "/alice/dev/pypi/my-pkg/1.0/json"
    );
}

#[tokio::test]
async fn who_has_it_is_told_so_until_something_of_the_project_changes() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let paths = ["alice/dev/pypi/pkg/json", "alice/dev/pypi/pkg/1.0/json", "alice/dev/+simple/pkg/"];
    let mut tags = Vec::new();
    for path in paths {
        tags.push(alice.get_with(path, &[]).await.expect(200).header("etag").to_owned());
    }
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2]);
    alice.upload_wheel("alice/dev", "other", "1.0").await;
    for (path, etag) in paths.iter().zip(&tags) {
        alice.get_with(path, &[("if-none-match", etag)]).await.expect(304);
    }
    let file = alice.file_path("alice/dev", "pkg", &wheel).await;
    alice.patch(&file, json!({"yanked": "bad"})).await.expect(200);
    let reply = alice.get_with(paths[0], &[("if-none-match", &tags[0])]).await.expect(200).json();
    assert_eq!((&reply["info"]["yanked"], &reply["info"]["yanked_reason"]), (&json!(true), &json!("bad")));
    assert_eq!(reply["releases"]["1.0"][0]["yanked_reason"], "bad");
    alice.patch("alice/dev/pkg", json!({"status": "quarantined"})).await.expect(200);
    project(&alice, "alice/dev", "pkg").await.expect(404);
}

#[tokio::test]
async fn a_mirror_tells_what_its_upstream_says_unless_the_project_is_private() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (_, bytes) = upstream.add_wheel("pkg", "9.0");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/dev", json!({"bases": ["alice/mirror"]})).await;
    for index in ["alice/mirror", "alice/dev"] {
        let document = project(&alice, index, "pkg").await.expect(200).json();
        assert_eq!(document["info"]["version"], "9.0");
        let (_, path) = files(&document["urls"]).remove(0);
        assert!(path.starts_with("packages/alice/mirror/+f/"), "{path}");
        assert_eq!(alice.get_with(&path, &[]).await.expect(200).body, bytes);
    }
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let document = project(&alice, "alice/dev", "pkg").await.expect(200).json();
    assert!(document["releases"].as_object().unwrap().keys().eq(["1.0"]), "{document}");
}

#[tokio::test]
async fn a_list_tells_the_last_change_of_each_project_and_no_page_is_older() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("asked", "1.0");
    upstream.add_wheel("never", "1.0");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": ["alice/base"]})).await;
    let beside = server.beside().await;
    let created = server.serial().await;
    alice.upload_wheel("alice/dev", "one", "1.0").await;
    let one = server.serial().await;
    alice.upload_wheel("alice/base", "two", "1.0").await;
    let two = server.serial().await;
    for path in ["alice/dev/+simple/", "alice/dev/+simple", "alice/dev/simple", "alice/dev/simple/"] {
        for client in [&alice, &alice.at(&beside.url)] {
            assert_eq!(serials(client, path).await, (json!({"one": one, "two": two}), two), "{path}");
        }
    }
    let tag = alice.simple_list("alice/dev").await.header("etag").to_owned();
    alice.upload_wheel("alice/dev", "one", "1.1").await;
    let again = server.serial().await;
    let list = alice.at(&beside.url).simple_list("alice/dev").await;
    assert_ne!(list.header("etag"), tag);
    assert_eq!(serials(&alice, "alice/dev/+simple/").await, (json!({"one": again, "two": two}), again));
    for path in ["alice/dev/+simple/two/", "alice/dev/simple/two/", "alice/dev/pypi/two/json"] {
        let page = alice.get_with(path, &[SIMPLE]).await.expect(200);
        assert!(page.header("x-pypi-last-serial").parse::<i64>().unwrap() >= again, "{path}");
    }
    assert_eq!(alice.simple("alice/dev", "two").await["meta"]["_last-serial"], two);

    // With the settings of a base each page may have changed.
    alice.patch("alice/base", json!({"title": "Base"})).await.expect(200);
    let titled = server.serial().await;
    assert_eq!(serials(&alice, "alice/dev/+simple/").await.0, json!({"one": titled, "two": titled}));
    assert!(created < one);

    // Of what a mirror was never asked for nobody knows.
    alice.simple("alice/mirror", "asked").await;
    crate::harness::until("the page is kept", async || {
        let (serials, _) = serials(&alice, "alice/mirror/+simple/").await;
        serials["asked"].is_i64() && serials["never"].is_null()
    })
    .await;
}

#[tokio::test]
async fn simple_is_another_word_for_the_list_but_no_project_of_that_name_is_lost() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "simple", "1.0").await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let names = |reply: Reply| reply.expect(200).json()["projects"].as_array().unwrap().len();
    for path in ["alice/dev/simple", "alice/dev/simple/"] {
        assert_eq!(names(alice.get_with(path, &[SIMPLE]).await), 2);
        let versions = alice.get(path).await.expect(200).result();
        assert!(versions.as_object().unwrap().keys().eq(["1.0"]), "{versions}");
    }
    for project in ["pkg", "simple"] {
        let page = alice.get_with(&format!("alice/dev/simple/{project}/"), &[SIMPLE]).await.expect(200);
        let page = page.json();
        assert_eq!(page["name"], project);
        let base = url::Url::parse(&format!("http://x/alice/dev/simple/{project}/")).unwrap();
        let file = base.join(page["files"][0]["url"].as_str().unwrap()).unwrap();
        alice.get_with(&file.path()[1..], &[]).await.expect(200);
    }
    assert_eq!(alice.get("alice/dev/simple/1.0").await.expect(200).result()["version"], "1.0");
}

async fn call(client: &Client, method: &str, parameter: &str) -> Reply {
    let params = format!("<params><param><value>{parameter}</value></param></params>");
    let params = if parameter.is_empty() { String::new() } else { params };
    let call =
        format!("<?xml version='1.0'?><methodCall><methodName>{method}</methodName>{params}</methodCall>");
    client.send("POST", "alice/dev/pypi", &[("content-type", "text/xml")], call).await
}

#[tokio::test]
async fn by_xml_rpc_a_mirror_asks_which_projects_changed() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "one", "1.0").await;
    let one = server.serial().await;
    alice.upload_wheel("alice/dev", "two", "1.0").await;
    let two = server.serial().await;
    let member = |name: &str, serial: i64| {
        format!("<member><name>{name}</name><value><i4>{serial}</i4></value></member>")
    };
    let all = call(&alice, "list_packages_with_serial", "").await.expect(200);
    assert_eq!(all.header("content-type"), "text/xml; charset=utf-8");
    assert!(all.text().contains(&member("one", one)) && all.text().contains(&member("two", two)), "{all}");
    let last = call(&alice, "changelog_last_serial", "").await.expect(200).text();
    assert!(last.contains(&format!("<i4>{two}</i4>")), "{last}");
    for (since, expected) in [(0, vec!["one", "two"]), (one, vec!["two"]), (two, vec![])] {
        let changed =
            call(&alice, "changelog_since_serial", &format!("<int>{since}</int>")).await.expect(200);
        let names = ["one", "two"].into_iter();
        let names: Vec<_> = names.filter(|name| changed.text().contains(&format!(">{name}<"))).collect();
        assert_eq!(names, expected, "{changed}");
    }
    for (method, parameter) in
        [("nothing", ""), ("changelog_since_serial", ""), ("changelog_since_serial", "x")]
    {
        assert!(call(&alice, method, parameter).await.expect(200).text().contains("<fault>"), "{method}");
    }
    let nested = "<value><array><data>".repeat(100_000);
    for body in ["", "<", "<methodCall/>", "{}", &nested, "\u{0}"] {
        alice.send("POST", "alice/dev/pypi", &[], body.to_owned()).await.expect(400);
    }
    alice.send("POST", "alice/dev/pypi", &[], vec![0xff; 9]).await.expect(400);
    alice.send("POST", "alice/dev/other", &[], "").await.expect(404);
}

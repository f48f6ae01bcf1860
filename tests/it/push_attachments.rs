//! Push of tox results and documentation.

use crate::harness::{Client, Server, Upload, archive, repository::Repository};
use serde_json::{Value, json};

const WHEEL: &str = "pkg-1.0-py3-none-any.whl";
const SDIST: &str = "pkg-1.0.tar.gz";

fn page(text: &str) -> Vec<u8> {
    archive::zip(&[("index.html", text.as_bytes())])
}

/// Alice with pkg 1.0 on alice/dev: an sdist with two results, a wheel with one, and documentation.
async fn alice_with_pkg(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.create_index("alice/prod", json!({"volatile": false})).await;
    alice.upload("alice/dev", Upload::documentation("Pkg", Some("1.0"), page("1"))).await.expect(200);
    alice.upload("alice/dev", Upload::new("Pkg", "1.0", archive::sdist("pkg", "1.0"))).await.expect(200);
    alice.upload("alice/dev", Upload::new("Pkg", "1.0", archive::wheel("pkg", "1.0"))).await.expect(200);
    for (filename, body) in [(SDIST, json!(1)), (SDIST, json!(2)), (WHEEL, json!(3))] {
        let path = alice.file_path("alice/dev", "pkg", filename).await;
        alice.post(&path, body).await.expect(200);
    }
    alice
}

fn to(target: &str, more: &Value) -> Value {
    let mut body = json!({"name": "PKG", "version": "1.0", "targetindex": target});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// Second part of each entry of an action log, and the file name at the end of the third with moments left out.
fn told(log: &Value) -> Vec<String> {
    let entries = log.as_array().unwrap().iter();
    entries
        .map(|entry| format!("{} {}", entry[1].as_str().unwrap(), name(entry[2].as_str().unwrap())))
        .collect()
}

/// The last part of a path; of a tox result without the moment.
fn name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap();
    match name.split_once(".toxresult-") {
        Some((file, rest)) => format!("{file}.toxresult{}", &rest[14..]),
        None => name.to_owned(),
    }
}

/// The links of pkg 1.0 on an index.
async fn links(client: &Client, index: &str) -> Vec<Value> {
    let data = client.get(&format!("{index}/pkg/1.0")).await.expect(200).result();
    data["+links"].as_array().cloned().unwrap_or_default()
}

async fn link_names(client: &Client, index: &str) -> Vec<String> {
    links(client, index).await.iter().map(|link| name(link["href"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_release_is_pushed_with_all_that_is_attached_to_it() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let (objects, serial) = (server.objects().await, server.serial().await);
    let reply = alice.json("PUSH", "alice/dev", to("alice/prod", &json!({}))).await.expect(200);
    let expected = [
        "register PKG",
        &format!("store_releasefile {WHEEL}"),
        &format!("store_toxresult {WHEEL}.toxresult-0"),
        &format!("store_releasefile {SDIST}"),
        &format!("store_toxresult {SDIST}.toxresult-0"),
        &format!("store_toxresult {SDIST}.toxresult-1"),
        "store_doczip PKG",
    ];
    assert_eq!(told(&reply.result()), expected);
    assert_eq!(reply.result()[6], json!([200, "store_doczip", "PKG", "1.0", "->", "alice/prod"]));
    assert_eq!((server.objects().await, server.serial().await), (objects, serial + 1));

    let pushed = links(&alice, "alice/prod").await;
    let results = [
        WHEEL.to_owned(),
        format!("{WHEEL}.toxresult-0"),
        SDIST.to_owned(),
        format!("{SDIST}.toxresult-0"),
        format!("{SDIST}.toxresult-1"),
        "pkg-1.0.doc.zip".to_owned(),
    ];
    assert_eq!(link_names(&alice, "alice/prod").await, results);
    for (place, body) in [(1, "3"), (3, "1"), (4, "2")] {
        let link = &pushed[place];
        let path = link["href"].as_str().unwrap().replace(&format!("{}/", server.url), "");
        assert_eq!(alice.get_with(&path, &[]).await.expect(200).text(), body);
        let log = link["log"].as_array().unwrap();
        assert_eq!(
            (&log[0]["what"], &log[1]["what"], &log[1]["src"]),
            (&json!("upload"), &json!("push"), &json!("alice/dev"))
        );
    }
    assert!(pushed[1]["for_href"] == pushed[0]["href"] && pushed[4]["for_href"] == pushed[2]["href"]);
    let page = alice.get_with("alice/prod/pkg/stable/+doc/index.html", &[]).await.expect(200);
    assert_eq!(page.text(), "1");

    let reply =
        alice.json("PUSH", "alice/dev", to("alice/prod", &json!({"only_docs": true}))).await.expect(409);
    assert_eq!(reply.message(), "pkg-1.0.doc.zip already exists in non-volatile index");
    assert_eq!(server.serial().await, serial + 1);
}

#[tokio::test]
async fn documentation_may_be_left_out_or_pushed_alone() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let reply =
        alice.json("PUSH", "alice/dev", to("alice/prod", &json!({"only_docs": true}))).await.expect(200);
    assert_eq!(told(&reply.result()), ["register PKG", "store_doczip PKG"]);
    assert_eq!(link_names(&alice, "alice/prod").await, ["pkg-1.0.doc.zip"]);
    let reply =
        alice.json("PUSH", "alice/dev", to("alice/prod", &json!({"no_docs": true}))).await.expect(200);
    assert_eq!(reply.result().as_array().unwrap().len(), 6);
    assert_eq!(link_names(&alice, "alice/prod").await.len(), 6);

    alice.upload("alice/dev", Upload::documentation("bare", Some("1.0"), page("1"))).await.expect(200);
    for (name, option, status) in
        [("bare", "no_docs", 404), ("bare", "only_docs", 200), ("pkg", "neither", 400)]
    {
        let mut body = to("alice/prod", &json!({option: true}));
        body["name"] = json!(name);
        alice.json("PUSH", "alice/dev", body).await.expect(status);
    }
    alice.get("alice/prod/bare/1.0").await.expect(200);
}

#[tokio::test]
async fn a_push_that_is_repeated_adds_only_what_is_new() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    alice.create_index("alice/next", json!({})).await;
    let list = |target: &str| json!([{"name": "pkg", "version": "1.0", "targetindex": target}]);
    for target in ["alice/next", "alice/prod"] {
        alice.json("PUSH", "alice/dev", to(target, &json!({}))).await.expect(200);
        let before = server.serial().await;
        let reply = alice.json("PUSH", "alice/dev", list(target)).await.expect(200);
        let entries = reply.result();
        let exists = entries.as_array().unwrap()[1..].iter().all(|entry| entry[1] == "exists");
        assert!(exists, "{entries}");
        assert_eq!(server.serial().await, before);
    }
    let before = server.serial().await;
    alice.json("PUSH", "alice/dev", to("alice/next", &json!({}))).await.expect(200);
    assert_eq!(server.serial().await, before);

    let sdist = alice.file_path("alice/dev", "pkg", SDIST).await;
    alice.post(&sdist, json!(4)).await.expect(200);
    alice.upload("alice/dev", Upload::documentation("pkg", Some("1.0"), page("2"))).await.expect(200);
    let reply = alice.json("PUSH", "alice/dev", list("alice/prod")).await.expect(200);
    assert_eq!((&reply.result()[0][0], &reply.result()[0][1]), (&json!(409), &json!("error")));
    let reply = alice.json("PUSH", "alice/dev", list("alice/next")).await.expect(200);
    let new: Vec<_> =
        told(&reply.result()).into_iter().filter(|entry| !entry.starts_with("exists")).collect();
    assert_eq!(new, ["register pkg", &format!("store_toxresult {SDIST}.toxresult-2"), "store_doczip pkg"]);
    let links = links(&alice, "alice/next").await;
    let docs: Vec<_> = links.iter().filter(|link| link["rel"] == "doczip").collect();
    assert_eq!((docs.len(), &docs[0]["log"][0]["what"]), (1, &json!("overwrite")));

    // Another content under a name takes the results about the old one away.
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";
    let changed = archive::wheel_with("pkg", "1.0", metadata, "other = 1\n");
    alice.upload("alice/dev", Upload::new("pkg", "1.0", changed)).await.expect(200);
    alice.json("PUSH", "alice/dev", to("alice/next", &json!({}))).await.expect(200);
    let names = link_names(&alice, "alice/next").await;
    assert!(
        !names.contains(&format!("{WHEEL}.toxresult-0")) && names.contains(&format!("{SDIST}.toxresult-2")),
        "{names:?}"
    );
}

#[tokio::test]
async fn another_repository_gets_the_documentation_last_and_no_tox_results() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let body = |url: &str, more: &Value| {
        let mut body =
            json!({"name": "pkg", "version": "1.0", "posturl": url, "username": "bob", "password": "x"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (option, actions) in [
        ("none", vec!["file_upload", "file_upload", "doc_upload"]),
        ("no_docs", vec!["file_upload", "file_upload"]),
        ("only_docs", vec!["doc_upload"]),
    ] {
        let repository = Repository::start(&[]).await;
        let more = if option == "none" { json!({}) } else { json!({option: true}) };
        let reply = alice.json("PUSH", "alice/dev", body(&repository.url, &more)).await.expect(200);
        let forms = repository.forms();
        let sent: Vec<_> = forms.iter().map(|form| form.field(":action")[0]).collect();
        assert_eq!(sent, actions);
        let log = reply.result();
        assert_eq!(log.as_array().unwrap().len(), actions.len());
        if option != "no_docs" {
            assert_eq!(log.as_array().unwrap().last().unwrap(), &json!([200, "docfile", "Pkg"]));
            let form = forms.last().unwrap();
            assert_eq!((form.field("name"), form.field("version")), (vec!["Pkg"], vec!["1.0"]));
            assert_eq!(form.file, Some(("Pkg.zip".to_owned(), page("1"))));
        }
    }
    let refusing = Repository::start(&[(200, "OK"), (200, "OK"), (400, "no documentation here")]).await;
    let reply = alice.json("PUSH", "alice/dev", body(&refusing.url, &json!({}))).await.expect(502);
    assert_eq!(reply.result()[2], json!([400, "docfile", "Pkg", "no documentation here"]));

    let other = Server::start().await;
    let bob = other.user("bob").await;
    bob.create_index("bob/prod", json!({"volatile": false})).await;
    let url = format!("{}/bob/prod/", other.url);
    alice.json("PUSH", "alice/dev", body(&url, &json!({"password": "secret"}))).await.expect(200);
    assert_eq!(bob.get_with("bob/prod/pkg/1.0/+doc/index.html", &[]).await.expect(200).text(), "1");
}

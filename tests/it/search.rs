//! The search: what is found by which question, and by whom.

use crate::harness::{
    Client, Server, Upload, Upstream, archive, until,
    upstream::{File, Sidecar},
};
use serde_json::{Value, json};

/// Uploads a wheel of a project with these further fields.
pub async fn upload(alice: &Client, index: &str, name: &str, version: &str, fields: &[(&str, &str)]) {
    let upload = Upload::new(name, version, archive::wheel(name, version));
    let upload = fields.iter().fold(upload, |upload, (key, value)| upload.with(key, value));
    alice.upload(index, upload).await.expect(200);
}

/// A question as a path below the root or an index.
fn asked(question: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", question).finish();
    format!("+search?{query}")
}

async fn search(client: &Client, question: &str) -> Value {
    client.get(&asked(question)).await.expect(200).result()
}

/// What a question finds, best first: `user/index name version`.
pub async fn found(client: &Client, question: &str) -> Vec<String> {
    told(&search(client, question).await)
}

fn told(result: &Value) -> Vec<String> {
    let items = result["items"].as_array().unwrap().iter();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    items
        .map(|item| [text(item, "index"), text(item, "name"), text(item, "version")].join(" "))
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Waits until nothing is owed any more.
pub async fn settled(server: &Server) {
    let db = server.service.db().await.unwrap();
    until("nothing is owed", async || db.query("select from jobs", &[]).await.unwrap().is_empty()).await;
}

/// A server with some projects on `alice/dev`, and alice.
async fn library() -> (Server, Client) {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    for (name, fields) in [
        ("flask", &[("summary", "A small framework for the web"), ("keywords", "wsgi, web")][..]),
        ("Flask-Login", &[("summary", "Sessions of users"), ("author", "Matthew")]),
        ("requests", &[("summary", "HTTP for people"), ("classifiers", "Topic :: Internet :: WWW/HTTP")]),
        ("numpy", &[("summary", "Arrays"), ("description", "Fast arrays, written in C.\n\nSee flask too.")]),
        ("hello-world", &[("summary", "It's a greeting")]),
    ] {
        upload(&alice, "alice/dev", name, "1.0", fields).await;
    }
    settled(&server).await;
    (server, alice)
}

#[tokio::test]
async fn projects_are_found_by_name_words_and_fields_the_best_first() {
    let (_server, alice) = library().await;
    for (question, expected) in [
        // The project of that name, those that begin so, and those that only speak of it.
        ("flask", &["flask", "Flask-Login", "numpy"][..]),
        ("fla", &["flask", "Flask-Login", "numpy"]),
        ("flask login", &["Flask-Login", "flask"]),
        ("flask_login", &["Flask-Login", "flask"]),
        ("world hello", &["hello-world"]),
        ("frame", &["flask"]),
        ("frame web", &[]),
        ("frame* web", &["flask"]),
        ("web framew", &["flask"]),
        ("ARRAYS", &["numpy"]),
        ("it's", &["hello-world"]),
        ("arrays OR people", &["numpy", "requests"]),
        ("flask NOT web", &["Flask-Login", "numpy"]),
        ("flask -web -arrays", &["Flask-Login"]),
        ("'for the web'", &["flask"]),
        ("'for web'", &[]),
        ("name:flask", &["flask"]),
        ("name:flask_login", &["Flask-Login"]),
        ("name:flask*", &["flask", "Flask-Login"]),
        ("path:/alice/dev/requests", &["requests"]),
        ("path:/alice/dev/* http", &["requests"]),
        ("classifiers:'Topic :: Internet :: WWW/HTTP'", &["requests"]),
        ("keywords:wsgi", &["flask"]),
        ("type:summary flask", &[]),
        ("type:description flask", &["numpy"]),
        ("type:author matthew", &["Flask-Login"]),
        ("user:alice index:dev people", &["requests"]),
        ("user:bob people", &[]),
        // With a slip of the finger, or only a part of the name.
        ("reqeusts", &["requests"]),
        ("nupmy", &["numpy"]),
        ("helloworld", &["hello-world"]),
        ("quest", &["requests"]),
        ("zzzzzz", &[]),
        ("", &[]),
        ("(((", &[]),
    ] {
        let found = found(&alice, question).await;
        let mut names: Vec<_> = found.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
        let mut expected = expected.to_vec();
        if question.contains('*') || question.contains("OR") || question.contains("NOT") {
            names.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(names, expected, "{question}");
    }
    assert_eq!(search(&alice, "*").await["total"], 5);
}

#[tokio::test]
async fn a_result_says_what_was_found_and_where() {
    let (server, alice) = library().await;
    let result = search(&alice, "written arrays").await;
    let score = result["items"][0]["score"].as_f64().unwrap();
    assert!(score > 0.1, "{score}");
    let expected = json!({
        "query": "written arrays", "page": 1, "pages": 1, "total": 1,
        "items": [{
            "name": "numpy", "version": "1.0", "index": "alice/dev", "path": "/alice/dev/numpy",
            "summary": "Arrays", "snippet": "Fast arrays, written in C. See flask too.", "score": score,
            "documentation": [],
        }],
    });
    assert_eq!(result, expected);
    for number in 0..45 {
        upload(&alice, "alice/dev", &format!("many-{number:02}"), "1", &[]).await;
    }
    settled(&server).await;
    let page = async |number: u32| {
        let result = alice.get(&format!("+search?query=many&page={number}")).await.expect(200).result();
        assert_eq!((&result["total"], &result["pages"]), (&json!(45), &json!(3)), "{number}");
        told(&result)
    };
    let pages = [page(1).await, page(2).await, page(3).await];
    assert_eq!(pages.each_ref().map(Vec::len), [20, 20, 5]);
    let all: std::collections::BTreeSet<_> = pages.concat().into_iter().collect();
    assert_eq!((all.len(), page(4).await.len()), (45, 0));
}

#[tokio::test]
async fn a_question_that_cannot_be_is_refused_and_any_other_is_answered() {
    let (_server, alice) = library().await;
    let long = "a".repeat(501);
    for (path, status, message) in [
        (asked(&long), 400, "query must be of at most 500 bytes"),
        ("+search?query=a&page=0".into(), 400, "page must be a number from 1 to 500"),
        ("+search?query=a&page=501".into(), 400, "page must be a number from 1 to 500"),
        ("+search?query=keywords:%00x".into(), 400, "the query of the URL holds a NUL character"),
        ("+search?query=a&page=x".into(), 400, "page must be a number from 1 to 500"),
        ("alice/none/+search?query=a".into(), 404, "The stage alice/none could not be found."),
    ] {
        assert_eq!(alice.get(&path).await.expect(status).message(), message, "{path}");
    }
    let odd =
        ["'", "\\", "a\\'b:*", "a & !b <-> c", "name:'", "name:\\*", "ä ß 漢字", "a:*|'b", "(", "NOT", "*:*"];
    let odd = odd.map(str::to_owned).into_iter();
    for question in odd.chain([
        "(".repeat(500),
        "-a ".repeat(160),
        "a OR ".repeat(100),
        "\"".repeat(500),
        "NOT ".repeat(120),
        "NOT ".repeat(120) + "a",
        "-(a ".repeat(120),
        "a) ".repeat(160),
    ]) {
        alice.get(&asked(&question)).await.expect(200);
    }
    assert_eq!(alice.get("+search").await.expect(200).result()["total"], 0);
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_read() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    alice.create_index("alice/open", json!({})).await;
    alice.create_index("alice/closed", json!({"acl_read": ["alice"]})).await;
    bob.create_index("bob/dev", json!({"bases": "alice/closed,alice/open"})).await;
    upload(&alice, "alice/open", "plain", "1.0", &[("summary", "treasure")]).await;
    upload(&alice, "alice/closed", "secret", "1.0", &[("summary", "treasure")]).await;
    settled(&server).await;
    let both = ["alice/closed secret 1.0", "alice/open plain 1.0"];
    let sorted = async |client: &Client, path: &str| {
        let mut found = told(&client.get(path).await.expect(200).result());
        found.sort();
        found
    };
    for (client, expected) in [(&alice, &both[..]), (&bob, &both[1..]), (&server.anonymous(), &both[1..])] {
        for path in [asked("treasure"), format!("bob/dev/{}", asked("treasure"))] {
            assert_eq!(sorted(client, &path).await, expected, "{path}");
        }
        assert_eq!(sorted(client, &asked("name:secret")).await.len(), expected.len() - 1);
    }
    bob.get("alice/closed/+search?query=treasure").await.expect(403);
    server.anonymous().get("alice/closed/+search?query=treasure").await.expect(401);
    // From the next request on.
    alice.patch("alice/closed", json!(["acl_read+=bob"])).await.expect(200);
    assert_eq!(sorted(&bob, &asked("treasure")).await, both);
    alice.patch("alice/open", json!(["acl_read=alice"])).await.expect(200);
    assert_eq!(sorted(&bob, &asked("treasure")).await, both[..1]);
}

#[tokio::test]
async fn the_search_of_an_index_is_over_what_it_inherits_and_the_first_of_a_name_counts() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    for (index, bases) in [("alice/base", ""), ("alice/dev", "alice/base"), ("alice/other", "")] {
        alice.create_index(index, json!({"bases": bases})).await;
    }
    upload(&alice, "alice/base", "pkg", "2.0", &[]).await;
    upload(&alice, "alice/base", "pkg-base", "1.0", &[]).await;
    upload(&alice, "alice/dev", "pkg", "1.0", &[]).await;
    upload(&alice, "alice/other", "pkg", "3.0", &[]).await;
    settled(&server).await;
    let of = async |index: &str| {
        told(&alice.get(&format!("{index}/+search?query=pkg")).await.expect(200).result())
    };
    assert_eq!(of("alice/dev").await, ["alice/dev pkg 1.0", "alice/base pkg-base 1.0"]);
    assert_eq!(of("alice/base").await, ["alice/base pkg 2.0", "alice/base pkg-base 1.0"]);
    assert_eq!(of("alice/other").await, ["alice/other pkg 3.0"]);
    assert_eq!(found(&alice, "name:pkg").await.len(), 3);
    alice.patch("alice/dev", json!({"bases": []})).await.expect(200);
    assert_eq!(of("alice/dev").await, ["alice/dev pkg 1.0"]);
}

#[tokio::test]
async fn what_is_deleted_is_found_no_more_and_what_changes_is_found_as_it_is() {
    let (server, alice) = library().await;
    alice.delete("alice/dev/flask").await.expect(200);
    assert_eq!(found(&alice, "flask").await, ["alice/dev Flask-Login 1.0", "alice/dev numpy 1.0"]);
    upload(&alice, "alice/dev", "numpy", "2.0", &[("summary", "Matrices")]).await;
    settled(&server).await;
    assert_eq!(found(&alice, "matrices").await, ["alice/dev numpy 2.0"]);
    assert_eq!(found(&alice, "arrays").await, [""; 0]);
    alice.delete("alice/dev/numpy/2.0").await.expect(200);
    settled(&server).await;
    assert_eq!(found(&alice, "arrays").await, ["alice/dev numpy 1.0"]);
    // The same version again, with other words.
    let wheel =
        archive::wheel_with("numpy", "1.0", "Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n", "#");
    let again = Upload::new("numpy", "1.0", wheel).with("summary", "Tensors");
    alice.upload("alice/dev", again).await.expect(200);
    settled(&server).await;
    assert_eq!(found(&alice, "tensors").await, ["alice/dev numpy 1.0"]);
    alice.delete("alice/dev").await.expect(201);
    assert_eq!(found(&alice, "*").await, [""; 0]);
    settled(&server).await;
    let row =
        server.service.db().await.unwrap().query_one("select count(*) from search_documents", &[]).await;
    assert_eq!(row.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn of_a_mirror_that_is_found_whose_page_is_here() {
    let upstream = Upstream::start();
    let metadata = "Metadata-Version: 2.1\nName: mirrored\nVersion: 1.0\nSummary: From elsewhere\n";
    let (filename, _) =
        upstream.add("mirrored", File::new(archive::wheel_with("mirrored", "1.0", metadata, "")));
    upstream.add_wheel("unasked", "1.0");
    let server = Server::start().await;
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.simple("alice/mirror", "mirrored").await;
    until("the mirrored project is found", async || !found(&alice, "mirrored").await.is_empty()).await;
    assert_eq!(found(&alice, "mirrored").await, ["alice/mirror mirrored 1.0"]);
    assert_eq!(found(&alice, "unasked").await, [""; 0]);
    let path = alice.file_path("alice/mirror", "mirrored", &filename).await;
    alice.get(&format!("{path}.metadata")).await.expect(200);
    until("its summary is found", async || !found(&alice, "elsewhere").await.is_empty()).await;

    // Core metadata that the upstream has beside the file.
    let metadata = "Metadata-Version: 2.1\nName: beside\nVersion: 1.0\nSummary: Nearby\n";
    let file = File::wheel("beside", "1.0").sidecar(Sidecar::Sha256, metadata);
    let (filename, _) = upstream.add("beside", file);
    let path = alice.file_path("alice/mirror", "beside", &filename).await;
    settled(&server).await;
    assert_eq!(found(&alice, "nearby").await, [""; 0]);
    alice.get(&format!("{path}.metadata")).await.expect(200);
    until("its summary is found too", async || !found(&alice, "nearby").await.is_empty()).await;
}

const CALL: &str = "<?xml version='1.0'?>\n<methodCall>\n<methodName>search</methodName>\n<params>\n<param>\n<value>\
    <struct>\n<member>\n<name>name</name>\n<value><array><data>\n<value><string>NAME</string></value>\n</data></array>\
    </value>\n</member>\n<member>\n<name>summary</name>\n<value><array><data>\n<value><string>SUMMARY</string></value>\
    \n</data></array></value>\n</member>\n</struct></value>\n</param>\n<param>\n<value><string>OPERATOR</string></value>\
    \n</param>\n</params>\n</methodCall>\n";

#[tokio::test]
async fn pips_search_is_answered_over_the_resolution_order_and_errors_are_faults() {
    let (server, alice) = library().await;
    alice.create_index("alice/top", json!({"bases": "alice/dev"})).await;
    alice.create_index("alice/closed", json!({"acl_read": ["alice"]})).await;
    let bob = server.user("bob").await;
    let call = async |client: &Client, index: &str, name: &str, summary: &str, operator: &str| {
        let body = CALL.replace("NAME", name).replace("SUMMARY", summary).replace("OPERATOR", operator);
        client.send("POST", index, &[("content-type", "text/xml")], body).await
    };
    let reply = call(&bob, "alice/top", "flask", "people", "or").await.expect(200);
    assert_eq!(reply.header("content-type"), "text/xml");
    let text = reply.text();
    for part in [
        "[alice/dev] A small framework for the web",
        "[alice/dev] HTTP for people",
        "Flask-Login",
        "1.0",
        "_pypi_ordering",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("numpy") && !text.contains("<fault>"), "{text}");
    let text = call(&bob, "alice/top/", "flask", "sessions", "and").await.expect(200).text();
    assert!(text.contains("Flask-Login") && text.matches("<struct>").count() == 1, "{text}");
    for (index, operator, fault) in [
        ("alice/none", "or", "The stage alice/none could not be found."),
        ("alice/closed", "or", "package read forbidden"),
        ("alice/top", "xor", "Unknown operator &apos;xor&apos;."),
    ] {
        let text = call(&bob, index, "flask", "flask", operator).await.expect(200).text();
        assert!(text.contains("<fault>") && text.contains(fault), "{text}");
    }
    call(&server.anonymous(), "alice/closed", "flask", "flask", "or").await.expect(401);
    let long = call(&bob, "alice/top", &"x".repeat(70_000), "x", "or").await.expect(200).text();
    assert!(long.contains("a call is of at most 65536 bytes"), "{long}");
}

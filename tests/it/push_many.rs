//! Push of many releases by one request, told one by one.

use crate::harness::{
    Client, Reply, Server, Upload, Upstream, archive,
    repository::Repository,
    until,
    upstream::{Fault, File, Part},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const MIRROR: &str = "alice/mirror";
const TARGET: &str = "alice/prod";

fn wheel(version: &str) -> String {
    format!("pkg-{version}-py3-none-any.whl")
}

/// Alice's mirror of an upstream with pkg 1.0, 2.0 and 10.0, and an empty index that is not volatile.
async fn alice_with_mirror(server: &Server, upstream: &Upstream) -> Client {
    for version in ["10.0", "1.0", "2.0"] {
        upstream.add("pkg", File::wheel("pkg", version));
    }
    let alice = server.alice_with_mirror(upstream, json!({})).await;
    alice.create_index(TARGET, json!({"volatile": false})).await;
    alice
}

/// The same releases on a stage.
async fn alice_with_stage(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.create_index(TARGET, json!({"volatile": false})).await;
    for version in ["10.0", "1.0", "2.0"] {
        alice.upload_wheel("alice/dev", "pkg", version).await;
    }
    alice
}

fn item(version: &str) -> Value {
    json!({"name": "pkg", "version": version, "targetindex": TARGET})
}

fn all() -> Value {
    json!({"name": "pkg", "targetindex": TARGET})
}

/// Status and action of each entry, with the version that it is about.
fn entries(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.json()["type"], "actionlog");
    let result = reply.result();
    let entry = |entry: &Value| {
        let about = match entry[1].as_str().unwrap() {
            "register" | "error" => &entry[3],
            _ => &entry[2],
        };
        let about = about.as_str().unwrap_or("?").rsplit('/').next().unwrap().to_owned();
        let about = about.trim_start_matches("pkg-").trim_end_matches("-py3-none-any.whl").to_owned();
        format!("{} {} {about}", entry[0], entry[1].as_str().unwrap())
    };
    result.as_array().unwrap().iter().map(entry).collect()
}

fn done(version: &str) -> [String; 2] {
    [format!("200 register {version}"), format!("200 store_releasefile {version}")]
}

fn existing(version: &str) -> [String; 2] {
    [format!("200 register {version}"), format!("200 exists {version}")]
}

async fn begin(client: &Client, body: &Value) -> Response {
    let request = client.request(Method::POST, MIRROR).header("accept", "application/json");
    let response = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

#[tokio::test]
async fn a_project_alone_stands_for_all_its_releases_the_oldest_first() {
    for from_mirror in [false, true] {
        for method in ["POST", "PUSH"] {
            let (server, upstream) = (Server::start().await, Upstream::start());
            let (alice, source) = match from_mirror {
                true => (alice_with_mirror(&server, &upstream).await, MIRROR),
                false => (alice_with_stage(&server).await, "alice/dev"),
            };
            let reply = alice.json(method, source, all()).await.expect(200);
            assert_eq!(reply.header("content-type"), "application/json");
            assert_eq!(entries(&reply), [done("1.0"), done("2.0"), done("10.0")].concat());
            let text = reply.text();
            let lines: Vec<_> = text.lines().collect();
            assert_eq!(
                (lines.len(), lines[0], lines[7]),
                (8, "{\"result\": [", "], \"type\": \"actionlog\"}")
            );
            for version in ["1.0", "2.0", "10.0"] {
                let path = alice.file_path(TARGET, "pkg", &wheel(version)).await;
                assert!(
                    alice.get_with(&path, &[]).await.expect(200).body == archive::wheel("pkg", version).1
                );
            }
            let events = server.root().get("+changelog/1-").await.result();
            let pushes = events.as_array().unwrap().iter().filter(|event| event["event"] == "file.push");
            let mut serials: Vec<_> = pushes.map(|event| event["serial"].as_i64().unwrap()).collect();
            serials.dedup();
            assert_eq!(serials.len(), 3);

            let before = server.serial().await;
            let reply = alice.json(method, source, all()).await.expect(200);
            assert_eq!(entries(&reply), [existing("1.0"), existing("2.0"), existing("10.0")].concat());
            assert_eq!(server.serial().await, before);
            alice.json(method, source, item("1.0")).await.expect(409);
        }
    }
}

#[tokio::test]
async fn a_list_is_pushed_in_its_order_and_an_error_does_not_stop_the_rest() {
    let server = Server::start().await;
    let alice = alice_with_stage(&server).await;
    let other =
        archive::wheel_with("pkg", "1.0", "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n", "other");
    alice.upload(TARGET, Upload::new("pkg", "1.0", other)).await.expect(200);
    let mut only_docs = item("10.0");
    only_docs["only_docs"] = json!(true);
    let list = json!([
        item("2.0"),
        item("1.0"),
        item("3.0"),
        {"name": "none", "targetindex": TARGET},
        only_docs,
        item("10.0"),
    ]);
    let reply = alice.post("alice/dev", list).await.expect(200);
    let mut expected = done("2.0").to_vec();
    expected.extend(["409 error 1.0", "400 error 3.0", "400 error ?", "404 error 10.0"].map(str::to_owned));
    expected.extend(done("10.0"));
    assert_eq!(entries(&reply), expected);
    let result = reply.result();
    assert_eq!(
        result[2],
        json!([409, "error", "pkg", "1.0", "pkg-1.0-py3-none-any.whl already exists in non-volatile index"])
    );
    assert_eq!(
        result[4],
        json!([400, "error", "none", null, "there are no files for none on stage alice/dev"])
    );
}

#[tokio::test]
async fn each_release_is_told_when_it_is_done() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_mirror(&server, &upstream).await;
    let (filename, _) = upstream.add("pkg", File::wheel("pkg", "2.0"));
    let hold = upstream.hold(Part::File(&filename), 10);
    let mut response = begin(&alice, &all()).await;
    let mut text = String::new();
    while !text.contains("store_releasefile") {
        text += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
    }
    assert!(text.ends_with("]\n") && text.contains(&wheel("1.0")) && !text.contains("2.0"), "{text}");
    assert_eq!(alice.filenames(TARGET, "pkg").await, [wheel("1.0")]);
    hold.reached().await;
    hold.release();
    text += &response.text().await.unwrap();
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["result"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn what_was_left_half_way_is_finished_by_the_same_request() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_mirror(&server, &upstream).await;
    upstream.fail(Part::File(&wheel("2.0")), Fault::Status(500));
    let reply = alice.post(MIRROR, all()).await.expect(200);
    let expected = [&done("1.0")[..], &["502 error 2.0".to_owned()], &done("10.0")].concat();
    assert_eq!(entries(&reply), expected);
    assert_eq!(alice.filenames(TARGET, "pkg").await, [wheel("1.0"), wheel("10.0")]);
    upstream.mend();
    let reply = alice.post(MIRROR, all()).await.expect(200);
    assert_eq!(entries(&reply), [existing("1.0"), done("2.0"), existing("10.0")].concat());
    assert_eq!(upstream.file_requests(&wheel("1.0")), 1);

    // The upstream says nothing of a project that it was never asked for.
    upstream.fail(Part::Page("other"), Fault::Status(500));
    let reply = alice.post(MIRROR, json!([{"name": "other", "targetindex": TARGET}, item("1.0")])).await;
    assert_eq!(entries(&reply.expect(200)), [&["502 error ?".to_owned()][..], &existing("1.0")].concat());
}

#[tokio::test]
async fn when_the_client_leaves_the_rest_is_not_pushed() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_mirror(&server, &upstream).await;
    let filename = wheel("2.0");
    let hold = upstream.hold(Part::File(&filename), 10);
    let response = begin(&alice, &all()).await;
    hold.reached().await;
    drop(response);
    // The connection is seen to be closed before the file goes on.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    hold.release();
    until("the file has come", async || upstream.in_flight() == 0).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(alice.filenames(TARGET, "pkg").await, [wheel("1.0")]);
    let reply = alice.post(MIRROR, all()).await.expect(200);
    assert_eq!(entries(&reply), [existing("1.0"), done("2.0"), done("10.0")].concat());
}

#[tokio::test]
async fn what_can_be_known_before_is_refused_before() {
    let server = Server::start().await;
    let alice = alice_with_stage(&server).await;
    let bob = server.user("bob").await;
    bob.create_index("bob/own", json!({})).await;
    let before = server.serial().await;
    let with = |key: &str, value: Value| {
        let mut item = item("2.0");
        item[key] = value;
        json!([self::item("1.0"), item])
    };
    let in_second = |message: &str| format!("item 2 of the list: {message}");
    let too_many: Vec<Value> = (0..1001).map(|_| item("1.0")).collect();
    for (body, status, message) in [
        (json!([]), 400, "expected a list of 1 to 1000 pushes, not of 0".to_owned()),
        (json!(too_many), 400, "expected a list of 1 to 1000 pushes, not of 1001".to_owned()),
        (json!([item("1.0"), "pkg"]), 400, in_second("expected a JSON object")),
        (json!("pkg"), 400, "Bad request: expected a JSON object or a list of them".to_owned()),
        (json!({"name": "pkg"}), 400, "either 'targetindex' or 'posturl' is needed".to_owned()),
        (with("name", json!(1)), 400, in_second("'name' must be a text that is not empty")),
        (with("version", json!(null)), 400, in_second("'version' must be a text that is not empty")),
        (with("no_docs", json!("x")), 400, in_second("'no_docs' must be true or false")),
        (with("foo", json!(1)), 400, in_second("unknown additional options: foo")),
        (with("targetindex", json!("prod")), 400, in_second("targetindex not in format user/index")),
        (
            with("targetindex", json!("alice/none")),
            404,
            "The stage alice/none could not be found.".to_owned(),
        ),
        (with("targetindex", json!("bob/own")), 401, "user 'alice' cannot upload to 'bob/own'".to_owned()),
    ] {
        for method in ["POST", "PUSH"] {
            let reply = alice.json(method, "alice/dev", body.clone()).await;
            assert_eq!((reply.status, reply.message()), (status, message.clone()), "{body:.200}");
        }
    }
    let elsewhere =
        json!([{"name": "pkg", "posturl": "http://127.0.0.1:9/", "username": "a", "password": "b"}]);
    let reply = server.anonymous().post("alice/dev", elsewhere).await.expect(401);
    assert_eq!(reply.message(), "only a user may push to another repository");
    alice.post("alice/none", all()).await.expect(404);
    alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    let to_bob = json!({"name": "pkg", "targetindex": "bob/own"});
    bob.post("alice/dev", to_bob).await.expect(403);
    assert_eq!(server.serial().await, before + 1);
    alice.simple_page(TARGET, "pkg", &[]).await.expect(404);
}

#[tokio::test]
async fn what_another_repository_says_is_told_release_by_release() {
    let server = Server::start().await;
    let alice = alice_with_stage(&server).await;
    let repository = Repository::start(&[(200, "OK"), (403, "No")]).await;
    let body = json!({"name": "pkg", "posturl": repository.url, "username": "bob", "password": "x"});
    let reply = alice.post("alice/dev", body).await.expect(200);
    assert_eq!(entries(&reply), ["200 upload 1.0", "403 upload 2.0", "200 upload 10.0"]);
    assert_eq!(reply.result()[1][3], "No");
    assert_eq!(repository.forms().len(), 3);
}

#[tokio::test]
async fn a_volatile_index_gets_the_other_content() {
    let server = Server::start().await;
    let alice = alice_with_stage(&server).await;
    alice.create_index("alice/next", json!({})).await;
    let body = json!({"name": "pkg", "targetindex": "alice/next"});
    alice.post("alice/dev", body.clone()).await.expect(200);
    let other =
        archive::wheel_with("pkg", "2.0", "Metadata-Version: 2.1\nName: pkg\nVersion: 2.0\n", "other");
    alice.upload("alice/dev", Upload::new("pkg", "2.0", other)).await.expect(200);
    alice.patch("alice/dev/pkg/10.0", json!({"yanked": "old"})).await.expect(200);
    let reply = alice.post("alice/dev", body).await.expect(200);
    assert_eq!(entries(&reply), [existing("1.0"), done("2.0"), done("10.0")].concat());
    assert_eq!(
        alice.simple("alice/dev", "pkg").await["files"],
        alice.simple("alice/next", "pkg").await["files"]
    );
}

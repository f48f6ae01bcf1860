//! Bad input: bodies that are no JSON, of the wrong shape, of wrong types, too large or too deep.

use crate::harness::{Client, Reply, Server};
use serde_json::json;

/// A user with an index and a release; returns the client and the path of the file.
async fn alice(server: &Server) -> (Client, String) {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let file = alice.file_path("alice/dev", "pkg", &wheel).await;
    (alice, file)
}

/// Every request that reads a JSON body.
fn endpoints(file: &str) -> Vec<(&'static str, String)> {
    [
        ("POST", "+login"),
        ("PUT", "bob"),
        ("PUT", "alice"),
        ("PATCH", "alice"),
        ("PATCH", "alice/"),
        ("PUT", "alice/new"),
        ("PUT", "alice/dev"),
        ("PATCH", "alice/dev"),
        ("PATCH", "alice/dev/"),
        ("POST", "alice/dev"),
        ("POST", "alice/dev/"),
        ("PUSH", "alice/dev"),
        ("PATCH", "alice/dev/pkg"),
        ("PATCH", "alice/dev/pkg/1.0"),
        ("PATCH", file),
    ]
    .map(|(method, path)| (method, path.to_owned()))
    .to_vec()
}

async fn send(client: &Client, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Reply {
    let headers = [("accept", "application/json"), ("content-type", "application/json")];
    client.send(method, path, &headers, body).await
}

/// Fails unless this is a 4xx in devpi's shape.
#[track_caller]
fn refused(reply: &Reply, what: &str) {
    assert!((400..500).contains(&reply.status), "{what}: {reply}");
    assert_eq!(reply.header("content-type"), "application/json", "{what}");
    assert!(!reply.message().is_empty(), "{what}");
}

#[tokio::test]
async fn what_is_no_json_is_refused_everywhere() {
    let server = Server::start().await;
    let (alice, file) = alice(&server).await;
    let before = server.serial().await;
    let open = "[".repeat(100_000);
    let nested = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{{\"custom_data\": {}1{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for (method, path) in endpoints(&file) {
        for body in [
            &b""[..],
            b" ",
            b"x",
            b"{",
            b"{\"password\": \"x\"",
            b"{\"password\": \"x\"}}",
            b"{\"password\": \"x\"} {}",
            b"{'password': 'x'}",
            b"{\"password\": }",
            b"{\"password\": NaN}",
            b"{\"custom_data\": 1e999}",
            b"{\"password\": \"\\ud800\"}",
            b"{\"password\": \"\n\"}",
            b"{\"password\": \"\xff\"}",
            b"\xef\xbb\xbf{}",
            b"\xff\xfe{\0}\0",
            b"\0",
            b"password=x&user=alice",
            open.as_bytes(),
            nested.as_bytes(),
            objects.as_bytes(),
        ] {
            let reply = send(&alice, method, &path, body.to_vec()).await;
            let what = format!("{method} {path} {:?}", String::from_utf8_lossy(&body[..body.len().min(40)]));
            refused(&reply, &what);
            assert_eq!(reply.json(), json!({"message": "Bad request: could not decode json"}), "{what}");
        }
    }
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn json_of_another_shape_is_refused_everywhere() {
    let server = Server::start().await;
    let (alice, file) = alice(&server).await;
    let before = server.serial().await;
    for (method, path) in endpoints(&file) {
        for body in [
            json!(null),
            json!(true),
            json!(1),
            json!(-0.5),
            json!(""),
            json!("password"),
            json!([1]),
            json!([{}]),
            json!([["password", "x"]]),
            json!(["password"]),
            json!({"\0": 1}),
            json!({"a\0": 1}),
            json!({"custom_data": {"deep": [{"er": "\0"}]}}),
            json!({"title": "a\0b"}),
        ] {
            refused(&send(&alice, method, &path, body.to_string()).await, &format!("{method} {path} {body}"));
        }
    }
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn a_body_of_three_megabytes_is_refused_and_one_of_one_is_not() {
    let server = Server::start().await;
    let (alice, file) = alice(&server).await;
    let before = server.serial().await;
    let large = json!({"custom_data": "x".repeat(3 << 20)}).to_string();
    for (method, path) in endpoints(&file) {
        let reply = send(&alice, method, &path, large.clone()).await;
        refused(&reply, &format!("{method} {path}"));
        assert_eq!(reply.status, 413, "{method} {path}: {reply}");
    }
    assert_eq!(server.serial().await, before);
    let fits = json!({"custom_data": "x".repeat(1 << 20)});
    alice.patch("alice", fits.clone()).await.expect(200);
    alice.patch("alice/dev", fits.clone()).await.expect(200);
    assert_eq!(alice.get("alice").await.result()["custom_data"], fits["custom_data"]);
    assert_eq!(alice.get("alice/dev").await.result()["custom_data"], fits["custom_data"]);
}

#[tokio::test]
async fn custom_data_as_deep_as_can_be_read_can_be_shown() {
    let server = Server::start().await;
    let (alice, _) = alice(&server).await;
    let mut accepted = 0;
    for depth in 110..140 {
        let body = format!("{{\"custom_data\": {}1{}}}", "[".repeat(depth), "]".repeat(depth));
        for path in ["alice", "alice/dev"] {
            let reply = send(&alice, "PATCH", path, body.clone()).await;
            assert!([200, 400].contains(&reply.status), "{depth}: {reply}");
            accepted += i32::from(reply.status == 200);
            alice.get(path).await.expect(200);
        }
        alice.get("").await.expect(200);
    }
    assert!(accepted > 0);
}

#[tokio::test]
async fn values_of_wrong_types_are_refused_by_users() {
    let server = Server::start().await;
    let (alice, _) = alice(&server).await;
    let before = server.serial().await;
    for key in ["password", "email", "title", "description"] {
        for value in [json!(1), json!(true), json!([]), json!(["x"]), json!({}), json!({"x": "y"})] {
            let reply = alice.patch("alice", json!({key: value})).await.expect(400);
            assert_eq!(reply.json(), json!({"message": format!("{key} must be a text")}), "{value}");
            let mut user = json!({"password": "x"});
            user[key] = value;
            refused(&server.anonymous().put("bob", user.clone()).await, &user.to_string());
        }
    }
    assert_eq!(server.serial().await, before);
    server.anonymous().get("bob").await.expect(404);
}

#[tokio::test]
async fn values_of_wrong_types_are_refused_by_indexes() {
    let server = Server::start().await;
    let (alice, _) = alice(&server).await;
    let before = server.serial().await;
    let long = "x".repeat(10_000);
    for (key, values) in [
        ("volatile", vec![json!(null), json!(0), json!(""), json!("maybe"), json!([]), json!({})]),
        ("type", vec![json!(null), json!(1), json!("mirrror"), json!(["stage"])]),
        (
            "bases",
            vec![
                json!(null),
                json!(1),
                json!({}),
                json!([1]),
                json!([null]),
                json!([["alice/dev"]]),
                json!("alice"),
                json!("alice/"),
                json!("a/b/c"),
                json!("../alice/dev"),
                json!("alice/.."),
                json!("alice/d:v"),
                json!("alice%2Fdev"),
                json!("alice/none"),
                json!(format!("alice/{long}")),
                json!(vec!["alice/none"; 1_000]),
            ],
        ),
        (
            "acl_upload",
            vec![json!(null), json!(1), json!({}), json!([1]), json!(["x", null]), json!([["x"]])],
        ),
        ("acl_toxresult_upload", vec![json!(null), json!(false), json!([{}])]),
        ("acl_read", vec![json!(null), json!(true), json!({"alice": true}), json!([true])]),
        ("mirror_whitelist", vec![json!(null), json!(1), json!([1])]),
        (
            "mirror_whitelist_inheritance",
            vec![json!(null), json!(1), json!(""), json!("Union"), json!(["union"])],
        ),
        ("title", vec![json!(null)]),
        ("description", vec![json!(null)]),
        ("custom_data", vec![json!(null)]),
        ("unknown", vec![json!(null), json!("x")]),
        ("", vec![json!("x")]),
        ("Volatile", vec![json!(true)]),
        (&long, vec![json!("x")]),
    ] {
        for value in values {
            let what = format!("{} {value:.60}", &key[..key.len().min(40)]);
            refused(&alice.put("alice/new", json!({key: value})).await, &what);
            refused(&alice.patch("alice/dev", json!({key: value})).await, &what);
        }
    }
    for operations in [
        json!([""]),
        json!(["title"]),
        json!(["=x"]),
        json!(["+=x"]),
        json!(["-=x"]),
        json!(["volatile+=true"]),
        json!(["volatile-=true"]),
        json!(["title=a", 1]),
        json!(["title=a", null]),
        json!(["title=a", ["b"]]),
        json!(["title=a", {"volatile": false}]),
        json!(["title=a", "unknown=b"]),
        json!(["title=a", "volatile=x"]),
        json!(["title=a", "bases+=x"]),
        json!(["title=a", "bases-=x"]),
    ] {
        refused(&alice.patch("alice/dev", operations.clone()).await, &operations.to_string());
    }
    assert_eq!(server.serial().await, before);
    assert_eq!(alice.get("alice/dev").await.result().get("title"), None);
    alice.get("alice/new").await.expect(404);
}

#[tokio::test]
async fn pushes_yanks_and_statuses_that_mean_nothing_are_refused() {
    let server = Server::start().await;
    let (alice, file) = alice(&server).await;
    alice.create_index("alice/target", json!({})).await;
    let before = server.serial().await;
    let good = json!({"name": "pkg", "version": "1.0", "targetindex": "alice/target"});
    let with = |key: &str, value: serde_json::Value| {
        let mut push = good.clone();
        push[key] = value;
        push
    };
    for push in [
        json!({}),
        json!({"name": "pkg"}),
        json!({"name": "pkg", "version": "1.0"}),
        json!({"version": "1.0", "targetindex": "alice/target"}),
        json!({"name": "pkg", "targetindex": "alice"}),
        json!([{"name": "pkg", "version": "1.0", "targetindex": "alice/target"}, 5]),
        with("name", json!(null)),
        with("name", json!("")),
        with("name", json!(["pkg"])),
        with("name", json!("../pkg")),
        with("name", json!("x".repeat(10_000))),
        with("version", json!(1.0)),
        with("version", json!("")),
        with("version", json!("2.0")),
        with("version", json!("x".repeat(10_000))),
        with("targetindex", json!("alice")),
        with("targetindex", json!("alice/none")),
        with("targetindex", json!("alice/target/x")),
        with("targetindex", json!(["alice/target"])),
        with("unknown", json!(1)),
        with("no_docs", json!("yes")),
        json!({"name": "pkg", "version": "1.0", "posturl": "file:///etc/passwd", "username": "a", "password": "b"}),
        json!({"name": "pkg", "version": "1.0", "posturl": "x", "username": "a", "password": "b"}),
        json!({"name": "pkg", "version": "1.0", "posturl": "http://127.0.0.1:9/"}),
    ] {
        for method in ["POST", "PUSH"] {
            refused(&alice.json(method, "alice/dev", push.clone()).await, &format!("{method} {push:.80}"));
        }
    }
    for body in [json!({}), json!({"yanked": 1}), json!({"yanked": ["x"]}), json!({"yank": true})] {
        for path in ["alice/dev/pkg/1.0", &file, "alice/dev/pkg"] {
            refused(&alice.patch(path, body.clone()).await, &format!("{path} {body}"));
        }
    }
    for body in [json!({"status": "gone"}), json!({"status": 1}), json!({"status": "archived", "reason": 1})]
    {
        refused(&alice.patch("alice/dev/pkg", body.clone()).await, &body.to_string());
    }
    assert_eq!(server.serial().await, before);
    assert_eq!(alice.get("alice/target").await.result()["projects"], json!([]));
}

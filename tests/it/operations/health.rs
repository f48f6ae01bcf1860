//! What monitoring sees: health, metrics, log lines, request ids.

use crate::harness::{
    Folder,
    binary::{self, Binary, environment, place},
    until,
};
use serde_json::{Value, json};
use std::fs::File;

/// A server whose log is in a file of the folder, in JSON.
async fn logging(folder: &Folder) -> Binary {
    let (database, prefix) = place().await;
    let mut command = binary::command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    command.envs(environment(&database, &prefix)).env("WHEELYARD_LOG", "debug,s3s=off");
    Binary::start_with_log(command, File::create(folder.path().join("log")).unwrap()).await
}

/// The lines of requests in the log, as the requests came.
fn requests(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines.filter(|line| line["fields"]["status"].is_number()).collect()
}

#[tokio::test]
async fn each_request_leaves_one_log_line_with_its_id_and_no_secret() {
    let folder = Folder::new();
    let server = logging(&folder).await;
    let password = "open-sesame";
    let anonymous = server.client(None);
    anonymous.put("alice", json!({"password": password})).await.expect(201);
    let alice = server.client(Some(("alice", password)));
    alice.put("alice/dev", json!({})).await.expect(200);
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let login = anonymous.post("+login", json!({"user": "alice", "password": password})).await.expect(200);
    let token = login.result()["password"].as_str().unwrap().to_owned();
    alice.with_secret(&token).get("+api?key=in-the-query").await.expect(200);
    anonymous.post("+login", json!({"user": "alice", "password": "close-sesame"})).await.expect(401);
    let given = anonymous.get_with("alice/none", &[("x-request-id", "given-by.a_proxy")]).await.expect(404);
    assert_eq!(given.header("x-request-id"), "given-by.a_proxy");
    let made = anonymous.get_with("alice/none", &[("x-request-id", "two words")]).await.expect(404);
    assert_ne!(made.header("x-request-id"), "two words");
    anonymous.get("+health/live").await.expect(200);

    until("all are logged", async || requests(&folder.read("log")).len() >= 9).await;
    let log = folder.read("log");
    let seen: Vec<_> = requests(&log)
        .iter()
        .map(|line| {
            let fields = &line["fields"];
            assert!(line["timestamp"].is_string() && fields["ms"].is_u64(), "{line}");
            let [method, path] = ["method", "path"].map(|key| fields[key].as_str().unwrap().to_owned());
            (method, path, fields["status"].as_u64().unwrap(), fields["user"].as_str().map(str::to_owned))
        })
        .collect();
    let line = |method: &str, path: &str, status, user: Option<&str>| {
        (method.to_owned(), path.to_owned(), status, user.map(str::to_owned))
    };
    assert_eq!(
        seen,
        [
            line("PUT", "/alice", 201, None),
            line("PUT", "/alice/dev", 200, Some("alice")),
            line("POST", "/alice/dev/", 200, Some("alice")),
            line("POST", "/+login", 200, None),
            line("GET", "/+api", 200, Some("alice")),
            line("POST", "/+login", 401, None),
            line("GET", "/alice/none", 404, None),
            line("GET", "/alice/none", 404, None),
            line("GET", "/+health/live", 200, None),
        ]
    );
    let ids: Vec<_> = requests(&log).iter().map(|line| line["fields"]["id"].clone()).collect();
    assert_eq!(ids[6], "given-by.a_proxy");
    assert_eq!(ids[7], made.header("x-request-id"));

    let metrics = anonymous.get("metrics").await.expect(200).text();
    let secret_key =
        environment("", "").into_iter().find(|(name, _)| *name == "AWS_SECRET_ACCESS_KEY").unwrap().1;
    for secret in [password, "close-sesame", &token, &secret_key, "in-the-query", "argon2"] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!metrics.contains(secret), "{secret} is in the metrics");
    }
}

#[tokio::test]
async fn prometheus_gets_requests_latencies_pool_cache_s3_and_serial() {
    let (database, prefix) = place().await;
    let server = Binary::serve(&database, &prefix, &[]).await;
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    for _ in 0..3 {
        alice.simple("alice/dev", "pkg").await;
    }
    let path = alice.file_path("alice/dev", "pkg", "pkg-1.0-py3-none-any.whl").await;
    for _ in 0..3 {
        alice.get_with(&path, &[]).await.expect(200);
    }
    let serial = alice.get("+api").await.serial();
    let reply = alice.get("metrics").await.expect(200);
    assert!(reply.header("content-type").starts_with("text/plain"));
    let text = reply.text();
    let value = |start: &str| -> i64 {
        let line = text.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no {start} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let page = r#"{route="/{user}/{index}/+simple/{project}/""#;
    assert_eq!(value(&format!(r#"wheelyard_requests_total{page},method="GET",status="200"}}"#)), 4);
    assert_eq!(value(&format!("wheelyard_request_seconds_count{page}")), 4);
    assert_eq!(value("wheelyard_pages_rendered_total"), 1);
    assert!(value("wheelyard_gate_queries_total") >= 3);
    assert!(value("wheelyard_uploaded_bytes_total") > 100);
    assert!(value("wheelyard_database_connections_open") >= 1);
    assert!(value("wheelyard_database_connections_in_use") >= 0);
    // As it is, and packed.
    assert_eq!(value("wheelyard_cached_pages"), 2);
    assert_eq!(value(r#"wheelyard_s3_seconds_count{operation="PutObject",outcome="ok"}"#), 1);
    assert_eq!(value(r#"wheelyard_s3_seconds_count{operation="GetObject",outcome="ok"}"#), 1);
    assert_eq!(value(r#"wheelyard_files_found_total{from="database"}"#), 1);
    assert_eq!(value(r#"wheelyard_files_found_total{from="memory"}"#), 2);
    assert_eq!(value("wheelyard_small_objects_read_total"), 1);
    assert_eq!(value("wheelyard_small_objects_served_total"), 3);
    assert_eq!(value("wheelyard_cached_objects"), 1);
    assert!(value("wheelyard_cached_object_bytes") > 100);
    assert_eq!(value("wheelyard_serial"), serial);
}

#[tokio::test]
async fn a_server_that_ends_has_written_the_line_of_its_last_request() {
    let folder = Folder::new();
    let server = logging(&folder).await;
    server.client(None).get("+api").await.expect(200);
    server.end("-TERM").await;
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let requests = requests(&log);
    assert_eq!(requests.last().unwrap()["fields"]["path"], "/+api", "{log}");
}

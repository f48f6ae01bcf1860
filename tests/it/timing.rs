//! Where the time of requests goes, as `--server-timing` and `--profile-requests` tell it.

use crate::harness::{
    Folder, Reply, Server, Upstream,
    binary::{self, Binary, environment, place},
    until,
    upstream::File,
};
use serde_json::json;

/// The names in the header, which all have a duration.
fn told(reply: &Reply) -> Vec<String> {
    let metrics = reply.header("server-timing").split(", ");
    let metric = |metric: &str| {
        let (name, duration) = metric.split_once(";dur=").unwrap();
        assert!(duration.parse::<f64>().unwrap() >= 0.0, "{metric}");
        name.to_owned()
    };
    metrics.map(metric).collect()
}

#[tokio::test]
async fn each_answer_tells_what_it_waited_for() {
    let server = Server::start_with(|config| config.server.server_timing = true).await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let filename = alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let path = alice.file_path("alice/dev", "pkg", &filename).await;
    let anonymous = server.anonymous();

    let page = anonymous.get_with("alice/dev/+simple/pkg/", &[]).await.expect(200);
    assert_eq!(told(&page), ["gate", "sql", "rendering", "cache", "total"]);
    let page = anonymous.get_with("alice/dev/+simple/pkg/", &[]).await.expect(200);
    assert_eq!(told(&page), ["gate", "cache", "total"]);
    let file = anonymous.get_with(&path, &[]).await.expect(200);
    assert_eq!(told(&file), ["gate", "sql", "s3", "total"]);
    let change = alice.put("alice/new", json!({})).await.expect(200);
    assert_eq!(told(&change), ["gate", "sql", "total"]);
    let failure = anonymous.get("alice/none").await.expect(404);
    assert_eq!(told(&failure).first().unwrap(), "gate");
    let nothing = anonymous.get("+health/live").await.expect(200);
    assert_eq!(told(&nothing), ["total"]);
}

#[tokio::test]
async fn what_readers_share_is_waiting_for_the_upstream() {
    let server = Server::start_with(|config| config.server.server_timing = true).await;
    let upstream = Upstream::start();
    upstream.add("pkg", File::wheel("pkg", "1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_no_project_list": true})).await;
    let page = alice.simple_page("alice/mirror", "pkg", &[]).await.expect(200);
    assert!(told(&page).contains(&"upstream".to_owned()));
    let path = alice.file_path("alice/mirror", "pkg", "pkg-1.0-py3-none-any.whl").await;
    let file = alice.get_with(&path, &[]).await.expect(200);
    assert!(told(&file).contains(&"upstream".to_owned()));
}

#[tokio::test]
async fn nobody_is_told_unless_it_is_wanted() {
    let server = Server::start_with(|config| config.server.profile_requests = 1_000).await;
    for server in [Server::start().await, server] {
        assert!(!server.anonymous().get("+api").await.expect(200).headers.contains_key("server-timing"));
    }
}

#[tokio::test]
async fn after_so_many_requests_a_table_names_their_routes_and_the_next_begins() {
    let (folder, (database, prefix)) = (Folder::new(), place().await);
    let mut command = binary::command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--profile-requests", "5"]);
    command.envs(environment(&database, &prefix));
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let server = Binary::start_with_log(command, log).await;
    let anonymous = server.client(None);
    let tables = || folder.read("log").matches("5 requests").count();
    // The routes and how often they were asked for, in the last table.
    let routes = || {
        let log = folder.read("log");
        let table = log[log.rfind("5 requests").unwrap()..].lines().skip(2);
        let mut routes: Vec<_> =
            table.map(|row| row.split_whitespace().take(3).collect::<Vec<_>>().join(" ")).collect();
        routes.sort();
        routes
    };

    for user in ["alice", "bob", "carol"] {
        anonymous.get(user).await.expect(404);
    }
    anonymous.put("alice", json!({"password": "secret"})).await.expect(201);
    assert_eq!(tables(), 0);
    anonymous.get("alice").await.expect(200);
    until("there is a table", async || tables() == 1 && folder.read("log").ends_with('\n')).await;
    assert_eq!(routes(), ["GET /{user} 4", "PUT /{user} 1"]);
    for _ in 0..5 {
        anonymous.get("+api").await.expect(200);
    }
    until("there is another table", async || tables() == 2 && folder.read("log").ends_with('\n')).await;
    assert_eq!(routes(), ["GET /+api 5"]);
}

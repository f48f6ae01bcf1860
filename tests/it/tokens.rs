//! API tokens: who makes them, what they are good for, and how they end.

use crate::harness::{Client, Server, Upload, archive, until};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Alice with `alice/dev`, which only she reads, and its file of `one`.
async fn alice_with_private_index(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({"acl_read": ["alice"]})).await;
    alice.upload_wheel("alice/dev", "one", "1.0").await;
    alice
}

/// A new token of whoever asks.
async fn make(who: &Client, user: &str, limits: Value) -> Value {
    who.post(&format!("{user}/+token-create"), limits).await.expect(200).result()
}

fn text(token: &Value) -> &str {
    token["token"].as_str().unwrap()
}

fn with(server: &Server, token: &Value) -> Client {
    Client::new(&server.url, Some(("__token__", text(token))))
}

async fn authstatus(client: &Client) -> Value {
    client.get("+api").await.expect(200).result()["authstatus"][1].clone()
}

#[tokio::test]
async fn a_token_is_shown_once_and_stands_for_its_user_however_it_is_sent() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    let token = make(&alice, "alice", json!({"description": "laptop"})).await;
    assert!(text(&token).starts_with("whl_") && text(&token).len() == 56, "{token}");
    let basic = |user: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")));
    let secret = text(&token);
    for (header, value, user) in [
        ("authorization", basic("__token__", secret), "alice"),
        ("authorization", basic("alice", secret), "alice"),
        ("authorization", basic("", secret), "alice"),
        ("authorization", basic(secret, ""), "alice"),
        ("authorization", format!("Bearer {secret}"), "alice"),
        ("authorization", format!("bearer  {secret}"), "alice"),
        ("x-devpi-auth", STANDARD.encode(format!("alice:{secret}")), "alice"),
        ("authorization", basic("root", secret), ""),
        ("authorization", basic("__token__", &secret[..55]), ""),
        ("authorization", basic("__token__", "whl_"), ""),
        ("authorization", "Bearer".into(), ""),
        ("authorization", "Bearer secret".into(), ""),
    ] {
        let headers = [(header, value.as_str()), ("accept", "application/json")];
        let reply = server.anonymous().get_with("+api", &headers).await.expect(200);
        assert_eq!(reply.result()["authstatus"][1], user, "{header}: {value}");
        let page = server.anonymous().get_with("alice/dev/+simple/one/", &headers).await;
        assert_eq!(page.status, if user.is_empty() { 401 } else { 200 }, "{header}: {value}");
    }
    for path in ["alice/+tokens".to_owned(), format!("alice/+tokens/{}", token["id"].as_str().unwrap())] {
        let reply = alice.get(&path).await.expect(200);
        assert!(!reply.text().contains(&secret[30..]) && reply.text().contains("laptop"), "{reply}");
    }
    let changelog = server.root().get("+changelog/1-").await.expect(200).text();
    assert!(changelog.contains("token.create") && !changelog.contains(&secret[30..]), "{changelog}");
}

#[tokio::test]
async fn what_the_devpi_client_logs_in_with_is_the_token_itself() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    let token = make(&alice, "alice", json!({"allowed": ["pkg_read"]})).await;
    let login = json!({"user": "alice", "password": text(&token)});
    let reply = server.anonymous().post("+login", login).await.expect(200).result();
    assert_eq!(reply["password"], text(&token));
    assert!(reply["expiration"].as_i64().unwrap() > 365 * 24 * 3600, "{reply}");
    let login = json!({"user": "bob", "password": text(&token)});
    server.anonymous().post("+login", login).await.expect(401);
}

#[tokio::test]
async fn a_token_to_read_sends_no_results_about_what_not_everybody_may_read() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    let path = alice.file_path("alice/dev", "one", "one-1.0-py3-none-any.whl").await;
    let send = async |limits: Value| {
        let holder = with(&server, &make(&alice, "alice", limits).await);
        holder.post(&path, json!({"testenvs": {}})).await.status
    };
    assert_eq!(send(json!({"allowed": ["pkg_read"]})).await, 403);
    assert_eq!(send(json!({"allowed": ["pkg_read", "toxresult_upload"]})).await, 200);
    alice.patch("alice/dev", json!(["acl_read-="])).await.expect(200);
    assert_eq!(send(json!({"allowed": ["pkg_read"]})).await, 200);
}

#[tokio::test]
async fn only_the_user_and_root_make_see_and_revoke_tokens_and_no_token_does() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    let bob = server.user("bob").await;
    let token = make(&alice, "alice", json!({})).await;
    let path = format!("alice/+tokens/{}", token["id"].as_str().unwrap());
    for (who, status) in [(server.anonymous(), 401), (bob, 403), (with(&server, &token), 403)] {
        who.post("alice/+token-create", json!({})).await.expect(status);
        who.get("alice/+tokens").await.expect(status);
        who.get(&path).await.expect(status);
        who.delete(&path).await.expect(status);
    }
    let holder = with(&server, &token);
    let said = holder.post("alice/+token-create", json!({})).await.expect(403).message();
    assert_eq!(
        said,
        "no permission to see or change tokens of user alice, the token is for indexes and what is on them"
    );
    holder.patch("alice", json!({"password": "other"})).await.expect(403);
    holder.patch("alice", json!({"title": "x"})).await.expect(403);
    holder.delete("alice").await.expect(403);
    holder.put("carol", json!({"password": "x"})).await.expect(403);
    let by_root = make(&server.root(), "alice", json!({})).await;
    assert_eq!(authstatus(&with(&server, &by_root)).await, "alice");
    server.root().delete(&path).await.expect(200);
    server.root().get("nobody/+tokens").await.expect(404);
    server.root().post("nobody/+token-create", json!({})).await.expect(404);
    for id in ["nothing", token["id"].as_str().unwrap()] {
        let reply = alice.delete(&format!("alice/+tokens/{id}")).await.expect(404);
        assert_eq!(reply.message(), format!("No token with id {id}"));
    }
    let reply = server.anonymous().put("__token__", json!({"password": "x"})).await.expect(400);
    assert_eq!(reply.message(), "username '__token__' is what goes with API tokens");
}

#[tokio::test]
async fn a_revoked_token_fails_at_once_on_every_process() {
    let server = Server::start().await;
    let beside = server.beside().await;
    let alice = alice_with_private_index(&server).await;
    let (kept, revoked) = (make(&alice, "alice", json!({})).await, make(&alice, "alice", json!({})).await);
    let page = "alice/dev/+simple/one/";
    for client in [with(&server, &revoked), with(&beside, &revoked), with(&beside, &kept)] {
        client.get(page).await.expect(200);
    }
    alice.delete(&format!("alice/+tokens/{}", revoked["id"].as_str().unwrap())).await.expect(200);
    for server in [&beside, &server] {
        with(server, &revoked).get(page).await.expect(401);
        with(server, &kept).get(page).await.expect(200);
    }
    // A change of the password leaves tokens alone, the end of the user does not.
    alice.patch("alice", json!({"password": "other"})).await.expect(200);
    with(&beside, &kept).get(page).await.expect(200);
    server.root().delete("alice").await.expect(200);
    server.user("alice").await.create_index("alice/dev", json!({"acl_read": ["alice"]})).await;
    for server in [&beside, &server] {
        assert_eq!(authstatus(&with(server, &kept)).await, "");
        with(server, &kept).get("alice/dev/+simple/").await.expect(401);
    }
}

#[tokio::test]
async fn a_token_ends_when_it_says_and_lives_for_more_than_a_year_only_by_root() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let short = make(&alice, "alice", json!({"expires": now + 2})).await;
    let client = with(&server, &short);
    client.get("alice/dev/+simple/one/").await.expect(200);
    until("the token has expired", async || client.get("alice/dev/+simple/one/").await.status == 401).await;
    assert_eq!(alice.get("alice/+tokens").await.result()["tokens"].as_object().unwrap().len(), 1);

    let year = make(&alice, "alice", json!({})).await["expires"].as_i64().unwrap();
    assert!((365..=367).contains(&((year - now) / 86_400)), "{year}");
    for long in [json!("never"), json!(now + 400 * 86_400)] {
        let reply = alice.post("alice/+token-create", json!({"expires": long})).await.expect(403);
        assert_eq!(reply.message(), "Not allowed to set expiration to more than one year");
        assert_eq!(make(&server.root(), "alice", json!({"expires": long})).await["expires"], long);
    }
    let reply = alice.post("alice/+token-create", json!({"expires": now - 1})).await.expect(400);
    assert_eq!(reply.message(), "Can't set expiration before current time");
    let reply = alice.post("alice/+token-create", json!({"scope": []})).await.expect(400);
    assert_eq!(reply.message(), "Unknown restriction 'scope'.");
}

#[tokio::test]
async fn a_user_has_a_hundred_tokens_at_most() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    for _ in 0..100 {
        make(&alice, "alice", json!({})).await;
    }
    let reply = alice.post("alice/+token-create", json!({})).await.expect(400);
    assert_eq!(reply.message(), "user alice has 100 tokens already: delete one first");
}

#[tokio::test]
async fn the_hour_of_the_last_use_is_told() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    let token = make(&alice, "alice", json!({})).await;
    let path = format!("alice/+tokens/{}", token["id"].as_str().unwrap());
    assert_eq!(alice.get(&path).await.result()["last_used"], Value::Null);
    let serial = with(&server, &token).get("alice/dev/+simple/one/").await.expect(200).serial();
    until("the use is noted", async || {
        let used = alice.get(&path).await.result()["last_used"].clone();
        used.as_str().is_some_and(|used| used.ends_with(":00:00Z"))
    })
    .await;
    assert_eq!(server.serial().await, serial);
}

/// What each permission is for, as requests on `alice/dev`: each makes what it needs anew, by alice.
#[tokio::test]
async fn each_permission_is_good_for_its_requests_and_for_no_other() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.create_index("alice/target", json!({})).await;
    for (permission, good) in [
        ("upload", vec!["upload", "register", "yank release", "yank file", "push"]),
        ("del_entry", vec!["delete file"]),
        ("del_verdata", vec!["delete release"]),
        ("del_project", vec!["delete project", "set status"]),
        ("index_create", vec!["create index"]),
        ("index_modify", vec!["modify index"]),
        ("index_delete", vec!["delete index"]),
        ("pkg_read", vec![]),
        ("toxresult_upload", vec![]),
    ] {
        let token = make(&alice, "alice", json!({"allowed": [permission]})).await;
        let client = with(&server, &token);
        for what in [
            "upload",
            "register",
            "yank release",
            "yank file",
            "push",
            "delete file",
            "delete release",
            "delete project",
            "set status",
            "create index",
            "modify index",
            "delete index",
        ] {
            match what {
                "create index" => drop(alice.delete("alice/new").await),
                "delete index" => drop(alice.put("alice/new", json!({})).await),
                _ => {}
            }
            alice.upload_wheel("alice/dev", "one", "1.0").await;
            let file = alice.file_path("alice/dev", "one", "one-1.0-py3-none-any.whl").await;
            let form = |action| {
                reqwest::multipart::Form::new()
                    .text(":action", action)
                    .text("name", "one")
                    .text("version", "1.0")
            };
            let reply = match what {
                "upload" => {
                    client.upload("alice/dev", Upload::new("two", "1.0", archive::wheel("two", "1.0"))).await
                }
                "register" => client.send_form("alice/dev", form("submit")).await,
                "yank release" => client.patch("alice/dev/one/1.0", json!({"yanked": true})).await,
                "yank file" => client.patch(&file, json!({"yanked": false})).await,
                "push" => {
                    let push = json!({"name": "one", "version": "1.0", "targetindex": "alice/target"});
                    client.json("PUSH", "alice/dev", push).await
                }
                "delete file" => client.delete(&file).await,
                "delete release" => client.delete("alice/dev/one/1.0").await,
                "delete project" => client.delete("alice/dev/one").await,
                "set status" => client.patch("alice/dev/one", json!({"status": "active"})).await,
                "create index" => client.put("alice/new", json!({})).await,
                "modify index" => client.patch("alice/dev", json!({"title": permission})).await,
                _ => client.delete("alice/new").await,
            };
            let allowed = good.contains(&what);
            assert_eq!(reply.status < 300, allowed, "{permission}: {what}: {reply}");
            assert!(allowed || reply.status == 403, "{permission}: {what}: {reply}");
            assert!(allowed || reply.text().contains("the token is for allowed="), "{what}: {reply}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_for_reading_reads_what_everybody_may() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    alice.create_index("alice/open", json!({})).await;
    alice.upload_wheel("alice/open", "free", "1.0").await;
    let file = alice.file_path("alice/dev", "one", "one-1.0-py3-none-any.whl").await;
    let metadata = format!("{file}.metadata");
    let private = [
        "alice/dev",
        "alice/dev/",
        "alice/dev/+api",
        "alice/dev/+simple/",
        "alice/dev/+simple/one/",
        "alice/dev/+hosted/one/",
        "alice/dev/+own/one/",
        "alice/dev/one",
        "alice/dev/one/1.0",
        &file,
        &metadata,
    ];
    for (limits, status) in [
        (json!({"allowed": ["upload"]}), 403),
        (json!({"allowed": ["pkg_read"], "indexes": ["alice/open"]}), 403),
        (json!({"indexes": []}), 403),
        (json!({"allowed": ["pkg_read"]}), 200),
        (json!({"indexes": ["alice/dev"], "projects": ["One"]}), 200),
    ] {
        let client = with(&server, &make(&alice, "alice", limits.clone()).await);
        for path in private {
            client.get(path).await.expect(status);
        }
        client.get("alice/open/+simple/free/").await.expect(200);
        let shown = client.get("alice").await.expect(200).result()["indexes"].clone();
        assert_eq!(shown.get("dev").is_some(), status == 200, "{limits}");
        let push = json!({"name": "one", "version": "1.0", "targetindex": "alice/open"});
        let pushed = client.json("PUSH", "alice/dev", push).await;
        assert_eq!(pushed.status, 403, "{limits}: {pushed}");
    }
}

#[tokio::test]
async fn a_token_for_a_project_reads_and_changes_no_other() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    alice.upload_wheel("alice/dev", "other", "1.0").await;
    alice.create_index("alice/top", json!({"bases": "alice/dev", "acl_read": ["alice"]})).await;
    let file = alice.file_path("alice/dev", "other", "other-1.0-py3-none-any.whl").await;
    let client = with(&server, &make(&alice, "alice", json!({"projects": ["one"]})).await);
    client.get("alice/dev/+simple/one/").await.expect(200);
    client.get("alice/top/+simple/one/").await.expect(200);
    client.upload_wheel("alice/dev", "one", "2.0").await;
    for path in [
        "alice/dev/+simple/other/",
        "alice/top/+simple/other/",
        "alice/dev/other",
        "alice/dev/other/1.0",
        &file,
    ] {
        let reply = client.get(path).await.expect(403);
        assert!(
            reply.message().contains("other forbidden, the token is for projects=one"),
            "{path}: {reply}"
        );
    }
    let before = server.serial().await;
    let upload =
        client.upload("alice/dev", Upload::new("other", "2.0", archive::wheel("other", "2.0"))).await;
    assert_eq!(upload.expect(403).message(), "no permission to submit, the token is for projects=one");
    client.delete("alice/dev/other/1.0").await.expect(403);
    client.delete("alice/dev/other").await.expect(403);
    client.delete(&file).await.expect(403);
    client.patch("alice/dev/other", json!({"status": "archived"})).await.expect(403);
    client.patch("alice/dev/other/1.0", json!({"yanked": true})).await.expect(403);
    let push = |name: &str| json!({"name": name, "version": "1.0", "targetindex": "alice/top"});
    client.json("PUSH", "alice/dev", push("other")).await.expect(403);
    let many = client.json("PUSH", "alice/dev", json!([push("one"), push("other")])).await;
    many.expect(403);
    // It is for one project, so for nothing that concerns all of them.
    client.patch("alice/dev", json!({"title": "x"})).await.expect(403);
    client.put("alice/new", json!({})).await.expect(403);
    assert_eq!(server.serial().await, before);
    client.json("PUSH", "alice/dev", push("one")).await.expect(200);
    // And it hears of no other.
    let wait = format!("+events?since={before}&wait=0");
    alice.upload_wheel("alice/dev", "other", "3.0").await;
    assert!(alice.get(&wait).await.expect(200).text().contains("other"));
    let heard = client.get(&wait).await.expect(200).text();
    assert!(heard.contains("\"one\"") && !heard.contains("other"), "{heard}");
}

#[tokio::test]
async fn a_token_is_no_way_to_the_changelog_or_to_other_repositories_unless_it_is_for_all() {
    let server = Server::start().await;
    let root = server.root();
    let alice = alice_with_private_index(&server).await;
    let external = json!({"name": "one", "version": "1.0", "posturl": "http://127.0.0.1:9/", "username": "u", "password": "p"});
    for (limits, changelog, elsewhere) in [
        (json!({}), 200, true),
        (json!({"allowed": ["pkg_read"]}), 200, false),
        (json!({"allowed": ["upload", "pkg_read"], "indexes": ["alice/dev"]}), 403, true),
        (json!({"projects": ["one"]}), 403, true),
    ] {
        let client = with(&server, &make(&root, "root", limits.clone()).await);
        client.get("+changelog/1-").await.expect(changelog);
        let client = with(&server, &make(&alice, "alice", limits.clone()).await);
        let pushed = client.json("PUSH", "alice/dev", external.clone()).await;
        assert_eq!(pushed.status, if elsewhere { 502 } else { 403 }, "{limits}: {pushed}");
    }
}

#[tokio::test]
async fn readers_with_different_limits_never_get_each_others_pages() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    alice.create_index("alice/top", json!({"bases": "alice/dev"})).await;
    alice.upload_wheel("alice/top", "one", "2.0").await;
    let all = with(&server, &make(&alice, "alice", json!({})).await);
    let top = with(&server, &make(&alice, "alice", json!({"indexes": ["alice/top"]})).await);
    for _ in 0..2 {
        for (client, count) in [(&alice, 2), (&all, 2), (&top, 1), (&server.anonymous(), 1)] {
            assert_eq!(client.filenames("alice/top", "one").await.len(), count);
        }
    }
}

#[tokio::test]
async fn a_listener_hears_no_more_when_its_token_is_revoked() {
    let server = Server::start().await;
    let alice = alice_with_private_index(&server).await;
    let token = make(&alice, "alice", json!({})).await;
    let client = with(&server, &token);
    let mut events = client.request(reqwest::Method::GET, "+events").send().await.unwrap();
    assert_eq!(events.status(), 200);
    alice.upload_wheel("alice/dev", "one", "3.0").await;
    let mut heard = String::new();
    while !heard.contains("3.0") {
        heard += &String::from_utf8_lossy(&events.chunk().await.unwrap().expect("it still listens"));
    }
    alice.delete(&format!("alice/+tokens/{}", token["id"].as_str().unwrap())).await.expect(200);
    alice.upload_wheel("alice/dev", "one", "4.0").await;
    while let Some(chunk) = events.chunk().await.unwrap() {
        heard += &String::from_utf8_lossy(&chunk);
    }
    assert!(!heard.contains("4.0"), "{heard}");
}

//! Mirrors as indexes: their options, and how the password of an upstream stays unseen.

use crate::harness::{
    Client, Folder, Server,
    binary::{self, Binary, environment},
};
use serde_json::{Value, json};

/// Nothing listens there.
const UPSTREAM: &str = "http://127.0.0.1:9/simple/";
const SECRET_UPSTREAM: &str = "http://mirrorer:h1dden%21@127.0.0.1:9/simple/";

#[tokio::test]
async fn a_new_mirror_shows_its_type_and_what_was_given() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let bare = json!({"type": "mirror", "volatile": true});
    assert_eq!(alice.put("alice/bare", json!({"type": "mirror"})).await.expect(200).result(), bare);
    let given = json!({
        "type": "mirror", "volatile": "no", "title": "t", "description": ["d"], "custom_data": {"a": 1},
        "acl_read": "alice", "mirror_url": UPSTREAM, "mirror_cache_expiry": "600", "mirror_timeout": 3,
        "mirror_web_url_fmt": "http://127.0.0.1:9/{name}/", "mirror_no_project_list": "True",
        "mirror_use_external_urls": false, "mirror_ignore_serial_header": true,
        "mirror_provides_core_metadata": "yes", "mirror_whitelist_exempt": true,
        "bases": "alice/none", "acl_upload": "alice", "mirror_whitelist": "*", "projects": ["x"],
    });
    let shown = json!({
        "type": "mirror", "volatile": false, "title": "t", "description": ["d"], "custom_data": {"a": 1},
        "acl_read": ["alice"], "mirror_url": UPSTREAM, "mirror_cache_expiry": 600, "mirror_timeout": 3,
        "mirror_web_url_fmt": "http://127.0.0.1:9/{name}/", "mirror_no_project_list": true,
        "mirror_use_external_urls": false, "mirror_ignore_serial_header": true,
        "mirror_provides_core_metadata": true, "mirror_whitelist_exempt": true,
    });
    assert_eq!(alice.put("alice/full", given).await.expect(200).result(), shown);
    assert_eq!(alice.get("alice/full?no_projects").await.result(), shown);
    let indexes = alice.get("alice").await.result()["indexes"].clone();
    assert_eq!(indexes, json!({"bare": bare, "full": shown}));
    assert_eq!(alice.get("").await.result()["alice"]["indexes"], indexes);

    // The words of devpi 7 are answered in those of devpi 6.
    let seven = json!({"type": "remote", "remote_url": UPSTREAM, "remote_refresh_delay": 60});
    let six = json!({"type": "mirror", "volatile": true, "mirror_url": UPSTREAM, "mirror_cache_expiry": 60});
    assert_eq!(alice.put("alice/seven", seven).await.expect(200).result(), six);
    let rules = json!({"type": "local", "project_inheritance_rules": "allow all"});
    assert_eq!(alice.put("alice/rules", rules).await.expect(200).result()["mirror_whitelist"], json!(["*"]));
}

#[tokio::test]
async fn wrong_values_of_mirrors_are_refused_and_change_nothing() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/mirror", json!({"type": "mirror"})).await;
    alice.create_index("alice/stage", json!({})).await;
    let before = server.serial().await;
    let url = "'mirror_url' option must be a URL.";
    let expiry = "'mirror_cache_expiry' option must be an integer";
    let timeout = "'mirror_timeout' option must be an integer from 1 to 300";
    for (key, value, message) in [
        ("mirror_url", json!("127.0.0.1/simple"), url),
        ("mirror_url", json!("file:///etc/passwd"), url),
        ("mirror_url", json!("http://"), url),
        ("mirror_url", json!("http:///a:b@x/"), url),
        ("mirror_url", json!(null), url),
        ("mirror_url", json!([UPSTREAM]), url),
        ("mirror_cache_expiry", json!("soon"), expiry),
        ("mirror_cache_expiry", json!(null), expiry),
        ("mirror_cache_expiry", json!(1.5), expiry),
        ("mirror_cache_expiry", json!(u64::MAX), expiry),
        ("mirror_cache_expiry", json!("-1"), "'mirror_cache_expiry' option must not be negative"),
        ("mirror_timeout", json!(0), timeout),
        ("mirror_timeout", json!("301"), timeout),
        ("mirror_timeout", json!(true), timeout),
        ("mirror_web_url_fmt", json!({}), "'mirror_web_url_fmt' option must be a text"),
        ("mirror_no_project_list", json!("x"), "Unknown boolean value 'x'."),
        ("mirror_whitelist_exempt", json!(1), "Unknown boolean value 1."),
        ("title", json!(null), "'title' can't be null: the operation \"title-=\" removes it"),
        (
            "acl_toxresult_upload",
            json!("alice"),
            "indexconfig got unexpected keyword arguments: acl_toxresult_upload=alice",
        ),
    ] {
        let created = alice.put("alice/new", json!({"type": "mirror", key: value})).await.expect(400);
        let patched = alice.patch("alice/mirror", json!({key: value})).await.expect(400);
        assert_eq!([created.message(), patched.message()], [message, message], "{key} {value}");
    }
    for key in ["mirror_url", "mirror_cache_expiry", "mirror_timeout", "mirror_whitelist_exempt"] {
        let message = format!("indexconfig got unexpected keyword arguments: {key}=1");
        assert_eq!(alice.patch("alice/stage", json!({key: 1})).await.expect(400).message(), message);
    }
    for (operation, message) in [
        ("volatile-=", "Default values can't be removed."),
        ("type=stage", "the 'type' of an index can't be changed"),
        ("bases+=alice/stage", "indexconfig got unexpected keyword arguments: bases"),
        ("mirror_url+=x", "The 'mirror_url' setting isn't a list: use mirror_url=VALUE"),
    ] {
        assert_eq!(alice.patch("alice/mirror", json!([operation])).await.expect(400).message(), message);
    }
    assert_eq!(server.serial().await, before);

    let settings = alice.patch("alice/mirror", json!(["mirror_cache_expiry=0", "mirror_timeout=300"])).await;
    assert_eq!(settings.expect(200).result()["mirror_cache_expiry"], 0);
    let settings = alice.patch("alice/mirror", json!(["mirror_timeout-=", "bases=alice/none"])).await;
    let left = json!({"type": "mirror", "volatile": true, "mirror_cache_expiry": 0});
    assert_eq!(settings.expect(200).result(), left);
}

#[tokio::test]
async fn a_mirror_takes_no_uploads_and_says_so_but_serves_as_a_base() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/mirror", json!({"type": "mirror"})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let offered = async |index: &str| alice.get(&format!("{index}/+api")).await.result();
    assert_eq!(offered("alice/mirror").await.get("pypisubmit"), None);
    assert!(offered("alice/mirror").await["simpleindex"].is_string());
    assert!(offered("alice/dev").await["pypisubmit"].is_string());

    let before = server.serial().await;
    for client in [&alice, &server.root(), &server.anonymous()] {
        for action in ["file_upload", "submit"] {
            let form = format!(":action={action}&name=pkg&version=1.0");
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            let refused = client.send("POST", "alice/mirror/", &headers, form).await.expect(404);
            assert!(refused.text().contains("cannot submit to mirror index"), "{}", refused.text());
        }
    }
    let push = json!({"name": "pkg", "version": "1.0", "targetindex": "alice/mirror"});
    let refused = alice.post("alice/dev", push).await.expect(401);
    assert_eq!(refused.message(), "user 'alice' cannot upload to 'alice/mirror'");
    assert_eq!(server.serial().await, before);
}

/// All that may tell somebody of the settings of `alice/mirror`.
async fn all_answers(client: &Client) -> Vec<String> {
    let mut answers = Vec::new();
    for path in [
        "",
        "alice",
        "alice/mirror",
        "alice/mirror?no_projects",
        "alice/mirror/+api",
        "alice/mirror/+simple/",
        "alice/mirror/+simple/pkg/",
        "alice/dev/+simple/pkg/",
        "+changelog/0-",
        "+status",
        "metrics",
    ] {
        answers.push(client.get(path).await.text());
        answers.push(client.get_with(path, &[("accept", "text/html")]).await.text());
    }
    answers
}

#[tokio::test]
async fn the_password_of_an_upstream_stands_in_no_answer_and_no_log() {
    let (database, prefix) = binary::place().await;
    let folder = Folder::new();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let environment = environment(&database, &prefix);
    assert!(binary::run(&["init", "--root-password", "root"], &environment).await.success);
    let mut command = binary::command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "debug"]).envs(environment);
    let server = Binary::start_with_log(command, log).await;
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));

    let mut said = Vec::new();
    let mut tell = async |method: &str, path: &str, body: Value| {
        let reply = alice.json(method, path, body).await;
        said.push(reply.text());
        reply.status
    };
    let mirror = json!({"type": "mirror", "mirror_url": SECRET_UPSTREAM});
    assert_eq!(tell("PUT", "alice/mirror", mirror.clone()).await, 200);
    assert_eq!(tell("PUT", "alice/mirror", mirror).await, 409);
    assert_eq!(tell("PUT", "alice/dev", json!({"bases": "alice/mirror"})).await, 200);
    assert_eq!(tell("PATCH", "alice/mirror", json!({"title": "t"})).await, 200);
    let operation = json!([format!("mirror_url={SECRET_UPSTREAM}?other")]);
    assert_eq!(tell("PATCH", "alice/mirror", operation).await, 200);
    // Nor in what is said of a mistake.
    let stray = format!("mirror_url:{SECRET_UPSTREAM}");
    assert_eq!(tell("PATCH", "alice/mirror", json!([stray])).await, 400);
    assert_eq!(tell("PATCH", "alice/mirror", json!({"mirror": SECRET_UPSTREAM})).await, 400);
    assert_eq!(tell("PUT", "alice/stage", json!({"mirror_url": SECRET_UPSTREAM})).await, 400);
    for client in [&alice, &server.client(Some(("root", "root"))), &server.client(None)] {
        said.extend(all_answers(client).await);
    }
    assert!(said.iter().any(|answer| answer.contains("127.0.0.1:9/simple/")), "nothing shows the URL");
    server.end("-TERM").await;
    said.push(folder.read("log"));
    for text in said {
        for word in ["mirrorer", "h1dden"] {
            assert!(!text.contains(word), "{text}");
        }
    }
}

#[tokio::test]
async fn who_writes_back_what_they_read_keeps_the_password_of_the_upstream() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/mirror", json!({"type": "mirror", "mirror_url": SECRET_UPSTREAM})).await;
    let name = "alice/mirror".parse().unwrap();
    let credentials = async || {
        let index = wheelyard::ops::resolve::index(&server.service, &name).await.unwrap();
        let mirror = index.mirror.clone().unwrap();
        assert!(mirror.url.as_ref().unwrap().username().is_empty());
        mirror.credentials.clone().map(|(user, password)| format!("{user} {password}"))
    };
    let kept = Some("mirrorer h1dden!".to_owned());
    let whole = alice.get("alice/mirror?no_projects").await;
    let before = server.serial().await;
    for patch in [whole.json(), whole.result(), json!([format!("mirror_url={UPSTREAM}")])] {
        alice.patch("alice/mirror", patch.clone()).await.expect(200);
        let nothing = alice.patch("alice/mirror?error_on_noop", patch).await.expect(400);
        assert_eq!(nothing.message(), "The requested modifications resulted in no changes");
        assert_eq!(credentials().await, kept);
    }
    assert_eq!(server.serial().await, before);
    let mut changed = whole.json();
    changed["result"]["title"] = "t".into();
    alice.patch("alice/mirror", changed).await.expect(200);
    assert_eq!(credentials().await, kept);

    // An empty one takes it away, and another upstream never gets it.
    for (url, shown, left) in [
        ("http://@127.0.0.1:9/simple/", UPSTREAM, None),
        ("http://a:b@127.0.0.1:9/simple/", UPSTREAM, Some("a b")),
        ("http://127.0.0.1:9/other/", "http://127.0.0.1:9/other/", None),
    ] {
        let reply = alice.patch("alice/mirror", json!({"mirror_url": url})).await.expect(200);
        assert_eq!(reply.result()["mirror_url"], shown);
        assert_eq!(credentials().await.as_deref(), left);
    }
}

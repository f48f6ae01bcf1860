//! Users: who creates, changes and deletes them, and what of them is shown.

use crate::harness::Server;
use serde_json::{Value, json};

#[tokio::test]
async fn anybody_may_become_a_user_and_nobody_sees_the_password() {
    let server = Server::start().await;
    let profile = json!({"title": "t", "description": "d", "email": "a@x", "custom_data": {"team": [1]}});
    let mut body = profile.clone();
    body["password"] = "secret".into();
    let created = server.anonymous().put("alice", body).await.expect(201);
    assert_eq!(created.header("content-type"), "application/json");
    assert_eq!(created.json()["type"], "userconfig");
    let mut user = created.result();
    assert!(is_time(&user["created"]), "{user}");
    user.as_object_mut().unwrap().remove("created");
    let mut expected = profile;
    expected["username"] = "alice".into();
    expected["indexes"] = json!({});
    assert_eq!(user, expected);

    assert_eq!(server.anonymous().get("alice").await.expect(200).result(), created.result());
    assert_eq!(server.anonymous().get("alice/").await.expect(200).result(), created.result());
    let list = server.anonymous().get("").await.expect(200);
    assert_eq!(list.json()["type"], "list:userconfig");
    assert_eq!(list.result()["alice"], created.result());
    assert_eq!(list.result().as_object().unwrap().len(), 2);
    assert!(!list.text().contains("password") && !list.text().contains("argon2"));
}

#[tokio::test]
async fn what_the_client_got_it_may_send_back() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let mut user = alice.get("alice").await.result();
    user["email"] = "new@x".into();
    let reply = alice.patch("alice", user).await.expect(200);
    assert_eq!(reply.json(), json!({"message": "user updated"}));
    let user = alice.get("alice").await.result();
    assert_eq!((&user["email"], &user["indexes"]["dev"]["volatile"]), (&json!("new@x"), &json!(true)));
    let fields =
        json!({"password": "p", "created": "x", "modified": "x", "username": "y", "indexes": {"z": 1}});
    let bob = server.anonymous().put("bob", fields).await.expect(201).result();
    assert_eq!((&bob["username"], &bob["indexes"]), (&json!("bob"), &json!({})));
    assert!(is_time(&bob["created"]) && bob.get("modified").is_none(), "{bob}");
}

#[tokio::test]
async fn a_patch_merges_and_a_falsy_value_removes_its_key() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    for (patch, expected) in [
        (json!({"email": "a@x", "custom_data": {"a": 1}}), json!({"email": "a@x", "custom_data": {"a": 1}})),
        (json!({"title": "t"}), json!({"email": "a@x", "title": "t", "custom_data": {"a": 1}})),
        (json!({"foo": 1, "title": "u"}), json!({"email": "a@x", "title": "u", "custom_data": {"a": 1}})),
        (json!({"email": "", "custom_data": {}}), json!({"title": "u"})),
        (json!({"title": null, "custom_data": [0]}), json!({"custom_data": [0]})),
        (json!({"custom_data": false}), json!({})),
        (json!({}), json!({})),
    ] {
        alice.patch("alice", patch.clone()).await.expect(200);
        let mut user = alice.get("alice").await.result();
        for key in ["username", "indexes", "created", "modified"] {
            user.as_object_mut().unwrap().remove(key);
        }
        assert_eq!(user, expected, "{patch}");
    }
}

#[tokio::test]
async fn a_user_shows_when_it_was_changed_and_only_then() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let before = alice.get("alice").await.result();
    alice.patch("alice", json!({"email": ""})).await.expect(200);
    assert_eq!(alice.get("alice").await.result(), before);
    alice.patch("alice", json!({"email": "a@x"})).await.expect(200);
    let first = alice.get("alice").await.result();
    assert!(is_time(&first["modified"]), "{first}");
    assert_eq!(first["created"], before["created"]);
    alice.patch("alice", json!({"email": "a@x"})).await.expect(200);
    assert_eq!(alice.get("alice").await.result(), first);
}

#[tokio::test]
async fn what_is_no_user_is_refused_in_devpis_words() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let before = server.serial().await;
    let blocked = "contains characters that aren't allowed. Any ascii symbol besides -.@_ is blocked.";
    let blocked = format!("username 'a:b' {blocked}");
    for (name, body, status, message) in [
        ("alice", json!({"password": "x"}), 409, "user already exists"),
        ("alice", json!({}), 409, "user already exists"),
        ("bob", json!({}), 400, "password needs to be set"),
        ("bob", json!({"email": "x"}), 400, "password needs to be set"),
        ("bob", json!({"password": "x", "foo": 1}), 400, "Unknown keys in user config: foo"),
        ("bob", json!({"password": 1}), 400, "password must be a text"),
        ("bob", json!({"password": null}), 400, "password must be a text"),
        ("bob", json!({"password": "x", "email": ["a"]}), 400, "email must be a text"),
        ("a:b", json!({"password": "x"}), 400, &blocked),
    ] {
        let reply = alice.put(name, body.clone()).await.expect(status);
        assert_eq!(reply.json(), json!({"message": message}), "{name} {body}");
    }
    for path in ["bob", "bob/", "a:b"] {
        let message = format!("no user '{}'", path.trim_end_matches('/'));
        assert_eq!(alice.get(path).await.expect(404).json(), json!({"message": message}));
    }
    assert_eq!(
        server.root().patch("bob", json!({"title": "x"})).await.expect(404).message(),
        "no user 'bob'"
    );
    assert_eq!(server.root().delete("bob").await.expect(404).message(), "no user 'bob'");
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn a_user_is_changed_and_deleted_by_themselves_and_by_root() {
    let server = Server::start().await;
    let (alice, bob, anonymous) = (server.user("alice").await, server.user("bob").await, server.anonymous());
    for (body, message) in [
        (json!({"title": "x"}), "no permission to modify user alice"),
        (json!({"password": "x"}), "no permission to change password for user alice"),
        (json!({"password": "x", "title": "x"}), "no permission to modify user alice"),
    ] {
        for client in [&bob, &anonymous] {
            assert_eq!(client.patch("alice", body.clone()).await.expect(403).message(), message);
        }
    }
    for client in [&bob, &anonymous] {
        client.delete("alice").await.expect(403);
        client.delete("nobody").await.expect(403);
    }
    assert_eq!(server.root().delete("root").await.expect(403).status, 403);
    server.root().patch("alice", json!({"title": "by root"})).await.expect(200);
    alice.patch("alice", json!({"email": "by@alice"})).await.expect(200);
    let user = anonymous.get("alice").await.result();
    assert_eq!((&user["title"], &user["email"]), (&json!("by root"), &json!("by@alice")));
    assert_eq!(alice.delete("alice").await.expect(200).json(), json!({"message": "user 'alice' deleted"}));
    server.root().delete("bob").await.expect(200);
    anonymous.get("alice").await.expect(404);
    let names: Vec<String> = anonymous.get("").await.result().as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["root"]);
}

#[tokio::test]
async fn with_a_user_go_its_indexes_and_files_but_not_those_of_a_namesake_later() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let path = alice.file_path("alice/dev", "pkg", &wheel).await;
    alice.delete("alice").await.expect(200);
    assert!([404, 410].contains(&alice.get_with(&path, &[]).await.status));
    alice.get("alice/dev").await.expect(404);
    alice.simple_page("alice/dev", "pkg", &[]).await.expect(404);

    server.anonymous().put("alice", json!({"password": "other"})).await.expect(201);
    alice.put("alice/dev", json!({})).await.expect(403);
    let alice = alice.with_secret("other");
    assert_eq!(alice.get("alice").await.result()["indexes"], json!({}));
    alice.create_index("alice/dev", json!({})).await;
    assert_eq!(alice.get("alice/dev").await.result()["projects"], json!([]));
}

#[tokio::test]
async fn a_user_with_a_non_volatile_index_stays_whole() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.create_index("alice/prod", json!({"volatile": false})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let before = server.serial().await;
    let message = "user 'alice' has non-volatile index: prod";
    for client in [&alice, &server.root()] {
        assert_eq!(client.delete("alice").await.expect(403).json(), json!({"message": message}));
    }
    assert_eq!(server.serial().await, before);
    assert_eq!(alice.filenames("alice/dev", "pkg").await.len(), 1);
    alice.patch("alice/prod", json!({"volatile": true})).await.expect(200);
    alice.delete("alice").await.expect(200);
}

#[tokio::test]
async fn two_who_want_one_name_do_not_both_get_it() {
    let one = Server::start().await;
    let two = one.beside().await;
    let wishes = (0..8).map(|number| {
        let server = if number % 2 == 0 { &one } else { &two };
        let client = server.anonymous();
        async move { client.put("alice", json!({"password": format!("p{number}")})).await.status }
    });
    let mut statuses = futures::future::join_all(wishes).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

/// `YYYY-MM-DDTHH:MM:SSZ`.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let pattern = "0000-00-00T00:00:00Z";
    let fits = |(c, p): (char, char)| if p == '0' { c.is_ascii_digit() } else { c == p };
    text.len() == pattern.len() && text.chars().zip(pattern.chars()).all(fits)
}

//! `--restrict-modify`: only named principals create and change users and indexes.

use crate::harness::{Client, Server};
use serde_json::json;

async fn start() -> (Server, Client) {
    let server =
        Server::start_with(|config| config.server.restrict_modify = Some(vec!["ops".into(), "root".into()]))
            .await;
    server.root().put("ops", json!({"password": "secret"})).await.expect(201);
    let ops = server.login("ops");
    ops.put("alice", json!({"password": "secret"})).await.expect(201);
    (server, ops)
}

#[tokio::test]
async fn only_the_named_create_users_and_a_user_changes_only_the_own_password() {
    let (server, ops) = start().await;
    let alice = server.login("alice");
    let before = server.serial().await;
    for client in [&alice, &server.anonymous()] {
        client.put("bob", json!({"password": "x"})).await.expect(403);
        client.patch("alice", json!({"email": "a@x"})).await.expect(403);
        client.patch("alice", json!({"email": "a@x", "password": "x"})).await.expect(403);
        client.patch("ops", json!({"password": "x"})).await.expect(403);
        client.delete("alice").await.expect(403);
    }
    ops.delete("ops").await.expect(403);
    ops.delete("root").await.expect(403);
    assert_eq!(server.serial().await, before);
    alice.patch("alice", json!({"password": "new"})).await.expect(200);
    ops.patch("alice", json!({"email": "a@x"})).await.expect(200);
    ops.delete("alice").await.expect(200);
    server.root().delete("ops").await.expect(200);
}

#[tokio::test]
async fn only_the_named_create_and_change_indexes_and_owners_go_on_uploading() {
    let (server, ops) = start().await;
    let alice = server.login("alice");
    alice.put("alice/dev", json!({})).await.expect(403);
    ops.create_index("alice/dev", json!({})).await;
    alice.patch("alice/dev", json!({"volatile": false})).await.expect(403);
    alice.delete("alice/dev").await.expect(403);
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    ops.patch("alice/dev", json!({"acl_read": []})).await.expect(200);
    for client in [&alice, &ops, &server.root()] {
        assert_eq!(client.filenames("alice/dev", "pkg").await.len(), 1);
    }
    server.anonymous().get("alice/dev").await.expect(401);
    ops.delete("alice/dev/pkg").await.expect(200);
    ops.delete("alice/dev").await.expect(201);
}

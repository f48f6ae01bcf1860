//! Files that a process remembers: served without asking anybody, and never when they are not to be served.

use crate::harness::{Client, Server, Upload, archive};
use serde_json::json;

const WHEEL: &str = "pkg-1.0-py3-none-any.whl";

/// Alice with an index, and the path and bytes of a wheel there whose payload has this size.
async fn alice_with_wheel(server: &Server, size: usize) -> (Client, String, Vec<u8>) {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = archive::large_wheel("pkg", "1.0", size);
    let content = wheel.1.clone();
    alice.upload("alice/dev", Upload::new("pkg", "1.0", wheel)).await.expect(200);
    let path = alice.file_path("alice/dev", "pkg", WHEEL).await;
    (alice, path, content)
}

#[tokio::test]
async fn a_file_that_is_deleted_or_replaced_through_another_process_is_so_at_once() {
    let one = Server::start().await;
    let two = one.beside().await;
    let (here, path, content) = alice_with_wheel(&one, 1000).await;
    let there = here.at(&two.url);
    let both = async |status: u16| {
        for client in [&here, &there, &here, &there] {
            let reply = client.get_with(&path, &[]).await.expect(status);
            assert!(status != 200 || reply.body == content);
        }
    };
    let upload = async |client: &Client, content: Vec<u8>| {
        client.upload("alice/dev", Upload::new("pkg", "1.0", (WHEEL.into(), content))).await.expect(200);
    };
    both(200).await;
    here.delete(&path).await.expect(200);
    both(410).await;
    upload(&there, content.clone()).await;
    both(200).await;

    let other = archive::large_wheel("pkg", "1.0", 2000).1;
    upload(&there, other.clone()).await;
    both(410).await;
    let replaced = here.file_path("alice/dev", "pkg", WHEEL).await;
    for client in [&here, &there, &here] {
        assert!(client.get_with(&replaced, &[]).await.expect(200).body == other);
    }
    upload(&here, content.clone()).await;
    both(200).await;
    there.get_with(&replaced, &[]).await.expect(410);

    there.patch(&path, json!({"yanked": "broken"})).await.expect(200);
    both(200).await;
    there.delete("alice/dev/pkg").await.expect(200);
    both(410).await;
    upload(&here, content.clone()).await;
    both(200).await;
    here.delete("alice/dev").await.expect(201);
    both(404).await;
    there.create_index("alice/dev", json!({})).await;
    both(404).await;
}

#[tokio::test]
async fn who_loses_the_right_to_read_gets_nothing_from_memory() {
    let one = Server::start().await;
    let two = one.beside().await;
    let (alice, path, _) = alice_with_wheel(&one, 1000).await;
    let bob = one.user("bob").await;
    for url in [&one.url, &two.url] {
        bob.at(url).get_with(&path, &[]).await.expect(200);
        alice.at(url).get_with(&path, &[]).await.expect(200);
    }
    alice.at(&two.url).patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    for url in [&one.url, &two.url] {
        for method in ["GET", "HEAD"] {
            bob.at(url).send(method, &path, &[], "").await.expect(403);
            bob.at(url).send(method, &path, &[("range", "bytes=0-9")], "").await.expect(403);
        }
        alice.at(url).get_with(&path, &[]).await.expect(200);
    }
}

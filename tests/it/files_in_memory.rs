//! Files that a process remembers: served without asking anybody, and never when they are not to be served.

use crate::harness::{Client, Proxy, Server, Upload, archive, world};
use reqwest::Method;
use serde_json::json;
use wheelyard::config::Config;

const WHEEL: &str = "pkg-1.0-py3-none-any.whl";

/// A server, and the wires to its database and to its object store.
async fn wired(change: impl FnOnce(&mut Config)) -> (Server, Proxy, Proxy) {
    let database = world().database().await;
    let wires = (Proxy::before(&database).await, Proxy::before(&world().endpoint).await);
    let server = Server::start_with(|config| {
        config.database.database_url = wires.0.url(&database);
        config.database.database_timeout = 1_000;
        config.s3.s3_endpoint = Some(wires.1.url(&world().endpoint));
        config.s3.s3_timeout = 2_000;
        change(config);
    })
    .await;
    (server, wires.0, wires.1)
}

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

fn object(content: &[u8]) -> String {
    let digest = archive::sha256(content);
    format!("blobs/sha256/{}/{}/{digest}", &digest[..2], &digest[2..4])
}

#[tokio::test]
async fn a_file_that_breaks_off_in_the_store_is_never_a_whole_answer() {
    let (server, _database, store) = wired(|_| {}).await;
    let (alice, path, content) = alice_with_wheel(&server, 48 << 20).await;
    let mut response = alice.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.content_length(), Some(content.len() as u64));
    let mut come = response.chunk().await.unwrap().unwrap().len();
    store.cut();
    let broken = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => come += chunk.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken && come < content.len(), "{come} bytes, and then an end");
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

#[tokio::test]
async fn an_object_of_another_length_than_it_had_is_never_served() {
    for (size, spoil) in [
        (1000, (|content| content.truncate(999)) as fn(&mut Vec<u8>)),
        (1000, |content| content.push(0)),
        (3 << 20, |content| content.truncate(1 << 20)),
        (3 << 20, |content| content.push(0)),
    ] {
        let server = Server::start().await;
        let other = server.beside().await;
        let (alice, path, content) = alice_with_wheel(&server, size).await;
        let mut spoiled = content.clone();
        spoil(&mut spoiled);
        server.put_object(&object(&content), spoiled).await;
        for client in [&alice, &alice, &alice.at(&other.url)] {
            let reply = client.get_with(&path, &[]).await.expect(500);
            assert!(reply.body.len() < 500, "{} bytes", reply.body.len());
        }
        alice.head(&path).await.expect(200);
        server.put_object(&object(&content), content.clone()).await;
        for client in [&alice, &alice, &alice.at(&other.url)] {
            assert!(client.get_with(&path, &[]).await.expect(200).body == content);
        }
    }
}

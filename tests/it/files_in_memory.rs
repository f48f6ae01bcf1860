//! Files that a process remembers: served without asking anybody, and never when they are not to be served.

use crate::harness::{Client, Proxy, Server, Upload, Upstream, archive, until, upstream::File, world};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;
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
async fn a_small_file_that_was_served_once_is_served_while_database_and_store_are_away() {
    let (server, database, store) = wired(|_| {}).await;
    let (_, path, content) = alice_with_wheel(&server, 100_000).await;
    let reader = server.anonymous();
    let first = reader.get_with(&path, &[]).await.expect(200);
    database.cut();
    store.cut();
    let again = reader.get_with(&path, &[]).await.expect(200);
    assert!(again.body == content);
    assert_ne!(again.header("warning"), "");
    for name in ["etag", "content-type", "content-length", "last-modified", "cache-control", "accept-ranges"]
    {
        assert_eq!(again.header(name), first.header(name));
    }
    reader.head(&path).await.expect(200);
    reader.get_with(&path, &[("if-none-match", first.header("etag"))]).await.expect(304);
    let size = content.len();
    for (start, end) in (0..40).map(|step| (step * 997, step * 2003 + 1)).chain([(size - 1, size), (0, size)])
    {
        let range = format!("bytes={start}-{}", end - 1);
        let part = reader.get_with(&path, &[("range", &range)]).await;
        if start < end {
            let part = part.expect(206);
            assert!(part.body == content[start..end], "{range}");
            assert_eq!(part.header("content-range"), format!("bytes {start}-{}/{size}", end - 1));
        }
    }
    reader.get_with(&path, &[("range", &format!("bytes={size}-"))]).await.expect(416);
    reader.get_with(&path.replace("pkg-1.0", "pkg-2.0"), &[]).await.expect(503);
}

#[tokio::test]
async fn what_is_large_or_not_to_be_kept_comes_from_the_store_each_time() {
    for (size, cache) in [(3 << 20, 64), (100_000, 0)] {
        let (server, _database, store) = wired(|config| config.server.file_cache = cache).await;
        let (alice, path, content) = alice_with_wheel(&server, size).await;
        for _ in 0..2 {
            assert!(alice.get_with(&path, &[]).await.expect(200).body == content);
        }
        let tail = alice.get_with(&path, &[("range", "bytes=-70000")]).await.expect(206);
        assert!(tail.body == content[content.len() - 70_000..]);
        store.cut();
        alice.get_with(&path, &[]).await.expect(503);
        alice.head(&path).await.expect(200);
        store.mend();
        until("the store is back", async || {
            alice.try_get(&path, &[]).await.is_some_and(|reply| reply.body == content)
        })
        .await;
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_or_halts_in_the_store_is_never_a_whole_answer() {
    let (server, _database, store) = wired(|_| {}).await;
    let (alice, path, content) = alice_with_wheel(&server, 48 << 20).await;
    for stop in [Proxy::cut, Proxy::silence] {
        let mut response = alice.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.content_length(), Some(content.len() as u64));
        let mut come = response.chunk().await.unwrap().unwrap().len();
        stop(&store);
        let rest = async {
            loop {
                match response.chunk().await {
                    Ok(Some(chunk)) => come += chunk.len(),
                    Ok(None) => break false,
                    Err(_) => break true,
                }
            }
        };
        let broken = tokio::time::timeout(Duration::from_secs(60), rest).await;
        assert_eq!((broken, come < content.len()), (Ok(true), true), "{come} bytes, and then an end");
        store.mend();
    }
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
async fn an_object_that_is_not_what_it_was_is_never_served() {
    for (size, spoil) in [
        (1000, (|content| content[500] ^= 1) as fn(&mut Vec<u8>)),
        (1000, |content| content.truncate(999)),
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
        if size == 1000 {
            alice.get_with(&path, &[("range", "bytes=0-9")]).await.expect(500);
        }
        alice.head(&path).await.expect(200);
        server.put_object(&object(&content), content.clone()).await;
        for client in [&alice, &alice, &alice.at(&other.url)] {
            assert!(client.get_with(&path, &[]).await.expect(200).body == content);
        }
    }
}

#[tokio::test]
async fn a_stored_file_of_a_mirror_is_remembered_until_it_is_forgotten() {
    let (server, database, store) = wired(|_| {}).await;
    let mut upstream = Upstream::start();
    let (filename, content) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({"volatile": true})).await;
    let path = alice.file_path("alice/mirror", "pkg", &filename).await;
    alice.get_with(&path, &[]).await.expect(200);
    until("it is stored", async || server.objects().await.iter().any(|name| *name == object(&content))).await;
    let there = server.beside().await;
    let there = alice.at(&there.url);
    for client in [&alice, &there, &alice, &there] {
        assert!(client.get_with(&path, &[]).await.expect(200).body == content);
    }
    let asked = upstream.file_requests(&filename);

    database.cut();
    store.cut();
    upstream.stop().await;
    for client in [&alice, &there] {
        assert!(client.get_with(&path, &[]).await.expect(200).body == content);
    }
    database.mend();
    store.mend();
    until("the database is back", async || alice.delete(&path).await.status == 200).await;
    for client in [&there, &alice] {
        client.get_with(&path, &[]).await.expect(502);
    }
    upstream.start_again().await;
    until("it comes again", async || {
        alice.try_get(&path, &[]).await.is_some_and(|reply| reply.status == 200 && reply.body == content)
    })
    .await;
    assert!(upstream.file_requests(&filename) > asked);
}

//! Files by redirect: the object store serves them, but for what clients do not follow a redirect for.

use crate::harness::{Client, Reply, Server, Upload, archive};
use serde_json::json;
use wheelyard::config::FileDelivery;

const WHEEL: &str = "pkg-1.0-py3-none-any.whl";

async fn redirecting() -> Server {
    Server::start_with(|config| config.server.file_delivery = FileDelivery::Redirect).await
}

/// Alice, and the path and bytes of a wheel of three MiB.
async fn alice_with_wheel(server: &Server) -> (Client, String, Vec<u8>) {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = archive::large_wheel("pkg", "1.0", 3 << 20);
    let content = wheel.1.clone();
    alice.upload("alice/dev", Upload::new("pkg", "1.0", wheel)).await.expect(200);
    let path = alice.file_path("alice/dev", "pkg", WHEEL).await;
    (alice, path, content)
}

/// Asks the object store as a client does that follows a redirect, without credentials of ours.
async fn follow(reply: &Reply, range: Option<&str>) -> Reply {
    let client = reqwest::Client::builder().build().unwrap();
    let mut request = client.get(reply.header("location"));
    if let Some(range) = range {
        request = request.header("range", range);
    }
    Reply::read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_get_is_sent_to_the_object_store_which_serves_the_file() {
    let server = redirecting().await;
    let (alice, path, content) = alice_with_wheel(&server).await;
    let reply = alice.get_with(&path, &[]).await.expect(302);
    assert!(reply.body.is_empty());
    assert!(reply.header("cache-control").starts_with("private, max-age="), "{:?}", reply.headers);
    assert!(!reply.header("location").contains("secret"));
    let whole = follow(&reply, None).await.expect(200);
    assert!(whole.body == content);
    assert!(whole.header("content-disposition").contains(WHEEL));
    let part = follow(&reply, Some("bytes=5-9")).await.expect(206);
    assert_eq!(part.body, content[5..10]);

    let range = [("range", "bytes=0-2097151")];
    let reply = alice.get_with(&path, &range).await.expect(302);
    assert!(follow(&reply, Some(range[0].1)).await.expect(206).body == content[..2 << 20]);
}

#[tokio::test]
async fn one_content_under_two_names_is_delivered_under_each() {
    let server = redirecting().await;
    let (alice, path, content) = alice_with_wheel(&server).await;
    let other = "pkg-1.0-1-py3-none-any.whl";
    alice.upload("alice/dev", Upload::new("pkg", "1.0", (other.into(), content))).await.expect(200);
    for _ in 0..2 {
        for (path, filename) in [(path.clone(), WHEEL), (path.replace(WHEEL, other), other)] {
            let reply = alice.get_with(&path, &[]).await.expect(302);
            let whole = follow(&reply, None).await.expect(200);
            assert!(whole.header("content-disposition").contains(&format!("\"{filename}\"")));
        }
    }
}

#[tokio::test]
async fn two_processes_send_a_client_to_the_same_url_for_a_while() {
    let one = redirecting().await;
    let two = one.beside().await;
    let (here, path, _) = alice_with_wheel(&one).await;
    let there = here.at(&two.url);
    let location = async |client: &Client| client.get_with(&path, &[]).await.header("location").to_owned();
    // The while may end between two requests, but hardly twice.
    for _ in 0..2 {
        let (before, other, after) = (location(&here).await, location(&there).await, location(&here).await);
        if before == after {
            assert_eq!(other, before);
            return;
        }
    }
    panic!("no two URLs are the same");
}

#[tokio::test]
async fn what_clients_do_not_follow_a_redirect_for_is_served_here() {
    let server = redirecting().await;
    let (alice, path, content) = alice_with_wheel(&server).await;
    let head = alice.head(&path).await.expect(200);
    assert_eq!(head.header("content-length"), content.len().to_string());
    assert_eq!(head.header("accept-ranges"), "bytes");
    let tail = alice.get_with(&path, &[("range", "bytes=-16384")]).await.expect(206);
    assert!(tail.body == content[content.len() - 16384..]);
    alice.send("HEAD", &path, &[("range", "bytes=0-2097151")], "").await.expect(206);
    alice.get_with(&path, &[("range", "bytes=99999999-")]).await.expect(416);
    alice.get_with(&path, &[("if-none-match", head.header("etag"))]).await.expect(304);
    alice.get_with(&format!("{path}.metadata"), &[]).await.expect(200);
    assert_eq!(alice.get(&path).await.expect(200).json()["type"], "releasefilemeta");
}

#[tokio::test]
async fn who_may_not_read_gets_no_url_of_the_object_store() {
    let server = redirecting().await;
    let (alice, path, _) = alice_with_wheel(&server).await;
    alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    let reply = server.anonymous().get_with(&path, &[]).await.expect(401);
    assert_eq!(reply.header("location"), "");
    server.user("bob").await.get_with(&path, &[]).await.expect(403);
    alice.get_with(&path, &[]).await.expect(302);
}

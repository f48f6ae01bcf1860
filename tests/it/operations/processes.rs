//! Several processes on one database and one bucket.

use crate::harness::binary::{Binary, place};
use serde_json::json;

#[tokio::test]
async fn what_one_process_acknowledges_another_serves_on_the_next_request() {
    let (database, prefix) = place().await;
    let servers = [
        Binary::serve(&database, &prefix, &[]).await,
        Binary::serve(&database, &prefix, &["--database-connections", "2"]).await,
        Binary::serve(&database, &prefix, &["--file-delivery", "redirect"]).await,
    ];
    servers[0].client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let clients = servers.each_ref().map(|server| server.client(Some(("alice", "secret"))));
    clients[1].create_index("alice/base", json!({})).await;
    clients[2].create_index("alice/dev", json!({"bases": "alice/base"})).await;
    for round in 0..30 {
        let (writer, readers) = (&clients[round % 3], [&clients[(round + 1) % 3], &clients[(round + 2) % 3]]);
        let version = format!("{round}.0");
        let (wheel, serial) = match round % 5 {
            // An older release goes, and with it what only it had.
            4 => {
                let reply = writer.delete(&format!("alice/base/pkg/{}.0", round - 1)).await.expect(200);
                (None, reply.serial())
            }
            3 => {
                let yanked = json!({"yanked": format!("round {round}")});
                let wheel = writer.upload_wheel("alice/base", "pkg", &version).await;
                let reply = writer.patch(&format!("alice/base/pkg/{version}"), yanked).await.expect(200);
                (Some(wheel), reply.serial())
            }
            _ => {
                let wheel = writer.upload_wheel("alice/base", "pkg", &version).await;
                (Some(wheel), writer.get("+api").await.serial())
            }
        };
        for reader in readers {
            let page = reader.simple_page("alice/dev", "pkg", &[]).await.expect(200);
            assert!(page.serial() >= serial);
            let text = page.text();
            match &wheel {
                Some(wheel) => {
                    assert!(text.contains(wheel), "{wheel} is not in {text}");
                    assert_eq!(text.contains(&format!("round {round}")), round % 5 == 3);
                }
                None => assert!(!text.contains(&format!("pkg-{}.0-", round - 1)), "{text}"),
            }
        }
        let etags = futures::future::join_all(
            clients.iter().map(|client| client.simple_page("alice/dev", "pkg", &[])),
        );
        let etags: Vec<_> = etags.await.iter().map(|page| page.header("etag").to_owned()).collect();
        assert!(etags.iter().all(|etag| *etag == etags[0]), "{etags:?}");
    }
}

#[tokio::test]
async fn a_killed_process_takes_nothing_with_it_and_holds_nobody_up() {
    let (database, prefix) = place().await;
    let one = Binary::serve(&database, &prefix, &[]).await;
    let two = Binary::serve(&database, &prefix, &[]).await;
    one.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = one.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({})).await;
    let here = alice.clone();
    let uploads = tokio_util::task::TaskTracker::new();
    let busy = uploads.spawn(async move {
        let mut told = Vec::new();
        for number in 0.. {
            let version = format!("{number}.0");
            let wheel = crate::harness::archive::wheel("pkg", &version);
            let upload = crate::harness::Upload::new("pkg", &version, wheel.clone());
            if here.try_upload("alice/dev", upload).await.is_none() {
                break;
            }
            told.push(wheel.0);
        }
        told
    });
    let there = alice.at(&two.url);
    crate::harness::until("some uploads are there", async || {
        there.simple_page("alice/dev", "pkg", &[]).await.text().matches("\"filename\"").count() >= 5
    })
    .await;
    one.end("-KILL").await;
    let told = busy.await.unwrap();
    let served = there.filenames("alice/dev", "pkg").await;
    assert!(told.iter().all(|filename| served.contains(filename)), "{told:?} {served:?}");
    there.upload_wheel("alice/dev", "pkg", "1000000.0").await;
}

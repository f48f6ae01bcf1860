//! The serial: one number for each change, the same for all processes.

use crate::harness::{Client, Server, Upload, archive};
use serde_json::json;

#[tokio::test]
async fn each_change_takes_one_serial_and_what_changes_nothing_takes_none() {
    let server = Server::start().await;
    let before = server.serial().await;
    let alice = server.user("alice").await;
    assert_eq!(server.serial().await, before + 1);
    assert_eq!(alice.put("alice/dev", json!({})).await.serial(), before + 2);
    let wheel = archive::wheel("pkg", "1.0");
    let upload = || Upload::new("pkg", "1.0", wheel.clone());
    assert_eq!(alice.upload("alice/dev", upload()).await.expect(200).serial(), before + 3);

    alice.upload("alice/dev", upload()).await.expect(200);
    alice.patch("alice/dev", json!({"volatile": true})).await.expect(200);
    alice.patch("alice", json!({"email": ""})).await.expect(200);
    alice.patch("alice/dev/pkg/1.0", json!({"yanked": false})).await.expect(200);
    alice.put("alice/dev", json!({})).await.expect(409);
    assert_eq!(server.serial().await, before + 3);
}

#[tokio::test]
async fn what_one_process_acknowledges_the_other_serves_on_the_next_request() {
    let one = Server::start().await;
    let two = one.beside().await;
    let alice = one.user("alice").await;
    let (here, there) = (alice.clone(), alice.at(&two.url));
    here.create_index("alice/base", json!({})).await;
    there.create_index("alice/dev", json!({"bases": "alice/base"})).await;
    for version in 1..20 {
        let (writer, reader) = if version % 2 == 0 { (&here, &there) } else { (&there, &here) };
        let filename = writer.upload_wheel("alice/base", "pkg", &format!("{version}.0")).await;
        assert!(reader.filenames("alice/dev", "pkg").await.contains(&filename));
        assert_eq!(reader.get("+api").await.serial(), writer.get("+api").await.serial());
    }
    here.patch("alice/dev", json!({"bases": []})).await.expect(200);
    there.simple_page("alice/dev", "pkg", &[]).await.expect(404);
    there.patch("alice", json!({"password": "other"})).await.expect(200);
    here.put("alice/x", json!({})).await.expect(403);
    here.with_secret("other").put("alice/x", json!({})).await.expect(200);
}

#[tokio::test]
async fn sixteen_clients_upload_other_bytes_under_one_name_and_one_wins() {
    let one = Server::start().await;
    let two = one.beside().await;
    let alice = one.user("alice").await;
    alice.create_index("alice/prod", json!({"volatile": false})).await;
    let uploads = (0..16).map(|number| {
        let client = alice.at(if number % 2 == 0 { &one.url } else { &two.url });
        let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";
        let wheel = archive::wheel_with("pkg", "1.0", metadata, &format!("number = {number}"));
        async move {
            let reply = client.upload("alice/prod", Upload::new("pkg", "1.0", wheel.clone())).await;
            (reply, wheel.1)
        }
    });
    let replies = futures::future::join_all(uploads).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|(reply, _)| reply.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 15));
    for (reply, _) in lost {
        assert_eq!(reply.status, 409, "{reply}");
        assert!(reply.text().contains("already exists in non-volatile index"), "{reply}");
    }
    let path = alice.file_path("alice/prod", "pkg", "pkg-1.0-py3-none-any.whl").await;
    assert_eq!(alice.get_with(&path, &[]).await.expect(200).body, won[0].1);
}

#[tokio::test]
async fn concurrent_changes_leave_serials_without_gap_and_pages_without_loss() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let before = server.serial().await;
    let uploads =
        (0..40).map(|number| {
            let alice = alice.clone();
            async move {
                alice.upload_wheel("alice/dev", &format!("pkg{}", number % 4), &format!("{number}.0")).await
            }
        });
    futures::future::join_all(uploads).await;
    assert_eq!(server.serial().await, before + 40);
    for number in 0..4 {
        assert_eq!(alice.filenames("alice/dev", &format!("pkg{number}")).await.len(), 10);
    }
    let root = server.root();
    for serial in before + 1..=before + 40 {
        let events = root.get(&format!("+changelog/{serial}")).await.expect(200).result();
        assert!(events.as_array().unwrap().iter().any(|event| event["event"] == "file.upload"), "{events}");
    }
}

#[tokio::test]
async fn the_changelog_is_for_root_and_whom_the_operator_named() {
    let server = Server::start_with(|config| config.server.changelog_readers = vec!["bob".into()]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let status = async |client: &Client, path: &str| client.get(path).await.status;
    for (client, expected) in [(&server.anonymous(), 403), (&alice, 403), (&bob, 200), (&server.root(), 200)]
    {
        assert_eq!(status(client, "+changelog/1").await, expected);
    }
    assert_eq!(status(&bob, "+changelog/99").await, 404);
    assert_eq!(status(&bob, "+changelog/x").await, 404);
    let events = bob.get("+changelog/1-").await.result();
    let events: Vec<_> = events.as_array().unwrap().iter().map(|event| event["user"].clone()).collect();
    assert_eq!(events, ["root", "alice", "bob"]);
    assert!(!bob.get("+changelog/1-").await.text().contains("argon2"));
}

#[tokio::test]
async fn deleting_a_base_or_a_project_shows_at_once_through_bases() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/base"})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let etag_alone = alice.simple_page("alice/dev", "pkg", &[]).await.header("etag").to_owned();
    alice.upload_wheel("alice/base", "pkg", "2.0").await;
    assert_eq!(alice.filenames("alice/dev", "pkg").await.len(), 2);
    alice.delete("alice/base/pkg").await.expect(200);
    assert_eq!(alice.filenames("alice/dev", "pkg").await.len(), 1);
    alice.upload_wheel("alice/base", "pkg", "2.0").await;
    assert_eq!(alice.filenames("alice/dev", "pkg").await.len(), 2);
    alice.delete("alice/base").await.expect(201);
    assert_eq!(alice.filenames("alice/dev", "pkg").await.len(), 1);
    assert_ne!(alice.simple_page("alice/dev", "pkg", &[]).await.header("etag"), etag_alone);
    alice.create_index("alice/base", json!({})).await;
    alice.upload_wheel("alice/base", "pkg", "3.0").await;
    assert_eq!(alice.filenames("alice/dev", "pkg").await.len(), 2);
}

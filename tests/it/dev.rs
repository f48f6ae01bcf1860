//! `wheelyard dev`: everything on one machine, and what survives there.

use crate::harness::{
    Client, Folder, Upload, archive,
    binary::{self, Binary},
    large, until,
};
use serde_json::json;
use std::{
    collections::HashMap,
    os::unix::fs::MetadataExt,
    sync::{Arc, Mutex},
};
use tokio_util::task::TaskTracker;

/// Root, and alice with an index that holds one wheel.
async fn begin(server: &Binary) -> Client {
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({"volatile": false})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    alice
}

/// The wheel is there with its bytes, and the index goes on.
async fn all_is_there(alice: &Client, version: &str) {
    let path = alice.file_path("alice/dev", "pkg", "pkg-1.0-py3-none-any.whl").await;
    let served = alice.get_with(&path, &[]).await.expect(200).body;
    assert!(served == archive::wheel("pkg", "1.0").1);
    alice.upload_wheel("alice/dev", "pkg", version).await;
}

#[tokio::test]
async fn an_empty_folder_becomes_an_index_with_root_and_survives_a_restart() {
    let data = Folder::new();
    let server = Binary::dev(data.path(), &["--root-password", "first"]).await;
    server.client(None).get("+health/ready").await.expect(200);
    server.client(Some(("root", "first"))).create_index("root/tools", json!({})).await;
    let alice = begin(&server).await;
    let serial = alice.get("+api").await.serial();
    assert!(server.end("-TERM").await.success());
    assert_eq!(data.postgres(), None);

    // The password is for the first start: it changes nothing later.
    let server = Binary::dev(data.path(), &["--root-password", "second"]).await;
    assert_eq!(alice.at(&server.url).get("+api").await.serial(), serial);
    let login = async |password| {
        server.client(None).post("+login", json!({"user": "root", "password": password})).await.status
    };
    assert_eq!((login("first").await, login("second").await), (200, 401));
}

#[tokio::test]
async fn data_survive_a_kill_of_wheelyard_and_of_its_postgresql() {
    let data = Folder::new();
    let server = Binary::dev(data.path(), &[]).await;
    let alice = begin(&server).await;
    server.end("-KILL").await;
    let left_behind = data.postgres();
    assert!(left_behind.is_some(), "PostgreSQL ended with a killed wheelyard");

    let server = Binary::dev(data.path(), &[]).await;
    assert_eq!(data.postgres(), left_behind, "the one left behind is not the one that serves");
    all_is_there(&alice.at(&server.url), "2.0").await;
    server.end("-KILL").await;
    data.kill_postgres();

    let server = Binary::dev(data.path(), &[]).await;
    all_is_there(&alice.at(&server.url), "3.0").await;
    assert_eq!(alice.at(&server.url).filenames("alice/dev", "pkg").await.len(), 3);
    assert!(server.end("-TERM").await.success());
}

#[tokio::test]
async fn a_kill_amid_uploads_keeps_what_was_acknowledged_and_nothing_by_half() {
    let data = Folder::new();
    let mut acknowledged: HashMap<String, Vec<u8>> = HashMap::new();
    for round in 0..3 {
        let server = Binary::dev(data.path(), &[]).await;
        let alice = match round {
            0 => begin(&server).await,
            _ => server.client(Some(("alice", "secret"))),
        };
        let told = Arc::new(Mutex::new(HashMap::new()));
        let tasks = TaskTracker::new();
        for worker in 0..6 {
            let (alice, told) = (alice.clone(), told.clone());
            tasks.spawn(async move {
                for number in 0.. {
                    let version = format!("{round}.{worker}.{number}");
                    // Some of them take two parts.
                    let wheel = match worker {
                        0 => large::wheel("busy", &version, 9 << 20),
                        _ => archive::wheel("busy", &version),
                    };
                    let upload = Upload::new("busy", &version, wheel.clone());
                    match alice.try_upload("alice/dev", upload).await {
                        Some(reply) => drop(reply.expect(200)),
                        None => return,
                    }
                    told.lock().unwrap().insert(wheel.0, wheel.1);
                }
            });
        }
        tasks.close();
        until("ten uploads are acknowledged", async || told.lock().unwrap().len() >= 10).await;
        server.end("-KILL").await;
        if round == 1 {
            data.kill_postgres();
        }
        tasks.wait().await;
        acknowledged.extend(told.lock().unwrap().drain());

        let again = Binary::dev(data.path(), &[]).await;
        let alice = alice.at(&again.url);
        let listed = alice.filenames("alice/dev", "busy").await;
        for (filename, content) in &acknowledged {
            assert!(listed.contains(filename), "{filename} was acknowledged and is not there");
            let path = alice.file_path("alice/dev", "busy", filename).await;
            assert!(alice.get_with(&path, &[]).await.expect(200).body == *content, "{filename}");
        }
        for filename in &listed {
            let path = alice.file_path("alice/dev", "busy", filename).await;
            let reply = alice.get_with(&path, &[]).await.expect(200);
            assert!(reply.header("etag").contains(&archive::sha256(&reply.body)), "{filename}");
        }
        assert!(again.end("-TERM").await.success());
    }
}

#[tokio::test]
async fn two_of_them_on_two_folders_do_not_meet() {
    let (one, two) = (Folder::new(), Folder::new());
    let (first, second) = tokio::join!(Binary::dev(one.path(), &[]), Binary::dev(two.path(), &[]));
    let alice = begin(&first).await;
    second.client(None).get("alice").await.expect(404);
    second.client(None).put("bob", json!({"password": "secret"})).await.expect(201);
    first.client(None).get("bob").await.expect(404);
    assert!(second.end("-TERM").await.success());
    all_is_there(&alice, "2.0").await;
}

#[tokio::test]
async fn a_second_one_on_the_same_folder_or_port_is_refused_and_says_why() {
    let (data, other) = (Folder::new(), Folder::new());
    let first = Binary::dev(data.path(), &[]).await;
    let address = first.url.strip_prefix("http://").unwrap();
    for (folder, listen, words) in
        [(&data, "127.0.0.1:0", "another wheelyard is running on "), (&other, address, "can't listen on ")]
    {
        let folder = folder.path().to_str().unwrap();
        let outcome = binary::run(&["dev", "--data-dir", folder, "--listen", listen], &[]).await;
        assert!(!outcome.success);
        let last = outcome.stderr.lines().last().unwrap();
        assert!(last.starts_with("wheelyard: ") && last.contains(words), "{}", outcome.stderr);
    }
    assert_eq!(other.postgres(), None, "the refused one left its PostgreSQL behind");
    first.client(None).get("+health/ready").await.expect(200);
}

#[tokio::test]
async fn postgresql_runs_under_an_account_that_is_not_root() {
    let data = Folder::new();
    let _server = Binary::dev(data.path(), &[]).await;
    let process = std::fs::metadata(format!("/proc/{}", data.postgres().unwrap())).unwrap();
    assert_ne!(process.uid(), 0);
    // Nobody else reads what it holds.
    for name in ["postgres", "postgres.password", "s3"] {
        let mode = std::fs::metadata(data.path().join(name)).unwrap().mode();
        assert_eq!(mode & 0o077, 0, "{name} has mode {mode:o}");
    }
}

//! Files that do not come as they should: nobody gets wrong bytes as if they were right, and nothing of them is kept.

use crate::harness::{
    Client, Server, Upstream, archive, until,
    upstream::{Fault, File, Hash, Part},
};
use futures::future::join_all;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use std::time::Duration;

const MIRROR: &str = "alice/mirror";

/// What a client got.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    /// A complete answer of status 200 with the right bytes.
    Right,
    /// A complete answer of status 200 with others.
    Wrong,
    Status(u16),
    /// The answer ended before the end that it had announced.
    Broken,
}

async fn get(client: &Client, path: &str, bytes: &[u8]) -> Got {
    match client.try_get(path, &[]).await {
        None => Got::Broken,
        Some(reply) if reply.status != 200 => Got::Status(reply.status),
        Some(reply) if reply.body == bytes => Got::Right,
        Some(_) => Got::Wrong,
    }
}

/// The upstream is well, so the file comes, in good time, and stays.
async fn until_right(server: &Server, client: &Client, path: &str, bytes: &[u8]) {
    until("the file comes", async || get(client, path, bytes).await == Got::Right).await;
    let digest = archive::sha256(bytes);
    until("the file is stored", async || server.objects().await.iter().any(|name| name.ends_with(&digest)))
        .await;
}

/// All that can be wrong with a file's bytes.
fn faults(size: usize) -> Vec<Fault> {
    vec![
        Fault::CutAfter(0),
        Fault::CutAfter(1),
        Fault::CutAfter(size / 2),
        Fault::CutAfter(size - 1),
        Fault::CutChunked(0),
        Fault::CutChunked(size / 2),
        Fault::Short(0),
        Fault::Short(size / 2),
        Fault::Short(size - 1),
        Fault::Long,
        Fault::WrongBytes,
        Fault::Garbage,
        Fault::LoginPage,
        Fault::RedirectLoop,
        Fault::RedirectTo("http://127.0.0.1:9/files/".into()),
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(204),
    ]
}

#[tokio::test]
async fn nobody_gets_wrong_bytes_nothing_is_kept_and_the_next_reader_gets_the_right_ones() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_cache_expiry": 0})).await;
    for (number, size) in [2000, 300_000].into_iter().enumerate() {
        for (at, fault) in faults(size).into_iter().enumerate() {
            let version = format!("{number}.{at}");
            let (filename, bytes) =
                upstream.add("pkg", File::new(archive::large_wheel("pkg", &version, size)));
            let path = alice.file_path(MIRROR, "pkg", &filename).await;
            upstream.fail(Part::File(&filename), fault.clone());
            let before = server.objects().await;
            for _ in 0..2 {
                let got = get(&alice, &path, &bytes).await;
                assert!(matches!(got, Got::Status(502) | Got::Broken), "{fault:?}: {got:?}");
            }
            until("the attempt is over", async || upstream.in_flight() == 0).await;
            assert_eq!(server.objects().await, before, "{fault:?}");
            upstream.mend();
            until_right(&server, &alice, &path, &bytes).await;
        }
    }
}

#[tokio::test]
async fn what_is_known_from_the_beginning_to_be_no_file_is_an_error_with_words() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0"));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    for (fault, status) in [
        (Fault::Status(404), 404),
        (Fault::Status(500), 502),
        (Fault::Status(429), 502),
        (Fault::RedirectLoop, 502),
        (Fault::LoginPage, 502),
    ] {
        upstream.fail(Part::Files, fault.clone());
        let mut last = None;
        until("the answer is that of this fault", async || {
            let reply = alice.try_get(&path, &[]).await.unwrap();
            let right = reply.status == status;
            last = Some(reply);
            right
        })
        .await;
        let reply = last.unwrap();
        assert!(!reply.message().is_empty(), "{fault:?}");
        assert!(!reply.header("cache-control").contains("immutable"), "{fault:?}");
        assert_eq!(alice.head(&path).await.body.len(), 0);
    }
    upstream.mend();
    until_right(&server, &alice, &path, &bytes).await;
}

#[tokio::test]
async fn a_file_whose_digest_on_the_page_is_another_is_not_served() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0").hash(Hash::Wrong));
    let (md5_name, md5_bytes) = upstream.add("pkg", File::wheel("pkg", "2.0").hash(Hash::Md5));
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_cache_expiry": 0})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    for _ in 0..2 {
        let got = alice.try_get(&path, &[]).await;
        assert!(got.is_none_or(|reply| reply.status == 502));
    }
    upstream.fail(Part::File(&md5_name), Fault::WrongBytes);
    let md5_path = alice.file_path(MIRROR, "pkg", &md5_name).await;
    assert!(matches!(get(&alice, &md5_path, &md5_bytes).await, Got::Status(502) | Got::Broken));
    assert_eq!(server.objects().await, [] as [&str; 0]);

    upstream.mend();
    upstream.change("pkg", &filename, |file| file.hash = Hash::Sha256);
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    until_right(&server, &alice, &path, &bytes).await;
    until_right(&server, &alice, &md5_path, &md5_bytes).await;
}

#[tokio::test]
async fn a_size_on_the_page_that_is_not_the_files_is_found_out() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_cache_expiry": 0})).await;
    for (version, difference) in [("1.0", -1), ("2.0", 1)] {
        let wheel = archive::wheel("pkg", version);
        let said = (wheel.1.len() as u64).checked_add_signed(difference);
        let (filename, bytes) = upstream.add("pkg", File::new(wheel).size(said).hash(Hash::None));
        let path = alice.file_path(MIRROR, "pkg", &filename).await;
        let got = get(&alice, &path, &bytes).await;
        assert!(matches!(got, Got::Status(502) | Got::Broken), "{got:?}");
    }
    assert_eq!(server.objects().await, [] as [&str; 0]);
}

#[tokio::test]
async fn without_a_digest_and_a_size_the_length_that_was_promised_is_what_counts() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::wheel("pkg", "1.0").hash(Hash::None).size(None));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    for fault in [Fault::CutAfter(100), Fault::CutChunked(100), Fault::LoginPage] {
        upstream.fail(Part::Files, fault.clone());
        let got = get(&alice, &path, &bytes).await;
        assert!(matches!(got, Got::Status(502) | Got::Broken), "{fault:?}: {got:?}");
        assert_eq!(server.objects().await, [] as [&str; 0]);
    }
    upstream.mend();
    until_right(&server, &alice, &path, &bytes).await;
}

#[tokio::test]
async fn a_file_that_is_said_to_be_packed_is_not_passed_on_as_something_else() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::new(archive::sdist("pkg", "1.0")));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    let client = reqwest::Client::builder().no_gzip().build().unwrap();
    for fault in [Fault::LabelledGzip, Fault::Packed] {
        upstream.fail(Part::Files, fault);
        let response = client.get(format!("{}/{path}", server.url)).send().await.unwrap();
        assert_eq!(response.headers().get("content-encoding"), None);
        if response.status() == 200
            && let Ok(content) = response.bytes().await
        {
            assert!(content == bytes);
        }
    }
    upstream.mend();
    until_right(&server, &alice, &path, &bytes).await;
    let asked = upstream.requests();
    let asked = asked.iter().find(|asked| asked.path.ends_with(&filename)).unwrap();
    assert!(!asked.header("accept-encoding").contains("gzip"), "{asked:?}");
}

#[tokio::test]
async fn a_file_that_its_upstream_replaced_is_never_mixed_with_the_old_one() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let file = |text| File::new(archive::wheel_with("pkg", "1.0", "Name: pkg\n", text));
    let (filename, old) = upstream.add("pkg", file("old"));
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_cache_expiry": 0})).await;
    let old_path = alice.file_path(MIRROR, "pkg", &filename).await;
    until_right(&server, &alice, &old_path, &old).await;
    let (_, new) = upstream.add("pkg", file("new"));
    let new_path = alice.file_path(MIRROR, "pkg", &filename).await;
    assert_ne!(old_path, new_path);
    until_right(&server, &alice, &new_path, &new).await;
    let got = get(&alice, &old_path, &old).await;
    assert!(matches!(got, Got::Right | Got::Status(404 | 410)), "{got:?}");
}

#[tokio::test]
async fn readers_of_a_download_that_breaks_all_learn_of_it() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, bytes) = upstream.add("pkg", File::new(archive::large_wheel("pkg", "1.0", 2 << 20)));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path(MIRROR, "pkg", &filename).await;
    upstream.fail(Part::Files, Fault::CutAfter(bytes.len() - 1));
    let hold = upstream.hold(Part::Files, 1 << 20);
    let readers = join_all((0..10).map(|_| get(&alice, &path, &bytes)));
    let (got, ()) = tokio::join!(readers, async {
        hold.reached().await;
        hold.release();
    });
    assert!(got.iter().all(|got| matches!(got, Got::Status(502) | Got::Broken)), "{got:?}");
    assert_eq!(server.objects().await, [] as [&str; 0]);
    upstream.mend();
    until_right(&server, &alice, &path, &bytes).await;
}

/// One reader after the other and at once, through one process and two, while the upstream breaks off anywhere.
#[tokio::test]
async fn wherever_a_download_breaks_what_comes_whole_is_right() {
    let (one, upstream) = (Server::start().await, Upstream::start());
    let two = one.beside().await;
    let alice = one.alice_with_mirror(&upstream, json!({"mirror_cache_expiry": 0})).await;
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let size = random.random_range(1..200_000);
        let wheel = archive::large_wheel("pkg", &format!("{seed}.0"), size);
        let hash = [Hash::Sha256, Hash::Md5][random.random_range(0..2)];
        let (filename, bytes) = upstream.add("pkg", File::new(wheel).hash(hash));
        let path = alice.file_path(MIRROR, "pkg", &filename).await;
        let at = random.random_range(0..bytes.len());
        let fault = match random.random_range(0..6) {
            0 => Fault::CutAfter(at),
            1 => Fault::CutChunked(at),
            2 => Fault::Short(at),
            3 => Fault::Long,
            4 => Fault::WrongBytes,
            _ => Fault::Drip(random.random_range(1000..50_000), Duration::from_millis(1)),
        };
        upstream.fail(Part::File(&filename), fault.clone());
        let processes = if random.random_bool(0.5) { vec![&one] } else { vec![&one, &two] };
        let hold = upstream.hold(Part::File(&filename), random.random_range(0..bytes.len()));
        let readers = (0..6).map(|number| alice.at(&processes[number % processes.len()].url));
        let (path, wanted) = (path.as_str(), bytes.as_slice());
        let readers = join_all(readers.map(|reader| async move { get(&reader, path, wanted).await }));
        let (got, ()) = tokio::join!(readers, async {
            tokio::task::yield_now().await;
            hold.release();
        });
        assert!(!got.contains(&Got::Wrong), "seed {seed}, {fault:?}: {got:?}");
        let comes = matches!(fault, Fault::Drip(..));
        assert!(got.iter().all(|got| (*got == Got::Right) == comes), "seed {seed}, {fault:?}: {got:?}");
        let digest = archive::sha256(&bytes);
        let is_stored = one.objects().await.iter().any(|name| name.ends_with(&digest));
        assert!(comes || !is_stored, "seed {seed}, {fault:?}");
        upstream.mend();
        for server in [&one, &two] {
            until_right(server, &alice.at(&server.url), path, &bytes).await;
        }
    }
    assert_eq!(one.objects().await.len(), 20);
}

#[tokio::test]
async fn a_range_that_is_the_whole_is_checked_like_the_whole() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let (filename, _) = upstream.add("pkg", File::wheel("pkg", "1.0").hash(Hash::Wrong));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let path = alice.file_path("alice/mirror", "pkg", &filename).await;
    for range in ["bytes=0-", "bytes=-9999999"] {
        let reply = alice.try_get(&path, &[("range", range)]).await;
        assert!(reply.is_none_or(|reply| reply.status == 502), "{range}");
    }
}

//! An upstream that fails: what is known is served and said to be old, what is not is an error that nobody remembers.

use crate::harness::{
    Client, Reply, Server, Upstream, until,
    upstream::{Fault, Part},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Ask the upstream each time, and only for what somebody wants; wait for a second.
fn eager() -> Value {
    json!({"mirror_cache_expiry": 0, "mirror_no_project_list": true, "mirror_timeout": 1})
}

/// All that is wrong with pages alone, and a name for it that a project can have.
fn faults(untrusted: &Upstream) -> Vec<(&'static str, Fault)> {
    vec![
        // Some seconds, for a page: the first in the list, so that it is over before the list is.
        ("drip", Fault::Drip(1, Duration::from_millis(5))),
        ("stall", Fault::Stall),
        ("broken", Fault::Status(500)),
        ("bad-gateway", Fault::Status(502)),
        ("forbidden", Fault::Status(403)),
        ("unauthorized", Fault::Status(401)),
        ("teapot", Fault::Status(418)),
        ("cut", Fault::CutAfter(40)),
        ("cut-at-once", Fault::CutAfter(0)),
        ("cut-chunked", Fault::CutChunked(40)),
        ("garbage", Fault::Garbage),
        ("loop", Fault::RedirectLoop),
        ("nowhere", Fault::RedirectTo("http://127.0.0.1:9/simple/".into())),
        ("untrusted", Fault::RedirectTo(untrusted.url())),
    ]
}

fn wheel(project: &str) -> String {
    format!("{}-1.0-py3-none-any.whl", project.replace('-', "_"))
}

fn filenames(reply: &Reply) -> Vec<String> {
    let page = reply.json();
    let files = page["files"].as_array().unwrap().iter();
    files.map(|file| file["filename"].as_str().unwrap().to_owned()).collect()
}

/// The page is the old one, and says so.
#[track_caller]
fn assert_stale(reply: &Reply, project: &str) {
    assert_eq!((reply.status, filenames(reply)), (200, vec![wheel(project)]), "{project}");
    assert!(!reply.header("warning").is_empty(), "{project}: {:?}", reply.headers);
    assert!(reply.header("age").parse::<u64>().is_ok(), "{project}: {:?}", reply.headers);
    let cache = reply.header("cache-control");
    assert_eq!(cache, "max-age=0, must-revalidate, no-cache, no-store", "{project}");
}

/// The page is what the upstream has, in good time.
async fn until_fresh(client: &Client, project: &str, expected: &[String]) {
    until("the page is fresh", async || {
        let reply = client.simple_page("alice/mirror", project, &[]).await;
        reply.status == 200 && reply.header("warning").is_empty() && filenames(&reply) == expected
    })
    .await;
}

/// Fetches the page, and waits until another process has it stored.
async fn fetch_and_store(server: &Server, client: &Client, upstream: &mut Upstream, projects: &[&str]) {
    for project in projects {
        assert_eq!(client.filenames("alice/mirror", project).await, [wheel(project)]);
    }
    let beside = server.beside().await;
    let other = beside.anonymous();
    upstream.stop().await;
    for project in projects {
        until("the page is stored", async || {
            other.simple_page("alice/mirror", project, &[]).await.status == 200
        })
        .await;
    }
    upstream.start_again().await;
}

#[tokio::test]
async fn a_page_that_is_known_is_served_whatever_the_upstream_does() {
    let (server, mut upstream, untrusted) = (Server::start().await, Upstream::start(), Upstream::start_tls());
    let alice = server.alice_with_mirror(&upstream, eager()).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    let faults = faults(&untrusted);
    let projects: Vec<_> = faults.iter().map(|(project, _)| *project).collect();
    for project in &projects {
        upstream.add_wheel(project, "1.0");
    }
    fetch_and_store(&server, &alice, &mut upstream, &projects).await;
    let serial = server.serial().await;
    for (project, fault) in faults {
        // Otherwise there would be no body that could go wrong.
        upstream.add_wheel(project, "2.0");
        upstream.fail(Part::Page(project), fault);
        let began = Instant::now();
        assert_stale(&alice.simple_page("alice/mirror", project, &[]).await, project);
        assert_stale(&alice.simple_page("alice/dev", project, &[]).await, project);
        assert!(began.elapsed() < Duration::from_secs(5), "{project}: {:?}", began.elapsed());
        let versions = alice.get(&format!("alice/mirror/{project}")).await.expect(200).result();
        assert!(versions["1.0"].is_object(), "{project}: {versions}");
    }
    assert_eq!(server.serial().await, serial);
    upstream.mend();
    for project in projects {
        let (third, _) = upstream.add_wheel(project, "3.0");
        let second = wheel(project).replace("1.0", "2.0");
        until_fresh(&alice, project, &[third, second, wheel(project)]).await;
    }
}

#[tokio::test]
async fn a_page_that_is_not_known_is_an_error_of_the_mirror_and_left_out_above_it() {
    let (server, upstream, untrusted) = (Server::start().await, Upstream::start(), Upstream::start_tls());
    let alice = server.alice_with_mirror(&upstream, eager()).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror", "mirror_whitelist": "*"})).await;
    // What drips is late, but comes.
    let faults: Vec<_> = faults(&untrusted).into_iter().filter(|(project, _)| *project != "drip").collect();
    let projects: Vec<_> = faults.iter().map(|(project, _)| *project).collect();
    let serial = server.serial().await;
    for (project, fault) in faults {
        upstream.add_wheel(project, "1.0");
        upstream.fail(Part::Page(project), fault);
        let began = Instant::now();
        let reply = alice.simple_page("alice/mirror", project, &[]).await.expect(502);
        assert!(!reply.message().is_empty(), "{project}");
        assert!(!alice.get(&format!("alice/mirror/{project}")).await.expect(502).message().is_empty());

        let reply = alice.simple_page("alice/dev", project, &[]).await.expect(200);
        assert_eq!(filenames(&reply), [] as [&str; 0], "{project}");
        let versions = alice.get(&format!("alice/dev/{project}")).await.expect(200).result();
        assert_eq!(versions, json!({}), "{project}");
        assert!(began.elapsed() < Duration::from_secs(10), "{project}: {:?}", began.elapsed());
    }
    assert_eq!(server.serial().await, serial);
    let mut own = Vec::new();
    for project in &projects {
        own.push(alice.upload_wheel("alice/dev", project, "3.0").await);
        let reply = alice.simple_page("alice/dev", project, &[]).await.expect(200);
        assert_eq!(filenames(&reply), own[own.len() - 1..], "{project}");
    }
    upstream.mend();
    for (project, own) in projects.iter().zip(own) {
        until_fresh(&alice, project, &[wheel(project)]).await;
        until("the stage has them too", async || {
            let reply = alice.simple_page("alice/dev", project, &[]).await;
            reply.status == 200 && filenames(&reply) == [own.clone(), wheel(project)]
        })
        .await;
    }
}

#[tokio::test]
async fn an_upstream_that_is_gone_or_talks_nonsense_is_lived_without_until_it_is_back() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    let alice = server.alice_with_mirror(&upstream, eager()).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    for project in ["known", "new"] {
        upstream.add_wheel(project, "1.0");
    }
    fetch_and_store(&server, &alice, &mut upstream, &["known"]).await;
    for gone in [true, false] {
        if gone {
            upstream.stop().await;
        } else {
            upstream.talk_nonsense().await;
        }
        let beside = server.beside().await;
        for reader in [&alice, &beside.anonymous()] {
            assert_stale(&reader.simple_page("alice/mirror", "known", &[]).await, "known");
            assert_stale(&reader.simple_page("alice/dev", "known", &[]).await, "known");
            reader.simple_page("alice/mirror", "new", &[]).await.expect(502);
            let reply = reader.simple_page("alice/dev", "new", &[]).await.expect(200);
            assert_eq!(filenames(&reply), [] as [&str; 0]);
        }
    }
    upstream.start_again().await;
    until_fresh(&alice, "new", &[wheel("new")]).await;
    until_fresh(&alice, "known", &[wheel("known")]).await;
}

#[tokio::test]
async fn an_upstream_that_cannot_be_trusted_gets_no_credentials_and_gives_no_page() {
    let (server, upstream) = (Server::start().await, Upstream::start_tls());
    upstream.add_wheel("pkg", "1.0");
    upstream.credentials("me", "xyzzy");
    let alice = server.alice_with_mirror(&upstream, eager()).await;
    let reply = alice.simple_page("alice/mirror", "pkg", &[]).await.expect(502);
    assert!(!reply.text().contains("xyzzy"), "{reply}");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_project_that_was_there_is_served_when_the_upstream_says_that_it_is_not() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, eager()).await;
    fetch_and_store(&server, &alice, &mut upstream, &["pkg"]).await;
    let serial = server.serial().await;
    upstream.remove_project("pkg");
    for _ in 0..2 {
        let reply = alice.simple_page("alice/mirror", "pkg", &[]).await.expect(200);
        assert_eq!(filenames(&reply), [wheel("pkg")]);
    }
    assert_eq!(server.serial().await, serial);
    upstream.add_wheel("pkg", "2.0");
    until_fresh(&alice, "pkg", &["pkg-2.0-py3-none-any.whl".to_owned()]).await;
}

/// The names on an index's list of projects.
async fn listed(client: &Client, index: &str) -> Vec<String> {
    let list = client.simple_list(index).await.expect(200).json();
    let names = list["projects"].as_array().unwrap().iter().map(|project| project["name"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn without_the_list_of_projects_what_is_known_is_listed_and_the_rest_is_no_404() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    for project in ["known", "new"] {
        upstream.add_wheel(project, "1.0");
    }
    let alice = server.alice_with_mirror(&upstream, eager()).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    fetch_and_store(&server, &alice, &mut upstream, &["known"]).await;
    upstream.fail(Part::List, Fault::Status(500));
    alice.patch("alice/mirror", json!({"mirror_no_project_list": false})).await.expect(200);
    for index in ["alice/mirror", "alice/dev"] {
        assert_eq!(listed(&alice, index).await, ["known"], "{index}");
    }
    upstream.stop().await;
    alice.simple_page("alice/mirror", "new", &[]).await.expect(502);
    alice.simple_page("alice/dev", "new", &[]).await.expect(200);
    upstream.start_again().await;
    upstream.mend();
    until_fresh(&alice, "new", &[wheel("new")]).await;
    until("the upstream is asked for its list again", async || {
        listed(&alice, "alice/dev").await == ["known", "new"]
    })
    .await;
}

#[tokio::test]
async fn a_slow_page_comes_late_but_comes_and_the_next_reader_has_it() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("slow", "1.0");
    let mut options = eager();
    options["mirror_cache_expiry"] = json!(1800);
    let alice = server.alice_with_mirror(&upstream, options).await;
    upstream.fail(Part::Page("slow"), Fault::SlowHead(Duration::from_millis(200)));
    assert_eq!(alice.filenames("alice/mirror", "slow").await, [wheel("slow")]);

    // Whoever does not want to wait leaves, and the fetch goes on.
    upstream.add_wheel("late", "1.0");
    upstream.fail(Part::Page("late"), Fault::Stall);
    alice.simple_page("alice/mirror", "late", &[]).await.expect(502);
    upstream.mend();
    until_fresh(&alice, "late", &[wheel("late")]).await;
}

#[tokio::test]
async fn a_mirror_without_an_upstream_has_nothing_and_says_why() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.put("alice/mirror", json!({"type": "mirror"})).await.expect(200);
    let reply = alice.simple_page("alice/mirror", "pkg", &[]).await;
    assert!([404, 502].contains(&reply.status), "{reply}");
    assert!(!reply.message().is_empty());
    let list = alice.simple_list("alice/mirror").await.expect(200).json();
    assert_eq!(list["projects"], json!([]));
}

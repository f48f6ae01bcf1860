//! Lists of projects with a mirror: the upstream's names, those of stages, and those that are known without any list.

use crate::harness::{
    Client, Server, Upstream, until,
    upstream::{Fault, Part, Shape},
};
use serde_json::json;

/// The names on a list in JSON.
async fn names(client: &Client, index: &str) -> Vec<String> {
    let list = client.simple_list(index).await.expect(200).json();
    let projects = list["projects"].as_array().unwrap().iter();
    let mut names: Vec<_> = projects.map(|project| project["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_list_of_projects_has_the_upstreams_names_and_the_stages() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    for project in ["Some.Name", "both"] {
        upstream.add_project(project);
    }
    let alice = server.user("alice").await;
    for (index, shape) in
        [("alice/json", Shape::Json), ("alice/html", Shape::Html), ("alice/wild", Shape::HtmlWild)]
    {
        upstream.shape(shape);
        alice.create_mirror(index, &upstream, json!({})).await;
        let stage = format!("{index}-dev");
        alice.create_index(&stage, json!({"bases": index})).await;
        for project in ["own", "both"] {
            alice.upload_wheel(&stage, project, "1.0").await;
        }
        assert_eq!(names(&alice, index).await, ["both", "some-name"], "{index}");
        assert_eq!(names(&alice, &stage).await, ["both", "own", "some-name"], "{index}");
        let page = alice.get_with(&format!("{stage}/+simple/"), &[("accept", "text/html")]).await.text();
        for name in ["both", "own", "some-name"] {
            assert_eq!(page.matches(&format!(">{name}</a>")).count(), 1, "{page}");
        }
        assert_eq!(alice.get(index).await.result()["projects"], json!(["both", "some-name"]));
        assert_eq!(alice.get(&stage).await.result()["projects"], json!(["both", "own"]));
        let bare = alice.get(&format!("{index}?no_projects=")).await.result();
        assert_eq!(bare.get("projects"), None);
    }
}

#[tokio::test]
async fn a_list_that_did_not_change_is_no_change_and_one_that_did_is_seen() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_project("one");
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_cache_expiry": 0})).await;
    assert_eq!(names(&alice, "alice/mirror").await, ["one"]);
    let beside = server.beside().await;
    let other = beside.anonymous();
    upstream.fail(Part::List, Fault::Status(500));
    until("the list is stored", async || names(&other, "alice/mirror").await == ["one"]).await;
    upstream.mend();
    let serial = server.serial().await;
    for _ in 0..3 {
        assert_eq!(names(&alice, "alice/mirror").await, ["one"]);
    }
    assert_eq!(server.serial().await, serial);
    upstream.add_project("two");
    assert_eq!(names(&alice, "alice/mirror").await, ["one", "two"]);

    alice.patch("alice/mirror", json!({"mirror_cache_expiry": 1800})).await.expect(200);
    names(&alice, "alice/mirror").await;
    upstream.clear_requests();
    for _ in 0..3 {
        assert_eq!(names(&alice, "alice/mirror").await, ["one", "two"]);
    }
    assert_eq!(upstream.list_requests(), 0);
}

#[tokio::test]
async fn without_a_project_list_the_upstream_is_never_asked_for_it() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    for project in ["pkg", "other"] {
        upstream.add_wheel(project, "1.0");
    }
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_no_project_list": true})).await;
    assert_eq!(names(&alice, "alice/mirror").await, [] as [&str; 0]);
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, ["pkg-1.0-py3-none-any.whl"]);
    alice.simple_page("alice/mirror", "nothing", &[]).await.expect(404);
    until("the project is stored", async || names(&alice, "alice/mirror").await == ["pkg"]).await;
    assert_eq!(alice.get("alice/mirror").await.result()["projects"], json!(["pkg"]));
    assert_eq!(upstream.list_requests(), 0);
}

#[tokio::test]
async fn a_list_of_300_000_names_comes_through() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.names(300_000);
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    for project in ["aaa", "zzz"] {
        alice.upload_wheel("alice/dev", project, "1.0").await;
    }
    assert_eq!(names(&alice, "alice/mirror").await.len(), 300_000);
    let merged = names(&alice, "alice/dev").await;
    assert_eq!(merged.len(), 300_002);
    assert_eq!((merged[0].as_str(), merged[300_001].as_str()), ("aaa", "zzz"));
    let page = alice.get_with("alice/dev/+simple/", &[("accept", "text/html")]).await.expect(200).text();
    assert_eq!(page.matches("<a ").count(), 300_002);
    assert_eq!(upstream.list_requests(), 1);
}

//! A wheelyard that mirrors another: the same pages and files, and changes that are heard of at once.

use crate::harness::{Client, Proxy, Server, Upload, Upstream, archive, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const ONE: &str = "pkg-1.0-py3-none-any.whl";
const TWO: &str = "pkg-2.0-py3-none-any.whl";
const THREE: &str = "pkg-3.0-py3-none-any.whl";

/// Two wheelyards: of the first, alice with `alice/dev` on `alice/base`, and a wheel of `pkg`; of the second, bob.
async fn both() -> (Server, Client, Server, Client) {
    let (first, second) = (Server::start().await, Server::start().await);
    let alice = first.user("alice").await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/base"})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let bob = second.user("bob").await;
    (first, alice, second, bob)
}

/// Bob makes `bob/{name}` mirror a URL, with the settings that mirrors have when nothing else is said.
async fn mirror(bob: &Client, name: &str, url: &str) {
    bob.create_index(&format!("bob/{name}"), json!({"type": "mirror", "mirror_url": url})).await;
}

/// Whether both processes show these files.
async fn both_show(clients: &[&Client], index: &str, project: &str, filenames: &[&str]) -> bool {
    for client in clients {
        let reply = client.simple_page(index, project, &[]).await;
        if reply.status != 200 || client.filenames(index, project).await != filenames {
            return false;
        }
    }
    true
}

/// A file of a page as others see it too, and the path below the root that it leads to.
fn compared(page: &Value, path: &str) -> Vec<(Value, String)> {
    let base = url::Url::parse(&format!("http://x/{path}")).unwrap();
    let mut files = page["files"].as_array().unwrap().clone();
    files.sort_by_key(|file| file["filename"].to_string());
    let split = |mut file: Value| {
        let url = file.as_object_mut().unwrap().remove("url").unwrap();
        let path = base.join(url.as_str().unwrap()).unwrap().path()[1..].to_owned();
        (file, path)
    };
    files.into_iter().map(split).collect()
}

#[tokio::test]
async fn each_view_is_mirrored_with_all_that_its_pages_say_and_its_files_are_the_same() {
    let (first, alice, _second, bob) = both().await;
    let upstream = Upstream::start();
    upstream.add_wheel("far", "1.0");
    alice.create_mirror("alice/mirror", &upstream, json!({})).await;
    alice.patch("alice/base", json!({"bases": ["alice/mirror"]})).await.expect(200);
    let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 2.0\nRequires-Python: >=3.8\n";
    let wheel = archive::wheel_with("pkg", "2.0", metadata, "x = 1\n");
    let upload = Upload::new("pkg", "2.0", wheel).with("requires_python", ">=3.8");
    alice.upload("alice/dev", upload).await.expect(200);
    alice.upload("alice/base", Upload::new("pkg", "3.0", archive::sdist("pkg", "3.0"))).await.expect(200);
    alice.patch("alice/dev/pkg/1.0", json!({"yanked": "it eats files"})).await.expect(200);
    alice.patch("alice/dev/pkg", json!({"status": "deprecated", "reason": "old"})).await.expect(200);
    alice.upload_wheel("alice/base", "lower", "1.0").await;

    for (name, view, there) in [
        ("simple", "+simple", &["pkg", "lower", "far"][..]),
        ("hosted", "+hosted", &["pkg", "lower"]),
        ("own", "+own", &["pkg"]),
    ] {
        mirror(&bob, name, &format!("{}/alice/dev/{view}/", first.url)).await;
        let index = format!("bob/{name}");
        for project in ["pkg", "lower", "far"] {
            let path = format!("alice/dev/{view}/{project}/");
            let theirs = alice.get_with(&path, &[("accept", JSON)]).await;
            let ours = bob.simple_page(&index, project, &[]).await;
            let status = if there.contains(&project) { 200 } else { 404 };
            assert_eq!((theirs.status, ours.status), (status, status), "{project} in {view}");
            if status == 404 {
                continue;
            }
            let (theirs, ours) = (theirs.json(), ours.json());
            for key in ["name", "versions", "project-status"] {
                assert_eq!(theirs.get(key), ours.get(key), "{key} of {project} in {view}");
            }
            let theirs = compared(&theirs, &path);
            let ours = compared(&ours, &format!("{index}/+simple/{project}/"));
            assert_eq!(theirs.len(), ours.len());
            for ((their, their_path), (our, our_path)) in theirs.into_iter().zip(ours) {
                assert_eq!(their, our, "{project} in {view}");
                let mut paths = vec![(their_path.clone(), our_path.clone())];
                if their.get("core-metadata").is_some_and(|said| *said != false) {
                    paths.push((format!("{their_path}.metadata"), format!("{our_path}.metadata")));
                }
                for (theirs, ours) in paths {
                    let theirs = alice.get_with(&theirs, &[]).await.expect(200).body;
                    assert!(bob.get_with(&ours, &[]).await.expect(200).body == theirs, "{ours}");
                }
            }
        }
        let listed = bob.simple_list(&index).await.expect(200).json();
        assert_eq!(listed["projects"].as_array().unwrap().len(), there.len(), "{listed}");
    }
    let page = bob.simple("bob/own", "pkg").await;
    assert_eq!(page["project-status"]["status"], "deprecated");
    let yanked = page["files"].as_array().unwrap().iter().find(|file| file["filename"] == ONE).unwrap();
    assert_eq!(yanked["yanked"], "it eats files");
}

#[tokio::test]
async fn a_private_index_is_mirrored_and_heard_with_its_password_and_not_without() {
    let (first, alice, _second, bob) = both().await;
    alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    let url = |credentials: &str| {
        format!("{}/alice/dev/+simple/", first.url.replace("://", &format!("://{credentials}")))
    };
    mirror(&bob, "with", &url("alice:secret@")).await;
    mirror(&bob, "without", &url("")).await;
    mirror(&bob, "wrong", &url("alice:misremembered@")).await;
    let path = bob.file_path("bob/with", "pkg", ONE).await;
    assert!(bob.get_with(&path, &[]).await.expect(200).body == archive::wheel("pkg", "1.0").1);
    for index in ["bob/without", "bob/wrong"] {
        let reply = bob.simple_page(index, "pkg", &[]).await.expect(502);
        assert!(!reply.text().contains("secret") && !reply.text().contains("misremembered"), "{reply}");
    }
    for index in ["bob/with", "bob/wrong"] {
        let shown = bob.get(index).await.expect(200).text();
        assert!(!shown.contains("secret") && !shown.contains("misremembered"), "{shown}");
    }
    alice.upload_wheel("alice/dev", "pkg", "2.0").await;
    until("the mirror has it", async || both_show(&[&bob], "bob/with", "pkg", &[ONE, TWO]).await).await;
}

#[tokio::test]
async fn what_changes_upstream_is_on_the_mirrors_pages_at_once_on_all_its_processes() {
    for view in ["+simple", "+hosted"] {
        let (first, alice, second, bob) = both().await;
        let other = second.beside().await;
        let other = bob.at(&other.url);
        let bobs = [&bob, &other];
        mirror(&bob, "mirror", &format!("{}/alice/dev/{view}/", first.url)).await;
        bob.simple_page("bob/mirror", "late", &[]).await.expect(404);
        assert!(both_show(&bobs, "bob/mirror", "pkg", &[ONE]).await);

        alice.upload_wheel("alice/dev", "pkg", "2.0").await;
        until("an upload is there", async || both_show(&bobs, "bob/mirror", "pkg", &[ONE, TWO]).await).await;
        alice.patch("alice/dev/pkg/2.0", json!({"yanked": "bad"})).await.expect(200);
        until("a yank is there", async || {
            let pages = [bob.simple("bob/mirror", "pkg").await, other.simple("bob/mirror", "pkg").await];
            pages.iter().all(|page| page.to_string().contains("\"yanked\":\"bad\""))
        })
        .await;
        alice.delete("alice/dev/pkg/1.0").await.expect(200);
        until("a deletion is there", async || both_show(&bobs, "bob/mirror", "pkg", &[TWO]).await).await;
        alice.upload_wheel("alice/base", "pkg", "3.0").await;
        until("a base's file is there", async || both_show(&bobs, "bob/mirror", "pkg", &[TWO, THREE]).await)
            .await;
        alice.upload_wheel("alice/base", "late", "1.0").await;
        let late = ["late-1.0-py3-none-any.whl"];
        until("a new project is there", async || both_show(&bobs, "bob/mirror", "late", &late).await).await;
    }
}

#[tokio::test]
async fn the_list_of_an_upstream_is_renewed_when_it_has_another_project() {
    let (first, alice, second, bob) = both().await;
    let other = second.beside().await;
    let other = bob.at(&other.url);
    mirror(&bob, "mirror", &format!("{}/alice/dev/+simple/", first.url)).await;
    let listed = async |client: &Client, name: &str| {
        let list = client.simple_list("bob/mirror").await.expect(200).json();
        list["projects"].as_array().unwrap().iter().any(|project| project["name"] == name)
    };
    assert!(listed(&bob, "pkg").await && listed(&other, "pkg").await);
    // Nobody has looked at a page yet.
    alice.upload_wheel("alice/dev", "second", "1.0").await;
    until("the list has it", async || listed(&bob, "second").await && listed(&other, "second").await).await;
    bob.simple("bob/mirror", "pkg").await;
    alice.upload_wheel("alice/base", "third", "1.0").await;
    until("the list has it", async || listed(&bob, "third").await && listed(&other, "third").await).await;
}

#[tokio::test]
async fn an_upstream_that_was_away_is_followed_again_and_what_it_did_meanwhile_is_seen() {
    let (first, alice, _second, bob) = both().await;
    let proxy = Proxy::before(&first.url).await;
    mirror(&bob, "mirror", &format!("{}/alice/dev/+simple/", proxy.url(&first.url))).await;
    assert_eq!(bob.filenames("bob/mirror", "pkg").await, [ONE]);
    alice.upload_wheel("alice/dev", "pkg", "2.0").await;
    until("it is followed", async || both_show(&[&bob], "bob/mirror", "pkg", &[ONE, TWO]).await).await;

    proxy.cut();
    alice.upload_wheel("alice/dev", "pkg", "3.0").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bob.filenames("bob/mirror", "pkg").await, [ONE, TWO]);
    proxy.mend();
    until("it is followed again", async || both_show(&[&bob], "bob/mirror", "pkg", &[ONE, TWO, THREE]).await)
        .await;
    alice.delete("alice/dev/pkg/1.0").await.expect(200);
    until("and stays so", async || both_show(&[&bob], "bob/mirror", "pkg", &[TWO, THREE]).await).await;
}

#[tokio::test]
async fn when_the_process_that_listens_stops_another_takes_over() {
    let (first, alice, second, bob) = both().await;
    mirror(&bob, "mirror", &format!("{}/alice/dev/+simple/", first.url)).await;
    // The only process there is listens.
    assert_eq!(bob.filenames("bob/mirror", "pkg").await, [ONE]);
    alice.upload_wheel("alice/dev", "pkg", "2.0").await;
    until("it is followed", async || both_show(&[&bob], "bob/mirror", "pkg", &[ONE, TWO]).await).await;

    let other = second.beside().await;
    let other = bob.at(&other.url);
    assert_eq!(other.filenames("bob/mirror", "pkg").await, [ONE, TWO]);
    drop(second);
    alice.upload_wheel("alice/dev", "pkg", "3.0").await;
    // A process looks every ten seconds for what nobody listens to.
    let began = Instant::now();
    while !both_show(&[&other], "bob/mirror", "pkg", &[ONE, TWO, THREE]).await {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody listens any more");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_mirror_follows_the_upstream_that_it_has_now_and_no_other() {
    let (first, alice, second, bob) = both().await;
    let third = Server::start().await;
    let carol = third.user("alice").await;
    carol.create_index("alice/dev", json!({})).await;
    carol.upload_wheel("alice/dev", "pkg", "2.0").await;
    let url = |server: &Server| format!("{}/alice/dev/+simple/", server.url);
    mirror(&bob, "mirror", &url(&first)).await;
    assert_eq!(bob.filenames("bob/mirror", "pkg").await, [ONE]);

    bob.patch("bob/mirror", json!({"mirror_url": url(&third)})).await.expect(200);
    until("it mirrors the other", async || both_show(&[&bob], "bob/mirror", "pkg", &[TWO]).await).await;
    carol.upload_wheel("alice/dev", "pkg", "3.0").await;
    until("it follows the other", async || both_show(&[&bob], "bob/mirror", "pkg", &[TWO, THREE]).await)
        .await;
    // What is shown is stored soon after.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let serial = second.serial().await;
    alice.upload_wheel("alice/dev", "pkg", "4.0").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bob.filenames("bob/mirror", "pkg").await, [TWO, THREE]);
    assert_eq!(second.serial().await, serial);

    let four = "pkg-4.0-py3-none-any.whl";
    bob.patch("bob/mirror", json!({"mirror_url": url(&first)})).await.expect(200);
    until("it mirrors the first", async || both_show(&[&bob], "bob/mirror", "pkg", &[ONE, four]).await).await;
    alice.delete("alice/dev/pkg/1.0").await.expect(200);
    until("it follows the first", async || both_show(&[&bob], "bob/mirror", "pkg", &[four]).await).await;
}

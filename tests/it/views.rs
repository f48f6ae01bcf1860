//! `+hosted/` and `+own/` beside `+simple/`: what comes from no mirror, and an index alone.

use crate::harness::{Client, Reply, Server, Upstream, until};
use serde_json::{Value, json};

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const VIEWS: [&str; 3] = ["+simple", "+hosted", "+own"];

async fn get(client: &Client, path: &str, accept: &str) -> Reply {
    client.get_with(path, &[("accept", accept)]).await
}

/// The names of the files on a page in JSON; `None`: 404.
async fn files(client: &Client, path: &str) -> Option<Vec<String>> {
    let reply = get(client, path, JSON).await;
    (reply.status != 404).then(|| texts(&reply.expect(200).json()["files"], "filename"))
}

async fn projects(client: &Client, path: &str) -> Vec<String> {
    texts(&get(client, path, JSON).await.expect(200).json()["projects"], "name")
}

/// One field of each, sorted.
fn texts(list: &Value, field: &str) -> Vec<String> {
    let mut texts: Vec<_> =
        list.as_array().unwrap().iter().map(|it| it[field].as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}

/// Where the links of a page in HTML lead, as paths below the root.
fn links(page: &str, path: &str) -> Vec<String> {
    let base = url::Url::parse(&format!("http://x/{path}")).unwrap();
    let link = regex::Regex::new("href=\"([^\"#]+)").unwrap();
    let links = link.captures_iter(page).map(|found| base.join(&found[1]).unwrap().path()[1..].to_owned());
    links.collect()
}

/// Alice with `alice/dev` on `alice/base` on `alice/mirror`, of which dev has `pkg` 2.0 and `my-own`, base `pkg` 1.0 and
/// `lower`, and the upstream `pkg` 9.0 and `only`.
async fn alice_with_all(server: &Server, upstream: &Upstream) -> Client {
    upstream.add_wheel("pkg", "9.0");
    upstream.add_wheel("only", "1.0");
    let alice = server.alice_with_mirror(upstream, json!({})).await;
    alice.create_index("alice/base", json!({"bases": "alice/mirror"})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/base"})).await;
    for (index, project, version) in [
        ("alice/base", "pkg", "1.0"),
        ("alice/base", "lower", "1.0"),
        ("alice/dev", "pkg", "2.0"),
        ("alice/dev", "My.Own", "1.0"),
    ] {
        alice.upload_wheel(index, project, version).await;
    }
    alice
}

fn wheels(project: &str, versions: &[&str]) -> Vec<String> {
    versions.iter().map(|version| format!("{project}-{version}-py3-none-any.whl")).collect()
}

#[tokio::test]
async fn each_view_lists_its_part_and_has_the_pages_of_it() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_all(&server, &upstream).await;
    for (path, expected) in [
        ("alice/dev/+simple/", vec!["lower", "my-own", "only", "pkg"]),
        ("alice/dev/+hosted/", vec!["lower", "my-own", "pkg"]),
        ("alice/dev/+own/", vec!["my-own", "pkg"]),
        ("alice/base/+own/", vec!["lower", "pkg"]),
        ("alice/mirror/+simple/", vec!["only", "pkg"]),
        ("alice/mirror/+hosted/", vec![]),
        ("alice/mirror/+own/", vec!["only", "pkg"]),
    ] {
        assert_eq!(projects(&alice, path).await, expected, "{path}");
        let page = get(&alice, path, "text/html").await.expect(200).text();
        for name in ["lower", "my-own", "only", "pkg"] {
            let listed = page.contains(&format!(">{name}<"));
            assert_eq!(listed, expected.contains(&name), "{name} in {path}: {page}");
        }
    }
    for (path, expected) in [
        ("alice/dev/+simple/pkg/", Some(wheels("pkg", &["1.0", "2.0"]))),
        ("alice/dev/+hosted/pkg/", Some(wheels("pkg", &["1.0", "2.0"]))),
        ("alice/dev/+own/pkg/", Some(wheels("pkg", &["2.0"]))),
        ("alice/dev/+simple/lower/", Some(wheels("lower", &["1.0"]))),
        ("alice/dev/+hosted/lower/", Some(wheels("lower", &["1.0"]))),
        ("alice/dev/+own/lower/", None),
        ("alice/dev/+simple/only/", Some(wheels("only", &["1.0"]))),
        ("alice/dev/+hosted/only/", None),
        ("alice/dev/+own/only/", None),
        ("alice/mirror/+own/pkg/", Some(wheels("pkg", &["9.0"]))),
        ("alice/mirror/+hosted/pkg/", None),
    ] {
        assert_eq!(files(&alice, path).await, expected, "{path}");
        let status = get(&alice, path, "text/html").await.status;
        assert_eq!(status, if expected.is_some() { 200 } else { 404 }, "{path}");
    }
    get(&alice, "alice/none/+hosted/", JSON).await.expect(404);
    get(&alice, "alice/none/+own/pkg/", JSON).await.expect(404);
}

#[tokio::test]
async fn every_form_of_the_url_gives_the_same_page_and_its_links_lead_to_files() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_all(&server, &upstream).await;
    for (view, count) in [("+hosted", 2), ("+own", 1)] {
        let escaped = view.replace('+', "%2B");
        let lists = [view, &format!("{view}/"), &escaped, &format!("{escaped}/")]
            .map(|form| format!("alice/dev/{form}"));
        let expected = projects(&alice, &lists[0]).await;
        for list in &lists {
            assert_eq!(projects(&alice, list).await, expected, "{list}");
            let page = get(&alice, list, "text/html").await.expect(200).text();
            for name in &expected {
                let path = format!("alice/dev/{view}/{name}/");
                let linked = links(&page, list).iter().any(|link| link.replace("%2B", "+") == path);
                assert!(linked, "{path} in {list}: {page}");
            }
        }
        for form in [view, &escaped] {
            for slash in ["", "/"] {
                let path = format!("alice/dev/{form}/pkg{slash}");
                assert_eq!(files(&alice, &path).await.unwrap().len(), count, "{path}");
                let html = get(&alice, &path, "text/html").await.expect(200).text();
                let html = links(&html, &path).into_iter().filter(|link| link.contains(".whl"));
                let html: Vec<_> = html.collect();
                assert_eq!(html.len(), count, "{path}");
                let page = get(&alice, &path, JSON).await.json();
                let base = url::Url::parse(&format!("http://x/{path}")).unwrap();
                let json = page["files"].as_array().unwrap().iter();
                let json = json.map(|file| base.join(file["url"].as_str().unwrap()).unwrap());
                for file in json.map(|url| url.path()[1..].to_owned()).chain(html) {
                    assert!(!get(&alice, &file, "*/*").await.expect(200).body.is_empty());
                }
            }
            for name in ["My.Own", "MY__own/"] {
                let reply = get(&alice, &format!("alice/dev/{form}/{name}"), JSON).await.expect(302);
                let location = reply.header("location").replace("%2B", "+");
                let slash = if name.ends_with('/') { "/" } else { "" };
                let expected = format!("/alice/dev/{view}/my-own{slash}");
                assert!(
                    location.trim_end_matches('/').ends_with(expected.trim_end_matches('/')),
                    "{location}"
                );
            }
        }
    }
}

#[tokio::test]
async fn each_view_has_a_tag_of_its_own_that_holds_until_its_part_changes() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_all(&server, &upstream).await;
    let before = server.serial().await;
    projects(&alice, "alice/dev/+simple/").await;
    // What an upstream said is another page once it is stored.
    until("the list is stored", async || server.serial().await > before).await;
    for (path, changes) in [("pkg/", [true, true, false]), ("", [false, false, false])] {
        let page = |view: &str| format!("alice/dev/{view}/{path}");
        let mut tags = Vec::new();
        for view in VIEWS {
            let reply = get(&alice, &page(view), JSON).await.expect(200);
            tags.push(reply.header("etag").to_owned());
        }
        assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
        for (view, tag) in VIEWS.iter().zip(&tags) {
            let known = [("accept", JSON), ("if-none-match", tag.as_str())];
            assert!(alice.get_with(&page(view), &known).await.expect(304).body.is_empty());
        }
        if path.is_empty() {
            continue;
        }
        alice.upload_wheel("alice/base", "pkg", "3.0").await;
        for ((view, tag), changes) in VIEWS.iter().zip(&tags).zip(changes) {
            let known = [("accept", JSON), ("if-none-match", tag.as_str())];
            alice.get_with(&page(view), &known).await.expect(if changes { 200 } else { 304 });
        }
    }
}

#[tokio::test]
async fn what_is_hosted_is_shown_without_any_upstream_and_without_a_word_about_mirrors() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_all(&server, &upstream).await;
    let page = get(&alice, "alice/dev/+simple/pkg/", "text/html").await.expect(200).text();
    assert!(page.contains("mirror_whitelist"), "{page}");
    upstream.clear_requests();
    upstream.stop().await;
    for view in ["+hosted", "+own"] {
        for accept in [JSON, "text/html"] {
            get(&alice, &format!("alice/dev/{view}/"), accept).await.expect(200);
            get(&alice, &format!("alice/dev/{view}/nothing/"), accept).await.expect(404);
            get(&alice, &format!("alice/dev/{view}/only/"), accept).await.expect(404);
            let reply = get(&alice, &format!("alice/dev/{view}/pkg/"), accept).await.expect(200);
            assert_eq!(reply.header("warning"), "");
            assert_eq!(reply.header("x-pypi-last-serial"), reply.header("x-devpi-serial"));
            assert!(!reply.text().contains("whitelist") && !reply.text().contains("mirror"), "{reply}");
        }
    }
    upstream.start_again().await;
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn who_may_not_read_an_index_sees_none_of_its_views() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_all(&server, &upstream).await;
    let (bob, anonymous) = (server.user("bob").await, server.anonymous());
    alice.patch("alice/base", json!({"acl_read": ["alice"]})).await.expect(200);
    for view in ["+hosted", "+own"] {
        for path in ["", "pkg/", "lower/", "none/"] {
            let path = format!("alice/base/{view}/{path}");
            get(&bob, &path, JSON).await.expect(403);
            get(&anonymous, &path, JSON).await.expect(401);
        }
        assert_eq!(files(&bob, &format!("alice/dev/{view}/pkg/")).await, Some(wheels("pkg", &["2.0"])));
        assert_eq!(files(&bob, &format!("alice/dev/{view}/lower/")).await, None);
        assert_eq!(projects(&bob, &format!("alice/dev/{view}/")).await, ["my-own", "pkg"]);
    }
    let reply = get(&alice, "alice/dev/+hosted/pkg/", JSON).await.expect(200);
    assert_eq!(texts(&reply.json()["files"], "filename").len(), 2);
    assert!(reply.header("cache-control").contains("private"), "{}", reply.header("cache-control"));
}

//! What people find on the pages of projects and their versions.

use super::live::{assert_dead, elements, page, text};
use crate::harness::{Client, Server, Upload, Upstream, archive};
use serde_json::json;

/// Where the links of a page lead.
fn links(page: &str) -> Vec<String> {
    let elements = elements(page).into_iter().filter(|(name, _)| name == "a");
    elements
        .flat_map(|(_, attributes)| attributes)
        .filter(|(name, _)| name == "href")
        .map(|(_, value)| value)
        .collect()
}

/// A page that must be there, and be dead.
async fn shown(client: &Client, path: &str) -> String {
    let reply = page(client, path).await.expect(200);
    assert!(reply.header("content-type").starts_with("text/html"));
    assert_dead(&reply.text());
    reply.text()
}

#[track_caller]
fn assert_has(page: &str, words: &[&str]) {
    let text = text(page);
    for words in words {
        assert!(text.contains(words), "{words} in {text}");
    }
}

#[tokio::test]
async fn a_release_tells_all_that_its_metadata_say() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let upload = Upload::new("My.Pkg", "1.0", archive::wheel("My.Pkg", "1.0"))
        .with("summary", "Greetings for all")
        .with("author", "Ann")
        .with("author_email", "ann@x.example")
        .with("license_expression", "MIT OR Apache-2.0")
        .with("keywords", "hello, world")
        .with("requires_python", ">=3.9")
        .with("classifiers", "Topic :: Internet")
        .with("project_urls", "repository, https://code.example/pkg")
        .with("home_page", "https://home.example")
        .with("requires_dist", "Other.Thing[x]>=2; python_version < '4'")
        .with("requires_dist", "pytest; extra == 'test'")
        .with("provides_extras", "test")
        .with("description", "# Usage\n\nsay `hello` to **all**")
        .with("description_content_type", "text/markdown");
    alice.upload("alice/dev", upload).await.expect(200);
    let html = shown(&server.anonymous(), "alice/dev/my-pkg/1.0").await;
    assert_has(
        &html,
        &[
            "my-pkg 1.0",
            "Greetings for all",
            "Ann <ann@x.example>",
            "MIT OR Apache-2.0",
            "hello, world",
            ">=3.9",
            "Topic Internet",
            "Other.Thing [x] >=2 if python_version < '4'",
            "With extra test pytest",
            "Usage",
            "uploaded by alice",
            "py3 · none · any",
        ],
    );
    assert!(
        html.contains("<h2 id=\"user-content-usage\">Usage</h2>") && html.contains("<strong>all</strong>")
    );
    let found = links(&html);
    for link in [
        "https://code.example/pkg",
        "https://home.example",
        "/alice/dev/other-thing",
        "/alice/dev/pytest",
        "/alice/dev",
    ] {
        assert!(found.iter().any(|it| it == link), "{link} in {found:?}");
    }
    let file = alice.file_path("alice/dev", "my-pkg", "My_Pkg-1.0-py3-none-any.whl").await;
    assert!(found.contains(&format!("/{file}")) && found.contains(&format!("/{file}.metadata")), "{found:?}");
    let index = format!("{}/alice/dev", server.url);
    assert_has(
        &html,
        &[
            &format!("pip install --index-url {index}/+simple/ my-pkg==1.0"),
            &format!("uv pip install --default-index {index}/+simple/ my-pkg==1.0"),
            &format!("devpi use {index}"),
            "devpi install my-pkg==1.0",
        ],
    );
    assert!(!text(&html).contains(".netrc"));
    let sha256 = file.split('/').nth(3).unwrap();
    assert!(html.contains(sha256) && html.contains("blake2b_256"));
}

#[tokio::test]
async fn of_very_long_lists_the_beginning_is_shown_and_how_much_more_there_is() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let mut upload = Upload::new("pkg", "1.0", archive::wheel("pkg", "1.0"));
    for number in 0..501 {
        upload = upload.with("requires_dist", &format!("dep{number}"));
    }
    for number in 0..203 {
        upload = upload.with("classifiers", &format!("Topic :: T{number}"));
    }
    for number in 0..105 {
        upload = upload.with("project_urls", &format!("L{number}, https://x.example/{number}"));
    }
    alice.upload("alice/dev", upload).await.expect(200);
    let html = shown(&alice, "alice/dev/pkg/1.0").await;
    assert_has(&html, &["L99 and 5 more", "dep499 and 1 more", "T199 and 3 more"]);
    assert!(!html.contains("dep500") && !html.contains("T200") && !html.contains("L100"), "{html}");
}

#[tokio::test]
async fn the_lines_to_install_are_right_from_outside() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/secret", json!({"acl_read": "alice"})).await;
    alice.upload_wheel("alice/secret", "pkg", "1.0").await;
    let headers = [("accept", "text/html"), ("x-outside-url", "http://packages.example:81/index")];
    let html = alice.get_with("alice/secret/pkg/1.0", &headers).await.expect(200).text();
    assert_has(
        &html,
        &[
            "pip install --index-url http://packages.example:81/index/alice/secret/+simple/ --trusted-host packages.example pkg==1.0",
            ".netrc",
        ],
    );
    assert!(links(&html).contains(&"/index/alice/secret/pkg".to_owned()));
    page(&server.anonymous(), "alice/secret/pkg/1.0").await.expect(401);
}

#[tokio::test]
async fn versions_come_newest_first_with_where_they_are_from() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/base"})).await;
    for (index, version) in [
        ("alice/base", "1.0"),
        ("alice/base", "10.0"),
        ("alice/dev", "9.0"),
        ("alice/dev", "11.0rc1"),
        ("alice/dev", "1.0"),
    ] {
        alice.upload_wheel(index, "pkg", version).await;
    }
    alice.patch("alice/base/pkg/10.0", json!({"yanked": "it breaks"})).await.expect(200);
    let html = shown(&alice, "alice/dev/pkg").await;
    let shown_text = text(&html);
    let place = |words: &str| shown_text.find(words).unwrap_or_else(|| panic!("{words} in {shown_text}"));
    assert!(place("11.0rc1 pre-release") < place("10.0 yanked it breaks"), "{shown_text}");
    assert!(place("10.0 yanked it breaks") < place("9.0 latest"));
    assert!(place("9.0 latest") < place("hides 1.0 on alice/base"));
    for (name, version) in [("latest", "11.0rc1"), ("stable", "10.0")] {
        assert_has(&shown(&alice, &format!("alice/dev/pkg/{name}")).await, &[&format!("pkg {version}")]);
    }
    page(&alice, "alice/dev/pkg/12.0").await.expect(404);
    alice.get("alice/dev/pkg/latest").await.expect(404);
    assert_has(
        &shown(&alice, "alice/dev/pkg/1.0").await,
        &["hidden on alice/base (1 file)", "a newer version: 10.0"],
    );
    assert_has(&shown(&alice, "alice/dev/pkg/10.0").await, &["This release is yanked", "Reason: it breaks"]);
    alice.patch("alice/dev/pkg", json!({"status": "archived", "reason": "done"})).await.expect(200);
    assert_has(&shown(&alice, "alice/dev/pkg").await, &["archived", "done"]);
}

#[tokio::test]
async fn a_mirror_that_is_kept_out_is_told_with_the_way_to_let_it_in() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    for project in ["pkg", "other"] {
        upstream.add_wheel(project, "9.0");
    }
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let html = shown(&alice, "alice/dev/pkg").await;
    assert_has(
        &html,
        &[
            "What the mirror alice/mirror has of this project is left out, because alice/dev has it",
            "nobody can slip in a package of the same name upstream",
            "devpi index alice/dev mirror_whitelist+=pkg",
        ],
    );
    assert!(!links(&html).contains(&"/alice/dev/pkg/9.0".to_owned()));
    let html = shown(&alice, "alice/dev/other").await;
    assert_has(&html, &["comes from upstream only, through alice/mirror", "9.0"]);
    assert!(!text(&html).contains("mirror_whitelist"));
    assert!(!text(&shown(&alice, "alice/mirror/other").await).contains("upstream only"));
}

#[tokio::test]
async fn a_release_of_a_mirror_shows_its_metadata_once_they_are_here_and_asks_for_none() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "9.0");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let html = shown(&alice, "alice/mirror/pkg/9.0").await;
    assert_has(&html, &["Not fetched", "pkg-9.0-py3-none-any.whl"]);
    let file = links(&html).into_iter().find(|link| link.ends_with("-any.whl")).unwrap();
    alice.get_with(&format!("{}.metadata", &file[1..]), &[]).await.expect(200);
    crate::harness::until("the metadata are kept", async || {
        !text(&shown(&alice, "alice/mirror/pkg/9.0").await).contains("Not fetched")
    })
    .await;
}

#[tokio::test]
async fn of_thousands_of_versions_the_newest_are_shown_unless_all_are_wanted() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    for number in 0..600 {
        upstream.add_wheel("pkg", &format!("1.{number}"));
    }
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let html = shown(&alice, "alice/mirror/pkg").await;
    assert!(html.len() < 100_000, "{}", html.len());
    assert_has(&html, &["1.599", "1.550", "Show 550 older versions"]);
    assert!(!text(&html).contains("1.549 "));
    assert_has(&shown(&alice, "alice/mirror/pkg?all").await, &["1.0 "]);
}

#[tokio::test]
async fn tests_of_a_file_are_seen_at_a_glance_and_whole() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let path = alice.file_path("alice/dev", "pkg", &wheel).await;
    let run = |code: &str| json!({"command": ["pytest", "-q"], "output": "\u{1b}[1m3 tests\u{1b}[0m", "retcode": code});
    let result = json!({
        "host": "builder", "platform": "linux", "toxversion": "4.30",
        "testenvs": {
            "py312": {"python": {"version": "3.12.3"}, "installed_packages": ["pytest==8.0"], "test": [run("0")]},
            "py313": {"test": [run("1")]},
        },
    });
    let headers = [("accept", "application/json")];
    alice.send("POST", &path, &headers, result.to_string()).await.expect(200);
    let html = shown(&alice, "alice/dev/pkg/1.0").await;
    assert_has(&html, &["py312 on linux: passed", "py313 on linux: failed"]);
    let list =
        links(&html).into_iter().find(|link| link.ends_with("+toxresults/pkg-1.0-py3-none-any.whl")).unwrap();
    let html = shown(&alice, &list[1..]).await;
    assert_has(&html, &["builder", "linux", "py313: failed"]);
    let one = links(&html).into_iter().find(|link| link.contains(".toxresult-")).unwrap();
    let html = shown(&alice, &one[1..]).await;
    assert_has(&html, &["3.12.3", "pytest -q", "exit code 1", "3 tests", "pytest==8.0", "builder", "4.30"]);
    page(&alice, &format!("{}x", &one[1..])).await.expect(404);
    page(&alice, "alice/dev/pkg/1.0/+toxresults/none.whl").await.expect(404);
}

#[tokio::test]
async fn programs_still_get_json_and_installers_the_simple_page() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    for path in ["alice/dev/pkg", "alice/dev/pkg/1.0"] {
        assert_eq!(alice.get(path).await.expect(200).header("content-type"), "application/json");
    }
    let simple =
        alice.get_with("alice/dev/pkg", &[("accept", "text/html"), ("user-agent", "pip/26.0")]).await;
    assert!(simple.expect(200).text().contains("pypi:repository-version"));
}

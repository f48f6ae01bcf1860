//! The page of a search, and the one that says how to ask.

use crate::{
    harness::{Client, Reply, Server, Upload, archive},
    search::{settled, upload},
};
use serde_json::json;

async fn page(client: &Client, path: &str) -> Reply {
    client.get_with(path, &[("accept", "text/html")]).await
}

/// A page as it was before it was escaped where that is no matter of safety.
fn shown(reply: &Reply) -> String {
    reply.text().replace("&#x2f;", "/")
}

/// A server with flask and its documentation on `alice/dev`, and alice.
async fn library() -> (Server, Client) {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let fields =
        [("summary", "A framework <b>for</b> the web"), ("description", "Routes & views of the web.")];
    upload(&alice, "alice/dev", "Flask", "1.0", &fields).await;
    let docs = archive::zip(&[(
        "guide/start here.html",
        b"<title>First steps</title><p>How a framework begins</p>".as_slice(),
    )]);
    alice.upload("alice/dev", Upload::documentation("Flask", Some("1.0"), docs)).await.expect(200);
    settled(&server).await;
    (server, alice)
}

#[tokio::test]
async fn what_is_found_is_shown_with_the_words_marked_and_links_to_project_release_index_and_documentation() {
    let (_server, alice) = library().await;
    let reply = page(&alice, "+search?query=framework").await.expect(200);
    assert!(reply.header("content-type").starts_with("text/html"));
    let text = shown(&reply);
    for part in [
        "<strong>1</strong> project",
        r#"<a href="/alice/dev/flask">Flask</a>"#,
        r#"href="/alice/dev/flask/1.0">1.0</a>"#,
        r#"<a href="/alice/dev">alice/dev</a>"#,
        "A <mark>framework</mark> &lt;b&gt;for&lt;",
        r#"<a href="/alice/dev/flask/1.0/+d/guide/start%20here.html">First steps</a>"#,
        "How a <mark>framework</mark> begins",
        r#"name="query" type="search" value="framework""#,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("<b>for"), "{text}");
    // The same URL for a program.
    assert_eq!(alice.get("+search?query=framework").await.expect(200).result()["total"], 1);
}

#[tokio::test]
async fn results_are_turned_page_by_page() {
    let (server, alice) = library().await;
    for number in 0..45 {
        upload(&alice, "alice/dev", &format!("many-{number:02}"), "1", &[]).await;
    }
    settled(&server).await;
    for (number, previous, next) in [(1, None, Some(2)), (2, Some(1), Some(3)), (3, Some(2), None)] {
        let path = format!("alice/dev/+search?query=many&page={number}");
        let text = shown(&page(&alice, &path).await.expect(200));
        assert!(text.contains(&format!("Page {number} of 3")), "{text}");
        for (rel, to) in [("prev", previous), ("next", next)] {
            let to = to.map(|to| if to == 1 { String::new() } else { format!("&amp;page={to}") });
            let link = to.map(|to| format!(r#"rel="{rel}" href="/alice/dev/+search?query=many{to}">"#));
            assert_eq!(text.contains(&format!("rel=\"{rel}\"")), link.is_some(), "{number} {rel}: {text}");
            assert!(link.is_none_or(|link| text.contains(&link)), "{number} {rel}: {text}");
        }
    }
    let beyond = shown(&page(&alice, "+search?query=many&page=9").await.expect(200));
    assert!(beyond.contains("There is no page 9"), "{beyond}");
}

#[tokio::test]
async fn what_is_wrong_with_a_question_stands_at_its_box_and_what_finds_nothing_gets_hints() {
    let (server, alice) = library().await;
    let long = "a".repeat(501);
    for (path, status, part) in [
        (format!("+search?query={long}"), 400, "query must be of at most 500 bytes"),
        ("+search?query=a&page=x".into(), 400, "page must be a number from 1 to 500"),
        ("+search?query=zzzzzz".into(), 200, "Nothing was found for “zzzzzz”"),
        ("+search?query=%3Cscript%3Ealert(1)".into(), 200, "Nothing was found for “&lt;script&gt;alert(1)”"),
        (
            "alice/dev/+search?query=zzzzzz".into(),
            200,
            r#"<a href="/+search?query=zzzzzz">search everywhere</a>"#,
        ),
        ("+search".into(), 200, "See everything"),
        ("alice/none/+search?query=a".into(), 404, "The stage alice/none could not be found."),
    ] {
        let reply = page(&alice, &path).await.expect(status);
        let text = shown(&reply);
        assert!(text.contains(part), "{part}: {text}");
        assert!(!text.contains("<script>alert"), "{text}");
        if status == 400 {
            assert!(text.contains(r#"aria-invalid="true" aria-describedby="problem""#), "{text}");
        }
    }
    let text = shown(&page(&server.anonymous(), "+search?query=zzzzzz").await.expect(200));
    assert!(text.contains("+login?next="), "{text}");
}

#[tokio::test]
async fn the_search_of_an_index_shows_what_the_caller_may_read() {
    let (server, alice) = library().await;
    alice.create_index("alice/secret", json!({"acl_read": ["alice"]})).await;
    alice.create_index("alice/top", json!({"bases": "alice/secret,alice/dev"})).await;
    upload(&alice, "alice/secret", "hidden", "1.0", &[("summary", "a framework")]).await;
    settled(&server).await;
    let path = "alice/top/+search?query=framework";
    for (client, sees) in [(&alice, true), (&server.anonymous(), false)] {
        let text = shown(&page(client, path).await.expect(200));
        assert!(text.contains("/alice/dev/flask"), "{text}");
        assert_eq!(text.contains("hidden"), sees, "{text}");
    }
}

#[tokio::test]
async fn every_example_of_the_help_is_a_question_that_is_answered() {
    let (_server, alice) = library().await;
    let text = shown(&page(&alice, "+searchhelp").await.expect(200));
    let links: Vec<_> = text.split(r#"href="/+search?query="#).skip(1).collect();
    assert!(links.len() > 10, "{text}");
    for link in links {
        let query = link.split('"').next().unwrap().replace("&amp;", "&");
        let answer = page(&alice, &format!("+search?query={query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer}");
    }
}

#[tokio::test]
async fn programs_that_look_around_find_an_icon_and_are_asked_to_leave() {
    let server = Server::start().await;
    let robots = server.anonymous().get_with("robots.txt", &[]).await.expect(200);
    assert_eq!(robots.text(), "User-agent: *\nDisallow: /\n");
    assert!(robots.header("content-type").starts_with("text/plain"));
    let icon = server.anonymous().get_with("favicon.ico", &[]).await.expect(302);
    let path = icon.header("location").strip_prefix('/').unwrap();
    let icon = server.anonymous().get_with(path, &[]).await.expect(200);
    assert_eq!(icon.header("content-type"), "image/svg+xml");
}

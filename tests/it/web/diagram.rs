//! The picture of inheritance, on pages and as a file.

use super::{page, plain};
use crate::harness::{
    Server,
    binary::{Binary, place},
};
use serde_json::json;

#[tokio::test]
async fn the_picture_links_each_index_and_marks_the_current_one() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let nothing = alice.get_with("+diagram.svg", &[("accept", "text/html")]).await.expect(404);
    assert!(nothing.text().contains("nothing to draw"), "{nothing}");
    alice.create_index("alice/base", json!({})).await;
    alice
        .create_index("alice/dev", json!({"bases": "alice/base", "custom_data": {"label": "Work & <play>"}}))
        .await;
    alice.create_index("alice/top", json!({"bases": "alice/dev,alice/base"})).await;
    alice.create_index("alice/alone", json!({})).await;
    let outside = [("x-outside-url", "https://example.org/pkgs")];
    for (path, current) in [("+diagram.svg", None), ("alice/dev/+diagram.svg", Some("alice/dev"))] {
        let reply = alice.get_with(path, &outside).await.expect(200);
        assert_eq!(reply.header("content-type"), "image/svg+xml");
        let svg = plain(&reply);
        for token in html5gum::Tokenizer::new(svg.as_str()) {
            if let Ok(html5gum::Token::StartTag(tag)) = token {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                assert!(!["script", "style", "foreignobject"].contains(&name.as_str()), "{svg}");
                let plain = |key: &&[u8]| !key.starts_with(b"on") && *key != b"style";
                assert!(tag.attributes.keys().all(|key| plain(&key.as_slice())), "{svg}");
            }
        }
        for index in ["base", "dev", "top"] {
            assert!(svg.contains(&format!("href=\"/pkgs/alice/{index}\"")), "{svg}");
        }
        assert!(!svg.contains("alice/alone") && svg.contains("Work &amp; &lt;play&gt;"), "{svg}");
        assert!(svg.contains("<desc>stage, bases: alice/dev, alice/base</desc>"), "{svg}");
        assert_eq!(svg.matches("aria-current=\"page\"").count(), usize::from(current.is_some()));
    }
    for path in ["", "alice/top"] {
        let html = page(&alice, path).await;
        assert!(
            html.contains("<svg") && html.contains("href=\"/alice/dev\"") && html.contains("Full size"),
            "{html}"
        );
    }
    assert!(!page(&alice, "alice/alone").await.contains("<svg"));
}

#[tokio::test]
async fn what_a_viewer_may_not_read_is_not_in_the_picture_and_what_is_gone_is_dashed() {
    let server = Server::start().await;
    let (alice, carol) = (server.user("alice").await, server.user("carol").await);
    alice.create_index("alice/hush", json!({"acl_read": "bob"})).await;
    alice.create_index("alice/gone", json!({})).await;
    alice.create_index("alice/open", json!({})).await;
    carol.create_index("carol/dev", json!({"bases": "alice/hush,alice/gone,alice/open"})).await;
    alice.delete("alice/gone").await.expect(201);
    for path in ["+diagram.svg", "carol/dev/+diagram.svg"] {
        for client in [&carol, &server.anonymous(), &carol] {
            let svg = plain(&client.get(path).await.expect(200));
            assert!(!svg.contains("hush") && svg.contains("alice/open"), "{svg}");
            assert!(
                svg.contains("aria-label=\"alice/gone, missing\"") && !svg.contains("href=\"/alice/gone\""),
                "{svg}"
            );
        }
        assert!(plain(&alice.get(path).await.expect(200)).contains("href=\"/alice/hush\""));
    }
    carol.get("alice/hush/+diagram.svg").await.expect(403);
    server.anonymous().get("alice/hush/+diagram.svg").await.expect(401);
}

#[tokio::test]
async fn a_picture_is_made_once_until_what_it_shows_changes() {
    let (database, prefix) = place().await;
    let server = Binary::serve(&database, &prefix, &[]).await;
    let anonymous = server.client(None);
    anonymous.put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/base"})).await;
    let drawn = async || {
        let metrics = anonymous.get("metrics").await.text();
        let line = metrics.lines().find(|line| line.starts_with("wheelyard_diagrams_drawn_total "));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap())
    };
    let look = async || {
        for client in [&alice, &anonymous] {
            for path in ["", "+diagram.svg", "alice/dev", "alice/dev/+diagram.svg"] {
                client.get_with(path, &[("accept", "text/html")]).await.expect(200);
            }
        }
    };
    look().await;
    assert_eq!(drawn().await, 2);
    look().await;
    // Neither an upload nor another index's title is on it.
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    alice.patch("alice/base", json!({"title": "Base"})).await.expect(200);
    look().await;
    assert_eq!(drawn().await, 2);
    alice.create_index("alice/top", json!({"bases": "alice/dev"})).await;
    look().await;
    assert_eq!(drawn().await, 4);
}

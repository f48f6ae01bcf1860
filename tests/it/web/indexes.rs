//! The pages of all indexes, of a user, and of an index.

use super::{in_order, page, plain, seen};
use crate::harness::{Server, Upload, Upstream, archive};
use serde_json::json;

#[tokio::test]
async fn an_empty_server_tells_how_to_begin() {
    let server = Server::start().await;
    let upstream = Upstream::start();
    server.root().create_mirror("root/pypi", &upstream, json!({})).await;
    let outside = [("accept", "text/html"), ("x-outside-url", "https://example.org/pkgs")];
    let text = plain(&server.anonymous().get_with("", &outside).await.expect(200));
    in_order(
        &seen(&text),
        &[
            "Begin here",
            "curl -X PUT https://example.org/pkgs/alice",
            "curl -u alice:secret -X PUT https://example.org/pkgs/alice/dev",
            "root/pypi",
            "pip config set global.index-url https://example.org/pkgs/alice/dev/+simple/",
        ],
    );
    assert!(text.contains("href=\"/pkgs/root/pypi\""), "{text}");
    server.user("alice").await.create_index("alice/dev", json!({})).await;
    assert!(!page(&server.anonymous(), "").await.contains("Begin here"));
}

#[tokio::test]
async fn custom_data_decide_groups_order_and_labels_and_the_rest_stands_below_its_user() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    alice.patch("alice", json!({"title": "Alice of Tools", "description": "Ask me"})).await.expect(200);
    for (index, data) in [
        ("alice/own", json!(null)),
        ("alice/shop", json!({"group": "Products", "order": 2, "label": "The Shop"})),
        ("alice/base", json!({"group": "Products", "order": 1})),
        ("alice/first", json!({"group": "Zebras", "order": 0})),
    ] {
        alice.create_index(index, json!({})).await;
        alice.patch(index, json!({"custom_data": data})).await;
    }
    bob.create_index("bob/dev", json!({"volatile": false, "title": "Of <b>Bob</b>", "bases": "alice/own"}))
        .await;
    let html = page(&server.anonymous(), "").await;
    in_order(
        &seen(&html),
        &[
            "Zebras",
            "alice/first",
            "Products",
            "alice/base",
            "The Shop",
            "alice/shop",
            "alice",
            "Alice of Tools",
        ],
    );
    in_order(
        &seen(&html),
        &["Ask me", "alice/own", "bob", "bob/dev", "non-volatile", "Of &lt;b&gt;Bob&lt;/b&gt;"],
    );
    in_order(&html, &["href=\"/bob/dev\"", "Bases", "href=\"/alice/own\"", "href=\"/bob/dev/+simple/\""]);
    assert!(!html.contains("<details class=\"user-section\""));
    for number in 0..12 {
        bob.create_index(&format!("bob/i{number}"), json!({})).await;
    }
    let html = page(&server.anonymous(), "").await;
    assert_eq!(html.matches("<details class=\"user-section\"").count(), 2);
    assert!(seen(&html).contains("13 indexes"), "{html}");
}

#[tokio::test]
async fn the_page_of_a_user_shows_the_profile_and_the_indexes() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    assert!(seen(&page(&alice, "alice").await).contains("no index that you may see"));
    let profile =
        json!({"title": "Tools", "description": "Line one\nline <two>", "email": "a&b@example.org"});
    alice.patch("alice", profile).await.expect(200);
    alice.create_index("alice/dev", json!({"title": "Daily work"})).await;
    for path in ["alice", "alice/"] {
        let html = page(&server.anonymous(), path).await;
        let expected = [
            "alice",
            "Tools",
            "line &lt;two&gt;",
            "a&amp;b@example.org",
            "Indexes",
            "alice/dev",
            "Daily work",
        ];
        in_order(&seen(&html), &expected);
        assert!(html.contains("href=\"mailto:a%26b@example.org\""), "{html}");
    }
    let reply = server.anonymous().get_with("nobody", &[("accept", "text/html")]).await.expect(404);
    assert!(reply.text().contains("no user"), "{reply}");
}

#[tokio::test]
async fn the_page_of_an_index_tells_its_settings_in_words_and_how_to_use_it() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/base", json!({"volatile": false})).await;
    let options = json!({
        "title": "Daily", "bases": "alice/base,alice/base", "acl_upload": "alice,bob",
        "acl_toxresult_upload": ":authenticated:", "acl_read": "carol",
    });
    alice.create_index("alice/dev", options).await;
    let html = page(&alice, "alice/dev").await;
    let text = seen(&html);
    in_order(
        &text,
        &[
            "alice/dev",
            "Daily",
            "volatile",
            "protected",
            &format!("pip install --index-url {}/alice/dev/+simple/ PROJECT", server.url),
            "[global] index-url",
            "uv pip install --default-index",
            "[[tool.uv.index]] name = &quot;alice-dev&quot;",
            "twine upload --repository-url",
            "username = alice",
            "devpi use",
        ],
    );
    for (what, who) in [
        ("Who may read", "carol , and its owner and root"),
        ("Who may upload", "alice , bob"),
        ("Who may send tox results", "everybody who is logged in"),
        ("Releases", "may be overwritten and deleted"),
        (
            "Resolution order",
            "Of equal file names the first in this order wins. alice/dev stage alice/base stage",
        ),
    ] {
        in_order(&text, &[what, who]);
    }
    assert!(html.contains("href=\"/alice/dev/+changelog\""));
    let text = seen(&page(&alice, "alice/base").await);
    in_order(
        &text,
        &[
            "Bases",
            "none",
            "nothing is overwritten",
            "Who may read",
            "everybody",
            "Inherited by",
            "alice/dev",
        ],
    );
    let outside = [("accept", "text/html"), ("x-outside-url", "http://pkgs.example.org/x")];
    let text = seen(&plain(&alice.get_with("alice/base", &outside).await.expect(200)));
    in_order(&text, &["http://pkgs.example.org/x/alice/base/+simple/ --trusted-host pkgs.example.org"]);
}

#[tokio::test]
async fn the_latest_releases_are_those_that_came_to_the_index_last() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice.create_index("alice/prod", json!({})).await;
    assert!(seen(&page(&alice, "alice/prod").await).contains("Nothing was uploaded or pushed here yet"));
    for (name, version) in [("one", "1.0"), ("two", "1.0"), ("one", "1.1")] {
        alice.upload_wheel("alice/dev", name, version).await;
    }
    let push = json!({"name": "one", "version": "1.0", "targetindex": "alice/prod"});
    alice.json("PUSH", "alice/dev", push).await.expect(200);
    let three =
        Upload::new("three", "3.0", archive::wheel("three", "3.0")).with("summary", "Of three things");
    alice.upload("alice/prod", three).await.expect(200);
    in_order(&seen(&page(&alice, "alice/dev").await), &["Latest releases", "one 1.1", "two 1.0", "one 1.0"]);
    let html = page(&server.anonymous(), "alice/prod").await;
    in_order(
        &seen(&html),
        &["Latest releases", "three 3.0", "Of three things", "UTC by alice", "one 1.0", "UTC by alice"],
    );
    assert!(html.contains("href=\"/alice/prod/one/1.0\"") && html.contains("href=\"/alice/prod/one\""));
    assert!(!html.contains("1.1"), "{html}");
}

#[tokio::test]
async fn projects_are_shown_a_hundred_at_a_time_and_found_by_their_beginning() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    for number in 0..102 {
        let form = reqwest::multipart::Form::new().text(":action", "submit").text("version", "1");
        alice.send_form("alice/dev", form.text("name", format!("pkg-{number:03}"))).await.expect(200);
    }
    for name in ["Zope_Interface", "zope-event", "zopf"] {
        let form = reqwest::multipart::Form::new().text(":action", "submit").text("version", "1");
        alice.send_form("alice/dev", form.text("name", name)).await.expect(200);
    }
    let first = page(&alice, "alice/dev").await;
    let on = |html: &str, name: &str| html.contains(&format!("href=\"/alice/dev/{name}\""));
    assert!(on(&first, "pkg-000") && on(&first, "pkg-099") && !on(&first, "pkg-100"));
    let next = "alice/dev?prefix=&amp;after=pkg-099#projects";
    assert!(first.contains(next), "{first}");
    let second = page(&alice, "alice/dev?prefix=&after=pkg-099").await;
    assert!(on(&second, "pkg-100") && on(&second, "zopf") && !on(&second, "pkg-099"));
    assert!(second.contains("From the beginning") && !second.contains("Next page"));
    for (prefix, found) in
        [("zope", 2), ("ZOPE.", 2), ("zope-e", 1), ("zop%25", 0), ("%3Cx%3E~", 0), ("pkg-10", 2)]
    {
        let html = page(&alice, &format!("alice/dev?prefix={prefix}")).await;
        let projects = &html[html.find("id=\"projects\"").unwrap()..html.find("<aside").unwrap()];
        assert_eq!(projects.matches("<li>").count(), found, "{prefix}: {projects}");
        assert!(!html.contains("<x>"));
    }
}

#[tokio::test]
async fn it_is_told_what_keeps_a_mirror_out_and_why() {
    let server = Server::start().await;
    let upstream = Upstream::start();
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/base", json!({"bases": "alice/mirror"})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/base"})).await;
    alice.create_index("alice/alone", json!({})).await;
    let told = async |index: &str| {
        let text = seen(&page(&alice, index).await);
        text[text.find("What comes from mirrors").unwrap()..].to_owned()
    };
    in_order(&told("alice/alone").await, &["Nothing: no mirror is among what alice/alone inherits from"]);
    let plain = told("alice/dev").await;
    in_order(
        &plain,
        &["Projects that alice/dev , alice/base have are never taken from alice/mirror unless whitelisted"],
    );
    in_order(&plain, &["No project is whitelisted", "intersection"]);
    alice.patch("alice/base", json!({"mirror_whitelist": "numpy"})).await.expect(200);
    in_order(&told("alice/dev").await, &["No project is whitelisted"]);
    in_order(&told("alice/base").await, &["Whitelisted, so that files of mirrors stand beside ours: numpy"]);
    alice.patch("alice/dev", json!({"mirror_whitelist_inheritance": "union"})).await.expect(200);
    in_order(
        &told("alice/dev").await,
        &["numpy", "union : the whitelists of all stages in the order are added up"],
    );
    alice.patch("alice/dev", json!({"mirror_whitelist": "*"})).await.expect(200);
    in_order(&told("alice/dev").await, &["Everything that alice/mirror has: the whitelist is *"]);
    alice.patch("alice/mirror", json!({"mirror_whitelist_exempt": true})).await.expect(200);
    in_order(&told("alice/dev").await, &["alice/mirror is exempt"]);
    alice.patch("alice/base", json!({"mirror_whitelist": "pkg"})).await.expect(200);
    alice.upload_wheel("alice/base", "pkg", "1.0").await;
    in_order(&seen(&page(&alice, "alice/base").await), &["Projects on this index", "pkg whitelisted"]);
}

#[tokio::test]
async fn the_page_of_a_mirror_tells_its_upstream_and_how_fresh_it_is_without_asking_it() {
    let server = Server::start().await;
    let upstream = Upstream::start();
    upstream.add_wheel("far", "1.0");
    upstream.add_wheel("away", "1.0");
    let alice = server.user("alice").await;
    let url = upstream.mirror_url().replace("://", "://someone:s3cr3t@");
    let options =
        json!({"type": "mirror", "mirror_url": url, "mirror_cache_expiry": 600, "title": "The world"});
    alice.put("alice/mirror", options).await.expect(200);
    let html = page(&alice, "alice/mirror").await;
    assert_eq!(upstream.requests().len(), 0);
    in_order(
        &seen(&html),
        &["alice/mirror", "The world", "mirror", &upstream.mirror_url(), "none yet", "10 min"],
    );
    assert!(!html.contains("s3cr3t") && !html.contains("someone") && !html.contains("twine"), "{html}");
    alice.simple_list("alice/mirror").await.expect(200);
    alice.simple("alice/mirror", "far").await;
    let asked = upstream.requests().len();
    for server in [&server, &server.beside().await] {
        let text = seen(&page(&alice.at(&server.url), "alice/mirror").await);
        in_order(&text, &["Projects of the upstream", "away far", "Names known 2", "List checked", "UTC"]);
        let root = page(&alice.at(&server.url), "").await;
        assert!(!root.contains("s3cr3t") && root.contains(&upstream.mirror_url()), "{root}");
    }
    assert_eq!(upstream.requests().len(), asked);
}

#[tokio::test]
async fn what_users_write_is_text_and_nothing_else() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let evil = "\"><script>alert(1)</script>{{ 1234567 * 3 }}<svg onload=alert(1)>";
    alice.patch("alice", json!({"title": evil, "description": evil, "email": evil})).await.expect(200);
    let data = json!({"group": evil, "label": evil, "order": 1});
    let options = json!({"title": evil, "description": {"x": evil}, "custom_data": data});
    alice.create_index("alice/dev", options.clone()).await;
    alice.create_index("alice/heir", json!({"bases": "alice/dev"})).await;
    for path in ["", "alice", "alice/dev", "alice/heir", "alice/dev/+diagram.svg", "+diagram.svg"] {
        let text = plain(&alice.get_with(path, &[("accept", "text/html")]).await.expect(200));
        assert!(
            !text.contains("<script>") && !text.contains("onload=alert(1)>") && !text.contains("3703701"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_protected_index_is_on_no_page_of_those_who_may_not_read_it() {
    let server = Server::start().await;
    let (alice, carol) = (server.user("alice").await, server.user("carol").await);
    alice
        .create_index(
            "alice/hush",
            json!({"acl_read": "bob", "title": "Quiet", "mirror_whitelist": "covert"}),
        )
        .await;
    alice.upload_wheel("alice/hush", "covert-thing", "1.0").await;
    let options = json!({"bases": "alice/hush", "mirror_whitelist_inheritance": "union"});
    carol.create_index("carol/dev", options).await;
    for path in ["", "alice", "carol", "carol/dev"] {
        for client in [&carol, &server.anonymous()] {
            let html = page(client, path).await;
            assert!(
                !html.contains("Quiet") && !html.contains("covert") && !html.contains("/alice/hush"),
                "{html}"
            );
            // As in JSON, the bases of an index are told to all who may read it.
            assert_eq!(html.contains("alice/hush"), path != "alice", "{path}: {html}");
        }
        assert!(page(&alice, path).await.contains("/alice/hush"), "{path}");
    }
    carol.get_with("alice/hush", &[("accept", "text/html")]).await.expect(403);
}

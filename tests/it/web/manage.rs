//! What people change by forms, and that nothing is changed without one.

use super::visitor::{Visitor, forms};
use crate::harness::{Server, Upload, archive};
use regex::Regex;
use serde_json::{Value, json};

const HOSTILE: &str = "\"><script>alert(1)</script>'";

/// What no page may hold.
const RAW: &str = "<script>alert";

#[tokio::test]
async fn users_are_created_changed_and_deleted() {
    let server = Server::start().await;
    let root = Visitor::of(&server, "root", "root").await;
    let reply = root
        .fill(
            "+new-user",
            "/+new-user",
            &[("name", "alice"), ("password", "a"), ("password_again", "b"), ("title", HOSTILE)],
        )
        .await
        .expect(400);
    assert!(reply.text().contains("role=\"alert\">the two passwords are not the same"), "{reply}");
    assert!(reply.text().contains("value=\"alice\"") && !reply.text().contains(RAW), "{reply}");
    let typed = [("name", "alice"), ("password", " a "), ("password_again", " a "), ("email", "a@x")];
    let reply = root.fill("+new-user", "/+new-user", &typed).await.expect(303);
    assert_eq!(reply.header("location"), "/alice?done=user-created");
    let reply = root.fill("+new-user", "/+new-user", &typed).await.expect(409);
    assert!(reply.text().contains("user already exists"), "{reply}");

    let alice = Visitor::of(&server, "alice", " a ").await;
    let typed = [("title", HOSTILE), ("description", "two\r\nlines"), ("custom_data", "{\"a\": [1]}")];
    alice.fill("alice/+edit", "/alice/+edit", &typed).await.expect(303);
    let user = server.anonymous().get("alice").await.result();
    assert_eq!(
        (&user["title"], &user["description"], &user["custom_data"], &user["email"]),
        (&json!(HOSTILE), &json!("two\nlines"), &json!({"a": [1]}), &json!("a@x"))
    );
    let page = alice.get("alice/+edit").await.expect(200).text();
    assert!(!page.contains(RAW) && page.contains("a@x"), "{page}");
    let reply = alice.fill("alice/+edit", "/alice/+edit", &[("custom_data", "{")]).await.expect(400);
    assert!(reply.text().contains("Custom data must be JSON"), "{reply}");
    let before = server.serial().await;
    alice.fill("alice/+edit", "/alice/+edit", &[]).await.expect(303);
    assert_eq!(server.serial().await, before, "what is as it was is no change");
    alice.fill("alice/+edit", "/alice/+edit", &[("email", ""), ("custom_data", "")]).await.expect(303);
    let user = server.anonymous().get("alice").await.result();
    assert_eq!((&user["email"], &user["custom_data"]), (&Value::Null, &Value::Null));

    server.user("bob").await;
    let bob = Visitor::of(&server, "bob", "secret").await;
    for page in ["alice/+edit", "alice/+password", "alice/+delete", "alice/+tokens", "alice/+new-index"] {
        bob.get(page).await.expect(403);
        let reply = Visitor::new(&server).get(page).await;
        match page {
            "alice/+tokens" => assert_eq!(reply.status, 401),
            _ => assert_eq!(
                reply.header("location"),
                format!("/+login?next=%2F{}", page.replace('/', "%2F").replace('+', "%2B")),
                "{page}"
            ),
        }
    }
    let reply = alice.fill("alice/+delete", "/alice/+delete", &[("confirm", "Alice")]).await.expect(400);
    assert!(reply.text().contains("type alice to confirm"), "{reply}");
    alice.fill("alice/+delete", "/alice/+delete", &[("confirm", "alice")]).await.expect(303);
    server.anonymous().get("alice").await.expect(404);
}

#[tokio::test]
async fn where_everybody_may_create_users_nobody_needs_a_login_for_it() {
    let server = Server::start().await;
    let visitor = Visitor::new(&server);
    let typed = [("name", "alice"), ("password", "secret"), ("password_again", "secret")];
    let reply = visitor.fill("+new-user", "/+new-user", &typed).await.expect(303);
    assert_eq!(reply.header("location"), "/+login?done=user-created");
    Visitor::of(&server, "alice", "secret").await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let body = "name=eve&password=x&password_again=x";
    visitor.ask("POST", "+new-user", &[kind, ("origin", "https://evil.example")], body).await.expect(403);
    server.anonymous().get("eve").await.expect(404);

    let server = Server::start_with(|config| config.server.restrict_modify = Some(vec!["root".into()])).await;
    server.root().put("alice", json!({"password": "secret"})).await.expect(201);
    Visitor::new(&server).get("+new-user").await.expect(303);
    let alice = Visitor::of(&server, "alice", "secret").await;
    for page in ["+new-user", "alice/+edit", "alice/+delete", "alice/+new-index"] {
        alice.get(page).await.expect(403);
    }
    assert!(!alice.get("").await.text().contains("+new-user"));
    let typed = [("password", "new"), ("password_again", "new")];
    alice.fill("alice/+password", "/alice/+password", &typed).await.expect(303);
}

#[tokio::test]
async fn a_new_password_ends_other_sessions_and_not_ones_own() {
    let server = Server::start().await;
    server.user("alice").await;
    let here = Visitor::of(&server, "alice", "secret").await;
    let there = Visitor::of(&server, "alice", "secret").await;
    let form = there.form("alice/+edit", "/alice/+edit").await;
    let typed = [("password", "new"), ("password_again", "new")];
    let reply = here.fill("alice/+password", "/alice/+password", &typed).await.expect(303);
    assert_eq!(reply.header("location"), "/alice?done=password-changed");
    here.get("alice/+edit").await.expect(200);
    there.get("alice/+edit").await.expect(303);
    let reply = there.send(&form, &[("title", "x")]).await.expect(403);
    assert!(reply.text().contains("you are no longer logged in: load the page again"), "{reply}");
    Visitor::of(&server, "alice", "new").await;
}

#[tokio::test]
async fn an_index_is_created_and_its_settings_are_changed_field_by_field() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/base", json!({})).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let (page, action) = ("alice/+new-index", "/alice/+new-index");
    let reply =
        alice.fill(page, action, &[("name", "dev"), ("base_0", "no/where"), ("title", HOSTILE)]).await;
    assert!(reply.expect(400).text().contains("base index &#x27;no&#x2f;where&#x27; does not exist"));
    alice.fill(page, action, &[("name", "plain")]).await.expect(303);
    let mut defaults = api.get("alice/base?no_projects").await.result();
    assert_eq!(api.get("alice/plain?no_projects").await.result(), defaults);

    let typed = [
        ("name", "dev"),
        ("base_1", "alice/base"),
        ("title", HOSTILE),
        ("volatile", "-"),
        ("acl_read", "users"),
        ("acl_upload", "names"),
        ("acl_upload_names", "alice, bob"),
        ("mirror_whitelist", "Foo_Bar\r\nham"),
        ("custom_group", "Products"),
        ("custom_order", "2.5"),
    ];
    let reply = alice.fill(page, action, &typed).await.expect(303);
    assert_eq!(reply.header("location"), "/alice/dev?done=index-created");
    for (key, value) in [
        ("bases", json!(["alice/base"])),
        ("title", json!(HOSTILE)),
        ("volatile", json!(false)),
        ("acl_read", json!([":AUTHENTICATED:"])),
        ("acl_upload", json!(["alice", "bob"])),
        ("mirror_whitelist", json!(["foo-bar", "ham"])),
        ("custom_data", json!({"group": "Products", "order": 2.5})),
    ] {
        defaults[key] = value;
    }
    assert_eq!(api.get("alice/dev?no_projects").await.result(), defaults);

    let (page, action) = ("alice/dev/+edit", "/alice/dev/+edit");
    let before = server.serial().await;
    alice.fill(page, action, &[]).await.expect(303);
    assert_eq!(server.serial().await, before, "what is as it was is no change");
    assert!(!alice.get(page).await.text().contains(RAW));
    api.patch(
        "alice/dev",
        json!({"custom_data": {"group": "Products", "rest": [1]}, "acl_upload": [":authenticated:", "bob"]}),
    )
    .await
    .expect(200);
    let reply = alice.fill(page, action, &[("custom_order", "first"), ("title", "typed")]).await.expect(400);
    assert!(reply.text().contains("the order must be a number") && reply.text().contains("value=\"typed\""));
    let typed =
        [("base_0", ""), ("acl_read", "everybody"), ("title", ""), ("custom_group", ""), ("volatile", "on")];
    alice.fill(page, action, &typed).await.expect(303);
    let dev = api.get("alice/dev?no_projects").await.result();
    assert_eq!(
        [
            &dev["bases"],
            &dev["acl_read"],
            &dev["title"],
            &dev["custom_data"],
            &dev["volatile"],
            &dev["acl_upload"]
        ],
        [
            &json!([]),
            &Value::Null,
            &Value::Null,
            &json!({"rest": [1]}),
            &json!(true),
            &json!([":AUTHENTICATED:", "bob"])
        ]
    );
}

#[tokio::test]
async fn a_form_undoes_nothing_that_others_changed_since_it_was_loaded() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/base", json!({})).await;
    api.create_index("alice/other", json!({})).await;
    let settings = json!({
        "acl_upload": ["alice", "bob", "eve"], "acl_read": ["alice"], "title": "t", "description": "d",
        "bases": ["alice/base"], "custom_data": {"group": "g", "rest": 1}, "mirror_whitelist": ["one"],
    });
    api.create_index("alice/dev", settings).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let form = alice.form("alice/dev/+edit", "/alice/dev/+edit").await;
    let meanwhile = json!({
        "acl_upload": ["alice", "bob"], "acl_read": ["alice", "carol"], "title": "theirs", "volatile": false,
        "bases": [], "custom_data": {"group": "g", "rest": 2}, "mirror_whitelist": ["one", "two"],
    });
    api.patch("alice/dev", meanwhile).await.expect(200);
    let typed = [
        ("acl_upload_names", "alice, carol, eve"),
        ("description", "mine"),
        ("custom_label", "Mine"),
        ("base_1", "alice/other"),
        ("mirror_whitelist", "one, three"),
    ];
    alice.send(&form, &typed).await.expect(303);
    let now = api.get("alice/dev?no_projects").await.result();
    for (key, value) in [
        ("acl_upload", json!(["alice", "carol"])),
        ("acl_read", json!(["alice", "carol"])),
        ("title", json!("theirs")),
        ("description", json!("mine")),
        ("volatile", json!(false)),
        ("bases", json!(["alice/other"])),
        ("custom_data", json!({"group": "g", "label": "Mine", "rest": 2})),
        ("mirror_whitelist", json!(["one", "two", "three"])),
    ] {
        assert_eq!(now[key], value, "{key}");
    }

    api.patch("alice", json!({"title": "t", "email": "a@x", "description": "d"})).await.expect(200);
    let profile = alice.form("alice/+edit", "/alice/+edit").await;
    let meanwhile = json!({"title": "theirs", "email": "", "custom_data": [1]});
    api.patch("alice", meanwhile).await.expect(200);
    alice.send(&profile, &[("description", "mine")]).await.expect(303);
    let user = api.get("alice").await.result();
    assert_eq!(
        [&user["title"], &user["email"], &user["description"], &user["custom_data"]],
        [&json!("theirs"), &Value::Null, &json!("mine"), &json!([1])]
    );
    let before = server.serial().await;
    for was in ["-", "", "x", "[1]"] {
        for form in [&form, &profile] {
            let reply = alice.send(form, &[("was", was), ("title", "x")]).await.expect(400);
            assert!(reply.text().contains("the form is too old: load the page again"), "{reply}");
        }
    }
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn a_form_that_is_saved_as_it_was_changes_nothing_and_a_change_is_one() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    let mut bases = Vec::new();
    for number in 0..102 {
        let base = format!("alice/b{number}");
        api.create_index(&base, json!({})).await;
        bases.push(base);
    }
    let settings = json!({
        "acl_read": [":ANONYMOUS:"], "acl_upload": ["alice", "with space"], "title": " t\nu ", "description": "a\nb\n",
        "bases": bases, "custom_data": {"group": " g ", "order": 1.0},
    });
    api.create_index("alice/dev", settings.clone()).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let (page, action) = ("alice/dev/+edit", "/alice/dev/+edit");
    let before = server.serial().await;
    let form = alice.form(page, action).await;
    let sent = [("title", " tu "), ("description", "a\r\nb")];
    alice.send(&form, &sent).await.expect(303);
    assert_eq!(server.serial().await, before);
    alice.send(&form, &[("base_0", ""), ("title", "")]).await.expect(303);
    assert_eq!(server.serial().await, before + 1, "two options, one change");
    let now = api.get("alice/dev?no_projects").await.result();
    assert_eq!((&now["bases"], &now["title"]), (&json!(bases[1..]), &Value::Null));
    assert_eq!(now["acl_upload"], settings["acl_upload"]);

    // A base that is gone keeps nobody from taking away something else.
    api.delete("alice/b5").await.expect(201);
    alice.fill(page, action, &[("description", "")]).await.expect(303);
    assert_eq!(api.get("alice/dev?no_projects").await.result()["description"], Value::Null);
}

#[tokio::test]
async fn a_token_sees_the_deletions_that_it_may_do() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({})).await;
    api.upload_wheel("alice/dev", "pkg", "1.0").await;
    for (allowed, expected) in [
        (json!(["pkg_read", "del_verdata"]), ["delete"]),
        (json!(["pkg_read", "del_entry"]), ["delete-file"]),
    ] {
        let made = api.post("alice/+token-create", json!({"allowed": allowed})).await.expect(200).result();
        let ci = Visitor::of(&server, "alice", made["token"].as_str().unwrap()).await;
        let page = ci.get("alice/dev/pkg/1.0/+manage").await.expect(200).text();
        let offered: Vec<_> = forms(&page)
            .iter()
            .filter_map(|form| form.fields.get("do").cloned())
            .filter(|it| it.starts_with("del"))
            .collect();
        assert_eq!(offered, expected, "{allowed}");
    }
}

#[tokio::test]
async fn the_password_of_an_upstream_is_not_shown_and_stays_with_its_url() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let typed = [
        ("name", "mirror"),
        ("type", "mirror"),
        ("mirror_url", "http://user:pass@127.0.0.1:1/simple/"),
        ("mirror_timeout", "9"),
        ("mirror_use_external_urls", "on"),
    ];
    alice.fill("alice/+new-index", "/alice/+new-index", &typed).await.expect(303);
    let mirror = json!({
        "type": "mirror", "volatile": true, "mirror_url": "http://127.0.0.1:1/simple/", "mirror_timeout": 9,
        "mirror_use_external_urls": true,
    });
    assert_eq!(api.get("alice/mirror?no_projects").await.result(), mirror);
    let (page, action) = ("alice/mirror/+edit", "/alice/mirror/+edit");
    assert!(!alice.get(page).await.text().contains("user:pass"));
    let typed = [("mirror_timeout", ""), ("mirror_use_external_urls", "-"), ("title", "t")];
    alice.fill(page, action, &typed).await.expect(303);
    assert_eq!(api.get("alice/mirror?no_projects").await.result()["title"], "t");
    let name = "alice/mirror".parse().unwrap();
    let caller = wheelyard::model::access::Caller::default();
    let (index, _) = wheelyard::ops::indexes::show(&server.service, &caller, &name, false).await.unwrap();
    let stored = index.settings.stored();
    assert_eq!(stored["mirror_url"], "http://user:pass@127.0.0.1:1/simple/");
    assert_eq!((stored.get("mirror_timeout"), &stored["mirror_use_external_urls"]), (None, &json!(false)));
    let reply = alice.fill(page, action, &[("mirror_timeout", "301")]).await.expect(400);
    assert!(reply.text().contains("must be an integer from 1 to 300"), "{reply}");
}

#[tokio::test]
async fn an_index_is_deleted_when_it_is_volatile_and_its_name_is_typed() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({"volatile": false})).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let page = alice.get("alice/dev/+delete").await.expect(200).text();
    assert!(page.contains("not volatile") && !page.contains("name=\"confirm\""), "{page}");
    assert!(alice.get("alice/+delete").await.text().contains("alice&#x2f;dev"));
    api.patch("alice/dev", json!({"volatile": true})).await.expect(200);
    let fill =
        async |typed| alice.fill("alice/dev/+delete", "/alice/dev/+delete", &[("confirm", typed)]).await;
    fill("dev").await.expect(400);
    assert_eq!(fill("alice/dev").await.expect(303).header("location"), "/alice?done=index-deleted");
    api.get("alice/dev").await.expect(404);
}

#[tokio::test]
async fn a_token_is_shown_once_and_can_be_revoked() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({})).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let (page, action) = ("alice/+tokens", "/alice/+tokens");
    let typed =
        [("description", HOSTILE), ("indexes", "alice/dev"), ("may_pkg_read", "-"), ("expires", "30")];
    let reply = alice.fill(page, action, &typed).await.expect(200);
    assert_eq!(reply.header("cache-control"), "no-store");
    let text = reply.text();
    assert!(!text.contains(RAW), "{text}");
    let token = Regex::new("whl_[A-Za-z0-9_-]+").unwrap().find(&text).unwrap().as_str().to_owned();
    assert!(text.contains("twine upload") && text.contains("uv publish") && text.contains("pip install"));
    let ci = api.with_secret(&token);
    ci.upload_wheel("alice/dev", "pkg", "1.0").await;
    ci.delete("alice/dev/pkg").await.expect(403);
    let made = api.get("alice/+tokens").await.result()["tokens"].as_object().unwrap().clone();
    let (id, token) = made.into_iter().next().unwrap();
    assert_eq!(token["restrictions"][0], "allowed=upload");
    assert_eq!(token["restrictions"][1], "indexes=alice/dev");

    let page_text = alice.get(page).await.expect(200).text();
    assert!(page_text.contains(&id) && !page_text.contains("whl_"), "{page_text}");
    for (typed, status, message) in [
        (&[("may_pkg_read", "-"), ("may_upload", "-")][..], 400, "choose at least one"),
        (&[("indexes", "nonsense")], 400, "is not in the form user"),
        (&[("expires", "never")], 403, "more than one year"),
    ] {
        let reply = alice.fill(page, action, typed).await.expect(status);
        assert!(reply.text().contains(message), "{reply}");
    }
    alice.fill(page, &format!("{action}/{id}"), &[]).await.expect(303);
    ci.upload("alice/dev", Upload::new("pkg", "1.1", archive::wheel("pkg", "1.1"))).await.expect(401);
}

#[tokio::test]
async fn trusted_publishers_are_named_and_deleted() {
    let issuer = "https://ci.example";
    let server = Server::start_with(|config| config.server.oidc_issuer = vec![issuer.into()]).await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({})).await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let (page, action) = ("alice/dev/+publishers", "/alice/dev/+publishers");
    let reply = alice.fill(page, action, &[("value_1", HOSTILE)]).await.expect(400);
    assert!(reply.text().contains("claims must tell whose jobs they are") && !reply.text().contains(RAW));
    let typed = [("value_0", "octo/app"), ("projects", "One, two")];
    alice.fill(page, action, &typed).await.expect(303);
    let made = api.get(page).await.result();
    assert_eq!(
        (&made[0]["claims"], &made[0]["projects"]),
        (&json!({"repository": "octo/app"}), &json!(["one", "two"]))
    );
    let id = made[0]["id"].as_str().unwrap();
    alice.fill(page, &format!("{action}/{id}"), &[]).await.expect(303);
    assert_eq!(api.get(page).await.result(), json!([]));
    server.user("bob").await;
    Visitor::of(&server, "bob", "secret").await.get(page).await.expect(403);
}

#[tokio::test]
async fn releases_are_yanked_pushed_and_deleted_and_projects_archived() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({})).await;
    api.create_index("alice/prod", json!({"volatile": false})).await;
    let wheel = api.upload_wheel("alice/dev", "pkg", "1.0").await;
    let sdist = archive::sdist("pkg", "1.0");
    let sdist_name = sdist.0.clone();
    api.upload("alice/dev", Upload::new("pkg", "1.0", sdist)).await.expect(200);
    let alice = Visitor::of(&server, "alice", "secret").await;
    let (page, action) = ("alice/dev/pkg/1.0/+manage", "/alice/dev/pkg/1.0/+manage");
    let yanked = async || {
        let files = api.simple("alice/dev", "pkg").await["files"].as_array().unwrap().clone();
        files.into_iter().map(|file| file.get("yanked").cloned().unwrap_or_default()).collect::<Vec<_>>()
    };
    alice.fill(page, action, &[("do", "yank"), ("reason", HOSTILE)]).await.expect(303);
    assert_eq!(yanked().await, [json!(HOSTILE), json!(HOSTILE)]);
    assert!(!alice.get(page).await.expect(200).text().contains(RAW));
    let form = alice.fill(page, action, &[("do", "unyank-file"), ("file", &wheel)]).await.expect(303);
    assert_eq!(form.header("location"), "/alice/dev/pkg/1.0/+manage?done=unyanked");
    assert_eq!(yanked().await.iter().filter(|it| **it == json!(HOSTILE)).count(), 1);
    alice.fill(page, action, &[("do", "yank-file"), ("file", "no.whl")]).await.expect(404);

    let reply = alice.fill(page, action, &[("do", "push")]).await.expect(303);
    assert_eq!(reply.header("location"), "/alice/prod/pkg/1.0?done=pushed");
    assert_eq!(api.filenames("alice/prod", "pkg").await.len(), 2);
    let reply = alice.fill(page, action, &[("do", "push")]).await.expect(409);
    assert!(reply.text().contains("already exists in non-volatile index"), "{reply}");
    let prod = alice.get("alice/prod/pkg/1.0/+manage").await.expect(200).text();
    assert!(prod.contains("is not volatile") && !prod.contains("value=\"delete\""), "{prod}");

    let typed = [("do", "delete-file"), ("file", sdist_name.as_str()), ("confirm", sdist_name.as_str())];
    alice.fill(page, action, &typed).await.expect(303);
    assert_eq!(api.filenames("alice/dev", "pkg").await, [wheel]);
    alice.fill(page, action, &[("do", "delete"), ("confirm", "1")]).await.expect(400);
    alice.fill(page, action, &[("do", "delete"), ("confirm", "1.0")]).await.expect(303);
    alice.get(page).await.expect(404);

    let (page, action) = ("alice/prod/pkg/+manage", "/alice/prod/pkg/+manage");
    alice
        .fill(page, action, &[("do", "status"), ("status", "archived"), ("reason", HOSTILE)])
        .await
        .expect(303);
    let status = api.simple("alice/prod", "pkg").await["project-status"].clone();
    assert_eq!(status, json!({"status": "archived", "reason": HOSTILE}));
    let text = alice.get(page).await.expect(200).text();
    assert!(text.contains("value=\"archived\" selected") && !text.contains(RAW), "{text}");
    assert!(text.contains("is not volatile"));
    alice.fill(page, action, &[("do", "status"), ("status", "gone")]).await.expect(400);

    api.upload_wheel("alice/dev", "pkg", "2.0").await;
    let (page, action) = ("alice/dev/pkg/+manage", "/alice/dev/pkg/+manage");
    alice.fill(page, action, &[("do", "delete"), ("confirm", "pkg")]).await.expect(303);
    api.get("alice/dev/pkg").await.expect(404);
}

#[tokio::test]
async fn a_push_by_a_form_takes_as_long_as_its_bytes() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/dev", json!({})).await;
    api.create_index("alice/prod", json!({})).await;
    let wheel = api.upload_wheel("alice/dev", "pkg", "1.0").await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let page = alice.get("alice/dev/pkg/1.0/+manage").await.expect(200).text();
    let form =
        |what: &str| forms(&page).into_iter().find(|form| form.fields.get("do").is_some_and(|it| it == what));
    let profile = alice.form("alice/+edit", "/alice/+edit").await;
    let hasty = server.beside_with(|config| config.server.request_timeout = 0).await;
    let mut there = Visitor::new(&hasty);
    there.cookie = alice.cookie.clone();
    there.send(&profile, &[("title", "x")]).await.expect(503);
    there.send(&form("push").unwrap(), &[]).await.expect(303);
    assert_eq!(api.filenames("alice/prod", "pkg").await, [wheel]);
}

#[tokio::test]
async fn forms_of_a_protected_index_show_nothing_to_strangers_nor_more_than_they_may_to_readers() {
    let server = Server::start().await;
    let api = server.user("alice").await;
    api.create_index("alice/secret", json!({"acl_read": "bob", "title": "Plan nine"})).await;
    api.upload_wheel("alice/secret", "pkg", "1.0").await;
    server.user("bob").await;
    server.user("carol").await;
    let (bob, carol) =
        (Visitor::of(&server, "bob", "secret").await, Visitor::of(&server, "carol", "secret").await);
    for form in ["+edit", "+delete", "+upload", "+publishers", "pkg/+manage", "pkg/1.0/+manage"] {
        let page = format!("alice/secret/{form}");
        let reply = Visitor::new(&server).get(&page).await;
        assert_eq!(reply.status, if form == "+publishers" { 401 } else { 303 }, "{page}");
        let reply = carol.get(&page).await.expect(403);
        assert!(!reply.text().contains("Plan nine"), "{reply}");
        let reply = bob.get(&page).await.expect(if form == "pkg/1.0/+manage" { 200 } else { 403 });
        for button in ["value=\"yank\"", "value=\"delete\"", "name=\"confirm\""] {
            assert!(!reply.text().contains(button), "{page}: {button}");
        }
    }
    for index in ["alice/+new-index", "carol/+new-index"] {
        let reply = carol.get(index).await;
        assert!(!reply.text().contains("alice&#x2f;secret"), "{reply}");
    }
    let page = carol.get("carol/+new-index").await.expect(200).text();
    assert!(!page.contains("secret&quot;"), "{page}");
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing_on_any_route() {
    let server = Server::start_with(|config| {
        config.server.restrict_modify = Some(vec!["root".into()]);
        config.server.oidc_issuer = vec!["https://ci.example".into()];
    })
    .await;
    let api = server.root();
    api.create_index("root/dev", json!({"acl_toxresult_upload": ["root"]})).await;
    api.create_index("root/target", json!({})).await;
    api.upload_wheel("root/dev", "pkg", "1.0").await;
    let file = api.file_path("root/dev", "pkg", "pkg-1.0-py3-none-any.whl").await;
    let token = api.post("root/+token-create", json!({})).await.expect(200).result();
    let publisher = json!({"issuer": "https://ci.example", "claims": {"sub": "x"}});
    let publisher = api.post("root/dev/+publishers", publisher).await.expect(201).result();
    let root = Visitor::of(&server, "root", "root").await;
    let before = server.serial().await;
    let json_body = json!({
        "name": "pkg", "version": "1.0", "targetindex": "root/target", "password": "x", "volatile": false,
        "status": "archived", "yanked": true, "issuer": "https://ci.example", "claims": {"sub": "y"},
    });
    let form_body =
        "csrf_token=x&name=new&password=x&password_again=x&confirm=root/dev&do=delete&status=archived";
    let upload = crate::harness::RawForm::upload("pkg", "2.0");
    let (_, wheel) = archive::wheel("pkg", "2.0");
    let upload = upload.file("content", "pkg-2.0-py3-none-any.whl", &wheel).finish();
    let source = include_str!("../../../src/http/router.rs");
    let route = Regex::new(r#"\.route\(\s*"(/[^"]*)""#).unwrap();
    // These answer anybody, and change nothing for anybody.
    let harmless = ["+authcheck", "burn-token", "/refresh"];
    let mut count = 0;
    for found in route.captures_iter(source) {
        let id = if found[1].contains("+publishers") { &publisher["id"] } else { &token["id"] };
        let filled = [
            ("{user}/{index}/+f/{first}/{next}/{filename}", file.as_str()),
            ("{user}/{index}/+e/{dir}/{filename}", "root/dev/+e/x/y"),
            ("{id}", id.as_str().unwrap()),
            ("{user}", "root"),
            ("{index}", "dev"),
            ("{project}", "pkg"),
            ("{version}", "1.0"),
            ("{serial}", "1"),
            ("{*path}", "x"),
        ];
        let path = filled.iter().fold(found[1][1..].to_owned(), |path, (from, to)| path.replace(from, to));
        for (kind, body) in [
            ("application/json", json_body.to_string().into_bytes()),
            ("application/x-www-form-urlencoded", form_body.as_bytes().to_vec()),
            (crate::harness::RawForm::CONTENT_TYPE, upload.clone()),
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE", "PUSH"] {
                let reply = root.ask(method, &path, &[("content-type", kind)], body.clone()).await;
                assert!(
                    reply.status >= 400 || harmless.iter().any(|route| found[1].ends_with(route)),
                    "{method} {path} {kind}: {reply}"
                );
                count += 1;
            }
        }
    }
    assert!(count > 500);
    assert_eq!(server.serial().await, before);
    assert_eq!(api.get("root/+tokens").await.result()["tokens"].as_object().unwrap().len(), 1);
    assert_eq!(api.get("root/dev/+publishers").await.result().as_array().unwrap().len(), 1);

    // With the proof they do.
    let form = root.form("root/+edit", "/root/+edit").await;
    let proof = form.fields["csrf_token"].as_str();
    let headers = [("content-type", "application/json"), ("x-csrf-token", proof)];
    root.ask("PATCH", "root/dev", &headers, "{\"volatile\": false}").await.expect(200);
    for wrong in ["", "x", &proof[1..], &format!("{proof}x")] {
        let headers = [("content-type", "application/json"), ("x-csrf-token", wrong)];
        root.ask("PATCH", "root/dev", &headers, "{\"volatile\": true}").await.expect(403);
        root.send(&form, &[("csrf_token", wrong), ("title", "x")]).await.expect(403);
    }
    // The proof of one session is none of another.
    let other = Visitor::of(&server, "root", "root").await;
    other.send(&form, &[("title", "x")]).await.expect(403);
}

#[tokio::test]
async fn a_form_is_bounded() {
    let server = Server::start().await;
    server.user("alice").await;
    let alice = Visitor::of(&server, "alice", "secret").await;
    let form = alice.form("alice/+edit", "/alice/+edit").await;
    let reply = alice.send(&form, &[("title", &"x".repeat(300 << 10))]).await.expect(400);
    assert!(reply.text().contains("larger than 262144 bytes"), "{reply}");
    alice.send(&form, &[("title", "a\0b")]).await.expect(400);
}

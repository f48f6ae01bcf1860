//! Indexes: their settings, how a PATCH changes them, and when they go.

use crate::harness::{Client, Server};
use serde_json::{Value, json};

/// What a new index of alice has.
fn defaults() -> Value {
    json!({
        "type": "stage", "volatile": true, "bases": [], "acl_upload": ["alice"],
        "acl_toxresult_upload": [":ANONYMOUS:"], "mirror_whitelist": [],
        "mirror_whitelist_inheritance": "intersection",
    })
}

#[tokio::test]
async fn a_new_index_has_the_defaults_and_is_listed_everywhere() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let created = alice.put("alice/dev", json!({})).await.expect(200);
    assert_eq!(created.header("content-type"), "application/json");
    assert_eq!(created.json(), json!({"result": defaults(), "type": "indexconfig"}));
    alice.put("alice/other/", json!({"title": "t"})).await.expect(200);

    let anonymous = server.anonymous();
    let mut with_projects = defaults();
    with_projects["projects"] = json!([]);
    for (path, expected) in [
        ("alice/dev", with_projects.clone()),
        ("alice/dev/", with_projects.clone()),
        ("alice/dev?no_projects", defaults()),
        ("alice/dev?no_projects=", defaults()),
        ("alice/dev/?no_projects=1", defaults()),
    ] {
        let reply = anonymous.get(path).await.expect(200);
        assert_eq!(reply.json(), json!({"result": expected, "type": "indexconfig"}), "{path}");
    }
    for indexes in [
        anonymous.get("alice").await.result()["indexes"].clone(),
        anonymous.get("").await.result()["alice"]["indexes"].clone(),
    ] {
        assert_eq!(indexes["dev"], defaults());
        assert_eq!(indexes["other"]["title"], "t");
        assert_eq!(indexes.as_object().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn an_index_lists_its_own_projects_by_normal_name() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/base"})).await;
    alice.upload_wheel("alice/base", "hidden", "1.0").await;
    for name in ["Zebra.X", "apple", "Mango_"] {
        alice.upload_wheel("alice/dev", name.trim_end_matches('_'), "1.0").await;
    }
    let projects = alice.get("alice/dev").await.result()["projects"].clone();
    assert_eq!(projects, json!(["apple", "mango", "zebra-x"]));
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_in_devpis_words() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    alice.create_index("alice/dev", json!({})).await;
    let before = server.serial().await;
    let blocked = "contains characters that aren't allowed. Any ascii symbol besides -.@_ is blocked.";
    let blocked = format!("indexname 'a:b' {blocked}");
    let root = server.root();
    for (client, path, options, status, message) in [
        (&alice, "alice/dev", json!({}), 409, "index 'alice/dev' exists"),
        (&alice, "alice/dev", json!({"foo": 1}), 409, "index 'alice/dev' exists"),
        (&bob, "alice/x", json!({}), 403, "no permission to create index alice/x"),
        (&server.anonymous(), "alice/x", json!({}), 403, "no permission to create index alice/x"),
        (&root, "nobody/x", json!({}), 404, "no user 'nobody'"),
        (&alice, "alice/a:b", json!({}), 400, &blocked),
        (&alice, "alice/x", json!({"type": "foo"}), 400, "unknown index type 'foo'"),
        (&alice, "alice/x", json!({"type": 1}), 400, "unknown index type 1"),
        (&alice, "alice/x", json!({"volatile": "x"}), 400, "Unknown boolean value 'x'."),
        (&alice, "alice/x", json!({"acl_upload": 1}), 400, "Unknown list value 1."),
        (&alice, "alice/x", json!({"acl_upload": [1]}), 400, "Unknown list value [1]."),
        (
            &alice,
            "alice/x",
            json!({"bases": "alice/none,bob/none"}),
            400,
            "base index 'alice/none' does not exist, base index 'bob/none' does not exist",
        ),
        (
            &alice,
            "alice/x",
            json!({"bases": ["a/b/c", "x"]}),
            400,
            "invalid base index spec: 'a/b/c', invalid base index spec: 'x'",
        ),
        (
            &alice,
            "alice/x",
            json!({"bases": "alice/x"}),
            400,
            "base index 'alice/x' would make the index inherit from itself",
        ),
        (
            &alice,
            "alice/x",
            json!({"foo": "bar", "ham": 1}),
            400,
            "indexconfig got unexpected keyword arguments: foo=bar, ham=1",
        ),
        (
            &alice,
            "alice/x",
            json!({"mirror_whitelist_inheritance": "x"}),
            400,
            "Unknown value 'x' for mirror_whitelist_inheritance, must be 'intersection' or 'union'.",
        ),
    ] {
        let reply = client.put(path, options.clone()).await.expect(status);
        assert_eq!(reply.json(), json!({"message": message}), "{path} {options}");
    }
    for path in ["alice/x", "alice/x/", "alice/x/+api", "nobody/x"] {
        let name = path.trim_end_matches("/+api").trim_end_matches('/');
        let message = format!("The stage {name} could not be found.");
        assert_eq!(alice.get(path).await.expect(404).json(), json!({"message": message}));
    }
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn root_may_create_change_and_delete_the_index_of_anybody() {
    let server = Server::start().await;
    server.user("alice").await;
    let root = server.root();
    assert_eq!(root.put("alice/dev", json!({})).await.expect(200).result(), defaults());
    root.patch("alice/dev", json!({"title": "t"})).await.expect(200);
    root.delete("alice/dev").await.expect(201);
}

#[tokio::test]
async fn a_patch_with_an_object_changes_the_keys_it_has() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/dev", json!({"title": "t"})).await;
    let mut expected = defaults();
    expected["title"] = "t".into();
    for (patch, key, value) in [
        (json!({"volatile": "False"}), "volatile", json!(false)),
        (json!({"bases": "/alice/base/"}), "bases", json!(["alice/base"])),
        (json!({"acl_upload": "bob, :authenticated:,"}), "acl_upload", json!(["bob", ":AUTHENTICATED:"])),
        (json!({"mirror_whitelist": ["Foo.Bar", "*"]}), "mirror_whitelist", json!(["foo-bar", "*"])),
        (json!({"custom_data": {"a": [1]}, "projects": ["x"]}), "custom_data", json!({"a": [1]})),
        (json!({"description": 1, "type": "stage"}), "description", json!(1)),
        (json!({"acl_read": []}), "acl_read", json!([])),
    ] {
        expected[key] = value;
        let reply = alice.patch("alice/dev", patch.clone()).await.expect(200);
        assert_eq!(reply.json(), json!({"result": expected, "type": "indexconfig"}), "{patch}");
        assert_eq!(alice.get("alice/dev?no_projects").await.result(), expected);
    }
    // A whole reply, sent back with a change, is understood.
    let mut reply = alice.get("alice/dev").await.json();
    reply["result"]["title"] = "new".into();
    assert_eq!(alice.patch("alice/dev", reply).await.expect(200).result()["title"], "new");
}

#[tokio::test]
async fn a_patch_with_operations_sets_adds_and_removes() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/base", json!({})).await;
    alice.create_index("alice/dev", json!({})).await;
    for (operations, key, value) in [
        (json!(["bases+=alice/base"]), "bases", json!(["alice/base"])),
        (json!(["bases+=alice/base"]), "bases", json!(["alice/base"])),
        (json!(["bases="]), "bases", json!([])),
        (json!(["acl_upload+=bob", "volatile=no", "title=a=b"]), "acl_upload", json!(["alice", "bob"])),
        (json!(["acl_upload-=alice"]), "acl_upload", json!(["bob"])),
        (json!(["acl_upload=x,:anonymous:"]), "acl_upload", json!(["x", ":ANONYMOUS:"])),
        (json!(["title-="]), "title", json!(null)),
        (json!(["never_heard_of-="]), "volatile", json!(false)),
        (json!(["acl_read+=bob"]), "acl_read", json!(["bob"])),
        (json!(["acl_read-=bob"]), "acl_read", json!([])),
        (json!(["acl_read-="]), "acl_read", json!(null)),
    ] {
        let settings = alice.patch("alice/dev", operations.clone()).await.expect(200).result();
        assert_eq!(settings[key], value, "{operations}");
    }
    let stored = alice.get("alice/dev").await.result();
    let before = server.serial().await;
    for (operations, message) in [
        (json!(["acl_upload-=bob"]), "The 'acl_upload' setting doesn't have value 'bob'"),
        (json!(["title=kept?", "bases+=alice/none"]), "base index 'alice/none' does not exist"),
        (json!(["bases-="]), "Default values can't be removed."),
        (json!(["type-="]), "the 'type' of an index can't be changed"),
        (json!(["type=mirror"]), "the 'type' of an index can't be changed"),
        (json!(["foo=bar"]), "indexconfig got unexpected keyword arguments: foo=bar"),
        (json!(["=bar"]), "indexconfig got unexpected keyword arguments: =bar"),
        (json!(["foo+=bar"]), "indexconfig got unexpected keyword arguments: foo"),
        (json!(["title+=x"]), "The 'title' setting isn't a list: use title=VALUE"),
        (json!({"title": null}), "'title' can't be null: the operation \"title-=\" removes it"),
        (json!({"type": "mirror"}), "the 'type' of an index can't be changed"),
        (json!({"title": "kept?", "foo": 1}), "indexconfig got unexpected keyword arguments: foo=1"),
    ] {
        let reply = alice.patch("alice/dev", operations.clone()).await.expect(400);
        assert_eq!(reply.json(), json!({"message": message}), "{operations}");
    }
    assert_eq!(alice.get("alice/dev").await.result(), stored);
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn a_change_without_effect_takes_no_serial_and_is_an_error_for_whom_it_is_one() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({"title": "t"})).await;
    let before = server.serial().await;
    let whole = alice.get("alice/dev").await.result();
    for patch in
        [json!({"title": "t"}), json!({}), json!([]), json!(["acl_upload+=alice"]), json!(["x-="]), whole]
    {
        alice.patch("alice/dev", patch.clone()).await.expect(200);
        for path in ["alice/dev?error_on_noop", "alice/dev?error_on_noop=", "alice/dev/?error_on_noop=1"] {
            let reply = alice.patch(path, patch.clone()).await.expect(400);
            assert_eq!(reply.message(), "The requested modifications resulted in no changes", "{patch}");
        }
    }
    assert_eq!(server.serial().await, before);
    alice.patch("alice/dev?error_on_noop=", json!(["title=u"])).await.expect(200);
    assert_eq!(alice.get("alice/dev").await.result()["title"], "u");
}

#[tokio::test]
async fn permission_to_change_an_index_is_asked_before_whether_it_exists() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    alice.create_index("alice/dev", json!({})).await;
    let before = server.serial().await;
    for client in [&bob, &server.anonymous()] {
        for path in ["alice/dev", "alice/none", "nobody/none"] {
            client.patch(path, json!({})).await.expect(403);
            client.delete(path).await.expect(403);
        }
    }
    alice.patch("alice/none", json!({})).await.expect(404);
    alice.delete("alice/none").await.expect(404);
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn a_non_volatile_index_stays_until_it_is_volatile() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/prod", json!({"volatile": false})).await;
    let wheel = alice.upload_wheel("alice/prod", "pkg", "1.0").await;
    let path = alice.file_path("alice/prod", "pkg", &wheel).await;
    let before = server.serial().await;
    for client in [&alice, &server.root()] {
        for path in ["alice/prod", "alice/prod/?force"] {
            let reply = client.delete(path).await.expect(403);
            assert_eq!(reply.json(), json!({"message": "index alice/prod non-volatile, cannot delete"}));
        }
    }
    assert_eq!(server.serial().await, before);
    alice.patch("alice/prod", json!(["volatile=yes"])).await.expect(200);
    let reply = alice.delete("alice/prod").await.expect(201);
    assert_eq!(reply.json(), json!({"message": "index alice/prod deleted"}));
    alice.get("alice/prod").await.expect(404);
    alice.simple_page("alice/prod", "pkg", &[]).await.expect(404);
    assert!([404, 410].contains(&alice.get_with(&path, &[]).await.status));
    assert_eq!(alice.get("alice").await.result()["indexes"], json!({}));
}

#[tokio::test]
async fn two_who_create_one_index_do_not_both_succeed() {
    let one = Server::start().await;
    let two = one.beside().await;
    let alice = one.user("alice").await;
    let create = async |client: Client| client.put("alice/dev", json!({})).await.status;
    let wishes =
        (0..8).map(|number| create(if number % 2 == 0 { alice.clone() } else { alice.at(&two.url) }));
    let mut statuses = futures::future::join_all(wishes).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
}

//! Private projects: what a stage has, no mirror may add to, unless somebody said so.

use crate::harness::{Client, Server, Upstream};
use serde_json::{Value, json};

const OWN: &str = "pkg-1.0-py3-none-any.whl";
const MIRRORED: &str = "pkg-9.0-py3-none-any.whl";

/// Alice with `alice/mirror` and, in this order of inheritance, `alice/dev`, `alice/base` and the mirror. The upstream has
/// `pkg` and `other`.
async fn alice_with_stages(server: &Server, upstream: &Upstream, dev: Value, base: Value) -> Client {
    for project in ["pkg", "other"] {
        upstream.add_wheel(project, "9.0");
    }
    let alice = server.alice_with_mirror(upstream, json!({"mirror_no_project_list": true})).await;
    for (index, bases, options) in [("alice/base", "alice/mirror", base), ("alice/dev", "alice/base", dev)] {
        let mut settings = json!({"bases": bases});
        settings.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        alice.create_index(index, settings).await;
    }
    alice
}

/// The page for people.
async fn html(client: &Client, index: &str, project: &str) -> String {
    let reply = client.get_with(&format!("{index}/+simple/{project}/"), &[("accept", "text/html")]).await;
    reply.expect(200).text()
}

#[track_caller]
fn assert_says_what_is_left_out(page: &str, mirror: &str) {
    for words in ["mirror_whitelist", mirror] {
        assert!(page.contains(words), "{words} in {page}");
    }
}

#[tokio::test]
async fn a_private_project_keeps_the_mirror_out_and_is_not_told_to_the_upstream() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_stages(&server, &upstream, json!({}), json!({})).await;
    for index in ["alice/dev", "alice/base"] {
        alice.upload_wheel(index, "pkg", "1.0").await;
        assert_eq!(alice.filenames("alice/dev", "pkg").await, [OWN], "{index}");
        assert_says_what_is_left_out(&html(&alice, "alice/dev", "pkg").await, "alice/mirror");
        let versions = alice.get("alice/dev/pkg").await.expect(200).result();
        assert!(versions.as_object().unwrap().keys().eq(["1.0"]), "{versions}");
        alice.get("alice/dev/pkg/9.0").await.expect(404);
        alice.simple_list("alice/dev").await.expect(200);
        assert_eq!(upstream.page_requests("pkg"), 0);
        alice.delete(&format!("{index}/pkg")).await.expect(200);
    }
    // Nobody has it any more.
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [MIRRORED]);
}

#[tokio::test]
async fn the_name_decides_in_whatever_way_it_is_written() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_stages(&server, &upstream, json!({}), json!({})).await;
    upstream.add_wheel("my-pkg", "9.0");
    alice.upload_wheel("alice/dev", "My.Pkg", "1.0").await;
    for name in ["my-pkg", "My_Pkg", "MY.PKG"] {
        let reply = alice.simple_page("alice/dev", name, &[]).await;
        let reply = match reply.status {
            200 => reply,
            _ => alice.simple_page("alice/dev", "my-pkg", &[]).await,
        };
        assert_eq!(reply.expect(200).json()["versions"], json!(["1.0"]), "{name}");
        let versions = alice.get("alice/dev/my-pkg").await.expect(200).result();
        assert!(versions.as_object().unwrap().keys().eq(["1.0"]), "{versions}");
    }
    assert_eq!(upstream.page_requests("my-pkg"), 0);
}

#[tokio::test]
async fn other_projects_come_from_the_mirror_without_a_word() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_stages(&server, &upstream, json!({}), json!({})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    assert_eq!(alice.filenames("alice/dev", "other").await, ["other-9.0-py3-none-any.whl"]);
    let page = html(&alice, "alice/dev", "other").await;
    assert!(!page.contains("mirror_whitelist"), "{page}");
    let page = html(&alice, "alice/mirror", "pkg").await;
    assert!(page.contains(MIRRORED) && !page.contains("mirror_whitelist"), "{page}");
}

#[tokio::test]
async fn a_whitelist_opens_the_mirror_where_it_counts() {
    let upstream = Upstream::start();
    let union = "union";
    for (dev, base, inheritance, opens) in [
        (json!(["pkg"]), json!([]), "intersection", true),
        (json!(["Pkg"]), json!([]), "intersection", true),
        (json!(["*"]), json!([]), "intersection", true),
        (json!(["pkg"]), json!([]), union, true),
        (json!(["other"]), json!([]), union, false),
        (json!([]), json!(["pkg"]), "intersection", false),
        (json!(["other"]), json!(["pkg"]), "intersection", false),
        (json!([]), json!(["*"]), "intersection", false),
    ] {
        let server = Server::start().await;
        let dev_options = json!({"mirror_whitelist": dev, "mirror_whitelist_inheritance": inheritance});
        let alice =
            alice_with_stages(&server, &upstream, dev_options, json!({"mirror_whitelist": base})).await;
        alice.upload_wheel("alice/dev", "pkg", "1.0").await;
        upstream.clear_requests();
        let case = format!("{dev} {base} {inheritance}");
        let mut expected = vec![OWN];
        expected.extend(opens.then_some(MIRRORED));
        assert_eq!(alice.filenames("alice/dev", "pkg").await, expected, "{case}");
        let versions = alice.get("alice/dev/pkg").await.expect(200).result();
        assert_eq!(versions.get("9.0").is_some(), opens, "{case}");
        let page = html(&alice, "alice/dev", "pkg").await;
        assert_eq!(page.contains("mirror_whitelist"), !opens, "{case}: {page}");
        assert_eq!(upstream.page_requests("pkg") > 0, opens, "{case}");
    }
}

#[tokio::test]
async fn a_whitelist_of_a_base_opens_the_mirror_for_what_that_base_has_if_lists_are_united() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_stages(&server, &upstream, json!({}), json!({"mirror_whitelist": ["pkg"]})).await;
    alice.upload_wheel("alice/base", "pkg", "1.0").await;
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [OWN]);
    // The base itself is asked: its own list is the first.
    assert_eq!(alice.filenames("alice/base", "pkg").await, [OWN, MIRRORED]);
    let united = json!({"mirror_whitelist_inheritance": "union"});
    alice.patch("alice/base", united.clone()).await.expect(200);
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [OWN]);
    alice.patch("alice/dev", united).await.expect(200);
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [OWN, MIRRORED]);
    alice.patch("alice/base", json!({"mirror_whitelist": []})).await.expect(200);
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [OWN]);
}

#[tokio::test]
async fn a_stage_before_the_list_that_opens_keeps_the_mirror_out_no_longer() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let dev = json!({"mirror_whitelist_inheritance": "union"});
    let alice = alice_with_stages(&server, &upstream, dev, json!({"mirror_whitelist": "*"})).await;
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    // The project is whitelisted for the rest of the walk, whoever had it before.
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [OWN, MIRRORED]);
}

#[tokio::test]
async fn an_exempt_mirror_is_never_kept_out() {
    let (server, upstream, exempt) = (Server::start().await, Upstream::start(), Upstream::start());
    let alice = alice_with_stages(&server, &upstream, json!({}), json!({})).await;
    exempt.add_wheel("pkg", "8.0");
    let options = json!({"mirror_whitelist_exempt": true, "mirror_no_project_list": true});
    alice.create_mirror("alice/exempt", &exempt, options).await;
    alice.patch("alice/base", json!(["bases+=alice/exempt"])).await.expect(200);
    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [OWN, "pkg-8.0-py3-none-any.whl"]);
    assert_eq!(upstream.page_requests("pkg"), 0);
    assert_says_what_is_left_out(&html(&alice, "alice/dev", "pkg").await, "alice/mirror");
}

#[tokio::test]
async fn a_private_project_without_files_keeps_the_mirror_out_too() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_stages(&server, &upstream, json!({}), json!({})).await;
    let form = [(":action", "submit"), ("name", "pkg"), ("version", "1.0")];
    let form = form.into_iter().fold(reqwest::multipart::Form::new(), |form, (k, v)| form.text(k, v));
    alice.send_form("alice/base", form).await.expect(200);
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [] as [&str; 0]);
    let versions = alice.get("alice/dev/pkg").await.expect(200).result();
    assert!(versions.as_object().unwrap().keys().eq(["1.0"]), "{versions}");
    assert_eq!(upstream.page_requests("pkg"), 0);
}

#[tokio::test]
async fn a_private_project_that_the_reader_may_not_see_keeps_the_mirror_out_too() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = alice_with_stages(&server, &upstream, json!({}), json!({"acl_read": ["alice"]})).await;
    let bob = server.user("bob").await;
    alice.upload_wheel("alice/base", "pkg", "1.0").await;
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [OWN]);
    for reader in [&bob, &server.anonymous()] {
        let reply = reader.simple_page("alice/dev", "pkg", &[]).await;
        assert!([200, 404].contains(&reply.status), "{reply}");
        assert!(!reply.text().contains(MIRRORED), "{reply}");
        let reply = reader.get("alice/dev/pkg").await;
        assert!(!reply.text().contains("9.0"), "{reply}");
    }
    assert_eq!(upstream.page_requests("pkg"), 0);
    assert_eq!(bob.filenames("alice/dev", "other").await, ["other-9.0-py3-none-any.whl"]);
}

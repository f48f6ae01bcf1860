//! Deletion of files, versions and projects.

use crate::harness::{Client, Server, Upload, archive};
use serde_json::json;

/// Alice with two versions of pkg on a volatile index and on another that is not.
async fn alice_with_pkg(server: &Server) -> Client {
    let alice = server.user("alice").await;
    for (index, volatile) in [("alice/dev", true), ("alice/prod", false)] {
        alice.create_index(index, json!({"volatile": volatile})).await;
        for version in ["1.0", "2.0"] {
            alice.upload_wheel(index, "pkg", version).await;
        }
    }
    alice
}

fn wheel(version: &str) -> String {
    format!("pkg-{version}-py3-none-any.whl")
}

#[tokio::test]
async fn with_its_last_file_a_version_goes_and_with_its_last_version_a_project() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let sdist = archive::sdist("pkg", "1.0");
    alice.upload("alice/dev", Upload::new("pkg", "1.0", sdist.clone())).await.expect(200);
    let path = async |filename: &str| alice.file_path("alice/dev", "pkg", filename).await;
    let (first, second, last) = (path(&sdist.0).await, path(&wheel("1.0")).await, path(&wheel("2.0")).await);

    let reply = alice.delete(&first).await.expect(200);
    assert_eq!(reply.json(), json!({"message": format!("package '{first}' deleted")}));
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [wheel("1.0"), wheel("2.0")]);
    alice.get("alice/dev/pkg/1.0").await.expect(200);

    alice.delete(&second).await.expect(200);
    alice.get("alice/dev/pkg/1.0").await.expect(404);
    assert_eq!(alice.simple("alice/dev", "pkg").await["versions"], json!(["2.0"]));

    alice.delete(&last).await.expect(200);
    alice.get("alice/dev/pkg").await.expect(404);
    alice.simple_page("alice/dev", "pkg", &[]).await.expect(404);
    assert_eq!(alice.get("alice/dev").await.result()["projects"], json!([]));
    for path in [first, second, last] {
        alice.get_with(&path, &[]).await.expect(410);
        let reply = alice.delete(&path).await.expect(410);
        assert_eq!(reply.message(), format!("file '{path}' existed, deleted in later serial"));
    }
}

#[tokio::test]
async fn a_version_and_a_project_go_with_all_their_files() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let one = alice.file_path("alice/dev", "pkg", &wheel("1.0")).await;
    let two = alice.file_path("alice/dev", "pkg", &wheel("2.0")).await;
    let reply = alice.delete("alice/dev/PKG/1.0/").await.expect(200);
    assert_eq!(reply.message(), "project 'pkg' version '1.0' deleted");
    alice.get_with(&one, &[]).await.expect(410);
    alice.get_with(&two, &[]).await.expect(200);
    let reply = alice.delete("alice/dev/Pkg").await.expect(200);
    assert_eq!(reply.message(), "project pkg deleted from stage alice/dev");
    alice.get_with(&two, &[]).await.expect(410);
    alice.simple_page("alice/dev", "pkg", &[]).await.expect(404);

    alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    assert_eq!(alice.filenames("alice/dev", "pkg").await, [wheel("1.0")]);
    assert_eq!(alice.simple("alice/dev", "pkg").await["versions"], json!(["1.0"]));
    alice.delete("alice/dev/pkg/1.0").await.expect(200);
    alice.get("alice/dev/pkg").await.expect(404);
}

#[tokio::test]
async fn a_non_volatile_index_lets_nothing_go_unless_forced() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let path = alice.file_path("alice/prod", "pkg", &wheel("1.0")).await;
    let before = server.serial().await;
    for (what, message) in [
        ("alice/prod/pkg", "project 'pkg' is on non-volatile index alice/prod"),
        ("alice/prod/pkg/1.0", "cannot delete version on non-volatile index"),
        (path.as_str(), "cannot delete version on non-volatile index"),
    ] {
        assert_eq!(alice.delete(what).await.expect(403).message(), message);
    }
    assert_eq!(server.serial().await, before);
    for what in [&format!("{path}?force"), "alice/prod/pkg/2.0?force="] {
        alice.delete(what).await.expect(200);
    }
    alice.upload_wheel("alice/prod", "pkg", "3.0").await;
    alice.delete("alice/prod/pkg?force=yes").await.expect(200);
    alice.get("alice/prod/pkg").await.expect(404);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_deleted() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let before = server.serial().await;
    let path = alice.file_path("alice/dev", "pkg", &wheel("1.0")).await;
    let missing = path.replace("pkg-1", "pkg-9");
    for (what, message) in [
        ("alice/dev/none", "project not found".to_owned()),
        ("alice/dev/none/1.0", "project 'none' not found on stage 'alice/dev'".to_owned()),
        ("alice/dev/pkg/9.0", "version '9.0' of project 'pkg' not found on stage 'alice/dev'".to_owned()),
        ("alice/dev/pkg/1.0.0", "version '1.0.0' of project 'pkg' not found on stage 'alice/dev'".to_owned()),
        (missing.as_str(), format!("package '{missing}' doesn't exist")),
    ] {
        assert_eq!(alice.delete(what).await.expect(404).message(), message);
    }
    alice.delete("alice/none/pkg").await.expect(404);
    alice.delete("alice/dev/a%00b").await.expect(400);
    alice.delete(&format!("alice/dev/pkg/{}", "9".repeat(10_000))).await.expect(404);
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn a_deletion_never_touches_a_base() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    alice.create_index("alice/top", json!({"bases": ["alice/dev"]})).await;
    for what in ["alice/top/pkg", "alice/top/pkg/1.0"] {
        alice.delete(what).await.expect(404);
    }
    alice.upload_wheel("alice/top", "pkg", "1.0").await;
    alice.delete("alice/top/pkg").await.expect(200);
    assert_eq!(alice.filenames("alice/top", "pkg").await, [wheel("1.0"), wheel("2.0")]);
    let path = alice.file_path("alice/top", "pkg", &wheel("1.0")).await;
    assert!(path.starts_with("alice/dev/"), "{path}");
    alice.delete(&path.replace("alice/dev", "alice/top")).await.expect(410);
    alice.get_with(&path, &[]).await.expect(200);
}

#[tokio::test]
async fn owner_root_and_uploaders_may_delete_and_nobody_else() {
    let server = Server::start().await;
    let alice = alice_with_pkg(&server).await;
    let (bob, carol) = (server.user("bob").await, server.user("carol").await);
    alice.patch("alice/dev", json!({"acl_upload": ["bob"]})).await.expect(200);
    let path = alice.file_path("alice/dev", "pkg", &wheel("1.0")).await;
    for client in [&carol, &server.anonymous()] {
        for what in ["alice/dev/pkg", "alice/dev/pkg/1.0", &path, "alice/dev/none"] {
            client.delete(what).await.expect(403);
        }
    }
    for client in [&alice, &bob, &server.root()] {
        bob.upload_wheel("alice/dev", "pkg", "1.0").await;
        client.delete("alice/dev/pkg/1.0").await.expect(200);
        bob.upload_wheel("alice/dev", "pkg", "1.0").await;
        client.delete(&path).await.expect(200);
        client.delete("alice/dev/pkg").await.expect(200);
        bob.upload_wheel("alice/dev", "pkg", "2.0").await;
    }
}

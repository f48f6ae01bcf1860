//! `user`, `passwd`: create, show, change, list, delete.

use super::{super::wheelyard, Devpi};
use crate::harness::binary::{Binary, environment, place, run};

#[tokio::test]
async fn somebody_changes_the_password_and_goes_on_with_the_same_login() {
    let (server, _) = wheelyard(&[]).await;
    let devpi = Devpi::new();
    devpi.does(&format!("use {}/alice/dev", server.url)).await;
    devpi.does("login alice --password secret").await;
    devpi.does("user -m alice password=second-secret title=Alice").await;
    assert!(devpi.does("user alice").await.contains("title=Alice"));
    devpi.does("index alice/dev title=Still").await;
    // Without a terminal, so that the client reads the password from its input.
    let passwd = "setsid --wait devpi passwd alice --clientdir client";
    devpi.home.run_with(passwd, &[], "third-secret\nthird-secret\n").await.works();
    devpi.does("index alice/dev title=Still2").await;
    devpi.does("logoff").await;
    devpi.cannot("index alice/dev title=No", "you need to be logged in").await;
    devpi.cannot("login alice --password second-secret", "could not be authenticated").await;
    devpi.does("login alice --password third-secret").await;
}

#[tokio::test]
async fn root_looks_after_users_and_a_user_after_nobody_else() {
    let (database, prefix) = place().await;
    assert!(run(&["init", "--root-password", "root"], &environment(&database, &prefix)).await.success);
    let server = Binary::serve(&database, &prefix, &[]).await;
    let devpi = Devpi::new();
    devpi.does(&format!("use {}", server.url)).await;
    devpi.does("user -c alice password=secret").await;
    devpi.does("login alice --password secret").await;
    devpi.does("user -c bob password=secret email=bob@example.com").await;
    let said = devpi.does("user -l").await;
    for user in ["alice", "bob", "root"] {
        assert!(said.lines().any(|line| line == user), "{said}");
    }
    assert!(devpi.does("user").await.contains("/alice:"));
    assert!(devpi.does("user bob").await.contains("email=bob@example.com"));
    devpi.cannot("user -m bob email=alice@example.com", "no permission to modify user bob").await;
    devpi.cannot("user -y --delete bob", "403").await;
    devpi.cannot("user nobody", "no user 'nobody'").await;
    devpi.does("user -m alice email=alice@example.com title=Alice").await;
    let said = devpi.does("user alice").await;
    assert!(said.contains("email=alice@example.com") && said.contains("title=Alice"), "{said}");

    devpi.does("login root --password root").await;
    devpi.does("user -m bob email=root@example.com").await;
    assert!(devpi.does("user bob").await.contains("email=root@example.com"));
    devpi.does("user -y --delete bob").await;
    devpi.cannot("user -y --delete root", "no permission to delete user root").await;
    assert!(!devpi.does("user -l").await.contains("bob"));
}

//! `migrate`, `init` and `serve` as commands.

use crate::harness::{
    binary::{self, Binary, environment, run},
    world,
};
use serde_json::json;

#[tokio::test]
async fn a_new_database_is_migrated_then_initialised_then_served() {
    let database = world().empty_database().await;
    let environment = environment(&database, "new");
    for (command, message) in [
        (
            &["serve", "--listen", "127.0.0.1:0"][..],
            "the database has no schema of wheelyard: run wheelyard migrate",
        ),
        (&["init"][..], "the database has no schema of wheelyard: run wheelyard migrate"),
    ] {
        let refused = run(command, &environment).await;
        assert!(!refused.success);
        assert_eq!(refused.stderr.trim(), format!("wheelyard: {message}"));
    }

    for _ in 0..2 {
        let migrated = run(&["migrate"], &environment).await;
        assert!(migrated.success, "{}", migrated.stderr);
    }
    let said = run(&["init", "--root-password", "first"], &environment).await;
    assert_eq!(said.stdout.trim(), "created user root", "{}", said.stderr);
    let said = run(&["init", "--root-password", "second"], &environment).await;
    assert_eq!((said.success, said.stdout.trim()), (true, "user root exists already"), "{}", said.stderr);

    let server = Binary::serve(&database, "new", &[]).await;
    let login = async |password| {
        server.client(None).post("+login", json!({"user": "root", "password": password})).await.status
    };
    assert_eq!(login("first").await, 200);
    assert_eq!(login("second").await, 401);
}

#[tokio::test]
async fn root_without_a_password_is_nobody_until_one_is_set() {
    let (database, prefix) = binary::place().await;
    assert!(run(&["init"], &environment(&database, &prefix)).await.success);
    let server = Binary::serve(&database, &prefix, &[]).await;
    server.client(None).get("root").await.expect(200);
    server.client(None).post("+login", json!({"user": "root", "password": ""})).await.expect(401);
}

#[tokio::test]
async fn several_who_migrate_a_database_at_once_all_succeed() {
    let database = world().empty_database().await;
    let environment = environment(&database, "many");
    let outcomes = futures::future::join_all((0..6).map(|_| run(&["migrate"], &environment))).await;
    for outcome in outcomes {
        assert!(outcome.success, "{}", outcome.stderr);
    }
    Binary::serve(&database, "many", &[]).await.client(None).get("+health/ready").await.expect(200);
}

#[tokio::test]
async fn what_an_operator_sets_wrongly_is_told_in_one_line_and_without_the_password() {
    let (database, prefix) = binary::place().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let nobody = "postgres://app:hidden@127.0.0.1:9/none";
    for (database, arguments, words) in [
        ("nonsense hidden", &["serve"][..], "DATABASE_URL can't be read"),
        ("", &["serve"], "DATABASE_URL"),
        ("", &["migrate"], "DATABASE_URL"),
        (nobody, &["serve"], "the database does not answer"),
        (nobody, &["migrate"], "the database does not answer"),
        (&database, &["serve", "--listen", &taken], "can't listen on "),
        (&database, &["serve", "--database-ca", "/none.pem"], "/none.pem"),
        (&database, &["serve", "--log", "=,="], "--log: "),
    ] {
        let outcome = run(arguments, &environment(database, &prefix)).await;
        assert!(!outcome.success, "{arguments:?}");
        let last = outcome.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("wheelyard: ") && last.contains(words), "{arguments:?}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("hidden"), "{}", outcome.stderr);
    }
}

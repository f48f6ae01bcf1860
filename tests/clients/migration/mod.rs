//! From a real devpi-server to us, and back.

mod original;
mod seen;

use super::devpi_server::DevpiServer;
use crate::harness::{
    Client, Folder,
    binary::{Binary, Outcome, environment, place, run},
};
use serde_json::json;

/// Imports a folder into a wheelyard of its own.
async fn imported(folder: &str) -> (Binary, (String, String)) {
    let place = place().await;
    import(&place, folder, &[]).await;
    (Binary::serve(&place.0, &place.1, &[]).await, place)
}

async fn import((database, prefix): &(String, String), folder: &str, arguments: &[&str]) -> Outcome {
    let arguments = [&["import", folder], arguments].concat();
    let said = run(&arguments, &environment(database, prefix)).await;
    assert!(said.success, "{}{}", said.stdout, said.stderr);
    said
}

async fn logs_in(client: Client, user: &str, password: &str) {
    client.post("+login", json!({"user": user, "password": password})).await.expect(200);
}

#[tokio::test]
async fn what_a_devpi_server_exported_is_served_link_by_link_as_it_was_and_goes_back_the_same_way() {
    let mut devpi = DevpiServer::start().await;
    original::fill(&devpi).await;
    let alice = |url: &str| Client::new(url, Some(("alice", "secret-a")));
    let before = seen::everything(&alice(&devpi.url)).await;
    assert_eq!(before.files(), 50, "{before:#?}");
    let folder = devpi.export("").await;

    let (server, place) = imported(&folder).await;
    let after = seen::everything(&alice(&server.url)).await;
    before.compare(&after);
    logs_in(server.client(None), "bob", "secret-b").await;
    server.client(None).post("+login", json!({"user": "bob", "password": "secret-a"})).await.expect(401);

    // Once more: nothing is left to do.
    let said = import(&place, &folder, &[]).await;
    assert!(said.stdout.contains("took 0 users, 0 indexes, 0 releases, 0 files"), "{}", said.stdout);
    seen::everything(&alice(&server.url)).await.compare(&after);

    // Out again, to a devpi-server and to another of us.
    let home = Folder::new();
    let export = home.path().join("export");
    let export = export.to_str().unwrap();
    let said = run(&["export", export, "--include-secrets"], &environment(&place.0, &place.1)).await;
    assert!(said.success, "{}{}", said.stdout, said.stderr);
    let devpi = DevpiServer::of_export(export).await;
    before.compare(&seen::everything(&alice(&devpi.url)).await);
    logs_in(devpi.client(None), "bob", "secret-b").await;
    let (server, _) = imported(export).await;
    before.compare(&seen::everything(&alice(&server.url)).await);
    logs_in(server.client(None), "bob", "secret-b").await;
}

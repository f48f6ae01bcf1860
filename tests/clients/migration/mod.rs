//! From a real devpi-server to us, and back.

mod original;
mod seen;

use super::devpi_server::DevpiServer;
use crate::harness::{
    Client, Folder, Upstream, archive,
    binary::{Binary, Outcome, environment, place, run},
    until,
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

#[tokio::test]
async fn files_that_a_mirror_had_fetched_come_along_both_ways_and_need_no_upstream() {
    let mut upstream = Upstream::start();
    let (filename, content) = upstream.add_wheel("pkg", "1.0");
    upstream.add_wheel("pkg", "2.0");
    let mut devpi = DevpiServer::start().await;
    let mirror = json!({"type": "mirror", "mirror_url": upstream.mirror_url(), "volatile": false});
    devpi.root().create_index("root/up", mirror).await;
    let html = [("accept", "text/html")];
    // What is fetched of a page is not exported, but each file that was.
    let fetched = async |client: &Client| {
        let page = client.get_with("root/up/+simple/pkg/", &html).await.expect(200).text();
        let link = regex::Regex::new(r##"href="\.\./\.\./([^"#]*pkg-1\.0[^"#]*)"##).unwrap();
        let path = link.captures(&page).unwrap_or_else(|| panic!("{page}"))[1].to_owned();
        client.get_with(&format!("root/up/{path}"), &[("accept", "*/*")]).await.expect(200).body
    };
    assert!(fetched(&devpi.root()).await == content);
    let sha256 = archive::sha256(&content);
    let path = format!("root/up/+f/{}/{}/{filename}", &sha256[..3], &sha256[3..16]);
    until("devpi-server has stored the file", async || {
        devpi.root().get(&path).await.expect(200).result().get("last_modified").is_some()
    })
    .await;
    let folder = devpi.export("--include-mirrored-files").await;
    upstream.stop().await;

    let (server, (database, prefix)) = imported(&folder).await;
    assert!(fetched(&server.client(None)).await == content);

    let home = Folder::new();
    let export = home.path().join("export");
    let export = export.to_str().unwrap();
    let arguments = ["export", export, "--include-secrets", "--include-mirrored-files"];
    let said = run(&arguments, &environment(&database, &prefix)).await;
    assert!(said.success, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("1 files: "), "{}", said.stdout);
    let devpi = DevpiServer::of_export(export).await;
    assert!(fetched(&devpi.root()).await == content);
}

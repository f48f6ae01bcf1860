//! A devpi-server mirrored, and a devpi-server that mirrors; pip installs through either.

use super::{Home, devpi_server::DevpiServer, wheel, wheelyard};
use crate::harness::Upload;
use serde_json::json;

#[tokio::test]
async fn pip_installs_through_a_mirror_of_a_devpi_server() {
    let devpi = DevpiServer::start().await;
    let home = Home::new();
    let does = async |command: &str| home.run(&format!("devpi {command} --clientdir client")).await.works();
    for (name, requires) in [("dep", &[][..]), ("app", &["Requires-Dist: dep"])] {
        let (filename, bytes) = wheel(name, "1.0", requires);
        home.folder.write(&filename, bytes);
    }
    does(&format!("use {}", devpi.url)).await;
    does("login root --password=").await;
    does("index -c dev").await;
    does("use root/dev").await;
    does("upload app-1.0-py3-none-any.whl dep-1.0-py3-none-any.whl").await;

    let (server, alice) = wheelyard(&[]).await;
    let url = format!("{}/root/dev/+simple/", devpi.url);
    alice.create_index("alice/mirror", json!({"type": "mirror", "mirror_url": url})).await;
    let simple = format!("{}/alice/mirror/+simple/", server.url);
    home.run(&format!("pip install --index-url {simple} --target target app")).await.works();
    assert_eq!(home.imported("target", "app").await, "app 1.0");
    assert_eq!(home.imported("target", "dep").await, "dep 1.0");
    let listed = alice.simple_list("alice/mirror").await.expect(200).json();
    assert_eq!(listed["projects"].as_array().unwrap().len(), 2, "{listed}");
}

#[tokio::test]
async fn pip_installs_from_us_through_a_devpi_server_that_mirrors_us() {
    let (server, alice) = wheelyard(&[]).await;
    for (name, requires) in [("dep", &[][..]), ("app", &["Requires-Dist: dep"])] {
        alice.upload("alice/dev", Upload::new(name, "1.0", wheel(name, "1.0", requires))).await.expect(200);
    }
    let devpi = DevpiServer::start().await;
    let home = Home::new();
    let does = async |command: &str| home.run(&format!("devpi {command} --clientdir client")).await.works();
    does(&format!("use {}", devpi.url)).await;
    does("login root --password=").await;
    does(&format!("index -c mirror type=mirror mirror_url={}/alice/dev/+simple/", server.url)).await;
    let simple = format!("{}/root/mirror/+simple/", devpi.url);
    home.run(&format!("pip install --index-url {simple} --target target app")).await.works();
    assert_eq!(home.imported("target", "app").await, "app 1.0");
    assert_eq!(home.imported("target", "dep").await, "dep 1.0");
    assert!(devpi.root().get("root/mirror").await.expect(200).text().contains("mirror_url"));
}

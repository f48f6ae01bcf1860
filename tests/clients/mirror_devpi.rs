//! A devpi-server mirrored, and a devpi-server that mirrors; pip installs through either.

use super::{Home, wheel, wheelyard};
use crate::harness::{Client, Upload, until};
use serde_json::json;
use std::{net::TcpListener, process::Stdio};
use tokio::process::{Child, Command};

/// A devpi-server on loopback, whose root has no password; killed when the test ends.
struct DevpiServer {
    url: String,
    _home: Home,
    _child: Child,
}

impl DevpiServer {
    async fn start() -> Self {
        let home = Home::new();
        let init = "devpi-init --no-root-pypi --serverdir data";
        home.run(init).await.works();
        // Free a moment ago; devpi cannot say which port it was given.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(format!("{}/devpi-server", super::programs()));
        command.args(["--serverdir", "data", "--host", "127.0.0.1", "--port", &port.to_string()]);
        command.current_dir(home.path()).kill_on_drop(true).env_clear().envs(home.environment());
        let log = std::fs::File::create(home.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        until("devpi-server answers", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self { url, _home: home, _child: child }
    }

    fn root(&self) -> Client {
        Client::new(&self.url, Some(("root", "")))
    }
}

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

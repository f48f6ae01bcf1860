//! A real devpi-server.

use super::Home;
use crate::harness::{Client, until_within};
use std::{net::TcpListener, process::Stdio, time::Duration};
use tokio::process::{Child, Command};

/// A devpi-server on loopback, whose root has no password unless it imported one; killed when the test ends.
pub struct DevpiServer {
    pub url: String,
    home: Home,
    child: Child,
}

impl DevpiServer {
    pub async fn start() -> Self {
        Self::initialised_by("devpi-init --no-root-pypi --serverdir data").await
    }

    /// One that has what an export has.
    pub async fn of_export(folder: &str) -> Self {
        Self::initialised_by(&format!("devpi-import --no-root-pypi --serverdir data {folder}")).await
    }

    async fn initialised_by(command: &str) -> Self {
        let home = Home::new();
        home.run(command).await.works();
        // Free a moment ago; devpi cannot say which port it was given.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(format!("{}/devpi-server", super::programs()));
        command.args(["--serverdir", "data", "--host", "127.0.0.1", "--port", &port.to_string()]);
        command.current_dir(home.path()).kill_on_drop(true).env_clear().envs(home.environment());
        let log = std::fs::File::create(home.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        // It imports half of its libraries before it listens.
        until_within(Duration::from_secs(90), "devpi-server answers", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self { url, home, child }
    }

    pub fn client(&self, credentials: Option<(&str, &str)>) -> Client {
        Client::new(&self.url, credentials)
    }

    pub fn root(&self) -> Client {
        self.client(Some(("root", "")))
    }

    /// Stops the server and exports all that it has, with these further arguments; returns the folder.
    pub async fn export(&mut self, arguments: &str) -> String {
        self.child.kill().await.unwrap();
        self.home.run(&format!("devpi-export --serverdir data {arguments} export")).await.works();
        self.home.at("export")
    }
}

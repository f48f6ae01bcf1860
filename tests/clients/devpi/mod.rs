//! devpi's own client, command by command.

mod attachments;
mod indexes;
mod push;
mod releases;
mod sessions;
mod users;

use super::{Home, wheel, wheelyard};
use crate::harness::{Client, binary::Binary};

/// Somebody who works with devpi's client.
struct Devpi {
    home: Home,
}

impl Devpi {
    fn new() -> Self {
        Self { home: Home::new() }
    }

    /// A wheelyard where alice has the index `alice/dev`, and she herself, logged in and using it.
    async fn alice() -> (Binary, Client, Self) {
        let (server, alice) = wheelyard(&[]).await;
        let devpi = Self::new();
        devpi.does(&format!("use {}/alice/dev", server.url)).await;
        devpi.does("login alice --password secret").await;
        (server, alice, devpi)
    }

    /// Runs a command of the client, which must work, and returns what it said.
    async fn does(&self, command: &str) -> String {
        self.home.run(&format!("devpi {command} --clientdir client")).await.works()
    }

    /// Runs a command that must fail with these words.
    async fn cannot(&self, command: &str, words: &str) {
        self.home.run(&format!("devpi {command} --clientdir client")).await.fails_with(words);
    }

    /// Writes a small wheel as `{folder}/{file name}`, and returns its file name.
    fn writes_wheel(&self, folder: &str, name: &str, version: &str) -> String {
        let (filename, bytes) = wheel(name, version, &[]);
        self.home.folder.write(&format!("{folder}/{filename}"), bytes);
        filename
    }
}

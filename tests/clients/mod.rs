//! Real clients against the real binary.
//!
//! Each runs in a home of its own, with nothing of the machine's configuration, and can reach loopback only: whatever
//! asks for another host meets a proxy that is not there.

mod bandersnatch;
mod devpi;
mod devpi_server;
mod migration;
mod mirror;
mod mirror_devpi;
mod pip;
mod tokens;
mod twine;
mod uv;
mod walk;

use crate::harness::{
    Client, Folder, archive,
    binary::{Binary, place},
};
use serde_json::json;
use std::{path::Path, process::Stdio, sync::OnceLock, time::Duration};
use tokio::{io::AsyncWriteExt, process::Command};

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The folder of the clients' programs.
fn programs() -> &'static str {
    static PROGRAMS: OnceLock<String> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
        let programs = std::env::var("WHEELYARD_TEST_CLIENTS");
        programs.expect("WHEELYARD_TEST_CLIENTS names the clients' folder; `make test` sets it")
    })
}

/// Somebody's home folder, in which clients run.
struct Home {
    folder: Folder,
}

/// What a client said, and whether it was content.
struct Said {
    command: String,
    success: bool,
    /// What it said on stdout and then on stderr.
    text: String,
}

impl Said {
    /// Fails unless the client was content.
    #[track_caller]
    fn works(self) -> String {
        assert!(self.success, "{} failed:\n{}", self.command, self.text);
        self.text
    }

    /// Fails unless the client was not content and said this.
    #[track_caller]
    fn fails_with(self, words: &str) {
        assert!(!self.success, "{} did not fail:\n{}", self.command, self.text);
        assert!(self.text.contains(words), "{} did not say {words:?}:\n{}", self.command, self.text);
    }
}

impl Home {
    fn new() -> Self {
        Self { folder: Folder::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path below the home, as an argument.
    fn at(&self, name: &str) -> String {
        self.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a client to its end, at most five minutes; a part of the command that holds a space is not to be.
    async fn run(&self, command: &str) -> Said {
        self.run_with(command, &[], "").await
    }

    /// Runs a client with more environment, and with this text to read.
    async fn run_with(&self, command: &str, environment: &[(&str, &str)], input: &str) -> Said {
        let mut words = command.split_whitespace();
        let mut running = Command::new(words.next().unwrap());
        running.args(words).current_dir(self.path()).kill_on_drop(true);
        running.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        running.env_clear().envs(self.environment()).envs(environment.iter().copied());
        let mut child = running.spawn().unwrap_or_else(|error| panic!("{command}: {error}"));
        let mut stdin = child.stdin.take().unwrap();
        // A client that reads nothing may be gone already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = tokio::time::timeout(Duration::from_secs(300), child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("{command} still runs")).unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        Said { command: command.to_owned(), success: output.status.success(), text: text.concat() }
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let programs = programs();
        let nowhere = NOWHERE.to_owned();
        vec![
            ("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin")),
            ("HOME", self.at("")),
            ("XDG_CONFIG_HOME", self.at("config")),
            ("XDG_CACHE_HOME", self.at("cache")),
            ("XDG_DATA_HOME", self.at("share")),
            ("TMPDIR", self.at("")),
            ("LC_ALL", "C.UTF-8".into()),
            ("COLUMNS", "200".into()),
            ("HTTP_PROXY", nowhere.clone()),
            ("HTTPS_PROXY", nowhere.clone()),
            ("ALL_PROXY", nowhere),
            ("NO_PROXY", "127.0.0.1,localhost".into()),
            ("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring".into()),
            ("PIP_CONFIG_FILE", "/dev/null".into()),
            ("PIP_NO_CACHE_DIR", "1".into()),
            ("PIP_NO_INPUT", "1".into()),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1".into()),
            ("PIP_RETRIES", "0".into()),
            ("PIP_ROOT_USER_ACTION", "ignore".into()),
            ("UV_NO_CONFIG", "1".into()),
            ("UV_CACHE_DIR", self.at("uv-cache")),
            ("UV_PYTHON", format!("{programs}/python")),
            ("UV_PYTHON_DOWNLOADS", "never".into()),
            ("UV_NO_PROGRESS", "1".into()),
            ("UV_LINK_MODE", "copy".into()),
        ]
    }

    /// What a module that was installed into a folder says it is.
    async fn imported(&self, target: &str, module: &str) -> String {
        let program = format!("import {module}; print({module}.NAME)");
        self.folder.write("show.py", program);
        let said = self.run_with("python show.py", &[("PYTHONPATH", &self.at(target))], "").await;
        said.works().trim().to_owned()
    }

    /// A project as somebody writes it, built by `python -m build`: the files of this version are in `{folder}/dist/`.
    async fn build(&self, folder: &str, name: &str, version: &str) {
        let project = format!(
            "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n\
             [project]\nname = '{name}'\nversion = '{version}'\ndescription = 'A real project'\n\
             readme = 'README.md'\nrequires-python = '>=3.8'\n\
             [tool.setuptools]\npy-modules = ['{name}']\n"
        );
        self.folder.write(&format!("{folder}/pyproject.toml"), project);
        self.folder.write(&format!("{folder}/README.md"), "# A real project\n\nWith a description: ä€.\n");
        self.folder.write(&format!("{folder}/{name}.py"), format!("NAME = '{name} {version}'\n"));
        self.run(&format!("python -m build --no-isolation {folder}")).await.works();
    }
}

/// A wheelyard of its own, and alice, who has the index `alice/dev`.
async fn wheelyard(arguments: &[&str]) -> (Binary, Client) {
    let (database, prefix) = place().await;
    let server = Binary::serve(&database, &prefix, arguments).await;
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({"volatile": false})).await;
    (server, alice)
}

/// A wheel whose module says what it is, and that requires these.
fn wheel(name: &str, version: &str, requires: &[&str]) -> (String, Vec<u8>) {
    let mut metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    metadata.extend(requires.iter().map(|line| format!("{line}\n")));
    archive::wheel_with(name, version, &metadata, &format!("NAME = '{name} {version}'\n"))
}

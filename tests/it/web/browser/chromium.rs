//! A browser of the test's own, which ends with it.

use crate::harness::Folder;
use fantoccini::{Client, ClientBuilder, wd::WebDriverCompatibleCommand};
use http::Method;
use serde_json::{Value, json};
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};
use url::{ParseError, Url};

/// As a fresh and quiet browser in a container, for which only this machine exists.
const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-US",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// How long the driver and the browser may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running browser. It is killed when dropped, since chromium outlives its driver.
pub struct Browser {
    pub client: Client,
    driver: Child,
    /// Held, or the driver would get SIGPIPE.
    _said: Lines<BufReader<ChildStdout>>,
    profile: Folder,
}

impl Browser {
    /// Starts one with an empty profile.
    pub async fn start() -> Self {
        tokio::time::timeout(PATIENCE, Self::started()).await.expect("no browser in a minute")
    }

    async fn started() -> Self {
        let profile = Folder::new();
        let (driver, said, port) = loop {
            if let Some(listening) = Self::listening().await {
                break listening;
            }
        };
        let flags = FLAGS.iter().map(|flag| (*flag).to_owned());
        let flags: Vec<_> = flags.chain([format!("--user-data-dir={}", profile.path().display())]).collect();
        let capabilities = json!({
            "goog:chromeOptions": {"args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let client = ClientBuilder::rustls()
            .unwrap()
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap_or_else(|error| panic!("chromium does not start: {error}"));
        Self { client, driver, _said: said, profile }
    }

    /// A driver and its port; `None` when it ended at once: it looks for a port that is free by IPv4, and gives up where it
    /// is not by IPv6.
    async fn listening() -> Option<(Child, Lines<BufReader<ChildStdout>>, String)> {
        let mut driver = Command::new("chromedriver");
        driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = driver.spawn().unwrap_or_else(|error| {
            panic!("browser tests need chromium and chromedriver, which scripts/test.sh installs: {error}")
        });
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
        loop {
            let line = said.next_line().await.unwrap()?;
            if let Some((_, port)) = line.split_once("successfully on port ") {
                return Some((driver, said, port.trim_end_matches('.').to_owned()));
            }
        }
    }

    /// Asks the browser itself by the Chrome `DevTools` Protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.ask("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// What the console said since it was last asked.
    pub async fn console(&self) -> Vec<Value> {
        self.ask("se/log", json!({"type": "browser"})).await.as_array().unwrap().clone()
    }

    /// The ids of its processes, all of which name the profile.
    fn processes(&self) -> Vec<String> {
        let profile = self.profile.path().to_str().unwrap();
        let ids = std::fs::read_dir("/proc").unwrap().flatten();
        let ids = ids.filter_map(|entry| entry.file_name().into_string().ok());
        let names_it = |id: &String| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(profile)
        };
        ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())).filter(names_it).collect()
    }

    async fn ask(&self, path: &'static str, body: Value) -> Value {
        let asked = self.client.issue_cmd(Ask { path, body }).await;
        asked.unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.start_kill();
        let began = Instant::now();
        while let running @ [_, ..] = self.processes().as_slice()
            && began.elapsed() < Duration::from_secs(5)
        {
            let _ =
                std::process::Command::new("kill").arg("-KILL").args(running).stderr(Stdio::null()).status();
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A command that `WebDriver` itself does not have.
#[derive(Debug)]
struct Ask {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Ask {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

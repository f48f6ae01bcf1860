//! What a person does in a tab, and how a page is looked at.

use super::chromium::Browser;
use base64::{Engine, prelude::BASE64_STANDARD};
use fantoccini::{Locator, elements::Element};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

/// How long a page may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// How wide a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    Desktop,
    Phone,
}

/// What the person likes.
#[derive(Debug, Clone, Copy)]
pub enum Scheme {
    Light,
    Dark,
}

/// The only tab of a browser, at a server.
pub struct Tab {
    pub browser: Browser,
    url: String,
}

impl Tab {
    pub async fn at(url: &str) -> Self {
        let tab = Self { browser: Browser::start().await, url: url.to_owned() };
        tab.resize(Device::Desktop).await;
        tab.prefer(Scheme::Light).await;
        tab
    }

    /// Opens a path of the server and returns the status of its answer.
    pub async fn open(&self, path: &str) -> u64 {
        self.browser.client.goto(&format!("{}{path}", self.url)).await.unwrap();
        self.script("return performance.getEntriesByType('navigation')[0].responseStatus")
            .await
            .as_u64()
            .unwrap()
    }

    /// The path and query that are shown.
    pub async fn path(&self) -> String {
        self.script("return location.pathname + location.search").await.as_str().unwrap().to_owned()
    }

    pub async fn resize(&self, device: Device) {
        let (width, height) = match device {
            Device::Desktop => (1280, 900),
            Device::Phone => (390, 844),
        };
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Chooses colours; nothing moves, so that what is looked at is at rest.
    pub async fn prefer(&self, scheme: Scheme) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": format!("{scheme:?}").to_lowercase()},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.browser.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// The one element of a selector, once it is there.
    pub async fn find(&self, selector: &str) -> Element {
        let wait = self.browser.client.wait().at_most(PATIENCE);
        let Ok(element) = wait.for_element(Locator::Css(selector)).await else {
            panic!("no {selector} at {}: {}", self.path().await, self.text().await)
        };
        element
    }

    /// Clicks a link or a button by what it says.
    pub async fn click(&self, words: &str) {
        let path = format!("//*[self::a or self::button or self::summary][normalize-space()='{words}']");
        let wait = self.browser.client.wait().at_most(PATIENCE);
        let Ok(element) = wait.for_element(Locator::XPath(&path)).await else {
            panic!("nothing says {words} at {}: {}", self.path().await, self.text().await)
        };
        element.click().await.unwrap_or_else(|error| panic!("{words}: {error}"));
    }

    /// Writes into the field of this name, in place of what is there.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&format!("main [name='{name}']")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Sends the form that is filled in, by its button.
    pub async fn submit(&self) {
        self.find("main form button[type='submit']").await.click().await.unwrap();
    }

    /// Logs in by the form, as somebody else than before if need be.
    pub async fn log_in(&self, user: &str, password: &str) {
        self.open("/+login").await;
        self.fill("user", user).await;
        self.fill("password", password).await;
        self.submit().await;
        self.is_at("/").await;
    }

    /// Waits until the tab is at this path and query.
    pub async fn is_at(&self, path: &str) {
        let began = Instant::now();
        while self.path().await != path {
            let waits = began.elapsed() < PATIENCE;
            assert!(waits, "not at {path} but at {}: {}", self.path().await, self.text().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the page says these words.
    pub async fn sees(&self, words: &str) {
        let began = Instant::now();
        while !self.text().await.contains(words) {
            let waits = began.elapsed() < PATIENCE;
            assert!(waits, "no {words:?} at {}: {}", self.path().await, self.text().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All that the page says.
    pub async fn text(&self) -> String {
        self.script("return document.body ? document.body.innerText : ''")
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub async fn script(&self, script: &str) -> Value {
        self.browser.client.execute(script, Vec::new()).await.unwrap()
    }

    /// What is wrong with the page for somebody who can't see or reach all of it, gravely enough: one line each.
    pub async fn barriers(&self) -> Vec<String> {
        if !self.script("return 'axe' in window").await.as_bool().unwrap() {
            self.script(checker()).await;
        }
        let run = "const done = arguments[0];
            axe.run(document, {resultTypes: ['violations']}).then(
                found => done(found.violations.filter(it => ['serious', 'critical'].includes(it.impact)).flatMap(
                    it => it.nodes.map(node => `${it.id}: ${node.target.join(' ')}: ${node.failureSummary}`))),
                error => done([String(error)]))";
        let found = self.browser.client.execute_async(run, Vec::new()).await.unwrap();
        found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    /// By how many pixels the page is wider than its window, and what sticks out.
    pub async fn overflow(&self) -> Option<String> {
        let found = self
            .script(
                "const root = document.scrollingElement, wide = root.scrollWidth - innerWidth;
                if (wide <= 0) return null;
                const out = [...document.querySelectorAll('body *')].filter(it => it.getBoundingClientRect().right > innerWidth + 1);
                return `${wide} px too wide: ` + out.slice(0, 5).map(it => it.tagName + '.' + it.getAttribute('class')).join(', ')",
            )
            .await;
        found.as_str().map(str::to_owned)
    }

    /// What the console complained about, but for the answer of the page itself.
    pub async fn complaints(&self, status: u64) -> Vec<String> {
        let expected = format!("the server responded with a status of {status} ");
        let entries = self.browser.console().await;
        let bad = entries.iter().filter(|entry| {
            let message = entry["message"].as_str().unwrap();
            let is_bad = entry["level"] == "SEVERE" || message.contains("Content Security Policy");
            is_bad && !(status >= 400 && message.contains(&expected))
        });
        bad.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Bytes of the page with all that it loads, bytes of the page alone, and milliseconds until its first byte came, in
    /// columns.
    pub async fn weight(&self) -> String {
        let sum = "const [page] = performance.getEntriesByType('navigation'), bytes = it => it.encodedBodySize;
            const all = performance.getEntriesByType('resource').map(bytes).reduce((a, b) => a + b, bytes(page));
            return [all, bytes(page), Math.round(page.responseStart - page.requestStart)].join('\\t')";
        self.script(sum).await.as_str().unwrap().to_owned()
    }

    /// Writes a picture of the whole page to `target/screens`.
    pub async fn picture(&self, name: &str) {
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.browser.devtools("Page.captureScreenshot", whole).await;
        let picture = BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        Self::note(&format!("{name}.png"), picture);
    }

    /// Writes a file to `target/screens`.
    pub fn note(name: &str, content: impl AsRef<[u8]>) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screens");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), content).unwrap();
    }
}

/// The source of axe-core.
fn checker() -> &'static str {
    static CHECKER: OnceLock<String> = OnceLock::new();
    CHECKER.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "the tests' only setting")]
        let path = std::env::var("WHEELYARD_TEST_AXE").expect("WHEELYARD_TEST_AXE: `make test` sets it");
        fs::read_to_string(path).unwrap()
    })
}

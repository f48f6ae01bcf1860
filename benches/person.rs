//! Somebody who fills an index and reads it, over HTTP as anyone would.

use crate::form::RawForm;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;

/// Uploads that are under way at the same time while an index is filled.
const AT_ONCE: usize = 8;

/// Of everybody here.
pub const PASSWORD: &str = "bench";

#[derive(Clone)]
pub struct Person {
    pub url: String,
    user: String,
    http: reqwest::Client,
}

impl Person {
    /// A user with the one password.
    pub fn new(url: &str, user: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_gzip()
            .timeout(Duration::from_secs(120))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { url: url.to_owned(), user: user.to_owned(), http }
    }

    /// The same at another server.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    pub async fn index(&self, name: &str, settings: Value) {
        let request = self.http.put(format!("{}/{}/{name}", self.url, self.user));
        let reply =
            request.basic_auth(&self.user, Some(PASSWORD)).body(settings.to_string()).send().await.unwrap();
        let status = reply.status();
        assert!(status.is_success(), "{name}: {status} {}", reply.text().await.unwrap());
    }

    /// The header that says who asks.
    pub fn authorization(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{PASSWORD}", self.user)))
    }

    /// The head and body of an upload, as it goes over the wire.
    pub fn upload(&self, index: &str, name: &str, version: &str, wheel: &Wheel) -> Vec<u8> {
        let body = form(name, version, wheel);
        let head = format!(
            "POST /{}/{index}/ HTTP/1.1\r\nHost: bench\r\nAuthorization: {}\r\nContent-Type: {}\r\n\
             Content-Length: {}\r\n\r\n",
            self.user,
            self.authorization(),
            RawForm::CONTENT_TYPE,
            body.len()
        );
        [head.into_bytes(), body].concat()
    }

    /// Uploads all of these.
    pub async fn fill(&self, index: &str, name: &str, wheels: Vec<(String, Wheel)>) {
        let url = format!("{}/{}/{index}/", self.url, self.user);
        let uploads = wheels.into_iter().map(|(version, wheel)| {
            let request = self.http.post(&url).basic_auth(&self.user, Some(PASSWORD));
            let request = request.header("Content-Type", RawForm::CONTENT_TYPE);
            request.body(form(name, &version, &wheel)).send()
        });
        let mut replies = futures::stream::iter(uploads).buffer_unordered(AT_ONCE);
        while let Some(reply) = replies.next().await {
            let reply = reply.unwrap();
            let status = reply.status();
            assert!(status.is_success(), "{status} {}", reply.text().await.unwrap());
        }
    }

    /// A page, in the form that is asked for.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.http.get(format!("{}/{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// The value of a metric, all labels summed.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("metrics", &[]).await.text().await.unwrap();
        let lines = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

/// The form of an upload.
fn form(name: &str, version: &str, (filename, content): &Wheel) -> Vec<u8> {
    let form = RawForm::upload(name, version).field("protocol_version", "1").field("metadata_version", "2.1");
    form.field("filetype", "bdist_wheel")
        .field("pyversion", "py3")
        .file("content", filename, content)
        .finish()
}

/// File name and bytes.
pub type Wheel = (String, Vec<u8>);

/// Small wheels of a project, one a version.
pub fn wheels(name: &str, versions: impl IntoIterator<Item = usize>) -> Vec<(String, Wheel)> {
    let versions = versions.into_iter().map(|number| format!("1.{number}"));
    versions.map(|version| (version.clone(), crate::archive::wheel(name, &version))).collect()
}

/// Settings of a stage over these bases.
pub fn stage(bases: &[&str]) -> Value {
    json!({"type": "stage", "volatile": true, "bases": bases})
}

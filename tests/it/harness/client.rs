//! Somebody who asks the server, and what they get.

use super::{RawForm, Upstream};
use reqwest::{
    Body, Method, Response,
    header::{ACCEPT, HeaderMap},
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use std::fmt;

/// A person or a program with credentials or without; JSON is what it accepts unless it says otherwise.
#[derive(Clone)]
pub struct Client {
    url: String,
    credentials: Option<(String, String)>,
    http: reqwest::Client,
}

/// An upload form and its file.
pub struct Upload {
    pub fields: Vec<(String, String)>,
    pub filename: String,
    pub content: Vec<u8>,
}

impl Upload {
    /// A file with the fields that every client sends.
    pub fn new(name: &str, version: &str, (filename, content): (String, Vec<u8>)) -> Self {
        let fields =
            [(":action", "file_upload"), ("metadata_version", "2.1"), ("name", name), ("version", version)];
        let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        Self { fields, filename, content }
    }

    /// Documentation, as devpi's client sends it: without the field when it knows no version.
    pub fn documentation(name: &str, version: Option<&str>, content: Vec<u8>) -> Self {
        let fields = [(":action", "doc_upload"), ("name", name), ("protocol_version", "1")];
        let fields = fields.into_iter().chain(version.map(|version| ("version", version)));
        let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { fields, filename: format!("{name}.doc.zip"), content }
    }

    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.fields.push((key.into(), value.into()));
        self
    }

    fn form(self) -> Form {
        let mut form = Form::new();
        for (key, value) in self.fields {
            form = form.text(key, value);
        }
        form.part("content", Part::bytes(self.content).file_name(self.filename))
    }
}

impl Client {
    pub fn new(url: &str, credentials: Option<(&str, &str)>) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let credentials = credentials.map(|(user, secret)| (user.into(), secret.into()));
        Self { url: url.into(), credentials, http }
    }

    /// The same person with another password or a token.
    pub fn with_secret(&self, secret: &str) -> Self {
        let (user, _) = self.credentials.clone().unwrap();
        Self { credentials: Some((user, secret.into())), ..self.clone() }
    }

    /// The same person at another server.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.into(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[("accept", "application/json")]).await
    }

    /// The simple page in JSON, parsed.
    pub async fn simple(&self, index: &str, project: &str) -> Value {
        let reply = self.simple_page(index, project, &[]).await;
        reply.expect(200).json()
    }

    /// The simple page in JSON.
    pub async fn simple_page(&self, index: &str, project: &str, headers: &[(&str, &str)]) -> Reply {
        let mut headers = headers.to_vec();
        headers.push(("accept", "application/vnd.pypi.simple.v1+json"));
        self.get_with(&format!("{index}/+simple/{project}/"), &headers).await
    }

    /// The list of projects in JSON.
    pub async fn simple_list(&self, index: &str) -> Reply {
        self.get_with(&format!("{index}/+simple/"), &[("accept", "application/vnd.pypi.simple.v1+json")])
            .await
    }

    /// The file names on the simple page, sorted.
    pub async fn filenames(&self, index: &str, project: &str) -> Vec<String> {
        let page = self.simple(index, project).await;
        let files = page["files"].as_array().unwrap().iter();
        let mut names: Vec<String> =
            files.map(|file| file["filename"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// The path of a file below the root, as the simple page links it.
    pub async fn file_path(&self, index: &str, project: &str, filename: &str) -> String {
        let page = self.simple(index, project).await;
        let file =
            page["files"].as_array().unwrap().iter().find(|file| file["filename"] == filename).unwrap();
        let page = url::Url::parse(&format!("http://x/{index}/+simple/{project}/")).unwrap();
        page.join(file["url"].as_str().unwrap()).unwrap().path()[1..].to_owned()
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send("GET", path, headers, "").await
    }

    /// The same, with `None` when the answer broke off before its end.
    pub async fn try_get(&self, path: &str, headers: &[(&str, &str)]) -> Option<Reply> {
        let mut request = self.request(Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reply::try_read(request.send().await.ok()?).await.ok()
    }

    pub async fn head(&self, path: &str) -> Reply {
        self.send("HEAD", path, &[], "").await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.json("PUT", path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.json("PATCH", path, body).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.json("POST", path, body).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[("accept", "application/json")], "").await
    }

    /// A request with a JSON body.
    pub async fn json(&self, method: &str, path: &str, body: Value) -> Reply {
        let headers = [("accept", "application/json"), ("content-type", "application/json")];
        self.send(method, path, &headers, body.to_string()).await
    }

    /// Any request; the path is taken as it is.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.request(method, path).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reply::read(request.send().await.unwrap()).await
    }

    /// Creates a stage with these options.
    pub async fn create_index(&self, index: &str, options: Value) {
        self.put(index, options).await.expect(200);
    }

    /// Creates a mirror of an upstream, with these further options.
    pub async fn create_mirror(&self, index: &str, upstream: &Upstream, options: Value) {
        let mut settings = json!({"type": "mirror", "mirror_url": upstream.mirror_url()});
        settings.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        self.put(index, settings).await.expect(200);
    }

    /// Sends an upload form as twine does, the file last.
    pub async fn upload(&self, index: &str, upload: Upload) -> Reply {
        self.send_form(index, upload.form()).await
    }

    /// The same, with `None` when the server went away before it had answered.
    pub async fn try_upload(&self, index: &str, upload: Upload) -> Option<Reply> {
        let request = self.request(Method::POST, &format!("{index}/")).multipart(upload.form());
        Reply::try_read(request.send().await.ok()?).await.ok()
    }

    /// Uploads a small wheel of the project, which must work.
    pub async fn upload_wheel(&self, index: &str, name: &str, version: &str) -> String {
        let wheel = super::archive::wheel(name, version);
        let filename = wheel.0.clone();
        self.upload(index, Upload::new(name, version, wheel)).await.expect(200);
        filename
    }

    /// Posts a form written by hand.
    pub async fn post_form(&self, index: &str, form: RawForm) -> Reply {
        let headers = [("accept", "application/json"), ("content-type", RawForm::CONTENT_TYPE)];
        self.send("POST", &format!("{index}/"), &headers, form.finish()).await
    }

    pub async fn send_form(&self, index: &str, form: Form) -> Reply {
        let request = self.request(Method::POST, &format!("{index}/")).header(ACCEPT, "application/json");
        Reply::read(request.multipart(form).send().await.unwrap()).await
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}/{path}", self.url));
        match &self.credentials {
            Some((user, secret)) => request.basic_auth(user, Some(secret)),
            None => request,
        }
    }
}

/// An answer, whole.
pub struct Reply {
    pub status: u16,
    /// The text of the status line, which upload clients print.
    pub reason: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub async fn read(response: Response) -> Self {
        Self::try_read(response).await.unwrap()
    }

    async fn try_read(response: Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let reason = response.extensions().get::<hyper::ext::ReasonPhrase>();
        let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        let reason =
            reason.unwrap_or_else(|| response.status().canonical_reason().unwrap_or_default().to_owned());
        Ok(Self { status, reason, headers, body: response.bytes().await?.to_vec() })
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self}"))
    }

    /// `result` of a JSON reply.
    #[track_caller]
    pub fn result(&self) -> Value {
        self.json()["result"].clone()
    }

    /// `message` of a JSON reply.
    #[track_caller]
    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_else(|| panic!("no message: {self}")).to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn serial(&self) -> i64 {
        self.header("x-devpi-serial").parse().unwrap()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.text())
    }
}

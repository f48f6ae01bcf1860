//! The mirrored index: asked over HTTP, and what it says read leniently.
//!
//! Nothing here knows a row or an object: who asks keeps what is read. Credentials are sent to the upstream's own host and
//! stand in no URL, so no failure can tell them.

mod form;
mod html;
pub mod page;
pub mod list;
pub mod spool;

use crate::{
    error::Error,
    model::mirror::Mirror,
    timing::{self, Phase},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH,
        LAST_MODIFIED, RANGE, RETRY_AFTER, WARNING,
    },
};
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use std::{error::Error as _, time::Duration};
use url::Url;

/// What we take for a page, best first (packaging standards, As a mirror of anything).
const PAGE: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

const LAST_SERIAL: HeaderName = HeaderName::from_static("x-pypi-last-serial");
const EVENTS: HeaderName = HeaderName::from_static("x-wheelyard-events");
const SERIAL: HeaderName = HeaderName::from_static("x-devpi-serial");

/// Largest page of a project, in bytes and unpacked.
const LARGEST_PAGE: usize = 48 << 20;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an upstream may pause in an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Why an upstream gave nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// 404 or 410.
    #[error("error {status} getting {url}")]
    Missing { status: u16, url: String },
    /// Any other answer that is none.
    #[error("error {status} getting {url}")]
    Status {
        status: u16,
        url: String,
        /// How long the upstream wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// No answer, or a broken one.
    #[error("{reason} getting {url}")]
    Broken { reason: String, url: String },
}

impl Failure {
    pub fn broken(reason: impl Into<String>, url: &Url) -> Self {
        Self::Broken { reason: reason.into(), url: shown(url) }
    }

    /// What went wrong, without what was asked for.
    pub fn reason(&self) -> String {
        match self {
            Self::Missing { status, .. } | Self::Status { status, .. } => format!("error {status}"),
            Self::Broken { reason, .. } => reason.clone(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Upstream(failure.to_string())
    }
}

/// By what an upstream tells whether a page is still as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// What comes with a page.
#[derive(Debug, Clone, Default)]
pub struct PageHead {
    pub validators: Validators,
    pub content_type: String,
    /// `X-PyPI-Last-Serial`.
    pub serial: Option<i64>,
    /// It says that it may be stale, or lacks something (`Warning: 110`).
    pub is_stale: bool,
    /// Where a wheelyard tells its changes, and its serial at this answer.
    pub events: Option<(Url, i64)>,
}

/// An answer to a conditional request.
pub enum Answer<T> {
    NotModified,
    Modified(T),
}

/// Talks to upstreams.
pub struct Upstream {
    pages: Client,
    files: Client,
}

impl Upstream {
    /// # Errors
    /// A text for the operator.
    pub fn new() -> Result<Self, String> {
        let client = || {
            Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
                // It would tell the next host a URL that may grant something.
                .referer(false)
                .user_agent(concat!("wheelyard/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Self {
            pages: client().build().map_err(|error| error.to_string())?,
            files: client().no_gzip().build().map_err(|error| error.to_string())?,
        })
    }

    /// The head of a page or list at a URL, its body yet to be read.
    pub async fn page(
        &self,
        mirror: &Mirror,
        url: &Url,
        validators: &Validators,
    ) -> Result<Answer<(PageHead, Response)>, Failure> {
        let mut request = authorized(self.pages.get(url.clone()), mirror, url).header(ACCEPT, PAGE);
        if let Some(etag) = &validators.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(last_modified) = &validators.last_modified {
            request = request.header(IF_MODIFIED_SINCE, last_modified);
        }
        let response = send(request, url).await?;
        let is_conditional = validators.etag.is_some() || validators.last_modified.is_some();
        if response.status() == StatusCode::NOT_MODIFIED && is_conditional {
            return Ok(Answer::NotModified);
        }
        let response = good(response, url)?;
        if response.status() != StatusCode::OK {
            return Err(Failure::broken("a part in place of a page", url));
        }
        Ok(Answer::Modified((head(response.headers(), response.url()), response)))
    }

    /// The bytes of a file from its URL on, of a range of it if one is asked for (`bytes=…`): 200, or 206.
    ///
    /// A packed or a web page in place of a file is a failure.
    pub async fn file(&self, mirror: &Mirror, url: &Url, range: Option<&str>) -> Result<Response, Failure> {
        let mut request =
            authorized(self.files.get(url.clone()), mirror, url).header(ACCEPT_ENCODING, "identity");
        if let Some(range) = range {
            request = request.header(RANGE, range);
        }
        metrics::counter!("wheelyard_upstream_file_requests_total").increment(1);
        let response = send(request, url).await?;
        let response = good(response, url)?;
        let says = |name, word: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.is_some_and(|value| value.to_ascii_lowercase().starts_with(word))
        };
        if response.headers().contains_key(CONTENT_ENCODING) && !says(CONTENT_ENCODING, "identity") {
            return Err(Failure::broken("a packed answer", url));
        }
        if says(CONTENT_TYPE, "text/html") || says(CONTENT_TYPE, "application/xhtml") {
            return Err(Failure::broken("a web page in place of a file", url));
        }
        Ok(response)
    }

    /// Waits so long for changes after a serial, or asks for the newest serial.
    pub async fn events(
        &self,
        mirror: &Mirror,
        url: &Url,
        since: Option<i64>,
        wait: Duration,
    ) -> Result<Told, Failure> {
        let mut asked = url.clone();
        asked.query_pairs_mut().append_pair("wait", &wait.as_secs().to_string());
        if let Some(since) = since {
            asked.query_pairs_mut().append_pair("since", &since.to_string());
        }
        let request = authorized(self.pages.get(asked.clone()), mirror, &asked);
        let request = request.header(ACCEPT, "application/json").timeout(wait + READ_TIMEOUT);
        let response = send(request, url).await?;
        let body = body(good(response, url)?, url, LARGEST_PAGE).await?;
        let reply: Result<ToldReply, _> = serde_json::from_slice(&body);
        reply.map(|reply| reply.result).map_err(|error| Failure::broken(error.to_string(), url))
    }

    /// The whole of a small answer, such as core metadata, up to so many bytes.
    pub async fn small(&self, mirror: &Mirror, url: &Url, most: usize) -> Result<Vec<u8>, Failure> {
        body(self.file(mirror, url, None).await?, url, most).await
    }
}

/// A change that a wheelyard tells.
#[derive(Debug, Clone, Deserialize)]
pub struct ToldEvent {
    pub event: String,
    pub project: Option<String>,
}

/// What a wheelyard tells of its changes.
#[derive(Debug, Clone, Deserialize)]
pub struct Told {
    /// All up to this one are told.
    pub serial: i64,
    pub events: Vec<ToldEvent>,
}

#[derive(Deserialize)]
struct ToldReply {
    result: Told,
}

/// The whole body of a page.
pub async fn page_body(response: Response, url: &Url) -> Result<Vec<u8>, Failure> {
    body(response, url, LARGEST_PAGE).await
}

/// The next bytes of an answer; `None` at its end.
pub async fn chunk(response: &mut Response, url: &Url) -> Result<Option<Bytes>, Failure> {
    let chunk = timing::of(Phase::Upstream, response.chunk()).await.map_err(|error| broken(error, url))?;
    let length = chunk.as_ref().map_or(0, Bytes::len);
    metrics::counter!("wheelyard_upstream_bytes_total").increment(length as u64);
    Ok(chunk)
}

/// The whole of an answer, up to so many bytes.
pub async fn body(mut response: Response, url: &Url, most: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = chunk(&mut response, url).await? {
        if body.len() + chunk.len() > most {
            return Err(Failure::broken(format!("more than {most} bytes"), url));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The URL as it is shown, without what a signed one grants.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

async fn send(request: RequestBuilder, url: &Url) -> Result<Response, Failure> {
    timing::of(Phase::Upstream, request.send()).await.map_err(|error| broken(error, url))
}

/// What went wrong on the way, without the URL, which may grant something, but with the causes.
fn broken(error: reqwest::Error, url: &Url) -> Failure {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    Failure::Broken { reason, url: shown(url) }
}

fn good(response: Response, url: &Url) -> Result<Response, Failure> {
    let status = response.status();
    if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT {
        return Ok(response);
    }
    let (status, url) = (status.as_u16(), shown(url));
    if status == 404 || status == 410 {
        return Err(Failure::Missing { status, url });
    }
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Err(Failure::Status { status, url, retry_after: retry_after.map(Duration::from_secs) })
}

fn authorized(request: RequestBuilder, mirror: &Mirror, url: &Url) -> RequestBuilder {
    let own = mirror.url.as_ref().is_some_and(|own| own.origin() == url.origin());
    match &mirror.credentials {
        Some((user, password)) if own => request.basic_auth(user, Some(password)),
        _ => request,
    }
}

fn head(headers: &HeaderMap, url: &Url) -> PageHead {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let number = |name| text(name).and_then(|text| text.trim().parse().ok());
    let events = text(&EVENTS).and_then(|path| url.join(&path).ok()).filter(|it| it.origin() == url.origin());
    PageHead {
        validators: Validators { etag: text(&ETAG), last_modified: text(&LAST_MODIFIED) },
        content_type: text(&CONTENT_TYPE).unwrap_or_default(),
        serial: number(&LAST_SERIAL).filter(|serial| *serial > 0),
        is_stale: text(&WARNING).is_some_and(|warning| warning.trim_start().starts_with("110")),
        events: events.zip(number(&SERIAL)),
    }
}

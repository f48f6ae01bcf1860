//! The receivers of webhooks: posted to over HTTP, where the operator lets this server reach.
//!
//! Nothing here knows a row: who posts says what, and keeps what came of it.

mod guard;

use crate::{
    config::ServerConfig,
    model::address::Allowed,
    timing::{self, Phase},
};
use guard::{Guard, Refused};
use http::{HeaderMap, header::CONTENT_TYPE};
use reqwest::Client;
use std::{error::Error as _, sync::Arc, time::Duration};
use url::Url;

/// How much of an answer is read, and how much of it is kept, in bytes.
const LONGEST_ANSWER: usize = 64 << 10;
const LONGEST_KEPT: usize = 1 << 10;

/// Talks to receivers.
pub struct Receivers {
    client: Client,
    allowed: Arc<[Allowed]>,
}

/// What a receiver said.
pub struct Answer {
    pub status: u16,
    /// The beginning of its body.
    pub text: String,
}

impl Receivers {
    /// # Errors
    /// A text for the operator.
    pub fn new(config: &ServerConfig) -> Result<Self, String> {
        let allowed: Arc<[Allowed]> = config.webhook_allow.clone().into();
        let client = Client::builder()
            .connect_timeout(config.webhook_patience.connect)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // A proxy would look the name up by itself, past the guard.
            .no_proxy()
            .dns_resolver(Guard { allowed: allowed.clone() })
            .user_agent(concat!("wheelyard/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { client, allowed })
    }

    /// Refuses a URL whose host is an address that may not be reached. A name is looked up, and its addresses are looked
    /// at, each time that it is connected to.
    ///
    /// # Errors
    /// A text for whoever named the URL.
    pub fn check(&self, url: &Url) -> Result<(), String> {
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => address.into(),
            Some(url::Host::Ipv6(address)) => address.into(),
            _ => return Ok(()),
        };
        match guard::admits(&self.allowed, address) {
            true => Ok(()),
            false => Err(Refused(address.to_string()).to_string()),
        }
    }

    /// Sends JSON to a receiver, which has so long for all of its answer. Redirects are answers like others.
    ///
    /// # Errors
    /// Why there was no answer, for people; the URL is not in it.
    pub async fn post(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: String,
        patience: Duration,
    ) -> Result<Answer, String> {
        self.check(url)?;
        let request = self.client.post(url.clone()).headers(headers).header(CONTENT_TYPE, "application/json");
        let sent = timing::of(Phase::Upstream, request.body(body).timeout(patience).send()).await;
        let mut response = sent.map_err(|error| reason(&error))?;
        let status = response.status().as_u16();
        let (mut kept, mut read) = (Vec::new(), 0);
        while read < LONGEST_ANSWER {
            // What breaks off, or takes too long, was an answer all the same.
            let Ok(Some(piece)) = response.chunk().await else { break };
            read += piece.len();
            let wanted = LONGEST_KEPT.saturating_sub(kept.len()).min(piece.len());
            kept.extend_from_slice(&piece[..wanted]);
        }
        // PostgreSQL's text holds no NUL.
        Ok(Answer { status, text: String::from_utf8_lossy(&kept).replace('\0', "\u{fffd}") })
    }
}

/// The cause of a failure without the URL.
fn reason(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let causes: Vec<_> = causes.collect();
    if let Some(refused) = causes.iter().find(|cause| cause.is::<Refused>()) {
        return refused.to_string();
    }
    let what = if error.is_timeout() {
        "did not answer in time"
    } else if error.is_connect() {
        "can't be connected to"
    } else {
        "did not answer"
    };
    match causes.last() {
        Some(cause) if !error.is_timeout() => format!("{what}: {cause}"),
        _ => what.to_owned(),
    }
}

//! Keys of the OIDC issuers that the operator trusts, and when to ask for them again.

use crate::config::ServerConfig;
use jsonwebtoken::jwk::Jwk;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use url::{Host, Url};

/// How long keys are believed; and how long if their issuer can't be asked.
const FRESH: Duration = Duration::from_secs(3600);
const STALE: Duration = Duration::from_secs(24 * 3600);

/// The least time between two questions, whatever keys tokens say they are signed with.
const PAUSE: Duration = Duration::from_secs(30);

/// The trusted issuers by their URLs. Who asks one holds the lock, so that all others wait for the same answer.
pub struct Issuers(HashMap<String, Mutex<Keys>>);

impl Issuers {
    /// Those of `--oidc-issuer`.
    ///
    /// # Errors
    /// A text for the operator.
    pub fn new(config: &ServerConfig) -> Result<Self, String> {
        let issuers = config.oidc_issuer.iter().map(|issuer| match Url::parse(issuer) {
            Ok(url) if is_safe(&url) => Ok((issuer.clone(), Mutex::default())),
            _ => Err(format!("--oidc-issuer {issuer} is no https URL")),
        });
        issuers.collect::<Result<_, _>>().map(Self)
    }

    /// The place for the keys of an issuer, if it is one of them.
    pub fn get(&self, issuer: &str) -> Option<&Mutex<Keys>> {
        self.0.get(issuer)
    }
}

/// Whether nobody on the way can answer in its place: `https`, or `http` on this machine.
pub fn is_safe(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

/// What is known of an issuer's keys.
#[derive(Default)]
pub struct Keys {
    known: Option<(Vec<Jwk>, Instant)>,
    asked_at: Option<Instant>,
}

impl Keys {
    /// The key of this id, if it is good without asking.
    pub fn fresh(&self, id: &str, now: Instant) -> Option<&Jwk> {
        self.find(id, now, FRESH)
    }

    /// The key of this id, if it is good when its issuer can't be asked.
    pub fn stale(&self, id: &str, now: Instant) -> Option<&Jwk> {
        self.find(id, now, STALE)
    }

    /// Whether the issuer may be asked now; it is then taken to be.
    pub fn ask(&mut self, now: Instant) -> bool {
        let may_ask = self.asked_at.is_none_or(|at| now.duration_since(at) >= PAUSE);
        if may_ask {
            self.asked_at = Some(now);
        }
        may_ask
    }

    /// Whether the keys that are known are those of the last hour.
    pub fn are_fresh(&self, now: Instant) -> bool {
        self.known.as_ref().is_some_and(|(_, at)| now.duration_since(*at) < FRESH)
    }

    /// Keeps what the issuer answered.
    pub fn keep(&mut self, keys: Vec<Jwk>, now: Instant) {
        self.known = Some((keys, now));
    }

    fn find(&self, id: &str, now: Instant, age: Duration) -> Option<&Jwk> {
        let (keys, at) = self.known.as_ref()?;
        let keys = (now.duration_since(*at) < age).then_some(keys)?;
        keys.iter().find(|key| key.common.key_id.as_deref() == Some(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(id: &str) -> Jwk {
        serde_json::from_value(json!({"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": id})).unwrap()
    }

    #[test]
    fn keys_are_believed_for_an_hour_and_longer_when_the_issuer_is_away() {
        let (mut keys, now) = (Keys::default(), Instant::now());
        assert!(keys.fresh("a", now).is_none() && !keys.are_fresh(now));
        keys.keep(vec![key("a")], now);
        for (later, fresh, stale) in
            [(0, true, true), (3599, true, true), (3600, false, true), (86_400, false, false)]
        {
            let then = now + Duration::from_secs(later);
            assert_eq!(keys.fresh("a", then).is_some(), fresh, "{later}");
            assert_eq!(keys.stale("a", then).is_some(), stale, "{later}");
        }
        assert!(keys.fresh("b", now).is_none());
    }

    #[test]
    fn an_issuer_is_asked_twice_a_minute_at_most() {
        let (mut keys, now) = (Keys::default(), Instant::now());
        assert!(keys.ask(now) && !keys.ask(now) && !keys.ask(now + Duration::from_secs(29)));
        assert!(keys.ask(now + PAUSE));
    }

    #[test]
    fn an_issuer_is_reached_by_https_or_is_this_machine() {
        for (url, safe) in [
            ("https://ci.example/x", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://ci.example", false),
            ("http://127.0.0.1.ci.example", false),
            ("ftp://127.0.0.1", false),
            ("file:///etc", false),
        ] {
            assert_eq!(is_safe(&Url::parse(url).unwrap()), safe, "{url}");
        }
    }
}

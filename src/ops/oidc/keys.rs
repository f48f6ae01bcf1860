//! The keys of an issuer, found by `OpenID` Connect Discovery.

use super::Refusal;
use crate::{
    cache::issuers::is_safe,
    error::Error,
    ops::after_response,
    service::Service,
    timing::{self, Phase},
    upstream,
};
use jsonwebtoken::jwk::Jwk;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::{Duration, Instant};
use url::Url;

/// How long one question to an issuer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer, in bytes, and most keys.
const LARGEST: usize = 256 << 10;
const MOST_KEYS: usize = 100;

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// The key of this id, from memory or else from its issuer, which is asked now and then only.
///
/// # Errors
/// [`Refusal::Token`] when the issuer has no such key, [`Refusal::Issuer`] when it can't be asked.
pub async fn find(service: &Service, issuer: &str, id: &str) -> Result<Jwk, Refusal> {
    let (of, issuer, id) = (service.clone(), issuer.to_owned(), id.to_owned());
    // It goes on when the client leaves: else whoever leaves early enough keeps the issuer from being asked for a while.
    let found = after_response::share(service, async move { known_or_asked(&of, &issuer, &id).await });
    found.await.map_err(|error| Error::Internal(error.to_string()))?
}

async fn known_or_asked(service: &Service, issuer: &str, id: &str) -> Result<Jwk, Refusal> {
    let keys = service.issuers.get(issuer);
    let keys = keys.ok_or_else(|| Error::Internal(format!("no place for keys of {issuer}")))?;
    let mut keys = keys.lock().await;
    if let Some(key) = keys.fresh(id, Instant::now()) {
        return Ok(key.clone());
    }
    if keys.ask(Instant::now()) {
        match fetch(service, issuer).await {
            Ok(fetched) => keys.keep(fetched, Instant::now()),
            Err(problem) => tracing::warn!(issuer, problem, "no keys of an OIDC issuer"),
        }
    }
    let now = Instant::now();
    match keys.stale(id, now) {
        Some(key) => Ok(key.clone()),
        None if keys.are_fresh(now) => Err(Refusal::Token("its issuer has no key of this id (kid)".into())),
        None => Err(Refusal::Issuer(format!("{issuer} can't be asked for its keys at the moment"))),
    }
}

async fn fetch(service: &Service, issuer: &str) -> Result<Vec<Jwk>, String> {
    let at = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let at = Url::parse(&at).map_err(|error| error.to_string())?;
    let found: Discovery = ask(service, &at).await?;
    if found.issuer != issuer {
        return Err(format!("{at} is about another issuer"));
    }
    let keys_at = Url::parse(&found.jwks_uri).ok().filter(is_safe);
    let keys_at =
        keys_at.ok_or_else(|| format!("the keys are at {}, which is no https URL", found.jwks_uri))?;
    let set: KeySet = ask(service, &keys_at).await?;
    // Keys of kinds that are not known here are of no use, and no harm.
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).take(MOST_KEYS).collect())
}

async fn ask<T: DeserializeOwned>(service: &Service, url: &Url) -> Result<T, String> {
    let sent = service.client.get(url.clone()).timeout(TIMEOUT).send();
    let answer = timing::of(Phase::Upstream, sent).await.map_err(|error| error.without_url().to_string())?;
    if answer.status() != 200 {
        return Err(format!("{} from {url}", answer.status()));
    }
    let body = upstream::body(answer, url, LARGEST).await.map_err(|failure| failure.to_string())?;
    serde_json::from_slice(&body).map_err(|error| format!("{url}: {error}"))
}

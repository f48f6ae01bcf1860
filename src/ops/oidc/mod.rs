//! Trusted publishing: a job of a CI system shows the token that its OIDC issuer gave it, and gets one of ours that is good
//! for the indexes whose publishers it is (packaging standards, Trusted publishing).

mod jwt;
mod keys;

use crate::{
    error::{Error, Result},
    model::{
        access::PUBLISHER,
        api_token::Secret,
        event::{Event, EventKind},
        limit::{Limit, Permission, Scope},
        publisher::{self, Publisher},
    },
    ops::tokens,
    service::Service,
    store::{self, tokens::NewToken},
};
use jwt::Proven;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long a minted token is good for.
const LIFETIME: Duration = Duration::minutes(15);

/// Longest subject that the changelog keeps, in characters.
const LONGEST_SUBJECT: usize = 200;

/// A token for a job.
pub struct Minted {
    pub text: String,
    pub expires_at: OffsetDateTime,
}

/// Why there is no token.
#[derive(Debug)]
pub enum Refusal {
    /// No issuer is trusted here.
    NotEnabled,
    /// It is no token of a trusted issuer for this index; the text says why.
    Token(String),
    /// One was minted for it before.
    Reuse,
    /// Nobody said that such jobs may publish.
    Publisher(String),
    /// Its issuer can't be asked for its keys.
    Issuer(String),
    Failure(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failure(error)
    }
}

/// `GET /_/oidc/audience`: for whom a job has to ask its token, `--oidc-audience` or else the identity of this index, which
/// no other server has.
///
/// # Errors
/// [`Error::NotFound`] when no issuer is trusted here, so that clients go on without.
pub fn audience(service: &Service) -> Result<String> {
    let server = &service.config.server;
    match server.oidc_issuer.is_empty() {
        true => {
            Err(Error::NotFound("trusted publishing is not enabled: --oidc-issuer names no issuer".into()))
        }
        false => Ok(server.oidc_audience.clone().unwrap_or_else(|| service.uuid.to_string())),
    }
}

/// `POST /_/oidc/mint-token`: a token of ours for one of an issuer.
///
/// # Errors
/// See [`Refusal`].
pub async fn mint(service: &Service, jwt: &str) -> Result<Minted, Refusal> {
    let audience = audience(service).map_err(|_| Refusal::NotEnabled)?;
    let proven = jwt::prove(service, jwt, &audience).await?;
    let claims = publisher::texts(&proven.claims);
    let (secret, now) = (Secret::new(Uuid::new_v4(), rand::random()), OffsetDateTime::now_utc());
    let expires_at = now + LIFETIME;

    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, Some(PUBLISHER)).await?;
    let mut publishers = store::publishers::fitting(&mut change, &proven.issuer, &claims).await?;
    publishers.retain(|publisher| publisher.asked.fits(&proven.claims));
    if publishers.is_empty() {
        return Err(Refusal::Publisher(nobody(&proven)));
    }
    store::tokens::sweep(&mut change).await?;
    if !store::tokens::see(&mut change, &proven.digest, proven.expires_at).await? {
        return Err(Refusal::Reuse);
    }
    let (limit, ids): (Limit, Vec<Uuid>) = (limit(&publishers), publishers.iter().map(|it| it.id).collect());
    let new = NewToken {
        id: secret.id,
        user_id: None,
        secret_sha256: &secret.digest(),
        description: "",
        limit: &limit,
        publishers: &ids,
        expires_at: Some(expires_at),
    };
    store::tokens::insert(&mut change, &new).await?;
    let detail = json!({
        "id": secret.id,
        "issuer": proven.issuer,
        "subject": subject(&proven),
        "publishers": ids,
        "restrictions": limit.restrictions(),
        "expires": expires_at.unix_timestamp(),
    });
    change.log(Event::token(EventKind::TokenCreate, None).with_detail(detail));
    change.commit().await?;
    Ok(Minted { text: secret.reveal(), expires_at })
}

/// `POST /_/oidc/burn-token`: revokes a minted token, which its job needs no more. Any other is left as it is.
pub async fn burn(service: &Service, text: &str) -> Result<()> {
    let Some(secret) = Secret::parse(text) else { return Ok(()) };
    let token = tokens::good(service, "", &secret).await?;
    let Some(token) = token.filter(|token| token.user.is_none()) else { return Ok(()) };
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, Some(PUBLISHER)).await?;
    if store::tokens::delete(&mut change, None, token.id).await? {
        change.log(Event::token(EventKind::TokenDelete, None).with_detail(json!({"id": token.id})));
    }
    change.commit().await?;
    Ok(())
}

/// To upload what these publishers may, each on its own index.
fn limit(publishers: &[Publisher]) -> Limit {
    let scope = |publisher: &Publisher| Scope {
        indexes: Some(vec![publisher.index.clone()]),
        projects: publisher.asked.projects.clone(),
    };
    Limit { allowed: Some([Permission::Upload].into()), scopes: publishers.iter().map(scope).collect() }
}

fn nobody(proven: &Proven) -> String {
    format!(
        "no index has a publisher for a token of {} with the claims of this one; its subject is '{}'",
        proven.issuer,
        subject(proven)
    )
}

fn subject(proven: &Proven) -> String {
    let subject = proven.claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    subject.chars().filter(|c| !c.is_control()).take(LONGEST_SUBJECT).collect()
}

//! Passwords, login tokens, and whose an API token is.
//!
//! A token is a JWT signed with the key that all processes share. It dies with a change of the password, all but the
//! token that made the change: devpi's client goes on using it (DESIGN, Failure rules).

use crate::{
    error::{Error, Result},
    model::{
        access::{Caller, Token},
        api_token::{self, Secret},
        name::UserName,
        user::User,
    },
    ops::tokens,
    service::Service,
    store,
};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// How long a login token is good for, in seconds (devpi: ten hours).
pub const TOKEN_SECONDS: i64 = 36_000;

/// How long a client is told to keep an API token that never expires, in seconds.
const LONG: i64 = 366 * 24 * 3600;

/// Longest password that is hashed, in bytes.
const LONGEST_PASSWORD: usize = 4096;

/// How long a login waits for its turn to be hashed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A hash that no password is tried against in earnest, so that an unknown user costs as much time as a known one.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    Argon2::default()
        .hash_password(b"nobody")
        .map(|hash: argon2::password_hash::phc::PasswordHash| hash.to_string())
        .unwrap_or_default()
});

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// Seconds since 1970.
    exp: i64,
    jti: Uuid,
    /// [`User::token_generation`] at the time of login.
    generation: Uuid,
}

/// `POST /+login`: a token for a user's password, and how long it is good for, in seconds. An API token in place of the
/// password comes back as it is, since there is nothing more that it is good for.
///
/// # Errors
/// [`Error::WrongPassword`], also for an unknown user.
pub async fn login(service: &Service, user: &str, password: &str) -> Result<(String, i64)> {
    if let Some(secret) = Secret::parse(password) {
        let token = tokens::good(service, user, &secret).await?;
        let token = token.ok_or_else(|| Error::WrongPassword(user.to_owned()))?;
        let left = token.expires_at.map(|at| (at - OffsetDateTime::now_utc()).whole_seconds());
        return Ok((password.to_owned(), left.unwrap_or(LONG)));
    }
    let found = match UserName::parse(user) {
        Ok(name) => known_user(service, &name).await?,
        Err(_) => None,
    };
    if !password_fits(service, found.as_deref(), password).await? {
        return Err(Error::WrongPassword(user.to_owned()));
    }
    let found = found.ok_or_else(|| Error::WrongPassword(user.to_owned()))?;
    Ok((token(service, &found)?, TOKEN_SECONDS))
}

/// Who the credentials of a request belong to: a password or a login token of the user, or an API token, which may also
/// stand alone or in the place of the user.
///
/// Wrong, expired and malformed ones are no error: the request goes on as anonymous (devpi-api, Credentials).
pub async fn authenticate(service: &Service, user: &str, secret: &str) -> Result<Caller> {
    // A token may stand alone in a URL, where a user stands.
    let (with, text) = if secret.is_empty() { (api_token::USER, user) } else { (user, secret) };
    if let Some(secret) = Secret::parse(text) {
        let token = tokens::good(service, with, &secret).await?;
        return Ok(token.map(|token| tokens::caller(&token)).unwrap_or_default());
    }
    if user == api_token::USER {
        return Ok(Caller::default());
    }
    let Ok(name) = UserName::parse(user) else { return Ok(Caller::default()) };
    let Some(user) = known_user(service, &name).await? else {
        password_fits(service, None, secret).await?;
        return Ok(Caller::default());
    };
    if let Some(token) = valid_token(service, &user, secret) {
        return Ok(Caller { user: Some(name), token: Some(Token::Login(token)) });
    }
    // What is a token, but not a good one, need not be hashed to know that it is no password.
    if is_token(secret) {
        return Ok(Caller::default());
    }
    match password_fits(service, Some(&user), secret).await? {
        true => Ok(Caller { user: Some(name), token: None }),
        false => Ok(Caller::default()),
    }
}

/// Whether a secret has the form of a token, so that it is no password.
pub fn is_token(secret: &str) -> bool {
    Secret::parse(secret).is_some() || jsonwebtoken::decode_header(secret).is_ok()
}

/// Whether what a caller logged in with is still good; `then` is the user as it was at that time.
pub async fn still_good(service: &Service, caller: &Caller, then: &User) -> Result<bool> {
    let Some(user) = known_user(service, &then.name).await? else { return Ok(false) };
    if let Some(Token::Api { id, .. }) = caller.token {
        return Ok(user.id == then.id && tokens::alive(service, id).await?.is_some());
    }
    let kept = caller.login_token().is_some() && caller.login_token() == user.kept_token;
    Ok(user.id == then.id && (user.token_generation == then.token_generation || kept))
}

/// A fresh login token for a user.
pub fn token(service: &Service, user: &User) -> Result<String> {
    let claims = Claims {
        sub: user.name.to_string(),
        exp: OffsetDateTime::now_utc().unix_timestamp() + TOKEN_SECONDS,
        jti: Uuid::new_v4(),
        generation: user.token_generation,
    };
    let key = EncodingKey::from_secret(&service.token_secret);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| Error::Internal(format!("signing a token: {error}")))
}

/// What a page of the session of a token puts into its forms, and no other site knows.
pub fn csrf_token(service: &Service, token: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&service.token_secret) else { return String::new() };
    mac.update(b"csrf:");
    mac.update(token.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// The argon2id hash of a password, in PHC form.
///
/// # Errors
/// [`Error::Invalid`] for a password that is too long.
pub async fn hash(service: &Service, password: &str) -> Result<String> {
    if password.len() > LONGEST_PASSWORD {
        return Err(Error::invalid(format!("password must not be longer than {LONGEST_PASSWORD} bytes")));
    }
    let password = password.to_owned();
    let hash = compute(service, move || {
        let hash: Result<PasswordHash, _> = Argon2::default().hash_password(password.as_bytes());
        hash.map(|hash| hash.to_string())
    });
    hash.await?.map_err(|error| Error::Internal(format!("hashing a password: {error}")))
}

/// The user of this name, from memory or else from the database.
pub async fn known_user(service: &Service, name: &UserName) -> Result<Option<Arc<User>>> {
    match service.credentials.user(name) {
        Ok(user) => Ok(user),
        Err(ticket) => {
            let user = store::users::find(&service.db().await?, name).await?.map(Arc::new);
            service.credentials.keep(ticket, name, user.clone());
            Ok(user)
        }
    }
}

fn valid_token(service: &Service, user: &User, secret: &str) -> Option<Uuid> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    validation.set_required_spec_claims(&["exp", "sub"]);
    let key = DecodingKey::from_secret(&service.token_secret);
    let claims = jsonwebtoken::decode::<Claims>(secret, &key, &validation).ok()?.claims;
    let alive = claims.generation == user.token_generation || user.kept_token == Some(claims.jti);
    (claims.sub == user.name.as_str() && alive).then_some(claims.jti)
}

async fn password_fits(service: &Service, user: Option<&User>, password: &str) -> Result<bool> {
    if password.len() > LONGEST_PASSWORD {
        return Ok(false);
    }
    match user.filter(|user| !user.password_hash.is_empty()) {
        Some(user) => {
            let verify = async {
                let fits = verify(service, user.password_hash.clone(), password.to_owned()).await?;
                if fits
                    && settings(&user.password_hash) != settings(&NOBODY)
                    && let Err(error) = renew(service, user, password).await
                {
                    tracing::warn!(%error, user = %user.name, "a password keeps the hash of another server");
                }
                Ok(fits)
            };
            service.credentials.check(user, password, verify).await
        }
        None => verify(service, NOBODY.clone(), password.to_owned()).await.map(|_| false),
    }
}

/// Algorithm, version and cost of a hash in PHC form: all before the salt.
fn settings(hash: &str) -> Option<&str> {
    hash.rsplitn(3, '$').nth(2)
}

/// Replaces the hash of a password that another server made, which may cost more or protect less, by one of ours.
async fn renew(service: &Service, user: &User, password: &str) -> Result<()> {
    let ours = hash(service, password).await?;
    store::users::renew_hash(&service.db().await?, user, &ours).await?;
    service.credentials.forget_user(&user.name);
    Ok(())
}

async fn verify(service: &Service, hash: String, password: String) -> Result<bool> {
    let fits = compute(service, move || {
        PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    });
    fits.await
}

/// Hashes a password, which takes some ten milliseconds: off the async threads, and no more of them at once than there
/// are cores.
async fn compute<T: Send + 'static>(
    service: &Service,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let permit = tokio::time::timeout(PATIENCE, service.hashing.clone().acquire_owned()).await;
    let permit = permit
        .map_err(|_| Error::Overloaded("too many passwords are checked at the same time"))?
        .map_err(|error| Error::Internal(error.to_string()))?;
    metrics::counter!("wheelyard_password_hashes_total").increment(1);
    // The place is taken until the work ends, also when nobody waits for it any more.
    let work = move || {
        let _permit = permit;
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))
}

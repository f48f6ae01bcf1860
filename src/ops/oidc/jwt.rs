//! Whether a JWT is what it says it is (RFC 7519, RFC 8725; `OpenID` Connect Core, ID Token validation).

use super::{Refusal, keys};
use crate::service::Service;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, dangerous::insecure_decode, jwk::PublicKeyUse};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

/// Signatures that need a key which only the issuer has.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Longest token, in bytes.
const LONGEST: usize = 16 << 10;

/// How far clocks may be apart, in seconds.
const LEEWAY: i64 = 30;

/// The longest life of a token: so long it is remembered that it was used.
const LONGEST_LIFE: Duration = Duration::DAY;

/// A token that its issuer has signed for this index.
pub struct Proven {
    pub issuer: String,
    pub claims: Map<String, Value>,
    pub expires_at: OffsetDateTime,
    /// Names the token: no other has it.
    pub digest: [u8; 32],
}

/// The one claim that is read before anything is proven, to know whose keys to ask for.
#[derive(Deserialize)]
struct Unproven {
    iss: String,
}

/// Proves a token against the keys of its issuer.
///
/// # Errors
/// [`Refusal::Token`] with what is wrong with it, [`Refusal::Issuer`].
pub async fn prove(service: &Service, jwt: &str, audience: &str) -> Result<Proven, Refusal> {
    if jwt.len() > LONGEST {
        return Err(wrong(format!("it is longer than {LONGEST} bytes")));
    }
    let unproven =
        insecure_decode::<Unproven>(jwt).map_err(|error| wrong(format!("it can't be read: {error}")))?;
    let (header, issuer) = (unproven.header, unproven.claims.iss);
    if !ALGORITHMS.contains(&header.alg) {
        return Err(wrong(format!(
            "it is signed by {:?}, and only RS256, ES256 and EdDSA are taken",
            header.alg
        )));
    }
    if header.crit.is_some() {
        return Err(wrong("its header has extensions that are not known here"));
    }
    let key_id = header.kid.ok_or_else(|| wrong("its header does not name a key (kid)"))?;
    if !service.config.server.oidc_issuer.contains(&issuer) {
        return Err(wrong("its issuer (iss) is not trusted by this server"));
    }
    let key = keys::find(service, &issuer, &key_id).await?;
    if key.common.public_key_use.as_ref().is_some_and(|it| *it != PublicKeyUse::Signature) {
        return Err(wrong("the key that it names is not for signatures"));
    }
    let key =
        DecodingKey::from_jwk(&key).map_err(|error| wrong(format!("its key can't be used: {error}")))?;

    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY.unsigned_abs();
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[&issuer]);
    validation.set_audience(&[audience]);
    let claims = jsonwebtoken::decode::<Map<String, Value>>(jwt, &key, &validation);
    let claims = claims.map_err(|error| wrong(format!("it is not good here: {error}")))?.claims;
    check(&claims, &issuer, jwt)
}

/// What the library leaves open.
fn check(claims: &Map<String, Value>, issuer: &str, jwt: &str) -> Result<Proven, Refusal> {
    // A token for several might be shown here by another of them.
    if claims.get("aud").and_then(Value::as_array).is_some_and(|all| all.len() != 1) {
        return Err(wrong("its audience (aud) is not this server alone"));
    }
    let time = |name: &str| {
        let seconds = claims.get(name).and_then(Value::as_i64);
        seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
    };
    let (Some(issued_at), Some(expires_at)) = (time("iat"), time("exp")) else {
        return Err(wrong("it does not say from when (iat) to when (exp) it is good, in whole seconds"));
    };
    let now = OffsetDateTime::now_utc();
    if issued_at > now + Duration::seconds(LEEWAY) {
        return Err(wrong("it was issued in the future (iat)"));
    }
    if expires_at - issued_at > LONGEST_LIFE {
        return Err(wrong("it is good for longer than a day"));
    }
    // What is signed names a token as well as an id does; the signature itself may be written in several ways.
    let signed = jwt.rsplit_once('.').map_or(jwt, |(signed, _)| signed);
    let id = claims.get("jti").and_then(Value::as_str).filter(|id| !id.is_empty()).unwrap_or(signed);
    Ok(Proven {
        issuer: issuer.to_owned(),
        digest: Sha256::digest(format!("{issuer}\n{id}")).into(),
        // It is taken for as long as clocks may be apart.
        expires_at: expires_at + Duration::seconds(2 * LEEWAY),
        claims: claims.clone(),
    })
}

fn wrong(reason: impl Into<String>) -> Refusal {
    Refusal::Token(reason.into())
}

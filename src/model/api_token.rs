//! API tokens: their form, and what a client asks of a new one.

use super::{
    limit::{Limit, Permission, Scope},
    name::{IndexName, ProjectName, UserName},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The user name that goes with any token (packaging standards, API tokens).
pub const USER: &str = "__token__";

/// What every token begins with, so that scanners for leaked secrets know one.
const PREFIX: &str = "whl_";

const SECRET_BYTES: usize = 19;
const CHECK_BYTES: usize = 4;

/// The lifetime of a token that asks for none, and the longest that most may ask for: a leap year, and ten seconds by which
/// clocks may be apart (devpi-tokens: `ONE_YEAR_SECONDS`).
const YEAR: Duration = Duration::seconds(366 * 24 * 3600 + 10);

/// Longest description, in bytes.
const LONGEST_DESCRIPTION: usize = 500;

/// Indexes, and projects, that a token may name.
const MOST_NAMES: usize = 1000;

/// A token as a client has it: `whl_`, then base64url of id, secret and four bytes of checksum. The checksum lets scanners
/// and this program know a token without looking it up.
pub struct Secret {
    pub id: Uuid,
    secret: [u8; SECRET_BYTES],
}

impl Secret {
    /// A token of this id and these random bytes.
    pub fn new(id: Uuid, secret: [u8; SECRET_BYTES]) -> Self {
        Self { id, secret }
    }

    /// Reads what may be a token; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (content, check) = bytes.split_at_checked(16 + SECRET_BYTES)?;
        let (id, secret) = content.split_at(16);
        (check == &Sha256::digest(content)[..CHECK_BYTES]).then_some(())?;
        Some(Self { id: Uuid::from_slice(id).ok()?, secret: secret.try_into().ok()? })
    }

    /// What is kept of the secret: it is random, so that a fast hash tells nothing of it.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }

    /// The text of the token.
    pub fn reveal(&self) -> String {
        let mut bytes = [self.id.as_bytes().as_slice(), &self.secret].concat();
        let check = Sha256::digest(&bytes);
        bytes.extend_from_slice(&check[..CHECK_BYTES]);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.id)
    }
}

/// A token as it is kept.
#[derive(Clone)]
pub struct ApiToken {
    pub id: Uuid,
    /// Whose rights it has a part of; `None`: it has those of publishers.
    pub user: Option<UserName>,
    pub secret_sha256: Vec<u8>,
    pub description: String,
    pub limit: Arc<Limit>,
    pub created_at: OffsetDateTime,
    /// `None`: never.
    pub expires_at: Option<OffsetDateTime>,
    /// To the hour; `None`: never.
    pub last_used_at: Option<OffsetDateTime>,
}

/// What a client wants of a new token.
#[derive(Debug, PartialEq)]
pub struct Request {
    pub description: String,
    pub limit: Limit,
    pub expires_at: Option<OffsetDateTime>,
    /// It is to live longer than most may ask for.
    pub is_long: bool,
}

impl Request {
    /// Reads the body of `POST /{user}/+token-create` (devpi-tokens: `restrictions.py`, whose words these are).
    pub fn parse(body: &Map<String, Value>, now: OffsetDateTime) -> Result<Self, String> {
        let (mut description, mut allowed, mut scope) = (String::new(), None, Scope::default());
        let mut expires_at = Some(now + YEAR);
        for (key, value) in body {
            match (key.as_str(), value) {
                ("description", Value::String(text)) if text.len() <= LONGEST_DESCRIPTION => {
                    text.clone_into(&mut description);
                }
                ("description", _) => {
                    return Err(format!("description must be a text of at most {LONGEST_DESCRIPTION} bytes"));
                }
                ("allowed", value) => allowed = Some(items(key, value, permission)?.into_iter().collect()),
                ("indexes", value) => scope.indexes = Some(items(key, value, str::parse::<IndexName>)?),
                ("projects", value) => scope.projects = Some(items(key, value, ProjectName::parse)?),
                ("expires", Value::Null) => {}
                ("expires", value) => expires_at = expiry(value, now)?,
                _ => return Err(format!("Unknown restriction '{key}'.")),
            }
        }
        let is_long = expires_at.is_none_or(|at| at > now + YEAR);
        Ok(Self { description, limit: Limit { allowed, scopes: vec![scope] }, expires_at, is_long })
    }
}

fn items<T>(key: &str, value: &Value, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let Value::Array(items) = value else { return Err(format!("The {key} restriction must be a list")) };
    if items.len() > MOST_NAMES {
        return Err(format!("The {key} restriction must have at most {MOST_NAMES} items"));
    }
    let parsed = items.iter().enumerate().map(|(place, item)| match item.as_str() {
        Some("") => Err(format!("Empty item at position {} in {key} list", place + 1)),
        Some(text) => parse(text).map_err(|problem| format!("{key}: {problem}")),
        None => Err(format!("Item at position {} is not a string in {key} list", place + 1)),
    });
    parsed.collect()
}

fn permission(name: &str) -> Result<Permission, String> {
    let known = Permission::ALL.into_iter().find(|permission| permission.name() == name);
    known.ok_or_else(|| format!("'{name}' is none of {}", Permission::ALL.map(Permission::name).join(", ")))
}

/// Seconds since 1970, or `never`.
fn expiry(value: &Value, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, String> {
    if value == "never" {
        return Ok(None);
    }
    let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let at = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    match at {
        Some(at) if at <= now => Err("Can't set expiration before current time".into()),
        Some(at) => Ok(Some(at)),
        None => {
            Err(format!("Invalid value '{value}' for expiration: it is to be seconds since 1970, or 'never'"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn parse(body: &Value) -> Result<Request, String> {
        Request::parse(body.as_object().unwrap(), NOW)
    }

    #[test]
    fn a_token_is_known_by_its_checksum() {
        let secret = Secret::new(Uuid::from_u128(7), [9; SECRET_BYTES]);
        let text = secret.reveal();
        let read = Secret::parse(&text).unwrap();
        assert_eq!((read.id, read.digest()), (secret.id, secret.digest()));
        assert_eq!(text.len(), 56);
        assert!(!format!("{secret:?}").contains(&text[30..]));
        for wrong in [
            "",
            "whl_",
            "secret",
            &text[..55],
            &format!("{text}A"),
            &format!("{text}="),
            &text.replace("whl_", "pypi-"),
            &text.replacen('J', "K", 1),
        ] {
            assert!(Secret::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_request_says_what_the_token_is_limited_to() {
        let asked = parse(&json!({
            "allowed": ["upload", "pkg_read"], "indexes": ["alice/dev"], "projects": ["My.Project"],
            "expires": 60, "description": "CI"
        }));
        let asked = asked.unwrap();
        assert_eq!(
            asked.limit.restrictions(),
            ["allowed=pkg_read,upload", "indexes=alice/dev", "projects=my-project"]
        );
        assert_eq!((asked.expires_at, asked.is_long), (Some(NOW + Duration::MINUTE), false));
        assert_eq!(parse(&json!({})).unwrap().expires_at, Some(NOW + YEAR));
        for long in [json!("never"), json!(YEAR.whole_seconds() + 1)] {
            assert!(parse(&json!({"expires": long})).unwrap().is_long);
        }
    }

    #[test]
    fn a_request_that_is_none_says_what_was_expected() {
        for (body, problem) in [
            (json!({"foo": 1}), "Unknown restriction 'foo'."),
            (json!({"indexes": "alice/dev"}), "The indexes restriction must be a list"),
            (json!({"indexes": [1]}), "Item at position 1 is not a string in indexes list"),
            (json!({"projects": ["a", ""]}), "Empty item at position 2 in projects list"),
            (json!({"indexes": ["alice"]}), "indexes: \"alice\" is not in the form user/index"),
            (json!({"expires": 0}), "Can't set expiration before current time"),
            (
                json!({"expires": "x"}),
                "Invalid value '\"x\"' for expiration: it is to be seconds since 1970, or 'never'",
            ),
            (json!({"description": 1}), "description must be a text of at most 500 bytes"),
        ] {
            assert_eq!(parse(&body).unwrap_err(), problem);
        }
        assert!(
            parse(&json!({"allowed": ["user_modify"]})).unwrap_err().contains("is none of pkg_read, upload")
        );
        assert!(parse(&json!({"indexes": vec!["a/b"; 1001]})).is_err());
    }
}

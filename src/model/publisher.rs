//! Trusted publishers: which jobs of which CI system may upload to an index (packaging standards, Trusted publishing).

use super::name::{IndexName, ProjectName};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Claims of which a publisher has to name one: those that tell whose job it is.
const IDENTIFYING: [&str; 5] = ["sub", "repository", "repository_id", "project_path", "project_id"];

/// Claims that a publisher may name, and the longest name and value in bytes.
const MOST_CLAIMS: usize = 32;
const LONGEST_CLAIM: usize = 500;

/// Projects that a publisher may name.
const MOST_PROJECTS: usize = 100;

/// Whoever has a token of this issuer with these claims may upload to the index.
#[derive(Debug, Clone)]
pub struct Publisher {
    pub id: Uuid,
    pub index: IndexName,
    pub asked: Request,
    /// The user who made it.
    pub created_by: Option<String>,
    pub created_at: OffsetDateTime,
}

/// What a client wants of a new publisher.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub issuer: String,
    /// Claims with their exact values, as texts.
    pub claims: BTreeMap<String, String>,
    /// `None`: all of the index.
    pub projects: Option<Vec<ProjectName>>,
}

impl Request {
    /// Reads the body of `POST /{user}/{index}/+publishers`; `issuers` are those that the operator trusts.
    pub fn parse(body: &Map<String, Value>, issuers: &[String]) -> Result<Self, String> {
        let known = ["issuer", "claims", "projects"];
        if let Some(key) = body.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("'{key}' is none of {}", known.join(", ")));
        }
        let issuer = match body.get("issuer") {
            Some(Value::String(issuer)) if issuers.contains(issuer) => issuer.clone(),
            _ if issuers.is_empty() => {
                return Err("this server trusts no issuer: --oidc-issuer names them".into());
            }
            _ => return Err(format!("issuer must be one that this server trusts: {}", issuers.join(", "))),
        };
        Ok(Self { issuer, claims: claims(body.get("claims"))?, projects: projects(body.get("projects"))? })
    }

    /// Whether the claims of a token of this issuer are the ones.
    pub fn fits(&self, claims: &Map<String, Value>) -> bool {
        // A job that a stranger's pull request starts runs in the name of the repository.
        let is_strangers = claims.get("event_name").is_some_and(|event| event == "pull_request_target");
        let same = |(name, wanted): (&String, &String)| {
            claims.get(name).and_then(text).is_some_and(|value| value == *wanted)
        };
        (!is_strangers || self.claims.contains_key("event_name")) && self.claims.iter().all(same)
    }
}

/// The claims of a token that a publisher can name, as texts. PostgreSQL's text holds no NUL.
pub fn texts(claims: &Map<String, Value>) -> Value {
    let named = claims.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?)));
    named.filter(|(name, text)| !name.contains('\0') && !text.contains('\0')).collect()
}

fn claims(value: Option<&Value>) -> Result<BTreeMap<String, String>, String> {
    let expected = "claims must be an object of claims and their exact values";
    let Some(Value::Object(given)) = value else { return Err(expected.into()) };
    let read = given.iter().map(|(name, value)| Some((name.clone(), text(value)?)));
    let claims: Option<BTreeMap<_, _>> = read.collect();
    let claims = claims.ok_or_else(|| format!("{expected}: texts, numbers, true or false"))?;
    let too_long = |(name, value): (&String, &String)| name.len().max(value.len()) > LONGEST_CLAIM;
    if claims.len() > MOST_CLAIMS || claims.iter().any(too_long) {
        return Err(format!("claims must be at most {MOST_CLAIMS}, each of at most {LONGEST_CLAIM} bytes"));
    }
    match IDENTIFYING.iter().any(|name| claims.contains_key(*name)) {
        true => Ok(claims),
        false => Err(format!("claims must tell whose jobs they are: one of {}", IDENTIFYING.join(", "))),
    }
}

fn projects(value: Option<&Value>) -> Result<Option<Vec<ProjectName>>, String> {
    let expected =
        || format!("projects must be a list of 1 to {MOST_PROJECTS} names, or null for all of the index");
    let names = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(names)) if (1..=MOST_PROJECTS).contains(&names.len()) => names,
        _ => return Err(expected()),
    };
    let parsed = names.iter().map(|name| ProjectName::parse(name.as_str().ok_or_else(expected)?));
    parsed.collect::<Result<_, _>>().map(Some)
}

/// A claim's value as a text; issuers differ in whether they write numbers as such.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: &Value) -> Result<Request, String> {
        Request::parse(body.as_object().unwrap(), &["https://ci.example".to_owned()])
    }

    fn publisher(claims: &Value) -> Request {
        parse(&json!({"issuer": "https://ci.example", "claims": claims})).unwrap()
    }

    #[test]
    fn each_claim_must_be_there_with_exactly_its_value() {
        let wanted =
            publisher(&json!({"repository": "octo/app", "environment": "release", "repository_id": 7}));
        let fits = |claims: Value| wanted.fits(claims.as_object().unwrap());
        assert!(fits(
            json!({"repository": "octo/app", "environment": "release", "repository_id": "7", "x": 1})
        ));
        for wrong in [
            json!({}),
            json!({"repository": "octo/app", "environment": "release"}),
            json!({"repository": "octo/app2", "environment": "release", "repository_id": 7}),
            json!({"repository": ["octo/app"], "environment": "release", "repository_id": 7}),
            json!({"repository": "octo/app", "environment": null, "repository_id": 7}),
            json!({"repository": "octo/app", "environment": "release", "repository_id": 7,
                   "event_name": "pull_request_target"}),
        ] {
            assert!(!fits(wrong.clone()), "{wrong}");
        }
    }

    #[test]
    fn a_publisher_that_is_none_says_what_was_expected() {
        let body = |claims: Value, projects: Value| json!({"issuer": "https://ci.example", "claims": claims, "projects": projects});
        let sub = json!({"sub": "x"});
        for (body, problem) in [
            (
                json!({"issuer": "https://other.example"}),
                "issuer must be one that this server trusts: https://ci.example",
            ),
            (json!({"foo": 1}), "'foo' is none of issuer, claims, projects"),
            (body(json!(null), json!(null)), "claims must be an object"),
            (body(json!({"sub": []}), json!(null)), "texts, numbers, true or false"),
            (body(json!({"ref": "main"}), json!(null)), "one of sub, repository"),
            (body(json!({"sub": "x".repeat(501)}), json!(null)), "at most 500 bytes"),
            (body(sub.clone(), json!([])), "projects must be a list of 1 to 100 names"),
            (body(sub.clone(), json!([1])), "projects must be a list"),
            (body(sub.clone(), json!(["-"])), "Invalid package name"),
        ] {
            assert!(parse(&body).unwrap_err().contains(problem), "{body}: {:?}", parse(&body));
        }
        assert!(Request::parse(&Map::new(), &[]).unwrap_err().contains("trusts no issuer"));
        assert_eq!(parse(&body(sub, json!(["A.b"]))).unwrap().projects.unwrap()[0].as_str(), "a-b");
    }
}

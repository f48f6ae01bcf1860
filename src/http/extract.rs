//! What can be wrong with a request is found here, so that a handler's signature lists all that it reads.

use crate::{
    error::Error,
    model::name::{IndexName, ProjectName},
};
use axum::{
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, OptionalFromRequestParts, RawPathParams, Request,
        rejection::BytesRejection,
    },
    http::request::Parts,
};
use http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::{Map, Value};
use std::{collections::HashMap, time::Duration};

/// Largest JSON body, in bytes; axum's own limit where none is set.
pub(super) const LARGEST_JSON: usize = 2 << 20;

/// How long a JSON body may take to arrive.
const JSON_TIMEOUT: Duration = Duration::from_secs(30);

/// The decoded parts of the path, by their names in the route.
struct Path(RawPathParams);

impl Path {
    async fn of(parts: &mut Parts) -> Result<Self, Error> {
        let path = RawPathParams::from_request_parts(parts, &()).await;
        path.map(Self).map_err(|_| Error::invalid("the path is not UTF-8"))
    }

    /// Empty if the route has none of that name.
    fn part(&self, name: &str) -> Result<String, Error> {
        match self.0.iter().find(|(key, _)| *key == name) {
            Some((_, part)) if part.contains('\0') => Err(Error::invalid("the path holds a NUL character")),
            found => Ok(found.map(|(_, part)| part.to_owned()).unwrap_or_default()),
        }
    }

    /// A name that no index can have is an index that is missing.
    fn index(&self) -> Result<IndexName, Error> {
        let (user, index) = (self.part("user")?, self.part("index")?);
        IndexName::parse(&user, &index).map_err(|_| Error::NoSuchIndex(format!("{user}/{index}")))
    }

    /// The project, and the path with its normalised name when it was sent with another.
    fn project(&self, path: &str) -> Result<(ProjectName, Option<String>), Error> {
        let given = self.part("project")?;
        if !given.is_ascii() {
            return Err(Error::invalid("unicode project names not allowed"));
        }
        let project = ProjectName::parse(&given).map_err(|_| Error::NoSuchProject(given.clone()))?;
        // The name may also stand in the user's or the index's, so it is replaced behind them only.
        let at = path.match_indices('/').nth(2).map_or(0, |(at, _)| at);
        let normalized = (project.as_str() != given)
            .then(|| format!("{}{}", &path[..at], path[at..].replacen(&given, project.as_str(), 1)));
        Ok((project, normalized))
    }
}

/// `/{user}` as it was sent.
pub(super) struct UserPath(pub String);

impl<S: Sync> FromRequestParts<S> for UserPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(Path::of(parts).await?.part("user")?))
    }
}

/// `/{user}/+tokens/{id}` as it was sent.
pub(super) struct TokenPath {
    pub user: String,
    pub id: String,
}

impl<S: Sync> FromRequestParts<S> for TokenPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let path = Path::of(parts).await?;
        Ok(Self { user: path.part("user")?, id: path.part("id")? })
    }
}

/// `/{user}/{index}/+publishers/{id}`.
pub(super) struct PublisherPath {
    pub index: IndexName,
    /// As it was sent.
    pub id: String,
}

impl<S: Sync> FromRequestParts<S> for PublisherPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let path = Path::of(parts).await?;
        Ok(Self { index: path.index()?, id: path.part("id")? })
    }
}

/// `/{user}/{index}/+webhooks/{id}/deliveries/{delivery}`, or without the index.
pub(super) struct WebhookPath {
    pub index: Option<IndexName>,
    /// As they were sent; the delivery is empty if the route has none.
    pub id: String,
    pub delivery: String,
}

impl<S: Sync> FromRequestParts<S> for WebhookPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let path = Path::of(parts).await?;
        let index = match path.part("user")?.is_empty() {
            true => None,
            false => Some(path.index()?),
        };
        Ok(Self { index, id: path.part("id")?, delivery: path.part("delivery")? })
    }
}

/// `/{user}/{index}` as it was sent.
pub(super) struct RawIndexPath {
    pub user: String,
    pub index: String,
}

impl<S: Sync> FromRequestParts<S> for RawIndexPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let path = Path::of(parts).await?;
        Ok(Self { user: path.part("user")?, index: path.part("index")? })
    }
}

/// `/{user}/{index}`; a name that no index can have is an index that is missing.
pub(super) struct IndexPath(pub IndexName);

/// The index of a route that has one.
impl<S: Sync> OptionalFromRequestParts<S> for IndexPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        let path = Path::of(parts).await?;
        match path.part("user")?.is_empty() {
            true => Ok(None),
            false => Ok(Some(Self(path.index()?))),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IndexPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(Path::of(parts).await?.index()?))
    }
}

/// `/{user}/{index}/…/{project}`.
pub(super) struct ProjectPath {
    pub index: IndexName,
    pub project: ProjectName,
    /// The path with the normalised name, when it was sent with another.
    pub normalized: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for ProjectPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let path = Path::of(parts).await?;
        let index = path.index()?;
        let (project, normalized) = path.project(parts.uri.path())?;
        Ok(Self { index, project, normalized })
    }
}

/// `/{user}/{index}/{project}/{version}`.
pub(super) struct VersionPath {
    pub index: IndexName,
    pub project: ProjectName,
    pub version: String,
    pub normalized: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for VersionPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let path = Path::of(parts).await?;
        let index = path.index()?;
        let (project, normalized) = path.project(parts.uri.path())?;
        Ok(Self { index, project, version: path.part("version")?, normalized })
    }
}

/// `/{user}/{index}/{project}/{version}/+doc/{path}`.
pub(super) struct DocumentPath {
    pub index: IndexName,
    pub project: ProjectName,
    pub version: String,
    /// May be empty.
    pub path: String,
    pub normalized: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for DocumentPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let path = Path::of(parts).await?;
        let index = path.index()?;
        let (project, normalized) = path.project(parts.uri.path())?;
        Ok(Self { index, project, version: path.part("version")?, path: path.part("path")?, normalized })
    }
}

/// `/{user}/{index}/+f/{first}/{next}/{filename}` or `/{user}/{index}/+e/{dir}/{filename}`.
pub(super) struct FilePath {
    pub index: IndexName,
    /// `+f/{first}/{next}` or `+e/{dir}`.
    pub entry: String,
    pub filename: String,
}

impl<S: Sync> FromRequestParts<S> for FilePath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let path = Path::of(parts).await?;
        let folder = path.part("dir")?;
        let entry = match folder.is_empty() {
            false => format!("+e/{folder}"),
            true => format!("+f/{}/{}", path.part("first")?, path.part("next")?),
        };
        Ok(Self { index: path.index()?, entry, filename: path.part("filename")? })
    }
}

/// `/+changelog/{serial}` as it was sent.
pub(super) struct SerialPath(pub String);

impl<S: Sync> FromRequestParts<S> for SerialPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(Path::of(parts).await?.part("serial")?))
    }
}

/// The names of the query's keys with their values; a key without a value has an empty one.
pub(super) struct Query(HashMap<String, String>);

impl Query {
    /// The value of a key; `Some("")` for `?key`, `?key=` alike.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        let query: HashMap<String, String> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        match query.iter().any(|(key, value)| key.contains('\0') || value.contains('\0')) {
            true => Err(Error::invalid("the query of the URL holds a NUL character")),
            false => Ok(Self(query)),
        }
    }
}

/// Whether the body is what a browser makes of a form without files.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// A JSON body of any type, whatever its content type says.
pub(super) struct Json(pub Value);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let read = tokio::time::timeout(JSON_TIMEOUT, Bytes::from_request(request, state));
        let bytes = read.await.map_err(|_| Error::Stalled)?.map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(rejection) if rejection.status() == 413 => {
                Error::TooLarge(LARGEST_JSON as u64)
            }
            _ => Error::invalid("the body of the request did not arrive"),
        })?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|_| Error::invalid("Bad request: could not decode json"))?;
        match holds_nul(&value) {
            true => Err(Error::invalid("the body holds a NUL character")),
            false => Ok(Self(value)),
        }
    }
}

/// A JSON body that is an object.
pub(super) struct JsonObject(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match Json::from_request(request, state).await?.0 {
            Value::Object(object) => Ok(Self(object)),
            _ => Err(Error::invalid("Bad request: expected a JSON object")),
        }
    }
}

/// PostgreSQL's text holds no NUL.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

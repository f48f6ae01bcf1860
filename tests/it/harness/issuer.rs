//! An OIDC issuer on loopback, as a CI system has one: its keys, and the tokens that it gives its jobs.

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// A key of an issuer.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    pub algorithm: Algorithm,
    pub private: EncodingKey,
    /// As the issuer publishes it.
    pub public: Value,
}

impl Key {
    /// A key for ES256, RS256 or `EdDSA`.
    pub fn new(id: &str, algorithm: Algorithm) -> Self {
        let kind = match algorithm {
            Algorithm::RS256 => &rcgen::PKCS_RSA_SHA256,
            Algorithm::EdDSA => &rcgen::PKCS_ED25519,
            _ => &rcgen::PKCS_ECDSA_P256_SHA256,
        };
        let pair = rcgen::KeyPair::generate_for(kind).unwrap();
        let der = pair.serialize_der();
        let private = match algorithm {
            // What is inside of PKCS#8, behind a head that is as long for each key of 2048 bits.
            Algorithm::RS256 => EncodingKey::from_rsa_der(&der[26..]),
            Algorithm::EdDSA => EncodingKey::from_ed_der(&der),
            _ => EncodingKey::from_ec_der(&der),
        };
        let mut public = match algorithm {
            Algorithm::EdDSA => {
                use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
                let x = URL_SAFE_NO_PAD.encode(pair.public_key_raw());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA"})
            }
            algorithm => serde_json::to_value(Jwk::from_encoding_key(&private, algorithm).unwrap()).unwrap(),
        };
        public["kid"] = id.into();
        public["use"] = "sig".into();
        Self { id: id.into(), algorithm, private, public }
    }

    /// A token with these claims, signed by this key.
    pub fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

struct Inner {
    keys: Vec<Value>,
    /// What the discovery says, in place of what is right.
    discovery: Option<Value>,
    asked: usize,
}

/// A running issuer; it ends with the test.
pub struct Issuer {
    pub url: String,
    pub key: Key,
    inner: Arc<Mutex<Inner>>,
    stop: CancellationToken,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Issuer {
    /// An issuer with one key, whose jobs have the claims of [`Self::claims`].
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = Key::new("first", Algorithm::ES256);
        let inner = Inner { keys: vec![key.public.clone()], discovery: None, asked: 0 };
        let stop = CancellationToken::new();
        let issuer = Self { url, key, inner: Arc::new(Mutex::new(inner)), stop: stop.clone() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/job", get(job))
            .with_state(Shared {
                url: issuer.url.clone(),
                key: issuer.key.clone(),
                inner: issuer.inner.clone(),
            });
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
        TaskTracker::new().spawn(serving.into_future());
        issuer
    }

    /// The claims of a new token for this audience.
    pub fn claims(&self, audience: &str) -> Value {
        claims(&self.url, audience)
    }

    /// A new token for this audience, as a job gets it.
    pub fn token(&self, audience: &str) -> String {
        self.key.sign(&self.claims(audience))
    }

    /// Publishes these keys in place of its own.
    pub fn publish(&self, keys: Vec<Value>) {
        self.inner.lock().unwrap().keys = keys;
    }

    /// Answers this where it says where its keys are.
    pub fn discover(&self, answer: Value) {
        self.inner.lock().unwrap().discovery = Some(answer);
    }

    /// How often it was asked for its keys.
    pub fn asked(&self) -> usize {
        self.inner.lock().unwrap().asked
    }

    /// Where a job of GitHub's kind gets its token, with the bearer token `job`.
    pub fn job_url(&self) -> String {
        format!("{}/job?api-version=2.0", self.url)
    }
}

fn claims(issuer: &str, audience: &str) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({
        "iss": issuer, "aud": audience, "iat": now, "nbf": now, "exp": now + 300, "jti": Uuid::new_v4(),
        "sub": "repo:octo/app:environment:release", "repository": "octo/app", "repository_id": "74",
        "environment": "release", "event_name": "push",
    })
}

/// What the issuer's own routes need.
#[derive(Clone)]
struct Shared {
    url: String,
    key: Key,
    inner: Arc<Mutex<Inner>>,
}

async fn discovery(State(issuer): State<Shared>) -> axum::Json<Value> {
    let url = &issuer.url;
    let wrong = issuer.inner.lock().unwrap().discovery.clone();
    axum::Json(wrong.unwrap_or_else(|| json!({"issuer": url, "jwks_uri": format!("{url}/keys")})))
}

async fn keys(State(issuer): State<Shared>) -> axum::Json<Value> {
    let mut inner = issuer.inner.lock().unwrap();
    inner.asked += 1;
    axum::Json(json!({"keys": inner.keys}))
}

async fn job(
    State(issuer): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_lowercase());
    if authorization.as_deref() != Some("bearer job") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let token = issuer.key.sign(&claims(&issuer.url, &query["audience"]));
    axum::Json(json!({"value": token})).into_response()
}

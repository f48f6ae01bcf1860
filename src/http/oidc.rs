//! `/_/oidc/…`: trusted publishing, in the words of its clients (packaging standards, Trusted publishing).

use super::{extract::JsonObject, respond};
use crate::{
    error::Result,
    ops::{self, oidc::Refusal},
    service::Service,
};
use axum::{extract::State, response::Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// `GET /_/oidc/audience`.
pub(super) async fn audience(State(service): State<Service>) -> Result<Response> {
    Ok(respond::json(&json!({"audience": ops::oidc::audience(&service)?})))
}

/// `POST /_/oidc/mint-token`: a token of ours for one of an issuer.
pub(super) async fn mint(State(service): State<Service>, JsonObject(body): JsonObject) -> Result<Response> {
    let Some(jwt) = token(&body) else {
        return Ok(refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid-payload", "'token' must be a text"));
    };
    let refusal = match ops::oidc::mint(&service, jwt).await {
        Ok(minted) => {
            let expires = minted.expires_at.unix_timestamp();
            return Ok(respond::json(&json!({"success": true, "token": minted.text, "expires": expires})));
        }
        Err(refusal) => refusal,
    };
    let (status, code, description) = match refusal {
        Refusal::NotEnabled => {
            (StatusCode::FORBIDDEN, "not-enabled", "this server trusts no issuer (--oidc-issuer)".to_owned())
        }
        Refusal::Token(reason) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-token", format!("the token is refused: {reason}"))
        }
        Refusal::Reuse => {
            let text = "the token was used before, and is good for one time only".to_owned();
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-reuse-token", text)
        }
        Refusal::Publisher(reason) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-publisher", reason),
        Refusal::Issuer(reason) => (StatusCode::BAD_GATEWAY, "issuer-unavailable", reason),
        Refusal::Failure(error) => return Err(error),
    };
    Ok(refused(status, code, &description))
}

/// `POST /_/oidc/burn-token`: 202, whatever there was to revoke.
pub(super) async fn burn(State(service): State<Service>, JsonObject(body): JsonObject) -> Result<Response> {
    if let Some(text) = token(&body) {
        ops::oidc::burn(&service, text).await?;
    }
    Ok(respond::message(StatusCode::ACCEPTED, "Accepted"))
}

fn token(body: &Map<String, Value>) -> Option<&str> {
    body.get("token")?.as_str()
}

fn refused(status: StatusCode, code: &str, description: &str) -> Response {
    let errors = json!([{"code": code, "description": description}]);
    let mut response = respond::json(&json!({"message": "Token request failed", "errors": errors}));
    *response.status_mut() = status;
    response
}

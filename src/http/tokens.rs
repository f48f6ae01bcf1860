//! API tokens of users (devpi-tokens: `views.py`).

use super::{
    extract::{JsonObject, TokenPath, UserPath},
    respond,
    web::{Page, manage},
};
use crate::{
    error::Result,
    model::{access::Caller, api_token::ApiToken, user::written},
    ops,
    service::Service,
};
use axum::{extract::State, response::Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// `POST /{user}/+token-create`: the one answer that has the token itself.
pub(super) async fn create(
    State(service): State<Service>,
    caller: Caller,
    UserPath(user): UserPath,
    JsonObject(body): JsonObject,
) -> Result<Response> {
    let (token, text) = ops::tokens::create(&service, &caller, &user, &body).await?;
    let mut info = info(&token);
    info["token"] = text.into();
    Ok(respond::result("token-info", info))
}

/// `GET /{user}/+tokens`: all tokens of the user by id.
pub(super) async fn list(
    State(service): State<Service>,
    page: Page,
    UserPath(user): UserPath,
) -> Result<Response> {
    let tokens = ops::tokens::list(&service, &page.caller, &user).await?;
    if page.wanted {
        return manage::tokens(&service, &page, &user, &tokens);
    }
    Ok(respond::result("tokens-info", listed(&tokens)))
}

/// `GET /{user}/+tokens/{id}`.
pub(super) async fn show(
    State(service): State<Service>,
    caller: Caller,
    TokenPath { user, id }: TokenPath,
) -> Result<Response> {
    Ok(respond::result("token-info", info(&ops::tokens::show(&service, &caller, &user, &id).await?)))
}

/// `DELETE /{user}/+tokens/{id}`.
pub(super) async fn revoke(
    State(service): State<Service>,
    caller: Caller,
    TokenPath { user, id }: TokenPath,
) -> Result<Response> {
    ops::tokens::revoke(&service, &caller, &user, &id).await?;
    Ok(respond::message(StatusCode::OK, &format!("token {id} deleted")))
}

/// Tokens by their ids.
pub(super) fn listed(tokens: &[ApiToken]) -> Value {
    let tokens: Map<String, Value> = tokens.iter().map(|token| (token.id.to_string(), info(token))).collect();
    json!({"tokens": tokens})
}

/// What is told of a token. The devpi client prints `restrictions`.
fn info(token: &ApiToken) -> Value {
    let expires = token.expires_at.map_or_else(|| "never".into(), |at| Value::from(at.unix_timestamp()));
    let plain = expires.as_str().map_or_else(|| expires.to_string(), str::to_owned);
    let mut restrictions = token.limit.restrictions();
    restrictions.push(format!("expires={plain}"));
    json!({
        "id": token.id,
        "description": token.description,
        "restrictions": restrictions,
        "created": written(token.created_at),
        "expires": expires,
        "last_used": token.last_used_at.map(written),
    })
}

//! `POST /+login`.

use super::{
    extract::{JsonObject, is_form},
    negotiate, respond, web,
};
use crate::{
    error::{Error, Result},
    ops,
    service::Service,
};
use axum::{
    extract::{FromRequest, Request, State},
    response::Response,
};
use serde_json::{Value, json};

/// A login token for user and password; to the form of a browser, a session.
pub(super) async fn login(State(service): State<Service>, request: Request) -> Result<Response> {
    // Scripts send JSON by this content type too: it is curl's.
    if is_form(request.headers()) && negotiate::prefers_html(request.headers()) {
        return web::login(&service, request).await;
    }
    let JsonObject(body) = JsonObject::from_request(request, &()).await?;
    let field = |key| body.get(key).and_then(Value::as_str);
    let (Some(user), Some(password)) = (field("user"), field("password")) else {
        return Err(Error::invalid("Bad request: no user/password specified"));
    };
    let (token, seconds) = ops::login::login(&service, user, password).await?;
    Ok(respond::result_with_message("proxyauth", proxy_auth(&token, seconds), "login successful"))
}

/// A token and how long it is good for, as the client stores it.
pub(super) fn proxy_auth(token: &str, seconds: i64) -> Value {
    json!({"password": token, "expiration": seconds})
}

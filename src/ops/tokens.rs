//! API tokens of users: made, shown, revoked; and what a request that comes with one may do.
//!
//! A token outlives a change of the password, as on other indexes: whoever changes it because it leaked looks through the
//! list of tokens too. It dies with its user.

use crate::{
    error::{Error, Result},
    model::{
        access::{Caller, Token},
        api_token::{self, ApiToken, Request, Secret},
        event::{Event, EventKind},
        name::UserName,
        user::User,
    },
    ops::after_response,
    service::Service,
    store::{self, Change, tokens::NewToken},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// Tokens that a user has at most, expired ones included.
const MOST_TOKENS: i64 = 100;

/// `POST /{user}/+token-create`: a token, and its text, which nobody learns again.
///
/// # Errors
/// [`Error::NoSuchUser`], [`Error::Unauthorized`] or [`Error::Forbidden`], also for whoever comes with an API token;
/// [`Error::Invalid`].
pub async fn create(
    service: &Service,
    caller: &Caller,
    user: &str,
    body: &Map<String, Value>,
) -> Result<(ApiToken, String)> {
    let name = changeable(service, caller, user)?;
    let asked = Request::parse(body, OffsetDateTime::now_utc()).map_err(Error::Invalid)?;
    if asked.is_long && !service.policy.may_make_long_tokens(caller) {
        return Err(Error::Forbidden("Not allowed to set expiration to more than one year".into()));
    }
    let secret = Secret::new(Uuid::new_v4(), rand::random());

    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let user = lock(&mut change, &name).await?;
    if store::tokens::count(&change, user.id).await? >= MOST_TOKENS {
        return Err(Error::Invalid(format!(
            "user {name} has {MOST_TOKENS} tokens already: delete one first"
        )));
    }
    let new = NewToken {
        id: secret.id,
        user_id: Some(user.id),
        secret_sha256: &secret.digest(),
        description: &asked.description,
        limit: &asked.limit,
        publishers: &[],
        expires_at: asked.expires_at,
    };
    store::tokens::insert(&mut change, &new).await?;
    let detail = json!({
        "id": secret.id,
        "description": asked.description,
        "restrictions": asked.limit.restrictions(),
        "expires": asked.expires_at.map(OffsetDateTime::unix_timestamp),
    });
    change.log(Event::token(EventKind::TokenCreate, Some(&name)).with_detail(detail));
    let made = store::tokens::find(&change, secret.id).await?;
    change.commit().await?;
    let made = made.ok_or_else(|| Error::Internal("a token is gone before it was made".into()))?;
    Ok((made, secret.reveal()))
}

/// The tokens of a user, the oldest first.
///
/// # Errors
/// As [`create`].
pub async fn list(service: &Service, caller: &Caller, user: &str) -> Result<Vec<ApiToken>> {
    let name = changeable(service, caller, user)?;
    let db = service.db().await?;
    let user = store::users::find(&db, &name).await?.ok_or_else(|| Error::NoSuchUser(name.to_string()))?;
    store::tokens::of_user(&db, user.id).await
}

/// One token of a user.
///
/// # Errors
/// As [`create`]; [`Error::NotFound`].
pub async fn show(service: &Service, caller: &Caller, user: &str, id: &str) -> Result<ApiToken> {
    let tokens = list(service, caller, user).await?;
    tokens.into_iter().find(|token| token.id.to_string() == id).ok_or_else(|| no_token(id))
}

/// Revokes a token: no process takes it from now on.
///
/// # Errors
/// As [`show`].
pub async fn revoke(service: &Service, caller: &Caller, user: &str, id: &str) -> Result<()> {
    let name = changeable(service, caller, user)?;
    let token_id = Uuid::parse_str(id).map_err(|_| no_token(id))?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let user = lock(&mut change, &name).await?;
    if !store::tokens::delete(&mut change, Some(user.id), token_id).await? {
        return Err(no_token(id));
    }
    change.log(Event::token(EventKind::TokenDelete, Some(&name)).with_detail(json!({"id": token_id})));
    change.commit().await?;
    Ok(())
}

/// The token that somebody came with, under a user name that goes with it; `None` when it is wrong, revoked or expired.
pub async fn good(service: &Service, user: &str, secret: &Secret) -> Result<Option<Arc<ApiToken>>> {
    let Some(token) = alive(service, secret.id).await? else { return Ok(None) };
    let is_theirs = user.is_empty()
        || user == api_token::USER
        || token.user.as_ref().is_some_and(|owner| owner.as_str() == user);
    if !is_theirs || token.secret_sha256 != secret.digest() {
        return Ok(None);
    }
    note_use(service, &token);
    Ok(Some(token))
}

/// Who comes with a token.
pub fn caller(token: &ApiToken) -> Caller {
    let limit = token.limit.clone();
    Caller { user: token.user.clone(), token: Some(Token::Api { id: token.id, limit }) }
}

/// The token of this id, unless it was revoked or has expired.
pub async fn alive(service: &Service, id: Uuid) -> Result<Option<Arc<ApiToken>>> {
    let token = match service.credentials.token(id) {
        Ok(token) => Some(token),
        Err(ticket) => {
            let token = store::tokens::find(&service.db().await?, id).await?.map(Arc::new);
            if let Some(token) = &token {
                service.credentials.keep_token(ticket, token.clone());
            }
            token
        }
    };
    Ok(token.filter(|token| token.expires_at.is_none_or(|at| at > OffsetDateTime::now_utc())))
}

/// Takes note, after the answer and once an hour, that a token is in use.
fn note_use(service: &Service, token: &ApiToken) {
    let hour = OffsetDateTime::now_utc().unix_timestamp() / 3600;
    if !service.credentials.is_first_use(token.id, hour) {
        return;
    }
    let (of, id) = (service.clone(), token.id);
    after_response::go_on(service, async move {
        let noted = async { store::tokens::used(&of.db().await?, id).await };
        if let Err(error) = of.bounded(noted).await {
            tracing::debug!(%error, token = %id, "the use of a token is not noted");
        }
    });
}

/// The user of this name, if the caller may change their tokens.
fn changeable(service: &Service, caller: &Caller, user: &str) -> Result<UserName> {
    let name = UserName::parse(user).map_err(|_| Error::NoSuchUser(user.to_owned()))?;
    match service.policy.may_change_tokens(caller, &name) {
        true => Ok(name),
        false => Err(Error::denied(caller, format!("no permission to see or change tokens of user {name}"))),
    }
}

async fn lock(change: &mut Change<'_>, name: &UserName) -> Result<User> {
    store::users::lock(change, name).await?.ok_or_else(|| Error::NoSuchUser(name.to_string()))
}

fn no_token(id: &str) -> Error {
    Error::NotFound(format!("No token with id {id}"))
}

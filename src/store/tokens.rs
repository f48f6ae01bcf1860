//! API tokens, and the OIDC tokens for which some were minted.

use crate::{
    error::{Error, Result},
    model::{api_token::ApiToken, limit::Limit, name::UserName},
    store::{Change, Client},
};
use std::sync::Arc;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

/// What a new token holds.
pub struct NewToken<'a> {
    pub id: Uuid,
    /// Whose it is; `None`: the publishers'.
    pub user_id: Option<i64>,
    pub secret_sha256: &'a [u8],
    pub description: &'a str,
    pub limit: &'a Limit,
    pub publishers: &'a [Uuid],
    pub expires_at: Option<OffsetDateTime>,
}

/// The token of this id, if its user is still there.
pub async fn find(db: &impl Client, id: Uuid) -> Result<Option<ApiToken>> {
    let statement = db
        .prepare_cached(
            "-- store::tokens::find
             select t.id, u.name as user_name, t.secret_sha256, t.description, t.limits, t.created_at, t.expires_at,
                 t.last_used_at
             from tokens t left join users u on u.id = t.user_id
             where t.id = $1 and u.removed_serial is null",
        )
        .await?;
    db.query_opt(&statement, &[&id]).await?.as_ref().map(token).transpose()
}

/// The tokens of a user, the oldest first.
pub async fn of_user(db: &impl Client, user_id: i64) -> Result<Vec<ApiToken>> {
    let statement = db
        .prepare_cached(
            "-- store::tokens::of_user
             select t.id, u.name as user_name, t.secret_sha256, t.description, t.limits, t.created_at, t.expires_at,
                 t.last_used_at
             from tokens t join users u on u.id = t.user_id
             where t.user_id = $1
             order by t.created_at, t.id",
        )
        .await?;
    db.query(&statement, &[&user_id]).await?.iter().map(token).collect()
}

/// How many tokens a locked user has.
pub async fn count(change: &Change<'_>, user_id: i64) -> Result<i64> {
    let statement = change
        .prepare_cached(
            "-- store::tokens::count
             select count(*) as count
             from tokens
             where user_id = $1",
        )
        .await?;
    Ok(change.query_one(&statement, &[&user_id]).await?.get("count"))
}

/// Adds a token.
pub async fn insert(change: &mut Change<'_>, new: &NewToken<'_>) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::tokens::insert
             insert into tokens (id, user_id, secret_sha256, description, limits, publishers, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .await?;
    let limits = serde_json::to_value(new.limit).map_err(|error| Error::Internal(error.to_string()))?;
    let NewToken { id, user_id, secret_sha256, description, publishers, expires_at, .. } = new;
    change
        .execute(&statement, &[id, user_id, secret_sha256, description, &limits, publishers, expires_at])
        .await?;
    Ok(())
}

/// Deletes a token of a user, or with `None` of publishers; `false` when there is none.
pub async fn delete(change: &mut Change<'_>, user_id: Option<i64>, id: Uuid) -> Result<bool> {
    let statement = change
        .prepare_cached(
            "-- store::tokens::delete
             delete from tokens
             where id = $1 and user_id is not distinct from $2",
        )
        .await?;
    Ok(change.execute(&statement, &[&id, &user_id]).await? > 0)
}

/// Deletes all tokens of a user.
pub async fn delete_of_user(change: &mut Change<'_>, user_id: i64) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::tokens::delete_of_user
             delete from tokens
             where user_id = $1",
        )
        .await?;
    change.execute(&statement, &[&user_id]).await?;
    Ok(())
}

/// Deletes all tokens that were minted for any of these publishers.
pub async fn delete_of_publishers(change: &mut Change<'_>, publishers: &[Uuid]) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::tokens::delete_of_publishers
             delete from tokens
             where publishers <> '{}' and publishers && $1",
        )
        .await?;
    change.execute(&statement, &[&publishers]).await?;
    Ok(())
}

/// Deletes what was minted and is of no use any more. Expired tokens of users stay, so that they can see which.
pub async fn sweep(change: &mut Change<'_>) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::tokens::sweep
             with seen as (
                 delete from oidc_tokens_seen
                 where digest in (
                     select digest from oidc_tokens_seen where expires_at < now() for update skip locked)
             )
             delete from tokens
             where id in (
                 select id from tokens where user_id is null and expires_at < now() for update skip locked)",
        )
        .await?;
    change.execute(&statement, &[]).await?;
    Ok(())
}

/// Takes note that an OIDC token was used; `false` when it was before.
pub async fn see(change: &mut Change<'_>, digest: &[u8], expires_at: OffsetDateTime) -> Result<bool> {
    let statement = change
        .prepare_cached(
            "-- store::tokens::see
             insert into oidc_tokens_seen (digest, expires_at)
             values ($1, $2)
             on conflict (digest) do nothing",
        )
        .await?;
    Ok(change.execute(&statement, &[&digest, &expires_at]).await? > 0)
}

/// Takes note of the hour in which a token was used.
pub async fn used(db: &impl Client, id: Uuid) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::tokens::used
             update tokens set last_used_at = date_trunc('hour', now())
             where id = $1 and (last_used_at is null or last_used_at < date_trunc('hour', now()))",
        )
        .await?;
    db.execute(&statement, &[&id]).await?;
    Ok(())
}

fn token(row: &Row) -> Result<ApiToken> {
    let user: Option<&str> = row.get("user_name");
    let limit = serde_json::from_value::<Limit>(row.get("limits"));
    Ok(ApiToken {
        id: row.get("id"),
        user: user.map(UserName::parse).transpose().map_err(Error::Internal)?,
        secret_sha256: row.get("secret_sha256"),
        description: row.get("description"),
        limit: Arc::new(limit.map_err(|error| Error::Internal(format!("the limits of a token: {error}")))?),
        created_at: row.get("created_at"),
        expires_at: row.get("expires_at"),
        last_used_at: row.get("last_used_at"),
    })
}

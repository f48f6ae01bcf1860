//! Users and the states they went through.

use crate::{
    error::{Error, Result},
    model::{name::UserName, serial::Serial, user::User},
    store::{Change, Client},
};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

/// What a new state of a user holds.
pub struct NewState<'a> {
    pub profile: &'a Map<String, Value>,
    pub password_hash: &'a str,
    pub token_generation: Uuid,
    pub kept_token: Option<Uuid>,
    pub created_at: OffsetDateTime,
    pub modified_at: Option<OffsetDateTime>,
}

/// The user of this name.
pub async fn find(db: &impl Client, name: &UserName) -> Result<Option<User>> {
    let statement = db
        .prepare_cached(
            "-- store::users::find
             select u.id, u.name, s.profile, s.password_hash, s.token_generation, s.kept_token, s.created_at,
                 s.modified_at, s.added_serial
             from users u join user_states s on s.user_id = u.id and s.removed_serial is null
             where u.name = $1 and u.removed_serial is null",
        )
        .await?;
    db.query_opt(&statement, &[&name.as_str()]).await?.as_ref().map(user).transpose()
}

/// The user of this name, whom nobody else changes or deletes until the change ends.
pub async fn lock(change: &mut Change<'_>, name: &UserName) -> Result<Option<User>> {
    let statement = change
        .prepare_cached(
            "-- store::users::lock
             select id
             from users
             where name = $1 and removed_serial is null
             for update",
        )
        .await?;
    match change.query_opt(&statement, &[&name.as_str()]).await? {
        Some(_) => find(change, name).await,
        None => Ok(None),
    }
}

/// All users, by name.
pub async fn all(db: &impl Client) -> Result<Vec<User>> {
    let statement = db
        .prepare_cached(
            "-- store::users::all
             select u.id, u.name, s.profile, s.password_hash, s.token_generation, s.kept_token, s.created_at,
                 s.modified_at, s.added_serial
             from users u join user_states s on s.user_id = u.id and s.removed_serial is null
             where u.removed_serial is null
             order by u.name",
        )
        .await?;
    db.query(&statement, &[]).await?.iter().map(user).collect()
}

/// Adds a user; `false` when there is one of that name.
pub async fn insert(change: &mut Change<'_>, name: &UserName, state: &NewState<'_>) -> Result<bool> {
    let statement = change
        .prepare_cached(
            "-- store::users::insert
             insert into users (name)
             values ($1)
             on conflict (name) where removed_serial is null do nothing
             returning id",
        )
        .await?;
    let Some(row) = change.query_opt(&statement, &[&name.as_str()]).await? else { return Ok(false) };
    let id: i64 = row.get("id");
    change.touched.users.push(id);
    open_state(change, id, state).await?;
    Ok(true)
}

/// Closes the current state of a locked user and opens another.
pub async fn replace_state(change: &mut Change<'_>, user: &User, state: &NewState<'_>) -> Result<()> {
    close_state(change, user.id).await?;
    open_state(change, user.id, state).await
}

/// Replaces the hash of a user's password by another of the same password. No reader sees it, so it is no change.
pub async fn renew_hash(db: &impl Client, user: &User, password_hash: &str) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::users::renew_hash
             update user_states set password_hash = $3
             where user_id = $1 and password_hash = $2",
        )
        .await?;
    db.execute(&statement, &[&user.id, &user.password_hash, &password_hash]).await?;
    Ok(())
}

/// Deletes a locked user that has no index any more.
pub async fn delete(change: &mut Change<'_>, user: &User) -> Result<()> {
    close_state(change, user.id).await?;
    let statement = change
        .prepare_cached(
            "-- store::users::delete
             update users set removed_serial = 0
             where id = $1",
        )
        .await?;
    change.execute(&statement, &[&user.id]).await?;
    change.touched.users.push(user.id);
    Ok(())
}

async fn open_state(change: &mut Change<'_>, user_id: i64, state: &NewState<'_>) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::users::open_state
             insert into user_states (user_id, profile, password_hash, token_generation, kept_token, created_at,
                 modified_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             returning id",
        )
        .await?;
    let row = change
        .query_one(
            &statement,
            &[
                &user_id,
                &Value::Object(state.profile.clone()),
                &state.password_hash,
                &state.token_generation,
                &state.kept_token,
                &state.created_at,
                &state.modified_at,
            ],
        )
        .await?;
    change.touched.user_states.push(row.get("id"));
    Ok(())
}

async fn close_state(change: &mut Change<'_>, user_id: i64) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::users::close_state
             update user_states set removed_serial = 0
             where user_id = $1 and removed_serial is null
             returning id",
        )
        .await?;
    let row = change.query_one(&statement, &[&user_id]).await?;
    change.touched.user_states.push(row.get("id"));
    Ok(())
}

fn user(row: &Row) -> Result<User> {
    let Value::Object(profile) = row.get("profile") else {
        return Err(Error::Internal("a profile is no object".into()));
    };
    Ok(User {
        id: row.get("id"),
        name: UserName::parse(row.get("name")).map_err(Error::Internal)?,
        profile,
        password_hash: row.get("password_hash"),
        token_generation: row.get("token_generation"),
        kept_token: row.get("kept_token"),
        created_at: row.get("created_at"),
        modified_at: row.get("modified_at"),
        serial: Serial(row.get("added_serial")),
    })
}

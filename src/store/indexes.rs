//! Indexes and the states their settings went through.

use crate::{
    error::{Error, Result},
    model::{
        index::{Index, Settings},
        name::{IndexName, UserName},
        serial::Serial,
    },
    store::{Change, Client},
};
use serde_json::Value;
use tokio_postgres::Row;

/// The advisory lock of changes that set bases.
const BASES_LOCK: i64 = 0x7768_6261_7365;

/// The indexes of these names, as far as they exist.
pub async fn by_names(db: &impl Client, names: &[IndexName]) -> Result<Vec<Index>> {
    let users: Vec<&str> = names.iter().map(|name| name.user.as_str()).collect();
    let indexes: Vec<&str> = names.iter().map(|name| name.index.as_str()).collect();
    let statement = db
        .prepare_cached(
            "-- store::indexes::by_names
             select i.id, u.name as user_name, i.name, i.settings_serial, s.settings
             from unnest($1::text[], $2::text[]) as wanted (user_name, name)
                 join users u on u.name = wanted.user_name and u.removed_serial is null
                 join indexes i on i.user_id = u.id and i.name = wanted.name and i.removed_serial is null
                 join index_states s on s.index_id = i.id and s.removed_serial is null",
        )
        .await?;
    db.query(&statement, &[&users, &indexes]).await?.iter().map(index).collect()
}

/// All indexes, of one user or of everybody, by name.
pub async fn all(db: &impl Client, user: Option<&UserName>) -> Result<Vec<Index>> {
    let statement = db
        .prepare_cached(
            "-- store::indexes::all
             select i.id, u.name as user_name, i.name, i.settings_serial, s.settings
             from users u
                 join indexes i on i.user_id = u.id and i.removed_serial is null
                 join index_states s on s.index_id = i.id and s.removed_serial is null
             where u.removed_serial is null and ($1::text is null or u.name = $1)
             order by u.name, i.name",
        )
        .await?;
    db.query(&statement, &[&user.map(UserName::as_str)]).await?.iter().map(index).collect()
}

/// Whether there is or ever was an index of this name.
pub async fn ever_existed(db: &impl Client, name: &IndexName) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::indexes::ever_existed
             select exists (
                 select from users u join indexes i on i.user_id = u.id
                 where u.name = $1 and i.name = $2
             ) as found",
        )
        .await?;
    Ok(db.query_one(&statement, &[&name.user.as_str(), &name.index]).await?.get("found"))
}

/// What the settings of an index are, or were at some time.
pub struct State {
    pub index: Index,
    /// When the index was created.
    pub created: Serial,
    /// The change that gave the index other settings or deleted it; `None`: these are the current ones.
    pub ended: Option<Serial>,
}

/// The current settings of the indexes of these names, and those that ended after one serial up to another, also of
/// indexes that are deleted.
pub async fn states(
    db: &impl Client,
    names: &[IndexName],
    after: Serial,
    up_to: Serial,
) -> Result<Vec<State>> {
    let users: Vec<&str> = names.iter().map(|name| name.user.as_str()).collect();
    let indexes: Vec<&str> = names.iter().map(|name| name.index.as_str()).collect();
    let statement = db
        .prepare_cached(
            "-- store::indexes::states
             select i.id, u.name as user_name, i.name, i.settings_serial, s.settings, i.added_serial as created,
                 s.removed_serial as ended
             from unnest($1::text[], $2::text[]) as wanted (user_name, name)
                 join users u on u.name = wanted.user_name
                 join indexes i on i.user_id = u.id and i.name = wanted.name
                 join index_states s on s.index_id = i.id
                     and (s.removed_serial is null or s.removed_serial > $3 and s.removed_serial <= $4)",
        )
        .await?;
    let rows = db.query(&statement, &[&users, &indexes, &after.0, &up_to.0]).await?;
    let state = |row: &Row| {
        let ended: Option<i64> = row.get("ended");
        Ok(State { index: index(row)?, created: Serial(row.get("created")), ended: ended.map(Serial) })
    };
    rows.iter().map(state).collect()
}

/// The index, which nobody deletes or gives other settings until the change ends; others may upload meanwhile.
///
/// # Errors
/// [`Error::NoSuchIndex`].
pub async fn share(change: &mut Change<'_>, name: &IndexName) -> Result<Index> {
    let statement = change
        .prepare_cached(
            "-- store::indexes::share
             select i.id
             from users u join indexes i on i.user_id = u.id and i.removed_serial is null
             where u.name = $1 and i.name = $2 and u.removed_serial is null
             for key share of i",
        )
        .await?;
    let row = change.query_opt(&statement, &[&name.user.as_str(), &name.index]).await?;
    existing(change, name, row.is_some()).await
}

/// The index, which nobody else changes, deletes or uploads to until the change ends.
///
/// # Errors
/// [`Error::NoSuchIndex`].
pub async fn lock(change: &mut Change<'_>, name: &IndexName) -> Result<Index> {
    let statement = change
        .prepare_cached(
            "-- store::indexes::lock
             select i.id
             from users u join indexes i on i.user_id = u.id and i.removed_serial is null
             where u.name = $1 and i.name = $2 and u.removed_serial is null
             for update of i",
        )
        .await?;
    let row = change.query_opt(&statement, &[&name.user.as_str(), &name.index]).await?;
    existing(change, name, row.is_some()).await
}

/// Waits until no other change checks and sets bases, so that two of them can't close a circle together.
pub async fn lock_bases(change: &mut Change<'_>) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::indexes::lock_bases
             select pg_advisory_xact_lock($1)",
        )
        .await?;
    change.execute(&statement, &[&BASES_LOCK]).await?;
    Ok(())
}

/// Reads a locked index with a statement of its own, which sees what was committed while the lock was waited for.
async fn existing(change: &mut Change<'_>, name: &IndexName, locked: bool) -> Result<Index> {
    let found = if locked { by_names(change, std::slice::from_ref(name)).await?.pop() } else { None };
    found.ok_or_else(|| Error::NoSuchIndex(name.to_string()))
}

/// Adds an index to a locked user; `false` when there is one of that name.
pub async fn insert(
    change: &mut Change<'_>,
    user_id: i64,
    name: &IndexName,
    settings: &Settings,
) -> Result<bool> {
    let statement = change
        .prepare_cached(
            "-- store::indexes::insert
             insert into indexes (user_id, name)
             values ($1, $2)
             on conflict (user_id, name) where removed_serial is null do nothing
             returning id",
        )
        .await?;
    let Some(row) = change.query_opt(&statement, &[&user_id, &name.index]).await? else { return Ok(false) };
    let id: i64 = row.get("id");
    change.touched.indexes.push(id);
    open_state(change, id, settings).await?;
    Ok(true)
}

/// Closes the current settings of a locked index and opens others.
pub async fn replace_settings(change: &mut Change<'_>, index: &Index, settings: &Settings) -> Result<()> {
    close_state(change, index.id).await?;
    open_state(change, index.id, settings).await
}

/// Deletes a locked index, and with it all that it has: nobody reaches its rows but through its own.
pub async fn delete(change: &mut Change<'_>, index: &Index) -> Result<()> {
    close_state(change, index.id).await?;
    let statement = change
        .prepare_cached(
            "-- store::indexes::delete
             update indexes set removed_serial = 0
             where id = $1",
        )
        .await?;
    change.execute(&statement, &[&index.id]).await?;
    change.touched.indexes.push(index.id);
    Ok(())
}

async fn open_state(change: &mut Change<'_>, index_id: i64, settings: &Settings) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::indexes::open_state
             insert into index_states (index_id, settings)
             values ($1, $2)
             returning id",
        )
        .await?;
    let row = change.query_one(&statement, &[&index_id, &Value::Object(settings.stored().clone())]).await?;
    change.touched.index_states.push(row.get("id"));
    change.touched.index_settings.push(index_id);
    Ok(())
}

async fn close_state(change: &mut Change<'_>, index_id: i64) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::indexes::close_state
             update index_states set removed_serial = 0
             where index_id = $1 and removed_serial is null
             returning id",
        )
        .await?;
    let row = change.query_one(&statement, &[&index_id]).await?;
    change.touched.index_states.push(row.get("id"));
    Ok(())
}

fn index(row: &Row) -> Result<Index> {
    let Value::Object(settings) = row.get("settings") else {
        return Err(Error::Internal("settings are no object".into()));
    };
    let name = IndexName::parse(row.get("user_name"), row.get("name")).map_err(Error::Internal)?;
    Ok(Index::new(row.get("id"), name, Settings::from_stored(settings), Serial(row.get("settings_serial"))))
}

//! Webhooks, and which process delivers to which.

use crate::{
    error::{Error, Result},
    model::{
        name::IndexName,
        serial::Serial,
        webhook::{Listening, Wanted, Webhook},
    },
    store::{Change, Client},
};
use std::time::Duration;
use tokio_postgres::Row;
use url::Url;
use uuid::Uuid;

/// A webhook that this process delivers to for a while.
pub struct Claimed {
    pub id: Uuid,
    pub index_id: Option<i64>,
    /// `None`: the whole server.
    pub index: Option<IndexName>,
    pub url: Url,
    /// Signs what is sent.
    pub secret: String,
    /// Who takes it next has another number.
    pub claims: i32,
}

/// The webhooks of an index, or with `None` of the whole server, the oldest first.
pub async fn of_index(db: &impl Client, index_id: Option<i64>) -> Result<Vec<Webhook>> {
    let statement = db
        .prepare_cached(
            "-- store::webhooks::of_index
             select h.id, h.url, h.description, h.events, h.created_by, h.created_at, h.disabled_at, h.disabled_reason,
                 h.failing_since,
                 (select count(*) from webhook_deliveries d where d.webhook_id = h.id and d.state = 'waiting') as waiting
             from webhooks h
             where h.index_id is not distinct from $1
             order by h.created_at, h.id",
        )
        .await?;
    db.query(&statement, &[&index_id]).await?.iter().map(webhook).collect()
}

/// Adds a webhook to an index that nobody else changes meanwhile, or with `None` to the server.
pub async fn insert(
    change: &mut Change<'_>,
    index_id: Option<i64>,
    id: Uuid,
    wanted: &Wanted,
    secret: &str,
) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::webhooks::insert
             insert into webhooks (id, index_id, url, description, events, secret, created_by)
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .await?;
    let Wanted { url, description, events } = wanted;
    let created_by = change.actor().map(str::to_owned);
    change
        .execute(&statement, &[&id, &index_id, &url.as_str(), description, events, &secret, &created_by])
        .await?;
    change.touched.webhooks.push(id);
    Ok(())
}

/// Waits until nobody else changes the webhook, nor will until the transaction ends.
pub async fn lock(db: &impl Client, id: Uuid) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::webhooks::lock
             select id
             from webhooks
             where id = $1
             for no key update",
        )
        .await?;
    db.execute(&statement, &[&id]).await?;
    Ok(())
}

/// Changes what a locked webhook wants. At another URL all begins anew: what waits is due, and whoever waits for an answer
/// from the one before has lost the webhook.
pub async fn set_wanted(change: &mut Change<'_>, id: Uuid, wanted: &Wanted) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::webhooks::set_wanted
             with due as (
                 update webhook_deliveries d set not_before = clock_timestamp()
                 from webhooks h
                 where h.id = $1 and h.url <> $2 and d.webhook_id = h.id and d.state = 'waiting'
             )
             update webhooks
             set url = $2, description = $3, events = $4,
                 claims = case when url = $2 then claims else claims + 1 end,
                 lease_until = case when url = $2 then lease_until end,
                 failing_since = case when url = $2 then failing_since end
             where id = $1",
        )
        .await?;
    let Wanted { url, description, events } = wanted;
    change.execute(&statement, &[&id, &url.as_str(), description, events]).await?;
    Ok(())
}

/// Lets a locked webhook hear of what comes after this change, and of what it was still owed.
pub async fn enable(change: &mut Change<'_>, id: Uuid) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::webhooks::enable
             with due as (
                 update webhook_deliveries set not_before = clock_timestamp()
                 where webhook_id = $1 and state = 'waiting'
             )
             update webhooks
             set disabled_at = null, disabled_reason = null, failing_since = null
             where id = $1",
        )
        .await?;
    change.execute(&statement, &[&id]).await?;
    change.touched.webhooks.push(id);
    Ok(())
}

/// Lets a webhook hear of nothing; `false` when it does not anyway.
pub async fn disable(change: &mut Change<'_>, id: Uuid, reason: &str) -> Result<bool> {
    let statement = change
        .prepare_cached(
            "-- store::webhooks::disable
             update webhooks
             set disabled_at = clock_timestamp(), disabled_reason = $2
             where id = $1 and disabled_at is null",
        )
        .await?;
    Ok(change.execute(&statement, &[&id, &reason]).await? > 0)
}

/// Deletes a webhook and its deliveries.
pub async fn delete(change: &mut Change<'_>, id: Uuid) -> Result<()> {
    let statement = change
        .prepare_cached(
            "-- store::webhooks::delete
             delete from webhooks
             where id = $1",
        )
        .await?;
    change.execute(&statement, &[&id]).await?;
    Ok(())
}

/// The webhooks that hear of changes; none is deleted until the transaction ends, nor was while this waited.
pub async fn listening(db: &impl Client) -> Result<Vec<Listening>> {
    let statement = db
        .prepare_cached(
            "-- store::webhooks::listening
             select h.id, h.url, h.description, h.events, h.since_serial, u.name as user_name, i.name as index_name,
                 i.removed_serial
             from webhooks h
                 left join indexes i on i.id = h.index_id
                 left join users u on u.id = i.user_id
             where h.disabled_at is null
             for key share of h",
        )
        .await?;
    db.query(&statement, &[]).await?.iter().map(listens).collect()
}

/// Webhooks served at a time, by all processes, of those whose receiver took nothing the last time: one that never answers
/// keeps its place for long.
const MOST_FAILING: i64 = 16;

/// Takes the webhook with something due that was served longest ago, of those that nobody serves, for so long. Who makes
/// deliveries for it at the moment does not stand in the way.
pub async fn claim(db: &impl Client, lease: Duration) -> Result<Option<Claimed>> {
    let statement = db
        .prepare_cached(
            "-- store::webhooks::claim
             update webhooks
             set lease_until = clock_timestamp() + $1 * interval '1 second', claims = claims + 1
             where id = (
                 select h.id
                 from webhooks h
                 where h.disabled_at is null and coalesce(h.lease_until <= clock_timestamp(), true)
                     and (h.failing_since is null or $2 > (
                         select count(*)
                         from webhooks b
                         where b.failing_since is not null and b.lease_until > clock_timestamp()))
                     and (select d.not_before
                          from webhook_deliveries d
                          where d.webhook_id = h.id and d.state = 'waiting'
                          order by d.ahead desc, d.id
                          limit 1) <= clock_timestamp()
                 order by h.failing_since is not null, h.lease_until nulls first, h.id
                 limit 1
                 for no key update skip locked
             )
             returning id, index_id, url, secret, claims,
                 (select u.name from indexes i join users u on u.id = i.user_id where i.id = index_id) as user_name,
                 (select i.name from indexes i where i.id = index_id) as index_name",
        )
        .await?;
    let row = db.query_opt(&statement, &[&lease.as_secs_f64(), &MOST_FAILING]).await?;
    let claimed = |row: Row| {
        Ok(Claimed {
            id: row.get("id"),
            index_id: row.get("index_id"),
            index: index(&row)?,
            url: url(row.get("url"))?,
            secret: row.get("secret"),
            claims: row.get("claims"),
        })
    };
    row.map(claimed).transpose()
}

/// Lets others take a webhook.
pub async fn release(db: &impl Client, claimed: &Claimed) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::webhooks::release
             update webhooks
             set lease_until = clock_timestamp()
             where id = $1 and claims = $2",
        )
        .await?;
    db.execute(&statement, &[&claimed.id, &claimed.claims]).await?;
    Ok(())
}

/// Deletes webhooks whose index is gone, once they were told so, or will not be.
pub async fn forget(db: &impl Client) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::webhooks::forget
             delete from webhooks h
             using indexes i, webhook_outbox o
             where i.id = h.index_id and i.removed_serial is not null
                 and (h.disabled_at is not null
                     or o.serial >= i.removed_serial and not exists (
                         select from webhook_deliveries d where d.webhook_id = h.id and d.state = 'waiting'))",
        )
        .await?;
    db.execute(&statement, &[]).await?;
    Ok(())
}

fn wanted(row: &Row) -> Result<Wanted> {
    Ok(Wanted { url: url(row.get("url"))?, description: row.get("description"), events: row.get("events") })
}

fn url(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|_| Error::Internal("a webhook has a URL that is none".into()))
}

/// `None`: the whole server.
fn index(row: &Row) -> Result<Option<IndexName>> {
    let names = row.get::<_, Option<&str>>("user_name").zip(row.get::<_, Option<&str>>("index_name"));
    names.map(|(user, index)| IndexName::parse(user, index)).transpose().map_err(Error::Internal)
}

fn webhook(row: &Row) -> Result<Webhook> {
    let disabled_at: Option<time::OffsetDateTime> = row.get("disabled_at");
    let reason: Option<String> = row.get("disabled_reason");
    Ok(Webhook {
        id: row.get("id"),
        wanted: wanted(row)?,
        created_by: row.get("created_by"),
        created_at: row.get("created_at"),
        disabled: disabled_at.map(|at| (at, reason.unwrap_or_default())),
        failing_since: row.get("failing_since"),
        waiting: row.get("waiting"),
    })
}

fn listens(row: &Row) -> Result<Listening> {
    Ok(Listening {
        id: row.get("id"),
        wanted: wanted(row)?,
        index: index(row)?,
        since: Serial(row.get("since_serial")),
        until: row.get::<_, Option<i64>>("removed_serial").map(Serial),
    })
}

//! What webhooks are told: made of the changelog, sent in order, kept for a while.

use crate::{
    error::{Error, Result},
    model::{
        serial::Serial,
        webhook::{Delivery, State},
    },
    store::{Client, webhooks::Claimed},
};
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

/// What there is to do for webhooks.
pub struct Outlook {
    /// Changes have no deliveries yet.
    pub behind: bool,
    /// A delivery is due.
    pub due: bool,
    /// It is time to remove old deliveries.
    pub overgrown: bool,
}

/// A delivery that is to be made.
pub struct NewDelivery {
    pub webhook: Uuid,
    pub serial: Option<Serial>,
    pub event: String,
    pub payload: Value,
    /// Whether it is sent before all others, and only once.
    pub ahead: bool,
}

/// What came of sending.
pub struct Attempt {
    pub state: State,
    /// Until it is sent again, if it waits.
    pub pause: Duration,
    pub status: Option<i32>,
    pub error: Option<String>,
    pub took: Duration,
    pub response: Option<String>,
}

/// What there is to do; costs next to nothing where there are no webhooks.
pub async fn outlook(db: &impl Client, prune: Duration) -> Result<Outlook> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::outlook
             select o.serial < s.value and exists (select from webhooks where disabled_at is null) as behind,
                 o.pruned_at < clock_timestamp() - $1 * interval '1 second' as overgrown,
                 exists (
                     select from webhooks h
                     where h.disabled_at is null and coalesce(h.lease_until <= clock_timestamp(), true)
                         and (select d.not_before
                              from webhook_deliveries d
                              where d.webhook_id = h.id and d.state = 'waiting'
                              order by d.ahead desc, d.id
                              limit 1) <= clock_timestamp()
                 ) as due
             from webhook_outbox o, serial s",
        )
        .await?;
    let row = db.query_one(&statement, &[&prune.as_secs_f64()]).await?;
    Ok(Outlook { behind: row.get("behind"), due: row.get("due"), overgrown: row.get("overgrown") })
}

/// The serial up to which deliveries were made; nobody else makes any until the transaction ends.
pub async fn lock_outbox(db: &impl Client) -> Result<Serial> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::lock_outbox
             select serial
             from webhook_outbox
             for update",
        )
        .await?;
    Ok(Serial(db.query_one(&statement, &[]).await?.get("serial")))
}

/// Says that deliveries were made of all changes up to this one.
pub async fn move_outbox(db: &impl Client, serial: Serial) -> Result<()> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::move_outbox
             update webhook_outbox
             set serial = $1",
        )
        .await?;
    db.execute(&statement, &[&serial.0]).await?;
    Ok(())
}

/// Adds deliveries, to be sent in this order; returns their ids.
pub async fn insert(db: &impl Client, new: &[NewDelivery]) -> Result<Vec<i64>> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::insert
             insert into webhook_deliveries (webhook_id, serial, event, payload, ahead)
             select webhook_id, serial, event, payload, ahead
             from unnest($1::uuid[], $2::bigint[], $3::text[], $4::jsonb[], $5::boolean[])
                 with ordinality as d (webhook_id, serial, event, payload, ahead, position)
             order by position
             returning id",
        )
        .await?;
    let webhooks: Vec<_> = new.iter().map(|new| new.webhook).collect();
    let serials: Vec<_> = new.iter().map(|new| new.serial.map(|serial| serial.0)).collect();
    let events: Vec<_> = new.iter().map(|new| new.event.as_str()).collect();
    let payloads: Vec<_> = new.iter().map(|new| &new.payload).collect();
    let ahead: Vec<_> = new.iter().map(|new| new.ahead).collect();
    let rows = db.query(&statement, &[&webhooks, &serials, &events, &payloads, &ahead]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}

/// What is to be sent next to a webhook that this process has taken, if that is due; takes it for so long again.
pub async fn next(db: &impl Client, claimed: &Claimed, lease: Duration) -> Result<Option<Delivery>> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::next
             with held as (
                 update webhooks set lease_until = clock_timestamp() + $3 * interval '1 second'
                 where id = $1 and claims = $2 and disabled_at is null
                 returning id
             )
             select d.*
             from held cross join lateral (
                 select id, webhook_id, serial, event, payload, state, ahead, attempts, not_before, created_at, attempted_at,
                     status, error, milliseconds, response
                 from webhook_deliveries
                 where webhook_id = held.id and state = 'waiting'
                 order by ahead desc, id
                 limit 1
             ) d
             where d.not_before <= clock_timestamp()",
        )
        .await?;
    let row = db.query_opt(&statement, &[&claimed.id, &claimed.claims, &lease.as_secs_f64()]).await?;
    row.as_ref().map(delivery).transpose()
}

/// Keeps what came of sending, unless somebody else has taken the webhook; returns since when nothing has reached it.
pub async fn settle(
    db: &impl Client,
    claimed: &Claimed,
    delivery: &Delivery,
    attempt: &Attempt,
) -> Result<Option<OffsetDateTime>> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::settle
             with held as (
                 update webhooks
                 set failing_since = case
                     when $4 = 'delivered' then null
                     else coalesce(failing_since, clock_timestamp()) end
                 where id = $1 and claims = $2
                 returning id, failing_since
             ), settled as (
                 update webhook_deliveries d
                 set state = $4, not_before = clock_timestamp() + $5 * interval '1 second', attempts = attempts + 1,
                     attempted_at = clock_timestamp(), status = $6, error = $7, milliseconds = $8, response = $9
                 from held
                 where d.id = $3 and d.webhook_id = held.id
             )
             select failing_since from held",
        )
        .await?;
    let milliseconds = i32::try_from(attempt.took.as_millis()).unwrap_or(i32::MAX);
    let row = db
        .query_opt(
            &statement,
            &[
                &claimed.id,
                &claimed.claims,
                &delivery.id,
                &attempt.state.name(),
                &attempt.pause.as_secs_f64(),
                &attempt.status,
                &attempt.error,
                &milliseconds,
                &attempt.response,
            ],
        )
        .await?;
    Ok(row.and_then(|row| row.get("failing_since")))
}

/// Deliveries of a webhook, the newest first, at most so many; with `before` only older ones than that of this id.
pub async fn of_webhook(
    db: &impl Client,
    webhook: Uuid,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::of_webhook
             select id, webhook_id, serial, event, payload, state, ahead, attempts, not_before, created_at, attempted_at,
                 status, error, milliseconds, response
             from webhook_deliveries
             where webhook_id = $1 and id < coalesce($2, 9223372036854775807)
             order by id desc
             limit $3",
        )
        .await?;
    db.query(&statement, &[&webhook, &before, &limit]).await?.iter().map(delivery).collect()
}

/// Has a delivery sent at once: one that waits as if its pause were over, and another once more, before all that wait.
/// `None` when the webhook has none of this id.
pub async fn retry(db: &impl Client, webhook: Uuid, id: i64) -> Result<Option<Delivery>> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::retry
             update webhook_deliveries
             set not_before = clock_timestamp(), ahead = ahead or state <> 'waiting', state = 'waiting'
             where webhook_id = $1 and id = $2
             returning id, webhook_id, serial, event, payload, state, ahead, attempts, not_before, created_at, attempted_at,
                 status, error, milliseconds, response",
        )
        .await?;
    db.query_opt(&statement, &[&webhook, &id]).await?.as_ref().map(delivery).transpose()
}

/// Whether a webhook is yet to be sent something of this event, before all others.
pub async fn is_ahead(db: &impl Client, webhook: Uuid, event: &str) -> Result<bool> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::is_ahead
             select exists (
                 select from webhook_deliveries
                 where webhook_id = $1 and event = $2 and state = 'waiting' and ahead
             ) as is_ahead",
        )
        .await?;
    Ok(db.query_one(&statement, &[&webhook, &event]).await?.get("is_ahead"))
}

/// Removes deliveries that were sent or given up and are older than so many days, and of each webhook's all but the newest so
/// many. What waits stays as long as its webhook has not been disabled for so many days.
pub async fn prune(db: &impl Client, days: i32, most: i64) -> Result<u64> {
    let statement = db
        .prepare_cached(
            "-- store::deliveries::prune
             with pruned as (
                 update webhook_outbox set pruned_at = clock_timestamp()
             )
             delete from webhook_deliveries d
             where d.created_at < clock_timestamp() - $1 * interval '1 day'
                     and (d.state <> 'waiting' or exists (
                         select from webhooks h
                         where h.id = d.webhook_id and h.disabled_at < clock_timestamp() - $1 * interval '1 day'))
                 or d.id in (
                     select id
                     from (
                         select id, row_number() over (partition by webhook_id order by id desc) as age
                         from webhook_deliveries
                         where state <> 'waiting'
                     ) ended
                     where age > $2
                 )",
        )
        .await?;
    Ok(db.execute(&statement, &[&f64::from(days), &most]).await?)
}

fn delivery(row: &Row) -> Result<Delivery> {
    let state: &str = row.get("state");
    Ok(Delivery {
        id: row.get("id"),
        webhook: row.get("webhook_id"),
        serial: row.get::<_, Option<i64>>("serial").map(Serial),
        event: row.get("event"),
        payload: row.get("payload"),
        state: State::parse(state)
            .ok_or_else(|| Error::Internal(format!("unknown state of a delivery: {state}")))?,
        ahead: row.get("ahead"),
        attempts: row.get("attempts"),
        not_before: row.get("not_before"),
        created_at: row.get("created_at"),
        attempted_at: row.get("attempted_at"),
        status: row.get("status"),
        error: row.get("error"),
        milliseconds: row.get("milliseconds"),
        response: row.get("response"),
    })
}

//! Webhooks of an index, or of the whole server: said by whoever rules it, and by nobody who comes with an API token.

pub mod outbox;

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        event::{Event, EventKind},
        name::IndexName,
        webhook::{self, Delivery, PING, Patch, Wanted, Webhook},
    },
    ops::resolve,
    service::Service,
    store::{self, Change, Client, deliveries::NewDelivery},
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

/// Webhooks that an index, or the server, has at most.
const MOST_WEBHOOKS: usize = 20;

/// Deliveries that are shown at a time.
pub const DELIVERIES: i64 = 50;

/// Why a person disabled a webhook.
const BY_HAND: &str = "by hand";

/// The webhooks of an index, or with `None` of the whole server, the oldest first.
///
/// # Errors
/// [`Error::NoSuchIndex`]; [`Error::Unauthorized`] or [`Error::Forbidden`].
pub async fn list(service: &Service, caller: &Caller, index: Option<&IndexName>) -> Result<Vec<Webhook>> {
    let index_id = permitted(service, caller, index).await?;
    store::webhooks::of_index(&service.db().await?, index_id).await
}

/// One of them.
///
/// # Errors
/// As [`list`]; [`Error::NotFound`].
pub async fn show(
    service: &Service,
    caller: &Caller,
    index: Option<&IndexName>,
    id: &str,
) -> Result<Webhook> {
    let index_id = permitted(service, caller, index).await?;
    find(&service.db().await?, index_id, id).await
}

/// Makes a webhook, which hears of every later change; and its secret, which nobody learns again.
///
/// # Errors
/// As [`list`]; [`Error::Invalid`].
pub async fn create(
    service: &Service,
    caller: &Caller,
    index: Option<&IndexName>,
    body: &Map<String, Value>,
) -> Result<(Webhook, String)> {
    permitted(service, caller, index).await?;
    let wanted = Wanted::parse(body).map_err(Error::Invalid)?;
    check(service, &wanted)?;
    let (id, secret) = (Uuid::new_v4(), webhook::secret(rand::random()));

    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index_id = match index {
        Some(name) => Some(store::indexes::lock(&mut change, name).await?.id),
        None => None,
    };
    if store::webhooks::of_index(&change, index_id).await?.len() >= MOST_WEBHOOKS {
        return Err(Error::Invalid(format!("there are {MOST_WEBHOOKS} webhooks already: delete one first")));
    }
    store::webhooks::insert(&mut change, index_id, id, &wanted, &secret).await?;
    log(&mut change, EventKind::WebhookCreate, index, id, &wanted, None);
    let made = find(&change, index_id, &id.to_string()).await?;
    change.commit().await?;
    Ok((made, secret))
}

/// Changes a webhook, and enables or disables it.
///
/// # Errors
/// As [`show`]; [`Error::Invalid`].
pub async fn modify(
    service: &Service,
    caller: &Caller,
    index: Option<&IndexName>,
    id: &str,
    body: &Map<String, Value>,
) -> Result<Webhook> {
    let index_id = permitted(service, caller, index).await?;
    // What is owed by now stays so, whatever becomes of it.
    outbox::catch_up(service).await?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let old = lock(&mut change, index_id, id).await?;
    let Patch { wanted, enabled } = Patch::parse(&old, body).map_err(Error::Invalid)?;
    let was_enabled = old.disabled.is_none();
    if wanted != old.wanted {
        check(service, &wanted)?;
        store::webhooks::set_wanted(&mut change, old.id, &wanted).await?;
    }
    if enabled && !was_enabled {
        store::webhooks::enable(&mut change, old.id).await?;
    }
    if wanted != old.wanted || enabled && !was_enabled {
        log(&mut change, EventKind::WebhookModify, index, old.id, &wanted, None);
    }
    if was_enabled && !enabled {
        store::webhooks::disable(&mut change, old.id, BY_HAND).await?;
        log(&mut change, EventKind::WebhookDisable, index, old.id, &wanted, Some(BY_HAND));
    }
    let new = find(&change, index_id, id).await?;
    change.commit().await?;
    Ok(new)
}

/// Deletes a webhook; what it is still owed goes with it.
///
/// # Errors
/// As [`show`].
pub async fn delete(service: &Service, caller: &Caller, index: Option<&IndexName>, id: &str) -> Result<()> {
    let index_id = permitted(service, caller, index).await?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let webhook = lock(&mut change, index_id, id).await?;
    store::webhooks::delete(&mut change, webhook.id).await?;
    log(&mut change, EventKind::WebhookDelete, index, webhook.id, &webhook.wanted, None);
    change.commit().await?;
    Ok(())
}

/// Sends something at once, before all else, to see whether it comes.
///
/// # Errors
/// As [`show`]; [`Error::Invalid`] when it is disabled, or is yet to be sent such a thing.
pub async fn test(
    service: &Service,
    caller: &Caller,
    index: Option<&IndexName>,
    id: &str,
) -> Result<Delivery> {
    let webhook = enabled(service, caller, index, id).await?;
    let mut db = service.db().await?;
    let transaction = db.transaction().await?;
    // One after the other, so that each sees what the one before asked for.
    store::webhooks::lock(&transaction, webhook.id).await?;
    if store::deliveries::is_ahead(&transaction, webhook.id, PING).await? {
        return Err(Error::invalid("a test is on its way already"));
    }
    let new = NewDelivery {
        webhook: webhook.id,
        serial: None,
        event: PING.to_owned(),
        payload: webhook::ping(webhook.id, index, caller.name(), OffsetDateTime::now_utc()),
        ahead: true,
    };
    let made = store::deliveries::insert(&transaction, &[new]).await?;
    let before = made.last().map(|id| id + 1);
    let made = store::deliveries::of_webhook(&transaction, webhook.id, before, 1).await?.pop();
    transaction.commit().await?;
    service.sending.notify_one();
    made.ok_or_else(|| Error::NotFound(format!("there is no webhook {id}")))
}

/// What a webhook was told and is to be told, the newest first, at most [`DELIVERIES`]; with `before` only what is older
/// than the delivery of this id.
///
/// # Errors
/// As [`show`].
pub async fn deliveries(
    service: &Service,
    caller: &Caller,
    index: Option<&IndexName>,
    id: &str,
    before: Option<i64>,
) -> Result<Vec<Delivery>> {
    let webhook = show(service, caller, index, id).await?;
    store::deliveries::of_webhook(&service.db().await?, webhook.id, before, DELIVERIES).await
}

/// Sends a delivery at once: one that waits, or once more one that was sent or given up.
///
/// # Errors
/// As [`test`].
pub async fn retry(
    service: &Service,
    caller: &Caller,
    index: Option<&IndexName>,
    id: &str,
    delivery: &str,
) -> Result<Delivery> {
    let webhook = enabled(service, caller, index, id).await?;
    let missing = || Error::NotFound(format!("webhook {id} has no delivery {delivery}"));
    let number = delivery.parse().map_err(|_| missing())?;
    let retried = store::deliveries::retry(&service.db().await?, webhook.id, number).await?;
    service.sending.notify_one();
    retried.ok_or_else(missing)
}

/// The id of the index, if the caller may see and change its webhooks.
async fn permitted(service: &Service, caller: &Caller, index: Option<&IndexName>) -> Result<Option<i64>> {
    let found = match index {
        Some(name) => Some(resolve::index(service, name).await?),
        None => None,
    };
    if service.policy.may_change_webhooks(caller, index) {
        return Ok(found.map(|index| index.id));
    }
    let of = index.map_or_else(|| "the server".to_owned(), ToString::to_string);
    Err(Error::denied(caller, format!("no permission to see or change webhooks of {of}")))
}

async fn find(db: &impl Client, index_id: Option<i64>, id: &str) -> Result<Webhook> {
    let webhooks = store::webhooks::of_index(db, index_id).await?;
    let found = webhooks.into_iter().find(|webhook| webhook.id.to_string() == id);
    found.ok_or_else(|| Error::NotFound(format!("there is no webhook {id}")))
}

/// The webhook, which nobody else changes until the change ends.
async fn lock(change: &mut Change<'_>, index_id: Option<i64>, id: &str) -> Result<Webhook> {
    let webhook = find(change, index_id, id).await?;
    store::webhooks::lock(change, webhook.id).await?;
    find(change, index_id, id).await
}

async fn enabled(service: &Service, caller: &Caller, index: Option<&IndexName>, id: &str) -> Result<Webhook> {
    let webhook = show(service, caller, index, id).await?;
    match webhook.disabled {
        None => Ok(webhook),
        Some(_) => Err(Error::invalid("the webhook is disabled, so nothing is sent: enable it first")),
    }
}

fn check(service: &Service, wanted: &Wanted) -> Result<()> {
    service.receivers.check(&wanted.url).map_err(|problem| Error::Invalid(format!("url: {problem}")))
}

/// Says what happened to a webhook. Of its URL only the host: the rest may be as good as a password.
fn log(
    change: &mut Change<'_>,
    kind: EventKind,
    index: Option<&IndexName>,
    id: Uuid,
    wanted: &Wanted,
    reason: Option<&str>,
) {
    let detail = json!({
        "id": id,
        "index": index,
        "host": wanted.url.host_str(),
        "events": wanted.events,
        "reason": reason,
    });
    change.log(Event::token(kind, None).with_detail(detail));
}

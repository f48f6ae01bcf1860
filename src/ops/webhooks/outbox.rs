//! Tells webhooks what changed (DESIGN, Web pages, themes, hooks; Standard Webhooks).
//!
//! The changelog is the outbox. Whoever comes first makes deliveries of its new events, one transaction at a time, so that
//! nothing is left out or made twice. A webhook is then served by one process at a time, which has a lease, in the order of
//! the serial: what fails is sent again later, and what comes after it waits. A process that dies leaves its lease to end,
//! and the next sends again what it may have sent: so everything is delivered at least once.

use super::log;
use crate::{
    config::WebhookPatience,
    error::{Error, Result},
    model::{
        event::EventKind,
        serial::Serial,
        webhook::{self, Delivery, Listening, State},
    },
    ops::jobs::{LEAST, Owed, left},
    receivers::Answer,
    service::Service,
    store::{
        self,
        deliveries::{Attempt, NewDelivery},
        webhooks::Claimed,
    },
};
use deadpool_postgres::Object;
use http::{HeaderMap, HeaderValue};
use rand::Rng;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use time::OffsetDateTime;

/// How long a process has a webhook to itself, beyond the time that a receiver may take.
const LEASE: Duration = Duration::from_secs(40);

/// How long a process serves one webhook while others may wait.
const TURN: Duration = Duration::from_secs(30);

/// Events of which deliveries are made at a time.
const BATCH: i64 = 500;

/// For how long deliveries are kept, how many of each webhook, and how often the rest is removed.
const DAYS: i32 = 30;
const MOST_DELIVERIES: i64 = 1000;
const PRUNE: Duration = Duration::from_secs(3600);

impl Owed for Claimed {
    const PLACES: usize = 64;

    async fn take(service: &Service) -> Result<Option<Self>> {
        let mut db = service.db().await?;
        let outlook = store::deliveries::outlook(&db, PRUNE).await?;
        if outlook.overgrown {
            store::deliveries::prune(&db, DAYS, MOST_DELIVERIES).await?;
            store::webhooks::forget(&db).await?;
        }
        if outlook.behind {
            distribute(service, &mut db).await?;
        }
        match outlook.behind || outlook.due {
            true => store::webhooks::claim(&db, lease(service)).await,
            false => Ok(None),
        }
    }

    async fn work(self, service: &Service, until: Option<Instant>) {
        if let Err(error) = serve(service, &self, until).await {
            tracing::warn!(%error, webhook = %self.id, "a webhook is left to the end of its lease");
        }
    }
}

/// Makes deliveries of all that has changed so far, for webhooks that hear of nothing soon.
pub(super) async fn catch_up(service: &Service) -> Result<()> {
    let mut db = service.db().await?;
    while store::deliveries::outlook(&db, PRUNE).await?.behind {
        distribute(service, &mut db).await?;
    }
    Ok(())
}

/// Makes deliveries of what the changelog has beyond what the outbox has seen, or of the beginning of it.
async fn distribute(service: &Service, db: &mut Object) -> Result<()> {
    let transaction = db.transaction().await?;
    make_deliveries(service, &transaction).await?;
    transaction.commit().await?;
    Ok(())
}

async fn make_deliveries(service: &Service, db: &impl store::Client) -> Result<()> {
    let seen = store::deliveries::lock_outbox(db).await?;
    let newest = store::serial::current(db).await?;
    // Somebody else made them while this waited.
    if seen >= newest {
        return Ok(());
    }
    let listening = store::webhooks::listening(db).await?;
    // What came before each of them is for nobody.
    let Some(first) = listening.iter().map(|webhook| webhook.since).min() else { return Ok(()) };
    let after = seen.max(first);
    let events = store::changelog::between(db, after, newest, BATCH).await?;
    let reached = match events.last() {
        Some(last) if events.len() as i64 >= BATCH => last.serial,
        _ => newest,
    };
    let root = service.config.server.outside_url.as_deref().unwrap_or_default().trim_end_matches('/');
    let mut of_index: HashMap<Option<String>, Vec<&Listening>> = HashMap::new();
    for webhook in &listening {
        of_index.entry(webhook.index.as_ref().map(ToString::to_string)).or_default().push(webhook);
    }
    let mut new = Vec::new();
    for event in &events {
        let of_event = event.index.as_ref().and_then(|_| of_index.get(&event.index));
        let candidates = of_index.get(&None).into_iter().chain(of_event).flatten();
        new.extend(candidates.filter(|webhook| webhook.hears(event)).map(|webhook| NewDelivery {
            webhook: webhook.id,
            serial: Some(event.serial),
            event: event.event.clone(),
            payload: webhook::payload(event, root),
            ahead: false,
        }));
    }
    if !new.is_empty() {
        store::deliveries::insert(db, &new).await?;
    }
    store::deliveries::move_outbox(db, Serial::max(seen, reached)).await
}

/// Sends what is due to a webhook, one after the other. What is sent is always settled: a receiver that has not answered by
/// the end of the time has failed.
async fn serve(service: &Service, claimed: &Claimed, until: Option<Instant>) -> Result<()> {
    let began = Instant::now();
    let answer = service.config.server.webhook_patience.answer;
    let is_time = || began.elapsed() < TURN && left(until, answer) >= LEAST.min(answer);
    while is_time() && !service.stopping.is_cancelled() {
        let next = store::deliveries::next(&service.db().await?, claimed, lease(service)).await?;
        let Some(delivery) = next else { break };
        let attempt = send(service, claimed, &delivery, left(until, answer)).await?;
        let outcome = if attempt.state == State::Delivered { "delivered" } else { "failed" };
        metrics::counter!("wheelyard_webhook_attempts_total", "outcome" => outcome).increment(1);
        let failing_since =
            store::deliveries::settle(&service.db().await?, claimed, &delivery, &attempt).await?;
        if let Some(reason) = given_up(&service.config.server.webhook_patience, &attempt, failing_since) {
            disable(service, claimed, &reason).await?;
        }
    }
    store::webhooks::release(&service.db().await?, claimed).await
}

/// Sends a delivery to a receiver that has so long to answer.
async fn send(
    service: &Service,
    claimed: &Claimed,
    delivery: &Delivery,
    patience: Duration,
) -> Result<Attempt> {
    let body = delivery.payload.to_string();
    let headers = headers(&claimed.secret, &delivery.message_id(), &body)?;
    let began = Instant::now();
    let answer = service.receivers.post(&claimed.url, headers, body, patience).await;
    let took = began.elapsed();
    let (error, answer) = match answer {
        Ok(answer) => (problem(&answer), Some(answer)),
        Err(reason) => (Some(reason), None),
    };
    let status = answer.as_ref().map(|answer| i32::from(answer.status));
    let pauses = &service.config.server.webhook_patience.pauses;
    let pause = usize::try_from(delivery.attempts).ok().and_then(|tried| pauses.get(tried));
    let (state, pause) = match (&error, pause) {
        (None, _) => (State::Delivered, Duration::ZERO),
        (Some(_), Some(pause)) if !delivery.ahead && status != Some(GONE) => {
            // Receivers that failed together are not tried again together.
            (State::Waiting, pause.mul_f64(rand::rng().random_range(0.8..1.2)))
        }
        (Some(_), _) => (State::Failed, Duration::ZERO),
    };
    if let Some(error) = &error {
        tracing::info!(error, webhook = %claimed.id, delivery = delivery.id, ?pause, "a delivery failed");
    }
    Ok(Attempt { state, pause, status, error, took, response: answer.map(|answer| answer.text) })
}

/// Signs a message of this moment.
fn headers(secret: &str, id: &str, body: &str) -> Result<HeaderMap> {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let signature = standardwebhooks::Webhook::new(secret).and_then(|key| key.sign(id, now, body.as_bytes()));
    let signature = signature.map_err(|error| Error::Internal(format!("can't sign: {error}")))?;
    let headers = [
        (HEADER_WEBHOOK_ID, id.to_owned()),
        (HEADER_WEBHOOK_TIMESTAMP, now.to_string()),
        (HEADER_WEBHOOK_SIGNATURE, signature),
    ];
    let header = |(name, value): (&'static str, String)| {
        Some((http::HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))
    };
    Ok(headers.into_iter().filter_map(header).collect())
}

/// What a receiver answers that wants nothing more.
const GONE: i32 = 410;

fn problem(answer: &Answer) -> Option<String> {
    match answer.status {
        200..300 => None,
        300..400 => Some(format!("answered {}: redirects are not followed", answer.status)),
        status => Some(format!("answered {status}")),
    }
}

/// Why nothing more is sent to a receiver, if so.
fn given_up(
    patience: &WebhookPatience,
    attempt: &Attempt,
    failing_since: Option<OffsetDateTime>,
) -> Option<String> {
    if attempt.status == Some(GONE) {
        return Some("the receiver answered 410: it is gone".into());
    }
    let failing = failing_since.map(|since| OffsetDateTime::now_utc() - since)?;
    let error =
        attempt.error.as_deref().filter(|_| attempt.state == State::Failed && failing >= patience.failing)?;
    Some(format!("nothing could be delivered for {} days: {error}", failing.whole_days()))
}

/// Disables a webhook in nobody's name.
async fn disable(service: &Service, claimed: &Claimed, reason: &str) -> Result<()> {
    catch_up(service).await?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, None).await?;
    let webhooks = store::webhooks::of_index(&change, claimed.index_id).await?;
    let Some(webhook) = webhooks.into_iter().find(|webhook| webhook.id == claimed.id) else { return Ok(()) };
    if store::webhooks::disable(&mut change, webhook.id, reason).await? {
        let index = claimed.index.as_ref();
        log(&mut change, EventKind::WebhookDisable, index, webhook.id, &webhook.wanted, Some(reason));
    }
    change.commit().await?;
    Ok(())
}

fn lease(service: &Service) -> Duration {
    service.config.server.webhook_patience.answer + LEASE
}

//! Webhooks: who makes them, and how they are told of what changes.

mod delivery;
mod fleet;
mod guard;
mod history;
mod moment;
mod rights;

use crate::harness::{Client, Server, receiver::Receiver};
use serde_json::{Value, json};
use std::time::Duration;
use wheelyard::config::{Config, WebhookPatience};

/// Lets webhooks reach this machine, and be quick about failures.
fn quick(config: &mut Config) {
    config.server.webhook_allow = vec!["127.0.0.0/8".parse().unwrap()];
    config.server.webhook_patience = WebhookPatience {
        connect: Duration::from_secs(5),
        answer: Duration::from_secs(5),
        pauses: vec![Duration::ZERO; 3],
        failing: Duration::ZERO,
    };
}

/// A server with alice and her `alice/dev`.
async fn server() -> (Server, Client) {
    let server = Server::start_with(quick).await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    (server, alice)
}

/// A webhook as whoever made it knows it.
struct Hook {
    /// Of the hook itself, below the server.
    path: String,
    id: String,
    secret: String,
}

impl Hook {
    /// Makes one with these settings, for an index, or for the server where that is empty.
    async fn make(who: &Client, index: &str, url: &str, settings: Value) -> Self {
        let mut body = json!({"url": url});
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let all = format!("{index}/+webhooks").trim_start_matches('/').to_owned();
        let made = who.post(&all, body).await.expect(201).result();
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        Self { path: format!("{all}/{}", text("id")), id: text("id"), secret: text("secret") }
    }

    /// One that tells a receiver all of `alice/dev`.
    async fn of_dev(alice: &Client, receiver: &Receiver) -> Self {
        Self::make(alice, "alice/dev", &format!("{}/hook", receiver.url), json!({})).await
    }

    async fn shown(&self, who: &Client) -> Value {
        who.get(&self.path).await.expect(200).result()
    }

    /// What it was told and is to be told, oldest first.
    async fn deliveries(&self, who: &Client) -> Vec<Value> {
        let reply = who.get(&format!("{}/deliveries", self.path)).await.expect(200).result();
        let mut deliveries = reply.as_array().unwrap().clone();
        deliveries.reverse();
        deliveries
    }
}

/// A field of each, as a text.
fn column(rows: &[Value], key: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    rows.iter().map(|row| text(&row[key])).collect()
}

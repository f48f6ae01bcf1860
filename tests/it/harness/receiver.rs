//! A receiver of webhooks on loopback, which remembers what it got and answers as it is told.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::LOCATION},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a receiver does with a message.
#[derive(Debug, Clone)]
pub enum Reaction {
    Answer(u16, Vec<u8>),
    Redirect(String),
    /// Nothing, until whoever asks goes away.
    Silence,
}

/// A message that came in.
#[derive(Debug, Clone)]
pub struct Message {
    pub path: String,
    pub headers: HeaderMap,
    pub text: String,
    /// What it was answered; 0: nothing.
    pub answered: u16,
}

impl Message {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// What happened, by what it says.
    pub fn event(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Whether it was signed just now with this secret.
    pub fn is_signed(&self, secret: &str) -> bool {
        standardwebhooks::Webhook::new(secret).unwrap().verify(self.text.as_bytes(), &self.headers).is_ok()
    }
}

type Decide = dyn Fn(&Message) -> Option<Reaction> + Send + Sync;

#[derive(Clone)]
struct Inner {
    messages: Arc<Mutex<Vec<Message>>>,
    reactions: Arc<Mutex<VecDeque<Reaction>>>,
    decide: Arc<Decide>,
}

/// A running receiver; it ends with the test.
pub struct Receiver {
    pub url: String,
    inner: Inner,
    stop: CancellationToken,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Receiver {
    /// Starts one that does this with the first messages, and answers all others with 200.
    pub async fn start(reactions: &[Reaction]) -> Self {
        Self::start_with(reactions, |_| None).await
    }

    /// The same, with what it does with others where that is not to answer 200.
    pub async fn start_with(
        reactions: &[Reaction],
        decide: impl Fn(&Message) -> Option<Reaction> + Send + Sync + 'static,
    ) -> Self {
        let inner = Inner {
            messages: Arc::default(),
            reactions: Arc::new(Mutex::new(reactions.iter().cloned().collect())),
            decide: Arc::new(decide),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let router = Router::new().fallback(take).with_state(inner.clone());
        let serving = axum::serve(listener, router).into_future();
        let ended = stop.clone();
        TaskTracker::new().spawn(async move {
            tokio::select! {
                served = serving => served.unwrap(),
                () = ended.cancelled() => {}
            }
        });
        Self { url, inner, stop }
    }

    /// What came in so far, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.inner.messages.lock().unwrap().clone()
    }

    /// What came in so far at this path.
    pub fn at(&self, path: &str) -> Vec<Message> {
        self.messages().into_iter().filter(|message| message.path == path).collect()
    }

    /// The events of all that came in, oldest first.
    pub fn events(&self) -> Vec<String> {
        self.messages().iter().map(Message::event).collect()
    }
}

async fn take(State(receiver): State<Inner>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let mut message = Message { path: uri.path().to_owned(), headers, text, answered: 0 };
    let reaction = receiver.reactions.lock().unwrap().pop_front();
    let reaction = reaction.or_else(|| (receiver.decide)(&message));
    let reaction = reaction.unwrap_or(Reaction::Answer(200, Vec::new()));
    message.answered = match &reaction {
        Reaction::Answer(status, _) => *status,
        Reaction::Redirect(_) => 307,
        Reaction::Silence => 0,
    };
    receiver.messages.lock().unwrap().push(message);
    match reaction {
        Reaction::Answer(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Reaction::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response(),
        Reaction::Silence => std::future::pending().await,
    }
}

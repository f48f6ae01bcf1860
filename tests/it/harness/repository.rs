//! Another repository, which takes the legacy upload API and remembers what it got.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Multipart, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use hyper::ext::ReasonPhrase;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A form that came in.
#[derive(Debug, Clone, Default)]
pub struct Form {
    pub authorization: String,
    pub fields: Vec<(String, String)>,
    pub file: Option<(String, Vec<u8>)>,
}

impl Form {
    /// All texts of a field.
    pub fn field(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(key, _)| key == name).map(|(_, text)| text.as_str()).collect()
    }
}

#[derive(Clone, Default)]
struct Seen {
    forms: Arc<Mutex<Vec<Form>>>,
    answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
}

/// A running repository; it ends with the test.
pub struct Repository {
    pub url: String,
    seen: Seen,
    stop: CancellationToken,
}

impl Drop for Repository {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Repository {
    /// Starts one that gives these answers, status and text of the status line, and then always 200.
    pub async fn start(answers: &[(u16, &'static str)]) -> Self {
        let seen =
            Seen { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), ..Seen::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/legacy/", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/legacy/", post(take))
            .layer(DefaultBodyLimit::disable())
            .with_state(seen.clone());
        let stop = CancellationToken::new();
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        TaskTracker::new().spawn(serving.into_future());
        Self { url, seen, stop }
    }

    /// What came in so far.
    pub fn forms(&self) -> Vec<Form> {
        self.seen.forms.lock().unwrap().clone()
    }
}

async fn take(State(seen): State<Seen>, headers: HeaderMap, mut multipart: Multipart) -> Response {
    let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let mut form = Form { authorization: authorization.unwrap_or_default(), ..Form::default() };
    while let Some(field) = multipart.next_field().await.unwrap() {
        let name = field.name().unwrap().to_owned();
        match field.file_name().map(str::to_owned) {
            Some(filename) => form.file = Some((filename, field.bytes().await.unwrap().to_vec())),
            None => form.fields.push((name, field.text().await.unwrap())),
        }
    }
    seen.forms.lock().unwrap().push(form);
    let (status, reason) = seen.answers.lock().unwrap().pop_front().unwrap_or((200, "OK"));
    let mut response = StatusCode::from_u16(status).unwrap().into_response();
    response.extensions_mut().insert(ReasonPhrase::from_static(reason.as_bytes()));
    response
}

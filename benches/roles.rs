//! What the benchmark runs beside wheelyard, each as a process of its own: the object store, and the limit.

use axum::{
    Router,
    body::Body,
    extract::{Path as UrlPath, Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{collections::HashMap, fs, path::Path, sync::Arc};
use tower::Service;
use wheelyard::cli::dev::s3::S3Server;

pub const BUCKET: &str = "bench";

/// Serves an S3 bucket from a folder, and says its URL and its keys.
pub async fn object_store(folder: &Path) {
    let server = S3Server::start(folder, BUCKET).await.expect("the object store can't start");
    println!("{} {} {}", server.endpoint(), server.access_key(), server.secret_key());
    std::future::pending::<()>().await;
}

/// The least that a handler can do: it answers with the files of a folder, read before, by name; `?` stands for `/` in
/// names. The head of an answer stands in the file before its body, as it goes over the wire.
pub async fn bare(folder: &Path) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    let mut answers = HashMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap().replace('?', "/");
        answers.insert(name, Answer::read(&fs::read(entry.path()).unwrap()));
    }
    let router = Router::new().route("/{*name}", get(answer)).with_state(Arc::new(answers));
    // As wheelyard serves.
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).max_buf_size(64 << 10);
    let connections = tokio_util::task::TaskTracker::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let router = router.clone();
        let answer =
            service_fn(move |request: Request<Incoming>| router.clone().call(request.map(Body::new)));
        connections.spawn(builder.serve_connection(TokioIo::new(stream), answer));
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let mut parsed = [httparse::EMPTY_HEADER; 48];
        let mut response = httparse::Response::new(&mut parsed);
        let at = response.parse(bytes).unwrap().unwrap();
        let headers = response.headers.iter().map(|header| {
            (header.name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(header.value).unwrap())
        });
        Self {
            status: StatusCode::from_u16(response.code.unwrap()).unwrap(),
            headers: headers.collect(),
            body: Bytes::copy_from_slice(&bytes[at..]),
        }
    }
}

async fn answer(
    State(answers): State<Arc<HashMap<String, Answer>>>,
    UrlPath(name): UrlPath<String>,
) -> Response {
    match answers.get(name.trim_end_matches('/')) {
        Some(answer) => (answer.status, answer.headers.clone(), answer.body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

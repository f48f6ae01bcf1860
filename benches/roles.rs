//! What the benchmark runs beside wheelyard, each as a process of its own: the object store, and the limit.

use axum::{
    Router,
    extract::{Path as UrlPath, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use std::{collections::HashMap, fs, path::Path, sync::Arc};
use wheelyard::cli::dev::s3::S3Server;

pub const BUCKET: &str = "bench";

/// Serves an S3 bucket from a folder, and says its URL and its keys.
pub async fn object_store(folder: &Path) {
    let server = S3Server::start(folder, BUCKET).await.expect("the object store can't start");
    println!("{} {} {}", server.endpoint(), server.access_key(), server.secret_key());
    std::future::pending::<()>().await;
}

/// The least that a handler can do: the files of a folder, read before, by name. A name that begins with `304` is
/// answered so; `?` stands for `/` in names.
pub async fn bare(folder: &Path) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    let mut files = HashMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap().replace('?', "/");
        files.insert(name, Bytes::from(fs::read(entry.path()).unwrap()));
    }
    let router = Router::new().route("/{*name}", get(file)).with_state(Arc::new(files));
    axum::serve(listener, router).await.unwrap();
}

async fn file(State(files): State<Arc<HashMap<String, Bytes>>>, UrlPath(name): UrlPath<String>) -> Response {
    if name.starts_with("304") {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let Some(body) = files.get(&name).or_else(|| files.get(name.trim_end_matches('/'))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    ([(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], body.clone()).into_response()
}

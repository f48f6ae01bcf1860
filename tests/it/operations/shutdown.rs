//! SIGTERM: what runs may end, and nothing begins.

use crate::harness::{
    Client, Upload,
    binary::{Binary, place},
    large, until,
};
use reqwest::{
    Body, Method,
    multipart::{Form, Part},
};
use serde_json::json;
use tokio::net::TcpStream;

/// So much that it does not fit into what lies between two processes.
const SIZE: usize = 48 << 20;

async fn server(arguments: &[&str]) -> (Binary, Client) {
    let (database, prefix) = place().await;
    let server = Binary::serve(&database, &prefix, arguments).await;
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({})).await;
    (server, alice)
}

async fn refuses_connections(server: &Binary) {
    let address = server.url.strip_prefix("http://").unwrap();
    until("nobody listens", async || TcpStream::connect(address).await.is_err()).await;
}

#[tokio::test]
async fn a_running_download_and_a_running_upload_end_before_the_server_does() {
    let (server, alice) = server(&[]).await;
    let wheel = large::wheel("large", "1.0", SIZE);
    alice.upload("alice/dev", Upload::new("large", "1.0", wheel.clone())).await.expect(200);
    let path = alice.file_path("alice/dev", "large", &wheel.0).await;

    let mut download = alice.request(Method::GET, &path).send().await.unwrap();
    let mut downloaded = download.chunk().await.unwrap().unwrap().to_vec();

    let other = large::wheel("large", "2.0", SIZE);
    let (first, rest) = other.1.split_at(SIZE / 2);
    let (first, rest) = (first.to_vec(), rest.to_vec());
    let (sent, was_sent) = tokio::sync::oneshot::channel::<()>();
    let (go_on, goes_on) = tokio::sync::oneshot::channel::<()>();
    let content =
        futures::stream::unfold((0, Some((sent, goes_on, first, rest))), |(step, state)| async move {
            let (sent, goes_on, first, rest) = state?;
            match step {
                0 => Some((Ok::<_, std::io::Error>(first), (1, Some((sent, goes_on, Vec::new(), rest))))),
                _ => {
                    let _ = sent.send(());
                    let _ = goes_on.await;
                    Some((Ok(rest), (2, None)))
                }
            }
        });
    let part = Part::stream_with_length(Body::wrap_stream(content), other.1.len() as u64);
    let form = Form::new()
        .text(":action", "file_upload")
        .text("name", "large")
        .text("version", "2.0")
        .part("content", part.file_name(other.0.clone()));
    let upload = async { alice.send_form("alice/dev", form).await };
    let stop = async {
        // The second half is asked for once the first is on its way.
        was_sent.await.unwrap();
        server.signal("-TERM").await;
        refuses_connections(&server).await;
        go_on.send(()).unwrap();
        while let Some(chunk) = download.chunk().await.unwrap() {
            downloaded.extend_from_slice(&chunk);
        }
    };
    let (reply, ()) = tokio::join!(upload, stop);
    reply.expect(200);
    assert!(downloaded == wheel.1);
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn idle_connections_do_not_hold_the_server_up_and_stalled_requests_only_for_a_time() {
    let (server, alice) = server(&["--shutdown-timeout", "1"]).await;
    alice.get("+api").await.expect(200);
    let address = server.url.strip_prefix("http://").unwrap();
    let _idle = TcpStream::connect(address).await.unwrap();
    let mut stalled = TcpStream::connect(address).await.unwrap();
    let head = b"POST /alice/dev/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nnever the rest";
    tokio::io::AsyncWriteExt::write_all(&mut stalled, head).await.unwrap();
    alice.get("+api").await.expect(200);
    assert!(server.end("-TERM").await.success());
}

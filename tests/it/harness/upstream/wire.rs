//! Where an upstream listens, and what is spoken there.

use super::{State, answer::answer};
use crate::harness::tls;
use axum::http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What is spoken.
#[derive(Clone)]
pub enum Wire {
    Http,
    /// HTTP with a certificate that nobody trusts.
    Tls(TlsAcceptor),
    /// A few words that are not HTTP.
    Nonsense,
}

impl Wire {
    pub fn untrusted() -> Self {
        Self::Tls(tls::acceptor())
    }
}

/// A port on loopback, and who listens there, if anyone does.
pub struct Port {
    pub address: SocketAddr,
    elsewhere: bool,
    running: CancellationToken,
    connections: TaskTracker,
    /// Keeps the port while nobody listens.
    placeholder: Option<TcpSocket>,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.running.cancel();
    }
}

impl Port {
    /// Any free port.
    pub fn new(elsewhere: bool) -> Self {
        let socket = socket(([127, 0, 0, 1], 0).into());
        Self {
            address: socket.local_addr().unwrap(),
            elsewhere,
            running: CancellationToken::new(),
            connections: TaskTracker::new(),
            placeholder: Some(socket),
        }
    }

    /// Nobody listens any more, and all connections break.
    pub async fn stop(&mut self) {
        self.running.cancel();
        self.connections.close();
        self.connections.wait().await;
        if self.placeholder.is_none() {
            self.placeholder = Some(socket(self.address));
        }
    }

    pub fn serve(&mut self, wire: Wire, state: &Arc<State>) {
        let listener = socket(self.address).listen(1024).unwrap();
        self.placeholder = None;
        self.running = CancellationToken::new();
        self.connections = TaskTracker::new();
        let accepting = accept(
            listener,
            self.connections.clone(),
            self.running.clone(),
            wire,
            state.clone(),
            self.elsewhere,
        );
        self.connections.spawn(self.running.clone().run_until_cancelled_owned(accepting));
    }
}

/// A socket at an address that others may be at too, as long as they do not listen.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn accept(
    listener: TcpListener,
    connections: TaskTracker,
    running: CancellationToken,
    wire: Wire,
    state: Arc<State>,
    elsewhere: bool,
) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (state, wire) = (state.clone(), wire.clone());
        connections.spawn(running.clone().run_until_cancelled_owned(async move {
            match wire {
                Wire::Http => speak(stream, state, elsewhere).await,
                Wire::Tls(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        speak(stream, state, elsewhere).await;
                    }
                }
                Wire::Nonsense => drop(stream.write_all(b"220 nothing of the kind\r\n").await),
            }
        }));
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>, elsewhere: bool) {
    let service = service_fn(|request: Request<Incoming>| answer(state.clone(), elsewhere, request));
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // An error is somebody who broke off.
    drop(connection.await);
}

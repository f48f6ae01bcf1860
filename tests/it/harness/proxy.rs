//! A wire between the server and what it depends on, which a test can cut.

use std::net::SocketAddr;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use url::Url;

/// What the wire does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Whole,
    /// Connections break, and new ones break at once.
    Cut,
    /// Connections stay, and new ones are taken; but nothing comes through any more.
    Silent,
}

/// A TCP proxy on loopback.
pub struct Proxy {
    address: SocketAddr,
    wire: watch::Sender<Wire>,
    _running: DropGuard,
}

impl Proxy {
    /// A proxy before the host and port of a URL.
    pub async fn before(url: &str) -> Self {
        let url = Url::parse(url).unwrap();
        let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (wire, state) = watch::channel(Wire::Whole);
        let running = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(running.clone().run_until_cancelled_owned(async move {
            let tasks = TaskTracker::new();
            while let Ok((client, _)) = listener.accept().await {
                tasks.spawn(connect(client, target.clone(), state.clone()));
            }
        }));
        Self { address, wire, _running: running.drop_guard() }
    }

    /// The URL with the proxy in the place of its host and port.
    pub fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.as_str().trim_end_matches('/').to_owned()
    }

    pub fn cut(&self) {
        self.wire.send_replace(Wire::Cut);
    }

    pub fn silence(&self) {
        self.wire.send_replace(Wire::Silent);
    }

    pub fn mend(&self) {
        self.wire.send_replace(Wire::Whole);
    }
}

/// Carries bytes both ways while the wire is whole.
async fn connect(mut client: TcpStream, target: String, mut wire: watch::Receiver<Wire>) {
    let now = *wire.borrow_and_update();
    if now == Wire::Whole
        && let Ok(mut server) = TcpStream::connect(target).await
    {
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = wire.changed() => {}
        }
        if *wire.borrow() == Wire::Silent {
            // Both ends are held, until the wire changes again.
            let _ = wire.changed().await;
        }
    } else if now == Wire::Silent {
        let _ = wire.changed().await;
    }
}

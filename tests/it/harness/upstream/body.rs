//! The body of an upstream's answer: as slow, as short and as held as a test wants it.

use super::{State, fault::Gate};
use axum::body::{Body, Bytes};
use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// Counts as in flight while it lives.
pub struct InFlight(Arc<State>);

impl InFlight {
    pub fn new(state: Arc<State>) -> Self {
        state.in_flight.fetch_add(1, Ordering::SeqCst);
        Self(state)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Bytes on their way.
pub struct Paced {
    pub content: Bytes,
    /// In bytes.
    pub chunk: usize,
    /// Before each chunk.
    pub pause: Option<Duration>,
    /// After the content the connection breaks.
    pub cut: bool,
    pub gate: Option<Arc<Gate>>,
    /// For the count of bytes.
    pub filename: String,
    pub in_flight: InFlight,
}

impl Paced {
    pub fn body(self) -> Body {
        Body::from_stream(futures::stream::unfold((self, 0), async |(paced, at)| {
            let chunk = paced.next(at).await?;
            let at = at + chunk.as_ref().map_or(0, Bytes::len);
            Some((chunk, (paced, at)))
        }))
    }

    async fn next(&self, at: usize) -> Option<io::Result<Bytes>> {
        if at == self.content.len() {
            if !self.cut {
                return None;
            }
            // The server writes what it has while it waits, and forgets it at an error.
            tokio::time::sleep(Duration::from_millis(1)).await;
            return Some(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let open = match &self.gate {
            Some(gate) => gate.pass(at).await,
            None => usize::MAX,
        };
        if let Some(pause) = self.pause {
            tokio::time::sleep(pause).await;
        }
        let end = self.content.len().min(open).min(at + self.chunk);
        *self.in_flight.0.inner().sent.entry(self.filename.clone()).or_default() += end - at;
        Some(Ok(self.content.slice(at..end)))
    }
}

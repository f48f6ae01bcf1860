//! The load: connections that ask one request after the other, check every answer to the last byte, and note how long
//! each took.
//!
//! It speaks just enough HTTP for that, so that what is measured is the server: heads are read by the crate `httparse`,
//! bodies must have a `Content-Length`.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Threads that ask, at most: the machine is the server's too.
const THREADS: usize = 2;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Largest head of an answer, and what is read at once, in bytes.
const LARGEST_HEAD: usize = 16 << 10;
const READ: usize = 256 << 10;

/// The request of each turn.
#[derive(Clone)]
pub enum Requests {
    /// The same again and again.
    Same(Vec<u8>),
    /// These one after the other, and then from the start.
    Cycle(Arc<Vec<Vec<u8>>>),
    /// Each once.
    Once(Arc<Vec<Vec<u8>>>),
}

/// What every answer must be.
#[derive(Clone)]
pub struct Expected {
    pub status: u16,
    /// The very bytes; `None`: any.
    pub body: Option<Arc<Vec<u8>>>,
}

impl Expected {
    pub fn any(status: u16) -> Self {
        Self { status, body: None }
    }

    pub fn body(status: u16, body: impl Into<Arc<Vec<u8>>>) -> Self {
        Self { status, body: Some(body.into()) }
    }
}

/// Where the load goes.
#[derive(Clone)]
pub struct Load {
    /// Connections are spread over them.
    pub addresses: Vec<SocketAddr>,
    pub requests: Requests,
    pub expected: Expected,
}

/// What came out.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    pub seconds: f64,
    /// Each answer's time, in nanoseconds, sorted.
    pub times: Vec<u64>,
}

impl Figures {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }

    /// The time within which this share of the answers came, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let last = self.times.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.times.get(at).map_or(f64::NAN, |nanoseconds| *nanoseconds as f64 / 1e6)
    }
}

struct Shared {
    load: Load,
    until: Instant,
    next: AtomicUsize,
    times: Mutex<Vec<u64>>,
}

impl Load {
    /// Asks over this many connections for this long, or until each request was asked once.
    ///
    /// # Panics
    /// When an answer is not what it must be.
    pub fn run(&self, connections: usize, duration: Duration) -> Figures {
        let began = Instant::now();
        let shared = Arc::new(Shared {
            load: self.clone(),
            until: began + duration,
            next: AtomicUsize::new(0),
            times: Mutex::default(),
        });
        let threads: Vec<_> = (0..THREADS.min(connections))
            .map(|thread| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    let mine = (thread..connections).step_by(THREADS);
                    runtime.block_on(futures::future::join_all(mine.map(|number| shared.connection(number))));
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("an answer was wrong");
        }
        let mut times = std::mem::take(&mut *shared.times.lock().unwrap());
        times.sort_unstable();
        Figures { seconds: began.elapsed().as_secs_f64(), times }
    }
}

impl Shared {
    async fn connection(&self, number: usize) {
        let address = self.load.addresses[number % self.load.addresses.len()];
        let mut stream = TcpStream::connect(address).await.expect("no connection");
        stream.set_nodelay(true).unwrap();
        let mut buffer = vec![0; READ];
        let mut times = Vec::with_capacity(1 << 16);
        while Instant::now() < self.until {
            let turn = match &self.load.requests {
                Requests::Same(_) => 0,
                _ => self.next.fetch_add(1, Ordering::Relaxed),
            };
            let request = match &self.load.requests {
                Requests::Same(request) => request,
                Requests::Cycle(requests) => &requests[turn % requests.len()],
                Requests::Once(requests) => match requests.get(turn) {
                    Some(request) => request,
                    None => break,
                },
            };
            let asked = Instant::now();
            let exchange = exchange(&mut stream, request, &self.load.expected, &mut buffer);
            let outcome = tokio::time::timeout(PATIENCE, exchange).await.expect("no answer in time");
            outcome.unwrap_or_else(|wrong| {
                panic!("{wrong}, asked {}", String::from_utf8_lossy(&request[..request.len().min(200)]))
            });
            times.push(u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        self.times.lock().unwrap().append(&mut times);
    }
}

/// Asks once and checks the answer.
async fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
    expected: &Expected,
    buffer: &mut [u8],
) -> io::Result<()> {
    stream.write_all(request).await?;
    let (mut filled, mut head) = (0, None);
    while head.is_none() {
        let read = stream.read(&mut buffer[filled..]).await?;
        filled += read;
        if read == 0 || filled > LARGEST_HEAD && filled == buffer.len() {
            return Err(io::Error::other("the connection ended before the answer's head"));
        }
        head = read_head(&buffer[..filled])?;
    }
    let Some((at, status, length)) = head else { return Err(io::Error::other("no head")) };
    let mut chunk = &buffer[at..filled];
    if status != expected.status {
        let text = String::from_utf8_lossy(&chunk[..chunk.len().min(300)]);
        return Err(io::Error::other(format!("status {status} instead of {}: {text}", expected.status)));
    }
    let body = expected.body.as_deref().map(Vec::as_slice);
    if body.is_some_and(|body| body.len() != length) {
        return Err(io::Error::other(format!("{length} bytes instead of {:?}", body.map(<[u8]>::len))));
    }
    let mut done = 0;
    loop {
        if body.is_some_and(|body| body[done..].get(..chunk.len()) != Some(chunk)) {
            return Err(io::Error::other(format!("another body, after byte {done}")));
        }
        done += chunk.len();
        if done >= length {
            break;
        }
        let read = stream.read(buffer).await?;
        if read == 0 {
            return Err(io::Error::other(format!("the body ended after {done} of {length} bytes")));
        }
        chunk = &buffer[..read];
    }
    match done == length {
        true => Ok(()),
        false => Err(io::Error::other("more bytes than were told")),
    }
}

/// Length of the head, status, and length of the body; `None` while the head is not whole.
fn read_head(bytes: &[u8]) -> io::Result<Option<(usize, u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(at) = response.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
    match length.or((status == 304).then_some(0)) {
        Some(length) => Ok(Some((at, status, length))),
        None => Err(io::Error::other("an answer without Content-Length")),
    }
}

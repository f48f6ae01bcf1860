//! The load: connections that ask one request after the other, check every answer to the last byte, and note how long
//! each took.
//!
//! It speaks just enough HTTP for that, so that what is measured is the server; heads are read by the crate `httparse`.

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

    /// Answers a second, and the times within which half and 99 of a hundred came.
    pub fn text(&self) -> String {
        format!("{:>8.0} {:>8.2} {:>8.2}", self.rate(), self.percentile(50), self.percentile(99))
    }

    /// The time within which this many of a hundred answers came, in milliseconds.
    pub fn percentile(&self, hundredths: usize) -> f64 {
        let at = self.times.len().saturating_sub(1) * hundredths / 100;
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
    /// The time of one answer to one connection, in milliseconds.
    ///
    /// # Panics
    /// As [`Self::run`].
    pub fn once(&self) -> f64 {
        let requests = match &self.requests {
            Requests::Same(request) => Requests::Once(Arc::new(vec![request.clone()])),
            Requests::Once(_) => self.requests.clone(),
        };
        Self { requests, ..self.clone() }.run(1, PATIENCE).percentile(50)
    }

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
        let mut open = None;
        let mut buffer = vec![0; READ];
        let mut times = Vec::with_capacity(1 << 16);
        while Instant::now() < self.until {
            let turn = match &self.load.requests {
                Requests::Same(_) => 0,
                Requests::Once(_) => self.next.fetch_add(1, Ordering::Relaxed),
            };
            let request = match &self.load.requests {
                Requests::Same(request) => request,
                Requests::Once(requests) => match requests.get(turn) {
                    Some(request) => request,
                    None => break,
                },
            };
            let asked = Instant::now();
            let exchange = async {
                let mut stream = match open.take() {
                    Some(stream) => stream,
                    None => connect(address).await?,
                };
                let goes_on = exchange(&mut stream, request, &self.load.expected, &mut buffer).await?;
                open = goes_on.then_some(stream);
                Ok::<_, io::Error>(())
            };
            let outcome = tokio::time::timeout(PATIENCE, exchange).await.expect("no answer in time");
            outcome.unwrap_or_else(|wrong| {
                panic!("{wrong}, asked {}", String::from_utf8_lossy(&request[..request.len().min(200)]))
            });
            times.push(u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        self.times.lock().unwrap().append(&mut times);
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Asks once and checks the answer; whether the connection goes on.
async fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
    expected: &Expected,
    buffer: &mut [u8],
) -> io::Result<bool> {
    stream.write_all(request).await?;
    let (mut filled, mut head) = (0, None);
    while head.is_none() {
        let read = stream.read(&mut buffer[filled..]).await?;
        filled += read;
        head = read_head(&buffer[..filled])?;
        if head.is_none() && (read == 0 || filled > LARGEST_HEAD) {
            return Err(io::Error::other("no whole head of an answer"));
        }
    }
    let Some(head) = head else { return Err(io::Error::other("no head")) };
    let mut chunk = &buffer[head.at..filled];
    if head.status != expected.status {
        let text = String::from_utf8_lossy(&chunk[..chunk.len().min(300)]);
        return Err(io::Error::other(format!(
            "status {} instead of {}: {text}",
            head.status, expected.status
        )));
    }
    let body = expected.body.as_deref().map(Vec::as_slice);
    let Some(length) = head.length else {
        let read = read_chunked(stream, chunk.to_vec()).await?;
        return match body.is_none_or(|body| body == read) {
            true => Ok(head.goes_on),
            false => Err(io::Error::other("another body")),
        };
    };
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
        true => Ok(head.goes_on),
        false => Err(io::Error::other("more bytes than were told")),
    }
}

/// A body in chunks, as devpi-server sends its pages; some of it is there.
async fn read_chunked(stream: &mut TcpStream, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        while let Ok(httparse::Status::Complete((head, size))) = httparse::parse_chunk_size(&bytes[at..]) {
            let size = usize::try_from(size).map_err(io::Error::other)?;
            // A line break follows each chunk, the empty one at the end too.
            let Some(chunk) = bytes.get(at + head..at + head + size + 2) else { break };
            body.extend_from_slice(&chunk[..size]);
            at += head + size + 2;
            if size == 0 {
                return Ok(body);
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::Error::other("the body ended between its chunks"));
        }
    }
}

struct Head {
    /// Where the body begins.
    at: usize,
    status: u16,
    /// Of the body; `None`: it comes in chunks.
    length: Option<usize>,
    /// devpi-server closes the connection after each page.
    goes_on: bool,
}

/// The head of an answer; `None` while it is not whole.
fn read_head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(at) = response.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let value = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let length = value("content-length").and_then(|length| length.trim().parse().ok());
    let length = length.or((status == 304).then_some(0));
    match length.is_some() || value("transfer-encoding").is_some() {
        true => {
            let goes_on = value("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close"));
            Ok(Some(Head { at, status, length, goes_on }))
        }
        false => Err(io::Error::other("an answer that does not tell its length")),
    }
}

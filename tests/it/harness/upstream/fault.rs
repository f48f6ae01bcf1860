//! What can be wrong with an upstream, and where; and how to hold it in the middle of an answer.

use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// A part of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// The list of projects.
    List,
    /// The page of a project, by normalised name.
    Page(&'a str),
    /// The pages of all projects.
    Pages,
    /// A file by name.
    File(&'a str),
    Files,
    /// The core metadata beside a file, by the file's name.
    Metadata(&'a str),
}

/// A part with names of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    kind: u8,
    name: Option<String>,
}

impl From<Part<'_>> for Place {
    fn from(part: Part<'_>) -> Self {
        let (kind, name) = match part {
            Part::List => (0, None),
            Part::Page(name) => (1, Some(name)),
            Part::Pages => (1, None),
            Part::File(name) => (2, Some(name)),
            Part::Files => (2, None),
            Part::Metadata(name) => (3, Some(name)),
        };
        Self { kind, name: name.map(str::to_owned) }
    }
}

impl Place {
    /// Whether a place is this one or within it.
    pub fn covers(&self, place: &Self) -> bool {
        self.kind == place.kind && (self.name.is_none() || self.name == place.name)
    }

    /// The place that a path leads to.
    pub fn of(path: &str) -> Self {
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let last = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
        match (path, last.strip_suffix(".metadata")) {
            ("/simple" | "/simple/", _) => Part::List.into(),
            (path, _) if path.starts_with("/simple/") => Part::Page(&last).into(),
            (_, Some(filename)) => Part::Metadata(filename).into(),
            (_, None) => Part::File(&last).into(),
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    Status(u16),
    /// A status, with `Retry-After` in seconds.
    RetryAfter(u16, u32),
    /// The request is taken, and answered only when this is mended.
    Stall,
    /// The answer begins after that time.
    SlowHead(Duration),
    /// The body comes in chunks of so many bytes, each after that time.
    Drip(usize, Duration),
    /// The connection breaks after so many bytes of a body whose whole length was promised.
    CutAfter(usize),
    /// The connection breaks after so many bytes of a body without a promised length.
    CutChunked(usize),
    /// No more than so many bytes, as if that were all.
    Short(usize),
    /// Some bytes more.
    Long,
    /// Other bytes, as many.
    WrongBytes,
    /// A page that is cut off as if that were all; of a file, other bytes.
    Garbage,
    /// 200 with a page that asks people to log in.
    LoginPage,
    RedirectLoop,
    RedirectTo(String),
    /// `Range` is not understood: always the whole.
    NoRange,
    /// `Content-Encoding: gzip` on bytes as they are.
    LabelledGzip,
    /// Packed with gzip, whatever was asked for.
    Packed,
}

/// Lets so many bytes of a body through.
pub struct Gate {
    open: watch::Sender<usize>,
    /// How far the bodies have come that wait.
    waiting: watch::Sender<Vec<usize>>,
}

impl Gate {
    fn new(open: usize) -> Self {
        Self { open: watch::Sender::new(open), waiting: watch::Sender::new(Vec::new()) }
    }

    /// Waits until more than the first `at` bytes may pass, and says how many.
    pub async fn pass(&self, at: usize) -> usize {
        let mut open = self.open.subscribe();
        let now = *open.borrow_and_update();
        if now > at {
            return now;
        }
        let _waiting = Waiting::new(&self.waiting, at);
        *open.wait_for(|open| *open > at).await.unwrap()
    }
}

struct Waiting<'a>(&'a watch::Sender<Vec<usize>>, usize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a watch::Sender<Vec<usize>>, at: usize) -> Self {
        waiting.send_modify(|waiting| waiting.push(at));
        Self(waiting, at)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| {
            let this = waiting.iter().position(|at| *at == self.1);
            waiting.remove(this.unwrap());
        });
    }
}

/// Holds the bodies of a part; lets go when dropped.
pub struct Hold(Arc<Gate>);

impl Hold {
    pub fn new(after: usize) -> Self {
        Self(Arc::new(Gate::new(after)))
    }

    pub fn gate(&self) -> Arc<Gate> {
        self.0.clone()
    }

    /// Waits until a body has come as far as the hold, and all before it is on the wire.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// The same for so many bodies.
    pub async fn reached_by(&self, count: usize) {
        let mut waiting = self.0.waiting.subscribe();
        let open = *self.0.open.borrow();
        let reached = waiting.wait_for(|waiting| waiting.iter().filter(|at| **at >= open).count() >= count);
        let reached = tokio::time::timeout(Duration::from_secs(10), reached).await.is_ok();
        assert!(reached, "{count} bodies did not come to the hold at {open}");
    }

    /// So many bytes more.
    pub fn let_through(&self, bytes: usize) {
        self.0.open.send_modify(|open| *open = open.saturating_add(bytes));
    }

    pub fn release(&self) {
        self.0.open.send_replace(usize::MAX);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}

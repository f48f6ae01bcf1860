//! The upstream of a mirror: a simple index on loopback that has and does what a test says, and remembers what it was
//! asked.
//!
//! It is two hosts, as it were, because its files may be elsewhere: two ports. What it has may change at any time.

mod answer;
mod body;
mod contents;
mod fault;
mod pages;
mod wire;

pub use contents::{File, Hash, Sidecar};
pub use fault::{Fault, Hold, Part};
pub use pages::Shape;

use axum::http::HeaderMap;
use contents::Contents;
use fault::{Gate, Place};
use pages::Origins;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::watch;
use wheelyard::model::name::ProjectName;
use wire::{Port, Wire};

/// What makes requests for pages conditional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validators {
    ETag,
    LastModified,
    None,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Percent-encoded as it came, without the query.
    pub path: String,
    pub headers: HeaderMap,
    /// It came to the files host.
    pub elsewhere: bool,
}

impl Asked {
    /// A header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What is behind the mutex.
struct Inner {
    contents: Contents,
    shape: Shape,
    validators: Validators,
    packs: bool,
    credentials: Option<(String, String)>,
    faults: Vec<(Place, Fault)>,
    gates: Vec<(Place, Arc<Gate>)>,
    asked: Vec<Asked>,
    /// Bytes of bodies, by file name.
    sent: HashMap<String, usize>,
}

/// What the connections share.
struct State {
    inner: Mutex<Inner>,
    origins: Origins,
    /// Changes when something is mended.
    mended: watch::Sender<u64>,
    in_flight: AtomicUsize,
}

impl State {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

/// A running upstream; it ends with the test.
pub struct Upstream {
    state: Arc<State>,
    scheme: &'static str,
    wire: Wire,
    /// The index's, and that of the files host.
    ports: [Port; 2],
}

impl Upstream {
    /// An upstream with nothing in it.
    pub fn start() -> Self {
        Self::start_on("http", Wire::Http)
    }

    /// The same, by TLS with a certificate that nobody trusts.
    pub fn start_tls() -> Self {
        Self::start_on("https", Wire::untrusted())
    }

    fn start_on(scheme: &'static str, wire: Wire) -> Self {
        let ports = [Port::new(false), Port::new(true)];
        let [index, files] = ports.each_ref().map(|port| format!("{scheme}://{}", port.address));
        let inner = Inner {
            contents: Contents::default(),
            shape: Shape::Json,
            validators: Validators::ETag,
            packs: false,
            credentials: None,
            faults: Vec::new(),
            gates: Vec::new(),
            asked: Vec::new(),
            sent: HashMap::new(),
        };
        let state = State {
            inner: Mutex::new(inner),
            origins: Origins { index, files },
            mended: watch::Sender::new(0),
            in_flight: AtomicUsize::new(0),
        };
        let mut upstream = Self { state: Arc::new(state), scheme, wire, ports };
        upstream.serve(&upstream.wire.clone());
        upstream
    }

    fn serve(&mut self, wire: &Wire) {
        for port in &mut self.ports {
            port.serve(wire.clone(), &self.state);
        }
    }

    /// The simple index.
    pub fn url(&self) -> String {
        format!("{}/simple/", self.state.origins.index)
    }

    /// The same with credentials where it wants some, as a `mirror_url` has them.
    pub fn mirror_url(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        match &self.state.inner().credentials {
            Some((user, password)) => {
                let (user, password) = (encode(user), encode(password));
                format!("{}://{user}:{password}@{}/simple/", self.scheme, self.ports[0].address)
            }
            None => self.url(),
        }
    }

    /// From now on the index wants these credentials; the files host wants none.
    pub fn credentials(&self, user: &str, password: &str) {
        self.state.inner().credentials = Some((user.into(), password.into()));
    }

    /// How pages are written: as JSON at first.
    pub fn shape(&self, shape: Shape) {
        self.state.inner().shape = shape;
    }

    /// How pages may be asked for again: by `ETag` at first.
    pub fn validators(&self, validators: Validators) {
        self.state.inner().validators = validators;
    }

    /// Pages are packed with gzip for whoever takes that.
    pub fn pack_pages(&self) {
        self.state.inner().packs = true;
    }

    /// Adds a file, or puts it in the place of one with its name, and returns its name and bytes.
    pub fn add(&self, project: &str, file: File) -> (String, Vec<u8>) {
        let added = (file.filename.clone(), file.bytes.clone());
        let mut inner = self.state.inner();
        let files = &mut inner.contents.project(project).files;
        match files.iter_mut().find(|old| old.filename == file.filename) {
            Some(old) => *old = file,
            None => files.push(file),
        }
        added
    }

    /// Adds a small wheel, and returns its name and bytes.
    pub fn add_wheel(&self, project: &str, version: &str) -> (String, Vec<u8>) {
        self.add(project, File::wheel(project, version))
    }

    pub fn change(&self, project: &str, filename: &str, change: impl FnOnce(&mut File)) {
        let mut inner = self.state.inner();
        let files = &mut inner.contents.project(project).files;
        change(files.iter_mut().find(|file| file.filename == filename).unwrap());
    }

    pub fn remove(&self, project: &str, filename: &str) {
        self.state.inner().contents.project(project).files.retain(|file| file.filename != filename);
    }

    pub fn remove_project(&self, project: &str) {
        let contents = &mut self.state.inner().contents;
        contents.changes += 1;
        contents.projects.remove(&*ProjectName::normalize(project));
    }

    /// The project is there, perhaps without files.
    pub fn add_project(&self, project: &str) {
        self.state.inner().contents.project(project);
    }

    /// Status and reason of a project (PEP 792).
    pub fn status(&self, project: &str, status: &str, reason: &str) {
        self.state.inner().contents.project(project).status = Some((status.into(), reason.into()));
    }

    /// `X-PyPI-Last-Serial` of a project's page.
    pub fn serial(&self, project: &str, serial: i64) {
        self.state.inner().contents.project(project).serial = Some(serial);
    }

    /// So many names more on the list, `name-000000` and on, which have no page.
    pub fn names(&self, count: usize) {
        let contents = &mut self.state.inner().contents;
        contents.changes += 1;
        contents.names = count;
    }

    /// The URL that the page gave for an expiring file is no longer good.
    pub fn expire(&self, project: &str, filename: &str) {
        self.change(project, filename, |file| *file.token.as_mut().unwrap() += 1);
    }

    /// Something is wrong with a part until it is mended.
    pub fn fail(&self, part: Part<'_>, fault: Fault) {
        let place = Place::from(part);
        let mut inner = self.state.inner();
        inner.faults.retain(|(old, _)| *old != place);
        inner.faults.push((place, fault));
    }

    /// All is well again. What was stalled goes on.
    pub fn mend(&self) {
        self.state.inner().faults.clear();
        self.state.mended.send_modify(|count| *count += 1);
    }

    /// Holds the bodies of a part after so many bytes, each of them.
    pub fn hold(&self, part: Part<'_>, after: usize) -> Hold {
        let hold = Hold::new(after);
        let place = Place::from(part);
        let mut inner = self.state.inner();
        inner.gates.retain(|(old, _)| *old != place);
        inner.gates.push((place, hold.gate()));
        hold
    }

    /// Nobody listens any more, and what was under way breaks off.
    pub async fn stop(&mut self) {
        for port in &mut self.ports {
            port.stop().await;
        }
    }

    /// Whoever connects is told something that is not HTTP.
    pub async fn talk_nonsense(&mut self) {
        self.stop().await;
        self.serve(&Wire::Nonsense);
    }

    /// All is as before, at the same address.
    pub async fn start_again(&mut self) {
        self.stop().await;
        self.serve(&self.wire.clone());
    }

    /// All requests that came, in order.
    pub fn requests(&self) -> Vec<Asked> {
        self.state.inner().asked.clone()
    }

    /// How many requests came for a path.
    pub fn count(&self, path: &str) -> usize {
        self.state.inner().asked.iter().filter(|asked| asked.path == path).count()
    }

    /// How many requests came for a project's page.
    pub fn page_requests(&self, project: &str) -> usize {
        self.count(&format!("/simple/{project}/"))
    }

    /// How many requests came for the list of projects.
    pub fn list_requests(&self) -> usize {
        self.count("/simple/")
    }

    /// How many requests came for a whole file.
    pub fn file_requests(&self, filename: &str) -> usize {
        self.gets(filename, false)
    }

    /// How many requests came for a part of a file.
    pub fn range_requests(&self, filename: &str) -> usize {
        self.gets(filename, true)
    }

    fn gets(&self, filename: &str, of_a_part: bool) -> usize {
        let place = Place::of(&format!("/files/x/{filename}"));
        let inner = self.state.inner();
        let gets = inner.asked.iter().filter(|asked| asked.method == "GET");
        let gets = gets.filter(|asked| asked.headers.contains_key("range") == of_a_part);
        gets.filter(|asked| Place::of(&asked.path) == place).count()
    }

    /// How many bytes of a file went out, by all requests.
    pub fn sent(&self, filename: &str) -> usize {
        self.state.inner().sent.get(filename).copied().unwrap_or(0)
    }

    /// How many requests are not answered to the end.
    pub fn in_flight(&self) -> usize {
        self.state.in_flight.load(Ordering::SeqCst)
    }

    /// Forgets what was asked and sent.
    pub fn clear_requests(&self) {
        let mut inner = self.state.inner();
        inner.asked.clear();
        inner.sent.clear();
    }

    /// Where a file is, as the page says it at the moment, without a fragment.
    pub fn file_url(&self, filename: &str) -> String {
        self.state.origins.url(self.state.inner().contents.file(filename).unwrap())
    }
}

//! An upstream that changes and fails at random, and readers of two processes: what they see is what it has, or had.

use crate::harness::{
    Client, Server, Upstream, archive, until,
    upstream::{Fault, File, Part, Sidecar},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

const STEPS: usize = 40;

/// File name to what the page says of it: `requires-python` and the yank reason.
type State = BTreeMap<String, (Option<String>, Option<String>)>;

/// What the upstream has, had, and ever sent.
struct Model {
    upstream: Upstream,
    now: State,
    past: Vec<State>,
    bytes: HashMap<String, Vec<u8>>,
    failing: bool,
}

impl Model {
    fn new() -> Self {
        let upstream = Upstream::start();
        let mut model =
            Self { upstream, now: State::new(), past: Vec::new(), bytes: HashMap::new(), failing: false };
        model.add("1.0");
        model
    }

    fn add(&mut self, version: &str) {
        // With core metadata beside it: what is read from a wheel is news for its page too.
        let file = File::wheel("pkg", version).sidecar(Sidecar::Sha256, version);
        let (filename, bytes) = self.upstream.add("pkg", file);
        self.bytes.insert(filename.clone(), bytes);
        self.now.insert(filename, (None, None));
        self.past.push(self.now.clone());
    }

    /// One change of the upstream, or something that is wrong with it from now on, or nothing.
    fn step(&mut self, random: &mut StdRng) {
        let count = self.now.len();
        let any = self.now.keys().nth(random.random_range(0..count.max(1))).cloned();
        match (random.random_range(0..10), any) {
            (0..=2, _) => self.add(&format!("{}.0", random.random_range(1..6))),
            (3, Some(filename)) => {
                self.upstream.remove("pkg", &filename);
                self.now.remove(&filename);
            }
            (4 | 5, Some(filename)) => {
                let reason = ["bad", "worse"][random.random_range(0..2)];
                let yanked = random.random::<bool>().then(|| reason.to_owned());
                self.upstream.change("pkg", &filename, |file| file.yanked.clone_from(&yanked));
                self.now.get_mut(&filename).unwrap().1 = yanked;
            }
            (6, Some(filename)) => {
                let python = Some(format!(">=3.{}", random.random_range(6..14)));
                self.upstream.change("pkg", &filename, |file| file.requires_python.clone_from(&python));
                self.now.get_mut(&filename).unwrap().0 = python;
            }
            (7, _) if !self.failing => {
                let faults = [
                    Fault::Status(500),
                    Fault::Garbage,
                    Fault::LoginPage,
                    Fault::CutAfter(40),
                    Fault::RedirectLoop,
                ];
                self.upstream.fail(Part::Pages, faults[random.random_range(0..faults.len())].clone());
                let faults = [Fault::Status(503), Fault::CutAfter(9), Fault::WrongBytes, Fault::Long];
                self.upstream.fail(Part::Files, faults[random.random_range(0..faults.len())].clone());
                self.failing = true;
            }
            (7 | 8, _) if self.failing => {
                self.upstream.mend();
                self.failing = false;
            }
            _ => {}
        }
        self.past.push(self.now.clone());
    }

    /// The state on a page, which must be one that the upstream has or had.
    fn shown(&self, page: &Value) -> State {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let files = page["files"].as_array().unwrap().iter();
        let files = files.map(|file| {
            (text(&file["filename"]).unwrap(), (text(&file["requires-python"]), text(&file["yanked"])))
        });
        let shown: State = files.collect();
        assert!(self.past.contains(&shown), "the upstream never had {shown:?}");
        shown
    }

    /// Reads a page until it is what it should be; on the way it may be an older one.
    async fn read(&self, reader: &Client) -> Value {
        let mut page = Value::Null;
        until("a page is what the upstream has", async || {
            let reply = reader.simple_page("alice/mirror", "pkg", &[]).await.expect(200);
            page = reply.json();
            let stale = !reply.header("warning").is_empty();
            let shown = self.shown(&page);
            // A 304 has no body that could be broken.
            if self.failing { stale || shown == self.now } else { !stale && shown == self.now }
        })
        .await;
        page
    }

    /// A file of a page comes as the upstream has it, or fails, which it may only while something is wrong.
    async fn fetch(&self, reader: &Client, file: &Value) {
        let filename = file["filename"].as_str().unwrap();
        let base = url::Url::parse("http://x/alice/mirror/+simple/pkg/").unwrap();
        let path = base.join(file["url"].as_str().unwrap()).unwrap().path()[1..].to_owned();
        let reply = reader.try_get(&path, &[]).await;
        let whole = reply.as_ref().is_some_and(|reply| reply.status == 200);
        assert!(whole || self.failing, "{filename}: {:?}", reply.map(|reply| reply.to_string()));
        if let Some(reply) = reply.filter(|_| whole) {
            assert!(reply.body == self.bytes[filename], "other bytes of {filename}");
        }
    }
}

#[tokio::test]
async fn pages_and_files_are_what_the_upstream_has_or_had_whatever_happens_to_it() {
    for seed in 0..2 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let one = Server::start().await;
        let two = one.beside().await;
        let mut model = Model::new();
        let eager = json!({"mirror_cache_expiry": 0, "mirror_no_project_list": true});
        let alice = one.alice_with_mirror(&model.upstream, eager).await;
        let readers = [alice.clone(), alice.at(&two.url)];
        let mut serial = one.serial().await + 1;
        model.read(&readers[0]).await;
        until("the page is stored", async || one.serial().await == serial).await;
        let mut stored = model.now.clone();
        for step in 0..STEPS {
            model.step(&mut random);
            println!("step {step}: {} {:?}", model.failing, model.now);
            let first = random.random_range(0..2);
            let page = model.read(&readers[first]).await;
            model.read(&readers[1 - first]).await;
            if !model.failing && model.now != stored {
                stored = model.now.clone();
                serial += 1;
                until("the change is stored", async || one.serial().await >= serial).await;
            }
            if let Some(file) = page["files"].as_array().unwrap().first() {
                model.fetch(&readers[random.random_range(0..2)], file).await;
            }
            let serials = (one.serial().await, two.serial().await);
            let last = one.root().get(&format!("+changelog/{}", serial + 1)).await;
            assert_eq!(serials, (serial, serial), "a change of nothing: {last}");
        }
        model.upstream.mend();
        model.failing = false;
        let page = model.read(&one.beside().await.anonymous()).await;
        for file in page["files"].as_array().unwrap() {
            model.fetch(&readers[0], file).await;
        }
        let blobs = async || {
            let objects = one.objects().await.into_iter();
            objects.filter(|name| name.starts_with("blobs/")).collect::<Vec<_>>()
        };
        until("the files are stored", async || blobs().await.len() >= model.now.len()).await;
        for name in blobs().await {
            let sha256 = archive::sha256(&one.object(&name).await);
            assert!(name.ends_with(&format!("/{sha256}")), "{name} has other bytes");
        }
    }
}

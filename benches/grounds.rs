//! What is measured: one site with its indexes filled, and the processes that serve them.

use crate::{
    load::Expected,
    person::{Person, stage, wheels},
    process::Process,
    site::Site,
};
use serde_json::json;
use std::{fmt::Write, fs};

/// Sizes of the two files, in bytes.
pub const MEDIUM: usize = 1_000_000;
pub const BIG: usize = 50_000_000;

pub const TINY: &str = "root/private/+simple/tiny/";
pub const SMALL: &str = "root/private/+simple/small/";
pub const LARGE: &str = "root/private/+simple/large/";
pub const FILES: &str = "root/private/+simple/files/";
/// On an index that only its owner may read.
pub const CLOSED: &str = "root/closed/+simple/small/";
/// A mirror's project, seen through two stages.
pub const INHERITED: &str = "root/top/+simple/mirrored/";

/// An answer of the server.
pub struct Answer {
    pub status: u16,
    /// As it goes over the wire.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// As the bare handler reads it.
    pub fn file(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }

    pub fn expected(&self) -> Expected {
        Expected::body(self.status, self.body.clone())
    }
}

pub struct Grounds {
    pub site: Site,
    pub database: String,
    /// `--read-staleness 0`, as by default.
    pub strict: Process,
    /// `--read-staleness 5`.
    pub late: Process,
    pub redirecting: Process,
    /// `--file-cache 0`.
    pub streaming: Process,
    pub upstream: Process,
    pub root: Person,
}

impl Grounds {
    pub async fn prepare() -> Self {
        let site = Site::start().await;
        let database = site.database("main").await;
        site.init(&database).await;
        let strict = site.wheelyard(&database, &[]).await;
        let late = site.wheelyard(&database, &["--read-staleness", "5"]).await;
        let redirecting = site.wheelyard(&database, &["--file-delivery", "redirect"]).await;
        let streaming = site.wheelyard(&database, &["--file-cache", "0"]).await;
        let root = Person::new(&strict.url, "root");
        root.index("private", stage(&[])).await;
        root.fill("private", "tiny", wheels("tiny", 0..1)).await;
        root.fill("private", "small", wheels("small", 0..200)).await;
        root.index("closed", json!({"type": "stage", "acl_read": ["root"]})).await;
        root.fill("closed", "small", wheels("small", 0..200)).await;
        root.fill("private", "large", wheels("large", 0..2000)).await;
        let files = [("1.0", MEDIUM), ("2.0", BIG)];
        let files = files
            .map(|(version, size)| (version.to_owned(), crate::archive::large_wheel("files", version, size)));
        root.fill("private", "files", files.into()).await;

        let folder = site.path("upstream");
        fs::create_dir(&folder).unwrap();
        let list = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<a href=\"mirrored/\">mirrored</a>\n";
        fs::write(folder.join("simple"), list).unwrap();
        fs::write(folder.join("simple?mirrored"), upstream_page()).unwrap();
        let upstream = site.bare(&folder).await;
        inherit(&root, &upstream).await;
        Self { site, database, strict, late, redirecting, streaming, upstream, root }
    }

    /// A page that lists this many files.
    pub async fn page(&self, path: &str, headers: &[(&str, &str)], files: usize) -> Answer {
        let answer = self.answer(path, headers).await;
        assert_eq!(answer.status, 200, "{path}");
        let text = String::from_utf8_lossy(&answer.body);
        let listed = text.matches(".whl</a>").count() + text.matches("\"filename\":").count();
        let is_coded = answer.head.contains("content-encoding");
        assert!(is_coded || listed == files, "{path} lists {listed} files instead of {files}");
        answer
    }

    /// What is answered, for others to be compared with.
    pub async fn answer(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = self.root.get(path, headers).await;
        let status = answer.status();
        let mut head = format!("HTTP/1.1 {} -\r\n", status.as_u16());
        for (name, value) in answer.headers() {
            write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
        let body = answer.bytes().await.unwrap().to_vec();
        Answer { status: status.as_u16(), head: head + "\r\n", body }
    }
}

/// Makes the indexes of [`INHERITED`], a mirror of the upstream below two stages.
pub async fn inherit(root: &Person, upstream: &Process) {
    let mirror_url = format!("{}/simple/", upstream.url);
    root.index("mirror", json!({"type": "mirror", "mirror_url": mirror_url})).await;
    root.index("middle", stage(&["root/mirror"])).await;
    root.index("top", stage(&["root/middle"])).await;
}

/// A page of 200 files as another index has it.
fn upstream_page() -> String {
    let mut page =
        String::from("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE html><html><body>\n");
    for number in 0..200 {
        let name = format!("mirrored-1.{number}-py3-none-any.whl");
        let digest = crate::archive::sha256(name.as_bytes());
        writeln!(page, "<a href=\"../../files/{name}#sha256={digest}\">{name}</a><br>").unwrap();
    }
    page + "</body></html>\n"
}

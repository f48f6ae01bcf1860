//! A file that a mirror has found upstream: what the upstream says of it, whether its bytes are here or not.

use super::{
    file::entry,
    name::{IndexName, encode},
    page::Status,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write};
use time::OffsetDateTime;
use url::Url;

/// What can be had at `{url}.metadata` (PEP 658, PEP 714).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum CoreMetadata {
    /// Some core metadata, without a digest of them.
    Promised,
    /// Those with this hex digest.
    Sha256(String),
}

/// A link on the upstream's page of a project.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    pub filename: String,
    /// As the file name has it.
    pub version: String,
    /// Where the upstream has the file: absolute, without a fragment and without credentials.
    pub url: String,
    /// What the upstream states: digests in lower-case hex by the lower-case name of their algorithm, perhaps none.
    pub hashes: BTreeMap<String, String>,
    /// In bytes, where the upstream says it.
    pub size: Option<i64>,
    pub uploaded_at: Option<OffsetDateTime>,
    /// Specifier, unescaped; perhaps no valid one.
    pub requires_python: Option<String>,
    /// The reason, may be empty; `None`: not yanked (PEP 592).
    pub yanked: Option<String>,
    /// What the upstream offers beside the file.
    pub core_metadata: Option<CoreMetadata>,
    /// URL of the attestations (PEP 740).
    pub provenance: Option<String>,
    /// Hex digest of the core metadata that were read from the file itself; not the upstream's word.
    #[serde(skip)]
    pub read_metadata: Option<String>,
}

/// The content of a file, in the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Hex digest.
    pub sha256: String,
    /// In bytes.
    pub size: i64,
}

/// What the upstream's page of a project says.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct UpstreamPage {
    pub status: Status,
    /// Each file name once.
    pub links: Vec<Link>,
}

impl UpstreamPage {
    /// The link of this file name, if it leads to this folder, see [`Link::entry`].
    pub fn find(&self, entry: &str, filename: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.filename == filename && link.entry() == entry)
    }
}

impl Link {
    /// Algorithm and hex digest that stand for the content: sha256 where it is known, else the first.
    pub fn hash(&self) -> Option<(&str, &str)> {
        let sha256 = self.hashes.get_key_value("sha256");
        sha256
            .or_else(|| self.hashes.first_key_value())
            .map(|(name, digest)| (name.as_str(), digest.as_str()))
    }

    /// The hex digest of the content, where the upstream states it.
    pub fn sha256(&self) -> Option<&str> {
        self.hashes.get("sha256").map(String::as_str)
    }

    /// The same, if it can be one.
    pub fn content_sha256(&self) -> Option<&str> {
        self.sha256().filter(|digest| {
            digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    }

    /// The URL for others to see, without what a signed one grants.
    pub fn shown_url(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    /// What can be had beside the file: the upstream's word with a digest, else what was read, else its bare promise.
    pub fn offered_metadata(&self) -> Option<CoreMetadata> {
        match (&self.core_metadata, &self.read_metadata) {
            (Some(CoreMetadata::Sha256(digest)), _) | (_, Some(digest)) => {
                Some(CoreMetadata::Sha256(digest.clone()))
            }
            (promised, None) => promised.clone(),
        }
    }

    /// The folder of the file below its index: `+f/abc/0123456789abc` by its digest, or without one `+e/{dir}` by where
    /// the upstream has it (devpi: file location).
    pub fn entry(&self) -> String {
        match self.hash() {
            // Too short a digest, as of a checksum, could not be told from another's beginning.
            Some((_, digest)) if digest.len() >= 16 && digest.is_ascii() => entry(digest),
            _ => format!("+e/{}", external_folder(&self.url)),
        }
    }

    /// The link as it stands in `+links` of version data of this index; `root` is the outside URL of the server.
    pub fn link(&self, index: &IndexName, root: &str) -> Value {
        json!({
            "rel": "releasefile",
            "hash_spec": self.hash().map(|(name, digest)| format!("{name}={digest}")).unwrap_or_default(),
            "hashes": self.hashes,
            "href": format!("{root}/{}/{}", index.url_path(), self.url_path()),
        })
    }

    /// The path of the file below its index.
    pub fn entry_path(&self) -> String {
        format!("{}/{}", self.entry(), self.filename)
    }

    /// The same, percent-encoded for a URL.
    pub fn url_path(&self) -> String {
        format!("{}/{}", self.entry(), encode(&self.filename))
    }
}

/// `scheme_host_port_path_parts` of a URL without its file name; what is outside `[A-Za-z0-9_.-]` becomes `_`.
fn external_folder(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "_".into() };
    let mut folder = format!("{}_{}", url.scheme(), url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        let _ = write!(folder, "_{port}");
    }
    let segments: Vec<_> = url.path_segments().map(Iterator::collect).unwrap_or_default();
    for segment in &segments[..segments.len().saturating_sub(1)] {
        let _ = write!(folder, "_{segment}");
    }
    folder.chars().map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Link {
        /// A link of which no more is known than its name.
        pub fn named(filename: &str) -> Self {
            Self {
                filename: filename.to_owned(),
                version: "1.0".into(),
                url: format!("http://upstream/{filename}"),
                hashes: BTreeMap::new(),
                size: None,
                uploaded_at: None,
                requires_python: None,
                yanked: None,
                core_metadata: None,
                provenance: None,
                read_metadata: None,
            }
        }
    }

    fn link(url: &str, hashes: &[(&str, &str)]) -> Link {
        let hashes = hashes.iter().map(|(name, digest)| ((*name).into(), (*digest).into())).collect();
        Link { url: url.into(), hashes, ..Link::named(url.rsplit('/').next().unwrap()) }
    }

    #[test]
    fn a_file_lies_where_its_digest_says_and_without_one_where_its_upstream_has_it() {
        let (sha256, md5) = ("a".repeat(64), "0123456789abcdef0123456789abcdef");
        for (url, hashes, path) in [
            (
                "http://x/a/p-1.0.zip",
                vec![("md5", md5), ("sha256", &sha256)],
                "+f/aaa/aaaaaaaaaaaaa/p-1.0.zip",
            ),
            ("http://x/a/p-1.0.zip", vec![("md5", md5)], "+f/012/3456789abcdef/p-1.0.zip"),
            ("http://up.example:8080/a/b/x.zip", vec![], "+e/http_up.example_8080_a_b/x.zip"),
            ("https://up.example/x.zip", vec![("crc", "12")], "+e/https_up.example/x.zip"),
            ("https://up.example/ä b/x.zip", vec![], "+e/https_up.example__C3_A4_20b/x.zip"),
        ] {
            assert_eq!(link(url, &hashes).entry_path(), path);
        }
    }
}

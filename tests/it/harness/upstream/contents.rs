//! What an upstream has: projects and their files, and what it says of each.

use super::super::archive;
use sha2::Digest;
use std::collections::BTreeMap;
use wheelyard::model::name::ProjectName;

/// The digest that a page gives for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha256,
    Md5,
    None,
    /// A sha256 of something else.
    Wrong,
}

/// What a page says of the core metadata beside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sidecar {
    None,
    /// They are there, without a digest.
    True,
    Sha256,
    /// They are there, with the digest of something else.
    Wrong,
}

/// A file of an upstream; as a good one has it, with sha256 and size, unless told otherwise.
#[derive(Debug, Clone)]
pub struct File {
    pub filename: String,
    pub bytes: Vec<u8>,
    pub hash: Hash,
    /// The size that the page says.
    pub size: Option<u64>,
    pub sidecar: Sidecar,
    /// What is at `{url}.metadata`, whether the page says so or not.
    pub metadata: Vec<u8>,
    pub requires_python: Option<String>,
    /// An empty reason is none.
    pub yanked: Option<String>,
    pub uploaded: Option<String>,
    pub provenance: Option<String>,
    /// On the files host instead of the index's own.
    pub elsewhere: bool,
    /// The URL has a token that may expire.
    pub token: Option<u32>,
}

impl File {
    pub fn new((filename, bytes): (String, Vec<u8>)) -> Self {
        Self {
            filename,
            hash: Hash::Sha256,
            size: Some(bytes.len() as u64),
            sidecar: Sidecar::None,
            metadata: Vec::new(),
            requires_python: None,
            yanked: None,
            uploaded: None,
            provenance: None,
            elsewhere: false,
            token: None,
            bytes,
        }
    }

    /// A small wheel.
    pub fn wheel(name: &str, version: &str) -> Self {
        Self::new(archive::wheel(name, version))
    }

    pub fn hash(self, hash: Hash) -> Self {
        Self { hash, ..self }
    }

    pub fn size(self, size: Option<u64>) -> Self {
        Self { size, ..self }
    }

    /// Core metadata beside the file, and what the page says of them.
    pub fn sidecar(self, sidecar: Sidecar, metadata: impl AsRef<[u8]>) -> Self {
        Self { sidecar, metadata: metadata.as_ref().to_vec(), ..self }
    }

    pub fn requires_python(self, specifier: &str) -> Self {
        Self { requires_python: Some(specifier.into()), ..self }
    }

    pub fn yanked(self, reason: &str) -> Self {
        Self { yanked: Some(reason.into()), ..self }
    }

    pub fn uploaded(self, at: &str) -> Self {
        Self { uploaded: Some(at.into()), ..self }
    }

    pub fn provenance(self, url: &str) -> Self {
        Self { provenance: Some(url.into()), ..self }
    }

    /// On another host, as it were: the same address, another port.
    pub fn elsewhere(self) -> Self {
        Self { elsewhere: true, ..self }
    }

    /// With a URL that is good until [`super::Upstream::expire`].
    pub fn expiring(self) -> Self {
        Self { token: Some(1), ..self }
    }

    /// Algorithm and digest as the page gives them.
    pub fn announced(&self) -> Option<(&'static str, String)> {
        match self.hash {
            Hash::Sha256 => Some(("sha256", archive::sha256(&self.bytes))),
            Hash::Md5 => Some(("md5", hex::encode(md5::Md5::digest(&self.bytes)))),
            Hash::None => None,
            Hash::Wrong => Some(("sha256", archive::sha256(&[&self.bytes[..], b"?"].concat()))),
        }
    }

    /// What the page says of the core metadata: a sha256, or `true`.
    pub fn announced_metadata(&self) -> Option<String> {
        match self.sidecar {
            Sidecar::None => None,
            Sidecar::True => Some("true".into()),
            Sidecar::Sha256 => Some(archive::sha256(&self.metadata)),
            Sidecar::Wrong => Some(archive::sha256(b"?")),
        }
    }

    /// The path of its URL, which other bytes under the same name do not share.
    pub fn path(&self) -> String {
        format!("/files/{}/{}", &archive::sha256(&self.bytes)[..8], self.filename.replace('+', "%2B"))
    }
}

/// A project as the upstream writes it.
#[derive(Debug, Clone, Default)]
pub struct Project {
    pub name: String,
    pub files: Vec<File>,
    /// `X-PyPI-Last-Serial`.
    pub serial: Option<i64>,
    /// Status and reason (PEP 792).
    pub status: Option<(String, String)>,
    /// Counts the changes; the page was last modified so many seconds after the beginning.
    pub changes: u64,
}

/// All projects by normalised name.
#[derive(Debug, Default)]
pub struct Contents {
    pub projects: BTreeMap<String, Project>,
    /// So many more names on the list, which have no page.
    pub names: usize,
    pub changes: u64,
}

impl Contents {
    /// A project that is about to change.
    pub fn project(&mut self, name: &str) -> &mut Project {
        self.changes += 1;
        let new = || Project { name: name.into(), ..Project::default() };
        let project = self.projects.entry(ProjectName::normalize(name)).or_insert_with(new);
        project.changes += 1;
        project
    }

    pub fn file(&self, filename: &str) -> Option<&File> {
        self.projects.values().flat_map(|project| &project.files).find(|file| file.filename == filename)
    }
}

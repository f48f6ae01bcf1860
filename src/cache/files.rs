//! Files that were found, as their rows say: by path, and good while the serial of their project there is the same.
//!
//! Only what was found is kept. An entry whose project has changed since is of no use to anybody and falls out.

use crate::model::{
    attachment::Attachment,
    file::File,
    link::{Content, Link},
    name::ProjectName,
    serial::Serial,
};
use serde_json::Value;
use std::sync::{Arc, OnceLock};

/// Memory for them, in bytes.
const CAPACITY: u64 = 32 << 20;

/// Id of the index, and the path of the file below it.
pub type Key = (i64, String);

/// What there is at a path.
#[derive(Debug, Clone)]
pub enum Found {
    Stage(Arc<File>),
    Attachment(Arc<Attachment>),
    Mirror {
        project: ProjectName,
        link: Arc<Link>,
        /// Once it is known to be stored.
        content: Arc<OnceLock<Content>>,
    },
}

impl Found {
    pub fn project(&self) -> &ProjectName {
        match self {
            Self::Stage(file) => &file.project,
            Self::Attachment(attachment) => &attachment.project,
            Self::Mirror { project, .. } => project,
        }
    }

    /// About how much memory it takes, in bytes.
    fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        // A log, which is no text in memory, takes some times what it would take as one.
        let log = |log: &Value| log.as_array().map_or(0, |log| log.len() * 1024);
        match self {
            Self::Stage(file) => {
                size_of::<File>()
                    + 256
                    + file.filename.len()
                    + length(&file.requires_python)
                    + length(&file.yanked)
                    + log(&file.log)
            }
            Self::Attachment(attachment) => {
                size_of::<Attachment>()
                    + 256
                    + attachment.filename.len()
                    + length(&attachment.for_filename)
                    + log(&attachment.log)
            }
            Self::Mirror { link, .. } => {
                let hashes = link.hashes.iter().map(|(name, digest)| name.len() + digest.len() + 64);
                size_of::<Link>()
                    + 512
                    + link.filename.len()
                    + link.url.len()
                    + hashes.sum::<usize>()
                    + length(&link.requires_python)
                    + length(&link.yanked)
                    + length(&link.provenance)
            }
        }
    }
}

/// A found file, and the serial of its project on the index that goes with it.
#[derive(Debug, Clone)]
pub struct Known {
    pub found: Found,
    pub at: Serial,
}

pub struct Files(moka::sync::Cache<Key, Known>);

impl Default for Files {
    fn default() -> Self {
        let weigher = |(_, path): &Key, known: &Known| {
            u32::try_from(path.len() + known.found.weight()).unwrap_or(u32::MAX)
        };
        Self(moka::sync::Cache::builder().weigher(weigher).max_capacity(CAPACITY).build())
    }
}

impl Files {
    /// What is known of a path; it counts only if the project's serial is still the same.
    pub fn at(&self, key: &Key) -> Option<Known> {
        self.0.get(key)
    }

    /// Keeps what was found, in place of what was known.
    pub fn keep(&self, key: Key, known: Known) {
        self.0.insert(key, known);
    }

    /// Forgets everything, when the database was set back: serials come again.
    pub fn forget(&self) {
        self.0.invalidate_all();
    }
}

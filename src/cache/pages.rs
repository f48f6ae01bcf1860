//! Rendered pages, and which of them answers whom.

use super::page_serial::Ticket;
use crate::model::{
    name::{IndexName, ProjectName, UserName},
    page::{Base, Format},
    resolution::View,
    serial::Serial,
};
use bytes::Bytes;
use std::sync::Arc;

/// How the bytes of a page are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    Identity,
    Gzip,
    Zstd,
}

/// All that the bytes of a simple page depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageKey {
    pub index: IndexName,
    pub view: View,
    /// `None`: the list of projects.
    pub project: Option<ProjectName>,
    pub format: Format,
    pub coding: Coding,
    pub base: Base,
    /// The indexes that take part for this reader, in order.
    pub order: Vec<i64>,
    /// What is shown of mirrors that is not stored, by id and digest.
    pub pending: Vec<(i64, String)>,
    /// The mirror that is kept out, which the page tells.
    pub blocked: Option<IndexName>,
    /// A mirror failed of which nothing is known.
    pub left_out: bool,
    pub serial: Serial,
}

impl PageKey {
    /// About how much memory it takes beside its own size, in bytes; the base comes from the client.
    fn texts(&self) -> usize {
        let base = if let Base::Absolute(root) = &self.base { root.len() } else { 0 };
        let project = self.project.as_ref().map_or(0, |project| project.as_str().len());
        let index = self.index.user.as_str().len() + self.index.index.len();
        let blocked = self.blocked.as_ref().map_or(0, |index| index.user.as_str().len() + index.index.len());
        base + project + index + blocked + self.order.len() * 8 + self.pending.len() * 96
    }
}

/// Rendered pages; `None`: there is no such page.
pub type Pages = moka::future::Cache<PageKey, Option<Bytes>>;

/// What a reader asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    pub user: Option<UserName>,
    pub index: IndexName,
    pub view: View,
    pub project: ProjectName,
    pub format: Format,
    pub coding: Coding,
    pub base: Base,
}

/// Which page answers a reader.
pub struct Answer {
    /// The serial as of which it does: as long as this is the current one, nothing need be looked up again.
    pub at: Serial,
    /// When it was looked for: a database that was set back may come to the same serial in another way.
    pub ticket: Ticket,
    pub key: PageKey,
    /// Not everybody sees the same page here.
    pub private: bool,
    /// Names the bytes of the page; hex.
    pub etag: String,
}

/// The last answers, of pages in which no mirror takes part, since those change with time too.
pub type Answers = moka::sync::Cache<Asked, Arc<Answer>>;

/// Memory for answers, in bytes.
const ANSWERS: u64 = 32 << 20;

pub fn answers() -> Answers {
    moka::sync::Cache::builder()
        .weigher(|asked: &Asked, answer: &Arc<Answer>| {
            let weight = size_of::<Asked>() + size_of::<Answer>() + 256 + 2 * answer.key.texts();
            u32::try_from(weight + asked.user.as_ref().map_or(0, |user| user.as_str().len()))
                .unwrap_or(u32::MAX)
        })
        .max_capacity(ANSWERS)
        .build()
}

/// A page cache of at most this many bytes, keys included.
pub fn pages(bytes: u64) -> Pages {
    moka::future::Cache::builder()
        .weigher(|key: &PageKey, page: &Option<Bytes>| {
            u32::try_from(page.as_ref().map_or(0, Bytes::len) + size_of::<PageKey>() + key.texts() + 128)
                .unwrap_or(u32::MAX)
        })
        .max_capacity(bytes)
        .build()
}

//! Rendered pages, and which of them answers whom.

use super::page_serial::Ticket;
use crate::model::{
    limit::Limit,
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
    /// The release that is told of, where the format tells of one.
    pub version: Option<String>,
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
        let version = self.version.as_ref().map_or(0, String::len);
        base + project + version + index + blocked + self.order.len() * 8 + self.pending.len() * 96
    }
}

/// Rendered pages; `None`: there is no such page.
pub type Pages = moka::future::Cache<PageKey, Option<Bytes>>;

/// What a reader asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    pub user: Option<UserName>,
    /// What the API token of the request is for.
    pub limit: Option<Arc<Limit>>,
    pub index: IndexName,
    pub view: View,
    pub project: ProjectName,
    pub version: Option<String>,
    pub format: Format,
    pub coding: Coding,
    pub base: Base,
}

/// Which page answers a reader.
pub struct Answer {
    pub key: PageKey,
    /// Not everybody sees the same page here.
    pub private: bool,
    /// Names the bytes of the page; hex.
    pub etag: String,
}

/// What was known when an answer was looked for: the current serial, and how often everything was forgotten, since a
/// database that was set back may come to the same serial in another way.
pub type AsOf = (Serial, Ticket);

/// The last answers, of pages in which no mirror takes part, since those change with time too.
pub struct Answers(moka::sync::Cache<Asked, (AsOf, Arc<Answer>)>);

/// Memory for answers, in bytes.
const ANSWERS: u64 = 32 << 20;

impl Default for Answers {
    fn default() -> Self {
        let weigher = |asked: &Asked, (_, answer): &(AsOf, Arc<Answer>)| {
            let user = asked.user.as_ref().map_or(0, |user| user.as_str().len());
            let weight = size_of::<Asked>() + size_of::<Answer>() + 256 + 2 * answer.key.texts() + user;
            u32::try_from(weight).unwrap_or(u32::MAX)
        };
        Self(moka::sync::Cache::builder().weigher(weigher).max_capacity(ANSWERS).build())
    }
}

impl Answers {
    /// The answer that was found when just this was known: nothing need be looked up again.
    pub fn at(&self, asked: &Asked, as_of: AsOf) -> Option<Arc<Answer>> {
        self.0.get(asked).filter(|(at, _)| *at == as_of).map(|(_, answer)| answer)
    }

    /// Keeps an answer, in place of what was known.
    pub fn keep(&self, asked: Asked, as_of: AsOf, answer: Arc<Answer>) {
        self.0.insert(asked, (as_of, answer));
    }

    /// Forgets everything, when the database was set back.
    pub fn forget(&self) {
        self.0.invalidate_all();
    }
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

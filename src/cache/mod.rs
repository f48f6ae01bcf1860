//! What a process remembers, keyed by serial: an entry cannot go stale, it can only fall out.
//!
//! Nothing here asks the database; whoever asks tells the caches what it learned.

pub mod credentials;
pub mod files;
pub mod gate;
pub mod mirrored;
pub mod objects;
pub mod page_serial;

use crate::model::{
    event::LoggedEvent,
    name::{IndexName, ProjectName},
    page::{Base, Format},
    resolution::View,
    serial::Serial,
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

/// How the bytes of a page are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    Identity,
    Gzip,
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

/// Rendered pages; `None`: there is no such page.
pub type Pages = moka::future::Cache<PageKey, Option<Bytes>>;

/// A page cache of at most this many bytes, keys included.
pub fn pages(bytes: u64) -> Pages {
    moka::future::Cache::builder()
        .weigher(|key: &PageKey, page: &Option<Bytes>| {
            u32::try_from(
                page.as_ref().map_or(0, Bytes::len)
                    + size_of::<PageKey>()
                    + key.order.len() * 8
                    + key.pending.len() * 96
                    + 128,
            )
            .unwrap_or(u32::MAX)
        })
        .max_capacity(bytes)
        .build()
}

/// What the changelog has after one serial up to another, as it was just asked for.
pub type Changes = moka::future::Cache<(Serial, Serial), Arc<Vec<LoggedEvent>>>;

/// All who listen ask for the same within a moment; later nobody does.
pub fn changes() -> Changes {
    moka::future::Cache::builder().max_capacity(8).time_to_live(Duration::from_secs(2)).build()
}

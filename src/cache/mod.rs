//! What a process remembers, keyed by serial: an entry cannot go stale, it can only fall out.
//!
//! Nothing here asks the database; whoever asks tells the caches what it learned.

pub mod credentials;
pub mod files;
pub mod gate;
pub mod issuers;
pub mod mirrored;
pub mod objects;
pub mod page_serial;
pub mod pages;

use crate::model::{
    archive::documents::Documents,
    description::Description,
    diagram::{Graph, Layout},
    event::LoggedEvent,
    serial::Serial,
    tox_run::ToxRun,
};
use std::{sync::Arc, time::Duration};

/// What the changelog has after one serial up to another, as it was just asked for.
pub type Changes = moka::future::Cache<(Serial, Serial), Arc<Vec<LoggedEvent>>>;

/// Directories of documentation by the sha256 of the zip, in hex.
pub type Directories = moka::future::Cache<String, Arc<Documents>>;

/// Memory for directories of documentation, in bytes.
const DIRECTORIES: u64 = 64 << 20;

/// Rendered descriptions by the sha256 of their text and its type, in hex.
pub type Descriptions = moka::future::Cache<String, Arc<Description>>;

/// What tox results say, by the sha256 of the result in hex; `None`: nothing that can be shown.
pub type ToxRuns = moka::future::Cache<String, Option<Arc<ToxRun>>>;

/// Memory for rendered descriptions, in bytes, and as much for tox results.
const RENDERED: u64 = 16 << 20;

/// An empty cache of descriptions.
pub fn descriptions() -> Descriptions {
    let weigher = |_: &String, description: &Arc<Description>| {
        u32::try_from(description.html.len() + 256).unwrap_or(u32::MAX)
    };
    moka::future::Cache::builder().weigher(weigher).max_capacity(RENDERED).build()
}

/// An empty cache of tox results.
pub fn tox_runs() -> ToxRuns {
    let weigher = |_: &String, run: &Option<Arc<ToxRun>>| {
        let weight = run.as_ref().map_or(0, |run| run.weight());
        u32::try_from(weight + 256).unwrap_or(u32::MAX)
    };
    moka::future::Cache::builder().weigher(weigher).max_capacity(RENDERED).build()
}

/// An empty cache of directories.
pub fn directories() -> Directories {
    let weigher =
        |_: &String, documents: &Arc<Documents>| u32::try_from(documents.weight() + 256).unwrap_or(u32::MAX);
    moka::future::Cache::builder().weigher(weigher).max_capacity(DIRECTORIES).build()
}

/// Pictures of inheritance by all that they depend on; `None`: there is nothing to draw.
pub type Diagrams = moka::future::Cache<Graph, Option<Arc<Layout>>>;

/// Boxes of all pictures that are remembered at most; each takes about a kilobyte.
const BOXES: u64 = 16_000;

/// An empty cache of them.
pub fn diagrams() -> Diagrams {
    let weigher =
        |graph: &Graph, _: &Option<Arc<Layout>>| u32::try_from(graph.nodes.len() + 1).unwrap_or(u32::MAX);
    moka::future::Cache::builder().weigher(weigher).max_capacity(BOXES).build()
}

/// All who listen ask for the same within a moment; later nobody does.
pub fn changes() -> Changes {
    moka::future::Cache::builder().max_capacity(8).time_to_live(Duration::from_secs(2)).build()
}

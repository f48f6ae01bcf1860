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

use crate::model::{event::LoggedEvent, serial::Serial};
use std::{sync::Arc, time::Duration};

/// What the changelog has after one serial up to another, as it was just asked for.
pub type Changes = moka::future::Cache<(Serial, Serial), Arc<Vec<LoggedEvent>>>;

/// All who listen ask for the same within a moment; later nobody does.
pub fn changes() -> Changes {
    moka::future::Cache::builder().max_capacity(8).time_to_live(Duration::from_secs(2)).build()
}

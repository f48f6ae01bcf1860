//! Pages in a real browser.
//!
//! One test opens many pages, since a browser takes seconds to start. What it saw is in `target/screens`.

mod chromium;
mod crawl;
mod flows;
mod pages;
mod tab;
mod themes;

//! Pages for people: HTML of the URLs that are JSON for programs, and what a browser needs beside them.
//!
//! A page asks the same operations as its JSON and shows the same data: what a template may use is the JSON of the URL
//! (`data`) and what the page adds to it. Nothing here decides who may do what.

mod assets;
pub(super) mod diagram;
mod failure;
mod index;
mod listed;
mod page;
mod rights;
mod root;
mod security;
mod session;
mod theme;
mod user;

pub(super) use assets::asset;
pub(super) use failure::failure;
pub(super) use index::index;
pub(super) use page::Page;
pub(super) use root::root;
pub(super) use security::protect;
pub(super) use session::Session;
pub(super) use theme::Theme;
pub(super) use user::user;

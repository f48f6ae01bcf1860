//! Pages for people: HTML of the URLs that are JSON for programs, and what a browser needs beside them.
//!
//! A page asks the same operations as its JSON and shows the same data: what a template may use is the JSON of the URL
//! (`data`) and what the page adds to it. Nothing here decides who may do what.

mod assets;
mod done;
mod failure;
mod form;
mod index;
mod login;
mod page;
mod rights;
mod root;
mod security;
mod session;
mod theme;
pub(super) mod webhooks;

pub(super) use assets::asset;
pub(super) use failure::failure;
pub(super) use form::Form;
pub(super) use index::index;
pub(super) use login::{login, logout, show as login_page};
pub(super) use page::Page;
pub(super) use root::root;
pub(super) use security::protect;
pub(super) use session::Session;
pub(super) use theme::Theme;

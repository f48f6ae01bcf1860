//! Pages for people: HTML of the URLs that are JSON for programs, and what a browser needs beside them.
//!
//! A page asks the same operations as its JSON and shows the same data: what a template may use is the JSON of the URL
//! (`data`) and what the page adds to it. Nothing here decides who may do what.

// What pages are made with.
mod page;
mod session;
mod security;
mod theme;
mod assets;
mod failure;
mod form;
mod done;

// What several show.
mod crumbs;
mod rights;
mod listed;
mod install;
mod files;

// Pages, from the root down, and those beside them.
mod root;
mod user;
mod index;
pub(super) mod diagram;
mod project;
mod release;
mod tox_results;
mod documentation;
mod search;
mod changelog;
mod status;
mod login;
pub(super) mod manage;

pub(super) use assets::{asset, favicon, robots};
pub(super) use changelog::changelog;
pub(super) use documentation::documentation;
pub(super) use failure::failure;
pub(super) use form::Form;
pub(super) use index::index;
pub(super) use login::{login, logout, show as login_page};
pub(super) use page::Page;
pub(super) use project::project;
pub(super) use release::release;
pub(super) use root::root;
pub(super) use search::{search, search_help};
pub(super) use security::protect;
pub(super) use session::Session;
pub(super) use status::status;
pub use theme::default_files;
pub(super) use theme::{Theme, show as theme_page};
pub(super) use tox_results::{list as tox_results, show as tox_result};
pub(super) use user::user;

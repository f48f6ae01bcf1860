//! Pages for people: HTML of the URLs that are JSON for programs, and what a browser needs beside them.
//!
//! A page asks the same operations as its JSON and shows the same data: what a template may use is the JSON of the URL
//! (`data`) and what the page adds to it. Nothing here decides who may do what.

mod assets;
mod done;
mod changelog;
mod crumbs;
pub(super) mod diagram;
mod documentation;
mod failure;
mod files;
mod form;
mod index;
mod install;
mod login;
mod listed;
pub(super) mod manage;
mod page;
mod project;
mod release;
mod rights;
mod root;
mod search;
mod security;
mod session;
mod status;
mod theme;
mod tox_results;
mod theme_fault;
mod theme_folder;
mod theme_page;
mod user;

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
pub(super) use theme::Theme;
pub use theme::default_files;
pub(super) use theme_page::theme;
pub(super) use tox_results::{list as tox_results, show as tox_result};
pub(super) use user::user;

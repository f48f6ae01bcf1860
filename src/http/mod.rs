//! HTTP: nothing else knows a status code or a header.
//!
//! A handler extracts, calls one operation and renders. It cannot reach a row or an object but through an operation,
//! where permission is asked.

mod auth;
mod authcheck;
mod changed_projects;
mod changelog;
mod conditional;
mod cors;
mod documentation;
mod error;
mod events;
mod extract;
mod files;
mod health;
mod indexes;
mod login;
mod measures;
mod mirror_files;
mod negotiate;
mod observe;
mod oidc;
mod outside;
mod pip_search;
mod profile;
mod projects;
mod publishers;
mod push;
mod pypi_json;
mod respond;
mod router;
mod search;
mod simple;
mod status;
mod timed;
mod tokens;
mod tox_results;
mod upload;
mod users;
mod web;
mod webhooks;

pub use router::router;
pub use web::default_files as default_theme;

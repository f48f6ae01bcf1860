//! The verbs: what one may ask of the index, one file each.
//!
//! Permission first, then objects, then one transaction. Nothing here knows a status code or a header.

pub mod after_response;
pub mod changelog;
mod coding;
pub mod core_metadata;
pub mod diagram;
mod digests;
pub mod documentation;
pub mod download;
pub mod events;
pub mod export;
pub mod fetch;
pub mod forget;
mod freshness;
pub mod health;
pub mod import;
pub mod indexes;
pub mod jobs;
pub mod follow;
pub mod list;
pub mod login;
pub mod mirrored;
pub mod oidc;
pub mod processes;
pub mod overview;
pub mod projects;
pub mod publishers;
pub mod push;
mod pypi_json;
pub mod reading;
pub mod receive;
pub mod release;
pub mod remove;
pub mod refresh;
pub mod resolve;
pub mod search;
pub mod simple;
pub mod status;
pub mod tokens;
pub mod tox_results;
pub mod upload;
pub mod users;
mod visibility;
pub mod webhooks;
pub mod yank;

//! The nouns of the index: types and rules.
//!
//! Nothing here waits, reads a clock or opens a socket, and nothing knows a status code or a statement.

pub mod access;
pub mod address;
pub mod api_token;
pub mod archive;
pub mod attachment;
pub mod description;
pub mod diagram;
pub mod dump;
pub mod event;
pub mod file;
pub mod filename;
pub mod index;
pub mod job;
pub mod limit;
pub mod link;
pub mod list;
pub mod metadata;
pub mod mirror;
pub mod name;
pub mod names;
pub mod page;
pub mod publisher;
pub mod pypi_json;
pub mod release;
pub mod requirement;
pub mod resolution;
pub mod search;
pub mod serial;
pub mod tox_run;
pub mod user;
pub mod version;
pub mod webhook;

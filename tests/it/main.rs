//! Tests of the whole: a real server, a real PostgreSQL, a real S3 server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

mod architecture;
mod files;
mod files_redirect;
mod push;
mod push_external;
mod remove;
mod serial;
mod simple;
mod simple_cache;
mod simple_paths;
mod upload;
mod upload_bad;
mod upload_wire;
mod yank;
#[path = "../clients/mod.rs"]
mod clients;

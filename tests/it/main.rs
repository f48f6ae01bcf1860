//! Tests of the whole: a real server, a real PostgreSQL, a real S3 server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

mod architecture;
mod dev;
mod operations;
mod serial;
#[path = "../clients/mod.rs"]
mod clients;

//! Tests of the whole: a real server, a real PostgreSQL, a real S3 server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

mod architecture;
mod bad_json;
mod bad_requests;
mod bases;
mod docs;
mod indexes;
mod login;
mod random_walk;
mod read_acl;
mod read_acl_bases;
mod restrict_modify;
mod serial;
mod users;
#[path = "../clients/mod.rs"]
mod clients;

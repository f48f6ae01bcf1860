//! Tests of the whole: a real server, a real PostgreSQL, a real S3 server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

mod architecture;
mod authcheck;
mod bad_json;
mod bad_requests;
mod bases;
mod dev;
mod dev_mirror;
mod docs;
mod documentation;
mod documentation_upload;
mod events;
mod export;
mod files;
mod files_in_memory;
mod files_redirect;
mod import;
mod indexes;
mod login;
mod migrations;
mod mirror_options;
mod mirror_failures;
mod mirror_files;
mod mirror_files_bad;
mod mirror_lists;
mod mirror_of_wheelyard;
mod mirror_pages;
mod mirror_random;
mod mirror_refresh;
mod mirror_whitelist;
mod operations;
mod push;
mod push_attachments;
mod pypi_json;
mod push_external;
mod push_many;
mod push_mirror;
mod random_walk;
mod read_acl;
mod read_acl_bases;
mod remove;
mod restrict_modify;
mod search;
mod search_jobs;
mod serial;
mod simple;
mod simple_cache;
mod simple_paths;
mod timing;
mod tox_results;
mod tokens;
mod trusted_publishing;
mod upload;
mod upload_bad;
mod upload_wire;
mod upstream_itself;
mod users;
mod views;
mod webhooks;
mod web;
mod yank;
#[path = "../clients/mod.rs"]
mod clients;

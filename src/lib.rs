//! wheelyard, a private Python package index: devpi's API on PostgreSQL and S3.
//!
//! The modules stand in reading order; `docs/architecture.md` is the map.

pub mod model;
pub mod error;
pub mod timing;
pub mod config;
pub mod store;
pub mod blobs;
pub mod upstream;
pub mod receivers;
pub mod cache;
pub mod service;
pub mod ops;
pub mod http;
pub mod cli;

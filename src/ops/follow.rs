//! Mirrors whose upstream is a wheelyard hear of its changes (DESIGN, Mirrors).

use crate::{model::index::Index, service::Service};
use url::Url;

/// Takes note that an upstream tells its changes, and which serial it had when it said so.
#[expect(clippy::unused_async, reason = "stub")]
pub async fn noticed(_: &Service, _: &Index, _: &str, _: &Url, _: i64) {}

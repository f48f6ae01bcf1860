//! How fresh what mirrors have is, as far as anybody knows.

use crate::{
    error::{Error, Result},
    model::{access::Caller, mirror::Mirror, name::IndexName},
    service::Service,
    store::{self, freshness::Freshness},
};
use std::{sync::Arc, time::Duration};

/// Mirrors that are told of.
const MOST: usize = 200;

/// Longest reason that is kept, in characters.
const LONGEST_REASON: usize = 300;

/// The mirrors that the caller may read, with what was known of them some seconds ago at most.
pub(super) async fn of_mirrors(service: &Service, caller: &Caller) -> Result<Vec<(IndexName, Freshness)>> {
    let mut mirrors = store::indexes::all(&service.db().await?, None).await?;
    mirrors.retain(|index| index.mirror.is_some() && service.policy.may_read(caller, index));
    mirrors.truncate(MOST);
    let ids: Vec<i64> = mirrors.iter().map(|index| index.id).collect();
    let expiry = |mirror: &Arc<Mirror>| mirror.cache_expiry;
    let expiries = mirrors.iter().map(|index| index.mirror.as_ref().map_or(Duration::ZERO, expiry));
    let expiries: Vec<f64> = expiries.map(|expiry| expiry.as_secs_f64()).collect();
    // Whoever may read the same shares one look.
    let look =
        async { store::freshness::of_mirrors(&service.db().await?, &ids, &expiries).await.map(Arc::new) };
    let freshness = service.freshness.try_get_with_by_ref(&ids, look).await;
    let freshness = freshness.map_err(|error: Arc<Error>| Error::clone(&error))?;
    Ok(mirrors.into_iter().map(|index| index.name).zip(freshness.iter().cloned()).collect())
}

/// Keeps why an upstream failed, for people who wonder; without it nothing is lost.
pub(super) async fn failed(service: &Service, index_id: i64, reason: &str) {
    let reason: String = reason.chars().take(LONGEST_REASON).collect();
    let kept = async { store::freshness::failed(&service.db().await?, index_id, &reason).await };
    if let Err(error) = kept.await {
        tracing::debug!(%error, "that an upstream failed was not kept");
    }
}

//! Links of mirrors, as their pages have them now.

use crate::{
    error::Result,
    model::{index::Index, link::Link, name::ProjectName},
    service::Service,
    store,
};
use std::sync::Arc;

/// The link of a mirror whose file is at this path, with its project.
pub async fn link_at(
    service: &Service,
    index: &Index,
    entry: &str,
    filename: &str,
) -> Result<Option<(ProjectName, Link)>> {
    store::links::at_path(&service.db().await?, index.id, entry, filename).await
}

/// The link at this path as its upstream has it now, for a file that was not where its link says: some upstreams give
/// URLs that expire.
pub async fn link_again(
    service: &Service,
    index: &Arc<Index>,
    _project: &ProjectName,
    entry: &str,
    filename: &str,
) -> Result<Option<Link>> {
    Ok(link_at(service, index, entry, filename).await?.map(|(_, link)| link))
}

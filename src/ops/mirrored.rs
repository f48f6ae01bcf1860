//! Links of mirrors, as their pages have them now.

use crate::{
    error::Result,
    model::{index::Index, link::Link, name::ProjectName},
    service::Service,
    store,
};

/// The link of a mirror whose file is at this path, with its project.
pub async fn link_at(
    service: &Service,
    index: &Index,
    entry: &str,
    filename: &str,
) -> Result<Option<(ProjectName, Link)>> {
    store::links::at_path(&service.db().await?, index.id, entry, filename).await
}

//! Pictures of which index inherits from which. A picture is made once for all that it shows; whoever sees the same
//! indexes sees the same picture.

use super::{resolve, simple};
use crate::{
    error::{Error, Result},
    model::{
        diagram::{Graph, Layout},
        index::Index,
        name::IndexName,
    },
    service::Service,
};
use std::{collections::HashSet, sync::Arc};

/// The picture of all these indexes, those that a caller may read; `None`: there is nothing to draw, or too much.
pub async fn whole(service: &Service, indexes: &[&Index]) -> Result<Option<Arc<Layout>>> {
    let graph = Graph::whole(indexes, &missing(service, indexes).await?);
    drawn(service, graph).await
}

/// The picture of what an index inherits from and what inherits from it, among the indexes that a caller may read.
pub async fn around(
    service: &Service,
    current: &IndexName,
    indexes: &[&Index],
) -> Result<Option<Arc<Layout>>> {
    let graph = Graph::around(current, indexes, &missing(service, indexes).await?);
    drawn(service, graph).await
}

/// The bases of these indexes that do not exist. What the caller may not read is none of them.
async fn missing(service: &Service, indexes: &[&Index]) -> Result<HashSet<IndexName>> {
    let known: HashSet<&IndexName> = indexes.iter().map(|index| &index.name).collect();
    let bases: HashSet<&IndexName> = indexes.iter().flat_map(|index| &index.bases).collect();
    let unknown = bases.into_iter().filter(|base| !known.contains(base)).cloned();
    let found = resolve::indexes(service, unknown).await?;
    Ok(found.into_iter().filter(|(_, index)| index.is_none()).map(|(name, _)| name).collect())
}

async fn drawn(service: &Service, graph: Graph) -> Result<Option<Arc<Layout>>> {
    let drawing = service.diagrams.try_get_with_by_ref(&graph, async {
        metrics::counter!("wheelyard_diagrams_drawn_total").increment(1);
        let graph = graph.clone();
        simple::blocking(move || graph.layout().map(Arc::new)).await
    });
    drawing.await.map_err(|error: Arc<Error>| (*error).clone())
}

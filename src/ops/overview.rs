//! What the pages of indexes show beside their settings.

use super::{
    list::{self, Known},
    resolve,
};
use crate::{
    error::Result,
    model::{
        access::Caller,
        index::Index,
        name::{IndexName, ProjectName},
        release::Recent,
        resolution,
    },
    service::Service,
    store,
};
use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Projects that are counted at most.
pub const MOST_COUNTED: i64 = 1_000;

/// Projects on a page.
pub const PAGE: usize = 100;

/// Releases that are shown as the latest, and the newest files that they are looked for among.
const LATEST: usize = 20;
const NEWEST_FILES: i64 = 200;

/// What lists of indexes show.
pub struct Overview {
    /// Those of the bases that the caller may read.
    pub readable: HashSet<IndexName>,
    /// How many projects each index has, by its id, counted up to [`MOST_COUNTED`] and one.
    pub projects: HashMap<i64, i64>,
}

/// What a list of these indexes shows.
pub async fn of(service: &Service, caller: &Caller, indexes: &[&Index]) -> Result<Overview> {
    let bases: HashSet<&IndexName> = indexes.iter().flat_map(|index| &index.bases).collect();
    let bases = resolve::indexes(service, bases.into_iter().cloned()).await?;
    let readable = bases.into_values().flatten().filter(|base| service.policy.may_read(caller, base));
    let ids: Vec<i64> = indexes.iter().map(|index| index.id).collect();
    Ok(Overview {
        readable: readable.map(|base| base.name.clone()).collect(),
        projects: store::projects::counts(&service.db().await?, &ids, MOST_COUNTED + 1).await?,
    })
}

/// A part of an index's projects, sorted.
pub struct Projects {
    pub names: Vec<String>,
    /// More come after these.
    pub more: bool,
}

/// What the page of an index shows.
pub struct Detail {
    /// What answers for the index, in order, as far as the caller may read it.
    pub order: Vec<Arc<Index>>,
    /// Projects that mirrors may have files of though a stage of the order has them, `*` for all.
    pub whitelist: Vec<String>,
    /// Its newest releases, that which came last first.
    pub latest: Vec<Recent>,
    /// Of a mirror, what its upstream lists.
    pub listed: Option<Known>,
    pub projects: Projects,
}

/// What the page of an index that the caller may read shows. Its projects are those that begin with `prefix`, in any
/// spelling, and come after `after`; of a mirror those that its upstream lists, if it ever did.
pub async fn detail(
    service: &Service,
    caller: &Caller,
    index: &Index,
    prefix: &str,
    after: &str,
) -> Result<Detail> {
    let mut order = resolve::whole_order(service, &index.name).await?;
    order.retain(|index| service.policy.may_read(caller, index));
    let listed = match index.mirror {
        Some(_) => list::known(service, index).await?,
        None => None,
    };
    let db = service.db().await?;
    let mut latest = store::files::latest(&db, index.id, NEWEST_FILES).await?;
    latest.retain(|release| service.policy.may_read_project(caller, index, &release.project));
    latest.sort_by_key(|release| Reverse(release.at));
    latest.truncate(LATEST);
    store::releases::summarize(&db, &mut latest).await?;
    let prefix = ProjectName::normalize(prefix);
    let mut names = match &listed {
        Some(known) => known.names.beginning(&prefix, after).take(PAGE + 1).map(str::to_owned).collect(),
        None => store::projects::named(&db, index.id, &prefix, after, PAGE as i64 + 1).await?,
    };
    let more = names.len() > PAGE;
    names.truncate(PAGE);
    let whitelist = resolution::whitelist(&order).into_iter().map(str::to_owned).collect();
    Ok(Detail { whitelist, order, latest, listed, projects: Projects { names, more } })
}

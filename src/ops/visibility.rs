//! Which events of the changelog somebody may see who may not read all of it.

use super::resolve;
use crate::{
    error::Result,
    model::{
        access::Caller,
        event::LoggedEvent,
        index::Index,
        name::{IndexName, ProjectName},
        serial::Serial,
    },
    service::Service,
    store,
};
use std::collections::{HashMap, HashSet};

/// Those of the events that the caller may see: about an index that they may read now; and that an index they could read
/// until then got other settings or was deleted, since pages that they see may change with it. All of them came after one
/// serial up to another.
///
/// An index of the same name that was there before is another index, whose events are nobody's any more.
pub(super) async fn visible(
    service: &Service,
    caller: &Caller,
    events: Vec<LoggedEvent>,
    after: Serial,
    up_to: Serial,
) -> Result<Vec<LoggedEvent>> {
    let names: HashSet<IndexName> = events.iter().filter_map(index_of).collect();
    let now = resolve::indexes(service, names).await?;
    let may_read = |index: &Index| service.policy.may_read(caller, index);
    let readable = |name: &IndexName| now.get(name)?.as_ref().filter(|index| may_read(index));
    // Most events are younger than the settings of their index, and so than the index.
    let clear = |event: &LoggedEvent, index: &Index| event.serial >= index.settings_serial;
    let unclear = events.iter().filter_map(|event| {
        let name = index_of(event)?;
        let unclear = readable(&name).map_or(event.ends_settings(), |index| !clear(event, index));
        unclear.then_some(name)
    });
    let unclear: Vec<_> = unclear.collect::<HashSet<_>>().into_iter().collect();
    let mut states = HashMap::<_, Vec<_>>::new();
    if !unclear.is_empty() {
        let db = service.db().await?;
        for state in store::indexes::states(&db, &unclear, after, up_to).await? {
            states.entry(state.index.name.clone()).or_default().push(state);
        }
    }
    let visible = |event: &LoggedEvent| {
        let Some(name) = index_of(event) else { return false };
        let index = readable(&name);
        index.is_some_and(|index| clear(event, index))
            || states.get(&name).into_iter().flatten().any(|state| match state.ended {
                Some(ended) => ended == event.serial && event.ends_settings() && may_read(&state.index),
                None => {
                    index.is_some_and(|index| index.id == state.index.id) && state.created <= event.serial
                }
            })
    };
    let of_project = |event: &LoggedEvent| {
        let project = event.project.as_deref().and_then(|project| ProjectName::parse(project).ok());
        project.is_none_or(|project| {
            let index = index_of(event).and_then(|name| readable(&name).cloned());
            index.is_some_and(|index| service.policy.may_read_project(caller, &index, &project))
        })
    };
    Ok(events.into_iter().filter(|event| visible(event) && of_project(event)).collect())
}

/// The index that an event is about.
pub(super) fn index_of(event: &LoggedEvent) -> Option<IndexName> {
    event.index.as_deref()?.parse().ok()
}

/// The names of an index and of all that it inherits from, those included of which there is no index: one may have been
/// deleted just now.
pub(super) async fn scope(service: &Service, index: &IndexName) -> Result<HashSet<IndexName>> {
    let order = resolve::whole_order(service, index).await?;
    let bases = order.iter().flat_map(|index| index.bases.iter().cloned());
    Ok(bases.chain([index.clone()]).collect())
}

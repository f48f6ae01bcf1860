//! Keeps what an upstream says of a project.

use crate::{
    error::{Error, Result},
    model::{
        event::{Event, EventKind},
        index::Index,
        link::UpstreamPage,
        name::ProjectName,
        serial::Serial,
    },
    service::Service,
    store::{self, mirrors::Seen},
};
use std::collections::HashMap;

/// Makes the rows of a project what the upstream says, in one change if they differ; returns the serial they then have, or
/// `None` when something was kept since this look began: that may be newer.
pub(super) async fn rows(
    service: &Service,
    index: &Index,
    name: &ProjectName,
    page: &UpstreamPage,
    now: &Seen,
) -> Result<Option<Serial>> {
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, None).await?;
    let current = store::indexes::share(&mut change, &index.name).await?;
    if current.id != index.id || !current.mirrors(&now.source) {
        return Err(Error::NoSuchIndex(index.name.to_string()));
    }
    let before = change.events();
    let project = store::projects::ensure(&mut change, &current, name).await?;
    let mut changed = change.events() > before;
    if store::projects::status(&mut change, &project).await? != page.status {
        store::projects::set_status(&mut change, &project, &page.status).await?;
        changed = true;
    }
    let rows = store::links::of_project(&change, &[index.id], name, Serial::NOW).await?;
    let mut known: HashMap<String, store::links::Known> =
        rows.into_iter().map(|(_, known)| (known.link.filename.clone(), known)).collect();
    let (mut opened, mut closed) = (Vec::new(), Vec::new());
    for link in &page.links {
        let mut link = link.clone();
        if let Some(before) = known.remove(&link.filename) {
            // What was read from the file holds as long as it is the same file.
            if before.link.entry() == link.entry() {
                link.read_metadata.clone_from(&before.link.read_metadata);
            }
            if before.link == link {
                continue;
            }
            closed.push(before.id);
        }
        opened.push(link);
    }
    closed.extend(known.into_values().map(|gone| gone.id));
    if !closed.is_empty() {
        store::links::close(&mut change, &closed).await?;
    }
    if !opened.is_empty() {
        store::links::open(&mut change, index.id, &project, opened.iter()).await?;
    }
    if !changed && closed.is_empty() && opened.is_empty() {
        // The rows are as they should be, so there is only the bookkeeping, and no change.
        drop(change);
        let kept = store::mirrors::keep_page(&connection, index.id, name, now).await?;
        let serials = store::projects::serials(&connection, &[index.id], name).await?;
        let serial = serials.first().map_or_else(Serial::default, |(_, serial, _)| *serial);
        return Ok(kept.then_some(serial));
    }
    if !store::mirrors::keep_page(&change, index.id, name, now).await? {
        return Ok(None);
    }
    let detail = serde_json::json!({"links": opened.len(), "gone": closed.len()});
    change.log(Event::project(EventKind::MirrorPage, &index.name, name).with_detail(detail));
    change.commit().await.map(Some)
}

/// Takes a project out of a mirror whose upstream is another than before and does not have it.
pub(super) async fn gone(service: &Service, index: &Index, name: &ProjectName) -> Result<()> {
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, None).await?;
    let current = store::indexes::share(&mut change, &index.name).await?;
    if current.id != index.id {
        return Ok(());
    }
    let Some(project) = store::projects::lock(&mut change, &current, name).await? else { return Ok(()) };
    store::links::close_all(&mut change, &project).await?;
    store::projects::delete(&mut change, &current, &project).await?;
    change.commit().await?;
    Ok(())
}

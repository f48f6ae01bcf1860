//! Trusted publishers of an index: said by whoever rules it, and by nobody who comes with an API token.

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        event::{Event, EventKind},
        index::Index,
        name::IndexName,
        publisher::{Publisher, Request},
    },
    ops::resolve,
    service::Service,
    store::{self, Change},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Publishers that an index has at most.
const MOST_PUBLISHERS: usize = 100;

/// The publishers of an index, the oldest first.
///
/// # Errors
/// [`Error::NoSuchIndex`]; [`Error::Unauthorized`] or [`Error::Forbidden`].
pub async fn list(service: &Service, caller: &Caller, index: &IndexName) -> Result<Vec<Publisher>> {
    let index = resolve::index(service, index).await?;
    permit(service, caller, &index.name)?;
    store::publishers::of_index(&service.db().await?, index.id).await
}

/// Lets jobs with certain claims upload to an index.
///
/// # Errors
/// As [`list`]; [`Error::Invalid`].
pub async fn create(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    body: &Map<String, Value>,
) -> Result<Publisher> {
    let index = resolve::index(service, index).await?;
    permit(service, caller, &index.name)?;
    if index.mirror.is_some() {
        return Err(Error::invalid("nobody can publish to a mirror"));
    }
    let asked = Request::parse(body, &service.config.server.oidc_issuer).map_err(Error::Invalid)?;
    let id = Uuid::new_v4();

    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::lock(&mut change, &index.name).await?;
    if store::publishers::of_index(&change, index.id).await?.len() >= MOST_PUBLISHERS {
        return Err(Error::Invalid(format!("index {} has {MOST_PUBLISHERS} publishers already", index.name)));
    }
    store::publishers::insert(&mut change, &index, id, &asked, caller.name()).await?;
    let made = store::publishers::of_index(&change, index.id).await?.into_iter().find(|made| made.id == id);
    let detail = json!({
        "id": id,
        "index": index.name,
        "issuer": asked.issuer,
        "claims": asked.claims,
        "projects": asked.projects,
    });
    change.log(Event::token(EventKind::PublisherCreate, None).with_detail(detail));
    change.commit().await?;
    made.ok_or_else(|| Error::Internal("a publisher is gone before it was made".into()))
}

/// Deletes a publisher; tokens that were minted for it end too.
///
/// # Errors
/// As [`list`]; [`Error::NotFound`].
pub async fn delete(service: &Service, caller: &Caller, index: &IndexName, id: &str) -> Result<()> {
    let index = resolve::index(service, index).await?;
    permit(service, caller, &index.name)?;
    let missing = || Error::NotFound(format!("index {} has no publisher {id}", index.name));
    let publisher_id = Uuid::parse_str(id).map_err(|_| missing())?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    if !store::publishers::delete(&mut change, &index, publisher_id).await? {
        return Err(missing());
    }
    end(&mut change, &index, &[publisher_id]).await?;
    change.commit().await?;
    Ok(())
}

/// Ends the publishers of an index that is being deleted.
pub async fn delete_all(change: &mut Change<'_>, index: &Index) -> Result<()> {
    let publishers = store::publishers::delete_of_index(change, index).await?;
    end(change, index, &publishers).await
}

/// Revokes what was minted for publishers that were deleted, after them: a token that is being minted keeps them until it
/// is there to be revoked.
async fn end(change: &mut Change<'_>, index: &Index, publishers: &[Uuid]) -> Result<()> {
    store::tokens::delete_of_publishers(change, publishers).await?;
    for id in publishers {
        let detail = json!({"id": id, "index": index.name});
        change.log(Event::token(EventKind::PublisherDelete, None).with_detail(detail));
    }
    Ok(())
}

fn permit(service: &Service, caller: &Caller, index: &IndexName) -> Result<()> {
    match service.policy.may_change_publishers(caller, index) {
        true => Ok(()),
        false => Err(Error::denied(caller, format!("no permission to see or change publishers of {index}"))),
    }
}

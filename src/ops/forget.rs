//! Deletion on mirrors: what is here is forgotten, and comes back from upstream when somebody wants it (devpi-api, Deletion).

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        event::{Event, EventKind},
        index::Index,
        link::Link,
        name::ProjectName,
        serial::Serial,
    },
    ops::fetch::Mirrored,
    service::Service,
    store::{self, Change, links::Known},
};

/// Forgets a project: its links and the content of its files.
///
/// # Errors
/// [`Error::Unauthorized`] or [`Error::Forbidden`], [`Error::NotFound`], [`Error::NonVolatile`].
pub async fn project(
    service: &Service,
    caller: &Caller,
    index: &Index,
    name: &ProjectName,
    force: bool,
) -> Result<()> {
    may_forget(service, caller, index, &format!("no permission to delete project {name}"))?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, &index.name).await?;
    let project = store::projects::lock(&mut change, &index, name).await?;
    let project = project.ok_or_else(|| Error::NotFound("project not found".into()))?;
    if !index.volatile && !force {
        return Err(Error::NonVolatile(format!("project '{name}' is on non-volatile index {}", index.name)));
    }
    let known = links(&change, &index, name).await?;
    let ids: Vec<i64> = known.iter().map(|known| known.id).collect();
    store::links::close(&mut change, &ids).await?;
    store::links::forget_contents(&mut change, &index, known.iter().map(|known| &known.link)).await?;
    store::projects::delete(&mut change, &index, &project).await?;
    store::mirrors::forget_page(&*change, index.id, name).await?;
    change.commit().await?;
    Ok(())
}

/// Forgets the content of all files of a release; their links stay.
///
/// # Errors
/// As [`project`].
pub async fn release(
    service: &Service,
    caller: &Caller,
    index: &Index,
    name: &ProjectName,
    version: &str,
    force: bool,
) -> Result<()> {
    may_forget(service, caller, index, &format!("no permission to delete version {version}"))?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, &index.name).await?;
    let missing = |what: String| Error::NotFound(format!("{what} not found on stage '{}'", index.name));
    if store::projects::lock(&mut change, &index, name).await?.is_none() {
        return Err(missing(format!("project '{name}'")));
    }
    let known = links(&change, &index, name).await?;
    let known: Vec<_> = known.into_iter().filter(|known| known.link.version == version).collect();
    if known.is_empty() {
        return Err(missing(format!("version '{version}' of project '{name}'")));
    }
    if !index.volatile && !force {
        return Err(Error::NonVolatile("cannot delete version on non-volatile index".into()));
    }
    for known in &known {
        forget(&mut change, &index, name, &known.link).await?;
    }
    change.commit().await?;
    Ok(())
}

/// Forgets the content of a file.
///
/// # Errors
/// As [`project`].
pub async fn file(service: &Service, caller: &Caller, file: &Mirrored, force: bool) -> Result<()> {
    let path = file.path();
    may_forget(service, caller, &file.index, &format!("no permission to delete {path}"))?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, &file.index.name).await?;
    if !index.volatile && !force {
        return Err(Error::NonVolatile("cannot delete version on non-volatile index".into()));
    }
    if !forget(&mut change, &index, &file.project, &file.link).await? {
        return Err(Error::NotFound(format!("entry has no file data: {path}")));
    }
    change.commit().await?;
    Ok(())
}

/// Whether there was anything to forget.
async fn forget(change: &mut Change<'_>, index: &Index, project: &ProjectName, link: &Link) -> Result<bool> {
    let Some(locked) = store::projects::lock(change, index, project).await? else { return Ok(false) };
    if store::links::forget_contents(change, index, std::iter::once(link)).await? == 0 {
        return Ok(false);
    }
    store::projects::touch(change, &locked);
    let event = Event::release(EventKind::FileDelete, &index.name, project, &link.version);
    change.log(event.with_file(&link.filename));
    Ok(true)
}

async fn links(change: &Change<'_>, index: &Index, name: &ProjectName) -> Result<Vec<Known>> {
    let links = store::links::of_project(&**change, &[index.id], name, Serial::NOW).await?;
    Ok(links.into_iter().map(|(_, known)| known).collect())
}

fn may_forget(service: &Service, caller: &Caller, index: &Index, message: &str) -> Result<()> {
    match service.policy.may_delete_from(caller, index) {
        true => Ok(()),
        false => Err(Error::denied(caller.user.is_none(), message)),
    }
}

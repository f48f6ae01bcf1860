//! Deletion on mirrors: what is here is forgotten, and comes back from upstream when somebody wants it (devpi-api, Deletion).

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        event::{Event, EventKind},
        index::Index,
        limit::Permission,
        link::Link,
        name::ProjectName,
        serial::Serial,
    },
    ops::fetch::Mirrored,
    service::Service,
    store::{self, Change, projects::Project},
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
    let message = format!("no permission to delete project {name}");
    may_forget(service, caller, Permission::DelProject, index, name, &message)?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, &index.name).await?;
    let project = store::projects::lock(&mut change, &index, name).await?;
    let project = project.ok_or_else(|| Error::NotFound("project not found".into()))?;
    if !index.volatile && !force {
        return Err(Error::NonVolatile(format!("project '{name}' is on non-volatile index {}", index.name)));
    }
    let links = links(&change, &index, name).await?;
    store::links::close_all(&mut change, &project).await?;
    store::links::forget_contents(&mut change, &index, links.iter()).await?;
    store::projects::delete(&mut change, &index, &project).await?;
    store::mirrors::forget_page(&change, index.id, name).await?;
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
    let message = format!("no permission to delete version {version}");
    may_forget(service, caller, Permission::DelVerdata, index, name, &message)?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, &index.name).await?;
    let missing = |what: String| Error::NotFound(format!("{what} not found on stage '{}'", index.name));
    let project = store::projects::lock(&mut change, &index, name).await?;
    let project = project.ok_or_else(|| missing(format!("project '{name}'")))?;
    let mut links = links(&change, &index, name).await?;
    links.retain(|link| link.version == version);
    if links.is_empty() {
        return Err(missing(format!("version '{version}' of project '{name}'")));
    }
    if !index.volatile && !force {
        return Err(Error::NonVolatile("cannot delete version on non-volatile index".into()));
    }
    for link in &links {
        forget(&mut change, &index, &project, link).await?;
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
    let message = format!("no permission to delete {path}");
    may_forget(service, caller, Permission::DelEntry, &file.index, &file.project, &message)?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, &file.index.name).await?;
    if !index.volatile && !force {
        return Err(Error::NonVolatile("cannot delete version on non-volatile index".into()));
    }
    let missing = || Error::NotFound(format!("entry has no file data: {path}"));
    let project = store::projects::lock(&mut change, &index, &file.project).await?.ok_or_else(missing)?;
    if !forget(&mut change, &index, &project, &file.link).await? {
        return Err(missing());
    }
    change.commit().await?;
    Ok(())
}

/// Forgets the content of a file of a locked project; whether there was any.
async fn forget(change: &mut Change<'_>, index: &Index, project: &Project, link: &Link) -> Result<bool> {
    if store::links::forget_contents(change, index, std::iter::once(link)).await? == 0 {
        return Ok(false);
    }
    store::projects::touch(change, project);
    let event = Event::release(EventKind::FileDelete, &index.name, &project.name, &link.version);
    change.log(event.with_file(&link.filename));
    Ok(true)
}

async fn links(change: &Change<'_>, index: &Index, name: &ProjectName) -> Result<Vec<Link>> {
    let links = store::links::of_project(change, &[index.id], name, Serial::NOW).await?;
    Ok(links.into_iter().map(|(_, known)| known.link).collect())
}

fn may_forget(
    service: &Service,
    caller: &Caller,
    permission: Permission,
    index: &Index,
    project: &ProjectName,
    message: &str,
) -> Result<()> {
    match service.policy.may_delete_from(caller, permission, index, project) {
        true => Ok(()),
        false => Err(Error::denied(caller, message)),
    }
}

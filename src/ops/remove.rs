//! Deletion of files, releases and projects (devpi-api, Deletion). Bases are never touched; mirrors [`forget`].

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        attachment::{Attachment, Rel},
        event::{Event, EventKind},
        file::File,
        index::Index,
        limit::Permission,
        name::{IndexName, ProjectName},
    },
    ops::{forget, resolve},
    service::Service,
    store::{self, Change, projects::Project},
};

/// Deletes a project with all its releases and files; `force` does so on a non-volatile index too.
///
/// # Errors
/// [`Error::Unauthorized`] or [`Error::Forbidden`], [`Error::NotFound`], [`Error::NonVolatile`].
pub async fn project(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    name: &ProjectName,
    force: bool,
) -> Result<()> {
    let mirror = resolve::index(service, index).await?;
    if mirror.mirror.is_some() {
        return forget::project(service, caller, &mirror, name, force).await;
    }
    let message = format!("no permission to delete project {name}");
    may_delete(service, caller, Permission::DelProject, index, name, &message).await?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, index).await?;
    let project = store::projects::lock(&mut change, &index, name).await?;
    let project = project.ok_or_else(|| Error::NotFound("project not found".into()))?;
    if !index.volatile && !force {
        return Err(Error::NonVolatile(format!("project '{name}' is on non-volatile index {}", index.name)));
    }
    store::releases::close_all(&mut change, &[project.id]).await?;
    store::files::close_all(&mut change, &[project.id]).await?;
    store::attachments::close_all(&mut change, &project, None).await?;
    store::projects::delete(&mut change, &index, &project).await?;
    change.commit().await?;
    Ok(())
}

/// Deletes a release with all its files; with the last release the project goes.
///
/// # Errors
/// As [`project`].
pub async fn release(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    name: &ProjectName,
    version: &str,
    force: bool,
) -> Result<()> {
    let mirror = resolve::index(service, index).await?;
    if mirror.mirror.is_some() {
        return forget::release(service, caller, &mirror, name, version, force).await;
    }
    let message = format!("no permission to delete version {version}");
    may_delete(service, caller, Permission::DelVerdata, index, name, &message).await?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, index).await?;
    let missing = |what: String| Error::NotFound(format!("{what} not found on stage '{}'", index.name));
    let project = store::projects::lock(&mut change, &index, name).await?;
    let project = project.ok_or_else(|| missing(format!("project '{name}'")))?;
    if store::releases::find(&change, project.id, version).await?.is_none() {
        return Err(missing(format!("version '{version}' of project '{name}'")));
    }
    if !index.volatile && !force {
        return Err(Error::NonVolatile("cannot delete version on non-volatile index".into()));
    }
    for file in store::files::of_release(&mut change, &project, version).await? {
        store::files::delete(&mut change, &file).await?;
    }
    delete_release(&mut change, &index, &project, version).await?;
    change.commit().await?;
    Ok(())
}

/// Deletes a file and the tox results about it. A release of which nothing is left goes with it, and a project without
/// releases.
///
/// # Errors
/// As [`project`].
pub async fn file(service: &Service, caller: &Caller, file: &File, force: bool) -> Result<()> {
    let message = format!("no permission to delete {}", file.path());
    may_delete(service, caller, Permission::DelEntry, &file.index, &file.project, &message).await?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, &file.index).await?;
    let missing = || Error::NotFound(format!("package '{}' doesn't exist", file.path()));
    let project = store::projects::lock(&mut change, &index, &file.project).await?.ok_or_else(missing)?;
    let files = store::files::of_release(&mut change, &project, &file.version).await?;
    let same = |other: &&File| other.filename == file.filename && other.sha256 == file.sha256;
    let current = files.iter().find(same).ok_or_else(missing)?;
    if !index.volatile && !force {
        return Err(Error::NonVolatile("cannot delete version on non-volatile index".into()));
    }
    store::files::delete(&mut change, current).await?;
    store::attachments::close_about(&mut change, current).await?;
    let event = Event::release(EventKind::FileDelete, &index.name, &project.name, &file.version);
    change.log(event.with_file(&file.filename));
    delete_rest(&mut change, &index, &project, &file.version).await?;
    change.commit().await?;
    Ok(())
}

/// Deletes a tox result, or documentation; the rest as [`file`].
///
/// # Errors
/// As [`project`].
pub async fn attachment(
    service: &Service,
    caller: &Caller,
    attachment: &Attachment,
    force: bool,
) -> Result<()> {
    let Attachment { index, project, version, filename, .. } = attachment;
    let path = attachment.path();
    let message = format!("no permission to delete {path}");
    may_delete(service, caller, Permission::DelEntry, index, project, &message).await?;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, index).await?;
    let missing = || Error::NotFound(format!("package '{path}' doesn't exist"));
    let project = store::projects::lock(&mut change, &index, project).await?.ok_or_else(missing)?;
    let all = store::attachments::of_release(&mut change, &project, version).await?;
    let current = all.iter().find(|other| other.path() == path).ok_or_else(missing)?;
    if !index.volatile && !force {
        return Err(Error::NonVolatile("cannot delete version on non-volatile index".into()));
    }
    store::attachments::delete(&mut change, current).await?;
    let kind = match current.rel {
        Rel::ToxResult => EventKind::ToxResultDelete,
        Rel::DocZip => EventKind::DocZipDelete,
    };
    change.log(Event::release(kind, &index.name, &project.name, version).with_file(filename));
    delete_rest(&mut change, &index, &project, version).await?;
    change.commit().await?;
    Ok(())
}

/// Deletes a release that nothing was left of (devpi: `model.py`, `PrivateStage.del_entry`).
async fn delete_rest(change: &mut Change<'_>, index: &Index, project: &Project, version: &str) -> Result<()> {
    store::projects::touch(change, project);
    let is_empty = store::files::of_release(change, project, version).await?.is_empty()
        && store::attachments::of_release(change, project, version).await?.is_empty();
    match is_empty {
        true => delete_release(change, index, project, version).await,
        false => Ok(()),
    }
}

/// Deletes a release without files, what is attached to it, and the project if it was the last.
async fn delete_release(
    change: &mut Change<'_>,
    index: &Index,
    project: &Project,
    version: &str,
) -> Result<()> {
    if let Some(release) = store::releases::find(change, project.id, version).await? {
        store::releases::delete(change, &release).await?;
    }
    store::attachments::close_all(change, project, Some(version)).await?;
    store::projects::touch(change, project);
    change.log(Event::release(EventKind::ReleaseDelete, &index.name, &project.name, version));
    if !store::releases::any(change, project).await? {
        store::projects::delete(change, index, project).await?;
    }
    Ok(())
}

async fn may_delete(
    service: &Service,
    caller: &Caller,
    permission: Permission,
    index: &IndexName,
    project: &ProjectName,
    message: &str,
) -> Result<()> {
    let index = resolve::index(service, index).await?;
    match service.policy.may_delete_from(caller, permission, &index, project) {
        true => Ok(()),
        false => Err(Error::forbidden(caller, message)),
    }
}

//! Yank and un-yank (PEP 592), of a file or of all files of a release; devpi has no such call.

use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        event::{Event, EventKind},
        file::File,
        index::Index,
        name::{IndexName, ProjectName},
    },
    ops::resolve,
    service::Service,
    store::{self, Change},
};
use serde_json::json;

/// Which files are meant.
pub enum Target<'a> {
    Release { project: &'a ProjectName, version: &'a str },
    File(&'a File),
}

/// Gives the files the mark: a reason, which may be empty, or `None` to take it away. What has it already stays.
///
/// # Errors
/// [`Error::Unauthorized`] or [`Error::Forbidden`] without the right to upload; [`Error::NoSuchVersion`].
pub async fn mark(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    target: Target<'_>,
    yanked: Option<&str>,
) -> Result<()> {
    let index = resolve::index(service, index).await?;
    let (project, version) = match &target {
        Target::Release { project, version } => (*project, *version),
        Target::File(file) => (&file.project, file.version.as_str()),
    };
    if !access::may_upload(caller, &index, Some(project)) {
        return Err(Error::denied(caller, "no permission to yank"));
    }
    let missing = || Error::NoSuchVersion { project: project.clone(), version: version.to_owned() };
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, &index.name).await?;
    let locked = store::projects::lock(&mut change, &index, project).await?.ok_or_else(missing)?;
    let files = store::files::of_release(&mut change, &locked, version).await?;
    let meant = |file: &&File| match &target {
        Target::Release { .. } => true,
        Target::File(wanted) => wanted.filename == file.filename,
    };
    let files: Vec<&File> = files.iter().filter(meant).collect();
    if files.is_empty() {
        return Err(missing());
    }
    for file in files.into_iter().filter(|file| file.yanked.as_deref() != yanked) {
        mark_file(&mut change, &index, file, yanked).await?;
        store::projects::touch(&mut change, &locked);
    }
    change.commit().await?;
    Ok(())
}

async fn mark_file(change: &mut Change<'_>, index: &Index, file: &File, yanked: Option<&str>) -> Result<()> {
    store::files::set_yanked(change, file, yanked).await?;
    let kind = if yanked.is_some() { EventKind::FileYank } else { EventKind::FileUnyank };
    let event = Event::release(kind, &index.name, &file.project, &file.version).with_file(&file.filename);
    change.log(event.with_detail(json!({"reason": yanked})));
    Ok(())
}

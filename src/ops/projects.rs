//! Projects and releases as devpi's JSON tells them (devpi-api, Project and version JSON), and the project's status.

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        event::{Event, EventKind},
        file::File,
        name::{IndexName, ProjectName},
        page::Status,
        release::Release,
        serial::Serial,
    },
    ops::resolve,
    service::Service,
    store,
};
use std::collections::HashMap;

/// A release on one index, with its files in the order they were uploaded.
pub struct IndexRelease {
    pub release: Release,
    pub files: Vec<File>,
}

/// A version of a project: the release of the first index that has it, and the same version on later ones.
pub struct Version {
    pub version: String,
    pub first: IndexRelease,
    pub shadowing: Vec<IndexRelease>,
}

/// The versions of a project over an index and its bases, or with `ignore_bases` on the index alone.
///
/// # Errors
/// [`Error::NoProject`] when neither the index nor a base has the project; those of [`resolve::readable`].
pub async fn versions(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: &ProjectName,
    ignore_bases: bool,
) -> Result<Vec<Version>> {
    of_versions(service, caller, index, project, ignore_bases, None).await
}

/// One version of a project, over the bases.
///
/// # Errors
/// [`Error::NoSuchVersion`]; those of [`resolve::readable`].
pub async fn version(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: &ProjectName,
    version: &str,
) -> Result<Version> {
    let missing = || Error::NoSuchVersion { project: project.clone(), version: version.to_owned() };
    match of_versions(service, caller, index, project, false, Some(version)).await {
        Err(Error::NoProject(_)) => Err(missing()),
        versions => versions?.pop().ok_or_else(missing),
    }
}

async fn of_versions(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: &ProjectName,
    ignore_bases: bool,
    version: Option<&str>,
) -> Result<Vec<Version>> {
    let order = resolve::order(service, caller, index).await?;
    let ids: Vec<i64> = order.iter().map(|index| index.id).collect();
    let db = service.db().await?;
    let (having, releases, files) = tokio::try_join!(
        store::projects::having(&db, &ids, project),
        store::releases::of_project(&db, &ids, project, version),
        store::files::of_project(&db, &ids, project, version, Serial::NOW),
    )?;
    if having.is_empty() {
        return Err(Error::NoProject(project.to_string()));
    }
    let mut files_of: HashMap<(i64, String), Vec<File>> = HashMap::new();
    for (index, file) in files {
        files_of.entry((index, file.version.clone())).or_default().push(file);
    }
    let mut releases_of: HashMap<i64, Vec<Release>> = HashMap::new();
    for (index, release) in releases {
        releases_of.entry(index).or_default().push(release);
    }
    let mut versions: Vec<Version> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for id in ids.into_iter().take(if ignore_bases { 1 } else { usize::MAX }) {
        for release in releases_of.remove(&id).unwrap_or_default() {
            let version = release.version.clone();
            let files = files_of.remove(&(id, version.clone())).unwrap_or_default();
            let here = IndexRelease { release, files };
            match places.get(&version) {
                Some(place) => versions[*place].shadowing.push(here),
                None => {
                    places.insert(version.clone(), versions.len());
                    versions.push(Version { version, first: here, shadowing: Vec::new() });
                }
            }
        }
    }
    Ok(versions)
}

/// Gives a project of the index another status (PEP 792).
///
/// # Errors
/// [`Error::Invalid`] for an unknown status, [`Error::NoProject`]; [`Error::Unauthorized`] or [`Error::Forbidden`].
pub async fn set_status(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    name: &ProjectName,
    status: &Status,
) -> Result<()> {
    let index = resolve::index(service, index).await?;
    if !service.policy.may_delete_from(caller, &index) {
        return Err(Error::denied(caller.user.is_none(), format!("no permission to modify project {name}")));
    }
    if !Status::ALL.contains(&status.status.as_str()) {
        return Err(Error::Invalid(format!("status must be one of {}", Status::ALL.join(", "))));
    }
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let index = store::indexes::share(&mut change, &index.name).await?;
    let project = store::projects::lock(&mut change, &index, name).await?;
    let project = project.ok_or_else(|| Error::NoProject(name.to_string()))?;
    if store::projects::status(&mut change, &project).await? != *status {
        store::projects::set_status(&mut change, &project, status).await?;
        let event = Event::project(EventKind::ProjectStatus, &index.name, name);
        change.log(event.with_detail(serde_json::json!(status)));
    }
    change.commit().await?;
    Ok(())
}

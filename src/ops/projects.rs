//! Projects and releases as devpi's JSON tells them (devpi-api, Project and version JSON), and the project's status.

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        attachment::Attachment,
        event::{Event, EventKind},
        file::File,
        index::Index,
        limit::Permission,
        link::Link,
        name::{IndexName, ProjectName},
        page::Status,
        release::Release,
        resolution::View,
        serial::Serial,
    },
    ops::{
        mirrored::{self, Sources},
        resolve::{self, Scope},
    },
    service::Service,
    store,
};
use deadpool_postgres::Object;
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// A release on one index, with its files and what is attached to it, in the order they came there.
pub struct IndexRelease {
    pub index: Arc<Index>,
    pub release: Release,
    pub files: Vec<Linked>,
}

/// A file as version data link it.
pub enum Linked {
    File(File),
    Attachment(Attachment),
    /// Of a mirror.
    Link(IndexName, Link),
}

impl Linked {
    /// The link as it stands in `+links`; `root` is the outside URL of the server.
    pub fn link(&self, root: &str) -> Value {
        match self {
            Self::File(file) => file.link(root),
            Self::Attachment(attachment) => attachment.link(root),
            Self::Link(index, link) => link.link(index, root),
        }
    }

    /// The order in which links came to a stage. A push brings many at once: files by name, each before the tox results
    /// about it, and the documentation last.
    fn order(&self) -> impl Ord + use<> {
        match self {
            Self::File(file) => (file.added, 0, file.filename.clone(), 0),
            Self::Attachment(about) => {
                let file = about.for_filename.clone();
                (about.added, i64::from(file.is_none()), file.unwrap_or_default(), about.id)
            }
            Self::Link(..) => (Serial::default(), 0, String::new(), 0),
        }
    }
}

/// A version of a project: the release of the first index that has it, and the same version on later ones.
pub struct Version {
    pub version: String,
    pub first: IndexRelease,
    pub shadowing: Vec<IndexRelease>,
}

/// A project over an index and its bases.
pub struct Project {
    pub versions: Vec<Version>,
    /// That of the first index that has the project (PEP 792).
    pub status: Status,
    /// What answers for it.
    pub scope: Scope,
    /// Some mirror could not be asked, and nothing is known of it, or only what it said so long ago.
    pub is_incomplete: bool,
    pub stale: Option<Duration>,
}

/// A project over an index and its bases, or with `ignore_bases` on the index alone.
///
/// # Errors
/// [`Error::NoProject`] when neither the index nor a base has the project; those of [`resolve::readable`].
pub async fn show(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: &ProjectName,
    ignore_bases: bool,
) -> Result<Project> {
    let sources = sources(service, caller, index, project).await?;
    let order = if ignore_bases { &sources.scope.order[..1] } else { &sources.scope.order };
    let db = service.db().await?;
    let links = mirrored::links_of(&db, sources.mirrors(), &sources.pending, project, Serial::NOW).await?;
    let versions = of_order(&db, order, project, None, links).await?;
    let status = sources.status(&db, project).await?;
    let Sources { scope, left_out: is_incomplete, stale, .. } = sources;
    Ok(Project { versions, status, scope, is_incomplete, stale })
}

/// What there is of a project, some of it at least.
///
/// # Errors
/// [`Error::NoProject`]; those of [`mirrored::sources`].
pub(super) async fn sources(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: &ProjectName,
) -> Result<Sources> {
    let sources = mirrored::sources(service, caller, index, project, View::All).await?;
    match sources.having().is_empty() && !sources.left_out {
        true => Err(Error::NoProject(project.to_string())),
        false => Ok(sources),
    }
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
    let sources = sources(service, caller, index, project).await.map_err(|error| match error {
        Error::NoProject(_) => missing(),
        error => error,
    })?;
    let db = service.db().await?;
    let links = mirrored::links_of(&db, sources.mirrors(), &sources.pending, project, Serial::NOW).await?;
    let versions = of_order(&db, &sources.scope.order, project, Some(version), links).await?;
    versions.into_iter().next().ok_or_else(missing)
}

/// The versions of a project, or one of them, on these indexes; `links_of` has what mirrors link.
pub(super) async fn of_order(
    db: &Object,
    order: &[Arc<Index>],
    project: &ProjectName,
    version: Option<&str>,
    mut links_of: HashMap<i64, Vec<Link>>,
) -> Result<Vec<Version>> {
    let ids: Vec<i64> = order.iter().map(|index| index.id).collect();
    let (releases, files, attachments) = tokio::try_join!(
        store::releases::of_project(db, &ids, project, version, Serial::NOW),
        store::files::of_project(db, &ids, project, version, Serial::NOW),
        store::attachments::of_project(db, &ids, project, version),
    )?;
    let mut files_of: HashMap<(i64, String), Vec<Linked>> = HashMap::new();
    for (index, file) in files {
        files_of.entry((index, file.version.clone())).or_default().push(Linked::File(file));
    }
    for (index, attachment) in attachments {
        let links = files_of.entry((index, attachment.version.clone())).or_default();
        links.push(Linked::Attachment(attachment));
    }
    let mut releases_of: HashMap<i64, Vec<Release>> = HashMap::new();
    for (index, release) in releases {
        releases_of.entry(index).or_default().push(release);
    }
    for mirror in order.iter().filter(|index| index.mirror.is_some()) {
        for link in links_of.remove(&mirror.id).unwrap_or_default() {
            if version.is_some_and(|version| version != link.version) {
                continue;
            }
            let files = files_of.entry((mirror.id, link.version.clone())).or_default();
            if files.is_empty() {
                releases_of.entry(mirror.id).or_default().push(of_mirror(project, &link));
            }
            files.push(Linked::Link(mirror.name.clone(), link));
        }
    }
    let mut versions: Vec<Version> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for index in order {
        for release in releases_of.remove(&index.id).unwrap_or_default() {
            let version = release.version.clone();
            let mut files = files_of.remove(&(index.id, version.clone())).unwrap_or_default();
            files.sort_by_cached_key(Linked::order);
            let here = IndexRelease { index: index.clone(), release, files };
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

/// What is known of a release of a mirror (devpi: name, version, and what its first link says).
fn of_mirror(project: &ProjectName, link: &Link) -> Release {
    let mut metadata = Map::new();
    metadata.insert("name".into(), project.as_str().into());
    metadata.insert("version".into(), link.version.clone().into());
    if let Some(specifier) = &link.requires_python {
        metadata.insert("requires_python".into(), specifier.clone().into());
    }
    if let Some(reason) = &link.yanked {
        metadata.insert("yanked".into(), reason.clone().into());
    }
    Release { id: 0, version: link.version.clone(), metadata }
}

/// The status of a project on exactly this index (PEP 792).
///
/// # Errors
/// [`Error::NoProject`]; those of [`resolve::readable_project`].
pub async fn status(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    name: &ProjectName,
) -> Result<Status> {
    let index = resolve::readable_project(service, caller, index, name).await?;
    let statuses = store::projects::statuses(&service.db().await?, &[index.id], name, Serial::NOW).await?;
    let status = statuses.into_iter().next().map(|(_, status)| status);
    status.ok_or_else(|| Error::NoProject(name.to_string()))
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
    if !service.policy.may_delete_from(caller, Permission::DelProject, &index, name) {
        return Err(Error::denied(caller, format!("no permission to modify project {name}")));
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

//! PyPI's JSON API over an index and its bases: what a simple page shows, with the metadata of the releases.

use crate::{
    cache::pages::PageKey,
    error::{Error, Result},
    model::{
        page::{Base, ProjectPage},
        pypi_json::{Document, shown_version},
    },
    service::Service,
    store,
};
use bytes::Bytes;
use serde_json::Map;

/// Renders what the page of `key` shows.
///
/// # Errors
/// [`Error::NoSuchVersion`]; [`Error::NoSuchProject`] of a project without any release that may be shown.
pub(super) async fn render(service: &Service, key: &PageKey, mut page: ProjectPage) -> Result<Bytes> {
    page.arrange();
    let (version, project) = (key.version.clone(), page.project.clone());
    let missing = || match &version {
        Some(version) => Error::NoSuchVersion { project: project.clone(), version: version.clone() },
        None => Error::NoSuchProject(project.to_string()),
    };
    let shown = shown_version(&page, version.as_deref()).ok_or_else(missing)?;
    let db = service.db().await?;
    let (releases, digests) = tokio::try_join!(
        store::releases::of_project(&db, &key.order, &page.project, Some(shown), key.serial),
        store::files::digests(&db, &key.order, &page.project, key.serial),
    )?;
    drop(db);
    let place = |index: &i64| key.order.iter().position(|other| other == index);
    // What an earlier index says of a version takes the place of what a later one says.
    let first = releases.into_iter().min_by_key(|(index, _)| place(index));
    let metadata = first.map_or_else(Map::new, |(_, release)| release.metadata);
    for file in &mut page.files {
        if let Some([md5, blake2b_256]) = file.hashes.get("sha256").and_then(|sha256| digests.get(sha256)) {
            file.hashes.insert("md5".into(), md5.clone());
            file.hashes.insert("blake2b_256".into(), blake2b_256.clone());
        }
    }
    let root = match &key.base {
        Base::Absolute(root) => root.clone(),
        Base::Up(_) => String::new(),
    };
    let wanted = version.clone();
    let document = move || {
        let version = wanted.as_deref();
        Document { page: &page, metadata: &metadata, version, root: &root }.render()
    };
    let rendered = super::simple::blocking(document).await?;
    rendered.map(Bytes::from).ok_or_else(missing)
}

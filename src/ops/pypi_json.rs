//! PyPI's JSON API over an index and its bases: what a simple page shows, with the metadata of the releases.

use crate::{
    cache::pages::PageKey,
    error::{Error, Result},
    model::{
        page::{Base, ProjectPage},
        pypi_json::Document,
    },
    service::Service,
    store,
};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Renders what the page of `key` shows.
///
/// # Errors
/// [`Error::NoSuchVersion`]; [`Error::NoSuchProject`] of a project without any release that may be shown.
pub(super) async fn render(service: &Service, key: &PageKey, mut page: ProjectPage) -> Result<Bytes> {
    page.arrange();
    let db = service.db().await?;
    let (releases, digests) = tokio::try_join!(
        store::releases::of_project(&db, &key.order, &page.project, None, key.serial),
        store::files::digests(&db, &key.order, &page.project, key.serial),
    )?;
    drop(db);
    let mut metadata: HashMap<String, Map<String, Value>> = HashMap::new();
    // What an earlier index says of a version takes the place of what a later one says.
    for index in key.order.iter().rev() {
        let own = releases.iter().filter(|(of, _)| of == index);
        metadata.extend(own.map(|(_, release)| (release.version.clone(), release.metadata.clone())));
    }
    for file in &mut page.files {
        if let Some([md5, blake2b_256]) = file.hashes.get("sha256").and_then(|sha256| digests.get(sha256)) {
            file.hashes.insert("md5".into(), md5.clone());
            file.hashes.insert("blake2b_256".into(), blake2b_256.clone());
        }
    }
    let (version, project) = (key.version.clone(), page.project.clone());
    let root = match &key.base {
        Base::Absolute(root) => root.clone(),
        Base::Up(_) => String::new(),
    };
    let document = move || {
        let version = version.as_deref();
        Document { page: &page, metadata: &metadata, version, root: &root }.render()
    };
    let rendered = super::simple::blocking(document).await?;
    rendered.map(Bytes::from).ok_or_else(|| match &key.version {
        Some(version) => Error::NoSuchVersion { project, version: version.clone() },
        None => Error::NoSuchProject(project.to_string()),
    })
}

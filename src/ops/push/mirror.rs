//! A release of a mirror: its files are fetched and stored before any of them is pushed.

use super::{Taken, Wanted, in_time};
use crate::{
    error::{Error, Result},
    model::{
        file::File,
        index::Index,
        link::Link,
        metadata,
        name::ProjectName,
        release::{self, Release},
        serial::Serial,
    },
    ops::{
        core_metadata,
        fetch::{self, Mirrored},
    },
    service::Service,
};
use bytes::Bytes;
use futures::future::try_join_all;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc};
use time::OffsetDateTime;

/// Files that are fetched at the same time for one push.
const AT_ONCE: usize = 4;

/// Has the files of a release stored, and takes what is known of them.
///
/// # Errors
/// [`Error::Upstream`] when one of them can't be fetched; those of the object store.
pub(super) async fn take(
    service: &Service,
    source: &Arc<Index>,
    wanted: &Wanted,
    links: &[Link],
) -> Result<Taken> {
    let mut files = Vec::with_capacity(links.len());
    let mut core_metadata = BTreeMap::new();
    for links in links.chunks(AT_ONCE) {
        let fetched = links.iter().map(|link| take_file(service, source, wanted, link));
        for (file, bytes) in try_join_all(fetched).await? {
            if let (Some(digest), Some(bytes)) = (&file.metadata_sha256, bytes) {
                core_metadata.insert(digest.clone(), bytes);
            }
            files.push(file);
        }
    }
    let first = files.iter().find_map(|file| core_metadata.get(file.metadata_sha256.as_ref()?));
    let release = release_of(wanted, &files, first.cloned()).await?;
    Ok(Taken { release, files, attachments: Vec::new(), core_metadata })
}

async fn take_file(
    service: &Service,
    source: &Arc<Index>,
    wanted: &Wanted,
    link: &Link,
) -> Result<(File, Option<Bytes>)> {
    let mirrored = Mirrored::new(source.clone(), wanted.name.clone(), Arc::new(link.clone()));
    let content =
        fetch::ensure_stored(service, source, &wanted.name, link).await.map_err(|error| match error {
            Error::Upstream(_) | Error::NotFound(_) | Error::NoSuchFile => {
                Error::Upstream(format!("{} can't be fetched: {error}", mirrored.path()))
            }
            error => error,
        })?;
    // An index serves files without them too.
    let bytes = match in_time(service, core_metadata::of(service, &mirrored)).await {
        Ok(bytes) => Some(bytes),
        Err(Error::NotFound(_)) => None,
        Err(error) => {
            tracing::info!(%error, "{} is pushed without core metadata: {error}", mirrored.path());
            None
        }
    };
    let file = File {
        id: 0,
        project_id: 0,
        index: source.name.clone(),
        project: wanted.name.clone(),
        version: link.version.clone(),
        filename: link.filename.clone(),
        sha256: content.sha256,
        size: content.size,
        metadata_sha256: bytes.as_ref().map(|bytes| hex::encode(Sha256::digest(bytes))),
        requires_python: link.requires_python.clone(),
        yanked: link.yanked.clone(),
        uploaded_at: link.uploaded_at.unwrap_or_else(OffsetDateTime::now_utc),
        log: Value::Array(Vec::new()),
        added: Serial::default(),
    };
    Ok((file, bytes))
}

/// What core metadata say of a release, and without any name, version and `requires_python` (devpi).
async fn release_of(wanted: &Wanted, files: &[File], core_metadata: Option<Bytes>) -> Result<Release> {
    let parsed = tokio::task::spawn_blocking(move || metadata::parse(&core_metadata?).ok()).await;
    let parsed = parsed.map_err(|error| Error::Internal(error.to_string()))?;
    let mut data = Map::new();
    if let Some(specifier) = files.iter().find_map(|file| file.requires_python.as_deref()) {
        data.insert("requires_python".into(), specifier.into());
    }
    let mut name = wanted.name.to_string();
    if let Some(parsed) = parsed {
        let mut read = release::empty();
        release::merge(&mut read, &release::form(&parsed));
        data.extend(read);
        name =
            parsed.name.filter(|name| *ProjectName::normalize(name) == *wanted.name.as_str()).unwrap_or(name);
    }
    data.insert("name".into(), name.into());
    data.insert("version".into(), wanted.version.clone().into());
    Ok(Release { id: 0, version: wanted.version.clone(), metadata: data })
}

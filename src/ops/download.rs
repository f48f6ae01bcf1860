//! Files: found, and delivered by us or by the object store.

use crate::{
    blobs::BlobKey,
    error::{Error, Result},
    model::{
        access::Caller,
        file::{self, File},
        index::Index,
        name::IndexName,
    },
    ops::{fetch::Mirrored, mirrored, resolve},
    service::Service,
    store,
};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use std::{ops::RangeInclusive, sync::Arc, time::Duration};

/// A file, and the index that it is on.
pub enum Found {
    Stage(Arc<Index>, Box<File>),
    Mirror(Box<Mirrored>),
}

impl Found {
    pub fn index(&self) -> &Index {
        match self {
            Self::Stage(index, _) => index,
            Self::Mirror(file) => &file.index,
        }
    }
}

/// The file in a folder of an index that the caller may read, see [`crate::model::link::Link::entry`]; on a stage it is
/// `+f/{first 3}/{next 13 digits of its hash}`.
///
/// # Errors
/// [`Error::NoSuchFile`]; [`Error::Gone`] when it was there once; those of [`resolve::readable`].
pub async fn file(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    entry: &str,
    filename: &str,
) -> Result<Found> {
    let index = resolve::readable(service, caller, index).await?;
    if index.mirror.is_some() {
        let found = mirrored::link_at(service, &index, entry, filename).await?;
        let (project, link) = found.ok_or(Error::NoSuchFile)?;
        return Ok(Found::Mirror(Box::new(Mirrored { index, project, link })));
    }
    let hash = entry.strip_prefix("+f/").and_then(|hash| hash.split_once('/'));
    let Some((first, next)) = hash.filter(|(first, next)| (first.len(), next.len()) == (3, 13)) else {
        return Err(Error::NoSuchFile);
    };
    let hash_start = format!("{first}{next}");
    match store::files::at_path(&service.db().await?, &index, &hash_start, filename).await? {
        file::Found::File(file) => Ok(Found::Stage(index, file)),
        file::Found::Deleted => Err(Error::Gone("file".into())),
        file::Found::Never => Err(Error::NoSuchFile),
    }
}

/// The core metadata of a file (PEP 658).
///
/// # Errors
/// [`Error::NotFound`] when none could be read at its upload.
pub async fn core_metadata(service: &Service, file: &File) -> Result<Bytes> {
    let sha256 = file.metadata_sha256.as_deref();
    let sha256 = sha256.ok_or_else(|| Error::NotFound(format!("no metadata found in {}", file.filename)))?;
    let content = store::core_metadata::content(&service.db().await?, sha256).await?;
    content.map(Bytes::from).ok_or_else(|| Error::Internal("core metadata without their content".into()))
}

/// The bytes of stored content, or a range of them, as the object store sends them.
pub async fn content(
    service: &Service,
    sha256: &str,
    range: Option<RangeInclusive<u64>>,
) -> Result<ByteStream> {
    service.blobs.get(&BlobKey::Content(sha256.to_owned()), range).await
}

/// Where the object store itself serves the content for a while, as a file of this name.
pub async fn presigned_url(service: &Service, sha256: &str, filename: &str) -> Result<String> {
    let life = Duration::from_secs(service.config.server.presign_seconds);
    service.blobs.presigned_url(&BlobKey::Content(sha256.to_owned()), filename, life).await
}

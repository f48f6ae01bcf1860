//! Files: found, and delivered by us or by the object store.

use crate::{
    blobs::BlobKey,
    error::{Error, Result},
    model::{
        access::Caller,
        file::{File, Found},
        name::IndexName,
    },
    ops::resolve,
    service::Service,
    store,
};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use std::{ops::RangeInclusive, time::Duration};

/// The file at `+f/{first 3}/{next 13 digits of its hash}/{filename}` of an index that the caller may read.
///
/// # Errors
/// [`Error::NoSuchFile`]; [`Error::Gone`] when it was there once; those of [`resolve::readable`].
pub async fn file(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    (first, next): (&str, &str),
    filename: &str,
) -> Result<File> {
    let index = resolve::readable(service, caller, index).await?;
    if (first.len(), next.len()) != (3, 13) {
        return Err(Error::NoSuchFile);
    }
    let hash_start = format!("{first}{next}");
    match store::files::at_path(&service.db().await?, &index, &hash_start, filename).await? {
        Found::File(file) => Ok(*file),
        Found::Deleted => Err(Error::Gone("file".into())),
        Found::Never => Err(Error::NoSuchFile),
    }
}

/// The core metadata of a file (PEP 658).
///
/// # Errors
/// [`Error::NotFound`] when none could be read at its upload.
pub async fn core_metadata(service: &Service, file: &File) -> Result<Bytes> {
    let sha256 = file.metadata_sha256.as_deref();
    let sha256 = sha256.ok_or_else(|| Error::NotFound(format!("no metadata found in {}", file.filename)))?;
    Ok(store::core_metadata::content(&service.db().await?, sha256).await?.into())
}

/// The bytes of a file, or a range of them, as the object store sends them.
pub async fn content(
    service: &Service,
    file: &File,
    range: Option<RangeInclusive<u64>>,
) -> Result<ByteStream> {
    service.blobs.get(&BlobKey::Content(file.sha256.clone()), range).await
}

/// Where the object store itself serves the file for a while.
pub async fn presigned_url(service: &Service, file: &File) -> Result<String> {
    let life = Duration::from_secs(service.config.server.presign_seconds);
    service.blobs.presigned_url(&BlobKey::Content(file.sha256.clone()), &file.filename, life).await
}

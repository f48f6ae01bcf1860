//! Files: found, and delivered by us or by the object store.

use crate::{
    blobs::{BlobKey, pieces},
    cache::files,
    error::{Error, Result},
    model::{
        access::Caller,
        attachment::Attachment,
        file::{self, File},
        index::Index,
        name::IndexName,
        serial::Serial,
    },
    ops::{fetch::Mirrored, mirrored, resolve},
    service::Service,
    store::{self, attachments},
};
use aws_sdk_s3::primitives::ByteStreamError;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};
use sha2::{Digest, Sha256};
use std::{ops::RangeInclusive, sync::Arc, time::Duration};

/// A file, and the index that it is on.
pub enum Found {
    Stage(Arc<Index>, Arc<File>),
    /// A tox result or documentation.
    Attachment(Arc<Index>, Arc<Attachment>),
    Mirror(Box<Mirrored>),
}

impl Found {
    pub fn index(&self) -> &Index {
        match self {
            Self::Stage(index, _) | Self::Attachment(index, _) => index,
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
    let read = async {
        match index.mirror.is_some() {
            true => linked(service, &index, entry, filename).await,
            false => Ok((uploaded(service, &index, entry, filename).await?, true)),
        }
    };
    let there = remembered(service, &index, format!("{entry}/{filename}"), read).await?;
    resolve::check_project(service, caller, &index, there.project())?;
    Ok(found(index, there))
}

/// What there is at a path of an index: as it is remembered, or else as the rows say, with whether that may be kept.
///
/// # Errors
/// Those of `read`.
pub(super) async fn remembered(
    service: &Service,
    index: &Arc<Index>,
    path: String,
    read: impl Future<Output = Result<(files::Found, bool)>>,
) -> Result<files::Found> {
    let key = (index.id, path);
    if let Some(known) = service.files.at(&key)
        && resolve::presence(service, index, Some(known.found.project())).await?.serial == known.at
    {
        metrics::counter!("wheelyard_files_found_total", "from" => "memory").increment(1);
        return Ok(known.found);
    }
    // Before the rows are read, which then have every change up to it.
    let known = service.gate.serial();
    let (there, is_open) = read.await?;
    metrics::counter!("wheelyard_files_found_total", "from" => "database").increment(1);
    if is_open {
        keep(service, index, key, known, &there).await;
    }
    Ok(there)
}

fn found(index: Arc<Index>, found: files::Found) -> Found {
    match found {
        files::Found::Stage(file) => Found::Stage(index, file),
        files::Found::Attachment(attachment) => Found::Attachment(index, attachment),
        files::Found::Mirror { project, link, content } => {
            Found::Mirror(Box::new(Mirrored::known(index, project, link, content)))
        }
    }
}

/// Remembers what was found in rows that were read after this serial was known.
///
/// They have every change of the project up to its serial here, unless that is newer than what was known. They may have a
/// later one too: then this serial is over as soon as the gate hears of it, and until then the database says the same.
async fn keep(service: &Service, index: &Arc<Index>, key: files::Key, known: Serial, there: &files::Found) {
    if let Ok(presence) = resolve::presence(service, index, Some(there.project())).await
        && presence.serial <= known
    {
        service.files.keep(key, files::Known { found: there.clone(), at: presence.serial });
    }
}

/// What a mirror has at a path, and whether it is an open row.
async fn linked(
    service: &Service,
    index: &Arc<Index>,
    entry: &str,
    filename: &str,
) -> Result<(files::Found, bool)> {
    let found = mirrored::link_at(service, index, entry, filename).await?.ok_or(Error::NoSuchFile)?;
    let (project, link) = (found.project, Arc::new(found.link));
    Ok((files::Found::Mirror { project, link, content: Arc::default() }, found.is_open))
}

/// What a stage has at a path.
async fn uploaded(service: &Service, index: &Index, entry: &str, filename: &str) -> Result<files::Found> {
    let hash = entry.strip_prefix("+f/").and_then(|hash| hash.split_once('/'));
    let Some((first, next)) = hash.filter(|(first, next)| (first.len(), next.len()) == (3, 13)) else {
        return Err(Error::NoSuchFile);
    };
    let hash_start = format!("{first}{next}");
    let db = service.db().await?;
    match store::files::at_path(&db, index, &hash_start, filename).await? {
        file::Found::File(file) => return Ok(files::Found::Stage(Arc::from(file))),
        file::Found::Deleted => return Err(Error::Gone("file".into())),
        file::Found::Never => {}
    }
    match attachments::at_path(&db, index, entry, filename).await? {
        attachments::Found::Attachment(attachment) => Ok(files::Found::Attachment(Arc::from(attachment))),
        attachments::Found::Deleted => Err(Error::Gone("file".into())),
        attachments::Found::Never => Err(Error::NoSuchFile),
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

/// The bytes of stored content, or of a range of it.
pub enum Content {
    Here(Bytes),
    /// As the object store sends them; one that does not come is an error, and the last.
    Coming(BoxStream<'static, Result<Bytes, ByteStreamError>>),
}

/// The bytes of stored content of this size, or a range of them.
///
/// # Errors
/// Those of the object store; [`Error::Internal`] when it has something else there than it was given.
pub async fn content(
    service: &Service,
    sha256: &str,
    size: u64,
    range: Option<RangeInclusive<u64>>,
) -> Result<Content> {
    if let Some(bytes) = service.objects.get(sha256, size, whole(service, sha256, size)).await? {
        metrics::counter!("wheelyard_small_objects_served_total").increment(1);
        return Ok(Content::Here(match range {
            Some(range) => part(&bytes, &range)?,
            None => bytes,
        }));
    }
    let length = range.as_ref().map_or(size, |range| range.end() - range.start() + 1);
    let bytes = service.blobs.get(&BlobKey::Content(sha256.to_owned()), range).await?;
    // Nobody has its digest before its end, but another length is told before its beginning.
    match bytes.size_hint() {
        (_, Some(length_there)) if length_there != length => Err(damaged(sha256)),
        _ => Ok(Content::Coming(pieces(bytes).boxed())),
    }
}

fn part(bytes: &Bytes, range: &RangeInclusive<u64>) -> Result<Bytes> {
    let beyond = || Error::Internal("a range beyond its file".into());
    let start = usize::try_from(*range.start()).map_err(|_| beyond())?;
    let end = usize::try_from(*range.end()).ok().filter(|end| *end < bytes.len()).ok_or_else(beyond)?;
    Ok(bytes.slice(start..=end))
}

/// An object as it should be, out of the store.
async fn whole(service: &Service, sha256: &str, size: u64) -> Result<Bytes> {
    metrics::counter!("wheelyard_small_objects_read_total").increment(1);
    let mut coming = service.blobs.get(&BlobKey::Content(sha256.to_owned()), None).await?;
    let size = usize::try_from(size).map_err(|error| Error::Internal(error.to_string()))?;
    let mut bytes = BytesMut::with_capacity(size);
    while let Some(chunk) =
        coming.try_next().await.map_err(|error| Error::ObjectStore(format!("{sha256}: {error}")))?
    {
        if bytes.len() + chunk.len() > size {
            return Err(damaged(sha256));
        }
        bytes.extend_from_slice(&chunk);
    }
    let bytes = bytes.freeze();
    let hashed = bytes.clone();
    let digest = tokio::task::spawn_blocking(move || hex::encode(Sha256::digest(&hashed)));
    match digest.await.map_err(|error| Error::Internal(error.to_string()))? == sha256 {
        true => Ok(bytes),
        false => Err(damaged(sha256)),
    }
}

fn damaged(sha256: &str) -> Error {
    Error::Internal(format!("the object {sha256} is not what was stored"))
}

/// Where the object store itself serves the content for a while, as a file of this name.
pub async fn presigned_url(service: &Service, sha256: &str, filename: &str) -> Result<String> {
    let life = Duration::from_secs(service.config.server.presign_seconds);
    service.blobs.presigned_url(&BlobKey::Content(sha256.to_owned()), filename, life).await
}

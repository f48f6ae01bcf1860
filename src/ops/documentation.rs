//! The documentation of releases, read file by file out of its zip in the object store (devpi-api, Documentation).
//!
//! Nothing is unpacked but what is asked for: the directory of the zip says where a file is, and a range of the object is
//! unpacked on its way to the client.

use crate::{
    cache::files::Found,
    error::{Error, Result},
    model::{
        access::Caller,
        archive::{
            documents::{Document, Documents},
            unpack::Unpacker,
        },
        attachment::Attachment,
        index::Index,
        name::{IndexName, ProjectName},
        version,
    },
    ops::{
        download::{self, Content, remembered},
        receive::Reader,
        resolve,
    },
    service::Service,
    store,
};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt, stream, stream::BoxStream};
use std::{cmp::Reverse, ops::RangeInclusive, sync::Arc};

/// The documentation of a release of exactly this index: of a version, or of the newest that has any, which `latest` and
/// (without pre-releases) `stable` stand for.
///
/// # Errors
/// Those of [`resolve::readable_project`]; [`Error::NotFound`].
pub async fn find(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: &ProjectName,
    version: &str,
) -> Result<(Arc<Index>, Arc<Attachment>)> {
    let index = resolve::readable_project(service, caller, index, project).await?;
    let missing = || {
        let kind = if version == "stable" { "No stable" } else { "No" };
        Error::NotFound(format!("{kind} documentation available."))
    };
    let read = async {
        let is_newest = ["latest", "stable"].contains(&version);
        let wanted = (!is_newest).then_some(version);
        let mut all =
            store::attachments::documentation(&service.db().await?, index.id, project, wanted).await?;
        all.retain(|it| version != "stable" || version::is_stable(&it.version));
        let newest = all.into_iter().max_by_key(|it| version::sort_key(&it.version));
        Ok((Found::Attachment(Arc::new(newest.ok_or_else(missing)?)), true))
    };
    match remembered(service, &index, format!("{project}/{version}/+doc"), read).await? {
        Found::Attachment(attachment) => Ok((index, attachment)),
        _ => Err(missing()),
    }
}

/// The versions of exactly this index that have documentation, newest first.
///
/// # Errors
/// Those of [`resolve::readable_project`].
pub async fn versions(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: &ProjectName,
) -> Result<Vec<String>> {
    let index = resolve::readable_project(service, caller, index, project).await?;
    let all = store::attachments::documentation(&service.db().await?, index.id, project, None).await?;
    let mut versions: Vec<String> = all.into_iter().map(|it| it.version).collect();
    versions.sort_by_cached_key(|version| Reverse(version::sort_key(version)));
    Ok(versions)
}

/// The directory of documentation.
///
/// # Errors
/// Those of the object store; [`Error::NotFound`] when it can't be read.
pub async fn directory(service: &Service, archive: &Attachment) -> Result<Arc<Documents>> {
    let load = async {
        let busy = "too much documentation is opened at the same time";
        let _place = service.place(&service.directory_reads, busy).await?;
        let size = archive.size.unsigned_abs();
        let mut reader = Reader::of_stored(service, &archive.sha256, size);
        let filename = archive.filename.clone();
        let read = tokio::task::spawn_blocking(move || {
            let documents = Documents::read(&filename, &mut reader, size);
            reader.failure.map_or(documents.map_err(Error::NotFound), Err)
        });
        read.await.map_err(|error| Error::Internal(error.to_string()))?.map(Arc::new)
    };
    let documents = service.directories.try_get_with_by_ref(&archive.sha256, load).await;
    documents.map_err(|error: Arc<Error>| Error::clone(&error))
}

/// The bytes of a file of documentation, as they come; what turns out to be damaged breaks off before its end.
///
/// # Errors
/// Those of the object store; [`Error::NotFound`] when the file can't be read.
pub async fn content(
    service: &Service,
    archive: &Attachment,
    document: Document<'_>,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
    let (start, length) = match document.place() {
        Ok(place) => place,
        Err(range) => {
            let header: BytesMut = packed(service, archive, range).await?.try_collect().await?;
            document.learn(&header).map_err(|reason| broken(archive, &reason))?;
            document.place().map_err(|_| Error::Internal("a place that is not known".into()))?
        }
    };
    let packed = match length {
        0 => stream::empty().boxed(),
        _ => packed(service, archive, start..=start + length - 1).await?,
    };
    Ok(unpacked(packed, document.unpacker(), archive.filename.clone()))
}

/// A range of the zip.
async fn packed(
    service: &Service,
    archive: &Attachment,
    range: RangeInclusive<u64>,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let size = archive.size.unsigned_abs();
    Ok(match download::content(service, &archive.sha256, size, Some(range)).await? {
        Content::Here(bytes) => stream::iter([Ok(bytes)]).boxed(),
        Content::Coming(pieces) => pieces.map_err(|error| Error::ObjectStore(error.to_string())).boxed(),
    })
}

fn unpacked(
    packed: BoxStream<'static, Result<Bytes>>,
    unpacker: Unpacker,
    filename: String,
) -> impl Stream<Item = Result<Bytes>> + Send {
    let begin = (packed, unpacker, Bytes::new());
    stream::try_unfold(begin, move |(mut packed, mut unpacker, mut here)| {
        let damaged = {
            let filename = filename.clone();
            move |reason: &str| Error::NotFound(format!("a file of '{filename}' {reason}"))
        };
        async move {
            while !unpacker.is_done() {
                let piece = unpacker.step(&mut here).map_err(&damaged)?;
                if !piece.is_empty() {
                    return Ok(Some((piece, (packed, unpacker, here))));
                }
                if here.is_empty() {
                    here = packed.try_next().await?.ok_or_else(|| damaged("is cut"))?;
                }
            }
            Ok(None)
        }
    })
}

fn broken(archive: &Attachment, reason: &str) -> Error {
    Error::NotFound(format!("'{}' {reason}", archive.filename))
}

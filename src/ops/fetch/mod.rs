//! Files of mirrors that are not here yet: fetched once, by whoever comes first, for all who want them meanwhile, and
//! stored on the way (DESIGN, Mirrors).

mod ask;
mod digests;
mod download;
mod keep;

pub use ask::{Ranged, range, size};
pub(super) use ask::{failed, parse};

use crate::{
    error::{Error, Result},
    model::{
        archive::ranges::RangeReader,
        index::Index,
        link::{Content, Link},
        mirror::Mirror,
        name::ProjectName,
    },
    ops::after_response,
    service::Service,
    store,
    timing::{self, Phase},
    upstream::spool::{Download, Spool},
};
use bytes::Bytes;
use download::Fetch;
use futures::Stream;
use std::sync::{Arc, OnceLock};

/// A file of a mirror.
#[derive(Debug, Clone)]
pub struct Mirrored {
    pub index: Arc<Index>,
    pub project: ProjectName,
    pub link: Arc<Link>,
    /// Its stored content, once that is known and nothing but a change of the project can take it away.
    content: Arc<OnceLock<Content>>,
}

impl Mirrored {
    pub fn new(index: Arc<Index>, project: ProjectName, link: Arc<Link>) -> Self {
        Self::known(index, project, link, Arc::default())
    }

    /// The same, with what memory has of its content.
    pub(super) fn known(
        index: Arc<Index>,
        project: ProjectName,
        link: Arc<Link>,
        content: Arc<OnceLock<Content>>,
    ) -> Self {
        Self { index, project, link, content }
    }

    /// The upstream.
    ///
    /// # Errors
    /// [`Error::NoSuchFile`] when the index is no mirror any more.
    pub(super) fn mirror(&self) -> Result<&Mirror> {
        self.index.mirror.as_deref().ok_or(Error::NoSuchFile)
    }

    /// The path of the file below the root: `user/index/+f/…`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.index.name, self.link.entry_path())
    }

    /// Of this mirror alone: what another may know by its digest is not for whoever states the same.
    fn key(&self) -> String {
        format!("{} {}", self.index.id, self.link.entry_path())
    }
}

/// A file that has begun to come.
pub struct Opened {
    spool: Arc<Spool>,
    /// Of the whole, in bytes, if it is known.
    pub size: Option<u64>,
}

impl Opened {
    /// The bytes from `start` to before `end`, or to the end of the file. An error in the middle means that what came
    /// is worth nothing.
    pub fn bytes(
        &self,
        start: u64,
        end: Option<u64>,
    ) -> impl Stream<Item = Result<Bytes>> + Send + 'static + use<> {
        self.spool.stream(start, end)
    }

    /// Waits for the whole, and gives it to a blocking thread.
    ///
    /// # Errors
    /// Why it did not come.
    pub(super) async fn reader(&self) -> Result<(RangeReader, u64)> {
        let size = self.spool.ended().await?;
        Ok((reader(&self.spool, size), size))
    }
}

/// Where a file of a mirror is.
pub enum Place {
    Stored(Content),
    /// On its way, and so far released to so many bytes.
    Coming(u64),
    Upstream,
}

/// Looks where a file is, without asking the upstream.
pub async fn place(service: &Service, file: &Mirrored) -> Result<Place> {
    if let Some(content) = file.content.get() {
        return Ok(Place::Stored(content.clone()));
    }
    // In this order, so that a file that is stored in between is not fetched again.
    if let Some(download) = service.downloads.find(&file.key()) {
        return Ok(Place::Coming(download.spool.released()));
    }
    Ok(stored(service, file).await?.map_or(Place::Upstream, Place::Stored))
}

async fn stored(service: &Service, file: &Mirrored) -> Result<Option<Content>> {
    let content = store::links::content(&service.db().await?, file.index.id, &file.link).await?;
    let content = content.map(|(sha256, size)| Content { sha256, size });
    // Where no digest is stated, another process may store something else in its place.
    if let (Some(content), Some(_)) = (&content, file.link.sha256()) {
        let _ = file.content.set(content.clone());
    }
    Ok(content)
}

/// Has a file fetched, unless it is on its way already, and waits until the first of it is here.
///
/// # Errors
/// [`Error::NotFound`] when the upstream has no such file, [`Error::Upstream`] when it has no good one,
/// [`Error::Overloaded`] when too many are fetched.
pub async fn open(service: &Service, file: &Mirrored) -> Result<Opened> {
    let spool = join(service, file).spool.clone();
    let size = spool.begun().await?;
    Ok(Opened { spool, size })
}

/// Has a file stored, and waits for it.
///
/// # Errors
/// Those of [`open`] and of the object store.
pub async fn ensure_stored(
    service: &Service,
    index: &Arc<Index>,
    project: &ProjectName,
    link: &Link,
) -> Result<Content> {
    let file = Mirrored::new(index.clone(), project.clone(), Arc::new(link.clone()));
    if let Some(content) = stored(service, &file).await? {
        return Ok(content);
    }
    let download = join(service, &file);
    let mut kept = download.kept.subscribe();
    let kept = timing::of(Phase::Upstream, kept.wait_for(Option::is_some)).await;
    let kept = kept.map_err(|error| Error::Internal(error.to_string()))?;
    kept.clone().unwrap_or(Err(Error::NoSuchFile))
}

/// The one download of a file.
fn join(service: &Service, file: &Mirrored) -> Arc<Download> {
    let key = file.key();
    let (download, writer) = service.downloads.join(&key);
    if let Some(writer) = writer {
        let fetch = Fetch::new(service, file.clone(), key, download.clone());
        after_response::go_on(service, fetch.run(writer));
    }
    download
}

/// Random access to a file that is here as a whole; for a blocking thread.
pub(super) fn reader(spool: &Arc<Spool>, size: u64) -> RangeReader {
    /// Without a way to go, reading little at a time costs nothing.
    const SMALLEST: u64 = 64 << 10;
    let spool = spool.clone();
    let fetch = move |range: std::ops::RangeInclusive<u64>| {
        spool.read_now(*range.start(), range.end() - range.start() + 1)
    };
    RangeReader::new(size, SMALLEST, Box::new(fetch))
}

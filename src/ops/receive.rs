//! Takes the bytes of an upload as they come: hashed and stored on the way, at most two parts of it in memory.

use crate::{
    blobs::{BlobKey, PART_SIZE, Staging},
    error::{Error, Result},
    model::archive::ranges::RangeReader,
    service::Service,
    store::{self, Change, blobs::Blob},
};
use blake2::{Blake2b, digest::consts::U32};
use bytes::{Bytes, BytesMut};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::{
    io::{self, Cursor, Read, Seek, SeekFrom},
    sync::Arc,
};
use tokio::sync::OwnedMutexGuard;

/// An upload on its way in.
pub struct Receiver {
    service: Service,
    buffer: BytesMut,
    digests: Digests,
    staging: Option<Staging>,
    size: u64,
    limit: u64,
}

/// The digests of a content that are always kept.
#[derive(Clone, Default)]
pub(super) struct Digests {
    sha256: Sha256,
    md5: Md5,
    blake2b_256: Blake2b<U32>,
}

impl Digests {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.md5.update(bytes);
        self.blake2b_256.update(bytes);
    }

    /// The content of this size that was given.
    pub(super) fn blob(self, size: u64) -> Result<Blob> {
        Ok(Blob {
            sha256: hex::encode(self.sha256.finalize()),
            md5: hex::encode(self.md5.finalize()),
            blake2b_256: hex::encode(self.blake2b_256.finalize()),
            size: i64::try_from(size).map_err(|error| Error::Internal(error.to_string()))?,
        })
    }
}

/// A whole upload that no row names yet.
pub struct Received {
    pub blob: Blob,
    content: Content,
}

enum Content {
    /// Up to one part.
    Memory(Bytes),
    Staged(BlobKey),
}

impl Receiver {
    /// Takes this many bytes at most.
    pub fn new(service: &Service, limit: u64) -> Self {
        Self {
            service: service.clone(),
            buffer: BytesMut::new(),
            digests: Digests::default(),
            staging: None,
            size: 0,
            limit,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above the limit; those of the object store.
    pub async fn push(&mut self, chunk: &Bytes) -> Result<()> {
        self.size += chunk.len() as u64;
        if self.size > self.limit {
            return Err(Error::TooLarge(self.limit));
        }
        self.buffer.extend_from_slice(chunk);
        while self.buffer.len() > PART_SIZE {
            let part = self.buffer.split_to(PART_SIZE).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    /// Ends the upload.
    pub async fn finish(mut self) -> Result<Received> {
        let rest = self.buffer.split().freeze();
        let content = if self.staging.is_some() {
            self.send(rest).await?;
            match self.staging.take() {
                Some(staging) => Content::Staged(staging.complete().await?),
                None => return Err(Error::Internal("an upload without its staging".into())),
            }
        } else {
            self.digest(&rest).await?;
            Content::Memory(rest)
        };
        Ok(Received { blob: self.digests.blob(self.size)?, content })
    }

    /// Gives the upload up.
    pub async fn abort(self) {
        if let Some(staging) = self.staging {
            staging.give_up().await;
        }
    }

    async fn send(&mut self, part: Bytes) -> Result<()> {
        let sha256 = self.digest(&part).await?;
        let staging = match &mut self.staging {
            Some(staging) => staging,
            none => none.insert(self.service.blobs.stage().await?),
        };
        staging.part(part, sha256).await
    }

    /// Adds a part to the digests of the whole and returns its own sha256; off the async threads, since a full part takes
    /// tens of milliseconds.
    async fn digest(&mut self, part: &Bytes) -> Result<[u8; 32]> {
        let (mut digests, part) = (std::mem::take(&mut self.digests), part.clone());
        let hashed = tokio::task::spawn_blocking(move || {
            digests.update(&part);
            (digests, Sha256::digest(&part).into())
        });
        let (digests, sha256) = hashed.await.map_err(|error| Error::Internal(error.to_string()))?;
        self.digests = digests;
        Ok(sha256)
    }
}

/// Content that is in the store, and that no other upload of this process stores until this is dropped.
pub struct Kept {
    sha256: String,
    /// It was there before.
    is_known: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Kept {
    /// Says so in the change whose rows name the content.
    ///
    /// # Errors
    /// As [`store::blobs::stored`].
    pub async fn confirm(&self, change: &mut Change<'_>) -> Result<()> {
        match self.is_known {
            true => Ok(()),
            false => store::blobs::stored(change, &self.sha256).await,
        }
    }
}

/// Reads a received upload on a blocking thread, and remembers if the object store failed meanwhile.
pub struct Reader {
    source: Source,
    pub failure: Option<Error>,
}

enum Source {
    Memory(Cursor<Bytes>),
    Store(Box<RangeReader>),
}

impl Reader {
    /// Reads stored content of this size.
    pub fn of_stored(service: &Service, sha256: &str, size: u64) -> Self {
        let key = BlobKey::Content(sha256.to_owned());
        Self { source: Source::Store(Box::new(service.blobs.reader(key, size))), failure: None }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::Memory(memory) => memory.read(buffer),
            Source::Store(store) => store.read(buffer).inspect_err(|error| {
                self.failure = Some(Error::ObjectStore(error.to_string()));
            }),
        }
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.source {
            Source::Memory(memory) => memory.seek(to),
            Source::Store(store) => store.seek(to),
        }
    }
}

impl Received {
    /// The content for a reader on a blocking thread.
    pub fn reader(&self, service: &Service) -> Reader {
        let source = match &self.content {
            Content::Memory(bytes) => Source::Memory(Cursor::new(bytes.clone())),
            Content::Staged(key) => {
                Source::Store(Box::new(service.blobs.reader(key.clone(), self.blob.size.unsigned_abs())))
            }
        };
        Reader { source, failure: None }
    }

    /// Has the content in the store, for a change that names it next.
    ///
    /// # Errors
    /// [`Error::Busy`] while gc deletes it; those of database and object store.
    pub async fn keep(&self, service: &Service) -> Result<Kept> {
        // Of equal uploads to this process the first stores the content, and the others then find it there.
        let turn = service.storing.get_with_by_ref(&self.blob.sha256, async { Arc::default() }).await;
        let turn = turn.lock_owned().await;
        let claim = async { store::blobs::claim(&service.db().await?, &self.blob).await };
        let is_known = service.bounded(claim).await?;
        if !is_known {
            self.store(service).await?;
        }
        Ok(Kept { sha256: self.blob.sha256.clone(), is_known, _turn: turn })
    }

    /// Puts the content to where its hash says.
    async fn store(&self, service: &Service) -> Result<()> {
        let key = BlobKey::Content(self.blob.sha256.clone());
        match &self.content {
            Content::Memory(bytes) => service.blobs.put(&key, bytes.clone(), &self.blob.sha256).await,
            Content::Staged(staged) => service.blobs.copy(staged, &key).await,
        }
    }

    /// Removes what is staged; what can't be removed now is left to gc.
    pub async fn discard(self, service: &Service) {
        if let Content::Staged(key) = &self.content
            && let Err(error) = service.blobs.delete(key).await
        {
            tracing::warn!(%error, "a staged upload stays");
        }
    }
}

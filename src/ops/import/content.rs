//! Bytes of an import: read from the folder, checked, and stored.

use super::Import;
use crate::{
    blobs::{BlobKey, PART_SIZE, Staging},
    error::{Error, Result},
    model::{
        archive::{self, documents::Documents},
        dump::{Kind, PlannedFile},
        metadata,
        name::ProjectName,
    },
    ops::digests::Hashers,
    store::{self, blobs::Blob},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{Read, Seek},
    path::{Path, PathBuf},
    sync::Arc,
};

/// So many bytes are read at once.
const READ_SIZE: usize = 1 << 20;

/// A file that is what the export says.
pub(super) struct Content {
    pub blob: Blob,
    /// Core metadata, where they could be read.
    pub metadata: Option<Vec<u8>>,
    /// As they say.
    pub requires_python: Option<String>,
    /// What is wrong with it, although it is taken.
    pub remark: Option<String>,
    path: PathBuf,
    /// All of it, up to a part.
    bytes: Option<Bytes>,
}

/// Reads a file of the export on a blocking thread, with its digests and core metadata; else why it is not taken.
pub(super) async fn read(
    folder: &Path,
    file: &PlannedFile,
    project: &ProjectName,
    version: &str,
) -> Result<Result<Content, String>> {
    let path = folder.join(&file.path);
    let (folder, project, version) = (folder.to_owned(), project.clone(), version.to_owned());
    let (kind, filename, digests) = (file.kind, file.filename.clone(), file.digests.clone());
    let read = tokio::task::spawn_blocking(move || {
        let fail = |error: std::io::Error| format!("it can't be read: {error}");
        let path = path.canonicalize().map_err(fail)?;
        if !path.starts_with(&folder) {
            return Err("its path leads out of the folder".to_owned());
        }
        // Before it is opened, which waits for whoever writes to a pipe.
        if !path.metadata().map_err(fail)?.is_file() {
            return Err("it is no file".to_owned());
        }
        let mut source = File::open(&path).map_err(fail)?;
        let mut hashers = Hashers::new(&digests);
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; READ_SIZE]);
        loop {
            let count = source.read(&mut buffer).map_err(fail)?;
            if count == 0 {
                break;
            }
            hashers.update(&buffer[..count]);
            if bytes.len() <= PART_SIZE {
                bytes.extend_from_slice(&buffer[..count]);
            }
        }
        let blob = hashers.finish(&digests).map_err(|error| error.to_string())?;
        let blob = blob.map_err(|name| format!("it does not have the {name} that the export states"))?;
        let bytes = (bytes.len() <= PART_SIZE).then(|| Bytes::from(bytes));
        let mut content = Content { blob, metadata: None, requires_python: None, remark: None, path, bytes };
        if kind == Kind::ReleaseFile {
            source.rewind().map_err(fail)?;
            let size = content.blob.size.unsigned_abs();
            match archive::inspect(&filename, &project, &version, source, size) {
                Ok(contents) => content.metadata = contents.metadata,
                Err(problem) => {
                    content.remark = Some(format!("has no core metadata that could be read: {problem}"));
                }
            }
            let parsed = content.metadata.as_deref().and_then(|bytes| metadata::parse(bytes).ok());
            content.requires_python = parsed.and_then(|metadata| metadata.requires_python);
        } else if kind == Kind::DocZip {
            source.rewind().map_err(fail)?;
            let size = content.blob.size.unsigned_abs();
            content.remark = Documents::read(&filename, source, size).err();
        }
        Ok(content)
    });
    read.await.map_err(|error| Error::Internal(error.to_string()))
}

impl Import<'_> {
    /// What a file holds; `None`, and told, when it can't be taken.
    pub(super) async fn content(
        &self,
        file: &PlannedFile,
        project: &ProjectName,
        version: &str,
    ) -> Result<Option<Content>> {
        let read = read(self.folder, file, project, version).await?;
        Ok(read.map_err(|why| self.tally.refuse_file(&file.path, why)).ok())
    }

    /// Stores what a file holds unless it is there; returns whether it was, or `None`, and told, when it can't be taken.
    pub(super) async fn store(&self, file: &PlannedFile, content: &mut Content) -> Result<Option<bool>> {
        let stored = self.store_content(content).await?;
        // A release waits for the last of its files, and is not to hold them all.
        content.bytes = None;
        Ok(stored.map_err(|why| self.tally.refuse_file(&file.path, why)).ok())
    }

    async fn store_content(&self, content: &Content) -> Result<Result<bool, String>> {
        let (service, blob) = (self.service, &content.blob);
        // Of equal files one is sent at a time.
        let turn = service.storing.get_with_by_ref(&blob.sha256, async { Arc::default() }).await;
        let _turn = turn.lock().await;
        if store::blobs::claim(&service.db().await?, blob).await? {
            return Ok(Ok(true));
        }
        let key = BlobKey::Content(blob.sha256.clone());
        if let Some(bytes) = &content.bytes {
            service.blobs.put(&key, bytes.clone(), &blob.sha256).await?;
            return Ok(Ok(false));
        }
        let mut staging = service.blobs.begin(key).await?;
        match send(&mut staging, &content.path).await {
            Ok(sent) if sent == blob.sha256 => {
                staging.complete().await?;
                Ok(Ok(false))
            }
            sent => {
                staging.give_up().await;
                sent.map(|_| Err("it changed while it was read".to_owned()))
            }
        }
    }
}

/// Sends a file part by part; returns the sha256 (hex) of what was sent.
async fn send(staging: &mut Staging, path: &Path) -> Result<String> {
    let mut left = Some((File::open(path).map_err(|error| unreadable(&error))?, Sha256::new()));
    while let Some((mut file, mut whole)) = left.take() {
        let read = tokio::task::spawn_blocking(move || {
            let mut part = Vec::with_capacity(PART_SIZE);
            file.by_ref().take(PART_SIZE as u64).read_to_end(&mut part)?;
            whole.update(&part);
            Ok((Sha256::digest(&part).into(), Bytes::from(part), file, whole))
        });
        let read = read.await.map_err(|error| Error::Internal(error.to_string()))?;
        let (sha256, part, file, whole) = read.map_err(|error| unreadable(&error))?;
        if part.is_empty() {
            return Ok(hex::encode(whole.finalize()));
        }
        staging.part(part, sha256).await?;
        left = Some((file, whole));
    }
    Err(Error::Internal("a file without an end".into()))
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::Internal(format!("a file of the export: {error}"))
}

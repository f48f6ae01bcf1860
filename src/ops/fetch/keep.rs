//! Brings a file from its spool into the object store, while it comes where its digest is known before.

use super::Mirrored;
use crate::{
    blobs::{BlobKey, PART_SIZE, Staging},
    error::{Error, Result},
    model::link::Content,
    service::Service,
    store::{self, blobs::Blob},
    upstream::spool::Spool,
};
use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::oneshot;

pub(super) struct Keeper<'a> {
    service: &'a Service,
    file: &'a Mirrored,
    spool: &'a Arc<Spool>,
}

/// A file on its way into the store: up to a part of it is in memory, the parts before are there.
struct Sent {
    staging: Option<Staging>,
    rest: Bytes,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(service: &'a Service, file: &'a Mirrored, spool: &'a Arc<Spool>) -> Self {
        Self { service, file, spool }
    }

    /// Stores the file; `blob` comes when it is whole and right.
    ///
    /// # Errors
    /// Why it did not come; those of the object store and the database. Then nothing of it is there.
    pub(super) async fn keep(&self, blob: oneshot::Receiver<Blob>) -> Result<Content> {
        let sent = match self.file.link.content_sha256() {
            Some(sha256) => Some(self.send(sha256).await?),
            None => None,
        };
        self.spool.ended().await?;
        let blob = blob.await.map_err(|error| Error::Internal(error.to_string()))?;
        // Of equal content that comes to this process twice the first is stored, and the second finds it there.
        let turn = self.service.storing.get_with_by_ref(&blob.sha256, async { Arc::default() }).await;
        let _turn = turn.lock().await;
        let claim = async { store::blobs::claim(&self.service.db().await?, &blob).await };
        match (self.service.bounded(claim).await, sent) {
            (Ok(false), Some(sent)) => self.complete(sent, &blob.sha256).await?,
            (Ok(false), None) => self.complete(self.send(&blob.sha256).await?, &blob.sha256).await?,
            (claimed, sent) => {
                if let Some(Sent { staging: Some(staging), .. }) = sent {
                    staging.give_up().await;
                }
                claimed?;
            }
        }
        let Mirrored { index, link, .. } = self.file;
        let keep = async {
            let db = self.service.db().await?;
            store::links::keep_content(&db, index.id, link, &blob.sha256).await
        };
        self.service.bounded(keep).await?;
        Ok(Content { sha256: blob.sha256, size: blob.size })
    }

    /// Sends all but the last part, as they come.
    async fn send(&self, sha256: &str) -> Result<Sent> {
        let mut staging = None;
        let sent = self.send_parts(sha256, &mut staging).await;
        match (sent, staging) {
            (Ok(rest), staging) => Ok(Sent { staging, rest }),
            (Err(error), None) => Err(error),
            (Err(error), Some(staging)) => {
                staging.give_up().await;
                Err(error)
            }
        }
    }

    async fn send_parts(&self, sha256: &str, staging: &mut Option<Staging>) -> Result<Bytes> {
        let (mut at, mut buffer) = (0, BytesMut::new());
        loop {
            let bytes = self.spool.read(at).await?;
            if bytes.is_empty() {
                return Ok(buffer.freeze());
            }
            at += bytes.len() as u64;
            buffer.extend_from_slice(&bytes);
            if buffer.len() > PART_SIZE {
                let part = buffer.split_to(PART_SIZE).freeze();
                if staging.is_none() {
                    let key = BlobKey::Content(sha256.to_owned());
                    *staging = Some(self.service.blobs.begin(key).await?);
                }
                if let Some(staging) = staging {
                    send_part(staging, part).await?;
                }
            }
        }
    }

    async fn complete(&self, Sent { staging, rest }: Sent, sha256: &str) -> Result<()> {
        let Some(mut staging) = staging else {
            return self.service.blobs.put(&BlobKey::Content(sha256.to_owned()), rest, sha256).await;
        };
        match send_part(&mut staging, rest).await {
            Ok(()) => staging.complete().await.map(drop),
            Err(error) => {
                staging.give_up().await;
                Err(error)
            }
        }
    }
}

async fn send_part(staging: &mut Staging, part: Bytes) -> Result<()> {
    let bytes = part.clone();
    let sha256 = tokio::task::spawn_blocking(move || Sha256::digest(&bytes).into());
    staging.part(part, sha256.await.map_err(|error| Error::Internal(error.to_string()))?).await
}

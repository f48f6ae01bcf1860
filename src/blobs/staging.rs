//! A large object on its way into the store: a multipart upload, of which nothing is there until it is completed.

use super::{
    BlobKey, Blobs,
    key::{CACHE_CONTROL, MEDIA_TYPE},
    observed, patience,
};
use crate::error::{Error, Result};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use uuid::Uuid;

/// Size of a part, in bytes; also the most of an upload that is held in memory. S3 takes 10,000 parts.
pub const PART_SIZE: usize = 8 << 20;

/// A running multipart upload. One that is neither completed nor aborted is left to the bucket's lifecycle and gc.
pub struct Staging {
    blobs: Blobs,
    key: BlobKey,
    upload_id: String,
    parts: Vec<CompletedPart>,
}

impl Blobs {
    /// Begins an object under a name of its own, for content that is checked after its upload.
    pub async fn stage(&self) -> Result<Staging> {
        self.begin(BlobKey::Staging(Uuid::new_v4())).await
    }

    /// Begins an object; who completes it under its digest has checked it before.
    pub async fn begin(&self, key: BlobKey) -> Result<Staging> {
        let request = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(self.name(&key))
            .content_type(MEDIA_TYPE)
            .cache_control(CACHE_CONTROL)
            .send();
        let answer = observed("CreateMultipartUpload", request).await?;
        let upload_id = answer.upload_id.ok_or_else(|| Error::ObjectStore("no upload id".into()))?;
        Ok(Staging { blobs: self.clone(), key, upload_id, parts: Vec::new() })
    }
}

impl Staging {
    /// Adds the next part: [`PART_SIZE`] bytes, but for the last; with its sha256.
    pub async fn part(&mut self, content: Bytes, sha256: [u8; 32]) -> Result<()> {
        let number = i32::try_from(self.parts.len() + 1).map_err(|_| Error::TooLarge(u64::MAX))?;
        let request = self
            .blobs
            .client
            .upload_part()
            .bucket(&self.blobs.bucket)
            .key(self.blobs.name(&self.key))
            .upload_id(&self.upload_id)
            .part_number(number)
            .content_length(content.len() as i64)
            .checksum_sha256(STANDARD.encode(sha256))
            .body(content.into())
            .send();
        let answer = observed("UploadPart", request).await?;
        let part = CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag);
        self.parts.push(part.build());
        Ok(())
    }

    /// Makes the parts an object, and returns its key.
    pub async fn complete(self) -> Result<BlobKey> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.parts)).build();
        let request = self
            .blobs
            .client
            .complete_multipart_upload()
            .bucket(&self.blobs.bucket)
            .key(self.blobs.name(&self.key))
            .upload_id(&self.upload_id)
            .multipart_upload(parts)
            .customize()
            .config_override(patience())
            .send();
        observed("CompleteMultipartUpload", request).await?;
        Ok(self.key)
    }

    /// Gives the parts up; what can't be removed now is left to the bucket's lifecycle and gc.
    pub async fn give_up(self) {
        if let Err(error) = self.abort().await {
            tracing::warn!(%error, "parts of an upload that was given up stay in the store");
        }
    }

    async fn abort(self) -> Result<()> {
        let request = self
            .blobs
            .client
            .abort_multipart_upload()
            .bucket(&self.blobs.bucket)
            .key(self.blobs.name(&self.key))
            .upload_id(&self.upload_id)
            .send();
        observed("AbortMultipartUpload", request).await?;
        Ok(())
    }
}

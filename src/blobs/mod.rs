//! The object store: every object, by content or waiting to be checked.
//!
//! Nothing here knows what an object means, and no correctness rests on conditional writes, which some S3-compatible
//! servers do not have: PostgreSQL decides, the store only keeps bytes.

mod key;
mod meter;
mod reader;
mod staging;

pub use key::BlobKey;
pub use reader::RangeReader;
pub use staging::{PART_SIZE, Staging};

use crate::{
    config::S3Config,
    error::{Error, Result},
};
use aws_sdk_s3::{
    Client,
    config::{
        Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation, timeout::TimeoutConfig,
    },
    error::{DisplayErrorContext, SdkError},
    operation::get_object::GetObjectError,
    presigning::PresigningConfig,
    primitives::ByteStream,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use std::{
    ops::RangeInclusive,
    time::{Duration, SystemTime},
};

/// A bucket, and the prefix in it that is ours.
#[derive(Clone)]
pub struct Blobs {
    client: Client,
    bucket: String,
    prefix: String,
}

impl Blobs {
    /// Prepares the client: credentials and region by the settings, else by the standard AWS chain.
    pub async fn new(config: &S3Config) -> Self {
        let timeout = Duration::from_millis(config.s3_timeout);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5).min(timeout))
            .read_timeout(timeout)
            .operation_attempt_timeout(timeout)
            .build();
        let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest()).timeout_config(timeouts);
        if let Some((key, secret)) = &config.s3_credentials {
            loader = loader.credentials_provider(Credentials::new(key, secret, None, None, "settings"));
            loader = loader.region(Region::new("us-east-1"));
        }
        if let Some(endpoint) = &config.s3_endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let shared = loader.load().await;
        // A checksum of our own on every upload works on all servers; the SDK's default trailer does not.
        let settings = aws_sdk_s3::config::Builder::from(&shared)
            .interceptor(meter::Meter)
            .force_path_style(config.s3_path_style)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Self {
            client: Client::from_conf(settings),
            bucket: config.s3_bucket.clone(),
            prefix: config.s3_prefix.clone(),
        }
    }

    /// Whether the bucket answers.
    pub async fn check(&self) -> Result<()> {
        self.client.head_bucket().bucket(&self.bucket).send().await.map_err(failed("HeadBucket"))?;
        Ok(())
    }

    /// Stores bytes whose sha256 (hex) is known.
    pub async fn put(&self, key: &BlobKey, content: Bytes, sha256: &str) -> Result<()> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(self.name(key))
            .checksum_sha256(hex::decode(sha256).map(|digest| STANDARD.encode(digest)).unwrap_or_default())
            .content_length(content.len() as i64)
            .content_type(key.media_type())
            .cache_control(key.cache_control())
            .body(content.into())
            .send()
            .await
            .map_err(failed("PutObject"))?;
        Ok(())
    }

    /// Copies an object of at most 5 GiB inside the store.
    pub async fn copy(&self, from: &BlobKey, to: &BlobKey) -> Result<()> {
        self.client
            .copy_object()
            .copy_source(format!("{}/{}", self.bucket, self.name(from)))
            .bucket(&self.bucket)
            .key(self.name(to))
            .send()
            .await
            .map_err(failed("CopyObject"))?;
        Ok(())
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, key: &BlobKey) -> Result<()> {
        self.client
            .delete_object()
            .bucket(&self.bucket)
            .key(self.name(key))
            .send()
            .await
            .map_err(failed("DeleteObject"))?;
        Ok(())
    }

    /// The bytes of an object, or of a range of it, as they come.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no such object: a row promised it.
    pub async fn get(&self, key: &BlobKey, range: Option<RangeInclusive<u64>>) -> Result<ByteStream> {
        let range = range.map(|range| format!("bytes={}-{}", range.start(), range.end()));
        let answer =
            self.client.get_object().bucket(&self.bucket).key(self.name(key)).set_range(range).send().await;
        match answer {
            Ok(answer) => Ok(answer.body),
            Err(SdkError::ServiceError(error)) if matches!(error.err(), GetObjectError::NoSuchKey(_)) => {
                Err(Error::Internal(format!("the object {} is missing", self.name(key))))
            }
            Err(error) => Err(failed("GetObject")(error)),
        }
    }

    /// A URL at which anyone may read the object until it ends.
    ///
    /// It is signed as of a time that is rounded down to half of its life, so that within that time every process
    /// gives the same URL and caches on the way hit.
    pub async fn presigned_url(&self, key: &BlobKey, filename: &str, life: Duration) -> Result<String> {
        let step = (life.as_secs() / 2).max(1);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let signed_at = SystemTime::UNIX_EPOCH + Duration::from_secs(now - now % step);
        let config = PresigningConfig::builder().start_time(signed_at).expires_in(life).build();
        let config = config.map_err(|error| Error::Internal(format!("presigning: {error}")))?;
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.name(key))
            .response_content_type("application/octet-stream")
            .response_content_disposition(format!("attachment; filename=\"{filename}\""))
            .presigned(config)
            .await
            .map_err(failed("presigning"))?;
        Ok(request.uri().to_owned())
    }

    /// Random access to an object of this size, for code that blocks.
    pub fn reader(&self, key: BlobKey, size: u64) -> RangeReader {
        RangeReader::new(self.clone(), key, size)
    }

    fn name(&self, key: &BlobKey) -> String {
        format!("{}{}", self.prefix, key.name())
    }
}

/// Turns any failure of a request into our error, with its whole chain of causes for the log.
fn failed<E, R>(operation: &'static str) -> impl Fn(SdkError<E, R>) -> Error
where
    SdkError<E, R>: std::error::Error,
{
    move |error| Error::ObjectStore(format!("{operation}: {}", DisplayErrorContext(&error)))
}

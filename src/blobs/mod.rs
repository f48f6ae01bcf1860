//! The object store: every object, by content or waiting to be checked.
//!
//! Nothing here knows what an object means, and no correctness rests on conditional writes, which some S3-compatible
//! servers do not have: PostgreSQL decides, the store only keeps bytes.

mod key;
mod pieces;
mod staging;

pub use key::BlobKey;
use key::{CACHE_CONTROL, MEDIA_TYPE};
pub use pieces::pieces;
pub use staging::{PART_SIZE, Staging};

use crate::{
    config::S3Config,
    error::{Error, Result},
    model::archive::ranges::RangeReader,
    timing::{self, Phase},
};
use aws_config::{environment::EnvironmentVariableRegionProvider, meta::region::RegionProviderChain};
use aws_sdk_s3::{
    Client,
    config::{Credentials, RequestChecksumCalculation, ResponseChecksumValidation, timeout::TimeoutConfig},
    error::{DisplayErrorContext, SdkError},
    presigning::PresigningConfig,
    primitives::ByteStream,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use std::{
    io,
    ops::RangeInclusive,
    time::{Duration, Instant, SystemTime},
};
use tokio::runtime::Handle;

/// How long the store may take to copy the largest object, or to put its parts together.
const COPY_TIMEOUT: Duration = Duration::from_secs(600);

/// What a reader fetches at once after a seek, in bytes.
const SMALLEST_READ: u64 = 256 << 10;

/// How long a presigned URL is remembered. The SDK takes up other credentials five seconds or more before those of a role
/// end, and a URL signed with these is not to be given away after that.
const REMEMBERED: Duration = Duration::from_secs(3);

/// Memory for presigned URLs, in bytes.
const URLS: u64 = 10 << 20;

/// A bucket, and the prefix in it that is ours.
#[derive(Clone)]
pub struct Blobs {
    client: Client,
    bucket: String,
    prefix: String,
    /// Presigned URLs by the names of object and file, seconds at which they were signed, and seconds of their life.
    urls: moka::sync::Cache<(String, String, u64, u64), String>,
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
        }
        if let Some(endpoint) = &config.s3_endpoint {
            // Other servers than AWS have no regions, but a request is not signed without one.
            let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
            loader = loader.endpoint_url(endpoint).region(region.or_else("us-east-1"));
        }
        let shared = loader.load().await;
        // A checksum of our own on every upload works on all servers; the SDK's default trailer does not.
        let settings = aws_sdk_s3::config::Builder::from(&shared)
            .force_path_style(config.s3_path_style)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Self {
            client: Client::from_conf(settings),
            bucket: config.s3_bucket.clone(),
            prefix: config.s3_prefix.clone(),
            urls: moka::sync::Cache::builder()
                .weigher(|_, url: &String| u32::try_from(2 * url.len() + 256).unwrap_or(u32::MAX))
                .max_capacity(URLS)
                .time_to_live(REMEMBERED)
                .build(),
        }
    }

    /// Whether the bucket answers.
    pub async fn check(&self) -> Result<()> {
        observed("HeadBucket", self.client.head_bucket().bucket(&self.bucket).send()).await?;
        Ok(())
    }

    /// Stores bytes whose sha256 (hex) is known.
    pub async fn put(&self, key: &BlobKey, content: Bytes, sha256: &str) -> Result<()> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.name(key))
            .checksum_sha256(hex::decode(sha256).map(|digest| STANDARD.encode(digest)).unwrap_or_default())
            .content_length(content.len() as i64)
            .content_type(MEDIA_TYPE)
            .cache_control(CACHE_CONTROL)
            .body(content.into())
            .send();
        observed("PutObject", request).await?;
        Ok(())
    }

    /// Copies an object of at most 5 GiB inside the store, which may take minutes before the first word of the answer.
    pub async fn copy(&self, from: &BlobKey, to: &BlobKey) -> Result<()> {
        let request = self
            .client
            .copy_object()
            .copy_source(format!("{}/{}", self.bucket, self.name(from)))
            .bucket(&self.bucket)
            .key(self.name(to))
            .customize()
            .config_override(patience())
            .send();
        observed("CopyObject", request).await?;
        Ok(())
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, key: &BlobKey) -> Result<()> {
        let request = self.client.delete_object().bucket(&self.bucket).key(self.name(key)).send();
        observed("DeleteObject", request).await?;
        Ok(())
    }

    /// The bytes of an object, or of a range of it, as they come.
    pub async fn get(&self, key: &BlobKey, range: Option<RangeInclusive<u64>>) -> Result<ByteStream> {
        let range = range.map(|range| format!("bytes={}-{}", range.start(), range.end()));
        let request =
            self.client.get_object().bucket(&self.bucket).key(self.name(key)).set_range(range).send();
        Ok(observed("GetObject", request).await?.body)
    }

    /// A URL at which anyone may read the object until it ends.
    ///
    /// It is signed as of a time that is rounded down to half of its life, so that within that time every process
    /// gives the same URL and caches on the way hit.
    pub async fn presigned_url(&self, key: &BlobKey, filename: &str, life: Duration) -> Result<String> {
        let step = (life.as_secs() / 2).max(1);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let signed_at = now - now % step;
        let remembered = (self.name(key), filename.to_owned(), signed_at, life.as_secs());
        if let Some(url) = self.urls.get(&remembered) {
            return Ok(url);
        }
        let signed_at = SystemTime::UNIX_EPOCH + Duration::from_secs(signed_at);
        let config = PresigningConfig::builder().start_time(signed_at).expires_in(life).build();
        let config = config.map_err(|error| Error::Internal(format!("presigning: {error}")))?;
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.name(key))
            .response_content_type(MEDIA_TYPE)
            .response_content_disposition(format!("attachment; filename=\"{filename}\""))
            .presigned(config);
        let request = observed("presign", request).await?;
        let url = request.uri().to_owned();
        self.urls.insert(remembered, url.clone());
        Ok(url)
    }

    /// Random access to an object of this size; to be read on a blocking thread.
    pub fn reader(&self, key: BlobKey, size: u64) -> RangeReader {
        let (blobs, runtime, times) = (self.clone(), Handle::current(), timing::current());
        let fetch = move |range| {
            let content = timing::within(times.clone(), async {
                let body = blobs.get(&key, Some(range)).await.map_err(io::Error::other)?;
                timing::of(Phase::S3, body.collect()).await.map_err(io::Error::other)
            });
            let content = runtime.block_on(content)?;
            Ok(content.into_bytes())
        };
        RangeReader::new(size, SMALLEST_READ, Box::new(fetch))
    }

    fn name(&self, key: &BlobKey) -> String {
        format!("{}{}", self.prefix, key.name())
    }
}

/// For requests that the store may work on for minutes before the first word of the answer.
fn patience() -> aws_sdk_s3::config::Builder {
    let timeouts =
        TimeoutConfig::builder().read_timeout(COPY_TIMEOUT).operation_attempt_timeout(COPY_TIMEOUT);
    aws_sdk_s3::config::Builder::default().timeout_config(timeouts.build())
}

/// Runs a request, tells the metrics of it, and turns a failure into our error with its whole chain of causes.
fn observed<T, E, R>(
    operation: &'static str,
    request: impl Future<Output = Result<T, SdkError<E, R>>>,
) -> impl Future<Output = Result<T>>
where
    SdkError<E, R>: std::error::Error,
{
    // A request of the SDK is a future of some 20 kB, too large to be moved about.
    let request = Box::pin(request);
    async move {
        let began = Instant::now();
        let answer = timing::of(Phase::S3, request).await;
        let outcome = if answer.is_ok() { "ok" } else { "failed" };
        metrics::histogram!("wheelyard_s3_seconds", "operation" => operation, "outcome" => outcome)
            .record(began.elapsed().as_secs_f64());
        answer.map_err(|error| Error::ObjectStore(format!("{operation}: {}", DisplayErrorContext(&error))))
    }
}

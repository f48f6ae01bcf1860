//! A download: from the upstream into a spool, and out of it into the object store.

use super::{
    Mirrored,
    ask::{ask, broken, failed},
    digests::Digester,
    keep::Keeper,
};
use crate::{
    error::{Error, Result},
    ops::core_metadata,
    service::Service,
    store::blobs::Blob,
    upstream::{
        self,
        spool::{Download, Writer},
    },
};
use http::StatusCode;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// An upstream may be slow at first, and on the whole has to bring [`SLOWEST`].
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes a second.
const SLOWEST: u64 = 1 << 10;

/// A running download. Its end, however it comes, takes it out of the registry.
pub(super) struct Fetch {
    service: Service,
    file: Mirrored,
    key: String,
    download: Arc<Download>,
}

impl Fetch {
    pub(super) fn new(service: &Service, file: Mirrored, key: String, download: Arc<Download>) -> Self {
        Self { service: service.clone(), file, key, download }
    }

    /// Fetches the file for all its readers, and has it stored. It goes on without them.
    pub(super) async fn run(self, writer: Writer) {
        let wait = self.service.config.database.timeout();
        let most = self.service.config.server.concurrent_fetches.div_ceil(2);
        let own = self.service.mirrored.fetches(self.file.index.id, most);
        let places = async { tokio::try_join!(own.acquire(), self.service.fetches.acquire()) };
        let places = tokio::time::timeout(wait, places).await;
        let Ok(Ok(_places)) = places else {
            return writer.fail(Error::Overloaded("too many files are fetched from upstreams"));
        };
        let (verified, blob) = oneshot::channel();
        let keeper = Keeper::new(&self.service, &self.file, &self.download.spool);
        let ((), kept) = tokio::join!(self.fetch(writer, verified), keeper.keep(blob));
        let (path, is_whole) = (self.file.path(), !self.download.spool.has_failed());
        if let (Err(error), true) = (&kept, is_whole) {
            tracing::warn!(%path, error = ?error, "{path} was fetched, but can't be stored");
        }
        self.download.kept.send_replace(Some(kept));
        self.service.downloads.remove(&self.key, &self.download);
        if is_whole {
            core_metadata::learn(&self.service, &self.file, &self.download.spool).await;
        }
    }

    async fn fetch(&self, mut writer: Writer, verified: oneshot::Sender<Blob>) {
        match self.receive(&mut writer).await {
            Ok(blob) => {
                let _ = verified.send(blob);
                writer.finish();
            }
            Err(error) => {
                let path = self.file.path();
                tracing::warn!(%path, %error, "{path} did not come from upstream: {error}");
                writer.fail(error);
            }
        }
    }

    /// Brings the bytes to the readers, all but the last, and makes sure that they are right.
    async fn receive(&self, writer: &mut Writer) -> Result<Blob> {
        let link = &self.file.link;
        let (url, mut response) = ask(&self.service, &self.file, None).await?;
        if response.status() != StatusCode::OK {
            return Err(broken("a part in place of a file", &url));
        }
        let stated = link.size.and_then(|size| u64::try_from(size).ok());
        let length = match (response.content_length(), stated) {
            (Some(length), Some(stated)) if length != stated => {
                return Err(broken(format!("{length} bytes, not {stated} as its page states,"), &url));
            }
            (length, stated) => length.or(stated),
        };
        writer.announce(length);
        let (began, mut digester) = (Instant::now(), Digester::new(link));
        while let Some(chunk) =
            upstream::chunk(&mut response, &url).await.map_err(|failure| failed(&failure))?
        {
            // Before it is released: what comes after the end shows that the end was wrong.
            if length.is_some_and(|length| digester.size() + chunk.len() as u64 > length) {
                return Err(broken("more bytes than expected", &url));
            }
            writer.push(chunk.clone()).await?;
            digester.push(chunk).await?;
            if began.elapsed() > PATIENCE + Duration::from_secs(digester.size() / SLOWEST) {
                return Err(broken("too few bytes a second", &url));
            }
        }
        if length.is_some_and(|length| digester.size() != length) {
            return Err(broken("fewer bytes than expected", &url));
        }
        digester.finish(link).await
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.service.downloads.remove(&self.key, &self.download);
        self.download.kept.send_if_modified(|kept| {
            let is_left = kept.is_none();
            if is_left {
                *kept = Some(Err(Error::Overloaded("the file could not be fetched")));
            }
            is_left
        });
    }
}

//! Whether what came from upstream is what its page states.

use crate::{
    error::{Error, Result},
    model::link::Link,
    ops::digests::Hashers,
    store::blobs::Blob,
};
use bytes::Bytes;

/// So many bytes are hashed at once, off the async threads.
const BATCH: usize = 512 << 10;

/// Computes the digests that are kept, and those that a page states beside them.
#[derive(Default)]
pub(super) struct Digester {
    hashers: Hashers,
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
    size: u64,
}

impl Digester {
    pub(super) fn new(link: &Link) -> Self {
        Self { hashers: Hashers::new(&link.hashes), ..Self::default() }
    }

    /// How many bytes there were.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) async fn push(&mut self, bytes: Bytes) -> Result<()> {
        self.size += bytes.len() as u64;
        self.waiting_bytes += bytes.len();
        self.waiting.push(bytes);
        if self.waiting_bytes < BATCH { Ok(()) } else { self.hash().await }
    }

    /// What the content is, if it is the one of this link.
    ///
    /// # Errors
    /// [`Error::Upstream`] when it is not.
    pub(super) async fn finish(mut self, link: &Link) -> Result<Blob> {
        self.hash().await?;
        let filename = &link.filename;
        self.hashers.finish(&link.hashes)?.map_err(|name| {
            Error::Upstream(format!("{filename} from upstream does not have the {name} that its page states"))
        })
    }

    async fn hash(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let mut hashers = std::mem::take(&mut self.hashers);
        let hashed = tokio::task::spawn_blocking(move || {
            for bytes in waiting {
                hashers.update(&bytes);
            }
            hashers
        });
        self.hashers = hashed.await.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_digest_that_can_be_checked_is() {
        // Of no bytes at all, by Python's hashlib.
        for (name, digest) in [
            ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
            ("sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("sha224", "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"),
            ("sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (
                "sha384",
                "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
            ),
            ("blake2s", "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"),
            ("crc32", "whatever"),
        ] {
            let link = Link { hashes: [(name.into(), digest.into())].into(), ..Link::named("p-1.0.zip") };
            let mut digester = Digester::new(&link);
            assert_eq!(digester.finish(&link).await.map(|blob| blob.size).ok(), Some(0), "{name}");
            digester = Digester::new(&link);
            digester.push(Bytes::from_static(b"x")).await.unwrap();
            let found = digester.finish(&link).await;
            assert_eq!(matches!(found, Err(Error::Upstream(_))), name != "crc32", "{name}");
        }
    }
}

//! Whether what came from upstream is what its page states.

use crate::{
    error::{Error, Result},
    model::link::Link,
    ops::receive::Digests,
    store::blobs::Blob,
};
use blake2::{Blake2b512, Blake2s256};
use bytes::Bytes;
use sha1::Sha1;
use sha2::{
    Sha224, Sha384, Sha512,
    digest::{Digest, DynDigest},
};

/// So many bytes are hashed at once, off the async threads.
const BATCH: usize = 512 << 10;

/// Computes the digests that are kept, and those that a page states beside them.
#[derive(Default)]
pub(super) struct Digester {
    kept: Digests,
    /// By their names.
    stated: Vec<(String, Box<dyn DynDigest + Send>)>,
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
    size: u64,
}

impl Digester {
    pub(super) fn new(link: &Link) -> Self {
        let stated = link.hashes.keys().filter_map(|name| Some((name.clone(), hasher(name)?)));
        Self { stated: stated.collect(), ..Self::default() }
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
        let blob = self.kept.blob(self.size)?;
        let mut found = vec![
            ("sha256".to_owned(), blob.sha256.clone()),
            ("md5".to_owned(), blob.md5.clone()),
            ("blake2b_256".to_owned(), blob.blake2b_256.clone()),
        ];
        found.extend(self.stated.into_iter().map(|(name, hasher)| (name, hex::encode(hasher.finalize()))));
        for (name, digest) in found {
            if link.hashes.get(&name).is_some_and(|stated| *stated != digest) {
                let filename = &link.filename;
                return Err(Error::Upstream(format!(
                    "{filename} from upstream does not have the {name} that its page states"
                )));
            }
        }
        Ok(blob)
    }

    async fn hash(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let (mut kept, mut stated) = (std::mem::take(&mut self.kept), std::mem::take(&mut self.stated));
        let hashed = tokio::task::spawn_blocking(move || {
            for bytes in waiting {
                kept.update(&bytes);
                for (_, hasher) in &mut stated {
                    hasher.update(&bytes);
                }
            }
            (kept, stated)
        });
        (self.kept, self.stated) = hashed.await.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(())
    }
}

/// What computes a digest that is not kept anyway; the names are those of Python's `hashlib` (PEP 503).
fn hasher(name: &str) -> Option<Box<dyn DynDigest + Send>> {
    Some(match name {
        "sha1" => Box::new(Sha1::new()),
        "sha224" => Box::new(Sha224::new()),
        "sha384" => Box::new(Sha384::new()),
        "sha512" => Box::new(Sha512::new()),
        "blake2b" => Box::new(Blake2b512::new()),
        "blake2s" => Box::new(Blake2s256::new()),
        _ => return None,
    })
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

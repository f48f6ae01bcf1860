//! The digests of a content: those that are always kept, and those that somebody states.

use crate::{error::Result, ops::receive::Digests, store::blobs::Blob};
use blake2::{Blake2b512, Blake2s256};
use sha1::Sha1;
use sha2::{
    Sha224, Sha384, Sha512,
    digest::{Digest, DynDigest},
};
use std::collections::BTreeMap;

/// Computes the digests that are kept, and stated ones beside them.
#[derive(Default)]
pub(super) struct Hashers {
    kept: Digests,
    /// By their names.
    stated: Vec<(String, Box<dyn DynDigest + Send>)>,
    size: u64,
}

impl Hashers {
    /// For these digests, hex by the name that Python's `hashlib` has for the algorithm; what has another can't be checked.
    pub(super) fn new(stated: &BTreeMap<String, String>) -> Self {
        let stated = stated.keys().filter_map(|name| Some((name.clone(), hasher(name)?)));
        Self { stated: stated.collect(), ..Self::default() }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.kept.update(bytes);
        for (_, hasher) in &mut self.stated {
            hasher.update(bytes);
        }
    }

    /// What the content is, else the name of a digest that it does not have.
    pub(super) fn finish(self, stated: &BTreeMap<String, String>) -> Result<Result<Blob, String>> {
        let blob = self.kept.blob(self.size)?;
        let mut found = vec![
            ("sha256".to_owned(), blob.sha256.clone()),
            ("md5".to_owned(), blob.md5.clone()),
            ("blake2b_256".to_owned(), blob.blake2b_256.clone()),
        ];
        found.extend(self.stated.into_iter().map(|(name, hasher)| (name, hex::encode(hasher.finalize()))));
        let wrong = found.into_iter().find(|(name, digest)| stated.get(name).is_some_and(|it| it != digest));
        Ok(wrong.map_or(Ok(blob), |(name, _)| Err(name)))
    }
}

/// What computes a digest that is not kept anyway (PEP 503).
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

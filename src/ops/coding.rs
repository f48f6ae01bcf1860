//! Bodies as they are coded for the wire: whole ones once for all readers, long lists as they go.

use crate::cache::pages::Coding;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use std::io::{self, Write};

/// Writes what it is given into memory, coded.
enum Encoder {
    Identity(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    fn new(coding: Coding, gzip: Compression) -> io::Result<Self> {
        Ok(match coding {
            Coding::Identity => Self::Identity(Vec::new()),
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), gzip)),
            Coding::Zstd => Self::Zstd(zstd::Encoder::new(Vec::new(), zstd::DEFAULT_COMPRESSION_LEVEL)?),
        })
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Identity(bytes) => bytes.write_all(piece),
            Self::Gzip(encoder) => encoder.write_all(piece),
            Self::Zstd(encoder) => encoder.write_all(piece),
        }
    }

    /// What is ready so far.
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Self::Identity(bytes) => bytes,
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        })
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity(bytes) => Ok(bytes),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// The pieces in one.
///
/// # Errors
/// None but those of the coder itself: writing to memory does not fail.
pub fn whole(pieces: impl Iterator<Item = impl AsRef<[u8]>>, coding: Coding) -> io::Result<Bytes> {
    let mut encoder = Encoder::new(coding, Compression::default())?;
    for piece in pieces {
        encoder.write(piece.as_ref())?;
    }
    Ok(encoder.finish()?.into())
}

/// The pieces as they come, each when enough of it is there.
///
/// # Errors
/// As [`whole`].
pub fn pieces(
    mut pieces: Box<dyn Iterator<Item = String> + Send>,
    coding: Coding,
) -> io::Result<Box<dyn Iterator<Item = io::Result<Bytes>> + Send>> {
    let mut encoder = Some(Encoder::new(coding, Compression::fast())?);
    Ok(Box::new(std::iter::from_fn(move || {
        while let Some(running) = &mut encoder {
            let Some(piece) = pieces.next() else {
                return Some(encoder.take()?.finish().map(Bytes::from));
            };
            if let Err(error) = running.write(piece.as_bytes()) {
                encoder = None;
                return Some(Err(error));
            }
            let ready = running.take();
            if !ready.is_empty() {
                return Some(Ok(ready.into()));
            }
        }
        None
    })))
}

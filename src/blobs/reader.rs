//! Random access to an object for code that blocks, such as a zip reader: ranges are fetched as they are needed.

use super::{BlobKey, Blobs};
use bytes::Bytes;
use std::io::{self, Read, Seek, SeekFrom};
use tokio::runtime::Handle;

/// Fetched at once after a seek; reading on from there doubles it up to [`LARGEST`].
const SMALLEST: u64 = 256 << 10;
const LARGEST: u64 = 4 << 20;

/// Reads an object of known size; must be used on a blocking thread.
pub struct RangeReader {
    blobs: Blobs,
    key: BlobKey,
    size: u64,
    position: u64,
    block_start: u64,
    block: Bytes,
    next_fetch: u64,
    runtime: Handle,
}

impl RangeReader {
    pub(super) fn new(blobs: Blobs, key: BlobKey, size: u64) -> Self {
        let (position, block_start, block) = (0, 0, Bytes::new());
        Self {
            blobs,
            key,
            size,
            position,
            block_start,
            block,
            next_fetch: SMALLEST,
            runtime: Handle::current(),
        }
    }

    fn block_end(&self) -> u64 {
        self.block_start + self.block.len() as u64
    }

    fn fetch(&mut self) -> io::Result<()> {
        self.next_fetch = match self.position == self.block_end() {
            true => (self.next_fetch * 2).min(LARGEST),
            false => SMALLEST,
        };
        let last = (self.position + self.next_fetch).min(self.size) - 1;
        let range = self.position..=last;
        let content = self.runtime.block_on(async {
            let body = self.blobs.get(&self.key, Some(range)).await.map_err(io::Error::other)?;
            body.collect().await.map_err(io::Error::other)
        })?;
        self.block = content.into_bytes();
        self.block_start = self.position;
        if self.block_end() != last + 1 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl Read for RangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        if !(self.block_start..self.block_end()).contains(&self.position) {
            self.fetch()?;
        }
        let start = usize::try_from(self.position - self.block_start).map_err(io::Error::other)?;
        let count = buffer.len().min(self.block.len() - start);
        buffer[..count].copy_from_slice(&self.block[start..start + count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for RangeReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

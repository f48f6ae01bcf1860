//! Random access to a file of which ranges are fetched as they are needed, for code that blocks, such as a zip reader.

use bytes::Bytes;
use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::RangeInclusive,
};

/// The most that is fetched at once, in bytes.
const LARGEST: u64 = 4 << 20;

/// Gets a range of a file, and blocks meanwhile.
pub type Fetch = Box<dyn FnMut(RangeInclusive<u64>) -> io::Result<Bytes> + Send>;

/// Reads a file of known size.
pub struct RangeReader {
    fetch: Fetch,
    size: u64,
    position: u64,
    block_start: u64,
    block: Bytes,
    smallest: u64,
    next_fetch: u64,
}

impl RangeReader {
    /// `smallest`: how many bytes are fetched at once after a seek; reading on from there doubles it.
    pub fn new(size: u64, smallest: u64, fetch: Fetch) -> Self {
        let (position, block_start, block) = (0, 0, Bytes::new());
        Self { fetch, size, position, block_start, block, smallest, next_fetch: smallest }
    }

    fn block_end(&self) -> u64 {
        self.block_start + self.block.len() as u64
    }

    fn fill(&mut self) -> io::Result<()> {
        self.next_fetch = match self.position == self.block_end() {
            true => (self.next_fetch * 2).min(LARGEST),
            false => self.smallest,
        };
        let last = (self.position + self.next_fetch).min(self.size) - 1;
        self.block = (self.fetch)(self.position..=last)?;
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
            self.fill()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn what_is_read_after_a_seek_is_fetched_and_a_little_more() {
        let content: Vec<u8> = (0..100).collect();
        let fetched = Arc::new(Mutex::new(Vec::new()));
        let (seen, bytes) = (fetched.clone(), Bytes::from(content.clone()));
        let fetch: Fetch = Box::new(move |range| {
            seen.lock().unwrap().push(range.clone());
            Ok(bytes.slice(usize::try_from(*range.start()).unwrap()..=usize::try_from(*range.end()).unwrap()))
        });
        let mut reader = RangeReader::new(100, 10, fetch);
        reader.seek(SeekFrom::End(-5)).unwrap();
        let mut end = Vec::new();
        reader.read_to_end(&mut end).unwrap();
        assert_eq!(end, content[95..]);
        reader.seek(SeekFrom::Start(20)).unwrap();
        let mut middle = [0; 25];
        reader.read_exact(&mut middle).unwrap();
        assert_eq!(middle, content[20..45]);
        assert_eq!(*fetched.lock().unwrap(), [95..=99, 20..=29, 30..=49]);
    }
}

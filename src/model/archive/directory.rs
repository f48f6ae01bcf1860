//! The directory of a zip, and the members it lists (APPNOTE 6.3); it knows nothing of distributions.
//!
//! It is read here, and not by the `zip` crate, because pip, uv and this index must see the same members, and in bounded
//! memory: the crate searches the whole of a hostile file for a directory to its taste, takes one that other bytes
//! precede or follow, keeps all of it, and forgets members that share a name.

use std::{
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    ops::RangeInclusive,
};

use flate2::{Crc, read::DeflateDecoder};

use super::{
    LARGEST_METADATA, MOST_MEMBERS, check_path, mislabelled, read_at, read_bounded, reason, shown,
    unpack::Unpacker,
};

/// Bytes of the end record without its comment; of the zip64 end record and its locator, which stand before it.
const END: usize = 22;
const END_64: usize = 56;
const LOCATOR_64: usize = 20;

/// Where the list of members is, as the records at the end of the file have it.
pub(super) struct Directory {
    /// Offset of its first byte.
    pub start: u64,
    /// Offset of the first end record, which follows at once.
    end: u64,
    members: u64,
    pub has_comment: bool,
}

impl Directory {
    pub fn find(reader: &mut (impl Read + Seek), size: u64) -> Result<Self, String> {
        let longest = (END_64 + LOCATOR_64 + END + usize::from(u16::MAX)) as u64;
        let tail_start = size.saturating_sub(longest);
        let tail = read_at(reader, tail_start, longest).map_err(|error| reason(&error))?;
        let Some(at) = tail.windows(4).rposition(|bytes| bytes == b"PK\x05\x06") else {
            let is_zip = read_at(reader, 0, 4).is_ok_and(|bytes| bytes == b"PK\x03\x04");
            return Err(if is_zip {
                "is truncated, or has bytes behind its end: there is no zip directory".into()
            } else {
                mislabelled(reader, "a zip file")
            });
        };
        let record = &tail[at..];
        if record.len() < END {
            return Err("is truncated".into());
        }
        let comment = record.len() - END;
        if number(record, 20, 2) != comment as u64 {
            return Err("has bytes behind the end of the zip".into());
        }
        let position = tail_start + at as u64;
        let has_locator =
            tail[..at].len() >= LOCATOR_64 && tail[at - LOCATOR_64..].starts_with(b"PK\x06\x07");
        let (end, disks, members, length, start) = if has_locator {
            let at = at.checked_sub(LOCATOR_64 + END_64).ok_or("has a damaged zip64 directory")?;
            let record = &tail[at..];
            let end = tail_start + at as u64;
            let is_whole = record.starts_with(b"PK\x06\x06")
                && number(record, 4, 8) == (END_64 - 12) as u64
                && number(record, END_64 + 8, 8) == end;
            if !is_whole {
                return Err("has a damaged zip64 directory".into());
            }
            let disks = [number(record, 16, 4), number(record, 20, 4)];
            (end, disks, number(record, 32, 8), number(record, 40, 8), number(record, 48, 8))
        } else {
            let disks = [number(record, 4, 2), number(record, 6, 2)];
            (position, disks, number(record, 10, 2), number(record, 12, 4), number(record, 16, 4))
        };
        if disks != [0, 0] || start.checked_add(length) != Some(end) {
            return Err("has a damaged zip directory, or bytes before the zip".into());
        }
        if members > MOST_MEMBERS {
            return Err(format!("has more than {MOST_MEMBERS} members"));
        }
        Ok(Self { start, end, members, has_comment: comment > 0 })
    }

    /// Of the list of members, in bytes.
    pub fn size(&self) -> u64 {
        self.end - self.start
    }

    /// Reads the directory once, and shows each member that passes.
    pub fn visit(
        &self,
        reader: &mut (impl Read + Seek),
        mut visit: impl FnMut(Member) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.members == 0 {
            return Err("holds no files".into());
        }
        reader.seek(SeekFrom::Start(self.start)).map_err(|error| reason(&error))?;
        let mut directory = BufReader::with_capacity(64 << 10, reader.take(self.end - self.start));
        for _ in 0..self.members {
            let member = Member::read(&mut directory)?;
            member.check(self)?;
            visit(member)?;
        }
        match directory.fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err("has more members in its zip directory than it says".into()),
            Err(error) => Err(reason(&error)),
        }
    }
}

/// A member as the directory describes it.
pub(super) struct Member {
    pub name: Vec<u8>,
    flags: u64,
    method: u64,
    crc: u64,
    /// Bytes in the zip, and unpacked.
    pub packed: u64,
    pub unpacked: u64,
    /// Offset of its local header.
    pub start: u64,
}

impl Member {
    /// Any of plain, strong or masked encryption.
    const ENCRYPTED: u64 = 1 | 1 << 6 | 1 << 13;
    const STORED: u64 = 0;
    const DEFLATED: u64 = 8;

    /// Bytes of a local header without name and extra fields.
    const LOCAL_HEADER: u64 = 30;

    fn read(directory: &mut impl Read) -> Result<Self, String> {
        let mut read = |length: u64| {
            let mut bytes = Vec::new();
            match directory.take(length).read_to_end(&mut bytes) {
                Ok(_) if bytes.len() as u64 == length => Ok(bytes),
                Ok(_) => Err("has fewer members in its zip directory than it says".to_owned()),
                Err(error) => Err(reason(&error)),
            }
        };
        let header = read(46)?;
        if !header.starts_with(b"PK\x01\x02") {
            return Err("has a damaged zip directory".into());
        }
        let name = read(number(&header, 28, 2))?;
        let extra = read(number(&header, 30, 2))?;
        read(number(&header, 32, 2))?;
        let mut member = Self {
            name,
            flags: number(&header, 8, 2),
            method: number(&header, 10, 2),
            crc: number(&header, 16, 4),
            packed: number(&header, 20, 4),
            unpacked: number(&header, 24, 4),
            start: number(&header, 42, 4),
        };
        member
            .widen(&extra)
            .ok_or_else(|| format!("has damaged extra fields for {}", shown(&member.name)))?;
        Ok(member)
    }

    /// Takes from the zip64 extra field the numbers that do not fit into 32 bits.
    fn widen(&mut self, mut extra: &[u8]) -> Option<()> {
        let mut wide = [&mut self.unpacked, &mut self.packed, &mut self.start]
            .into_iter()
            .filter(|number| **number == u64::from(u32::MAX));
        while extra.len() >= 4 {
            let length = usize::try_from(number(extra, 2, 2)).ok()?;
            let field = extra.get(4..4 + length)?;
            if number(extra, 0, 2) == 1 {
                for (place, bytes) in wide.by_ref().zip(field.chunks_exact(8)) {
                    *place = number(bytes, 0, 8);
                }
            }
            extra = &extra[4 + length..];
        }
        Some(())
    }

    fn check(&self, directory: &Directory) -> Result<(), String> {
        check_path(&self.name)?;
        let name = || shown(&self.name);
        if self.flags & Self::ENCRYPTED != 0 {
            return Err(format!("has the encrypted member {}", name()));
        }
        if !matches!(self.method, Self::STORED | Self::DEFLATED) {
            return Err(format!(
                "has the member {} packed by method {}, not by deflate",
                name(),
                self.method
            ));
        }
        let end = [Self::LOCAL_HEADER, self.name.len() as u64, self.packed]
            .into_iter()
            .try_fold(self.start, u64::checked_add);
        if end.is_none_or(|end| end > directory.start) {
            return Err(format!("has the member {} outside of the file", name()));
        }
        Ok(())
    }

    /// Where its header stands before its bytes.
    pub fn header_range(&self) -> RangeInclusive<u64> {
        self.start..=self.start + Self::LOCAL_HEADER + self.name.len() as u64 - 1
    }

    /// Where its bytes begin, as its header says; `name` is for messages.
    pub fn data_start(&self, header: &[u8], name: &str) -> Result<u64, String> {
        let (fixed, local_name) = header.split_at_checked(30).ok_or("is truncated")?;
        let is_same = fixed.starts_with(b"PK\x03\x04")
            && number(fixed, 6, 2) & Self::ENCRYPTED == 0
            && number(fixed, 8, 2) == self.method
            && number(fixed, 26, 2) == self.name.len() as u64
            && local_name == self.name;
        if !is_same {
            return Err(format!("has a {name} that its zip directory describes otherwise"));
        }
        Ok(self.start + header.len() as u64 + number(fixed, 28, 2))
    }

    /// What unpacks its bytes as they come.
    pub fn unpacker(&self) -> Unpacker {
        Unpacker::new(self.method == Self::DEFLATED, self.unpacked, self.crc)
    }

    /// Unpacks a small member, whatever size the zip states for it; `name` is for messages.
    pub fn content(&self, reader: &mut (impl Read + Seek), name: &str) -> Result<Vec<u8>, String> {
        let header = read_at(reader, self.start, Self::LOCAL_HEADER + self.name.len() as u64)
            .map_err(|error| reason(&error))?;
        let start = self.data_start(&header, name)?;
        reader.seek(SeekFrom::Start(start)).map_err(|error| reason(&error))?;
        let packed = reader.take(self.packed);
        let bytes = if self.method == Self::STORED {
            read_bounded(packed, LARGEST_METADATA, name)?
        } else {
            read_bounded(DeflateDecoder::new(packed), LARGEST_METADATA, name)?
        };
        let mut crc = Crc::new();
        crc.update(&bytes);
        if u64::from(crc.sum()) != self.crc || bytes.len() as u64 != self.unpacked {
            return Err(format!("has a damaged {name}: size or checksum is wrong"));
        }
        Ok(bytes)
    }
}

/// A little-endian number of so many bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip64_field_fills_in_just_the_numbers_that_do_not_fit() {
        const MAX: u64 = u32::MAX as u64;
        let field = |id: u8, numbers: &[u64]| {
            let content: Vec<_> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            [&[id, 0, u8::try_from(content.len()).unwrap(), 0], content.as_slice()].concat()
        };
        let others = [field(7, &[5]), field(1, &[6, 7]), vec![0]].concat();
        for (stated, extra, expected) in [
            ([MAX, MAX, MAX], field(1, &[1, 2, 3]), Some([1, 2, 3])),
            ([4, 4, MAX], field(1, &[1 << 33]), Some([4, 4, 1 << 33])),
            ([MAX, 4, MAX], others, Some([6, 4, 7])),
            ([4, 4, 4], field(1, &[1, 2, 3]), Some([4, 4, 4])),
            ([MAX, 4, 4], vec![], Some([MAX, 4, 4])),
            ([4, 4, 4], vec![1, 0, 9, 0, 0], None),
        ] {
            let [unpacked, packed, start] = stated;
            let name = Vec::new();
            let mut member = Member { name, flags: 0, method: 0, crc: 0, packed, unpacked, start };
            let found = member.widen(&extra).map(|()| [member.unpacked, member.packed, member.start]);
            assert_eq!(found, expected, "{stated:?} {extra:?}");
        }
    }
}

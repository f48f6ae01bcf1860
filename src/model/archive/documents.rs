//! The documentation of a release: a zip of which single members are served, out of the middle of it.

use std::{
    io::{Read, Seek},
    ops::RangeInclusive,
    sync::OnceLock,
};

use super::{
    directory::{Directory, Member},
    shown,
    unpack::Unpacker,
};

/// Largest directory of such a zip, in bytes: it is kept in memory while its documentation is read.
const LARGEST_DIRECTORY: u64 = 8 << 20;

/// Most that all members together may be when they are unpacked, in bytes.
const LARGEST_UNPACKED: u64 = 8 << 30;

/// No member deflates better (zlib, Technical Details: 1032 to 1).
const BEST_RATIO: u64 = 1040;

/// The directory of documentation.
pub struct Documents {
    /// By name.
    entries: Vec<Entry>,
    /// Where the bytes of members end, and the directory begins.
    end: u64,
}

struct Entry {
    member: Member,
    /// Where its bytes begin, once its header was read.
    start: OnceLock<u64>,
}

/// One file of documentation.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    entry: &'a Entry,
    end: u64,
}

impl Documents {
    /// Reads the directory of a zip, and refuses one that is no documentation; the error is the message for who uploads.
    ///
    /// `size` is that of the whole file, in bytes.
    pub fn read(filename: &str, mut reader: impl Read + Seek, size: u64) -> Result<Self, String> {
        Self::read_directory(&mut reader, size).map_err(|reason| format!("'{filename}' {reason}"))
    }

    fn read_directory(reader: &mut (impl Read + Seek), size: u64) -> Result<Self, String> {
        if size == 0 {
            return Err("is empty".into());
        }
        let directory = Directory::find(reader, size)?;
        if directory.size() > LARGEST_DIRECTORY {
            return Err(format!("has a zip directory of more than {LARGEST_DIRECTORY} bytes"));
        }
        let (mut entries, mut unpacked) = (Vec::new(), 0_u64);
        directory.visit(reader, |member| {
            if member.name.ends_with(b"/") {
                return Ok(());
            }
            if member.unpacked > member.packed.saturating_mul(BEST_RATIO) {
                return Err(format!(
                    "has the member {}, which can't be of the stated size",
                    shown(&member.name)
                ));
            }
            unpacked = unpacked.saturating_add(member.unpacked);
            entries.push(Entry { member, start: OnceLock::new() });
            match unpacked > LARGEST_UNPACKED {
                true => Err(format!("unpacks to more than {LARGEST_UNPACKED} bytes")),
                false => Ok(()),
            }
        })?;
        if entries.is_empty() {
            return Err("holds no files".into());
        }
        entries.sort_by(|a, b| a.member.name.cmp(&b.member.name));
        match entries.windows(2).find(|pair| pair[0].member.name == pair[1].member.name) {
            Some(pair) => Err(format!("has two members named {}", shown(&pair[0].member.name))),
            None => Ok(Self { entries, end: directory.start }),
        }
    }

    /// The file at a path.
    pub fn at(&self, path: &str) -> Option<Document<'_>> {
        let found = self.entries.binary_search_by(|entry| entry.member.name.as_slice().cmp(path.as_bytes()));
        found.ok().map(|place| Document { entry: &self.entries[place], end: self.end })
    }

    /// About how much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        self.entries.iter().map(|entry| size_of::<Entry>() + entry.member.name.len() + 16).sum()
    }
}

impl Document<'_> {
    /// In bytes.
    pub fn size(&self) -> u64 {
        self.entry.member.unpacked
    }

    /// Where its bytes begin in the zip, and how many they are; before [`Self::learn`] `Err` with the range of the header
    /// that says so.
    pub fn place(&self) -> Result<(u64, u64), RangeInclusive<u64>> {
        let Entry { member, start } = self.entry;
        start.get().map(|start| (*start, member.packed)).ok_or_else(|| member.header_range())
    }

    /// Learns from its header where its bytes are.
    ///
    /// # Errors
    /// When the header is not that of this file.
    pub fn learn(&self, header: &[u8]) -> Result<(), String> {
        let Entry { member, start } = self.entry;
        let found = member.data_start(header, &shown(&member.name))?;
        if found.saturating_add(member.packed) > self.end {
            return Err(format!("has the member {} outside of the file", shown(&member.name)));
        }
        start.get_or_init(|| found);
        Ok(())
    }

    /// What unpacks its bytes as they come.
    pub fn unpacker(&self) -> Unpacker {
        self.entry.member.unpacker()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};
    use std::io::{Cursor, Write};

    fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            let method =
                if name.contains(".png") { CompressionMethod::Stored } else { CompressionMethod::Deflated };
            writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn read(bytes: &[u8]) -> Result<Documents, String> {
        Documents::read("x.zip", Cursor::new(bytes), bytes.len() as u64)
    }

    /// Replaces a text wherever it stands by another as long.
    fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for at in 0..=bytes.len() - from.len() {
            if bytes[at..].starts_with(from) {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
        }
        bytes
    }

    #[test]
    fn each_file_is_found_and_its_bytes_are_where_its_header_says() {
        let contents: [(&str, &[u8]); 4] =
            [("index.html", b"<h1>x</h1>"), ("a/b.png", b"png"), ("a/", b""), ("\u{e4}.txt", b"")];
        let bytes = zip(&contents);
        let documents = read(&bytes).unwrap();
        assert!(documents.weight() < 1000);
        for path in ["", "a", "a/", "index.htm", "b.png", "/index.html"] {
            assert!(documents.at(path).is_none(), "{path}");
        }
        for (path, content) in contents.iter().filter(|(path, _)| *path != "a/") {
            let document = documents.at(path).unwrap();
            assert_eq!(document.size(), content.len() as u64);
            let header = document.place().unwrap_err();
            let slice =
                |start: u64, end: u64| &bytes[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
            assert!(document.learn(slice(*header.start() + 1, *header.end() + 2)).is_err());
            document.learn(slice(*header.start(), *header.end() + 1)).unwrap();
            let (start, length) = document.place().unwrap();
            let mut packed = bytes::Bytes::copy_from_slice(slice(start, start + length));
            let mut unpacker = document.unpacker();
            assert_eq!(unpacker.step(&mut packed).unwrap(), content);
            assert!(unpacker.is_done());
        }
    }

    #[test]
    fn what_is_no_documentation_is_refused() {
        let page = || zip(&[("index.html", b"x"), ("indey.html", b"y")]);
        let bomb = zip(&[("index.html", &vec![0; 1 << 20])]);
        let lying = replaced(&bomb, &(1_u32 << 20).to_le_bytes(), &(1_u32 << 31).to_le_bytes());
        let long: Vec<_> = (0..140).map(|number| format!("{number}{}", "n".repeat(60_000))).collect();
        let long: Vec<_> = long.iter().map(|name| (name.as_str(), &b""[..])).collect();
        for (bytes, reason) in [
            (vec![], "is empty"),
            (b"<html>".to_vec(), "is not a zip file"),
            (zip(&[]), "holds no files"),
            (zip(&[("docs/", b"")]), "holds no files"),
            (page()[..100].to_vec(), "is truncated, or has bytes behind its end"),
            (replaced(&page(), b"index", b"../ex"), "has a member with the unsafe path \"../ex.html\""),
            (replaced(&page(), b"index", b"/ndex"), "has a member with the unsafe path \"/ndex.html\""),
            (replaced(&page(), b"indey", b"index"), "has two members named \"index.html\""),
            (
                replaced(&page(), b"PK\x01\x02\x14\x03\x14\0\0", b"PK\x01\x02\x14\x03\x14\0\x01"),
                "has the encrypted member \"index.html\"",
            ),
            (lying, "has the member \"index.html\", which can't be of the stated size"),
            (zip(&long), "has a zip directory of more than 8388608 bytes"),
        ] {
            let message = read(&bytes).err().unwrap();
            assert!(message.starts_with(&format!("'x.zip' {reason}")), "{message}, not {reason}");
        }
        assert!(read(&bomb).is_ok());
    }
}

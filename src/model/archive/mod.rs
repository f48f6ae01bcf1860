//! Opens an uploaded file before it is accepted, and finds its core metadata.
//!
//! All that is known of the file is a reader that can seek, perhaps over a network: it is read in few, long and
//! mostly forward strokes, and what is kept of it is bounded whatever the file claims. Only an error of the reader
//! itself is not the file's fault; it is worded like one, so a caller whose reader can fail asks the reader first.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use super::{
    filename::{self, Kind},
    metadata::{self, CoreMetadata},
    name::ProjectName,
    version,
};

mod directory;
pub mod documents;
pub mod pages;
pub mod ranges;
mod tar;
pub mod unpack;
mod zip;

/// Largest `METADATA` or `PKG-INFO`, in bytes: a description of a megabyte is normal, one of four is not.
const LARGEST_METADATA: u64 = 4 << 20;

/// Most members of an archive.
const MOST_MEMBERS: u64 = 200_000;

/// What was found in an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// The very bytes to serve as `{filename}.metadata` (PEP 658): a wheel's `METADATA`, or an sdist's `PKG-INFO` if
    /// it can be relied on, that is since Metadata-Version 2.2 (PEP 643).
    pub metadata: Option<Vec<u8>>,
    /// A `PKG-INFO` that is older than that: it tells of this file, but not what others built of it will need.
    pub unreliable: Option<Vec<u8>>,
}

/// Checks that a file is what its name says, of this release; the error is the message for who uploads.
///
/// `size` is that of the whole file, in bytes. [`filename::parse`] has accepted the name before.
pub fn inspect<R: Read + Seek>(
    filename: &str,
    project: &ProjectName,
    version: &str,
    mut reader: R,
    size: u64,
) -> Result<Contents, String> {
    let release = Release { project, version };
    let found = match filename::kind(filename) {
        _ if size == 0 => Err("is empty".into()),
        Kind::Wheel => zip::wheel(&mut reader, size, release)
            .map(|metadata| Contents { metadata: Some(metadata), unreliable: None }),
        Kind::Zip => zip::other(&mut reader, size, release),
        Kind::TarGz => tar::gz(&mut reader, size, release),
        Kind::TarBz2 => tar::bz2(&mut reader, size, release),
        Kind::Opaque { magic, at } => opaque(&mut reader, size, magic, at).map(|()| Contents::default()),
        Kind::Unknown => Err("is not a valid archive name".into()),
    };
    found.map_err(|reason| format!("'{filename}' {reason}"))
}

/// What the form says the file is.
#[derive(Clone, Copy)]
struct Release<'a> {
    project: &'a ProjectName,
    version: &'a str,
}

impl Release<'_> {
    /// Refuses metadata of another release. `member` names where they were read.
    fn check(self, member: &str, bytes: &[u8]) -> Result<CoreMetadata, String> {
        let metadata = metadata::parse(bytes).map_err(|reason| format!("has a {member} that {reason}"))?;
        let name = metadata.name.as_deref().ok_or_else(|| format!("has a {member} without Name"))?;
        let version = metadata.version.as_deref().ok_or_else(|| format!("has a {member} without Version"))?;
        if ProjectName::normalize(name) != self.project.as_str() {
            return Err(format!("has Name {name:?} in its {member}, the form says '{}'", self.project));
        }
        if version != self.version && !version::same(version, self.version) {
            return Err(format!("has Version {version:?} in its {member}, the form says '{}'", self.version));
        }
        Ok(metadata)
    }

    /// Checks a `PKG-INFO`.
    fn described(self, pkg_info: Vec<u8>) -> Result<Contents, String> {
        let metadata = self.check("PKG-INFO", &pkg_info)?;
        Ok(match metadata.is_at_least(2, 2) {
            true => Contents { metadata: Some(pkg_info), unreliable: None },
            false => Contents { metadata: None, unreliable: Some(pkg_info) },
        })
    }
}

/// Looks for the bytes that each file of a kind has at one place.
fn opaque(reader: &mut (impl Read + Seek), size: u64, magic: &[u8], at: SeekFrom) -> Result<(), String> {
    let start = match at {
        SeekFrom::Start(offset) => Some(offset),
        SeekFrom::End(offset) | SeekFrom::Current(offset) => size.checked_add_signed(offset),
    };
    let found = match start {
        Some(start) => read_at(reader, start, magic.len() as u64).map_err(|error| reason(&error))?,
        None => Vec::new(),
    };
    if found == magic { Ok(()) } else { Err(mislabelled(reader, "what its name says")) }
}

/// Says that a file is not what it should be, and what it looks like instead.
fn mislabelled(reader: &mut (impl Read + Seek), expected: &str) -> String {
    const LOOKS: [(&[u8], &str); 8] = [
        (b"PK", "a zip"),
        (b"\x1f\x8b", "a gzip"),
        (b"BZh", "a bzip2"),
        (b"\xfd7zXZ", "an xz"),
        (b"<", "an HTML or XML"),
        (b"{", "a JSON"),
        (b"MZ", "a Windows"),
        (b"\x7fELF", "an ELF"),
    ];
    let start = read_at(reader, 0, 8).unwrap_or_default();
    match LOOKS.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, looks)) => format!("is not {expected}: it begins like {looks} file"),
        None => format!("is not {expected}"),
    }
}

/// Reads up to `length` bytes from a place on; fewer if the file ends there.
fn read_at(reader: &mut (impl Read + Seek), start: u64, length: u64) -> io::Result<Vec<u8>> {
    reader.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    reader.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a member to its end, but only up to `most` bytes, whatever size its header states.
fn read_bounded(member: impl Read, most: u64, name: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    member
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("has a {name} that {}", reason(&error)))?;
    if bytes.len() as u64 > most {
        return Err(format!("has a {name} of more than {most} bytes"));
    }
    Ok(bytes)
}

/// Refuses a path that could lead out of the folder where an archive is unpacked, on any system.
fn check_path(path: &[u8]) -> Result<(), String> {
    let is_absolute = path.starts_with(b"/") || path.starts_with(b"\\") || path.get(1) == Some(&b':');
    let mut parts = path.split(|byte| matches!(byte, b'/' | b'\\'));
    if is_absolute || path.contains(&0) || parts.any(|part| part == b"..") {
        return Err(format!("has a member with the unsafe path {}", shown(path)));
    }
    Ok(())
}

/// Whether a path is that of the metadata in the one top folder of an sdist, `{name}-{version}/PKG-INFO`.
fn is_pkg_info(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    path.strip_suffix(b"/PKG-INFO").is_some_and(|folder| !folder.is_empty() && !folder.contains(&b'/'))
}

/// A path for a message: not too long, nothing that a terminal would obey.
fn shown(path: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&path[..path.len().min(200)]))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "is truncated".into(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    pub(super) const PKG_INFO: &str = "Metadata-Version: 2.2\nName: Foo.Bar\nVersion: 1.0\n";

    /// Inspects bytes as a file of the release foo-bar 1.0.
    pub(super) fn check(filename: &str, bytes: &[u8]) -> Result<Contents, String> {
        let project = ProjectName::parse("foo-bar").unwrap();
        inspect(filename, &project, "1.0", Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn a_file_that_is_not_opened_is_known_by_its_magic_bytes() {
        let mut dmg = vec![0; 1000];
        dmg[488..492].copy_from_slice(b"koly");
        for (filename, bytes) in [
            ("foo_bar-1.0.exe", &b"MZ"[..]),
            ("foo_bar-1.0.msi", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
            ("foo_bar-1.0.rpm", b"\xed\xab\xee\xdb"),
            ("foo_bar-1.0.deb", b"!<arch>\n"),
            ("foo_bar-1.0.dmg", &dmg),
        ] {
            assert_eq!(check(filename, bytes), Ok(Contents::default()), "{filename}");
            let message = check(filename, &bytes[..bytes.len() - 1]).unwrap_err();
            assert!(message.starts_with(&format!("'{filename}' is not what its name says")), "{message}");
            assert_eq!(check(filename, b""), Err(format!("'{filename}' is empty")));
        }
    }

    #[test]
    fn what_is_mislabelled_is_told_what_it_looks_like() {
        for (filename, bytes, message) in [
            (
                "foo_bar-1.0-py3-none-any.whl",
                &b"\x1f\x8b\x08"[..],
                "is not a zip file: it begins like a gzip file",
            ),
            ("foo_bar-1.0.zip", b"<!DOCTYPE html>", "is not a zip file: it begins like an HTML or XML file"),
            ("foo_bar-1.0.tar.gz", b"PK\x03\x04", "is not a gzip file: it begins like a zip file"),
            ("foo_bar-1.0.tar.bz2", b"\x1f\x8b\x08", "is not a bzip2 file: it begins like a gzip file"),
            ("foo_bar-1.0.tgz", b"garbage", "is not a gzip file"),
            ("foo_bar-1.0.exe", b"{}", "is not what its name says: it begins like a JSON file"),
            ("foo_bar-1.0.txt", b"{}", "is not a valid archive name"),
        ] {
            assert_eq!(check(filename, bytes), Err(format!("'{filename}' {message}")));
        }
    }

    #[test]
    fn metadata_of_another_release_is_refused() {
        let project = ProjectName::parse("foo-bar").unwrap();
        let check =
            |text: &str| Release { project: &project, version: "1.0" }.check("PKG-INFO", text.as_bytes());
        for text in ["Name: foo_bar\nVersion: 1.0", "Name: Foo--Bar\nVersion: v1.0.0\n\nbody"] {
            assert!(check(text).is_ok(), "{text:?}");
        }
        for (text, reason) in [
            ("Name: foo\nVersion: 1.0", "has Name \"foo\" in its PKG-INFO, the form says 'foo-bar'"),
            ("Name: foo-bar\nVersion: 1.1", "has Version \"1.1\" in its PKG-INFO, the form says '1.0'"),
            ("Name: foo-bar", "has a PKG-INFO without Version"),
            ("Version: 1.0", "has a PKG-INFO without Name"),
            (
                "Metadata-Version: 3.0",
                "has a PKG-INFO that has Metadata-Version \"3.0\", only 1.x and 2.x are known",
            ),
        ] {
            assert_eq!(check(text), Err(reason.into()));
        }
    }

    #[test]
    fn a_path_that_leads_out_of_the_folder_is_unsafe() {
        for path in ["foo-1.0/a", "./a", "a/./b", "..a/b..", "a b/é", ""] {
            assert_eq!(check_path(path.as_bytes()), Ok(()), "{path}");
        }
        for path in ["/a", "..", "a/..", "../a", "a/../b", "\\a", "a\\..\\b", "C:\\a", "c:a", "a\0"] {
            assert!(check_path(path.as_bytes()).is_err(), "{path}");
        }
    }
}

//! Sdists packed by tar, and the `bdist_dumb` archives that are alike: read once, from beginning to end.
//!
//! Members are taken raw, one header at a time, because [`tar::Archive`] would read long names, pax headers and sparse
//! maps of any length into memory.

use std::{
    io::{self, Read, Seek},
    ops::Range,
};

use ::tar::{Archive, EntryType, PaxExtensions};
use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;

use super::{
    Contents, LARGEST_METADATA, MOST_MEMBERS, Release, check_path, is_pkg_info, mislabelled, read_at,
    read_bounded, reason, shown,
};

/// An archive may inflate to this many bytes whatever its own size,
const ALWAYS_INFLATED: u64 = 256 << 20;
/// No archive may inflate to more than this, in bytes, however large it is.
const NEVER_INFLATED: u64 = 32 << 30;
/// and to this many times its own size: text is packed to a tenth, a bomb to a thousandth.
const LARGEST_RATIO: u64 = 100;

/// Where a header has the first part of a long path. Python's tarfile reads it in GNU headers too, which have none.
const PREFIX: Range<usize> = 345..500;

/// Largest header that only describes the next member, in bytes.
const LARGEST_EXTENSION: u64 = 1 << 20;

pub(super) fn gz(reader: &mut (impl Read + Seek), size: u64, release: Release) -> Result<Contents, String> {
    expect(reader, b"\x1f\x8b", "a gzip file")?;
    read(MultiGzDecoder::new(reader), size, release)
}

pub(super) fn bz2(reader: &mut (impl Read + Seek), size: u64, release: Release) -> Result<Contents, String> {
    expect(reader, b"BZh", "a bzip2 file")?;
    read(MultiBzDecoder::new(reader), size, release)
}

/// Checks how the file begins, and goes back there.
fn expect(reader: &mut (impl Read + Seek), magic: &[u8], expected: &str) -> Result<(), String> {
    if read_at(reader, 0, magic.len() as u64).map_err(|error| reason(&error))? != magic {
        return Err(mislabelled(reader, expected));
    }
    reader.rewind().map_err(|error| reason(&error))
}

/// Reads all that was packed, to the end of the stream, where truncation and wrong checksums show.
fn read(stream: impl Read, size: u64, release: Release) -> Result<Contents, String> {
    let most = ALWAYS_INFLATED.max(size.saturating_mul(LARGEST_RATIO)).min(NEVER_INFLATED);
    let mut stream = Bounded { stream, most, left: most };
    let contents = walk(&mut stream, release)?;
    io::copy(&mut stream, &mut io::sink()).map_err(|error| reason(&error))?;
    Ok(contents)
}

/// Checks every member, and reads the `PKG-INFO` that unpacking would leave: the last.
fn walk(stream: impl Read, release: Release) -> Result<Contents, String> {
    let mut archive = Archive::new(stream);
    let mut contents = Contents::default();
    let mut next = Extension::default();
    let mut headers = 0;
    for member in archive.entries().map_err(|error| reason(&error))?.raw(true) {
        let member = member.map_err(|error| reason(&error))?;
        headers += 1;
        if headers > MOST_MEMBERS {
            return Err(format!("has more than {MOST_MEMBERS} members"));
        }
        let kind = member.header().entry_type();
        match kind {
            EntryType::GNULongName => next.set_path(text_of(member)?)?,
            EntryType::GNULongLink => next.set_link(text_of(member)?)?,
            EntryType::XHeader => next.set_pax(&read_bounded(member, LARGEST_EXTENSION, "pax header")?)?,
            EntryType::XGlobalHeader => {
                let mut global = Extension::default();
                global.set_pax(&read_bounded(member, LARGEST_EXTENSION, "pax header")?)?;
                if global != Extension::default() {
                    return Err("has a pax header that gives all members one path".into());
                }
            }
            _ => {
                let extension = std::mem::take(&mut next);
                let path = extension.path.unwrap_or_else(|| member.path_bytes().into_owned());
                check_path(&path)?;
                check_path(until_nul(&member.header().as_bytes()[PREFIX]))?;
                let link = extension.link.or_else(|| member.link_name_bytes().map(Into::into));
                match kind {
                    EntryType::Regular | EntryType::Continuous if is_pkg_info(&path) => {
                        contents = release.described(read_bounded(member, LARGEST_METADATA, "PKG-INFO")?)?;
                    }
                    EntryType::Regular | EntryType::Continuous | EntryType::Directory => {}
                    EntryType::Link => check_path(&link.unwrap_or_default())?,
                    EntryType::Symlink => check_symlink(&path, &link.unwrap_or_default())?,
                    _ => {
                        return Err(format!(
                            "has a member that is no file, folder or link: {}",
                            shown(&path)
                        ));
                    }
                }
            }
        }
    }
    if headers == 0 {
        return Err("holds no files".into());
    }
    Ok(contents)
}

/// What headers before a member say of it.
#[derive(Default, PartialEq)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl Extension {
    fn set_path(&mut self, path: Vec<u8>) -> Result<(), String> {
        set_once(&mut self.path, path)
    }

    fn set_link(&mut self, link: Vec<u8>) -> Result<(), String> {
        set_once(&mut self.link, link)
    }

    /// Reads a pax header. What would make readers disagree about where members begin is refused: a size of its own
    /// (needed above 8 GiB only) and sparse members.
    fn set_pax(&mut self, bytes: &[u8]) -> Result<(), String> {
        for field in PaxExtensions::new(bytes) {
            let field = field.map_err(|error| reason(&error))?;
            match field.key_bytes() {
                b"path" => self.set_path(field.value_bytes().to_vec())?,
                b"linkpath" => self.set_link(field.value_bytes().to_vec())?,
                key if key == b"size" || key.starts_with(b"GNU.sparse.") => {
                    return Err(format!("has a pax header with {}, which is not taken", shown(key)));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn set_once(place: &mut Option<Vec<u8>>, value: Vec<u8>) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("has a member with more than one long path".into()),
    }
}

/// The content of a GNU header, which ends with a NUL.
fn text_of(member: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = read_bounded(member, LARGEST_EXTENSION, "long path")?;
    bytes.truncate(until_nul(&bytes).len());
    Ok(bytes)
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Refuses a symbolic link that leaves the folder where the archive is unpacked (PEP 706, the data filter).
fn check_symlink(path: &[u8], target: &[u8]) -> Result<(), String> {
    let parts = |path| {
        <[u8]>::split(path, |byte| matches!(byte, b'/' | b'\\')).filter(|part| !matches!(*part, b"" | b"."))
    };
    let mut depth = parts(path).count().saturating_sub(1);
    let is_absolute = target.starts_with(b"/") || target.starts_with(b"\\") || target.get(1) == Some(&b':');
    let stays_inside = parts(target).all(|part| {
        let next = if part == b".." { depth.checked_sub(1) } else { Some(depth + 1) };
        depth = next.unwrap_or_default();
        next.is_some()
    });
    if is_absolute || !stays_inside {
        return Err(format!("has a link {} that leads outside, to {}", shown(path), shown(target)));
    }
    Ok(())
}

/// A stream that fails after so many bytes.
struct Bounded<R> {
    stream: R,
    most: u64,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.left = self
            .left
            .checked_sub(length as u64)
            .ok_or_else(|| io::Error::other(format!("it inflates to more than {} bytes", self.most)))?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use ::tar::{Builder, Header};
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    use super::*;
    use crate::model::archive::tests::{PKG_INFO, check};

    const FILENAME: &str = "foo_bar-1.0.tar.gz";

    /// A member as it stands in a tar, with a header that no builder would write if need be.
    fn member(path: &str, kind: EntryType, link: &str, content: &[u8]) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        let mut bytes = [header.as_bytes().as_slice(), content].concat();
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    fn file(path: &str, content: &str) -> Vec<u8> {
        member(path, EntryType::Regular, "", content.as_bytes())
    }

    fn gzip(members: &[Vec<u8>]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        for bytes in members {
            encoder.write_all(bytes).unwrap();
        }
        encoder.write_all(&[0; 1024]).unwrap();
        encoder.finish().unwrap()
    }

    fn check_members(members: &[Vec<u8>]) -> Result<Option<Vec<u8>>, String> {
        let reason = |message: String| message[FILENAME.len() + 3..].to_owned();
        check(FILENAME, &gzip(members)).map(|contents| contents.metadata).map_err(reason)
    }

    fn pax(field: &str) -> Vec<u8> {
        // The length counts itself, here always with two digits.
        member("pax", EntryType::XHeader, "", format!("{} {field}\n", field.len() + 4).as_bytes())
    }

    #[test]
    fn the_pkg_info_of_an_sdist_is_returned_if_it_can_be_relied_on() {
        let old = PKG_INFO.replace("2.2", "2.1");
        let expected = Some(PKG_INFO.as_bytes().to_vec());
        let long = "x".repeat(150);
        for (members, expected) in [
            (
                vec![file("foo_bar-1.0/setup.py", ""), file("foo_bar-1.0/PKG-INFO", PKG_INFO)],
                expected.clone(),
            ),
            (vec![file("./foo_bar-1.0/PKG-INFO", PKG_INFO)], expected.clone()),
            (vec![pax("path=foo_bar-1.0/PKG-INFO"), file("cut", PKG_INFO)], expected),
            (vec![file("foo_bar-1.0/PKG-INFO", &old)], None),
            (vec![file("foo_bar-1.0/PKG-INFO", PKG_INFO), file("foo_bar-1.0/PKG-INFO", &old)], None),
            (
                vec![file("foo_bar-1.0/foo.egg-info/PKG-INFO", "Name: x\nVersion: 2"), file("PKG-INFO", "")],
                None,
            ),
            (vec![member("a", EntryType::GNULongName, "", long.as_bytes()), file("a", "")], None),
            (vec![member("g", EntryType::XGlobalHeader, "", b"17 comment=abcde\n"), file("a", "")], None),
            (vec![member("a/b", EntryType::Symlink, "../a/./c", b"")], None),
            (
                vec![member("a/b", EntryType::Link, "a/c", b""), member("a", EntryType::Directory, "", b"")],
                None,
            ),
        ] {
            assert_eq!(check_members(&members), Ok(expected));
        }
    }

    #[test]
    fn an_archive_that_lies_or_leads_outside_is_refused() {
        let kind = |kind| member("a", kind, "", b"");
        let mut prefixed = file("a", "");
        prefixed[345..349].copy_from_slice(b"../x");
        let sum =
            prefixed[..148].iter().chain(&prefixed[156..512]).map(|&byte| u32::from(byte)).sum::<u32>() + 256;
        prefixed[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let link = |path, target| member(path, EntryType::Symlink, target, b"");
        let long = |content: &[u8]| member("a", EntryType::GNULongName, "", content);
        for (members, reason) in [
            (vec![], "holds no files"),
            (vec![file("f/PKG-INFO", "Name: foo\nVersion: 1.0")], "has Name \"foo\" in its PKG-INFO"),
            (vec![file("f/PKG-INFO", "Name: foo-bar\nVersion: 2")], "has Version \"2\" in its PKG-INFO"),
            (vec![file("f/PKG-INFO", "<html>")], "has a PKG-INFO without Name"),
            (vec![file("/etc/passwd", "")], "has a member with the unsafe path \"/etc/passwd\""),
            (vec![file("a/../../b", "")], "has a member with the unsafe path"),
            (vec![prefixed], "has a member with the unsafe path \"../x\""),
            (vec![long(b"../b\0"), file("a", "")], "has a member with the unsafe path \"../b\""),
            (vec![pax("path=../b"), file("a", "")], "has a member with the unsafe path \"../b\""),
            (vec![pax("path=b"), long(b"c"), file("a", "")], "has a member with more than one long path"),
            (vec![pax("size=0"), file("a", "b")], "has a pax header with \"size\""),
            (vec![pax("GNU.sparse.name=b"), file("a", "b")], "has a pax header with \"GNU.sparse.name\""),
            (
                vec![member("g", EntryType::XGlobalHeader, "", b"10 path=b\n")],
                "has a pax header that gives all",
            ),
            (vec![link("a/b", "/etc")], "has a link \"a/b\" that leads outside, to \"/etc\""),
            (vec![link("a/b", "../../c")], "has a link"),
            (vec![link("b", "..\\c")], "has a link"),
            (vec![link("b", "..")], "has a link"),
            (vec![member("b", EntryType::Link, "../c", b"")], "has a member with the unsafe path"),
            (vec![kind(EntryType::Fifo)], "has a member that is no file, folder or link: \"a\""),
            (vec![kind(EntryType::Char)], "has a member that is no file"),
            (vec![kind(EntryType::GNUSparse)], "has a member that is no file"),
            (vec![b"<!DOCTYPE html>".to_vec()], "cannot be read: "),
            (vec![vec![b'x'; 2000]], "cannot be read: "),
            (vec![long(&vec![b'a'; 2 << 20])], "has a long path of more than 1048576 bytes"),
            (vec![file("f/PKG-INFO", &"a".repeat(17 << 20))], "has a PKG-INFO of more than 4194304 bytes"),
        ] {
            let message = check_members(&members).unwrap_err();
            assert!(message.starts_with(reason), "{message}, not {reason}");
        }
    }

    #[test]
    fn a_stream_that_is_cut_or_changed_anywhere_is_refused() {
        let content = (0..20_000).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
        let whole = gzip(&[file("f/PKG-INFO", PKG_INFO), file("f/a", &content)]);
        assert!(check(FILENAME, &whole).is_ok());
        for length in (0..whole.len()).step_by(997).chain(whole.len() - 9..whole.len()) {
            let message = check(FILENAME, &whole[..length]).unwrap_err();
            assert!(length < 10 || message.ends_with("is truncated"), "{length}: {message}");
        }
        for at in (10..whole.len()).step_by(991).chain(whole.len() - 8..whole.len()) {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            assert!(check(FILENAME, &changed).is_err(), "{at}");
        }
        assert!(check(FILENAME, &[whole.as_slice(), b"garbage"].concat()).is_err());
    }

    #[test]
    fn a_bomb_is_refused_before_it_has_inflated() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&member("f/a", EntryType::Regular, "", b"")).unwrap();
        io::copy(&mut io::repeat(0).take(ALWAYS_INFLATED + (1 << 20)), &mut encoder).unwrap();
        let message = check(FILENAME, &encoder.finish().unwrap()).unwrap_err();
        assert!(message.ends_with("cannot be read: it inflates to more than 268435456 bytes"), "{message}");
    }

    #[test]
    fn bzip2_is_read_alike() {
        let mut builder = Builder::new(bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast()));
        let mut header = Header::new_ustar();
        header.set_size(PKG_INFO.len() as u64);
        builder.append_data(&mut header, "foo_bar-1.0/PKG-INFO", PKG_INFO.as_bytes()).unwrap();
        let whole = builder.into_inner().unwrap().finish().unwrap();
        let found = |bytes: &[u8]| check("foo_bar-1.0.tar.bz2", bytes);
        assert_eq!(found(&whole).unwrap().metadata, Some(PKG_INFO.as_bytes().to_vec()));
        for length in 0..whole.len() {
            assert!(found(&whole[..length]).is_err(), "{length}");
        }
    }
}

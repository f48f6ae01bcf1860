//! Zips: wheels, and the sdists and eggs that are zips. What their members must be; the format is in [`directory`].
//!
//! [`directory`]: super::directory

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    io::{Read, Seek},
};

use super::{Contents, Release, directory::Directory, is_pkg_info, shown};
use crate::model::filename;

/// Checks a wheel and returns its `METADATA` (PEP 427, The .dist-info directory).
///
/// Stricter than for other zips: nothing stands before or behind the members, and no two share a name.
pub(super) fn wheel(reader: &mut (impl Read + Seek), size: u64, release: Release) -> Result<Vec<u8>, String> {
    let directory = Directory::find(reader, size)?;
    if directory.has_comment {
        return Err("has a zip comment, which a wheel may not have".into());
    }
    let hasher = RandomState::new();
    let mut names = HashSet::new();
    let mut first = u64::MAX;
    let mut dist_info: Option<Vec<u8>> = None;
    let mut metadata = None;
    let mut missing = vec!["METADATA", "WHEEL", "RECORD"];
    directory.visit(reader, |member| {
        first = first.min(member.start);
        if !names.insert(hasher.hash_one(&member.name)) {
            return Err(format!("has two members named {}", shown(&member.name)));
        }
        let mut parts = member.name.splitn(2, |&byte| byte == b'/');
        if let (Some(folder), Some(name)) = (parts.next(), parts.next())
            && folder.ends_with(b".dist-info")
        {
            if dist_info.get_or_insert_with(|| folder.to_vec()) != folder {
                return Err("has more than one .dist-info folder".into());
            }
            missing.retain(|required| required.as_bytes() != name);
            if name == b"METADATA" {
                metadata = Some(member);
            }
        }
        Ok(())
    })?;
    if first != 0 {
        return Err("has bytes before its first member".into());
    }
    let folder = dist_info.ok_or("has no .dist-info folder")?;
    let stem = folder.strip_suffix(b".dist-info").and_then(|stem| str::from_utf8(stem).ok());
    if !stem.is_some_and(|stem| filename::names_release(stem, release.project, release.version)) {
        let Release { project, version } = release;
        return Err(format!("has the folder {}, which is not that of {project} {version}", shown(&folder)));
    }
    let (Some(metadata), []) = (metadata, missing.as_slice()) else {
        return Err(format!("has no {} in its .dist-info folder", missing.join(", ")));
    };
    let bytes = metadata.content(reader, "METADATA")?;
    release.check("METADATA", &bytes)?;
    Ok(bytes)
}

/// Checks another zip, and reads its `PKG-INFO`.
pub(super) fn other(
    reader: &mut (impl Read + Seek),
    size: u64,
    release: Release,
) -> Result<Contents, String> {
    let directory = Directory::find(reader, size)?;
    let mut pkg_info = None;
    directory.visit(reader, |member| {
        if is_pkg_info(&member.name) {
            pkg_info = Some(member);
        }
        Ok(())
    })?;
    match pkg_info {
        Some(member) => release.described(member.content(reader, "PKG-INFO")?),
        None => Ok(Contents::default()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use ::zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    use crate::model::archive::{
        Contents,
        tests::{PKG_INFO, check},
    };

    const WHEEL: &str = "foo_bar-1.0-py3-none-any.whl";
    const METADATA: &str = "foo_bar-1.0.dist-info/METADATA";
    const PLAIN: [(&str, &str); 4] = [
        ("foo_bar/__init__.py", ""),
        (METADATA, PKG_INFO),
        ("foo_bar-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n"),
        ("foo_bar-1.0.dist-info/RECORD", ""),
    ];

    fn zip_with(
        prefix: &[u8],
        members: &[(&str, &str)],
        method: CompressionMethod,
        comment: &str,
    ) -> Vec<u8> {
        let mut cursor = Cursor::new(prefix.to_vec());
        cursor.set_position(prefix.len() as u64);
        let mut writer = ZipWriter::new(cursor);
        for (name, content) in members {
            writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.set_comment(comment).unwrap();
        writer.finish().unwrap().into_inner()
    }

    fn zip(members: &[(&str, &str)]) -> Vec<u8> {
        zip_with(b"", members, CompressionMethod::Deflated, "")
    }

    fn plain_and(name: &str) -> Vec<u8> {
        zip(&[&PLAIN[..], &[(name, "")]].concat())
    }

    fn plain_without(place: usize) -> Vec<u8> {
        let mut members = PLAIN.to_vec();
        members.remove(place);
        zip(&members)
    }

    /// Replaces a text wherever it stands by another as long.
    fn replaced(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        for at in 0..=bytes.len() - from.len() {
            if bytes[at..].starts_with(from.as_bytes()) {
                bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
        }
        bytes
    }

    /// Sets bytes of the directory's entry for `METADATA`.
    fn with_entry(at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut wheel = zip(&PLAIN);
        let name = wheel.windows(METADATA.len()).rposition(|name| name == METADATA.as_bytes()).unwrap();
        wheel[name - 46 + at..][..bytes.len()].copy_from_slice(bytes);
        wheel
    }

    /// Sets the number of members in the end record.
    fn with_count(count: u8) -> Vec<u8> {
        let mut wheel = zip(&PLAIN);
        let at = wheel.len() - 22 + 10;
        wheel[at] = count;
        wheel
    }

    #[test]
    fn the_metadata_of_a_wheel_are_its_very_bytes() {
        let spelled = PLAIN.map(|(name, content)| (name.replace("foo_bar-1.0", "Foo.Bar-v1.0.0"), content));
        let spelled: Vec<_> = spelled.iter().map(|(name, content)| (name.as_str(), *content)).collect();
        let many: Vec<_> = (0..66_000).map(|number| format!("foo_bar/{number}")).collect();
        let many: Vec<_> = PLAIN.into_iter().chain(many.iter().map(|name| (name.as_str(), ""))).collect();
        for bytes in [
            zip(&PLAIN),
            zip_with(b"", &PLAIN, CompressionMethod::Stored, ""),
            zip(&spelled),
            zip(&many),
            plain_and("foo_bar/vendored-2.0.dist-info/METADATA"),
        ] {
            let contents = Contents { metadata: Some(PKG_INFO.as_bytes().to_vec()), unreliable: None };
            assert_eq!(check(WHEEL, &bytes), Ok(contents));
        }
    }

    #[test]
    fn a_wheel_of_something_else_is_refused() {
        let metadata = |text: &str| zip(&[(METADATA, text), PLAIN[2], PLAIN[3]]);
        let renamed = |from, to| replaced(zip(&PLAIN), from, to);
        let bomb = "a".repeat(17 << 20);
        for (bytes, reason) in [
            (zip(&[]), "holds no files"),
            (zip(&PLAIN[..1]), "has no .dist-info folder"),
            (plain_without(1), "has no METADATA in its .dist-info folder"),
            (plain_without(2), "has no WHEEL in its .dist-info folder"),
            (plain_without(3), "has no RECORD in its .dist-info folder"),
            (plain_and("foo-1.0.dist-info/x"), "has more than one .dist-info folder"),
            (renamed("bar-1.0.", "baz-1.0."), "has the folder \"foo_baz-1.0.dist-info\", which is not that"),
            (renamed("bar-1.0.", "bar-1.1."), "has the folder \"foo_bar-1.1.dist-info\", which is not that"),
            (metadata("Name: foo\nVersion: 1.0"), "has Name \"foo\" in its METADATA, the form says 'foo-"),
            (metadata("Name: foo-bar\nVersion: 2"), "has Version \"2\" in its METADATA, the form says '1.0'"),
            (metadata(&bomb), "has a METADATA of more than 4194304 bytes"),
            (renamed("foo_bar/__", "/oo_bar/__"), "has a member with the unsafe path \"/oo_bar/__"),
            (renamed("foo_bar/__", "../_bar/__"), "has a member with the unsafe path \"../_bar/__"),
        ] {
            let message = check(WHEEL, &bytes).unwrap_err();
            assert!(message.contains(&format!("' {reason}")), "{message}, not {reason}");
        }
    }

    #[test]
    fn a_wheel_that_readers_could_see_differently_is_refused() {
        let whole = zip(&PLAIN);
        let moved = zip_with(b"#!/bin/sh\n", &PLAIN, CompressionMethod::Stored, "");
        let otherwise = "has a METADATA that its zip directory describes otherwise";
        let wrong = "has a damaged METADATA: size or checksum is wrong";
        let before = "has a damaged zip directory, or bytes before the zip";
        for (bytes, reason) in [
            (
                replaced(plain_and("foo_bar/__init__.pi"), "__.pi", "__.py"),
                "has two members named \"foo_bar/__",
            ),
            (with_count(3), "has more members in its zip directory than it says"),
            (with_count(5), "has fewer members in its zip directory than it says"),
            (with_entry(0, b"PK\x01\x03"), "has a damaged zip directory"),
            (with_entry(8, b"\x01\0"), "has the encrypted member \"foo_bar-1.0.dist-info/METADATA\""),
            (
                with_entry(10, b"\x0e\0"),
                "has the member \"foo_bar-1.0.dist-info/METADATA\" packed by method 14",
            ),
            (with_entry(10, b"\0\0"), otherwise),
            (with_entry(16, b"\0\0\0\0"), wrong),
            (with_entry(20, b"\x05\0\0\0"), "has a METADATA that is truncated"),
            (
                with_entry(20, b"\0\0\0\x7f"),
                "has the member \"foo_bar-1.0.dist-info/METADATA\" outside of the",
            ),
            (with_entry(24, b"\x05\0\0\0"), wrong),
            (with_entry(28, b"\xff\xff"), "has fewer members in its zip directory than it says"),
            (
                with_entry(42, b"\xff\xff\xff\xff"),
                "has the member \"foo_bar-1.0.dist-info/METADATA\" outside",
            ),
            (with_entry(42, b"\0\0\0\0"), otherwise),
            (moved, "has bytes before its first member"),
            (zip_with(b"", &PLAIN, CompressionMethod::Stored, "git"), "has a zip comment, which a wheel may"),
            ([b"PK\x03\x04", whole.as_slice()].concat(), before),
            ([whole.as_slice(), &whole].concat(), before),
            ([whole.as_slice(), b"x"].concat(), "has bytes behind the end of the zip"),
            ([whole.as_slice(), &vec![0; 70_000]].concat(), "is truncated, or has bytes behind its end"),
        ] {
            let message = check(WHEEL, &bytes).unwrap_err();
            assert!(message.contains(&format!("' {reason}")), "{message}, not {reason}");
        }
    }

    #[test]
    fn a_wheel_cut_anywhere_is_refused_and_a_changed_one_does_no_harm() {
        let whole = zip(&PLAIN);
        for length in 0..whole.len() {
            assert!(check(WHEEL, &whole[..length]).is_err(), "{length}");
        }
        for at in 0..whole.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= bits;
                if let Ok(contents) = check(WHEEL, &changed) {
                    assert_eq!(contents.metadata.as_deref(), Some(PKG_INFO.as_bytes()), "{at}");
                }
            }
        }
    }

    #[test]
    fn an_sdist_or_egg_in_a_zip_may_bring_its_pkg_info() {
        let old = PKG_INFO.replace("2.2", "1.0");
        for (filename, path, content, expected) in [
            ("foo_bar-1.0.zip", "foo_bar-1.0/PKG-INFO", PKG_INFO, Ok(true)),
            ("foo_bar-1.0.zip", "foo_bar-1.0/PKG-INFO", &old, Ok(false)),
            ("foo_bar-1.0.zip", "foo_bar-1.0/setup.py", "", Ok(false)),
            ("foo_bar-1.0-py2.7.egg", "EGG-INFO/PKG-INFO", &old, Ok(false)),
            ("foo_bar-1.0.zip", "f/PKG-INFO", "Name: foo\nVersion: 1.0", Err("has Name \"foo\"")),
            ("foo_bar-1.0.zip", "../PKG-INFO", &old, Err("has a member with the unsafe path")),
        ] {
            let bytes = zip_with(b"", &[(path, content)], CompressionMethod::Deflated, "commit");
            let found = check(filename, &bytes).map(|contents| contents.metadata.is_some());
            match expected {
                Ok(has_metadata) => assert_eq!(found, Ok(has_metadata), "{filename} {path}"),
                Err(reason) => assert!(found.is_err_and(|message| message.contains(reason)), "{path}"),
            }
        }
    }
}

//! File names of distributions: which project, version and kind of archive they promise.
//!
//! Names only: what is inside a file is for [`super::archive`].

use std::io::SeekFrom;

use super::{name::ProjectName, version};

/// Longest file name, in bytes: no file system takes more.
const LONGEST: usize = 255;

/// What a file name says of an uploaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distribution {
    /// PEP 427. The tags are as in the name, several of a sort joined by dots.
    Wheel { version: String, build: Option<String>, python: String, abi: String, platform: String },
    /// PEP 625, or one of the older spellings.
    Sdist { version: String },
    /// An egg, an installer, a package of some system, or a `bdist_dumb` archive: not read by pip.
    Other,
}

/// How the content of a file begins, or ends, as its name has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Wheel,
    /// A zip that is no wheel: `.zip`, `.egg`.
    Zip,
    TarGz,
    TarBz2,
    /// Never opened; the bytes that stand at a place in each such file.
    Opaque {
        magic: &'static [u8],
        at: SeekFrom,
    },
    /// Not the name of an archive that an index takes.
    Unknown,
}

/// Every extension that is taken (devpi: `validation.py`, `safe_filenames`), in any case.
const EXTENSIONS: [(&str, Kind); 11] = [
    (".whl", Kind::Wheel),
    (".tar.gz", Kind::TarGz),
    (".tgz", Kind::TarGz),
    (".tar.bz2", Kind::TarBz2),
    (".zip", Kind::Zip),
    (".egg", Kind::Zip),
    (".exe", Kind::Opaque { magic: b"MZ", at: SeekFrom::Start(0) }),
    (".msi", Kind::Opaque { magic: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", at: SeekFrom::Start(0) }),
    (".rpm", Kind::Opaque { magic: b"\xed\xab\xee\xdb", at: SeekFrom::Start(0) }),
    (".deb", Kind::Opaque { magic: b"!<arch>\n", at: SeekFrom::Start(0) }),
    (".dmg", Kind::Opaque { magic: b"koly", at: SeekFrom::End(-512) }),
];

/// The kind of archive that a file name promises.
pub fn kind(filename: &str) -> Kind {
    extension(filename).map_or(Kind::Unknown, |(_, kind)| kind)
}

/// Checks the name of a file uploaded for a release; the error is the message for who uploads.
///
/// After the names that are dangerous anywhere come devpi's checks (`views.py`, `submit`), then those of PEP 427 for
/// wheels, and of PEP 625 as far as readers must hold it for sdists: name and version agree in their normal forms.
/// A version outside PEP 440 passes, except in a wheel, when it is spelled alike.
pub fn parse(filename: &str, project: &ProjectName, version: &str) -> Result<Distribution, String> {
    check_characters(filename)?;
    if !filename.contains(version) && !filename.contains(&escape(version)) {
        return Err(format!("filename '{filename}' does not contain version '{version}'"));
    }
    let Some((extension, kind)) = extension(filename) else {
        return Err(format!("'{filename}' is not a valid archive name"));
    };
    let mismatch = || format!("filename '{filename}' does not match project name '{project}'");
    let normal = ProjectName::normalize(filename);
    let after_project = normal.strip_prefix(project.as_str()).ok_or_else(mismatch)?;

    let stem = &filename[..filename.len() - extension.len()];
    match kind {
        Kind::Wheel if extension != ".whl" => Err(format!("'{filename}' is not a valid archive name")),
        Kind::Wheel => wheel(stem, project, version)
            .map_err(|reason| format!("Invalid wheel filename ({reason}): '{filename}'")),
        Kind::Zip | Kind::TarGz | Kind::TarBz2 if !extension.eq_ignore_ascii_case(".egg") => {
            let right = |text: &str| text == version || version::same(text, version);
            if let Some(text) = after_name(stem, project).find(|text| right(text)) {
                return Ok(Distribution::Sdist { version: text.to_owned() });
            }
            let is_dumb = after_name(stem, project)
                .any(|text| platform_tail(text).is_some_and(|at| right(&text[..at])));
            if is_dumb {
                return Ok(Distribution::Other);
            }
            let name = project.as_str().replace('-', "_");
            Err(format!("Filename '{filename}' is invalid, should be '{name}-{version}{extension}'."))
        }
        _ if after_project.starts_with('-') => Ok(Distribution::Other),
        _ => Err(mismatch()),
    }
}

/// Whether a text is `{name}-{version}` of this release, in any spelling: the stem of an sdist's name, or of a
/// `.dist-info` folder, where old tools wrote `_` for the `+` of a local version.
pub fn names_release(text: &str, project: &ProjectName, version: &str) -> bool {
    let escaped = escape(version);
    text.len() <= LONGEST
        && after_name(text, project)
            .any(|text| text == version || text == escaped || version::same(text, version))
}

/// The form fields `pyversion` and `filetype` for a file of this name (devpi: `metadata.py`,
/// `get_pyversion_filetype`), spelled as twine does: for a wheel its python tag.
pub fn pyversion_and_filetype(filename: &str) -> (String, &'static str) {
    let lower = filename.to_ascii_lowercase();
    let Some((extension, _)) = extension(&lower) else { return ("any".into(), "bdist_dumb") };
    let stem = &lower[..lower.len() - extension.len()];
    let filetype = match extension {
        ".whl" => {
            let tag = stem.rsplit('-').nth(2).unwrap_or("any");
            return (tag.to_owned(), "bdist_wheel");
        }
        ".egg" => "bdist_egg",
        ".exe" => "bdist_wininst",
        ".msi" => "bdist_msi",
        ".rpm" => "bdist_rpm",
        ".dmg" => "bdist_dmg",
        ".deb" => "bdist_dumb",
        _ if platform_tail(stem).is_some_and(|at| stem[..at].contains('-')) => "bdist_dumb",
        _ => return ("source".into(), "sdist"),
    };
    let python = stem.match_indices("-py").filter_map(|(at, _)| {
        let tag = &stem[at + 3..];
        let end = tag.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tag.len());
        (end > 0).then(|| tag[..end].to_owned())
    });
    (python.last().unwrap_or_else(|| "any".into()), filetype)
}

/// The name and the version in a file name of an unknown project, as well as can be told (devpi: `metadata.py`,
/// `splitbasename`). `None` when there is no version.
pub fn split(filename: &str) -> Option<(String, String)> {
    let owned = |(name, version): (&str, &str)| {
        (!name.is_empty() && !version.is_empty()).then(|| (name.to_owned(), version.to_owned()))
    };
    if let Some(stem) = filename.strip_suffix(".whl") {
        let parts: Vec<_> = stem.split('-').collect();
        if parts.len() >= 5 {
            return owned((parts[0], parts[1]));
        }
    }
    let stem = &filename[..filename.len() - tail(filename).len()];
    let dashes = || {
        let without_dot = stem.find('.').unwrap_or(stem.len());
        stem.match_indices('-')
            .map(|(at, _)| (&stem[..at], &stem[at + 1..]))
            .take_while(move |(name, _)| name.len() <= without_dot)
    };
    dashes()
        .find(|(_, version)| is_normal(version))
        .or_else(|| dashes().find(|(_, version)| is_almost_version(version)))
        .or_else(|| stem.rsplit_once('-'))
        .and_then(owned)
}

/// The version in the name of a file that an index lists for a project; like [`split`], it judges no version.
///
/// Knowing the project, it can tell `foo.win-1.0.zip` from a file for Windows. `None` when there is no version.
pub fn version_of(filename: &str, project: &ProjectName) -> Option<String> {
    let is_wheel = extension(filename).is_some_and(|(_, kind)| kind == Kind::Wheel);
    let Some(rest) = after_name(filename, project).next() else {
        return if is_wheel { None } else { split(filename).map(|(_, version)| version) };
    };
    let stem = &rest[..rest.len() - tail(rest).len()];
    let version = if is_wheel { stem.split('-').next().unwrap_or_default() } else { stem };
    (!version.is_empty()).then(|| version.to_owned())
}

/// Refuses what must not reach a path, a header or a terminal: distributions are named in printable ASCII.
pub(super) fn check_characters(filename: &str) -> Result<(), String> {
    if filename.is_empty() {
        return Err("filename is empty".into());
    }
    if filename.len() > LONGEST {
        return Err(format!("filename is longer than {LONGEST} bytes"));
    }
    if let Some(c) = filename.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '/' | '\\')) {
        return Err(format!("filename {filename:?} contains the character {c:?}"));
    }
    if filename.contains("..") {
        return Err(format!("filename {filename:?} contains '..'"));
    }
    Ok(())
}

/// The extension as it is spelled, and its kind.
fn extension(filename: &str) -> Option<(&str, Kind)> {
    EXTENSIONS.iter().find_map(|(extension, kind)| {
        let at = filename.len().checked_sub(extension.len()).filter(|&at| at > 0)?;
        let spelled = filename.get(at..)?;
        spelled.eq_ignore_ascii_case(extension).then_some((spelled, *kind))
    })
}

/// PEP 427, Escaping and Unicode: each run of characters other than word characters and dots becomes one `_`.
fn escape(version: &str) -> String {
    let is_kept = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut escaped = String::with_capacity(version.len());
    let mut was_kept = true;
    for c in version.chars() {
        if is_kept(c) {
            escaped.push(c);
        } else if was_kept {
            escaped.push('_');
        }
        was_kept = is_kept(c);
    }
    escaped
}

/// What stands after each dash that ends this project's name, spelled in any way.
fn after_name<'a>(text: &'a str, project: &ProjectName) -> impl Iterator<Item = &'a str> {
    text.match_indices('-')
        .filter(|&(at, _)| ProjectName::normalize(&text[..at]) == project.as_str())
        .map(|(at, _)| &text[at + 1..])
}

/// A wheel's name without `.whl`; the error is in the words of the `packaging` library.
fn wheel(stem: &str, project: &ProjectName, version: &str) -> Result<Distribution, String> {
    let parts: Vec<_> = stem.split('-').collect();
    let (name, named_version, build, tags) = match parts[..] {
        [name, version, python, abi, platform] => (name, version, None, [python, abi, platform]),
        [name, version, build, python, abi, platform] => {
            (name, version, Some(build), [python, abi, platform])
        }
        _ => return Err("wrong number of parts".into()),
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.contains("__") || !name.chars().all(is_word) {
        return Err("invalid project name".into());
    }
    if ProjectName::normalize(name) != project.as_str() {
        return Err(format!("project name is not '{project}'"));
    }
    if !version::same(named_version, named_version) {
        return Err(format!("invalid version '{named_version}'"));
    }
    if !version::same(named_version, version) {
        return Err(format!("version is not '{version}'"));
    }
    if build.is_some_and(|build| !build.starts_with(|c: char| c.is_ascii_digit())) {
        return Err("invalid build number".into());
    }
    if tags.iter().any(|tag| !tag.chars().all(is_word) || tag.split('.').any(str::is_empty)) {
        return Err("invalid tag".into());
    }
    let [python, abi, platform] = tags.map(str::to_owned);
    let build = build.map(str::to_owned);
    Ok(Distribution::Wheel { version: named_version.to_owned(), build, python, abi, platform })
}

/// Where the platform begins that `bdist_dumb` puts behind the version: `1.0.linux-x86_64`.
fn platform_tail(stem: &str) -> Option<usize> {
    [".linux-", ".macosx-", ".win32", ".win-"].iter().filter_map(|platform| stem.rfind(platform)).max()
}

/// What stands behind name and version: extension, platform, Python version, or the release of an rpm.
fn tail(filename: &str) -> &str {
    let lower = filename.to_ascii_lowercase();
    let at = lower.match_indices(['.', '-']).find(|&(at, _)| is_tail(&lower[at..]));
    &filename[at.map_or(filename.len(), |(at, _)| at)..]
}

fn is_tail(tail: &str) -> bool {
    const EXTENSIONS: &str = ".tar.gz .tar.bz2 .tar.xz .tar.lzma .tar.z .tgz .tar .zip .doc.zip .egg .whl .exe .msi \
                              .deb .rpm .dmg";
    let has_digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let has_python = || {
        let tag = ["-py", "-cp", "-ip", "-pp", "-jy"].iter().find_map(|tag| tail.strip_prefix(tag));
        tag.is_some_and(|tag| tag.starts_with(['2', '3']))
            && [".egg", ".exe", ".msi", ".whl"].iter().any(|extension| tail.ends_with(extension))
    };
    let has_rpm = || {
        let release = tail.strip_suffix(".src.rpm").or_else(|| tail.strip_suffix(".rpm"));
        release.and_then(|release| release.strip_prefix('-')).is_some_and(|release| !release.contains('-'))
    };
    EXTENSIONS.split(' ').any(|extension| tail == extension)
        || tail.strip_prefix(".macosx-").is_some_and(has_digit)
        || tail.starts_with(".linux-")
        || tail.strip_prefix(".win").is_some_and(|rest| rest.contains('.'))
        || has_python()
        || has_rpm()
}

/// Whether a text is a PEP 440 version in its normal form; the local part may be in any.
fn is_normal(text: &str) -> bool {
    let public = text.split('+').next().unwrap_or_default();
    version::parse(text).is_some()
        && version::parse(public).is_some_and(|version| version.to_string() == public)
}

/// Whether a text is a PEP 440 version, with perhaps something lower-case behind a dash.
fn is_almost_version(text: &str) -> bool {
    let (version, rest) = text.split_once('-').unwrap_or((text, "0"));
    let parts = rest.split(['-', '_', '.']);
    version::same(version, version)
        && parts.into_iter().all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filename: &str, project: &str, version: &str) -> Result<Distribution, String> {
        parse(filename, &ProjectName::parse(project).unwrap(), version)
    }

    fn wheel(version: &str, build: Option<&str>, python: &str, abi: &str, platform: &str) -> Distribution {
        Distribution::Wheel {
            version: version.into(),
            build: build.map(Into::into),
            python: python.into(),
            abi: abi.into(),
            platform: platform.into(),
        }
    }

    #[test]
    fn a_file_of_the_release_is_taken() {
        let sdist = |version: &str| Distribution::Sdist { version: version.into() };
        for (filename, project, version, expected) in [
            ("Foo.Bar-1.0-py3-none-any.whl", "foo-bar", "1.0", wheel("1.0", None, "py3", "none", "any")),
            ("f-1.0-1b-py2.py3-none-any.whl", "f", "1.0", wheel("1.0", Some("1b"), "py2.py3", "none", "any")),
            ("f-1+c9-cp39-abi3-a.b_c.whl", "f", "1+c9", wheel("1+c9", None, "cp39", "abi3", "a.b_c")),
            ("f-18446744073709551616.tgz", "f", "18446744073709551616", sdist("18446744073709551616")),
            ("foo_bar-1.0.tar.gz", "foo-bar", "1.0", sdist("1.0")),
            ("Foo-Bar-1.0.zip", "foo-bar", "1.0", sdist("1.0")),
            ("foo-2-1.0.tgz", "foo-2", "1.0", sdist("1.0")),
            ("foo-1.0-1.tar.bz2", "foo", "1.0-1", sdist("1.0-1")),
            ("foo-1.0-1.tar.gz", "foo-1.0", "1", sdist("1")),
            ("foo-1.0.0.tar.gz", "foo", "1.0", sdist("1.0.0")),
            ("foo-french_toast.TAR.GZ", "foo", "french_toast", sdist("french_toast")),
            ("foo.win-1.0.zip", "foo-win", "1.0", sdist("1.0")),
            ("foo-1.0.linux-x86_64.tar.gz", "foo", "1.0", Distribution::Other),
            ("foo-1.0.win-amd64.zip", "foo", "1.0", Distribution::Other),
            ("foo_bar-1.0-py2.7.egg", "foo-bar", "1.0", Distribution::Other),
            ("foo-1.0.win32-py2.7.exe", "foo", "1.0", Distribution::Other),
            ("foo_1.0-1_all.deb", "foo", "1.0", Distribution::Other),
            ("foo-1.0-1.noarch.rpm", "foo", "1.0", Distribution::Other),
        ] {
            assert_eq!(check(filename, project, version), Ok(expected), "{filename}");
        }
    }

    #[test]
    fn another_name_is_refused_in_devpis_words_and_order() {
        for (filename, project, version, message) in [
            ("foo-1.0.txt", "bar", "2.0", "filename '%' does not contain version '2.0'"),
            ("foo-1.0.txt", "bar", "1.0", "'%' is not a valid archive name"),
            ("foo-1.0.bz2", "foo", "1.0", "'%' is not a valid archive name"),
            ("foo-1.0-py3-none-any.WHL", "foo", "1.0", "'%' is not a valid archive name"),
            ("foo-1.0.zip", "bar", "1.0", "filename '%' does not match project name 'bar'"),
            ("foobar-1.0.exe", "foo", "1.0", "filename '%' does not match project name 'foo'"),
            ("foo-1.01.tgz", "foo", "1.0", "Filename '%' is invalid, should be 'foo-1.0.tgz'."),
            ("foo-docs-1.0.zip", "foo", "1.0", "Filename '%' is invalid, should be 'foo-1.0.zip'."),
            ("foo-a-1.0.x.zip", "foo-a", "1.0", "Filename '%' is invalid, should be 'foo_a-1.0.zip'."),
        ] {
            assert_eq!(check(filename, project, version), Err(message.replace('%', filename)));
        }
    }

    #[test]
    fn a_wheel_is_named_as_pep_427_says() {
        for (filename, project, reason) in [
            ("foo-bar-1.0-py3-none-any.whl", "foo-bar", "project name is not 'foo-bar'"),
            ("foo-bar-1.0-py3-none-any.whl", "foo", "invalid version 'bar'"),
            ("foo-1_0-1.0-py3-none-any.whl", "foo", "invalid version '1_0'"),
            ("foo-1.0.1-py3-none-any.whl", "foo", "version is not '1.0'"),
            ("foo__bar-1.0-py3-none-any.whl", "foo-bar", "invalid project name"),
            ("foo@bar-1.0-py3-none-any.whl", "foo", "invalid project name"),
            ("foo-1.0-b1-py3-none-any.whl", "foo", "invalid build number"),
            ("foo-1.0--py3-none-any.whl", "foo", "invalid build number"),
            ("foo-1.0-py3-none.whl", "foo", "wrong number of parts"),
            ("foo-1.0-1-2-py3-none-any.whl", "foo", "wrong number of parts"),
            ("foo-1.0-py3--any.whl", "foo", "invalid tag"),
            ("foo-1.0-py3.-none-any.whl", "foo", "invalid tag"),
            ("foo-1.0-py3-none-any&.whl", "foo", "invalid tag"),
        ] {
            let message = format!("Invalid wheel filename ({reason}): '{filename}'");
            assert_eq!(check(filename, project, "1.0"), Err(message));
        }
    }

    #[test]
    fn a_name_that_is_no_plain_file_name_is_refused_first() {
        let long = format!("foo-1.0{}.zip", "0".repeat(245));
        let hostile = "|.|..|../foo-1.0.zip|a/foo-1.0.zip|a\\foo-1.0.zip|foo-1.0.zip\0|foo-1.0.zip\n|foo-1.0..zip|\
                       foo-1.0 .zip|foo-1.0\u{202e}.zip|foo-1.0é.zip|foo-1.0\u{85}.zip";
        for filename in hostile.split('|').chain([long.as_str()]) {
            let message = check(filename, "foo", "1.0").unwrap_err();
            assert!(message.starts_with("filename "), "{filename:?}: {message}");
            assert!(message.len() < 600 && message.chars().all(|c| !c.is_control()), "{message:?}");
        }
    }

    #[test]
    fn any_file_name_is_split_as_devpi_does() {
        for (filename, expected) in [
            ("foo_bar-1.0-1b-py3-none-any.whl", Some(("foo_bar", "1.0"))),
            ("foo-1.0.tar.gz", Some(("foo", "1.0"))),
            ("foo-2-1.0.tgz", Some(("foo-2", "1.0"))),
            ("foo-1.0-1.zip", Some(("foo", "1.0-1"))),
            ("foo-1.0-alpha-x.zip", Some(("foo", "1.0-alpha-x"))),
            ("foo-bar-x.zip", Some(("foo-bar", "x"))),
            ("zope.interface-3.8.0.tar.gz", Some(("zope.interface", "3.8.0"))),
            ("foo-1.0.doc.zip", Some(("foo", "1.0"))),
            ("foo-1.0.linux-x86_64.tar.gz", Some(("foo", "1.0"))),
            ("foo-1.0-py2.7.egg", Some(("foo", "1.0"))),
            ("foo-1.0.win-amd64-py3.8.msi", Some(("foo", "1.0"))),
            ("foo-1.0.exe", Some(("foo", "1.0"))),
            ("foo-1.0-1.src.rpm", Some(("foo", "1.0"))),
            ("foo-1.0.tar.xz", Some(("foo", "1.0"))),
            ("enum-py3-1.0.tar.gz", Some(("enum-py3", "1.0"))),
            ("foo.zip", None),
            ("-1.0.zip", None),
            ("foo-.zip", None),
            ("", None),
            ("é", None),
        ] {
            let expected = expected.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(split(filename), expected, "{filename}");
        }
    }

    #[test]
    fn the_version_of_a_listed_file_stands_behind_the_name_of_its_project() {
        for (filename, project, expected) in [
            ("foo_bar-1.0-1b-py3-none-any.whl", "foo-bar", Some("1.0")),
            ("Foo-Bar-1.0-py3-none-any.whl", "foo-bar", Some("1.0")),
            ("foo_bar-1.0-py3-none-any.whl", "foo", None),
            ("foo-1.0.whl", "foo", Some("1.0")),
            ("foo-1.0-1.tar.gz", "foo", Some("1.0-1")),
            ("foo-1.0-1.tar.gz", "foo-1-0", Some("1")),
            ("enum-py3-1.0.tar.gz", "enum-py3", Some("1.0")),
            ("foo.win-1.0.zip", "foo-win", Some("1.0")),
            ("foo-1.0.win32-py2.7.exe", "foo", Some("1.0")),
            ("foo-1.0-py2.7-linux-x86_64.egg", "foo", Some("1.0")),
            ("foo-1.0-1.noarch.rpm", "foo", Some("1.0")),
            ("foo-1.0.rpm", "foo", Some("1.0")),
            ("foo-french_toast.TAR.XZ", "foo", Some("french_toast")),
            ("foo.bar-1.0.tar", "foo", Some("1.0")),
            ("foo-.zip", "foo", None),
            ("foo.zip", "foo", None),
            ("é", "foo", None),
        ] {
            let project = ProjectName::parse(project).unwrap();
            assert_eq!(version_of(filename, &project).as_deref(), expected, "{filename}");
        }
    }

    #[test]
    fn kind_and_form_fields_follow_from_the_extension() {
        for (filename, is_opened, python, filetype) in [
            ("foo-1.0-1-py2.py3-none-any.whl", true, "py2.py3", "bdist_wheel"),
            ("foo-1.0.tar.gz", true, "source", "sdist"),
            ("foo-1.0.tar.bz2", true, "source", "sdist"),
            ("foo-1.0.ZIP", true, "source", "sdist"),
            ("foo-1.0.linux-x86_64.tar.gz", true, "any", "bdist_dumb"),
            ("foo-1.0-py2.7-linux-x86_64.egg", true, "2.7", "bdist_egg"),
            ("foo-1.0.win32-py2.7.exe", false, "2.7", "bdist_wininst"),
            ("foo-py-1.0.msi", false, "any", "bdist_msi"),
            ("foo-1.0-1.noarch.rpm", false, "any", "bdist_rpm"),
            ("foo-1.0.dmg", false, "any", "bdist_dmg"),
            ("foo_1.0-1_all.deb", false, "any", "bdist_dumb"),
        ] {
            assert_eq!(pyversion_and_filetype(filename), (python.to_owned(), filetype), "{filename}");
            assert_eq!(!matches!(kind(filename), Kind::Opaque { .. }), is_opened, "{filename}");
        }
        for filename in ["foo-1.0.txt", "foo.bz2", ".zip", "", "whl", "é"] {
            assert_eq!(kind(filename), Kind::Unknown, "{filename}");
        }
    }
}

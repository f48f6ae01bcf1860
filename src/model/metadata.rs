//! Core metadata: the fields of a `METADATA` or `PKG-INFO` file, read leniently and never written.

use std::{collections::BTreeMap, num::IntErrorKind};

/// Most fields of one file, so that lines of three bytes do not become a list many times their size.
const MOST_FIELDS: usize = 50_000;

/// What a file says of its release (Core metadata specifications).
///
/// A field that is empty or `UNKNOWN`, as distutils wrote it, counts as not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoreMetadata {
    /// As it is spelled there.
    pub name: Option<String>,
    /// As it is spelled there.
    pub version: Option<String>,
    pub requires_python: Option<String>,
    pub metadata_version: Option<String>,
    /// All fields, these four too: the name in lower case with `_` for `-`, its values in the order of the file.
    /// The body is the last `description`.
    pub fields: BTreeMap<String, Vec<String>>,
}

impl CoreMetadata {
    /// Whether the file follows this version of the specification, or a later one.
    pub fn is_at_least(&self, major: u64, minor: u64) -> bool {
        let numbers = self.metadata_version.as_deref().and_then(|text| {
            let (major, minor) = text.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        });
        numbers >= Some((major, minor))
    }
}

/// Reads the content of a `METADATA` or `PKG-INFO` file; the error says what is wrong with it.
///
/// Unknown fields and unknown versions of the format are fine, but a version above 2 must be refused (Core metadata
/// specifications, Metadata-Version). Of a field that may occur once the first counts, as for pip.
pub fn parse(bytes: &[u8]) -> Result<CoreMetadata, String> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |name: String, value: String| {
        if !value.is_empty() && value != "UNKNOWN" {
            fields.entry(name).or_default().push(value);
        }
    };
    let mut rest = bytes;
    let mut count = 0;
    let body = loop {
        if let Some(body) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
            break body;
        }
        if rest.is_empty() {
            break rest;
        }
        count += 1;
        if count > MOST_FIELDS {
            return Err(format!("has more than {MOST_FIELDS} fields"));
        }
        let (header, end) =
            mailparse::parse_header(rest).map_err(|error| format!("is no metadata: {error}"))?;
        add(field_name(header.get_key_raw()), field_value(header.get_value_raw()));
        rest = &rest[end..];
    };
    add("description".into(), text(body));

    let first = |name: &str| fields.get(name).and_then(|values| values.first()).cloned();
    let metadata_version = first("metadata_version");
    if let Some(version) = metadata_version.as_deref().filter(|version| is_too_new(version)) {
        return Err(format!("has Metadata-Version {version:?}, only 1.x and 2.x are known"));
    }
    Ok(CoreMetadata {
        name: first("name"),
        version: first("version"),
        requires_python: first("requires_python"),
        metadata_version,
        fields,
    })
}

fn is_too_new(metadata_version: &str) -> bool {
    let major = metadata_version.split('.').next().unwrap_or_default();
    match major.parse::<u64>() {
        Ok(major) => major > 2,
        Err(error) => *error.kind() == IntErrorKind::PosOverflow,
    }
}

fn field_name(bytes: &[u8]) -> String {
    text(bytes).trim().to_lowercase().replace('-', "_")
}

/// Unfolds a value. `MailHeader::get_value` would also decode RFC 2047 words, which metadata does not have, in time
/// that grows with the square of the length.
fn field_value(bytes: &[u8]) -> String {
    let text = text(bytes);
    let mut lines = text.lines();
    let mut value = lines.next().unwrap_or_default().trim().to_owned();
    for line in lines {
        // distutils indents by eight spaces, setuptools by seven and a bar.
        let indented = line.strip_prefix("       |").or_else(|| line.strip_prefix("        "));
        value.push('\n');
        value.push_str(indented.unwrap_or_else(|| line.trim_start()).trim_end());
    }
    value
}

/// UTF-8, and where it is not, with replacements; without NUL, which no text column holds.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_pip_reads_them() {
        let metadata = parse(
            "Metadata-Version: 2.4\r\nNAME: Foo.Bar\nVersion : 1.0\nVersion: 2.0\nRequires-Python: >=3.9\n\
             Requires-Dist: a\nRequires-Dist: b ; extra == 'x'\nAuthor: Jürgen =?utf-8?q?x?=\nSummary: UNKNOWN\n\
             Home-page:\nnot a field\nX-Odd: 1\0\nLicense: one\n         two\n       |three\n\tfour\n\
             \n# Title\n\nName: none\n"
                .as_bytes(),
        )
        .unwrap();
        assert_eq!(metadata.name.as_deref(), Some("Foo.Bar"));
        assert_eq!(metadata.version.as_deref(), Some("1.0"));
        assert_eq!(metadata.requires_python.as_deref(), Some(">=3.9"));
        assert_eq!(metadata.metadata_version.as_deref(), Some("2.4"));
        for (name, values) in [
            ("requires_dist", vec!["a", "b ; extra == 'x'"]),
            ("author", vec!["Jürgen =?utf-8?q?x?="]),
            ("x_odd", vec!["1"]),
            ("license", vec!["one\n two\nthree\nfour"]),
            ("description", vec!["# Title\n\nName: none\n"]),
        ] {
            assert_eq!(metadata.fields[name], values, "{name}");
        }
        assert!(!metadata.fields.contains_key("summary") && !metadata.fields.contains_key("home_page"));
    }

    #[test]
    fn only_a_higher_major_version_or_no_metadata_at_all_is_refused() {
        for text in ["", "\n", "Name: a", "Metadata-Version: 2.99\n", "Metadata-Version: odd\n", "<html>"] {
            assert!(parse(text.as_bytes()).is_ok(), "{text:?}");
        }
        let many = "a:\n".repeat(MOST_FIELDS + 1);
        for text in ["Metadata-Version: 3.0", "Metadata-Version: 99999999999999999999", " Name: a", &many] {
            assert!(parse(text.as_bytes()).is_err(), "{text:.40?}");
        }
        assert!(parse(b"Name: \xff\xfe\0\n").unwrap().name.is_some());
    }

    #[test]
    fn versions_of_the_format_are_compared_by_number() {
        for (version, expected) in
            [("2.2", true), ("2.10", true), ("3.0", true), ("2.1", false), ("1.9", false), ("2", false)]
        {
            let metadata = CoreMetadata { metadata_version: Some(version.into()), ..CoreMetadata::default() };
            assert_eq!(metadata.is_at_least(2, 2), expected, "{version}");
        }
        assert!(!CoreMetadata::default().is_at_least(2, 2));
    }

    #[test]
    fn hostile_values_take_time_in_proportion_to_their_length() {
        let bytes = format!("Summary: {}\n", " =?".repeat(5_000_000));
        assert_eq!(parse(bytes.as_bytes()).unwrap().fields.len(), 1);
    }
}

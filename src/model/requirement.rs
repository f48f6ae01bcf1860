//! What a release asks for, read leniently from `requires_dist` (dependency specifiers, PEP 508), for people to see.
//!
//! The crate for it, `pep508_rs`, keeps every marker that it ever read in a table of the process, and what may be asked for
//! is written by whoever may upload.

use super::name::ProjectName;
use regex::Regex;
use std::sync::LazyLock;

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// As it is spelled there; the whole text where it can't be read.
    pub name: String,
    /// `None`: it can't be read.
    pub project: Option<ProjectName>,
    /// Extras, versions or URL, as they are spelled there.
    pub wanted: String,
    /// On what it depends, without the extra.
    pub marker: String,
    /// The extra that asks for it; `None`: the release does.
    pub extra: Option<String>,
}

impl Requirement {
    /// Reads one line; never fails.
    pub fn read(line: &str) -> Self {
        static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(r"^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?(.*)$").ok()
        });
        static EXTRA: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(r#"(?:\s*\band\s+)?\(?\s*\bextra\s*==\s*['"]([^'"]*)['"]\s*\)?(?:\s*and\b\s*)?"#).ok()
        });
        let line = line.replace(['\r', '\n'], " ");
        // A URL may hold a semicolon, unless a space stands before it.
        let divided = if line.contains('@') { line.split_once(" ;") } else { line.split_once(';') };
        let (asked, marker) = divided.unwrap_or((&line, ""));
        let found = NAME.as_ref().and_then(|name| name.captures(asked));
        let project = found.as_ref().and_then(|found| ProjectName::parse(&found[1]).ok());
        let Some((found, project)) = found.zip(project) else {
            return Self {
                name: line.trim().to_owned(),
                project: None,
                wanted: String::new(),
                marker: String::new(),
                extra: None,
            };
        };
        let versions = found[3].trim();
        let versions =
            versions.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(versions);
        let extra = EXTRA.as_ref().and_then(|extra| extra.captures(marker)).map(|found| found[1].to_owned());
        // With several extras, or other words between them, the whole is for the reader to understand.
        let is_simple = marker.matches("extra").count() == 1 && !marker.contains(" or ");
        let marker = match (&extra, &*EXTRA) {
            (Some(_), Some(pattern)) if is_simple => pattern.replace(marker, "").into_owned(),
            _ => marker.to_owned(),
        };
        Self {
            name: found[1].to_owned(),
            project: Some(project),
            wanted: format!(
                "{}{}",
                found.get(2).map_or("", |it| it.as_str()),
                if versions.is_empty() { String::new() } else { format!(" {versions}") }
            )
            .trim_start()
            .to_owned(),
            marker: marker.trim().to_owned(),
            extra,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_as_they_are_written() {
        for (line, name, wanted, marker, extra) in [
            ("requests", "requests", "", "", None),
            ("Foo.Bar (>=1,<2)", "Foo.Bar", ">=1,<2", "", None),
            ("a[x,y]>=1", "a", "[x,y] >=1", "", None),
            ("a>=1; python_version < '3.8'", "a", ">=1", "python_version < '3.8'", None),
            ("a ; extra == 'test'", "a", "", "", Some("test")),
            ("a; python_version<'3' and extra == \"t\"", "a", "", "python_version<'3'", Some("t")),
            ("a; (extra == 't') and os_name == 'nt'", "a", "", "os_name == 'nt'", Some("t")),
            ("a @ https://x/y;z.whl ; extra == 't'", "a", "@ https://x/y;z.whl", "", Some("t")),
        ] {
            let read = Requirement::read(line);
            assert_eq!(
                (read.name.as_str(), read.wanted.as_str(), read.marker.as_str()),
                (name, wanted, marker),
                "{line}"
            );
            assert_eq!(read.extra.as_deref(), extra, "{line}");
            assert!(read.project.is_some());
        }
        for line in ["", "<script>", "-e .", "===", "\u{202e}"] {
            assert_eq!(Requirement::read(line).project, None, "{line}");
        }
    }
}

//! Names of users, indexes and projects, parsed once at the edge.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest name of a user, an index or a project, in bytes: an index row of PostgreSQL holds it with room to spare.
const LONGEST: usize = 200;

/// The ASCII characters that may not stand in the name of a user or an index (devpi: `model.py`, `is_valid_name`).
const FORBIDDEN: &str = " !\"#$%&'()*+,/:;<=>?[\\]^`{|}~";

/// The name of a user, as in the first part of a URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

impl UserName {
    /// Parses a name; the error is devpi's message, without the word `username` or `indexname` before it.
    pub fn parse(name: &str) -> Result<Self, String> {
        valid(name).map(Self)
    }

    /// `root`, the administrator.
    pub fn root() -> Self {
        Self("root".into())
    }

    pub fn is_root(&self) -> bool {
        self.0 == "root"
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The full name of an index: `user/index`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct IndexName {
    pub user: UserName,
    /// The second part, a name by the same rules as a user's.
    pub index: String,
}

impl IndexName {
    /// Parses the two parts; the error is as for [`UserName::parse`].
    pub fn parse(user: &str, index: &str) -> Result<Self, String> {
        Ok(Self { user: UserName::parse(user)?, index: valid(index)? })
    }
}

impl IndexName {
    /// `user/index`, percent-encoded for a URL.
    pub fn url_path(&self) -> String {
        format!("{}/{}", encode(self.user.as_str()), encode(&self.index))
    }
}

/// A segment of a URL's path: all but letters, digits and `-_.+!~@` is percent-encoded, and so a `+` stays one.
pub fn encode(segment: &str) -> String {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'+')
        .remove(b'!')
        .remove(b'~')
        .remove(b'@');
    utf8_percent_encode(segment, ENCODED).to_string()
}

impl fmt::Display for IndexName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.index)
    }
}

impl FromStr for IndexName {
    type Err = String;

    /// Reads `user/index`; slashes before and after it are ignored, as devpi does.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim_matches('/').split_once('/') {
            Some((user, index)) => Self::parse(user, index),
            None => Err(format!("{text:?} is not in the form user/index")),
        }
    }
}

impl From<IndexName> for String {
    fn from(name: IndexName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for IndexName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The name of a project in its normal form (PEP 503, Normalized Names).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ProjectName(String);

impl ProjectName {
    /// Parses and normalises a project name (packaging standards, name format; devpi's words in the error).
    pub fn parse(name: &str) -> Result<Self, String> {
        let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if name.len() > LONGEST {
            return Err(format!("Invalid package name. Names must not be longer than {LONGEST} characters"));
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err("Invalid package name. Names must contain only ASCII letters, digits, underscores, \
                        hyphens, and periods"
                .into());
        }
        if !outer(name.chars().next()) {
            return Err("Invalid package name. Names must start with an ASCII letter or digit".into());
        }
        if !outer(name.chars().last()) {
            return Err("Invalid package name. Names must end with an ASCII letter or digit".into());
        }
        Ok(Self(Self::normalize(name)))
    }

    /// The normal form of any text: lower case, each run of `-`, `_` and `.` one `-`.
    pub fn normalize(name: &str) -> String {
        let mut normal = String::with_capacity(name.len());
        for c in name.chars() {
            if !"-_.".contains(c) {
                normal.push(c.to_ascii_lowercase());
            } else if !normal.ends_with('-') {
                normal.push('-');
            }
        }
        normal
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<ProjectName> for String {
    fn from(name: ProjectName) -> Self {
        name.0
    }
}

impl TryFrom<String> for ProjectName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

fn valid(name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Err("'' is empty. It needs at least one character.".into());
    }
    if name.len() > LONGEST {
        return Err(format!("is longer than {LONGEST} bytes."));
    }
    if name.chars().any(|c| c.is_control() || FORBIDDEN.contains(c)) || name.chars().all(|c| c == '.') {
        return Err(format!(
            "'{name}' contains characters that aren't allowed. Any ascii symbol besides -.@_ is blocked."
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_name_is_normalised_as_pep_503_says() {
        for (name, normal) in [
            ("Friendly.Bard", "friendly-bard"),
            ("FRIENDLY--bard", "friendly-bard"),
            ("friendly_.-bard", "friendly-bard"),
            ("a", "a"),
        ] {
            assert_eq!(ProjectName::parse(name).unwrap().as_str(), normal);
        }
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        for name in ["", "-a", "a-", "a b", "ä", "a/b", "a\0", "a\n", &"a".repeat(10_000)] {
            assert!(ProjectName::parse(name).is_err(), "{name:?}");
        }
        for name in ["", "a:b", "a/b", "+a", "a b", "a\0", "..", ".", &"a".repeat(10_000)] {
            assert!(UserName::parse(name).is_err(), "{name:?}");
        }
        for name in ["root", "a.b", "a@b", "Jürgen", "-"] {
            assert!(UserName::parse(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn an_index_is_named_by_user_and_index_with_outer_slashes_ignored() {
        for text in ["root/pypi", "/root/pypi/"] {
            assert_eq!(text.parse::<IndexName>().unwrap().to_string(), "root/pypi");
        }
        for text in ["root", "a/b/c", "", "//", "a/"] {
            assert!(text.parse::<IndexName>().is_err(), "{text:?}");
        }
    }
}

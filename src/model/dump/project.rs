//! The entries of a dump below an index, in the one form that the rest works with.

use super::Kind;
use crate::model::release;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// What devpi knows of a file's content.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Mapping {
    /// As in the header of that name, or as RFC 3339 has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// `sha256=…`, or `md5=…` in old exports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash_spec: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    md5: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, Value>,
    /// Where the upstream of a mirror has the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Mapping {
    /// Of a file with this content.
    pub fn new(sha256: &str, modified: OffsetDateTime, url: Option<String>) -> Self {
        Self {
            last_modified: Some(httpdate::fmt_http_date(modified.into())),
            hash_spec: Some(format!("sha256={sha256}")),
            md5: None,
            hashes: [("sha256".to_owned(), sha256.into())].into(),
            url,
        }
    }

    /// The digests that the content is to have: lower-case hex by the name of their algorithm.
    ///
    /// The digest of a tox result in an export of devpi-server 6.5 to 6.8 is that of the file it belongs to, which stands in
    /// its path: it says nothing (devpi: `migrate_toxresult`).
    pub fn digests(&self, kind: Kind, path: &str) -> BTreeMap<String, String> {
        let listed = self.hashes.iter().filter_map(|(name, digest)| Some((name.as_str(), digest.as_str()?)));
        let spec = self.hash_spec.as_deref().and_then(|spec| spec.split_once('='));
        let md5 = self.md5.as_deref().map(|digest| ("md5", digest));
        let lower = |(name, digest): (&str, &str)| (name.to_lowercase(), digest.to_lowercase());
        // Where they contradict each other the list counts, as for devpi.
        let digests: BTreeMap<_, _> = md5.into_iter().chain(spec).chain(listed).map(lower).collect();
        let is_of_the_release_file =
            |(name, digest): (&String, &String)| path.contains(&format!("/{name}={digest}/"));
        match kind == Kind::ToxResult && digests.iter().any(is_of_the_release_file) {
            true => BTreeMap::new(),
            false => digests,
        }
    }

    /// When the content came to the server; devpi 7 writes it otherwise than all before.
    pub fn modified(&self) -> Option<OffsetDateTime> {
        let text = self.last_modified.as_deref()?;
        let of_header = httpdate::parse_http_date(text).map(OffsetDateTime::from).ok();
        of_header.or_else(|| moment(text))
    }
}

/// The metadata of a release as devpi has it, taken apart.
pub struct ReleaseData {
    /// Every key of [`release::empty`].
    pub metadata: Map<String, Value>,
    /// Of a mirrored release, or of one that devpi 7 was told to yank: the reason, may be empty.
    pub yanked: Option<String>,
}

impl ReleaseData {
    /// Reads version data; what devpi keeps beside the metadata under names with a `+` or `:` is left out.
    pub fn new(version: &str, given: Map<String, Value>) -> Self {
        let yanked = match given.get("yanked") {
            Some(Value::String(reason)) => Some(reason.replace('\0', "")),
            Some(Value::Bool(true)) => Some(String::new()),
            _ => None,
        };
        let mut metadata = release::empty();
        for (key, value) in given {
            let is_metadata = !key.starts_with(['+', ':']) && key != "yanked";
            if is_metadata && !value.is_null() {
                metadata.insert(key, without_nul(value));
            }
        }
        metadata.insert("version".into(), version.into());
        Self { metadata, yanked }
    }

    /// The specifier, where there is one.
    pub fn requires_python(&self) -> Option<&str> {
        self.metadata["requires_python"].as_str().filter(|text| !text.is_empty())
    }
}

/// A moment in RFC 3339, in UTC; `None` also for one beyond all calendars.
pub(super) fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)
}

/// A value that PostgreSQL takes: without NUL characters.
pub(super) fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => text.replace('\0', "").into(),
        Value::Array(list) => list.into_iter().map(without_nul).collect(),
        Value::Object(map) => {
            map.into_iter().map(|(key, value)| (key.replace('\0', ""), without_nul(value))).collect()
        }
        other => other,
    }
}

/// A link's log with the moments as devpi 6 writes them, `[Y, M, D, h, m, s]`; devpi 7 has texts.
pub(super) fn log(given: Option<Value>) -> Value {
    let Some(Value::Array(mut entries)) = given else { return Value::Array(Vec::new()) };
    for entry in &mut entries {
        let when = entry.get("when").and_then(Value::as_str).and_then(moment);
        if let Some(at) = when {
            entry["when"] = serde_json::json!([
                at.year(),
                u8::from(at.month()),
                at.day(),
                at.hour(),
                at.minute(),
                at.second()
            ]);
        }
    }
    without_nul(Value::Array(entries))
}

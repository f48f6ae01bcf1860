//! The metadata of a release as devpi keeps it: the fields of the upload form (devpi-api, Upload).

use super::{metadata::CoreMetadata, name::ProjectName};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// Longest version of a release, in bytes: an index row of PostgreSQL holds it with room to spare.
pub const LONGEST_VERSION: usize = 200;

/// A release of which files came to an index lately.
#[derive(Debug)]
pub struct Recent {
    /// The row of the state of the release.
    pub id: Option<i64>,
    pub project: ProjectName,
    pub version: String,
    pub summary: Option<String>,
    /// How many of its files came lately.
    pub files: i64,
    /// All of these are yanked.
    pub is_yanked: bool,
    /// Who brought the last of them, and when.
    pub by: Option<String>,
    pub at: OffsetDateTime,
}

const TEXTS: [&str; 17] = [
    "name",
    "version",
    "metadata_version",
    "summary",
    "home_page",
    "author",
    "author_email",
    "maintainer",
    "maintainer_email",
    "license",
    "description",
    "keywords",
    "download_url",
    "comment",
    "requires_python",
    "description_content_type",
    "license_expression",
];

const LISTS: [&str; 14] = [
    "platform",
    "classifiers",
    "supported_platform",
    "provides",
    "requires",
    "obsoletes",
    "project_urls",
    "provides_dist",
    "obsoletes_dist",
    "requires_dist",
    "requires_external",
    "provides_extras",
    "dynamic",
    "license_file",
];

/// A release of a project on one index.
#[derive(Debug, Clone)]
pub struct Release {
    /// The row of this state of the release.
    pub id: i64,
    pub version: String,
    /// Every key of [`empty`], and what the uploads said.
    pub metadata: Map<String, Value>,
}

/// Version data with every key and no value: `""` for a text, `[]` for a list.
pub fn empty() -> Map<String, Value> {
    let texts = TEXTS.iter().map(|key| ((*key).to_owned(), Value::from("")));
    let lists = LISTS.iter().map(|key| ((*key).to_owned(), Value::Array(Vec::new())));
    texts.chain(lists).collect()
}

/// Puts the fields of a form over version data; only fields that the form holds change anything.
///
/// A repeated field makes a list, empty items are dropped, and `UNKNOWN` (old distutils) is an empty text.
pub fn merge(metadata: &mut Map<String, Value>, form: &[(String, String)]) {
    let mut lists: Map<String, Value> = Map::new();
    for (field, text) in form {
        let text = match field.as_str() {
            _ if text == "UNKNOWN" => "",
            "version" => text.trim(),
            _ => text,
        };
        let key = if field == "provides_extra" { "provides_extras" } else { field };
        if LISTS.contains(&key) {
            let list = lists.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            if let (Value::Array(list), false) = (list, text.is_empty()) {
                list.push(text.into());
            }
        } else if TEXTS.contains(&key) {
            metadata.insert(key.to_owned(), text.into());
        }
    }
    metadata.extend(lists);
}

/// Core metadata as the fields of a form that says the same (packaging standards, the upload API). Fields that are none
/// of a release are left out: in a form they would tell of the upload.
pub fn form(metadata: &CoreMetadata) -> Vec<(String, String)> {
    let mut form = Vec::new();
    for (field, values) in &metadata.fields {
        let key = match field.as_str() {
            "classifier" => "classifiers",
            "project_url" => "project_urls",
            field => field,
        };
        // Of a text that stands there twice the first counts, but the body is the last.
        let values = match key {
            key if LISTS.contains(&key) || key == "provides_extra" => &values[..],
            "description" => &values[values.len().saturating_sub(1)..],
            key if TEXTS.contains(&key) => &values[..values.len().min(1)],
            _ => continue,
        };
        form.extend(values.iter().map(|value| (key.to_owned(), value.clone())));
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_fills_texts_and_lists_and_leaves_the_rest() {
        let form = [
            ("name", "Foo"),
            ("summary", "UNKNOWN"),
            ("classifiers", "a"),
            ("classifiers", ""),
            ("classifiers", "b"),
            ("provides_extra", "x"),
            ("md5_digest", "00"),
        ];
        let form: Vec<_> = form.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let mut metadata = empty();
        metadata.insert("license".into(), "MIT".into());
        merge(&mut metadata, &form);
        assert_eq!(metadata["name"], "Foo");
        assert_eq!(metadata["summary"], "");
        assert_eq!(metadata["classifiers"], json!(["a", "b"]));
        assert_eq!(metadata["provides_extras"], json!(["x"]));
        assert_eq!(metadata["license"], "MIT");
        assert!(!metadata.contains_key("md5_digest"));
    }
    #[test]
    fn core_metadata_fill_the_same_fields() {
        let text = "Metadata-Version: 2.1\nName: Foo\nSummary: a\nSummary: b\nClassifier: c\nClassifier: d\n\
                    Project-URL: Home, http://x/\nProvides-Extra: e\nX-Odd: 1\n\nbody";
        let mut metadata = empty();
        merge(&mut metadata, &form(&super::super::metadata::parse(text.as_bytes()).unwrap()));
        for (key, value) in [
            ("name", json!("Foo")),
            ("summary", json!("a")),
            ("classifiers", json!(["c", "d"])),
            ("project_urls", json!(["Home, http://x/"])),
            ("provides_extras", json!(["e"])),
            ("description", json!("body")),
            ("license", json!("")),
        ] {
            assert_eq!(metadata[key], value, "{key}");
        }
        assert_eq!(metadata.len(), empty().len());
    }
}

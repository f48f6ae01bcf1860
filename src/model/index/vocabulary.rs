//! devpi 7's words for what devpi 6 has too (devpi 7: `model/remote.py`, `model/local.py`, `importexport.py`).
//!
//! Both are read; kept and answered are those of devpi 6.

use serde_json::{Value, json};

/// Options that have another name and the same values.
const RENAMED: [(&str, &str); 5] = [
    ("remote_url", "mirror_url"),
    ("remote_refresh_delay", "mirror_cache_expiry"),
    ("remote_web_url_fmt", "mirror_web_url_fmt"),
    ("remote_no_project_list", "mirror_no_project_list"),
    ("remote_use_external_urls", "mirror_use_external_urls"),
];

/// The name of an option.
pub(super) fn key(given: &str) -> &str {
    RENAMED.iter().find(|(new, _)| *new == given).map_or(given, |(_, old)| old)
}

/// The type of an index.
pub(super) fn index_type(given: &str) -> &str {
    match given {
        "local" => "stage",
        "remote" => "mirror",
        other => other,
    }
}

/// An option that is set. Rules of inheritance that have no whitelist to say the same stay what they are: unknown.
pub(super) fn option<'a>(given: &'a str, value: &Value) -> (&'a str, Value) {
    let only = match value {
        Value::Array(list) if list.len() == 1 => list[0].as_str(),
        value => value.as_str(),
    };
    match (given, only.map(str::trim)) {
        ("project_inheritance_rules", Some("allow all")) => ("mirror_whitelist", json!(["*"])),
        ("project_inheritance_rules", Some("block type:remote if local_exists")) => {
            ("mirror_whitelist", json!([]))
        }
        ("trust_inheritance_rules_from", Some("type:not remote")) => {
            ("mirror_whitelist_inheritance", json!("union"))
        }
        ("trust_inheritance_rules_from", Some("none")) => {
            ("mirror_whitelist_inheritance", json!("intersection"))
        }
        _ => (key(given), value.clone()),
    }
}

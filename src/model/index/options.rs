//! The options of an index: what they accept, and the form in which they are kept (devpi-api, Options).

use crate::model::name::{IndexName, ProjectName};
use serde_json::Value;

/// How the value of an option is read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Bool,
    /// `user/index` names.
    Bases,
    /// Principals.
    Acl,
    /// Project names, or `*` for all.
    Projects,
    /// `intersection` or `union`.
    Inheritance,
    /// Any JSON, stored as given.
    Any,
}

/// The options of a stage, whether they have a value from its creation on, and what they hold.
pub(super) const OPTIONS: [(&str, bool, Kind); 10] = [
    ("volatile", true, Kind::Bool),
    ("bases", true, Kind::Bases),
    ("acl_upload", true, Kind::Acl),
    ("acl_toxresult_upload", true, Kind::Acl),
    ("acl_read", false, Kind::Acl),
    ("mirror_whitelist", true, Kind::Projects),
    ("mirror_whitelist_inheritance", true, Kind::Inheritance),
    ("title", false, Kind::Any),
    ("description", false, Kind::Any),
    ("custom_data", false, Kind::Any),
];

pub(super) fn kind_of(key: &str) -> Option<Kind> {
    OPTIONS.iter().find(|(name, ..)| *name == key).map(|(.., kind)| *kind)
}

pub(super) fn list_kind(key: &str) -> Result<Kind, String> {
    match kind_of(key) {
        Some(kind @ (Kind::Bases | Kind::Acl | Kind::Projects)) => Ok(kind),
        Some(_) => Err(format!("The '{key}' setting isn't a list: use {key}=VALUE")),
        None => Err(format!("indexconfig got unexpected keyword arguments: {key}")),
    }
}

pub(super) fn normal_form(key: &str, kind: Kind, value: &Value) -> Result<Value, String> {
    Ok(match kind {
        Kind::Any if value.is_null() => {
            return Err(format!("'{key}' can't be null: the operation \"{key}-=\" removes it"));
        }
        Kind::Any => value.clone(),
        Kind::Bool => match value {
            Value::Bool(_) => value.clone(),
            Value::String(text) => match text.to_lowercase().as_str() {
                "true" | "yes" => true.into(),
                "false" | "no" => false.into(),
                _ => return Err(format!("Unknown boolean value '{text}'.")),
            },
            _ => return Err(format!("Unknown boolean value {value}.")),
        },
        Kind::Inheritance => match value.as_str() {
            Some("intersection" | "union") => value.clone(),
            _ => {
                return Err(format!(
                    "Unknown value '{}' for {key}, must be 'intersection' or 'union'.",
                    plain(value)
                ));
            }
        },
        Kind::Acl => items(value)?.into_iter().map(principal).collect::<Vec<_>>().into(),
        Kind::Projects => {
            items(value)?.iter().map(|name| ProjectName::normalize(name)).collect::<Vec<_>>().into()
        }
        Kind::Bases => {
            let (mut bases, mut problems) = (Vec::new(), Vec::new());
            for base in items(value)? {
                match base.parse::<IndexName>() {
                    Ok(base) => bases.push(base.to_string()),
                    Err(_) => problems.push(format!("invalid base index spec: '{base}'")),
                }
            }
            if !problems.is_empty() {
                return Err(problems.join(", "));
            }
            bases.into()
        }
    })
}

/// A JSON list of texts, or a text split at commas.
fn items(value: &Value) -> Result<Vec<String>, String> {
    let unknown = || format!("Unknown list value {value}.");
    match value {
        Value::String(text) => {
            Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
        }
        Value::Array(list) => {
            list.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(unknown)).collect()
        }
        _ => Err(unknown()),
    }
}

/// Groups are written in capitals, whatever the client wrote.
fn principal(name: String) -> String {
    let upper = name.to_uppercase();
    if matches!(upper.as_str(), ":ANONYMOUS:" | ":AUTHENTICATED:") { upper } else { name }
}

pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

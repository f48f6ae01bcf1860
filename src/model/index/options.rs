//! The options of an index: what they accept, and the form in which they are kept (devpi-api, Options).

use super::vocabulary;
use crate::model::{
    mirror,
    name::{IndexName, ProjectName},
};
use serde_json::Value;

/// What an index is; it never changes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Type {
    Stage,
    Mirror,
}

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
    /// The URL of an upstream.
    Url,
    /// Seconds, zero included.
    Expiry,
    /// Seconds that somebody waits.
    Timeout,
    Text,
    /// Any JSON, stored as given.
    Any,
}

const BOTH: &[Type] = &[Type::Stage, Type::Mirror];
const STAGE: &[Type] = &[Type::Stage];
const MIRROR: &[Type] = &[Type::Mirror];

/// The options, what has them, whether they have a value from the creation on, and what they hold.
const OPTIONS: [(&str, &[Type], bool, Kind); 19] = [
    ("volatile", BOTH, true, Kind::Bool),
    ("bases", STAGE, true, Kind::Bases),
    ("acl_upload", STAGE, true, Kind::Acl),
    ("acl_toxresult_upload", STAGE, true, Kind::Acl),
    ("acl_read", BOTH, false, Kind::Acl),
    ("mirror_whitelist", STAGE, true, Kind::Projects),
    ("mirror_whitelist_inheritance", STAGE, true, Kind::Inheritance),
    ("mirror_url", MIRROR, false, Kind::Url),
    ("mirror_cache_expiry", MIRROR, false, Kind::Expiry),
    ("mirror_timeout", MIRROR, false, Kind::Timeout),
    ("mirror_web_url_fmt", MIRROR, false, Kind::Text),
    ("mirror_no_project_list", MIRROR, false, Kind::Bool),
    ("mirror_use_external_urls", MIRROR, false, Kind::Bool),
    ("mirror_ignore_serial_header", MIRROR, false, Kind::Bool),
    ("mirror_provides_core_metadata", MIRROR, false, Kind::Bool),
    ("mirror_whitelist_exempt", MIRROR, false, Kind::Bool),
    ("title", BOTH, false, Kind::Any),
    ("description", BOTH, false, Kind::Any),
    ("custom_data", BOTH, false, Kind::Any),
];

impl Type {
    /// The type that a client names.
    pub(super) fn parse(given: Option<&Value>) -> Result<Self, String> {
        match given {
            None => Ok(Self::Stage),
            Some(Value::String(text)) => match vocabulary::index_type(text) {
                "stage" => Ok(Self::Stage),
                "mirror" => Ok(Self::Mirror),
                _ => Err(format!("unknown index type '{text}'")),
            },
            Some(other) => Err(format!("unknown index type {other}")),
        }
    }

    fn option(self, key: &str) -> Option<&'static (&'static str, &'static [Self], bool, Kind)> {
        OPTIONS.iter().find(|(name, types, ..)| *name == key && types.contains(&self))
    }

    pub(super) fn kind_of(self, key: &str) -> Option<Kind> {
        self.option(key).map(|(.., kind)| *kind)
    }

    /// Whether it has a value from the creation on, so that it can't be taken away.
    pub(super) fn has_default(self, key: &str) -> bool {
        self.option(key).is_some_and(|(_, _, default, _)| *default)
    }

    /// What may be given and has no effect; that of mirrors stands in old exports (devpi: `model.py`,
    /// `get_indexconfig_from_kwargs`).
    pub(super) fn ignores(self, key: &str) -> bool {
        match key {
            "type" | "projects" | "pypi_whitelist" => true,
            "bases" | "acl_upload" | "mirror_whitelist" => self == Self::Mirror,
            _ => false,
        }
    }

    pub(super) fn list_kind(self, key: &str) -> Result<Kind, String> {
        match self.kind_of(key) {
            Some(kind @ (Kind::Bases | Kind::Acl | Kind::Projects)) => Ok(kind),
            Some(_) => Err(format!("The '{key}' setting isn't a list: use {key}=VALUE")),
            None => Err(format!("indexconfig got unexpected keyword arguments: {key}")),
        }
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
        Kind::Url => {
            let url = value.as_str().and_then(mirror::normal_url);
            url.ok_or_else(|| format!("'{key}' option must be a URL."))?.into()
        }
        Kind::Expiry => match integer(value) {
            Some(seconds @ 0..) => seconds.into(),
            Some(_) => return Err(format!("'{key}' option must not be negative")),
            None => return Err(format!("'{key}' option must be an integer")),
        },
        Kind::Timeout => match integer(value) {
            Some(seconds @ 1..=300) => seconds.into(),
            _ => return Err(format!("'{key}' option must be an integer from 1 to 300")),
        },
        Kind::Text if value.is_string() => value.clone(),
        Kind::Text => return Err(format!("'{key}' option must be a text")),
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

/// A whole number, or a text that is one.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
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

/// A value as a message tells it.
pub(super) fn plain(value: &Value) -> String {
    mirror::without_credentials(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

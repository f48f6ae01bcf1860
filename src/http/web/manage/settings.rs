//! The settings of an index as fields of a form, and back.

use crate::{
    error::{Error, Result},
    http::web::form::Fields,
    model::access::{ANONYMOUS, AUTHENTICATED},
};
use serde_json::{Map, Value, json};

/// Lists of principals, each chosen by a field of its name and listed in one with `_names` behind it.
const ACLS: [&str; 3] = ["acl_read", "acl_upload", "acl_toxresult_upload"];

const FLAGS: [&str; 6] = [
    "volatile",
    "mirror_no_project_list",
    "mirror_use_external_urls",
    "mirror_ignore_serial_header",
    "mirror_provides_core_metadata",
    "mirror_whitelist_exempt",
];

/// Texts and numbers, which are taken away when they are empty.
const TEXTS: [&str; 6] =
    ["title", "description", "mirror_url", "mirror_cache_expiry", "mirror_timeout", "mirror_web_url_fmt"];

/// Places for further bases.
const MORE_BASES: usize = 3;

/// Bases that a form may have.
const MOST_BASES: usize = 100;

/// Keys of `custom_data` that have a field, which say where an index stands among others.
const PLACES: [&str; 3] = ["group", "label", "order"];

/// A form that holds these settings, as they are shown.
pub(super) fn form(settings: &Map<String, Value>) -> Map<String, Value> {
    let mut form = Map::new();
    let set = |key: &str| settings.get(key).filter(|value| !value.is_null());
    for key in TEXTS {
        form.extend(set(key).map(|value| (key.to_owned(), plain(value).into())));
    }
    for key in FLAGS.into_iter().filter(|key| settings.get(*key) == Some(&Value::Bool(true))) {
        form.insert(key.to_owned(), "on".into());
    }
    for key in ACLS {
        let names = set(key).map_or_else(|| vec![ANONYMOUS.to_owned()], list);
        let choice = match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [ANONYMOUS] => "everybody",
            [AUTHENTICATED] => "users",
            _ => "names",
        };
        form.insert(key.to_owned(), choice.into());
        if choice == "names" {
            form.insert(format!("{key}_names"), names.join(", ").into());
        }
    }
    for (place, base) in settings.get("bases").map(list).unwrap_or_default().into_iter().enumerate() {
        form.insert(format!("base_{place}"), base.into());
    }
    let whitelist = settings.get("mirror_whitelist").map(list).unwrap_or_default();
    form.insert("mirror_whitelist".into(), whitelist.join(", ").into());
    let inheritance = set("mirror_whitelist_inheritance").cloned().unwrap_or_else(|| "union".into());
    form.insert("mirror_whitelist_inheritance".into(), inheritance);
    for key in PLACES {
        let value = settings.get("custom_data").and_then(|data| data.get(key));
        form.extend(value.map(|value| (format!("custom_{key}"), plain(value).into())));
    }
    form
}

/// The places for bases that a form shows: those that are filled, and some more.
pub(super) fn base_fields(form: &Map<String, Value>) -> Vec<String> {
    let name = |place: usize| format!("base_{place}");
    let filled = |place: &usize| form.get(&name(*place)).is_some_and(|base| base != "");
    let last = (0..MOST_BASES).rev().find(filled).map_or(0, |place| place + 1);
    (0..(last + MORE_BASES).min(MOST_BASES)).map(name).collect()
}

/// What a form changes about settings, as options of a PATCH, and the names of those that it takes away.
///
/// # Errors
/// [`Error::Invalid`] for an order that is no number.
pub(super) fn changes(
    fields: &Fields,
    before: &Map<String, Value>,
) -> Result<(Map<String, Value>, Vec<String>)> {
    let is_mirror = before.get("type") == Some(&"mirror".into());
    let (mut options, mut removed) = (Map::new(), Vec::new());
    let mut set = |key: &str, value: Value| {
        if before.get(key) != Some(&value) {
            options.insert(key.to_owned(), value);
        }
    };
    let of_type = |key: &&str| is_mirror || !key.starts_with("mirror_");
    for key in TEXTS.into_iter().filter(of_type) {
        let text = fields.text(key).replace("\r\n", "\n");
        let was = before.get(key);
        if text.is_empty() {
            removed.extend(was.map(|_| key.to_owned()));
        } else if was.map(plain).as_deref() != Some(&text) {
            set(key, text.into());
        }
    }
    for key in FLAGS.into_iter().filter(of_type) {
        let is_on = before.get(key) == Some(&Value::Bool(true));
        if fields.has(key) != is_on {
            set(key, fields.has(key).into());
        }
    }
    for key in ACLS.into_iter().filter(|key| !is_mirror || *key == "acl_read") {
        match fields.text(key) {
            "everybody" if key == "acl_read" => {
                removed.extend(before.get(key).map(|_| key.to_owned()));
            }
            "everybody" => set(key, json!([ANONYMOUS])),
            "users" => set(key, json!([AUTHENTICATED])),
            _ => set(key, fields.names(&format!("{key}_names")).into()),
        }
    }
    if !is_mirror {
        let bases = (0..MOST_BASES).map(|place| fields.text(&format!("base_{place}")).trim_matches('/'));
        set("bases", bases.filter(|base| !base.is_empty()).collect::<Vec<_>>().into());
        set("mirror_whitelist", fields.names("mirror_whitelist").into());
        if before.contains_key("mirror_whitelist_inheritance")
            || fields.text("mirror_whitelist_inheritance") != "union"
        {
            set("mirror_whitelist_inheritance", fields.text("mirror_whitelist_inheritance").into());
        }
    }
    let custom_data = before.get("custom_data");
    let places = places(fields, custom_data)?;
    match (places, custom_data) {
        (Some(places), _) if places.as_object().is_some_and(Map::is_empty) => {
            removed.extend(custom_data.map(|_| "custom_data".to_owned()));
        }
        (Some(places), _) => set("custom_data", places),
        (None, _) => {}
    }
    Ok((options, removed))
}

/// `custom_data` with what the form says of the place, and the rest as it was; `None`: as they are.
fn places(fields: &Fields, before: Option<&Value>) -> Result<Option<Value>> {
    let said = PLACES.map(|key| (key, fields.text(&format!("custom_{key}"))));
    let mut data = match before {
        Some(Value::Object(data)) => data.clone(),
        Some(_) if said.iter().all(|(_, text)| text.is_empty()) => return Ok(None),
        _ => Map::new(),
    };
    for (key, text) in said {
        if data.get(key).map(plain).unwrap_or_default() == text {
            continue;
        }
        let value = match key {
            _ if text.is_empty() => Value::Null,
            "order" => serde_json::from_str(text)
                .ok()
                .filter(Value::is_number)
                .ok_or_else(|| Error::Invalid(format!("the order must be a number, not '{text}'")))?,
            _ => text.into(),
        };
        match value {
            Value::Null => drop(data.remove(key)),
            value => drop(data.insert(key.to_owned(), value)),
        }
    }
    let data = Value::Object(data);
    Ok((Some(&data) != before).then_some(data))
}

/// A value as it is typed.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

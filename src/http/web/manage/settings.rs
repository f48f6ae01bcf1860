//! The settings of an index as fields of a form, and back.

use crate::{
    error::{Error, Result},
    http::web::form::{Fields, split},
    model::access::{ANONYMOUS, AUTHENTICATED},
};
use serde_json::{Map, Value};

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

/// What a form changes of what it showed, as options of a PATCH, and the names of those that it takes away. Of a list,
/// and of what stands in `custom_data`, what others changed since stays.
///
/// # Errors
/// [`Error::Invalid`] for an order that is no number.
pub(super) fn changes(
    fields: &Fields,
    was: &Map<String, Value>,
    now: &Map<String, Value>,
) -> Result<(Map<String, Value>, Vec<String>)> {
    let is_mirror = now.get("type") == Some(&"mirror".into());
    let (mut options, mut removed) = (Map::new(), Vec::new());
    let is_other = |key: &str| !fields.is_as_it(was, key);
    let of_type = |key: &&str| is_mirror || !key.starts_with("mirror_");
    for key in TEXTS.into_iter().filter(of_type).filter(|key| is_other(key)) {
        match fields.text(key).replace("\r\n", "\n") {
            text if text.is_empty() => removed.push(key.to_owned()),
            text => drop(options.insert(key.to_owned(), text.into())),
        }
    }
    for key in FLAGS.into_iter().filter(of_type).filter(|key| fields.has(key) != was.contains_key(*key)) {
        options.insert(key.to_owned(), fields.has(key).into());
    }
    for key in ACLS.into_iter().filter(|key| !is_mirror || *key == "acl_read") {
        let names = format!("{key}_names");
        let principals = match fields.text(key) {
            "everybody" | "users" if !is_other(key) => continue,
            "everybody" if key == "acl_read" => {
                removed.push(key.to_owned());
                continue;
            }
            "everybody" => vec![ANONYMOUS.to_owned()],
            "users" => vec![AUTHENTICATED.to_owned()],
            _ if !is_other(key) && !is_other(&names) => continue,
            _ if is_other(key) => fields.names(&names),
            _ => merged(&names_in(was, &names), fields.names(&names), now.get(key)),
        };
        options.insert(key.to_owned(), principals.into());
    }
    if !is_mirror {
        let shown = bases(was.len(), |place| was.get(place).and_then(Value::as_str).unwrap_or_default());
        let typed = bases(MOST_BASES, |place| fields.text(place));
        // What no field had room for is as it was.
        let typed: Vec<_> = typed.into_iter().chain(shown.iter().skip(MOST_BASES).cloned()).collect();
        if typed != shown {
            options.insert("bases".into(), merged(&shown, typed, now.get("bases")).into());
        }
        let whitelist = "mirror_whitelist";
        if is_other(whitelist) {
            let typed = merged(&names_in(was, whitelist), fields.names(whitelist), now.get(whitelist));
            options.insert(whitelist.into(), typed.into());
        }
        let inheritance = "mirror_whitelist_inheritance";
        if is_other(inheritance) {
            options.insert(inheritance.into(), fields.text(inheritance).into());
        }
    }
    let custom_data = now.get("custom_data");
    match places(fields, was, custom_data)? {
        Some(places) if places.is_empty() => removed.extend(custom_data.map(|_| "custom_data".to_owned())),
        Some(places) => drop(options.insert("custom_data".into(), places.into())),
        None => {}
    }
    Ok((options, removed))
}

/// The names that a field showed.
fn names_in(was: &Map<String, Value>, field: &str) -> Vec<String> {
    was.get(field).and_then(Value::as_str).map(split).unwrap_or_default()
}

/// The bases that stand in so many fields, in order.
fn bases<'a>(count: usize, field: impl Fn(&str) -> &'a str) -> Vec<String> {
    let bases = (0..count).map(|place| field(&format!("base_{place}")).trim().trim_matches('/'));
    bases.filter(|base| !base.is_empty()).map(str::to_owned).collect()
}

/// A list as it was typed; where it is another by now, that one with what was added and without what was taken away.
fn merged(was: &[String], typed: Vec<String>, now: Option<&Value>) -> Vec<String> {
    let Some(mut now) = now.map(list).filter(|now| now != was) else { return typed };
    now.retain(|item| typed.contains(item) || !was.contains(item));
    now.extend(typed.into_iter().filter(|item| !was.contains(item)));
    now
}

/// `custom_data` with what the form changes of the place, and the rest as it is; `None`: nothing.
fn places(
    fields: &Fields,
    was: &Map<String, Value>,
    now: Option<&Value>,
) -> Result<Option<Map<String, Value>>> {
    let changed = PLACES.into_iter().map(|key| (key, format!("custom_{key}")));
    let changed: Vec<_> = changed.filter(|(_, field)| !fields.is_as_it(was, field)).collect();
    if changed.is_empty() {
        return Ok(None);
    }
    let mut data = now.and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, field) in changed {
        match fields.text(&field) {
            "" => drop(data.remove(key)),
            text if key == "order" => {
                let order = serde_json::from_str(text).ok().filter(Value::is_number);
                let order = order
                    .ok_or_else(|| Error::Invalid(format!("the order must be a number, not '{text}'")))?;
                data.insert(key.to_owned(), order);
            }
            text => drop(data.insert(key.to_owned(), text.into())),
        }
    }
    Ok(Some(data))
}

/// A value as it is typed.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

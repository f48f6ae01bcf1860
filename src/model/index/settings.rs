//! The settings of an index: their defaults, and how a PATCH changes them (devpi-api, Indexes).

use super::options::{self, OPTIONS, kind_of, list_kind, normal_form};
use crate::model::{access::ANONYMOUS, name::IndexName};
use serde_json::{Map, Value, json};

/// The settings of an index, each option in its normal form: what a client sees as `indexconfig`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings(pub Map<String, Value>);

impl Settings {
    /// The settings of a new index: the defaults and what the client gave.
    pub fn create(name: &IndexName, options: &Map<String, Value>) -> Result<Self, String> {
        match options.get("type") {
            None => {}
            Some(Value::String(kind)) if kind == "stage" => {}
            Some(Value::String(kind)) => return Err(format!("unknown index type '{kind}'")),
            Some(kind) => return Err(format!("unknown index type {kind}")),
        }
        let mut settings = json!({
            "type": "stage",
            "volatile": true,
            "bases": [],
            "acl_upload": [name.user.as_str()],
            "acl_toxresult_upload": [ANONYMOUS],
            "mirror_whitelist": [],
            "mirror_whitelist_inheritance": "intersection",
        });
        let settings = Self(std::mem::take(settings.as_object_mut().unwrap_or(&mut Map::new())));
        settings.with_options(options)
    }

    /// The settings after a PATCH; `self` when it changes nothing.
    pub fn patch(&self, patch: &Value) -> Result<Self, String> {
        match patch {
            Value::Object(options) => {
                let options = unwrapped(options);
                if options.get("type").is_some_and(|kind| Some(kind) != self.0.get("type")) {
                    return Err("the 'type' of an index can't be changed".into());
                }
                self.with_options(options)
            }
            Value::Array(operations) => self.operate(operations),
            _ => Err("expected a JSON object of options or a list of operations like \"key=value\"".into()),
        }
    }

    /// Whether a PATCH says what the bases are, so that they must exist now. A list of operations says all that is
    /// stored once more (devpi).
    pub fn patches_bases(patch: &Value) -> bool {
        patch.as_object().is_none_or(|options| unwrapped(options).contains_key("bases"))
    }

    fn with_options(&self, options: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = self.clone();
        let mut unknown = Vec::new();
        for (key, value) in options {
            if key == "type" || key == "projects" {
                continue;
            }
            match kind_of(key) {
                Some(kind) => drop(settings.0.insert(key.clone(), normal_form(key, kind, value)?)),
                None => unknown.push(format!("{key}={}", options::plain(value))),
            }
        }
        if unknown.is_empty() {
            return Ok(settings);
        }
        unknown.sort();
        Err(format!("indexconfig got unexpected keyword arguments: {}", unknown.join(", ")))
    }

    /// Applies `["key=value", "key+=item", "key-=item", "key-="]`, each split at its first `=`.
    fn operate(&self, operations: &[Value]) -> Result<Self, String> {
        let mut settings = self.clone();
        for operation in operations {
            let (key, value) = operation
                .as_str()
                .and_then(|text| text.split_once('='))
                .ok_or_else(|| format!("{operation} is not an operation like \"key=value\""))?;
            if let Some(key) = key.strip_suffix('+') {
                settings.append(key, value)?;
            } else if let Some(key) = key.strip_suffix('-') {
                settings.remove(key, value)?;
            } else {
                if key == "type" && settings.0.get("type").and_then(Value::as_str) != Some(value) {
                    return Err("the 'type' of an index can't be changed".into());
                }
                let mut options = Map::new();
                options.insert(key.to_owned(), value.into());
                settings = settings.with_options(&options)?;
            }
        }
        Ok(settings)
    }

    fn append(&mut self, key: &str, item: &str) -> Result<(), String> {
        let kind = list_kind(key)?;
        let mut items = self.list(key);
        if !items.iter().any(|present| present == item) {
            items.push(item.to_owned());
        }
        self.0.insert(key.to_owned(), normal_form(key, kind, &items.into())?);
        Ok(())
    }

    fn remove(&mut self, key: &str, item: &str) -> Result<(), String> {
        if item.is_empty() {
            if key == "type" {
                return Err("the 'type' of an index can't be changed".into());
            }
            if OPTIONS.iter().any(|(name, default, _)| *name == key && *default) {
                return Err("Default values can't be removed.".into());
            }
            self.0.remove(key);
            return Ok(());
        }
        let kind = list_kind(key)?;
        let mut items = self.list(key);
        let before = items.len();
        items.retain(|present| present != item);
        if items.len() == before {
            return Err(format!("The '{key}' setting doesn't have value '{item}'"));
        }
        self.0.insert(key.to_owned(), normal_form(key, kind, &items.into())?);
        Ok(())
    }

    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let items = self.0.get(key).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// The bases, in order; names that are none are left out.
    pub fn bases(&self) -> Vec<IndexName> {
        self.list("bases").iter().filter_map(|base| base.parse().ok()).collect()
    }
}

/// The options of an object, which may also be a whole reply of ours.
fn unwrapped(options: &Map<String, Value>) -> &Map<String, Value> {
    match (options.get("type"), options.get("result")) {
        (Some(Value::String(kind)), Some(Value::Object(result))) if kind == "indexconfig" => result,
        _ => options,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> IndexName {
        "alice/dev".parse().unwrap()
    }

    fn create(options: &Value) -> Result<Value, String> {
        Settings::create(&name(), options.as_object().unwrap()).map(|settings| settings.0.into())
    }

    fn patch(start: &Value, patch: &Value) -> Result<Value, String> {
        let settings = Settings::create(&name(), start.as_object().unwrap()).unwrap();
        settings.patch(patch).map(|settings| settings.0.into())
    }

    #[test]
    fn a_new_stage_has_devpis_defaults_and_no_more() {
        let defaults = json!({
            "type": "stage", "volatile": true, "bases": [], "acl_upload": ["alice"],
            "acl_toxresult_upload": [":ANONYMOUS:"], "mirror_whitelist": [],
            "mirror_whitelist_inheritance": "intersection",
        });
        assert_eq!(create(&json!({})).unwrap(), defaults);
        assert_eq!(create(&json!({"type": "stage", "projects": ["x"]})).unwrap(), defaults);
    }

    #[test]
    fn values_are_read_as_json_or_as_text() {
        for (key, given, stored) in [
            ("volatile", json!("FALSE"), json!(false)),
            ("volatile", json!("yes"), json!(true)),
            ("bases", json!("/a/b/, c/d"), json!(["a/b", "c/d"])),
            ("bases", json!(["a/b"]), json!(["a/b"])),
            ("bases", json!(""), json!([])),
            ("acl_upload", json!("bob,:anonymous:"), json!(["bob", ":ANONYMOUS:"])),
            ("acl_read", json!([":authenticated:"]), json!([":AUTHENTICATED:"])),
            ("mirror_whitelist", json!("Foo_Bar,*"), json!(["foo-bar", "*"])),
            ("mirror_whitelist_inheritance", json!("union"), json!("union")),
            ("custom_data", json!({"a": [1]}), json!({"a": [1]})),
        ] {
            assert_eq!(create(&json!({key: given})).unwrap()[key], stored, "{key}");
        }
    }

    #[test]
    fn wrong_values_are_refused_in_devpis_words() {
        for (options, message) in [
            (json!({"volatile": "x"}), "Unknown boolean value 'x'."),
            (json!({"volatile": 1}), "Unknown boolean value 1."),
            (json!({"acl_upload": 1}), "Unknown list value 1."),
            (json!({"bases": "a/b/c,x"}), "invalid base index spec: 'a/b/c', invalid base index spec: 'x'"),
            (json!({"type": "foo"}), "unknown index type 'foo'"),
            (json!({"title": null}), "'title' can't be null: the operation \"title-=\" removes it"),
            (json!({"foo": "bar", "ham": 1}), "indexconfig got unexpected keyword arguments: foo=bar, ham=1"),
            (
                json!({"mirror_whitelist_inheritance": "x"}),
                "Unknown value 'x' for mirror_whitelist_inheritance, must be 'intersection' or 'union'.",
            ),
        ] {
            assert_eq!(create(&options).unwrap_err(), message);
        }
    }

    #[test]
    fn a_patch_with_operations_sets_appends_and_removes() {
        let start = json!({"bases": "a/b", "title": "t"});
        for (operations, key, value) in [
            (json!(["bases+=c/d"]), "bases", json!(["a/b", "c/d"])),
            (json!(["bases+=a/b"]), "bases", json!(["a/b"])),
            (json!(["bases-=a/b"]), "bases", json!([])),
            (json!(["bases="]), "bases", json!([])),
            (json!(["title=a=b"]), "title", json!("a=b")),
            (json!(["title-="]), "title", json!(null)),
            (json!(["nothing-="]), "title", json!("t")),
            (json!(["volatile=no", "acl_upload+=bob"]), "acl_upload", json!(["alice", "bob"])),
            (json!(["acl_read+=bob"]), "acl_read", json!(["bob"])),
        ] {
            assert_eq!(patch(&start, &operations).unwrap()[key], value, "{operations}");
        }
        for (operations, message) in [
            (json!(["bases-=x/y"]), "The 'bases' setting doesn't have value 'x/y'"),
            (json!(["bases-="]), "Default values can't be removed."),
            (json!(["new+=x"]), "indexconfig got unexpected keyword arguments: new"),
            (json!(["title+=x"]), "The 'title' setting isn't a list: use title=VALUE"),
            (json!(["type-="]), "the 'type' of an index can't be changed"),
            (json!(["type=mirror"]), "the 'type' of an index can't be changed"),
            (json!([1]), "1 is not an operation like \"key=value\""),
            (json!("x"), "expected a JSON object of options or a list of operations like \"key=value\""),
        ] {
            assert_eq!(patch(&start, &operations).unwrap_err(), message);
        }
    }

    #[test]
    fn a_patch_with_an_object_changes_given_keys_only_and_takes_a_whole_reply() {
        let stored = patch(&json!({"title": "t"}), &json!({"volatile": false})).unwrap();
        assert_eq!((&stored["title"], &stored["volatile"]), (&json!("t"), &json!(false)));
        let reply = json!({"type": "indexconfig", "result": {"type": "stage", "title": "u", "projects": []}});
        assert_eq!(patch(&json!({}), &reply).unwrap()["title"], "u");
        assert!(patch(&json!({}), &json!({"type": "mirror"})).is_err());
    }
}

//! The settings of an index: their defaults, and how a PATCH changes them (devpi-api, Indexes).

use super::{
    options::{Type, normal_form, plain},
    vocabulary,
};
use crate::model::{access::ANONYMOUS, mirror, name::IndexName};
use serde_json::{Map, Value, json};
use std::fmt;

/// The settings of an index, each option in its normal form.
///
/// The map is not to be had as it is, since `mirror_url` may hold a password.
#[derive(Clone, PartialEq)]
pub struct Settings(Map<String, Value>);

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settings").field(&self.shown()).finish()
    }
}

impl Settings {
    /// The settings of a new index: the defaults and what the client gave.
    pub fn create(name: &IndexName, options: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = match Type::parse(options.get("type"))? {
            Type::Stage => json!({
                "type": "stage",
                "volatile": true,
                "bases": [],
                "acl_upload": [name.user.as_str()],
                "acl_toxresult_upload": [ANONYMOUS],
                "mirror_whitelist": [],
                "mirror_whitelist_inheritance": "intersection",
            }),
            Type::Mirror => json!({"type": "mirror", "volatile": true}),
        };
        let settings = Self(std::mem::take(settings.as_object_mut().unwrap_or(&mut Map::new())));
        settings.with_options(options)
    }

    /// The settings of an index that another server had, and what was wrong with those that are left out.
    ///
    /// Bases are taken as they are named; what an old server did without the option stays so (devpi: `importexport.py`,
    /// `migrate_index`, and [`super::Index::whitelist_union`]).
    ///
    /// # Errors
    /// For a type of index that there is not.
    pub fn taken_over(name: &IndexName, options: &Map<String, Value>) -> Result<(Self, Vec<String>), String> {
        let only = |key: &str, value: &Value| [(key.to_owned(), value.clone())].into_iter().collect();
        let kind = options.get("type").cloned().unwrap_or_else(|| "stage".into());
        let mut settings = Self::create(name, &only("type", &kind))?;
        // devpi 7, whose word is "local", does without it as if it were "intersection".
        if settings.index_type() == Type::Stage && kind != "local" {
            settings = settings.with_options(&only("mirror_whitelist_inheritance", &"union".into()))?;
        }
        let mut left_out = Vec::new();
        let renamed = options.get("pypi_whitelist").map(|whitelist| ("mirror_whitelist", whitelist));
        let given =
            options.iter().map(|(key, value)| (key.as_str(), value)).filter(|(key, _)| *key != "type");
        for (key, value) in renamed.into_iter().chain(given) {
            match settings.with_options(&only(key, value)) {
                Ok(with) => settings = with,
                // Set to nothing is not set.
                Err(_) if value.is_null() || *value == json!([]) || *value == "" => {}
                Err(problem) => left_out.push(problem),
            }
        }
        Ok((settings, left_out))
    }

    /// What the database keeps.
    pub fn from_stored(stored: Map<String, Value>) -> Self {
        Self(stored)
    }

    /// What the database keeps, credentials included: for nobody else.
    pub fn stored(&self) -> &Map<String, Value> {
        &self.0
    }

    /// What a client sees as `indexconfig`: the URL of an upstream is without its credentials.
    pub fn shown(&self) -> Map<String, Value> {
        let mut shown = self.0.clone();
        if let Some(Value::String(url)) = shown.get_mut("mirror_url") {
            *url = mirror::without_credentials(url);
        }
        shown
    }

    /// What an export says: as [`Self::shown`], or with the credentials.
    pub fn exported(&self, secrets: bool) -> Map<String, Value> {
        if secrets { self.0.clone() } else { self.shown() }
    }

    /// Whether both are those of stages, or both those of mirrors.
    pub fn is_same_type(&self, other: &Self) -> bool {
        self.index_type() == other.index_type()
    }

    /// The settings after a PATCH; `self` when it changes nothing.
    pub fn patch(&self, patch: &Value) -> Result<Self, String> {
        match patch {
            Value::Object(options) => {
                let options = unwrapped(options);
                if let Some(given) = options.get("type") {
                    self.check_type(given)?;
                }
                self.with_options(options)
            }
            Value::Array(operations) => self.operate(operations),
            _ => Err("expected a JSON object of options or a list of operations like \"key=value\"".into()),
        }
    }

    /// The settings without these options.
    ///
    /// # Errors
    /// For an option that has a default.
    pub fn without(mut self, keys: &[String]) -> Result<Self, String> {
        for key in keys {
            self.remove(key, "")?;
        }
        Ok(self)
    }

    /// Whether a PATCH says what the bases are, so that they must exist now. A list of operations says all that is
    /// stored once more (devpi).
    pub fn patches_bases(patch: &Value) -> bool {
        patch.as_object().is_none_or(|options| unwrapped(options).contains_key("bases"))
    }

    pub(super) fn index_type(&self) -> Type {
        Type::parse(self.0.get("type")).unwrap_or(Type::Stage)
    }

    fn check_type(&self, given: &Value) -> Result<(), String> {
        match Type::parse(Some(given)).is_ok_and(|given| given == self.index_type()) {
            true => Ok(()),
            false => Err("the 'type' of an index can't be changed".into()),
        }
    }

    fn with_options(&self, options: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = self.clone();
        let mut unknown = Vec::new();
        for (given, value) in options {
            let (key, value) = vocabulary::option(given, value);
            if self.index_type().ignores(key) || self.shows(key, &value) {
                continue;
            }
            match self.index_type().kind_of(key) {
                Some(kind) => drop(settings.0.insert(key.to_owned(), normal_form(key, kind, &value)?)),
                None => unknown.push(format!("{given}={}", plain(&value))),
            }
        }
        if unknown.is_empty() {
            return Ok(settings);
        }
        unknown.sort();
        Err(format!("indexconfig got unexpected keyword arguments: {}", unknown.join(", ")))
    }

    /// Whether it is the URL of the upstream as it is shown. Who writes back what they read takes no password away.
    fn shows(&self, key: &str, value: &Value) -> bool {
        key == "mirror_url" && self.shown().get(key) == Some(value)
    }

    /// Applies `["key=value", "key+=item", "key-=item", "key-="]`, each split at its first `=`.
    fn operate(&self, operations: &[Value]) -> Result<Self, String> {
        let mut settings = self.clone();
        for operation in operations {
            let (key, value) = operation.as_str().and_then(|text| text.split_once('=')).ok_or_else(|| {
                let shown = mirror::without_credentials(&operation.to_string());
                format!("{shown} is not an operation like \"key=value\"")
            })?;
            if let Some(key) = key.strip_suffix('+') {
                settings.append(vocabulary::key(key), value)?;
            } else if let Some(key) = key.strip_suffix('-') {
                settings.remove(vocabulary::key(key), value)?;
            } else {
                if key == "type" {
                    self.check_type(&value.into())?;
                }
                let mut options = Map::new();
                options.insert(key.to_owned(), value.into());
                settings = settings.with_options(&options)?;
            }
        }
        Ok(settings)
    }

    fn append(&mut self, key: &str, item: &str) -> Result<(), String> {
        let kind = self.index_type().list_kind(key)?;
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
            if self.index_type().has_default(key) {
                return Err("Default values can't be removed.".into());
            }
            self.0.remove(key);
            return Ok(());
        }
        let kind = self.index_type().list_kind(key)?;
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

    /// A title or description as people read it, whatever JSON it is; empty if it is not set.
    pub fn text(&self, key: &str) -> String {
        match self.0.get(key) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
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
    fn what_another_server_had_is_taken_over_option_by_option() {
        let options = json!({
            "type": "stage", "bases": ["gone/away"], "acl_upload": ["bob"], "pypi_whitelist": ["Foo_Bar"],
            "uploadtrigger_jenkins": "http://jenkins/", "another": null, "volatile": "perhaps",
        });
        let (settings, left_out) = Settings::taken_over(&name(), options.as_object().unwrap()).unwrap();
        let taken = json!({
            "type": "stage", "volatile": true, "bases": ["gone/away"], "acl_upload": ["bob"],
            "acl_toxresult_upload": [":ANONYMOUS:"], "mirror_whitelist": ["foo-bar"],
            "mirror_whitelist_inheritance": "union",
        });
        assert_eq!(Value::from(settings.0), taken);
        assert_eq!(left_out.len(), 2, "{left_out:?}");
        let unknown = json!({"type": "constrained"});
        assert!(Settings::taken_over(&name(), unknown.as_object().unwrap()).is_err());
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
    fn a_new_mirror_has_what_was_given_and_ignores_what_old_exports_have() {
        let given = json!({
            "type": "mirror", "title": "t", "bases": "a/b", "acl_upload": ["x"], "mirror_whitelist": "*",
            "projects": ["x"], "mirror_cache_expiry": " 60", "mirror_timeout": "9", "mirror_no_project_list": "yes",
        });
        let stored = json!({
            "type": "mirror", "volatile": true, "title": "t", "mirror_cache_expiry": 60, "mirror_timeout": 9,
            "mirror_no_project_list": true,
        });
        assert_eq!(create(&given).unwrap(), stored);
        for (key, value, message) in [
            (
                "acl_toxresult_upload",
                json!("x"),
                "indexconfig got unexpected keyword arguments: acl_toxresult_upload=x",
            ),
            ("mirror_url", json!("ftp://x/"), "'mirror_url' option must be a URL."),
            ("mirror_url", json!(null), "'mirror_url' option must be a URL."),
            ("mirror_cache_expiry", json!(1.5), "'mirror_cache_expiry' option must be an integer"),
            ("mirror_cache_expiry", json!(-1), "'mirror_cache_expiry' option must not be negative"),
            ("mirror_timeout", json!(301), "'mirror_timeout' option must be an integer from 1 to 300"),
            ("mirror_web_url_fmt", json!(1), "'mirror_web_url_fmt' option must be a text"),
            ("mirror_whitelist_exempt", json!("x"), "Unknown boolean value 'x'."),
        ] {
            assert_eq!(create(&json!({"type": "mirror", key: value})).unwrap_err(), message);
            let known_to_stages = key == "acl_toxresult_upload";
            assert_eq!(create(&json!({key: value})).is_ok(), known_to_stages, "{key}");
        }
    }

    #[test]
    fn credentials_of_the_upstream_are_kept_but_not_shown() {
        let secret = json!({"type": "mirror", "mirror_url": "https://a:b@u.example/simple"});
        let settings = Settings::create(&name(), secret.as_object().unwrap()).unwrap();
        assert_eq!(settings.shown()["mirror_url"], "https://u.example/simple");
        assert!(!format!("{settings:?}").contains("a:b"));
        let back = Value::Object(settings.shown());
        for (patch, stored) in [
            (back, "https://a:b@u.example/simple"),
            (json!(["mirror_url=https://u.example/simple"]), "https://a:b@u.example/simple"),
            (json!(["remote_url=https://u.example/simple"]), "https://a:b@u.example/simple"),
            (json!(["mirror_url=https://@u.example/simple"]), "https://u.example/simple"),
            (json!({"mirror_url": "https://other.example/simple"}), "https://other.example/simple"),
            (json!({"mirror_url": "https://c@u.example/simple"}), "https://c@u.example/simple"),
        ] {
            assert_eq!(settings.patch(&patch).unwrap().stored()["mirror_url"], stored, "{patch}");
        }
        for refused in
            [json!({"mirror_url": "https://a:b@u.example/"}), json!({"x": "http://a:b@u.example/"})]
        {
            assert!(!create(&refused).unwrap_err().contains("a:b"));
        }
        let message = settings.patch(&json!(["mirror_url:https://a:b@u.example/"])).unwrap_err();
        assert_eq!(message, "\"mirror_url:https://u.example/\" is not an operation like \"key=value\"");
    }

    #[test]
    fn words_of_devpi_7_are_read_and_kept_as_those_of_devpi_6() {
        for (given, kept) in [
            (
                json!({"type": "remote", "remote_url": "http://u/", "remote_refresh_delay": "5"}),
                json!({"type": "mirror", "mirror_url": "http://u/", "mirror_cache_expiry": 5}),
            ),
            (
                json!({"type": "local", "project_inheritance_rules": "allow all"}),
                json!({"type": "stage", "mirror_whitelist": ["*"]}),
            ),
            (
                json!({
                    "project_inheritance_rules": ["block type:remote if local_exists"],
                    "trust_inheritance_rules_from": "type:not remote",
                }),
                json!({"mirror_whitelist": [], "mirror_whitelist_inheritance": "union"}),
            ),
        ] {
            let created = create(&given).unwrap();
            for (key, value) in kept.as_object().unwrap() {
                assert_eq!(&created[key], value, "{given}");
            }
            assert!(given.as_object().unwrap().keys().all(|key| key == "type" || created.get(key).is_none()));
        }
        let mirror = json!({"type": "mirror", "mirror_cache_expiry": 5, "title": "t"});
        assert_eq!(
            patch(&mirror, &json!(["remote_refresh_delay-="])).unwrap().get("mirror_cache_expiry"),
            None
        );
        assert_eq!(patch(&mirror, &json!({"type": "remote"})).unwrap()["title"], "t");
        assert!(create(&json!({"project_inheritance_rules": "allow none"})).is_err());
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

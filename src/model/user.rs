//! A user: profile, password and what keeps login tokens alive.

use super::{name::UserName, serial::Serial};
use serde_json::{Map, Value};
use time::{OffsetDateTime, UtcOffset, macros::format_description};
use uuid::Uuid;

/// The keys of a profile that a client may set (devpi: users).
pub const PROFILE_KEYS: [&str; 4] = ["email", "title", "description", "custom_data"];

/// Further keys that a client may send back as it got them; they are ignored.
const TOLERATED_KEYS: [&str; 4] = ["created", "modified", "username", "indexes"];

/// The current state of a user.
#[derive(Clone)]
pub struct User {
    pub id: i64,
    pub name: UserName,
    /// `email`, `title`, `description`, `custom_data`, as far as they are set.
    pub profile: Map<String, Value>,
    /// argon2id in PHC form; empty when no password opens the account.
    pub password_hash: String,
    /// Login tokens of another generation are dead, but for `kept_token`.
    pub token_generation: Uuid,
    pub kept_token: Option<Uuid>,
    pub created_at: OffsetDateTime,
    pub modified_at: Option<OffsetDateTime>,
    /// The change that made this state.
    pub serial: Serial,
}

/// What a client asked to change about a user.
#[derive(Default)]
pub struct UserPatch {
    pub password: Option<String>,
    /// A profile key and its value; a falsy value removes the key (devpi).
    pub profile: Map<String, Value>,
}

impl UserPatch {
    /// Reads the body of `PUT /{user}` (`strict`: unknown keys are an error) or `PATCH /{user}` (they are ignored).
    pub fn parse(body: Map<String, Value>, strict: bool) -> Result<Self, String> {
        let mut patch = Self::default();
        let mut unknown = Vec::new();
        for (key, value) in body {
            match key.as_str() {
                "password" => match value {
                    Value::String(password) => patch.password = Some(password),
                    _ => return Err("password must be a text".into()),
                },
                "custom_data" => drop(patch.profile.insert(key, value)),
                key if PROFILE_KEYS.contains(&key) => match value {
                    Value::String(_) | Value::Null => drop(patch.profile.insert(key.into(), value)),
                    _ => return Err(format!("{key} must be a text")),
                },
                key if TOLERATED_KEYS.contains(&key) => {}
                _ => unknown.push(key),
            }
        }
        unknown.sort();
        match unknown.is_empty() || !strict {
            true => Ok(patch),
            false => Err(format!("Unknown keys in user config: {}", unknown.join(", "))),
        }
    }

    /// Puts the profile part of the patch over a profile.
    pub fn apply_to(&self, profile: &mut Map<String, Value>) {
        for (key, value) in &self.profile {
            if is_falsy(value) {
                profile.remove(key);
            } else {
                profile.insert(key.clone(), value.clone());
            }
        }
    }
}

/// A moment as devpi's JSON writes it: in UTC, to the second.
pub fn written(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at.to_offset(UtcOffset::UTC).format(format).unwrap_or_default()
}

/// What Python takes for false: devpi removes a key that is set to such a value.
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: &Value, strict: bool) -> Result<UserPatch, String> {
        UserPatch::parse(body.as_object().unwrap().clone(), strict)
    }

    #[test]
    fn unknown_keys_are_named_on_put_and_ignored_on_patch() {
        let body = json!({"password": "x", "foo": 1, "bar": 2, "username": "alice"});
        assert_eq!(parse(&body, true).err().unwrap(), "Unknown keys in user config: bar, foo");
        assert_eq!(parse(&body, false).unwrap().password.as_deref(), Some("x"));
    }

    #[test]
    fn a_falsy_value_removes_a_key_and_others_stay() {
        let mut profile = json!({"email": "a@b", "title": "t"}).as_object().unwrap().clone();
        parse(&json!({"email": "", "custom_data": {"a": [1]}}), false).unwrap().apply_to(&mut profile);
        assert_eq!(Value::from(profile), json!({"title": "t", "custom_data": {"a": [1]}}));
    }

    #[test]
    fn values_of_another_type_are_refused() {
        for body in [json!({"password": 1}), json!({"email": ["a"]}), json!({"title": {}})] {
            assert!(parse(&body, false).is_err());
        }
    }
}

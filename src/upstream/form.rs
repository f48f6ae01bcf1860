//! Whether an upstream answers in HTML or in JSON, and in which version of the Simple API.

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Json,
}

impl Form {
    /// By the content type and the first byte that is no white space.
    ///
    /// Upstreams send JSON under any type, even that of HTML, and no HTML begins with a brace (devpi: issue 1112).
    pub(super) fn of(content_type: &str, first: Option<u8>) -> Result<Self, String> {
        let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match (content_type.as_str(), first) {
            (_, None) => Err("it is empty".into()),
            (_, Some(b'{')) | ("application/vnd.pypi.simple.v1+json" | "application/json", _) => {
                Ok(Self::Json)
            }
            ("application/vnd.pypi.simple.v1+html" | "text/html" | "application/xhtml+xml", _)
            | ("", Some(b'<')) => Ok(Self::Html),
            _ => Err(format!("its type is '{}'", shorten(&content_type))),
        }
    }
}

/// Whether a byte may stand before the beginning of a document: white space, or a byte order mark.
pub(super) fn is_before_start(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf)
}

/// Refuses a major version of the API other than 1 (PEP 629, PEP 691); `None` when no version is stated.
pub(super) fn check_version(meta: &Value) -> Option<Result<(), String>> {
    let version = match meta.get("api-version")? {
        Value::String(version) => version.clone(),
        Value::Number(version) => version.to_string(),
        _ => return Some(Err("its api-version is no text".into())),
    };
    let is_known = version.split('.').next() == Some("1");
    Some(is_known.then_some(()).ok_or_else(|| format!("its api-version is '{}'", shorten(&version))))
}

/// What an error says of a text from outside: not too much of it, on one line.
pub(super) fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_form_is_told_by_type_and_first_byte() {
        for (content_type, first, expected) in [
            ("application/vnd.pypi.simple.v1+json", b'{', Some(Form::Json)),
            ("Application/JSON; charset=utf-8", b'[', Some(Form::Json)),
            ("text/html", b'{', Some(Form::Json)),
            ("text/plain", b'{', Some(Form::Json)),
            ("", b'{', Some(Form::Json)),
            ("TEXT/HTML;charset=latin-1", b'x', Some(Form::Html)),
            ("application/vnd.pypi.simple.v1+html", b'<', Some(Form::Html)),
            ("", b'<', Some(Form::Html)),
            ("text/plain", b'<', None),
            ("application/vnd.pypi.simple.v2+json", b'x', None),
            ("application/octet-stream", 0, None),
            ("", b'x', None),
        ] {
            assert_eq!(Form::of(content_type, Some(first)).ok(), expected, "{content_type}");
        }
        assert!(Form::of("text/html", None).is_err());
    }

    #[test]
    fn only_the_first_major_version_is_known() {
        for (meta, expected) in [
            (json!({"api-version": "1.0"}), Some(true)),
            (json!({"api-version": "1.99"}), Some(true)),
            (json!({"api-version": "1"}), Some(true)),
            (json!({"api-version": 1.1}), Some(true)),
            (json!({"api-version": "2.0"}), Some(false)),
            (json!({"api-version": "10.1"}), Some(false)),
            (json!({"api-version": null}), Some(false)),
            (json!({}), None),
            (json!(null), None),
        ] {
            assert_eq!(check_version(&meta).map(|checked| checked.is_ok()), expected, "{meta}");
        }
    }
}

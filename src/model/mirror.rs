//! What a mirror's settings say of its upstream (devpi-api, Options).

use percent_encoding::percent_decode_str;
use regex::Regex;
use serde_json::{Map, Value};
use std::{sync::LazyLock, time::Duration};
use url::Url;

/// How long what the upstream said is good for, unless `mirror_cache_expiry` says otherwise.
pub const CACHE_EXPIRY: Duration = Duration::from_secs(1800);

/// The longest that anything is good for, so that a sum of times stays a time.
const LONGEST_EXPIRY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// How long a reader waits for the upstream's page of a project, unless `mirror_timeout` says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// The upstream of an index of type `mirror`.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Mirror {
    /// `mirror_url` without credentials, its path with a final slash; `None`: not set yet, so nothing is found.
    pub url: Option<Url>,
    /// User and password that stood in `mirror_url`, decoded. Never to be shown.
    pub credentials: Option<(String, String)>,
    /// `mirror_cache_expiry`; zero: ask each time.
    pub cache_expiry: Duration,
    /// `mirror_timeout`.
    pub timeout: Duration,
    /// `mirror_no_project_list`: the list of projects is never fetched.
    pub no_project_list: bool,
    /// `mirror_use_external_urls`: who asks for a file that is not here is sent to the upstream.
    pub use_external_urls: bool,
    /// `mirror_ignore_serial_header`: an older `X-PyPI-Last-Serial` is no reason to distrust a page.
    pub ignore_serial_header: bool,
    /// `mirror_whitelist_exempt`: its files are taken even for projects that a stage has too.
    pub whitelist_exempt: bool,
    /// `mirror_web_url_fmt`: the upstream's page of a project for people, with `{name}`. `None` also for what is no
    /// URL of the web, since it becomes a link.
    pub web_url_fmt: Option<String>,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirror").field("url", &self.url.as_ref().map(Url::as_str)).finish_non_exhaustive()
    }
}

impl Mirror {
    /// Reads the settings of a mirror, each in its normal form.
    pub fn new(settings: &Map<String, Value>) -> Self {
        let text = |key: &str| settings.get(key).and_then(Value::as_str);
        let seconds = |key: &str| settings.get(key).and_then(Value::as_u64).map(Duration::from_secs);
        let is_set = |key: &str| settings.get(key) == Some(&Value::Bool(true));
        let (url, credentials) = text("mirror_url").and_then(split).unzip();
        Self {
            url,
            credentials: credentials.flatten(),
            cache_expiry: seconds("mirror_cache_expiry").unwrap_or(CACHE_EXPIRY).min(LONGEST_EXPIRY),
            timeout: seconds("mirror_timeout").unwrap_or(TIMEOUT),
            no_project_list: is_set("mirror_no_project_list"),
            use_external_urls: is_set("mirror_use_external_urls"),
            ignore_serial_header: is_set("mirror_ignore_serial_header"),
            whitelist_exempt: is_set("mirror_whitelist_exempt"),
            web_url_fmt: text("mirror_web_url_fmt").filter(|text| is_of_the_web(text)).map(str::to_owned),
        }
    }
}

/// The URL of an upstream, and the user and password that stood in it.
fn split(text: &str) -> Option<(Url, Option<(String, String)>)> {
    let mut url = Url::parse(text).ok()?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
    let credentials = has_credentials(&url).then_some((user, password));
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some((url, credentials))
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some_and(|password| !password.is_empty())
}

/// devpi asks for no more than this of a URL (`mirror.py`, `normalize_indexconfig_value`).
fn is_of_the_web(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// A `mirror_url` in its normal form, without an empty user and password; `None` if it is none.
pub fn normal_url(text: &str) -> Option<String> {
    let is_visible = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let url = Url::parse(text).ok().filter(|_| is_of_the_web(text) && is_visible)?;
    let shown = without_credentials(text);
    // A spelling that we would not find the credentials in is none to keep.
    let nothing_left = Url::parse(&shown).is_ok_and(|shown| !has_credentials(&shown));
    nothing_left.then(|| if has_credentials(&url) { text.to_owned() } else { shown })
}

/// A text whose URLs are without user and password, and otherwise as it was.
pub fn without_credentials(text: &str) -> String {
    #[expect(clippy::unwrap_used, reason = "a constant")]
    static CREDENTIALS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)(https?://)[^/?#\\]*@").unwrap());
    CREDENTIALS.replace_all(text, "$1").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mirror(settings: &Value) -> Mirror {
        Mirror::new(settings.as_object().unwrap())
    }

    #[test]
    fn a_url_has_its_credentials_beside_it_and_a_final_slash() {
        for (text, url, credentials) in [
            ("https://u.example/simple", "https://u.example/simple/", None),
            ("https://u.example/simple/", "https://u.example/simple/", None),
            ("http://u.example", "http://u.example/", None),
            ("https://a:b@u.example:1/x", "https://u.example:1/x/", Some(("a", "b"))),
            ("https://a@u.example/", "https://u.example/", Some(("a", ""))),
            ("https://:b@u.example/", "https://u.example/", Some(("", "b"))),
            ("https://a%40c:b%2Fd%25@u.example/", "https://u.example/", Some(("a@c", "b/d%"))),
            ("https://a:b@c@u.example/", "https://u.example/", Some(("a", "b@c"))),
        ] {
            assert!(normal_url(text).is_some(), "{text}");
            let mirror = mirror(&json!({"mirror_url": text}));
            assert_eq!(mirror.url.as_ref().map(Url::as_str), Some(url));
            let expected = credentials.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(mirror.credentials, expected, "{text}");
            assert!(!format!("{mirror:?}").contains('@'));
        }
    }

    #[test]
    fn what_is_no_url_or_hides_its_credentials_is_refused() {
        for text in [
            "",
            "x",
            "http://",
            "https:// u.example",
            "ftp://u.example/",
            "HTTPS://u.example/",
            "https:///a:b@u.example/",
            "https://\\a:b@u.example/",
            "https://a:b\t@u.example/",
            "https://u.example:x/",
        ] {
            assert_eq!(normal_url(text), None, "{text}");
        }
        for text in ["https://@u.example/", "https://:@u.example/", "https://u.example/"] {
            assert_eq!(normal_url(text).as_deref(), Some("https://u.example/"));
        }
    }

    #[test]
    fn options_have_defaults_and_limits() {
        let Mirror { url, cache_expiry, timeout, .. } = mirror(&json!({}));
        assert_eq!((url, cache_expiry, timeout), (None, CACHE_EXPIRY, TIMEOUT));
        let mirror = mirror(&json!({
            "mirror_cache_expiry": i64::MAX, "mirror_timeout": 7, "mirror_no_project_list": true,
            "mirror_whitelist_exempt": true, "mirror_web_url_fmt": "javascript:alert(1)//{name}",
        }));
        assert_eq!((mirror.cache_expiry, mirror.timeout), (LONGEST_EXPIRY, Duration::from_secs(7)));
        assert!(mirror.no_project_list && mirror.whitelist_exempt && !mirror.use_external_urls);
        assert_eq!(mirror.web_url_fmt, None);
    }
}

//! Who is logged in with a browser: the cookie that holds a login token, and the proof that a page of ours makes the
//! request.

use crate::{
    http::{auth::FETCH_SITE, outside},
    ops,
    service::Service,
};
use cookie::{Cookie, SameSite};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{COOKIE, ORIGIN},
};
use std::sync::{Arc, OnceLock};
use subtle::ConstantTimeEq;
use time::Duration;
use url::Url;

/// The name of the cookie.
pub(in crate::http) const NAME: &str = "wheelyard_session";

/// The field by which a form of our pages proves itself.
pub(in crate::http) const FIELD: &str = "csrf_token";

/// The header by which a script of our pages does.
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// The session of a request, good or not.
#[derive(Clone)]
pub(in crate::http) struct Session {
    pub user: String,
    pub token: String,
    /// What a request that changes something has to know, since other sites do not.
    pub csrf: String,
    /// Who a form turned out to be from, for the log line; it is known once the form is read.
    pub sender: Arc<OnceLock<String>>,
}

impl Session {
    /// The session that the cookies of a request name.
    pub fn of(service: &Service, headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(|line| Cookie::split_parse_encoded(line).filter_map(Result::ok));
        let cookie = cookies.find(|cookie| cookie.name() == NAME)?;
        // A password has no place in a cookie.
        let (user, token) =
            cookie.value().split_once(':').filter(|(_, token)| ops::login::is_token(token))?;
        let csrf = ops::login::csrf_token(service, token);
        let (user, token) = (user.to_owned(), token.to_owned());
        Some(Self { user, token, csrf, sender: Arc::default() })
    }

    /// Whether this is the proof that only a page of the session knows.
    pub fn is_proved_by(&self, csrf: &str) -> bool {
        self.csrf.as_bytes().ct_eq(csrf.as_bytes()).into()
    }

    /// Whether a header proves that a page of the session asks.
    pub fn is_proved(&self, headers: &HeaderMap) -> bool {
        headers.get(CSRF).and_then(|proof| proof.to_str().ok()).is_some_and(|proof| self.is_proved_by(proof))
    }
}

/// `Set-Cookie` for a token that is good for so many seconds, below an outside URL (RFC 6265). A proxy may speak TLS
/// without our knowing, but the browser says so with its form.
pub(in crate::http) fn begin(
    root: &str,
    headers: &HeaderMap,
    user: &str,
    token: &str,
    seconds: i64,
) -> Option<HeaderValue> {
    let by_tls = headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    set(root, by_tls, format!("{user}:{token}"), seconds)
}

/// `Set-Cookie` that takes the session away.
pub(in crate::http) fn end(root: &str) -> Option<HeaderValue> {
    set(root, false, String::new(), 0)
}

fn set(root: &str, by_tls: bool, value: String, seconds: i64) -> Option<HeaderValue> {
    let path = match outside::prefix(root) {
        "" => "/",
        prefix => prefix,
    };
    let cookie = Cookie::build((NAME, value))
        .path(path.to_owned())
        .max_age(Duration::seconds(seconds))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(by_tls || root.starts_with("https://"))
        .build();
    let mut header = HeaderValue::from_str(&cookie.encoded().to_string()).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Whether a browser says that a page of another origin sends a form. A proxy in front may speak TLS without our knowing,
/// so the scheme does not count, and change the host, which then only the browser knows to be ours (Fetch Metadata).
pub(in crate::http) fn is_of_another_origin(headers: &HeaderMap, root: &str) -> bool {
    let authority = |url: &str| {
        let url = Url::parse(url).ok()?;
        Some((url.host_str()?.to_owned(), url.port()))
    };
    let is_same = headers.get(FETCH_SITE).is_some_and(|site| site == "same-origin");
    !is_same
        && headers.get(ORIGIN).is_some_and(|origin| {
            let origin = origin.to_str().ok().and_then(authority);
            origin.is_none() || origin != authority(root)
        })
}

//! Who is logged in with a browser: the cookie that holds a login token, and the proof that a page of ours makes the
//! request.

use crate::{ops, service::Service};
use cookie::Cookie;
use http::{HeaderMap, HeaderName, header::COOKIE};
use subtle::ConstantTimeEq;

/// The name of the cookie.
pub(in crate::http) const NAME: &str = "wheelyard_session";

/// The header by which a script of our pages proves itself; a form does it by a field of the name `csrf_token`.
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// The session of a request, good or not.
#[derive(Clone)]
pub(in crate::http) struct Session {
    pub user: String,
    pub token: String,
    /// What a request that changes something has to know, since other sites do not.
    pub csrf: String,
}

impl Session {
    /// The session that the cookies of a request name.
    pub fn of(service: &Service, headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(|line| Cookie::split_parse_encoded(line).filter_map(Result::ok));
        let cookie = cookies.find(|cookie| cookie.name() == NAME)?;
        let (user, token) = cookie.value().split_once(':')?;
        let csrf = ops::login::csrf_token(service, token);
        Some(Self { user: user.to_owned(), token: token.to_owned(), csrf })
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

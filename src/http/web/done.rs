//! What a page says about the form that led to it: `?done=` names one of these texts.

use http::Uri;

const TEXTS: [(&str, &str); 1] = [("logged-out", "You are logged out.")];

/// The text that the query of a page names.
pub(super) fn text(uri: &Uri) -> Option<&'static str> {
    let query = uri.query()?;
    let (_, wanted) = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "done")?;
    TEXTS.iter().find(|(key, _)| *key == wanted).map(|(_, text)| *text)
}

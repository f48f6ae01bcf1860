//! What a page says about the form that led to it: `?done=` names one of these texts.

use http::Uri;

const TEXTS: [(&str, &str); 4] = [
    ("logged-out", "You are logged out."),
    ("webhook-changed", "The webhook is changed."),
    ("webhook-deleted", "The webhook is deleted."),
    ("webhook-sent", "It is on its way. Load the page again to see what came of it."),
];

/// The text that the query of a page names.
pub(super) fn text(uri: &Uri) -> Option<&'static str> {
    let query = uri.query()?;
    let (_, wanted) = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "done")?;
    TEXTS.iter().find(|(key, _)| *key == wanted).map(|(_, text)| *text)
}

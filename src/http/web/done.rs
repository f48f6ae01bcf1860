//! What a page says about the form that led to it: `?done=` names one of these texts.

use http::Uri;

const TEXTS: [(&str, &str); 19] = [
    ("logged-out", "You are logged out."),
    ("saved", "Your changes are saved."),
    ("user-created", "The user is created."),
    ("user-deleted", "The user is deleted."),
    ("password-changed", "The password is changed, and other sessions of the user have ended."),
    ("index-created", "The index is created."),
    ("index-deleted", "The index is deleted."),
    ("token-revoked", "The token is revoked."),
    ("publisher-created", "The publisher may upload from now on."),
    ("publisher-deleted", "The publisher is deleted, and its tokens have ended."),
    ("project-deleted", "The project is deleted."),
    ("release-deleted", "The release is deleted."),
    ("file-deleted", "The file is deleted."),
    ("yanked", "It is yanked: installers take it only where its very version is asked for."),
    ("unyanked", "It is no longer yanked."),
    ("pushed", "The release is pushed. This is where it is now."),
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

//! The tags of an HTML page, as they come.

use html5gum::{DefaultEmitter, Readable, Reader, StartTag, Token, Tokenizer};
use percent_encoding::percent_decode_str;
use url::Url;

/// Calls `each` with every start tag and the URL that its links are relative to; returns whether this is HTML at all.
///
/// The first `<base href>` changes that URL, for what stands behind it. Names of tags and attributes come in lower
/// case, values decoded.
pub(super) fn start_tags<'a, R, E>(
    input: impl Readable<'a, Reader = R>,
    url: &Url,
    mut each: impl FnMut(&Tag, &Url) -> Result<(), E>,
) -> Result<bool, E>
where
    R: Reader,
    E: From<R::Error>,
{
    let mut emitter = DefaultEmitter::default();
    // So that what a script or a title contains is no tag.
    emitter.naively_switch_states(true);
    let mut base: Option<Url> = None;
    let mut is_html = false;
    for token in Tokenizer::new_with_emitter(input, emitter) {
        let tag = match token? {
            Token::StartTag(tag) => Tag(tag),
            Token::Doctype(_) => {
                is_html = true;
                continue;
            }
            _ => continue,
        };
        is_html |= match tag.name() {
            b"html" | b"head" | b"title" | b"body" | b"h1" => true,
            b"a" => tag.attribute("href").is_some(),
            _ => false,
        };
        if tag.name() == b"base" && base.is_none() {
            base = tag.attribute("href").and_then(|href| url.join(&href).ok()).filter(is_web);
        }
        each(&tag, base.as_ref().unwrap_or(url))?;
    }
    Ok(is_html)
}

/// A start tag.
pub(super) struct Tag(StartTag<()>);

impl Tag {
    pub(super) fn name(&self) -> &[u8] {
        &self.0.name
    }

    /// Whether it asks people for something, as pages do that want a login; a button to refresh a page does not.
    pub(super) fn asks_people(&self) -> bool {
        let has = |name: &str, end: &str| {
            let value = self.attribute(name).unwrap_or_default().to_ascii_lowercase();
            value.trim_end_matches('/').ends_with(end)
        };
        match self.name() {
            b"form" => !has("action", "/refresh"),
            b"input" => has("type", "password"),
            _ => false,
        }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let value = self.0.attributes.get(name.as_bytes())?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// Whether a URL is one of those that an index may have.
pub(super) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// The last part of a URL's path, decoded; a final slash is ignored.
pub(super) fn last_segment(url: &Url) -> Option<String> {
    let segment = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let segment = percent_decode_str(segment).decode_utf8().ok()?;
    (!segment.is_empty()).then(|| segment.into_owned())
}

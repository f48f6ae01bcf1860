//! What a browser would make of a page.

use crate::harness::{Client, Reply};
use html5gum::{DefaultEmitter, Token, Tokenizer};

/// The page at a path.
pub async fn page(client: &Client, path: &str) -> Reply {
    client.get_with(path, &[("accept", "text/html")]).await
}

/// What of a page people read, in one line.
pub fn text(page: &str) -> String {
    let tag = regex::Regex::new("<[^>]*>").unwrap();
    let text = tag.replace_all(page, " ").replace("&lt;", "<").replace("&gt;", ">").replace("&#x27;", "'");
    let text = text.replace("&quot;", "\"").replace("&#x2f;", "/").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The element names and attributes of a page, in order.
pub fn elements(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let tokens = Tokenizer::new_with_emitter(page, emitter);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let elements = tokens.filter_map(|token| match token {
        Ok(Token::StartTag(tag)) => {
            let attributes = tag.attributes.iter().map(|(name, value)| (text(name), text(value)));
            Some((text(&tag.name), attributes.collect()))
        }
        Ok(_) => None,
    });
    elements.collect()
}

/// Fails when anything on the page runs, loads or sends what is not ours.
#[track_caller]
pub fn assert_dead(page: &str) {
    for (name, attributes) in elements(page) {
        let attribute = |wanted: &str| {
            attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        assert!(
            !["style", "object", "embed", "base", "svg", "math"].contains(&name.as_str()),
            "{name} in {page}"
        );
        if name == "script" {
            assert!(attribute("src").is_some_and(|src| src.starts_with("/+static/")), "{page}");
        }
        if name == "iframe" {
            assert!(
                attribute("srcdoc").is_none()
                    && attribute("sandbox").is_some_and(|it| !it.contains("same-origin"))
            );
        }
        if name == "meta" {
            assert!(attribute("http-equiv").is_none(), "{page}");
        }
        for (key, value) in &attributes {
            assert!(!key.starts_with("on") && key != "style", "{key} in {page}");
            let url = value.trim().to_lowercase();
            if ["href", "src", "action", "formaction", "xlink:href", "cite"].contains(&key.as_str()) {
                let is_good = ["http://", "https://", "mailto:", "/", "#", "?"]
                    .iter()
                    .any(|start| url.starts_with(start));
                assert!(is_good, "{key}={value} in {page}");
            }
        }
    }
    assert_eq!(elements(page).iter().filter(|(name, _)| name == "h1").count(), 1, "{page}");
}

//! What may stand in a description, as on PyPI (`readme_renderer`, `clean.py`).

use ammonia::{Builder, UrlRelative};
use html5gum::{Token, Tokenizer};
use regex::Regex;
use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

/// Deepest nesting of elements. The time that a parser of HTML takes grows with its square.
const DEEPEST: usize = 100;

/// Names in a description begin with it, so that they are not taken for those of the page.
const PREFIX: &str = "user-content-";

/// Elements that have no content, or that the next of their kind ends. `dd` and `dt` do not end a list's `li`, nor it them.
const NOT_NESTED: [&[u8]; 19] = [
    b"area", b"br", b"col", b"embed", b"hr", b"img", b"input", b"li", b"link", b"meta", b"option", b"p",
    b"source", b"tbody", b"td", b"th", b"tr", b"track", b"wbr",
];

/// Elements that end with whatever they stand in (HTML, "any other end tag").
const PLAIN: [&[u8]; 16] = [
    b"abbr", b"bdi", b"bdo", b"cite", b"del", b"dfn", b"ins", b"kbd", b"label", b"mark", b"q", b"samp",
    b"span", b"sub", b"sup", b"var",
];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    for tag in ["div", "h1", "h2", "h3", "h4", "h5", "h6", "p"] {
        builder.add_tag_attributes(tag, ["align"]);
    }
    builder.add_tag_attributes("code", ["class"]);
    builder
        .rm_tags(["area", "map", "nav", "header", "footer", "article", "aside", "hgroup"])
        .add_clean_content_tags([
            "svg", "math", "template", "noscript", "iframe", "object", "textarea", "select", "title",
        ])
        .add_generic_attributes(["id"])
        .id_prefix(Some(PREFIX))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Custom(Box::new(relative)))
        .attribute_filter(attribute)
        .link_rel(Some("nofollow noopener"))
        // What scrolls is reached by keyboard.
        .set_tag_attribute_value("pre", "tabindex", "0")
        .set_tag_attribute_value("table", "tabindex", "0")
        .set_tag_attribute_value("img", "loading", "lazy");
    builder
});

/// HTML with all that is dangerous or disturbing taken away, and headings one level deeper; `None` when it is nested too
/// deeply.
pub(super) fn clean(html: &str) -> Option<String> {
    static HEADING: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("<(/?)h([1-5])").ok());
    if is_too_deep(html) {
        return None;
    }
    let html = CLEANER.clean(html).to_string();
    let deeper = |found: &regex::Captures<'_>| {
        let level = found[2].parse::<u8>().unwrap_or(5) + 1;
        format!("<{}h{level}", &found[1])
    };
    Some(HEADING.as_ref()?.replace_all(&html, deeper).into_owned())
}

/// Whether a parser may find elements nested more deeply than [`DEEPEST`]. An end tag is believed where only plain elements
/// are open within what it names: in other places a parser may leave open all that is there.
fn is_too_deep(html: &str) -> bool {
    let mut open: Vec<Vec<u8>> = Vec::new();
    for token in Tokenizer::new(html) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) if !NOT_NESTED.contains(&tag.name.as_slice()) => {
                if open.len() == DEEPEST {
                    return true;
                }
                open.push(tag.name.to_vec());
            }
            Token::EndTag(tag) => {
                let last =
                    open.iter().rposition(|name| *name == *tag.name || !PLAIN.contains(&name.as_slice()));
                if let Some(last) = last.filter(|last| open[*last] == *tag.name) {
                    open.truncate(last);
                }
            }
            _ => {}
        }
    }
    false
}

/// Of relative links those within the description; the others lead nowhere here.
fn relative(url: &str) -> Option<Cow<'_, str>> {
    url.strip_prefix('#').map(|name| format!("#{PREFIX}{}", name.strip_prefix(PREFIX).unwrap_or(name)).into())
}

fn attribute<'a>(element: &str, attribute: &str, value: &'a str) -> Option<Cow<'a, str>> {
    match (element, attribute) {
        ("img", "src") => {
            let scheme = value.split(':').next().unwrap_or_default().to_ascii_lowercase();
            (scheme == "https").then_some(value.into())
        }
        ("code", "class") => {
            value.split_whitespace().find(|class| class.starts_with("language-")).map(Cow::from)
        }
        _ => Some(value.into()),
    }
}

//! What may stand in a description, as on PyPI (`readme_renderer`, `clean.py`).

use ammonia::{Builder, UrlRelative};
use html5gum::{Token, Tokenizer};
use regex::Regex;
use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

/// Deepest nesting of elements. The time that a parser of HTML takes grows with its square.
const DEEPEST: usize = 100;

/// Names in a description begin with it, so that they are not taken for those of the page.
const PREFIX: &str = "user-content-";

/// Elements that have no content, or that the next of their kind ends.
const NOT_NESTED: [&[u8]; 21] = [
    b"area", b"br", b"col", b"dd", b"dt", b"embed", b"hr", b"img", b"input", b"li", b"link", b"meta",
    b"option", b"p", b"source", b"tbody", b"td", b"th", b"tr", b"track", b"wbr",
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
    if nesting(html) > DEEPEST {
        return None;
    }
    let html = CLEANER.clean(html).to_string();
    let deeper = |found: &regex::Captures<'_>| {
        let level = found[2].parse::<u8>().unwrap_or(5) + 1;
        format!("<{}h{level}", &found[1])
    };
    Some(HEADING.as_ref()?.replace_all(&html, deeper).into_owned())
}

/// How deeply elements are nested at most; no less than a parser finds.
fn nesting(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in Tokenizer::new(html) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) if !NOT_NESTED.contains(&tag.name.as_slice()) => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Token::EndTag(tag) if !NOT_NESTED.contains(&tag.name.as_slice()) => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    deepest
}

/// Of relative links those within the description; the others lead nowhere here.
fn relative(url: &str) -> Option<Cow<'_, str>> {
    url.strip_prefix('#').map(|name| format!("#{PREFIX}{}", name.strip_prefix(PREFIX).unwrap_or(name)).into())
}

fn attribute<'a>(element: &str, attribute: &str, value: &'a str) -> Option<Cow<'a, str>> {
    match (element, attribute) {
        ("img", "src") => {
            let scheme = value.split(':').next().unwrap_or_default().to_ascii_lowercase();
            ["http", "https"].contains(&scheme.as_str()).then_some(value.into())
        }
        ("code", "class") => {
            value.split_whitespace().find(|class| class.starts_with("language-")).map(Cow::from)
        }
        _ => Some(value.into()),
    }
}

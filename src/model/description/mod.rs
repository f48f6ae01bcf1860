//! The description of a release as HTML that is safe to show (Core metadata specifications, Description-Content-Type).
//!
//! Whoever may upload writes it, so nothing of it is trusted: what the markup makes goes through one sanitiser, and what
//! would cost too much is shown as it was written.

mod markdown;
mod rst;
mod sanitizer;

use super::page::escaped;

/// Longest description that is rendered, in bytes; a longer one is shown as it was written.
const LONGEST: usize = 512 << 10;

const TOO_LONG: &str = "The description is too long to be formatted.";

/// A description, rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Clean: no script, no style, no form, and links that lead to the web only.
    pub html: String,
    /// Why it is shown as it was written, if it should not be.
    pub notice: Option<&'static str>,
}

enum Markup {
    Markdown { is_github: bool },
    Restructured,
    Plain,
}

impl Markup {
    /// The one that a content type names; as on PyPI none is reStructuredText, and an unknown one plain text.
    fn of(content_type: &str) -> Self {
        let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
        match parts.next().unwrap_or_default().as_str() {
            "text/markdown" => {
                let variant = parts.find_map(|part| part.strip_prefix("variant=").map(str::to_owned));
                Self::Markdown { is_github: variant.is_none_or(|variant| variant != "commonmark") }
            }
            "text/x-rst" | "" => Self::Restructured,
            _ => Self::Plain,
        }
    }
}

impl Description {
    /// Renders a text of this `description_content_type`, which may be empty.
    ///
    /// Takes time in proportion to the text; tens of milliseconds for a long one.
    pub fn render(text: &str, content_type: &str) -> Self {
        // What turns the direction of a line around could make a command read otherwise than it is copied.
        let text =
            text.replace(|c| matches!(c, '\0' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "");
        if text.len() > LONGEST {
            return plain(&text, Some(TOO_LONG));
        }
        let html = match Markup::of(content_type) {
            Markup::Markdown { is_github } => Some(markdown::html(&text, is_github)),
            Markup::Restructured => rst::html(&text),
            Markup::Plain => return plain(&text, None),
        };
        // A short text of empty cells or of references to one note makes a long page.
        if html.as_ref().is_some_and(|html| html.len() > 4 * LONGEST) {
            return plain(&text, Some(TOO_LONG));
        }
        match html.as_deref().and_then(sanitizer::clean) {
            Some(html) => Self { html, notice: None },
            None => plain(&text, Some("The description is nested too deeply to be formatted.")),
        }
    }

    /// A text as it was written, and why.
    pub fn unformatted(text: &str, notice: &'static str) -> Self {
        plain(text, Some(notice))
    }
}

fn plain(text: &str, notice: Option<&'static str>) -> Description {
    Description { html: format!("<pre tabindex=\"0\">{}</pre>", escaped(text)), notice }
}

#[cfg(test)]
mod tests;

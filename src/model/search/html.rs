//! The text of an HTML page.

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// What stands in these is no text of the page, or is on all pages.
const LEFT_OUT: [&[u8]; 6] = [b"script", b"style", b"template", b"noscript", b"nav", b"footer"];

/// What these begin and end is no word.
const IN_LINE: [&[u8]; 9] = [b"a", b"b", b"code", b"em", b"i", b"span", b"strong", b"sub", b"sup"];

/// A page of documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its path in the documentation.
    pub path: String,
    /// What its `<title>` says, or else its path.
    pub title: String,
    /// What its `<body>` says.
    pub text: String,
}

impl Page {
    /// Reads what is HTML, or is taken for it.
    pub fn read(path: &str, html: &[u8]) -> Self {
        let mut emitter = DefaultEmitter::default();
        // So that what a script contains is no tag.
        emitter.naively_switch_states(true);
        let (mut title, mut text) = (String::new(), String::new());
        let (mut in_title, mut left_out) = (false, 0_usize);
        let gap = |tag: &[u8]| if IN_LINE.contains(&tag) { "" } else { " " };
        for token in Tokenizer::new_with_emitter(html, emitter) {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) => {
                    in_title |= **tag.name == *b"title" && title.is_empty();
                    left_out += usize::from(LEFT_OUT.contains(&tag.name.as_slice()) && !tag.self_closing);
                    text.push_str(gap(&tag.name));
                }
                Token::EndTag(tag) => {
                    in_title &= **tag.name != *b"title";
                    left_out -= usize::from(LEFT_OUT.contains(&tag.name.as_slice())).min(left_out);
                    text.push_str(gap(&tag.name));
                }
                Token::String(string) if in_title => title.push_str(&String::from_utf8_lossy(&string)),
                Token::String(string) if left_out == 0 => text.push_str(&String::from_utf8_lossy(&string)),
                _ => {}
            }
        }
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let title = Some(line(&title)).filter(|title| !title.is_empty()).unwrap_or_else(|| path.to_owned());
        Self { path: path.to_owned(), title, text: line(&text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_page_are_those_that_people_read() {
        for (html, title, text) in [
            (
                "<!DOCTYPE html><html><head><title> The\n guide </title><style>p {}</style></head><body><nav>all \
                 pages</nav><h1>Begin</h1><p>with <b>bo</b>ld &amp; brave<br>words<script>var x = '<p>no';</script>",
                "The guide",
                "Begin with bold & brave words",
            ),
            ("plain", "a/b.html", "plain"),
            ("</nav></nav>text<title></title>", "a/b.html", "text"),
            ("", "a/b.html", ""),
        ] {
            let page = Page::read("a/b.html", html.as_bytes());
            assert_eq!((page.title.as_str(), page.text.as_str()), (title, text));
        }
    }
}

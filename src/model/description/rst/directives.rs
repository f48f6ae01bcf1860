//! `.. name::` blocks: images, code, admonitions; those that only steer docutils are left out.

use super::super::escaped;
use super::{Renderer, blocks::literal, indented};
use std::{collections::HashMap, fmt::Write};

/// A directive, taken apart.
struct Parts<'a> {
    options: HashMap<&'a str, &'a str>,
    content: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    /// Of the lines below the first.
    fn of(lines: &[&'a str]) -> Self {
        let mut options = HashMap::new();
        let mut at = 0;
        while let Some((name, value)) =
            lines.get(at).and_then(|line| line.strip_prefix(':')).and_then(|line| line.split_once(':'))
        {
            options.insert(name, value.trim());
            at += 1 + indented(&lines[at + 1..]);
        }
        let blank = lines[at..].iter().take_while(|line| line.is_empty()).count();
        Self { options, content: lines[at + blank..].to_vec() }
    }
}

impl Renderer {
    /// Renders a directive; `whole` are its lines as they were written.
    pub fn directive(
        &mut self,
        name: &str,
        arguments: &str,
        lines: &[&str],
        whole: &[&str],
        depth: usize,
    ) -> String {
        let name = name.to_ascii_lowercase();
        let parts = Parts::of(lines);
        // A text may also begin beside the name.
        let beside = |parts: &Parts<'_>| {
            let mut text = vec![arguments.to_owned()];
            text.extend(parts.content.iter().map(|line| (*line).to_owned()));
            text
        };
        match name.as_str() {
            "image" => self.image(arguments, &parts.options) + "\n",
            "figure" => {
                let (image, caption) =
                    (self.image(arguments, &parts.options), self.body(&parts.content, depth + 1));
                format!("<figure>{image}<figcaption>{caption}</figcaption></figure>\n")
            }
            "code" | "code-block" | "sourcecode" | "prompt" => {
                literal(&parts.content, (!arguments.is_empty()).then_some(arguments))
            }
            "parsed-literal" | "literal" | "doctest" | "testcode" | "testoutput" | "math" | "csv-table" => {
                literal(&parts.content, None)
            }
            "note" | "tip" | "hint" | "important" | "warning" | "caution" | "attention" | "danger"
            | "error" | "seealso" | "todo" => {
                let text = beside(&parts);
                let label = if name == "seealso" { "See also".to_owned() } else { capital(&name) };
                self.admonition(&escaped(&label), &text, depth)
            }
            "admonition" | "topic" | "sidebar" | "rubric" => {
                let title = self.inline(arguments);
                let content: Vec<_> = parts.content.iter().map(|line| (*line).to_owned()).collect();
                self.admonition(&title, &content, depth)
            }
            "versionadded" | "versionchanged" | "deprecated" | "versionremoved" => {
                let what = match name.as_str() {
                    "versionadded" => "Added in version",
                    "versionchanged" => "Changed in version",
                    "deprecated" => "Deprecated since version",
                    _ => "Removed in version",
                };
                let (version, text) = arguments.split_once(' ').unwrap_or((arguments, ""));
                let text = self.inline(text);
                let content = self.body(&parts.content, depth + 1);
                format!("<p><em>{what} {}</em> {text}</p>\n{content}", escaped(version))
            }
            "list-table" => {
                let rows = parts.options.get("header-rows").and_then(|rows| rows.parse().ok());
                let table = self.list_table(&parts.content, rows.unwrap_or(0), depth);
                table.unwrap_or_else(|| literal(whole, None))
            }
            "epigraph" | "pull-quote" | "highlights" => {
                let text = beside(&parts);
                let text: Vec<&str> = text.iter().map(String::as_str).collect();
                format!("<blockquote>{}</blockquote>\n", self.body(&text, depth + 1))
            }
            "container" | "compound" | "class" | "rst-class" | "only" | "centered" | "table" => {
                self.body(&parts.content, depth + 1)
            }
            // PyPI takes none of the first two.
            "raw" | "include" | "contents" | "sectnum" | "section-numbering" | "toctree" | "index"
            | "default-role" | "role" | "meta" | "title" | "currentmodule" | "module" | "highlight"
            | "target-notes" | "header" | "footer" | "testsetup" | "testcleanup" => String::new(),
            _ => literal(whole, None),
        }
    }

    /// What the directive of a substitution makes within a line.
    pub fn substitution(&mut self, directive: &str) -> String {
        let Some((name, rest)) = directive.split_once("::") else { return String::new() };
        let mut lines = rest.lines();
        let arguments = lines.next().unwrap_or_default().trim();
        let lines: Vec<&str> = lines.collect();
        match name.trim().to_ascii_lowercase().as_str() {
            "image" => self.image(arguments, &Parts::of(&lines).options),
            "replace" => {
                let text = std::iter::once(arguments)
                    .chain(lines.iter().map(|line| line.trim()))
                    .collect::<Vec<_>>();
                self.inline(text.join("\n").trim())
            }
            "unicode" => {
                let code = |word: &str| {
                    let hex =
                        ["0x", "U+", "u+", "\\u", "x"].iter().find_map(|prefix| word.strip_prefix(prefix))?;
                    char::from_u32(u32::from_str_radix(hex, 16).ok()?)
                };
                let words = arguments.split(" .. ").next().unwrap_or_default().split_whitespace();
                let text: Vec<_> =
                    words.map(|word| code(word).map_or_else(|| word.to_owned(), String::from)).collect();
                escaped(&text.join(" "))
            }
            _ => String::new(),
        }
    }

    fn admonition(&mut self, title: &str, content: &[String], depth: usize) -> String {
        let content: Vec<&str> = content.iter().map(String::as_str).collect();
        let body = self.body(&content, depth + 1);
        format!("<blockquote><p><strong>{title}</strong></p>\n{body}</blockquote>\n")
    }

    fn image(&mut self, url: &str, options: &HashMap<&str, &str>) -> String {
        let url = url.replace(' ', "");
        let mut html = format!("<img src=\"{}\"", escaped(&url));
        let alt = options.get("alt").copied().unwrap_or_else(|| url.rsplit('/').next().unwrap_or_default());
        let _ = write!(html, " alt=\"{}\"", escaped(alt));
        for name in ["width", "height"] {
            let number = options.get(name).map(|value| value.trim_end_matches("px"));
            if let Some(number) = number.filter(|it| it.bytes().all(|b| b.is_ascii_digit() || b == b'%')) {
                let _ = write!(html, " {name}=\"{number}\"");
            }
        }
        if let Some(align) = options.get("align").filter(|align| ["left", "right"].contains(align)) {
            let _ = write!(html, " align=\"{align}\"");
        }
        html.push('>');
        let Some(target) = options.get("target") else { return html };
        let named = target.strip_suffix('_').and_then(|name| self.named(name.trim_matches('`')));
        format!("<a href=\"{}\">{html}</a>", escaped(named.as_deref().unwrap_or(target)))
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

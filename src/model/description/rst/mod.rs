//! reStructuredText as HTML, not yet clean (docutils' specification of the markup), in time in proportion to its length.
//!
//! What is not known, as a directive of Sphinx, is shown as it was written; nothing is an error. There are crates for it, but
//! the parser among them reads neither tables nor numbered lists, and takes for ever over a line of 25 brackets.

mod blocks;
mod directives;
mod inline;
mod names;
mod tables;

use names::Names;

/// Deepest nesting of lists, quotes and tables; what is deeper is shown as it was written.
const DEEPEST: usize = 20;

/// What substitutions and the URLs of names may add, in bytes.
const ADDED: usize = 1 << 20;

/// Lines that are looked at for the ends of tables.
const TABLE_LINES: usize = 200_000;

/// Renders it; `None` when it would become far longer than it is.
pub(super) fn html(text: &str) -> Option<String> {
    let text = text.replace('\t', "        ");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut renderer = Renderer {
        names: Names::of(&lines, &text),
        levels: Vec::new(),
        anonymous: 0,
        room: ADDED,
        nested: 0,
        table_lines: TABLE_LINES,
    };
    let html = renderer.body(&lines, 0);
    (renderer.room > 0).then_some(html)
}

struct Renderer {
    names: Names,
    /// Title styles in the order they were met: the character, and whether it also stands above.
    levels: Vec<(u8, bool)>,
    /// How many anonymous links there were.
    anonymous: usize,
    /// What substitutions and the URLs of names may still add, in bytes.
    room: usize,
    /// How deep a substitution is in others.
    nested: usize,
    /// Lines that may still be looked at for the ends of tables.
    table_lines: usize,
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Lines without what they are indented by at least, or without this much.
fn dedent<'a>(lines: &[&'a str], by: Option<usize>) -> Vec<&'a str> {
    let least = || lines.iter().filter(|line| !line.is_empty()).map(|line| indent(line)).min().unwrap_or(0);
    let by = by.unwrap_or_else(least);
    lines.iter().map(|line| &line[by.min(indent(line))..]).collect()
}

/// How many of these lines are blank or indented, without blank ones at the end.
fn indented(lines: &[&str]) -> usize {
    let end = lines.iter().position(|line| !line.is_empty() && indent(line) == 0).unwrap_or(lines.len());
    lines[..end].iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1)
}

/// Whether a line is made of one repeated character that is no letter, as beside titles.
fn is_adornment(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.len() > 1 && bytes[0].is_ascii_punctuation() && bytes.iter().all(|byte| *byte == bytes[0])
}

/// Whether the second line is a title's underline for the first.
fn is_underlined(title: &str, line: &str) -> bool {
    let is_text = !title.is_empty() && indent(title) == 0 && !title.starts_with(".. ");
    is_text && is_adornment(line) && (line.len() >= 4 || line.len() >= title.chars().count())
}

/// A name as it is compared: in lower case, with single spaces.
fn normal(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A name as it stands in a URL.
fn slug(name: &str) -> String {
    let dashed: String =
        name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    dashed.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

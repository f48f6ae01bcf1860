//! What stands below each other: titles, paragraphs, lists, quotes, literal blocks.

use super::super::escaped;
use super::{DEEPEST, Renderer, dedent, indent, indented, is_adornment, is_underlined, names, slug};
use regex::Regex;
use std::{fmt::Write, sync::LazyLock};

/// What may stand before an item of a numbered list.
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\(?(?:(\d{1,9})|[a-zA-Z]|[ivxIVX]{1,6}|#)[.)](?: +|$)").ok());

/// The name of a field.
static FIELD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^:([^:`\s](?:[^:`]*[^:`\s])?):(?: +|$)").ok());

/// An option of a command with its description on the same line.
static OPTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(-{1,2}\w[^\s]*(?:[ =][\w<>\[\]-]+)?(?:, -{1,2}\w[^\s]*(?: [\w<>\[\]-]+)?)*)  +").ok()
});

/// The bytes of what a pattern finds at the beginning of a line.
fn prefix(pattern: &LazyLock<Option<Regex>>, line: &str) -> Option<usize> {
    pattern.as_ref()?.find(line).map(|found| found.len())
}

fn bullet(line: &str) -> Option<usize> {
    let mark = line.chars().next().filter(|c| "*+-•‣⁃".contains(*c))?;
    let rest = &line[mark.len_utf8()..];
    (rest.is_empty() || rest.starts_with(' ')).then(|| mark.len_utf8() + indent(rest))
}

pub(super) fn literal(lines: &[&str], language: Option<&str>) -> String {
    let class = language.map(|language| format!(" class=\"language-{}\"", escaped(language)));
    format!("<pre><code{}>{}</code></pre>\n", class.unwrap_or_default(), escaped(&lines.join("\n")))
}

impl Renderer {
    /// Renders lines that are not indented, or that are a quote.
    pub fn body(&mut self, lines: &[&str], depth: usize) -> String {
        if depth > DEEPEST {
            return literal(lines, None);
        }
        let mut out = String::new();
        let mut at = 0;
        while at < lines.len() {
            if lines[at].is_empty() {
                at += 1;
                continue;
            }
            let (html, used) = self.block(&lines[at..], depth);
            out.push_str(&html);
            at += used.max(1);
        }
        out
    }

    /// The block that begins with the first line, and how many lines it takes.
    fn block(&mut self, lines: &[&str], depth: usize) -> (String, usize) {
        let (first, next) = (lines[0], lines.get(1).copied().unwrap_or_default());
        if indent(first) > 0 {
            let used = indented(lines);
            let quoted = self.body(&dedent(&lines[..used], None), depth + 1);
            return (format!("<blockquote>{quoted}</blockquote>\n"), used);
        }
        if first == ".." || first.starts_with(".. ") {
            let used = 1 + indented(&lines[1..]);
            return (self.explicit(&lines[..used], depth), used);
        }
        if first.starts_with("__ ") {
            return (String::new(), 1);
        }
        if is_adornment(first) {
            let below = lines.get(2).copied().unwrap_or_default();
            if !next.is_empty() && is_adornment(below) && below.as_bytes()[0] == first.as_bytes()[0] {
                return (self.title(next.trim(), first.as_bytes()[0], true), 3);
            }
            if first.len() >= 4 && next.is_empty() {
                return ("<hr>\n".into(), 1);
            }
        }
        if let Some(table) = self.table(lines, depth) {
            return table;
        }
        if is_underlined(first, next) {
            return (self.title(first, next.as_bytes()[0], false), 2);
        }
        if first.starts_with(">>> ") || first == ">>>" {
            let used = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
            return (literal(&lines[..used], Some("pycon")), used);
        }
        if first == "|" || first.starts_with("| ") {
            return self.lines(lines);
        }
        self.list(lines, depth).unwrap_or_else(|| self.paragraph(lines, depth))
    }

    fn title(&mut self, text: &str, mark: u8, is_above: bool) -> String {
        let style = (mark, is_above);
        let place = self.levels.iter().position(|known| *known == style).unwrap_or_else(|| {
            self.levels.push(style);
            self.levels.len() - 1
        });
        let level = (place + 1).min(6);
        format!("<h{level} id=\"{}\">{}</h{level}>\n", escaped(&slug(text)), self.inline(text))
    }

    /// `.. …`: a directive, a footnote, a place to link to, or a comment.
    fn explicit(&mut self, lines: &[&str], depth: usize) -> String {
        let text = lines[0][2..].trim_start();
        if let Some((name, rest)) = text.strip_prefix('_').and_then(names::target) {
            let is_place = rest.trim().is_empty() && lines.len() == 1;
            return if is_place {
                format!("<span id=\"{}\"></span>", escaped(&slug(&name)))
            } else {
                String::new()
            };
        }
        if let Some((label, rest)) = text.strip_prefix('[').and_then(|text| text.split_once("] ")) {
            let id = escaped(&slug(label));
            let body = std::iter::once(rest).chain(dedent(&lines[1..], None)).collect::<Vec<_>>();
            let body = self.body(&body, depth + 1);
            return format!("<div id=\"{id}\"><p>[{}]</p>{body}</div>\n", escaped(label));
        }
        if let Some((name, arguments)) = text.split_once("::")
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_+.:".contains(c))
        {
            return self.directive(name, arguments.trim(), &dedent(&lines[1..], None), lines, depth);
        }
        String::new()
    }

    /// Lines that each begin with a bar.
    fn lines(&mut self, lines: &[&str]) -> (String, usize) {
        let used = lines.iter().position(|line| !(line.starts_with('|') || indent(line) > 0));
        let used = used.unwrap_or(lines.len());
        let texts: Vec<_> =
            lines[..used].iter().map(|line| self.inline(line.trim_start_matches('|').trim())).collect();
        (format!("<p>{}</p>\n", texts.join("<br>\n")), used)
    }

    fn list(&mut self, lines: &[&str], depth: usize) -> Option<(String, usize)> {
        let next = lines.get(1).copied().unwrap_or_default();
        if bullet(lines[0]).is_some() {
            let mark = lines[0].chars().next();
            let (items, used) =
                self.items(lines, depth, |line| bullet(line).filter(|_| line.chars().next() == mark));
            return Some((format!("<ul>\n{items}</ul>\n"), used));
        }
        let number = |line: &str| prefix(&NUMBER, line);
        // Else it is a sentence that begins with an initial.
        if number(lines[0]).is_some() && (next.is_empty() || indent(next) > 0 || number(next).is_some()) {
            let (items, used) = self.items(lines, depth, number);
            let start =
                NUMBER.as_ref().and_then(|it| it.captures(lines[0])?.get(1)?.as_str().parse::<u32>().ok());
            return Some((format!("<ol start=\"{}\">\n{items}</ol>\n", start.unwrap_or(1)), used));
        }
        let pattern = [&FIELD, &OPTION].into_iter().find(|pattern| prefix(pattern, lines[0]).is_some())?;
        let mut out = String::from("<dl>\n");
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at];
            if line.is_empty() && lines.get(at + 1).is_some_and(|next| prefix(pattern, next).is_some()) {
                at += 1;
                continue;
            }
            let Some(length) = prefix(pattern, line) else { break };
            let used = 1 + indented(&lines[at + 1..]);
            let mut body = vec![&line[length..]];
            body.extend(dedent(&lines[at + 1..at + used], None));
            let term = self.inline(line[..length].trim().trim_matches(':'));
            let body = self.item(&body, depth);
            let _ = writeln!(out, "<dt>{term}</dt><dd>{body}</dd>");
            at += used;
        }
        Some((out + "</dl>\n", at))
    }

    /// Items of one list; `marked` tells how long the mark is that a line begins with.
    fn items(
        &mut self,
        lines: &[&str],
        depth: usize,
        marked: impl Fn(&str) -> Option<usize>,
    ) -> (String, usize) {
        let (mut out, mut at) = (String::new(), 0);
        while let Some(length) = lines.get(at).and_then(|line| marked(line)) {
            let used = 1 + indented(&lines[at + 1..]);
            let mut body = vec![&lines[at][length..]];
            body.extend(dedent(&lines[at + 1..at + used], Some(length)));
            let _ = writeln!(out, "<li>{}</li>", self.item(&body, depth));
            at += used;
            let blank = lines[at..].iter().take_while(|line| line.is_empty()).count();
            if lines.get(at + blank).is_some_and(|line| marked(line).is_some()) {
                at += blank;
            }
        }
        (out, at)
    }

    /// What is in an item; its only paragraph stands there by itself.
    pub fn item(&mut self, lines: &[&str], depth: usize) -> String {
        let html = self.body(lines, depth + 1);
        match html.strip_prefix("<p>").filter(|rest| !rest.contains("<p>")) {
            Some(rest) => rest.replacen("</p>", "", 1).trim_end().to_owned(),
            None => html,
        }
    }

    /// A paragraph with the literal block that it may announce, or terms with their definitions.
    fn paragraph(&mut self, lines: &[&str], depth: usize) -> (String, usize) {
        let is_term = |at: usize| {
            let next = lines.get(at + 1).copied().unwrap_or_default();
            !lines[at].is_empty() && indent(lines[at]) == 0 && indent(next) > 0 && !lines[at].ends_with("::")
        };
        if is_term(0) {
            let (mut out, mut at) = (String::from("<dl>\n"), 0);
            while at < lines.len() && is_term(at) {
                let used = 1 + indented(&lines[at + 1..]);
                let term = self.inline(lines[at]);
                let definition = self.item(&dedent(&lines[at + 1..at + used], None), depth);
                let _ = writeln!(out, "<dt>{term}</dt><dd>{definition}</dd>");
                at += used;
                let blank = lines[at..].iter().take_while(|line| line.is_empty()).count();
                if at + blank < lines.len() && is_term(at + blank) && !lines[at + blank].starts_with(".. ") {
                    at += blank;
                }
            }
            return (out + "</dl>\n", at);
        }
        let ends = |at: usize| {
            lines[at].is_empty() || at > 0 && lines[at - 1].ends_with("::") && indent(lines[at]) > 0
        };
        let used = (0..lines.len()).find(|at| ends(*at)).unwrap_or(lines.len());
        let text = lines[..used].join("\n");
        let Some(announcing) = text.strip_suffix("::") else {
            return (format!("<p>{}</p>\n", self.inline(&text)), used);
        };
        let mut html = String::new();
        if !announcing.trim().is_empty() {
            let colon = if announcing.ends_with(char::is_whitespace) { "" } else { ":" };
            html = format!("<p>{}{colon}</p>\n", self.inline(announcing.trim_end()));
        }
        let following = &lines[used..];
        let length = indented(following);
        let block = dedent(&following[..length], None);
        let start = block.iter().position(|line| !line.is_empty()).unwrap_or(block.len());
        if start < block.len() {
            html.push_str(&literal(&block[start..], None));
        }
        (html, used + length)
    }
}

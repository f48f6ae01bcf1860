//! What stands within a line: emphasis, literals, links and substitutions.

use super::super::escaped;
use super::Renderer;

/// How deep a substitution may be in others.
const DEEPEST: usize = 3;

/// Longest name of a role and of a substitution, in characters: each is looked for wherever one might begin.
const LONGEST_ROLE: usize = 64;
const LONGEST_SUBSTITUTION: usize = 200;

/// The markup whose end is known not to come any more, so that each is looked for once.
type Missing = Vec<&'static str>;

impl Renderer {
    pub fn inline(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + text.len() / 8);
        let mut missing = Missing::new();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let (rest, before) = (&text[at..], text[..at].chars().next_back());
            let found = match c {
                '\\' => Some(escape(rest)),
                '`' | '*' | '|' | '[' | ':' if may_begin(before, rest) => self.markup(rest, &mut missing),
                c if c.is_alphanumeric() && before.is_none_or(|c| !c.is_alphanumeric()) => {
                    Some(self.word(rest))
                }
                _ => None,
            };
            let (html, used) = found.unwrap_or_else(|| {
                let plain = &rest[..c.len_utf8()];
                (escaped(plain), plain.len())
            });
            out.push_str(&html);
            at += used;
        }
        out
    }

    /// What begins here, and how many bytes it takes.
    fn markup(&mut self, rest: &str, missing: &mut Missing) -> Option<(String, usize)> {
        if rest.starts_with("``") {
            let body = enclosed(rest, "``", missing)?;
            return Some((format!("<code>{}</code>", escaped(body)), body.len() + 4));
        }
        if rest.starts_with('`') {
            return self.interpreted(rest, None, missing);
        }
        if rest.starts_with("**") {
            let body = enclosed(rest, "**", missing)?;
            return Some((format!("<strong>{}</strong>", escaped(&unescaped(body))), body.len() + 4));
        }
        if rest.starts_with('*') {
            let body = enclosed(rest, "*", missing)?;
            return Some((format!("<em>{}</em>", escaped(&unescaped(body))), body.len() + 2));
        }
        if rest.starts_with('|') {
            let end = rest.char_indices().nth(LONGEST_SUBSTITUTION).map_or(rest.len(), |(end, _)| end);
            let within = &rest[..end];
            let body = enclosed(within, "|", &mut Missing::new())?;
            let used = body.len() + 2;
            let html = self.substituted(body)?;
            let after = &rest[used..];
            return Some(match after.strip_prefix("__").map(|_| 2).or(after.strip_prefix('_').map(|_| 1)) {
                Some(marks) => {
                    let url = if marks == 2 { self.next_anonymous() } else { self.named(body) };
                    (link(url.as_deref(), &html), used + marks)
                }
                None => (html, used),
            });
        }
        if let Some(footnote) = rest.strip_prefix('[') {
            let end = footnote.find(|c: char| !c.is_alphanumeric() && !"#*-_.:".contains(c))?;
            let label = &footnote[..end];
            footnote[end..].strip_prefix("]_").filter(|_| !label.is_empty())?;
            let html = format!("<a href=\"#{}\">[{}]</a>", super::slug(label), escaped(label));
            return Some((html, end + 3));
        }
        let name = rest.strip_prefix(':')?;
        let mut bytes = name.bytes().take(LONGEST_ROLE);
        let end = bytes.position(|byte| !byte.is_ascii_alphanumeric() && !b"+-_.:".contains(&byte))?;
        let role = name[..end].strip_suffix(':').filter(|role| !role.is_empty())?;
        let (html, used) =
            self.interpreted(name[end..].starts_with('`').then_some(&name[end..])?, Some(role), missing)?;
        Some((html, used + end + 1))
    }

    /// A text between single backquotes: a link, or what its role says.
    fn interpreted(
        &mut self,
        rest: &str,
        role: Option<&str>,
        missing: &mut Missing,
    ) -> Option<(String, usize)> {
        let body = enclosed(rest, "`", missing)?;
        let used = body.len() + 2;
        let after = &rest[used..];
        let marks = after.bytes().take_while(|byte| *byte == b'_').count();
        if role.is_none() && (1..=2).contains(&marks) {
            let (label, target) = embedded(body);
            let url = match target {
                Some(target) => match target.strip_suffix('_').filter(|name| !name.contains("://")) {
                    Some(name) => self.named(name.trim_end_matches('\\')),
                    None => Some(web_or_mail(&unescaped(target).replace(['\n', ' '], ""))),
                },
                None if marks == 2 => self.next_anonymous(),
                None => self.named(&unescaped(body)),
            };
            return Some((link(url.as_deref(), &escaped(&unescaped(label))), used + marks));
        }
        let behind = after.strip_prefix(':').and_then(|after| {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?;
            after[end..].starts_with(':').then_some(&after[..end]).filter(|role| !role.is_empty())
        });
        let used = used + behind.map_or(0, |role| role.len() + 2);
        let (label, _) = embedded(body);
        let label = escaped(&unescaped(label.trim_start_matches(['~', '!'])));
        let html = match role.or(behind) {
            None | Some("title" | "title-reference" | "t") => format!("<cite>{label}</cite>"),
            Some("emphasis" | "dfn" | "term" | "abbr") => format!("<em>{label}</em>"),
            Some("strong" | "guilabel" | "menuselection" | "command" | "program") => {
                format!("<strong>{label}</strong>")
            }
            Some("sub" | "subscript") => format!("<sub>{label}</sub>"),
            Some("sup" | "superscript") => format!("<sup>{label}</sup>"),
            Some("pep" | "pep-reference" | "PEP") => format!("PEP {label}"),
            Some("rfc" | "rfc-reference" | "RFC") => format!("RFC {label}"),
            Some("doc" | "ref" | "any") => label,
            Some(_) => format!("<code>{label}</code>"),
        };
        Some((html, used))
    }

    /// A word: a URL, the name of a target with `_` behind it, or nothing special.
    fn word(&mut self, rest: &str) -> (String, usize) {
        if ["http://", "https://", "mailto:"].iter().any(|scheme| rest.starts_with(scheme)) {
            let end = rest.find(|c: char| c.is_whitespace() || "<>\"`".contains(c)).unwrap_or(rest.len());
            let url =
                rest[..end].trim_end_matches([',', '.', ';', ':', '!', '?', '\'', '*', '|', ']', '}', '\\']);
            let url = if url.contains('(') { url } else { url.trim_end_matches([')', '.', ',']) };
            return (link(Some(url), &escaped(url)), url.len());
        }
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let mut end = end;
        while let Some(c) = rest[end..].chars().next().filter(|c| "-._+:".contains(*c)) {
            let next = &rest[end + c.len_utf8()..];
            let length = next.find(|c: char| !c.is_alphanumeric()).unwrap_or(next.len());
            if length == 0 {
                break;
            }
            end += c.len_utf8() + length;
        }
        let (word, after) = rest.split_at(end);
        let marks = after.bytes().take_while(|byte| *byte == b'_').count();
        let is_end = after[marks..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        let url = match marks {
            1 if is_end => self.named(word),
            2 if is_end => self.next_anonymous(),
            _ => None,
        };
        match url {
            Some(url) => (link(Some(&url), &escaped(word)), end + marks),
            // Underscores belong to the word, so that they begin nothing.
            None => (escaped(&rest[..end + marks]), end + marks),
        }
    }

    /// What a substitution stands for.
    fn substituted(&mut self, name: &str) -> Option<String> {
        let directive = self.names.substitution(name)?.to_owned();
        self.room = self.room.saturating_sub(directive.len());
        if self.nested == DEEPEST || self.room == 0 {
            return None;
        }
        self.nested += 1;
        let html = self.substitution(&directive);
        self.nested -= 1;
        self.room = self.room.saturating_sub(html.len());
        Some(html)
    }

    /// Where a name leads.
    pub fn named(&mut self, name: &str) -> Option<String> {
        let url = self.names.url(name).filter(|_| self.room > 0)?.to_owned();
        self.added(url)
    }

    fn next_anonymous(&mut self) -> Option<String> {
        self.anonymous += 1;
        let url = self.names.anonymous(self.anonymous - 1).filter(|_| self.room > 0)?.to_owned();
        self.added(url)
    }

    /// A URL that stands elsewhere in the text, as long as there is room for it.
    fn added(&mut self, url: String) -> Option<String> {
        self.room = self.room.saturating_sub(url.len());
        (self.room > 0).then_some(url)
    }
}

fn link(url: Option<&str>, html: &str) -> String {
    match url {
        Some(url) => format!("<a href=\"{}\">{html}</a>", escaped(url)),
        None => html.to_owned(),
    }
}

/// A URL; an address of mail is one too.
fn web_or_mail(target: &str) -> String {
    let is_address = target.contains('@') && !target.contains([':', '/']);
    if is_address { format!("mailto:{target}") } else { target.to_owned() }
}

/// The text and the target of `text <target>`.
fn embedded(body: &str) -> (&str, Option<&str>) {
    let found = body.strip_suffix('>').and_then(|body| body.rsplit_once('<'));
    match found {
        Some((label, target)) if label.trim().is_empty() => (target, Some(target)),
        Some((label, target)) => (label.trim_end(), Some(target)),
        None => (body, None),
    }
}

/// Whether markup may begin behind this character: not within a word, and not before a space.
fn may_begin(before: Option<char>, rest: &str) -> bool {
    let is_free = before.is_none_or(|c| {
        c.is_whitespace() || "'\"([{<-/:,;.!?|".contains(c) || !c.is_ascii() && !c.is_alphanumeric()
    });
    let marks = if rest.starts_with("``") || rest.starts_with("**") { 2 } else { 1 };
    is_free && rest[marks..].chars().next().is_some_and(|c| !c.is_whitespace())
}

/// The text up to where its markup ends.
fn enclosed<'a>(rest: &'a str, mark: &'static str, missing: &mut Missing) -> Option<&'a str> {
    if missing.contains(&mark) {
        return None;
    }
    let body = &rest[mark.len()..];
    let end = body.match_indices(mark).map(|(at, _)| at).find(|at| {
        let before = body[..*at].chars().next_back();
        let after = body[at + mark.len()..].chars().next();
        let is_escaped = before == Some('\\') && mark != "``";
        before.is_some_and(|c| !c.is_whitespace())
            && !is_escaped
            && after.is_none_or(|c| !c.is_alphanumeric())
    });
    if end.is_none() {
        missing.push(mark);
    }
    end.map(|end| &body[..end])
}

/// What a backslash stands for with what follows it.
fn escape(rest: &str) -> (String, usize) {
    match rest[1..].chars().next() {
        Some(c) if c.is_whitespace() => (String::new(), 1 + c.len_utf8()),
        Some(c) => (escaped(&rest[1..=c.len_utf8()]), 1 + c.len_utf8()),
        None => (String::new(), 1),
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().filter(|c| !c.is_whitespace())),
            c => out.push(c),
        }
    }
    out
}

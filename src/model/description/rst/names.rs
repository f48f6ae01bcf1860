//! What other parts of a text refer to by name: link targets, titles, footnotes and substitutions.

use super::{dedent, indent, is_underlined, normal, slug};
use regex::Regex;
use std::{collections::HashMap, rc::Rc, sync::LazyLock};

/// How many targets that only name another are followed.
const STEPS: usize = 5;

/// Lines below its first one that a name may go on over.
const MOST_LINES: usize = 64;

#[derive(Default)]
pub(super) struct Names {
    targets: HashMap<String, Target>,
    /// Of `__` links, in order.
    anonymous: Vec<String>,
    /// A directive with its options, as it was written.
    substitutions: HashMap<String, String>,
}

#[derive(Clone)]
enum Target {
    /// A URL, or a place in the text as `#id`.
    Url(Rc<str>),
    Name(Rc<str>),
}

impl Names {
    pub fn of(lines: &[&str], text: &str) -> Self {
        static EMBEDDED: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"`([^`<>]+)\s<([^`<>\s]+)>`_(?:[^_]|$)").ok());
        let mut names = Self::default();
        for found in EMBEDDED.iter().flat_map(|embedded| embedded.captures_iter(text)) {
            names.targets.entry(normal(&found[1])).or_insert_with(|| Target::Url(found[2].into()));
        }
        // Targets without a URL lead to what follows, which may be the URL of another.
        let mut waiting: Vec<String> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let next = lines.get(at + 1).copied().unwrap_or_default();
            let unindented = line.trim_start();
            if is_underlined(line, next) {
                names
                    .targets
                    .entry(normal(line))
                    .or_insert_with(|| Target::Url(format!("#{}", slug(line)).into()));
            } else if let Some(url) = unindented.strip_prefix("__ ") {
                names.anonymous.push(url.trim().to_owned());
            } else if let Some(explicit) = unindented.strip_prefix(".. ") {
                let explicit = explicit.trim_start();
                let more = continued(&lines[at..]);
                if let Some(rest) = explicit.strip_prefix("__:") {
                    names.anonymous.push(joined(rest, &more));
                } else if let Some((name, rest)) = explicit.strip_prefix('_').and_then(target) {
                    match joined(rest, &more) {
                        url if url.is_empty() => waiting.push(normal(&name)),
                        url => {
                            let reference = url.strip_suffix('_').filter(|name| !name.contains("://"));
                            let target = match reference {
                                Some(name) => Target::Name(normal(name.trim_matches('`')).into()),
                                None => Target::Url(url.into()),
                            };
                            for waiting in waiting.drain(..) {
                                names.targets.insert(waiting, target.clone());
                            }
                            names.targets.insert(normal(&name), target);
                        }
                    }
                    continue;
                } else if let Some((name, rest)) =
                    explicit.strip_prefix('|').and_then(|rest| rest.split_once('|'))
                {
                    let directive = std::iter::once(rest.trim()).chain(more).collect::<Vec<_>>().join("\n");
                    names.substitutions.insert(normal(name), directive);
                }
            }
            if !line.is_empty() {
                for name in waiting.drain(..) {
                    let place = Target::Url(format!("#{}", slug(&name)).into());
                    names.targets.insert(name, place);
                }
            }
        }
        names
    }

    /// Where a name leads.
    pub fn url(&self, name: &str) -> Option<&str> {
        let mut name: Rc<str> = normal(name).into();
        for _ in 0..STEPS {
            match self.targets.get(&*name)? {
                Target::Url(url) => return Some(url),
                Target::Name(other) => name = Rc::clone(other),
            }
        }
        None
    }

    /// Where the link of this number without a name leads.
    pub fn anonymous(&self, number: usize) -> Option<&str> {
        let url = self.anonymous.get(number)?;
        url.strip_suffix('_').and_then(|name| self.url(name)).or(Some(url))
    }

    pub fn substitution(&self, name: &str) -> Option<&str> {
        self.substitutions.get(&normal(name)).map(String::as_str)
    }
}

/// The lines below the first one that belong to it, being indented more deeply than it is.
fn continued<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let more = &lines[1..lines.len().min(1 + MOST_LINES)];
    let is_other = |line: &&str| !line.is_empty() && indent(line) <= indent(lines[0]);
    dedent(&more[..more.iter().position(is_other).unwrap_or(more.len())], None)
}

/// The name of a target, and what stands behind its colon.
pub(super) fn target(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('`') {
        let (name, rest) = quoted.split_once("`:")?;
        return Some((name.to_owned(), rest));
    }
    let colon = text.match_indices(':').map(|(at, _)| at);
    let end = colon.filter(|at| !text[..*at].ends_with('\\')).find(|at| {
        let after = &text[at + 1..];
        after.is_empty() || after.starts_with(' ')
    })?;
    Some((text[..end].replace('\\', ""), &text[end + 1..]))
}

/// A URL that goes over several lines.
fn joined(first: &str, more: &[&str]) -> String {
    let lines = std::iter::once(first.trim())
        .chain(more.iter().take_while(|line| !line.is_empty()).map(|line| line.trim()));
    let url: String = lines.collect();
    let is_reference = url.ends_with('_') && url.starts_with('`');
    if is_reference { url } else { url.replace(' ', "") }
}

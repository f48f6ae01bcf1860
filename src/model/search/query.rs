//! What somebody asks for, in devpi-web's language (devpi-api, search), which is that of Whoosh.
//!
//! Words are all wanted; `AND`, `OR`, `NOT`, `ANDNOT`, parentheses, `'several words'` and `prefix*` say otherwise, and so
//! does `-word`. `field:value` asks for a field. The last word may be one that is still being written. Nothing is wrong:
//! what can't be an operator is a word.

use super::{quoted, words};
use crate::model::name::ProjectName;
use std::{iter::Peekable, str::Chars};

/// Longest name that is compared with others.
const LONGEST_NAME: usize = 100;

/// A question, ready to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The text form of a `tsquery`; `None`: it asks for nothing.
    pub lexemes: Option<String>,
    /// The name of a project that it may mean, perhaps misspelled, normalised; of plain words only.
    pub name: Option<String>,
    /// The words that are wanted, or their beginnings.
    pub words: Vec<String>,
}

/// How deep operators are nested, of the 32 levels that PostgreSQL reads.
const DEPTH: usize = 12;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// Words that stand side by side, of which the last may go on.
    Words(String, bool),
    /// A field, its value, and whether that may go on.
    Field(&'static str, String, bool),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
}

const FIELDS: [&str; 7] = ["name", "path", "type", "user", "index", "classifiers", "keywords"];

impl Query {
    /// Reads a question.
    pub fn parse(text: &str) -> Self {
        let mut parser = Parser { tokens: tokens(text).into_iter().peekable() };
        let mut node = parser.all();
        if text.ends_with(char::is_alphanumeric) {
            node.go_on();
        }
        let mut query = Self::of(&node);
        query.name = node.name();
        query
    }

    /// What XML-RPC's `search` asks for: projects with any of these words in their names, and, or else or, any of those
    /// in their summaries (devpi-web: `_querystring`). Where a list is empty, the other decides alone.
    pub fn of_projects(names: &[String], summaries: &[String], both: bool) -> Self {
        let group = |kind: &str, texts: &[String]| {
            let words = texts.iter().map(|text| Node::Words(text.clone(), true)).collect();
            Node::And(vec![Node::Field("type", kind.to_owned(), false), Node::Or(words)])
        };
        let groups = [("project", names), ("summary", summaries)];
        let groups = groups.into_iter().filter(|(_, texts)| !texts.is_empty());
        let groups = groups.map(|(kind, texts)| group(kind, texts)).collect();
        let mut query = Self::of(&if both { Node::And(groups) } else { Node::Or(groups) });
        let name = names.first().map(|name| Node::Words(name.clone(), true));
        query.name = name.filter(|_| !both).and_then(|name| name.name());
        query
    }

    fn of(node: &Node) -> Self {
        let mut found = Vec::new();
        node.wanted(&mut found);
        Self { lexemes: node.lexemes("", DEPTH), name: None, words: found }
    }
}

impl Node {
    /// Takes the last word for the beginning of one.
    fn go_on(&mut self) {
        match self {
            Self::Words(_, prefix) => *prefix = true,
            Self::And(nodes) | Self::Or(nodes) => {
                nodes.last_mut().into_iter().for_each(Self::go_on);
            }
            Self::Field(..) | Self::Not(_) => {}
        }
    }

    fn name(&self) -> Option<String> {
        let nodes = match self {
            Self::And(nodes) => nodes.as_slice(),
            node => std::slice::from_ref(node),
        };
        let texts = nodes.iter().map(|node| match node {
            Self::Words(text, _) => Some(text.as_str()),
            _ => None,
        });
        let name = words(&texts.collect::<Option<Vec<_>>>()?.join(" ")).collect::<Vec<_>>().join("-");
        (!name.is_empty() && name.len() <= LONGEST_NAME).then_some(name)
    }

    fn wanted(&self, found: &mut Vec<String>) {
        match self {
            Self::Words(text, _) => found.extend(words(text)),
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().for_each(|node| node.wanted(found)),
            Self::Field(..) | Self::Not(_) => {}
        }
    }

    /// The `tsquery`, with words only of texts of these weights, or with `""` of all.
    ///
    /// What is nested deeper than this is left out.
    fn lexemes(&self, weights: &str, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        match self {
            Self::Words(text, prefix) => {
                let words: Vec<_> = words(text).collect();
                let last = words.len().checked_sub(1)?;
                let lexemes = words.iter().enumerate().map(|(at, word)| {
                    let star = if *prefix && at == last { "*" } else { "" };
                    let colon = if star.is_empty() && weights.is_empty() { "" } else { ":" };
                    format!("{}{colon}{star}{weights}", quoted(word))
                });
                let lexemes = lexemes.collect::<Vec<_>>().join(" <-> ");
                Some(if last == 0 { lexemes } else { format!("({lexemes})") })
            }
            Self::Field(field, value, prefix) => {
                let value = match *field {
                    "name" => ProjectName::normalize(value),
                    "type" => kind(value).0.to_owned(),
                    "path" if !value.starts_with('/') => format!("/{value}"),
                    "user" | "index" | "path" => value.clone(),
                    _ => value.to_lowercase(),
                };
                Some(format!("{}{}", quoted(&format!("@{field}:{value}")), if *prefix { ":*" } else { "" }))
            }
            // A type goes with the words that it stands beside: they are to be in texts of that type.
            Self::And(nodes) => {
                let own = nodes.iter().find_map(|node| match node {
                    Self::Field("type", value, _) => Some(kind(value).1),
                    _ => None,
                });
                joined(nodes, " & ", own.unwrap_or(weights), depth)
            }
            Self::Or(nodes) => joined(nodes, " | ", weights, depth),
            Self::Not(node) => match &**node {
                Self::Not(twice) => twice.lexemes(weights, depth),
                node => Some(format!("!{}", node.lexemes(weights, depth)?)),
            },
        }
    }
}

fn joined(nodes: &[Node], operator: &str, weights: &str, depth: usize) -> Option<String> {
    let lexemes: Vec<_> = nodes.iter().filter_map(|node| node.lexemes(weights, depth)).collect();
    match lexemes.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", lexemes.join(operator))),
    }
}

/// In which documents texts of devpi-web's type stand, and with which weight.
fn kind(name: &str) -> (&str, &'static str) {
    match name {
        "project" => ("project", "A"),
        "summary" => ("project", "B"),
        "keywords" | "author" | "author_email" => ("project", "C"),
        "description" => ("project", "D"),
        "title" => ("page", "A"),
        "page" => ("page", ""),
        unknown => (unknown, ""),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    /// `ANDMAYBE`: what follows need not be there.
    Maybe,
    Term(Node),
}

fn tokens(text: &str) -> Vec<Token> {
    let (mut tokens, mut chars) = (Vec::new(), text.chars().peekable());
    while let Some(&c) = chars.peek() {
        match c {
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '-' => tokens.push(Token::Not),
            c if c.is_whitespace() => {}
            _ => {
                match term(&mut chars) {
                    Node::Words(word, false) if word == "AND" => tokens.push(Token::And),
                    Node::Words(word, false) if word == "OR" => tokens.push(Token::Or),
                    Node::Words(word, false) if word == "NOT" => tokens.push(Token::Not),
                    Node::Words(word, false) if word == "ANDNOT" => tokens.extend([Token::And, Token::Not]),
                    Node::Words(word, false) if word == "ANDMAYBE" => tokens.push(Token::Maybe),
                    term => tokens.push(Token::Term(term)),
                }
                continue;
            }
        }
        chars.next();
    }
    tokens
}

/// A word, a text in quotes, or a field with one of both.
fn term(chars: &mut Peekable<Chars<'_>>) -> Node {
    let mut field = None;
    let mut word = String::new();
    while let Some(&c) = chars.peek() {
        match c {
            '\'' | '"' if word.is_empty() => {
                chars.next();
                let text: String = chars.by_ref().take_while(|&other| other != c).collect();
                // Not to be taken for an operator.
                return field.map_or_else(
                    || Node::And(vec![Node::Words(text.clone(), false)]),
                    |field| Node::Field(field, text.clone(), false),
                );
            }
            ':' if field.is_none() && FIELDS.contains(&word.as_str()) => {
                field = FIELDS.into_iter().find(|field| *field == word);
                word.clear();
            }
            c if c.is_whitespace() || "()".contains(c) => break,
            c => word.push(c),
        }
        chars.next();
    }
    // Whoosh's boost, which only changes the order.
    if let Some((kept, boost)) = word.rsplit_once('^')
        && boost.parse::<f32>().is_ok()
    {
        word = kept.to_owned();
    }
    let prefix = word.ends_with('*');
    let word = word.trim_end_matches('*').to_owned();
    match field {
        Some(field) => Node::Field(field, word, prefix),
        None if word.is_empty() && prefix => Node::Field("type", String::new(), true),
        None => Node::Words(word, prefix),
    }
}

struct Parser {
    tokens: Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn all(&mut self) -> Node {
        let mut nodes = vec![self.any()];
        // What stands behind a parenthesis that closes nothing.
        while self.tokens.next().is_some() {
            nodes.push(self.any());
        }
        if nodes.len() == 1 { nodes.remove(0) } else { Node::And(nodes) }
    }

    fn any(&mut self) -> Node {
        let mut nodes = vec![self.each()];
        while self.tokens.next_if_eq(&Token::Or).is_some() {
            nodes.push(self.each());
        }
        if nodes.len() == 1 { nodes.remove(0) } else { Node::Or(nodes) }
    }

    fn each(&mut self) -> Node {
        let mut nodes = Vec::new();
        loop {
            match self.tokens.peek() {
                None | Some(Token::Close | Token::Or) => break,
                Some(Token::And) => drop(self.tokens.next()),
                Some(Token::Maybe) => {
                    self.tokens.next();
                    self.one();
                }
                Some(_) => nodes.extend(self.one()),
            }
        }
        Node::And(nodes)
    }

    fn one(&mut self) -> Option<Node> {
        match self.tokens.peek()? {
            Token::Open => {
                self.tokens.next();
                let node = self.any();
                self.tokens.next_if_eq(&Token::Close);
                Some(node)
            }
            Token::Not => {
                self.tokens.next();
                self.one().map(|node| Node::Not(Box::new(node)))
            }
            Token::Term(_) => match self.tokens.next() {
                Some(Token::Term(node)) => Some(node),
                _ => None,
            },
            Token::Close | Token::And | Token::Or | Token::Maybe => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexemes(text: &str) -> String {
        Query::parse(text).lexemes.unwrap_or_default()
    }

    #[test]
    fn a_question_becomes_a_query() {
        for (text, expected) in [
            ("", ""),
            ("  --- ", ""),
            ("web", "'web':*"),
            ("Web Frame", "('web' & 'frame':*)"),
            ("web frame ", "('web' & 'frame')"),
            ("web AND frame.", "('web' & 'frame')"),
            ("hello-world", "('hello' <-> 'world':*)"),
            ("'hello world' x.", "(('hello' <-> 'world') & 'x')"),
            ("\"AND\" x.", "('and' & 'x')"),
            ("'open", "'open':*"),
            ("it's.", "('it' <-> 's')"),
            ("web* frame.", "('web':* & 'frame')"),
            ("a b OR c.", "(('a' & 'b') | 'c')"),
            ("a (b OR c)", "('a' & ('b' | 'c'))"),
            ("a NOT b.", "('a' & !'b')"),
            ("a -b.", "('a' & !'b')"),
            ("a ANDNOT (b c)", "('a' & !('b' & 'c'))"),
            ("a ANDMAYBE b.", "'a'"),
            ("web^2.5 x.", "('web' & 'x')"),
            ("AND OR NOT", ""),
            (") a ( b.", "('a' & 'b')"),
            ("*", "'@type:':*"),
            ("name:Hello_World", "'@name:hello-world'"),
            ("name:hello*", "'@name:hello':*"),
            ("path:/alice/*", "'@path:/alice/':*"),
            ("path:alice/dev/x", "'@path:/alice/dev/x'"),
            ("user:alice index:dev a.", "('@user:alice' & '@index:dev' & 'a')"),
            ("classifiers:'Topic :: O\\x'", "'@classifiers:topic :: o\\\\x'"),
            ("keywords:Web", "'@keywords:web'"),
            ("type:summary web.", "('@type:project' & 'web':B)"),
            ("type:summary (a OR b-c)", "('@type:project' & ('a':B | ('b':B <-> 'c':B)))"),
            ("a (type:page b.)", "('a' & ('@type:page' & 'b'))"),
            ("foo:bar.", "('foo' <-> 'bar')"),
        ] {
            assert_eq!(lexemes(text), expected, "{text}");
        }
    }

    #[test]
    fn plain_words_may_be_a_name() {
        for (text, expected) in [
            ("Hello World", Some("hello-world")),
            ("hello_world", Some("hello-world")),
            ("'hello world'", None),
            ("hello OR world", None),
            ("name:hello", None),
            ("", None),
        ] {
            assert_eq!(Query::parse(text).name.as_deref(), expected, "{text}");
        }
        assert_eq!(Query::parse("a -b 'c d' name:e f-g").words, ["a", "c", "d", "f", "g"]);
    }

    #[test]
    fn projects_are_asked_for_by_name_and_summary() {
        let ask = |names: &[&str], summaries: &[&str], both| {
            let lists =
                [names, summaries].map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>());
            let query = Query::of_projects(&lists[0], &lists[1], both);
            (query.lexemes.unwrap_or_default(), query.name)
        };
        assert_eq!(
            ask(&["web", "x"], &["web"], false).0,
            "(('@type:project' & ('web':*A | 'x':*A)) | ('@type:project' & 'web':*B))"
        );
        assert_eq!(
            ask(&["web"], &["a"], true).0,
            "(('@type:project' & 'web':*A) & ('@type:project' & 'a':*B))"
        );
        assert_eq!(
            ask(&["We.b"], &[], false),
            ("('@type:project' & ('we':A <-> 'b':*A))".into(), Some("we-b".into()))
        );
        assert_eq!(ask(&[], &[], false), (String::new(), None));
    }
}

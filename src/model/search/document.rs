//! What is known of a project, and of a page of its documentation.

use super::{Page, clipped, quoted, words};
use crate::model::name::{IndexName, ProjectName};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How much of a description or a page is searched, in bytes. Its words must fit into a `tsvector`, a mebibyte.
const BODY: usize = 64 << 10;

/// How much of any other text is, in bytes.
const LINE: usize = 4 << 10;

/// How many classifiers and how many keywords count.
const MOST_VALUES: usize = 200;

/// Longest value of a field, in bytes; PostgreSQL takes 2046.
const LONGEST_VALUE: usize = 1000;

/// PostgreSQL's bounds: the highest place of a word, and (less than) how many places one may have.
const LAST_PLACE: usize = 16_383;
const MOST_PLACES: usize = 200;

/// Places between two texts, so that no phrase begins in one and ends in the next.
const GAP: usize = 10;

/// A document as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `project` or `page`.
    pub kind: &'static str,
    /// Of a page, its path in the documentation; else empty.
    pub path: String,
    pub title: String,
    pub version: String,
    pub summary: String,
    pub body: String,
    /// The text form of a `tsvector`.
    pub lexemes: String,
}

/// A project at its latest version, if it has one, as its version data tell (devpi-web: the same texts).
pub fn project(
    index: &IndexName,
    name: &ProjectName,
    version: Option<&str>,
    metadata: &Map<String, Value>,
) -> Document {
    let text = |key: &str, most| clipped(metadata.get(key).and_then(Value::as_str).unwrap_or_default(), most);
    let spelled = match text("name", LINE) {
        "" => name.as_str(),
        spelled => spelled,
    };
    let keywords = text("keywords", LINE);
    let mut lexemes = Lexemes::of(index, name, "project");
    lexemes.text(name.as_str(), 'A');
    lexemes.text(text("summary", LINE), 'B');
    for key in ["keywords", "author", "author_email"] {
        lexemes.text(text(key, LINE), 'C');
    }
    lexemes.text(text("description", BODY), 'D');
    let classifiers = metadata.get("classifiers").and_then(Value::as_array).into_iter().flatten();
    for classifier in classifiers.filter_map(Value::as_str).take(MOST_VALUES) {
        lexemes.field("classifiers", &classifier.to_lowercase());
    }
    let keywords = keywords.split([',', ' ', ';']).filter(|keyword| !keyword.is_empty());
    for keyword in keywords.take(MOST_VALUES) {
        lexemes.field("keywords", &keyword.to_lowercase());
    }
    Document {
        kind: "project",
        path: String::new(),
        title: spelled.to_owned(),
        version: version.unwrap_or_default().to_owned(),
        summary: without_nul(text("summary", LINE)),
        body: without_nul(text("description", BODY)),
        lexemes: lexemes.finish(),
    }
}

/// A page of the documentation of a release.
pub fn page(index: &IndexName, name: &ProjectName, version: &str, page: &Page) -> Document {
    let (title, body) = (clipped(&page.title, LINE), clipped(&page.text, BODY));
    let mut lexemes = Lexemes::of(index, name, "page");
    lexemes.text(title, 'A');
    lexemes.text(body, 'D');
    Document {
        kind: "page",
        path: page.path.clone(),
        title: without_nul(title),
        version: version.to_owned(),
        summary: String::new(),
        body: without_nul(body),
        lexemes: lexemes.finish(),
    }
}

/// PostgreSQL's text holds no NUL.
fn without_nul(text: &str) -> String {
    text.replace('\0', " ")
}

/// A `tsvector` that is being made.
#[derive(Default)]
struct Lexemes {
    words: BTreeMap<String, Vec<String>>,
    fields: BTreeSet<String>,
    place: usize,
}

impl Lexemes {
    /// The fields that each document of a project has.
    fn of(index: &IndexName, name: &ProjectName, kind: &str) -> Self {
        let mut lexemes = Self::default();
        lexemes.field("name", name.as_str());
        lexemes.field("user", index.user.as_str());
        lexemes.field("index", &index.index);
        lexemes.field("path", &format!("/{index}/{name}"));
        lexemes.field("type", kind);
        lexemes
    }

    fn field(&mut self, field: &str, value: &str) {
        self.fields.insert(format!("@{field}:{}", without_nul(clipped(value, LONGEST_VALUE))));
    }

    fn text(&mut self, text: &str, weight: char) {
        for word in words(text) {
            self.place = (self.place + 1).min(LAST_PLACE);
            let places = self.words.entry(word).or_default();
            if places.len() < MOST_PLACES {
                places.push(format!("{}{weight}", self.place));
            }
        }
        self.place += GAP;
    }

    fn finish(self) -> String {
        let fields = self.fields.iter().map(|field| quoted(field));
        let words = self.words.iter().map(|(word, places)| format!("{}:{}", quoted(word), places.join(",")));
        fields.chain(words).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_project_is_found_by_its_texts_and_its_fields() {
        let metadata = json!({
            "name": "Hello.World", "summary": "It's a greeting", "keywords": "hi, Ho",
            "classifiers": ["Topic :: O'Clock"], "description": "hello \u{0} Ä",
        });
        let index = "alice/dev".parse().unwrap();
        let name = ProjectName::parse("Hello.World").unwrap();
        let document = project(&index, &name, Some("1.0"), metadata.as_object().unwrap());
        assert_eq!(
            (document.title.as_str(), document.version.as_str(), document.summary.as_str()),
            ("Hello.World", "1.0", "It's a greeting")
        );
        assert_eq!(document.body, "hello   Ä");
        assert_eq!(
            document.lexemes,
            "'@classifiers:topic :: o''clock' '@index:dev' '@keywords:hi' '@keywords:ho' '@name:hello-world' \
             '@path:/alice/dev/hello-world' '@type:project' '@user:alice' 'a':15B 'greeting':16B 'hello':1A,59D \
             'hi':27C 'ho':28C 'it':13B 's':14B 'world':2A 'ä':60D"
        );
    }

    #[test]
    fn whatever_a_text_holds_postgresql_can_keep_it() {
        let numbers: Vec<_> = (0..60_000).map(|number| format!("{number:x} same")).collect();
        let text = numbers.join(" ") + &"x".repeat(5000);
        let metadata = json!({"description": text, "keywords": "k ".repeat(9000), "classifiers": [&text]});
        let (index, name) = ("alice/dev".parse().unwrap(), ProjectName::parse("p").unwrap());
        let document = project(&index, &name, None, metadata.as_object().unwrap());
        assert!(document.lexemes.len() < 512 << 10, "{}", document.lexemes.len());
        let longest =
            document.lexemes.split(' ').filter_map(|lexeme| lexeme.split_once("':")).map(|it| it.0.len());
        assert!(longest.max() <= Some(LONGEST_VALUE + 20));
        assert!(document.lexemes.matches("D,").count() + 10 > MOST_PLACES);
    }
}

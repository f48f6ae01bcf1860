//! The search: what is known of a document, and what a question asks for.
//!
//! Both are texts of PostgreSQL's own types, made here and not by its parsers: what is a word does not depend on the
//! settings of a database. A document is a `tsvector`. Its words stand in it in lower case, with their place and the
//! weight of the text they are from; what else may be asked for stands there as `@field:value`, which no word can be the
//! beginning of. So a question, with all its fields and operators, is one `tsquery`.

mod document;
mod html;
mod query;
mod snippet;

pub use document::{Document, page, project};
pub use html::Page;
pub use query::Query;
pub use snippet::{marked, snippet};

/// Longest word, in bytes; what is longer is no word of a language.
const LONGEST_WORD: usize = 200;

/// The words of a text, in lower case: letters and digits, between whatever else.
fn words(text: &str) -> impl Iterator<Item = String> {
    let words =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| (1..=LONGEST_WORD).contains(&word.len()));
    words.map(str::to_lowercase)
}

/// A word or a field as both types write it.
fn quoted(lexeme: &str) -> String {
    format!("'{}'", lexeme.replace('\\', "\\\\").replace('\'', "''"))
}

/// At most so many bytes from the beginning of a text.
fn clipped(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}

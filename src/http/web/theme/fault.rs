//! What is broken in a template, and where.

use minijinja::Error;
use serde::Serialize;
use std::error::Error as _;

/// Lines that are shown before and after the one that is wrong.
const AROUND: usize = 3;

/// A template that does not make its page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    pub template: String,
    /// From 1; 0 where it is not known.
    pub line: usize,
    pub message: String,
    /// What stands there.
    pub excerpt: Vec<Line>,
}

/// A line of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub number: usize,
    pub text: String,
    pub is_wrong: bool,
}

impl Fault {
    /// From the innermost error that has a place: one that includes a broken template is not broken itself.
    pub fn new<'a>(template: &str, error: &Error, source: impl Fn(&str) -> Option<&'a str>) -> Self {
        let (mut innermost, mut next) = (error, error.source());
        while let Some(cause) = next {
            if let Some(cause) = cause.downcast_ref::<Error>().filter(|cause| cause.name().is_some()) {
                innermost = cause;
            }
            next = cause.source();
        }
        let template = innermost.name().unwrap_or(template).to_owned();
        let line = innermost.line().unwrap_or(0);
        let message = match innermost.detail() {
            Some(detail) => format!("{}: {detail}", innermost.kind()),
            None => innermost.kind().to_string(),
        };
        let lines = source(&template).unwrap_or_default().lines().enumerate().map(|(at, text)| Line {
            number: at + 1,
            text: text.to_owned(),
            is_wrong: at + 1 == line,
        });
        let excerpt = lines.filter(|it| line > 0 && it.number.abs_diff(line) <= AROUND).collect();
        Self { template, line, message, excerpt }
    }
}

//! Pages as a person sees them.

mod browser;
mod changelog;
mod contexts;
mod diagram;
mod documentation_frame;
mod headers;
mod hostile;
mod indexes;
mod live;
mod manage;
mod releases;
mod search;
mod session;
mod status;
mod theme;
mod upload;
mod visitor;
mod webhooks;
mod world;

use crate::harness::{Client, Reply};
use regex::Regex;

/// The page at a path, which must be there.
async fn page(client: &Client, path: &str) -> String {
    let reply = client.get_with(path, &[("accept", "text/html")]).await.expect(200);
    assert!(reply.header("content-type").starts_with("text/html"), "{reply}");
    plain(&reply)
}

/// HTML with its slashes as they are, which the templates escape.
fn plain(reply: &Reply) -> String {
    reply.text().replace("&#x2f;", "/").replace("&#x27;", "'")
}

/// What stands on a page: its text without tags, with one space between words.
fn seen(html: &str) -> String {
    let text = Regex::new(r"(?s)<[^>]*>").unwrap().replace_all(html, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Fails unless these stand on the page in this order.
#[track_caller]
fn in_order(text: &str, expected: &[&str]) {
    let mut rest = text;
    for part in expected {
        let at = rest.find(part).unwrap_or_else(|| panic!("no {part:?}, or not in order, in {text}"));
        rest = &rest[at + part.len()..];
    }
}

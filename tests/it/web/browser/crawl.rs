//! Every link leads somewhere.

use crate::{
    harness::Client,
    web::world::{Company, company},
};
use html5gum::{Token, Tokenizer};
use std::collections::{BTreeSet, VecDeque};
use url::Url;

/// Pages and files that are asked for at most.
const MOST: usize = 1500;

/// Links of a page to the same server: what `a`, `link`, `img`, `script`, `iframe` and forms that read lead to.
fn links(page: &Url, html: &str) -> Vec<Url> {
    let mut found = Vec::new();
    for token in Tokenizer::new(html) {
        let Ok(Token::StartTag(tag)) = token else { continue };
        let attribute = |name: &str| {
            let value = tag.attributes.get(name.as_bytes())?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let posts = attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
        for name in ["href", "src", "action"] {
            let target = attribute(name).filter(|_| !(name == "action" && posts));
            found.extend(target.and_then(|target| page.join(&target).ok()));
        }
    }
    found.retain(|url| url.origin() == page.origin());
    found
}

/// Walks from the root, and returns what failed, each with the page that links to it.
async fn dead_links(server: &str, reader: &Client) -> (usize, Vec<String>) {
    let root = Url::parse(&format!("{server}/")).unwrap();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut waiting = VecDeque::from([(root.clone(), "the start".to_owned())]);
    let mut dead = Vec::new();
    while let Some((mut url, from)) = waiting.pop_front() {
        url.set_fragment(None);
        // The login page keeps where one came from, which makes no other page of it.
        if url.path() == "/+login" {
            url.set_query(None);
        }
        // Another wheelyard would ask for these; they never end.
        if url.path().ends_with("/+events") || !seen.insert(url.to_string()) || seen.len() > MOST {
            continue;
        }
        let path = &url.as_str()[root.as_str().len()..];
        let reply = reader.get_with(path, &[("accept", "text/html,*/*;q=0.8")]).await;
        let next = match reply.status {
            300..400 => url.join(reply.header("location")).into_iter().collect(),
            200 if is_ours(&url) && reply.header("content-type").starts_with("text/html") => {
                links(&url, &reply.text())
            }
            200..300 => Vec::new(),
            status => {
                dead.push(format!("{status} {url} from {from}"));
                Vec::new()
            }
        };
        waiting.extend(
            next.into_iter()
                .filter(|next| next.origin() == root.origin())
                .map(|next| (next, url.to_string())),
        );
    }
    (seen.len(), dead)
}

/// What a documentation links to is its author's affair.
fn is_ours(url: &Url) -> bool {
    !url.path().contains("/+doc/")
}

#[tokio::test]
async fn every_link_from_the_root_leads_somewhere_for_everybody() {
    let Company { server, .. } = &company().await;
    for (who, reader) in
        [("nobody", server.anonymous()), ("platform", server.login("platform")), ("root", server.root())]
    {
        let (count, dead) = dead_links(&server.url, &reader).await;
        assert!(count > 5 && count < MOST, "{who} saw {count} pages");
        assert!(dead.is_empty(), "{who}: {}", dead.join("\n"));
    }
}

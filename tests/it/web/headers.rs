//! What browsers are told to refuse, on every answer that they show.

use super::world::{Company, company};
use regex::Regex;
use std::{fs, path::Path};

/// Pages of every kind, by who asks.
const ANSWERS: &[(&str, &str, u16)] = &[
    ("", "/", 200),
    ("", "/platform/stable", 200),
    ("", "/platform", 200),
    ("", "/+search?query=logging", 200),
    ("", "/+status", 200),
    ("", "/+login", 200),
    ("", "/platform/stable/+changelog", 200),
    ("", "/platform/stable/acme-logging/2.4.1/+doc/index.html", 200),
    ("", "/platform/stable/+simple/", 200),
    ("", "/platform/stable/+simple/acme-logging/", 200),
    ("", "/platform/nothing", 404),
    ("", "/platform/stable/+nothing/here", 404),
    ("", "/research/vault", 401),
    ("", "/platform/sta%00ble", 400),
    ("alice", "/research/vault", 403),
    ("root", "/+theme", 200),
];

#[tokio::test]
async fn every_page_refuses_what_it_has_not_itself() {
    let Company { server, .. } = &company().await;
    for (who, path, status) in ANSWERS {
        let reader = match *who {
            "" => server.anonymous(),
            "root" => server.root(),
            user => server.login(user),
        };
        let reply = reader.get_with(&path[1..], &[("accept", "text/html")]).await;
        assert_eq!(reply.status, *status, "{path}: {reply}");
        assert!(
            reply.header("content-type").starts_with("text/html"),
            "{path}: {}",
            reply.header("content-type")
        );
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        let policy = reply.header("content-security-policy");
        if path.contains("/+doc/") {
            assert!(policy.starts_with("sandbox "), "{path}: {policy}");
            assert!(!policy.contains("allow-same-origin"), "{path}: {policy}");
            continue;
        }
        for words in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
        {
            assert!(policy.contains(words), "{path}: no {words} in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(reply.header("referrer-policy"), "same-origin", "{path}");
    }
}

#[tokio::test]
async fn a_browser_gets_the_page_that_leads_to_the_login_and_all_others_a_challenge() {
    let Company { server, .. } = &company().await;
    let html = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let browser = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    for (headers, scheme) in [
        (&[html, browser][..], "Cookie"),
        (&[html], "Basic"),
        (&[browser], "Basic"),
        (&[("accept", "application/json"), browser], "Basic"),
    ] {
        let reply = server.anonymous().get_with("research/vault", headers).await.expect(401);
        assert_eq!(reply.header("www-authenticate"), format!("{scheme} realm=\"pypi\""), "{headers:?}");
    }
}

/// What the policy would block does not stand in a template either.
#[test]
fn no_template_has_anything_inline() {
    let inline = Regex::new(
        r"(?i)\sstyle\s*=|<style|\son[a-z]+\s*=|javascript:|<script(?:\s+(?:defer|async))*\s*>|http-equiv",
    )
    .unwrap();
    let mut wrong = Vec::new();
    for folder in ["src/http/web/templates", "docs/themes/acme/templates"] {
        for (name, source) in templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
            wrong.extend(inline.find_iter(&source).map(|found| format!("{name}: {}", found.as_str())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn templates(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| match path.is_dir() {
        true => templates(&path),
        false => vec![(path.display().to_string(), fs::read_to_string(&path).unwrap())],
    });
    found.collect()
}

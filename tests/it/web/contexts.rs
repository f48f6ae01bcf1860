//! What templates know is what `docs/themes.md` says.

use super::world::company_with;
use crate::harness::{Client, Folder};
use std::{collections::BTreeSet, fs, path::Path};

/// Each template that is a page, who sees it, and where.
const PAGES: &[(&str, &str, &str)] = &[
    ("changelog.html", "", "+changelog"),
    ("documentation.html", "", "platform/stable/acme-logging/2.4.1/+d/index.html"),
    ("error.html", "", "platform/nothing"),
    ("index.html", "", "platform/stable"),
    ("login.html", "", "+login"),
    ("manage/delete.html", "alice", "alice/dev/+delete"),
    ("manage/index.html", "alice", "alice/dev/+edit"),
    ("manage/password.html", "alice", "alice/+password"),
    ("manage/project.html", "alice", "alice/dev/acme-cli/+manage"),
    ("manage/publishers.html", "alice", "alice/dev/+publishers"),
    ("manage/release.html", "alice", "alice/dev/acme-cli/2.1.0a1/+manage"),
    ("manage/tokens.html", "alice", "alice/+tokens"),
    ("manage/upload.html", "alice", "alice/dev/+upload"),
    ("manage/user.html", "alice", "alice/+edit"),
    ("project.html", "", "platform/stable/acme-logging"),
    ("release.html", "", "platform/stable/acme-logging/2.4.1"),
    ("root.html", "", ""),
    ("search.html", "", "+search?query=x"),
    ("search_help.html", "", "+searchhelp"),
    ("status.html", "", "+status"),
    ("user.html", "", "platform"),
    ("theme.html", "root", "+theme"),
    ("webhook.html", "platform", "HOOK"),
    ("webhooks.html", "platform", "platform/staging/+webhooks"),
    ("tox_result.html", "", "TEST"),
    ("tox_results.html", "", TESTS),
];

/// The tests of a file.
const TESTS: &str = "platform/stable/acme-logging/2.4.1/+toxresults/acme_logging-2.4.1-py3-none-any.whl";

/// What every page knows.
const EVERY: &str = "What every page knows";

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rows of the table below a heading of the document.
fn rows<'a>(document: &'a str, heading: &str) -> impl Iterator<Item = &'a str> {
    let section =
        document.split("\n## ").flat_map(|part| part.split("\n### ")).flat_map(|part| part.split("\n#### "));
    let section = section.into_iter().find(|section| section.lines().next().unwrap().contains(heading));
    let section = section.unwrap_or_else(|| panic!("docs/themes.md has no section {heading}"));
    section.lines().filter(|line| line.starts_with("| `"))
}

/// The names in the first column, and of `may` each with what the second says that it holds.
fn told(document: &str, heading: &str) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for row in rows(document, heading) {
        let (names, meaning) = row.trim_start_matches("| `").split_once("` | ").unwrap();
        told.extend(names.split("`, `").map(str::to_owned));
        if names == "may" {
            told.extend(meaning.split('`').skip(1).step_by(2).map(|right| format!("may.{right}")));
        }
    }
    told
}

/// A template that tells its context, and what `may` of it holds.
const TELLING: &str = "{{ debug()|safe }}\nRights:{% for right in may or {} %} {{ right }}{% endfor %}";

/// The names that [`TELLING`] tells, those that `may` holds too.
fn known(page: &str) -> BTreeSet<String> {
    let (debug, rights) = page.rsplit_once("\nRights:").unwrap();
    let context = debug.split("\n    ctx: {\n").nth(1).unwrap().split("\n    },\n").next().unwrap();
    let names = context.lines().filter_map(|line| line.strip_prefix("        \"")?.split_once("\": "));
    let rights = rights.split_whitespace().map(|right| format!("may.{right}"));
    names.map(|(name, _)| name.to_owned()).chain(rights).collect()
}

/// The path of a result among the tests.
pub async fn test(reader: &Client) -> String {
    let release = reader.get("platform/stable/acme-logging/2.4.1").await.expect(200).result();
    let links = release["+links"].as_array().unwrap();
    let result = links.iter().find(|link| link["rel"] == "toxresult").unwrap();
    format!("{TESTS}/{}", result["href"].as_str().unwrap().rsplit('/').next().unwrap())
}

#[test]
fn every_page_has_its_place_in_the_document() {
    let templates = wheelyard::http::default_theme().filter(|(_, source)| source.starts_with(b"{% extends "));
    let names = templates.map(|(name, _)| name.trim_start_matches("templates/").to_owned());
    let untold: Vec<_> = names.filter(|name| !PAGES.iter().any(|(page, ..)| page == name)).collect();
    assert!(untold.is_empty(), "no place here: {untold:?}");
}

#[tokio::test]
async fn each_template_knows_what_the_document_says() {
    let folder = Folder::new();
    for (template, ..) in PAGES {
        folder.write(&format!("templates/{template}"), TELLING);
    }
    let company = company_with(|config| config.server.theme = Some(folder.path().to_owned())).await;
    let document = source("docs/themes.md");
    let every = told(&document, EVERY);
    let mut wrong = Vec::new();
    for (template, who, path) in PAGES {
        let reader = match *who {
            "" => company.server.anonymous(),
            "root" => company.server.root(),
            user => company.server.login(user),
        };
        let path = match *path {
            "TEST" => test(&reader).await,
            "HOOK" => company.hook[1..].to_owned(),
            path => path.to_owned(),
        };
        let page = reader.get_with(&path, &[("accept", "text/html")]).await.text();
        let known = known(&page);
        let told = told(&document, &format!("`{template}`"));
        let untold: Vec<_> =
            known.iter().filter(|name| !told.contains(*name) && !every.contains(*name)).collect();
        let false_names: Vec<_> = told.iter().filter(|name| !known.contains(*name)).collect();
        if !untold.is_empty() || !false_names.is_empty() {
            wrong.push(format!("{template}: not told {untold:?}, not there {false_names:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! The page of one version of a project.

use super::{
    Page,
    crumbs::{crumbs, project_path, version_path},
    files, install,
    listed::named,
    rights,
};
use crate::{
    error::{Error, Result},
    http::{extract::VersionPath, projects::version_data, respond::moment},
    model::{
        attachment::Rel,
        name::{IndexName, ProjectName},
        requirement::Requirement,
        version,
    },
    ops::release,
    service::Service,
};
use axum::response::Response;
use minijinja::{Value, context, value::Serde};
use serde_json::Map;
use std::collections::{BTreeMap, HashSet};

/// How many other versions are linked.
const OTHERS: usize = 8;

/// Links, classifiers and requirements that are shown at most.
const MOST_LINKS: usize = 100;
const MOST_CLASSIFIERS: usize = 200;
const MOST_REQUIREMENTS: usize = 500;

/// A license that is longer, in bytes, is folded.
const SHORT_LICENSE: usize = 100;

/// Labels of links by what projects write for them (well-known project URLs, PEP 753).
const LABELS: [(&str, &[&str]); 7] = [
    ("Homepage", &["homepage", "home"]),
    ("Source", &["source", "repository", "sourcecode", "github", "code"]),
    ("Documentation", &["documentation", "docs"]),
    ("Issues", &["issues", "bugs", "issue", "tracker", "issuetracker", "bugtracker"]),
    ("Changelog", &["changelog", "changes", "whatsnew", "history"]),
    ("Release notes", &["releasenotes"]),
    ("Funding", &["funding", "sponsor", "donate", "donation"]),
];

/// From what `GET /{user}/{index}/{project}/{version}` says as JSON.
pub(in crate::http) fn release(
    service: &Service,
    page: &Page,
    path: &VersionPath,
    found: release::Page,
) -> Result<Response> {
    let VersionPath { index: asked, project, .. } = path;
    let index = found.scope.order.iter().find(|index| index.name == *asked);
    let index = index.ok_or_else(|| Error::NoSuchIndex(asked.to_string()))?;
    let shown = found.version.version.clone();
    let own_path = version_path(asked, project, &shown);
    let release::Page { version: of, versions, metadata, .. } = &found;
    let own_files = files::of_release(&of.first);
    let text = |key: &str| metadata.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().trim();
    let requires_python = Some(text("requires_python")).filter(|text| !text.is_empty());
    let requires_python =
        requires_python.or_else(|| own_files.iter().find_map(|file| file.requires_python.as_deref()));
    let newest = versions.iter().find(|version| version::is_stable(version)).or(versions.first());
    let newer = newest.filter(|newest| version::sort_key(newest) > version::sort_key(&shown));
    let others: Vec<_> = versions
        .iter()
        .take(OTHERS)
        .map(|other| {
            context! {
                version => other.as_str(),
                path => version_path(asked, project, other),
                is_shown => *other == shown,
            }
        })
        .collect();
    let requirement = format!("{project}=={shown}");
    let (links, more_links) = links(metadata);
    let more = |key: &str, most: usize| list(metadata, key).len().saturating_sub(most);
    let segments = [asked.user.as_str(), asked.index.as_str(), project.as_str(), &shown];
    let has_docs = files::attached(&of.first, Rel::DocZip).next().is_some();
    let context = context! {
        title => format!("{project} {shown}"),
        crumbs => crumbs(&segments, &[]),
        name => project.as_str(),
        version => shown.as_str(),
        path => own_path.as_str(),
        project_path => project_path(asked, project),
        summary => text("summary"),
        index => named(index),
        home => named(&of.first.index),
        is_prerelease => !version::is_stable(&shown),
        is_known => found.is_known,
        yanked => files::yanked(&own_files),
        status => Serde(&found.status),
        newer => newer.map(|newer| context! { version => newer.as_str(), path => version_path(asked, project, newer) }),
        others,
        total => versions.len(),
        shadowing => of.shadowing.iter().map(|release| context! {
            index => named(&release.index),
            path => version_path(&release.index.name, project, &shown),
            files => files::of_release(release).len(),
        }).collect::<Vec<_>>(),
        description => found.description.as_deref().map(|it| context! { html => it.html.as_str(), notice => it.notice }),
        documentation => has_docs.then(|| format!("{}/+d/", version_path(&of.first.index.name, project, &shown))),
        files => files::table(&found, project, &own_path),
        uploaded_at => own_files.iter().filter_map(|file| file.uploaded_at).max().map(moment),
        requires_python,
        people => people(metadata),
        license => license(metadata),
        keywords => texts(&keywords(text("keywords"))),
        links,
        more_links,
        classifiers => classifiers(metadata),
        more_classifiers => more("classifiers", MOST_CLASSIFIERS),
        requirements => requirements(metadata, asked),
        more_requirements => more("requires_dist", MOST_REQUIREMENTS),
        extras => texts(&list(metadata, "provides_extras")),
        install => install::lines(page, asked, &requirement, &found.scope.order),
        may => rights::on_project(service, &page.caller, index, project),
    };
    let context = context! { data => Serde(version_data(found.version, &page.root)), ..context };
    page.render(service, "release.html", context)
}

fn list<'a>(metadata: &'a Map<String, serde_json::Value>, key: &str) -> Vec<&'a str> {
    let all = metadata.get(key).and_then(serde_json::Value::as_array).into_iter().flatten();
    all.filter_map(serde_json::Value::as_str).collect()
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

/// Author and maintainer, with their addresses.
fn people(metadata: &Map<String, serde_json::Value>) -> Vec<Value> {
    let text = |key: &str| metadata.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().trim();
    let people = [("Author", "author", "author_email"), ("Maintainer", "maintainer", "maintainer_email")];
    let people = people.into_iter().filter_map(|(label, name, address)| {
        let (name, address) = (text(name), text(address));
        let shown = match (name, address) {
            ("", "") => return None,
            ("", one) | (one, "") => one.to_owned(),
            // The address has the name already (Core metadata specifications, Author-email).
            (_, address) if address.contains('<') => address.to_owned(),
            (name, address) => format!("{name} <{address}>"),
        };
        Some(context! { label, text => shown })
    });
    people.collect()
}

fn license(metadata: &Map<String, serde_json::Value>) -> Option<Value> {
    let text = |key: &str| metadata.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().trim();
    let stated = [text("license_expression"), text("license")].into_iter().find(|text| !text.is_empty())?;
    let is_short = stated.len() <= SHORT_LICENSE && !stated.contains('\n');
    Some(context! { text => stated, is_short })
}

/// Divided by commas, or else by spaces.
fn keywords(text: &str) -> Vec<&str> {
    let divided: Vec<_> = match text.contains(',') {
        true => text.split(',').map(str::trim).collect(),
        false => text.split_whitespace().collect(),
    };
    divided.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Links to the web, those with the same address once, and how many more there are.
fn links(metadata: &Map<String, serde_json::Value>) -> (Vec<Value>, usize) {
    let text = |key: &str| metadata.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let stated = list(metadata, "project_urls").into_iter().map(|line| match line.split_once(',') {
        Some((label, url)) => (label.trim(), url.trim()),
        None => ("Link", line.trim()),
    });
    let others = [("Homepage", text("home_page").trim()), ("Download", text("download_url").trim())];
    let mut seen: HashSet<&str> = HashSet::new();
    let mut links = Vec::new();
    for (label, url) in stated.chain(others) {
        if files::web_url(url).is_none()
            || !seen.insert(url.trim_end_matches('/'))
            || links.len() == MOST_LINKS
        {
            continue;
        }
        let plain: String =
            label.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let known = LABELS.iter().find(|(_, written)| written.contains(&plain.as_str()));
        links.push(context! { label => known.map_or(label, |(known, _)| known), url });
    }
    let more = seen.len() - links.len();
    (links, more)
}

/// By their first part.
fn classifiers(metadata: &Map<String, serde_json::Value>) -> Vec<Value> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for classifier in list(metadata, "classifiers").into_iter().take(MOST_CLASSIFIERS) {
        let (group, rest) = classifier.split_once(" :: ").unwrap_or(("Other", classifier));
        groups.entry(group).or_default().push(rest);
    }
    groups.into_iter().map(|(name, entries)| context! { name, entries => texts(&entries) }).collect()
}

/// By the extra that asks for them, those of the release itself first.
fn requirements(metadata: &Map<String, serde_json::Value>, index: &IndexName) -> Vec<Value> {
    let mut groups: BTreeMap<Option<String>, Vec<Value>> = BTreeMap::new();
    for line in list(metadata, "requires_dist").into_iter().take(MOST_REQUIREMENTS) {
        let read = Requirement::read(line);
        let path = read.project.as_ref().map(|project: &ProjectName| project_path(index, project));
        let entry = context! { name => read.name, path, wanted => read.wanted, marker => read.marker };
        groups.entry(read.extra).or_default().push(entry);
    }
    groups.into_iter().map(|(extra, entries)| context! { extra, entries }).collect()
}

//! Files of a release, as its page shows them.

use crate::{
    http::respond::moment,
    model::{
        attachment::{Attachment, Rel},
        file,
        filename::{self, Distribution, Kind},
        link::CoreMetadata,
        name::{ProjectName, encode},
        page::PageFile,
        tox_run::ToxRun,
    },
    ops::{
        projects::{IndexRelease, Linked},
        release,
    },
};
use minijinja::{Value, context};
use std::{collections::HashMap, sync::Arc};

/// Tox results that are shown beside a file, the newest ones.
const MOST_TESTS: usize = 8;

/// The distribution files of a release.
pub(super) fn of_release(release: &IndexRelease) -> Vec<PageFile> {
    let files = release.files.iter().filter_map(|linked| match linked {
        Linked::File(file) => Some(PageFile::of_stage(file)),
        Linked::Link(index, link) => Some(PageFile::of_mirror(index, link)),
        Linked::Attachment(_) => None,
    });
    files.collect()
}

/// What is attached to a release.
pub(super) fn attached(release: &IndexRelease, rel: Rel) -> impl Iterator<Item = &Attachment> {
    release.files.iter().filter_map(move |linked| match linked {
        Linked::Attachment(it) if it.rel == rel => Some(it),
        _ => None,
    })
}

/// The reason, where all files are yanked.
pub(super) fn yanked(files: &[PageFile]) -> Option<&str> {
    let reasons: Option<Vec<_>> = files.iter().map(|file| file.yanked.as_deref()).collect();
    reasons?.first().copied()
}

/// Only what leads to the web.
pub(super) fn web_url(url: &str) -> Option<&str> {
    let scheme = url.split_once("://")?.0;
    ["http", "https"].iter().any(|good| scheme.eq_ignore_ascii_case(good)).then_some(url)
}

/// The files of the release that a page is about; `release` is its path.
pub(super) fn table(page: &release::Page, project: &ProjectName, release: &str) -> Vec<Value> {
    let first = &page.version.first;
    let logs = first.files.iter().filter_map(|linked| match linked {
        Linked::File(file) => Some((file.filename.as_str(), &file.log)),
        _ => None,
    });
    let logs: HashMap<_, _> = logs.collect();
    let mut results: HashMap<&str, Vec<&Attachment>> = HashMap::new();
    for result in attached(first, Rel::ToxResult) {
        results.entry(result.for_filename.as_deref().unwrap_or_default()).or_default().push(result);
    }
    let entries = of_release(first).into_iter().map(|file| {
        let log = logs.get(file.filename.as_str()).copied();
        let path = format!("/{}/{}", file.index.url_path(), file.path);
        let mut hashes = file.hashes.clone();
        if let Some([md5, blake2b]) = file.hashes.get("sha256").and_then(|sha256| page.digests.get(sha256)) {
            hashes.insert("md5".into(), md5.clone());
            hashes.insert("blake2b_256".into(), blake2b.clone());
        }
        let tests = results.get(file.filename.as_str()).into_iter().flatten().rev().take(MOST_TESTS);
        let results = format!("{release}/+toxresults/{}", encode(&file.filename));
        let tests: Vec<_> = tests.map(|it| test(it, page.runs.get(&it.path()), &results)).collect();
        context! {
            filename => file.filename.as_str(),
            kind => kind(&file.filename),
            tags => tags(&file.filename, project, &file.version),
            size => file.size,
            uploaded_at => file.uploaded_at.map(moment),
            hashes,
            yanked => file.yanked,
            requires_python => file.requires_python,
            metadata => file.core_metadata.as_ref().map(|_| format!("{path}.metadata")),
            metadata_sha256 => match &file.core_metadata {
                Some(CoreMetadata::Sha256(digest)) => Some(digest),
                _ => None,
            },
            provenance => file.provenance.as_deref().and_then(web_url),
            history => log.map(history),
            results => (!tests.is_empty()).then_some(results),
            tests,
            path,
        }
    });
    entries.collect()
}

/// A tox result on the page of its release or in the list of them.
pub(super) fn test(result: &Attachment, run: Option<&Arc<ToxRun>>, results: &str) -> Value {
    let state = |is_passed: Option<bool>| match is_passed {
        Some(true) => "passed",
        Some(false) => "failed",
        None => "unknown",
    };
    context! {
        filename => result.filename.as_str(),
        path => format!("{results}/{}", encode(&result.filename)),
        raw => format!("/{}/{}/{}", result.index.url_path(), result.entry, encode(&result.filename)),
        sent_at => moment(result.uploaded_at),
        size => result.size,
        is_read => run.is_some(),
        state => state(run.and_then(|run| run.is_passed())),
        host => run.map(|run| run.host.as_str()),
        platform => run.map(|run| run.platform.as_str()),
        tox_version => run.map(|run| run.tox_version.as_str()),
        environments => run.map(|run| run.environments.iter().map(|it| context! {
            name => it.name.as_str(),
            state => state(it.is_passed),
        }).collect::<Vec<_>>()),
    }
}

fn kind(filename: &str) -> &'static str {
    let extension = filename.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match filename::kind(filename) {
        Kind::Wheel => "Wheel",
        _ if extension == "egg" => "Egg",
        Kind::Zip | Kind::TarGz | Kind::TarBz2 if filename::pyversion_and_filetype(filename).1 == "sdist" => {
            "Source"
        }
        Kind::Opaque { .. } if ["exe", "msi"].contains(&extension.as_str()) => "Windows installer",
        Kind::Unknown => "File",
        _ => "Built",
    }
}

/// What a wheel runs on: Python, ABI and platform, each with its alternatives.
fn tags(filename: &str, project: &ProjectName, version: &str) -> Option<Vec<String>> {
    match filename::parse(filename, project, version).ok()? {
        Distribution::Wheel { python, abi, platform, .. } => {
            Some([python, abi, platform].map(|tags| tags.replace('.', " ")).to_vec())
        }
        _ => None,
    }
}

/// Who did what with a file, from devpi's log of its link.
fn history(log: &serde_json::Value) -> Vec<Value> {
    let entries = log.as_array().into_iter().flatten().map(|entry| {
        let text = |key| entry.get(key).and_then(serde_json::Value::as_str);
        let (who, at) = file::logged(entry);
        context! {
            what => match text("what") {
                Some("upload") => "uploaded",
                Some("push") => "pushed",
                Some("overwrite") => "overwritten",
                other => other.unwrap_or_default(),
            },
            who,
            at => at.map(moment),
            from => text("src"),
            to => text("dst"),
        }
    });
    entries.collect()
}

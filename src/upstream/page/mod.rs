//! Reads an upstream's page of a project, lenient in, strict inside (PEP 503, 592, 629, 658, 691, 700, 714, 740, 792).

mod html;
mod json;
#[cfg(test)]
mod tests;

use super::{
    form::{Form, is_before_start},
    html::{is_web, last_segment},
};
use crate::model::{
    filename::{self, Kind},
    link::{CoreMetadata, Link, UpstreamPage},
    name::ProjectName,
    page::Status,
};
use std::collections::{BTreeMap, HashMap};
use time::OffsetDateTime;
use url::Url;

/// Links that a page may have at most; the largest known has some ten thousand.
const MOST_LINKS: usize = 200_000;
/// Longest file name, in bytes.
const LONGEST_FILENAME: usize = 250;
/// Longest specifier of Python versions, in bytes.
const LONGEST_SPECIFIER: usize = 1000;
/// Longest reason for a yank or a status, in characters.
const LONGEST_REASON: usize = 1000;
/// Archives that old indexes list, beside those that are taken as uploads.
const OLD_ARCHIVES: [&str; 2] = [".tar.xz", ".tar"];

/// Reads the page that the upstream has at `url` (after redirects), in HTML or JSON.
///
/// What is wrong with one link costs that link, or the one thing that it says wrongly. The error says why this is no
/// page of a project, for an operator.
pub fn parse(
    body: &[u8],
    content_type: &str,
    url: &Url,
    project: &ProjectName,
) -> Result<UpstreamPage, String> {
    let start = body.iter().position(|byte| !is_before_start(*byte)).unwrap_or(body.len());
    let body = &body[start..];
    let page = Form::of(content_type, body.first().copied()).and_then(|form| match form {
        Form::Html => html::read(body, url),
        Form::Json => json::read(body, url),
    });
    let read = page.and_then(|page| {
        let links = links(page.files, project);
        match page.asks_people && links.is_empty() {
            true => Err("it is a page for people, with a form".into()),
            false => Ok(UpstreamPage { status: page.status, links }),
        }
    });
    read.map_err(|reason| format!("says nothing that a simple page says: {reason}"))
}

/// A page as it is written.
struct RawPage {
    status: Status,
    files: Vec<RawFile>,
    /// It has a form, as pages have that want a login.
    asks_people: bool,
}

/// What a page says of one file; not checked yet.
struct RawFile {
    /// Where the page gives it beside the URL.
    filename: Option<String>,
    url: Url,
    hashes: BTreeMap<String, String>,
    size: Option<i64>,
    uploaded_at: Option<OffsetDateTime>,
    requires_python: Option<String>,
    yanked: Option<String>,
    core_metadata: Option<CoreMetadata>,
    provenance: Option<Url>,
}

impl RawFile {
    /// A file of which only the URL is known.
    fn at(url: Url) -> Self {
        Self {
            filename: None,
            url,
            hashes: BTreeMap::new(),
            size: None,
            uploaded_at: None,
            requires_python: None,
            yanked: None,
            core_metadata: None,
            provenance: None,
        }
    }

    fn into_link(self, project: &ProjectName) -> Option<Link> {
        let filename = self.filename.or_else(|| last_segment(&self.url))?;
        if !is_web(&self.url) || !is_file_of(&filename, project) {
            return None;
        }
        let mut hashes: BTreeMap<_, _> =
            self.hashes.iter().filter_map(|(name, digest)| hash(name, digest)).collect();
        for part in self.url.fragment().unwrap_or_default().split('&') {
            if let Some((name, digest)) = part.split_once('=').and_then(|(name, digest)| hash(name, digest))
                && FRAGMENTS.contains(&name.as_str())
            {
                hashes.entry(name).or_insert(digest);
            }
        }
        Some(Link {
            version: filename::version_of(&filename, project)?,
            filename,
            url: public(self.url),
            hashes,
            size: self.size.filter(|size| *size >= 0),
            uploaded_at: self.uploaded_at,
            requires_python: self.requires_python.and_then(|specifier| clean_specifier(&specifier)),
            yanked: self.yanked.map(|reason| clean_reason(&reason)),
            core_metadata: self.core_metadata,
            provenance: self.provenance.filter(is_web).map(public),
            read_metadata: None,
        })
    }
}

/// Each file name once: of two the one with a digest, else the first.
fn links(files: Vec<RawFile>, project: &ProjectName) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::with_capacity(files.len());
    let mut places: HashMap<String, usize> = HashMap::with_capacity(files.len());
    for link in files.into_iter().filter_map(|file| file.into_link(project)) {
        match places.get(&link.filename) {
            Some(&place) if links[place].hashes.is_empty() && !link.hashes.is_empty() => links[place] = link,
            Some(_) => {}
            None => {
                places.insert(link.filename.clone(), links.len());
                links.push(link);
            }
        }
    }
    links
}

/// Whether this is the name of an archive that may be one of the project's (devpi: `extpypi.py`, `parselinks`).
fn is_file_of(filename: &str, project: &ProjectName) -> bool {
    let is_archive = filename::kind(filename) != Kind::Unknown || {
        let lower = filename.to_ascii_lowercase();
        OLD_ARCHIVES.iter().any(|extension| lower.ends_with(extension))
    };
    let normal = ProjectName::normalize(filename);
    is_archive
        && filename.len() <= LONGEST_FILENAME
        && !filename.chars().any(|c| c.is_control() || c == '/' || c == '\\')
        && !filename.contains("..")
        && normal.strip_prefix(project.as_str()).is_some_and(|rest| rest.starts_with('-'))
}

/// The algorithms whose digest a fragment may name; what else stands there, as `egg`, is none.
const FRAGMENTS: [&str; 7] = ["sha256", "sha384", "sha512", "sha224", "sha1", "md5", "blake2b"];

/// An algorithm and its digest in lower case, if the latter is hex; a sha256 must be a whole one, as content is named
/// by it.
fn hash(name: &str, digest: &str) -> Option<(String, String)> {
    let name = name.trim().to_ascii_lowercase();
    let digest = digest.trim().to_ascii_lowercase();
    let is_name = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let is_digest = (1..=256).contains(&digest.len())
        && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (name != "sha256" || digest.len() == 64);
    (is_name && is_digest).then_some((name, digest))
}

/// The URL without credentials and fragment.
fn public(mut url: Url) -> String {
    url.set_fragment(None);
    // These fail only for URLs without a host, which have no credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// A page's specifier of Python versions, valid or not; PostgreSQL's text holds no NUL.
fn clean_specifier(specifier: &str) -> Option<String> {
    let specifier = specifier.replace('\0', "");
    let specifier = specifier.trim();
    (!specifier.is_empty() && specifier.len() <= LONGEST_SPECIFIER).then(|| specifier.to_owned())
}

fn clean_reason(reason: &str) -> String {
    reason.chars().filter(|c| *c != '\0').take(LONGEST_REASON).collect()
}

/// The status of these words; an unknown one says nothing (PEP 792).
fn status(status: Option<&str>, reason: Option<&str>) -> Status {
    let status = status.unwrap_or_default().trim();
    if !Status::ALL.contains(&status) {
        return Status::default();
    }
    let reason = reason.map(clean_reason).filter(|reason| !reason.is_empty());
    Status { status: status.to_owned(), reason }
}

/// A digest of core metadata, or the promise of some when it is none.
fn core_metadata(sha256: Option<&str>) -> CoreMetadata {
    let sha256 = sha256.and_then(|digest| hash("sha256", digest));
    sha256.map_or(CoreMetadata::Promised, |(_, digest)| CoreMetadata::Sha256(digest))
}

fn too_many() -> String {
    format!("it lists more than {MOST_LINKS} files")
}

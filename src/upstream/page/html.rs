//! Pages in HTML: an anchor per file (PEP 503).

use super::super::html::{Tag, start_tags};
use super::{MOST_LINKS, RawFile, RawPage, core_metadata, status, too_many};
use crate::model::link::CoreMetadata;
use std::convert::Infallible;
use url::Url;

enum Stop {
    TooMany,
}

impl From<Infallible> for Stop {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

pub(super) fn read(body: &[u8], url: &Url) -> Result<RawPage, String> {
    let mut files = Vec::new();
    let (mut word, mut reason, mut asks_people) = (None, None, false);
    let is_html = start_tags(body, url, |tag, base| {
        asks_people |= tag.asks_people();
        match tag.name() {
            b"a" => files.extend(file(tag, base)),
            b"meta" => match tag.attribute("name").unwrap_or_default().to_ascii_lowercase().as_str() {
                "pypi:project-status" => word = word.take().or_else(|| tag.attribute("content")),
                "pypi:project-status-reason" => reason = reason.take().or_else(|| tag.attribute("content")),
                _ => {}
            },
            _ => {}
        }
        if files.len() > MOST_LINKS { Err(Stop::TooMany) } else { Ok(()) }
    });
    match is_html {
        Ok(true) => Ok(RawPage { status: status(word.as_deref(), reason.as_deref()), files, asks_people }),
        Ok(false) => Err("it is no HTML".into()),
        Err(Stop::TooMany) => Err(too_many()),
    }
}

fn file(tag: &Tag, base: &Url) -> Option<RawFile> {
    let relation = tag.attribute("rel").unwrap_or_default().to_ascii_lowercase();
    if relation.split_ascii_whitespace().any(|word| word == "homepage") {
        return None;
    }
    let metadata = ["data-core-metadata", "data-dist-info-metadata"];
    let provenance = tag.attribute("data-provenance").filter(|url| !url.trim().is_empty());
    Some(RawFile {
        requires_python: tag.attribute("data-requires-python").map(|specifier| unescape(&specifier)),
        yanked: tag.attribute("data-yanked"),
        core_metadata: metadata
            .iter()
            .find_map(|name| tag.attribute(name))
            .and_then(|value| promise(value.trim())),
        provenance: provenance.and_then(|url| base.join(&url).ok()),
        ..RawFile::at(base.join(&tag.attribute("href")?).ok()?)
    })
}

/// `true`, or `sha256=` and the digest (PEP 658).
fn promise(value: &str) -> Option<CoreMetadata> {
    match value.split_once('=') {
        Some((name, digest)) => Some(core_metadata(name.eq_ignore_ascii_case("sha256").then_some(digest))),
        None => value.eq_ignore_ascii_case("true").then_some(CoreMetadata::Promised),
    }
}

/// Decodes what some indexes escape twice.
fn unescape(text: &str) -> String {
    text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
}

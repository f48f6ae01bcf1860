//! Requests to an upstream for a file or a part of it.

use super::Mirrored;
use crate::{
    error::{Error, Result},
    ops::mirrored,
    service::Service,
    upstream::{self, Failure},
};
use bytes::Bytes;
use http::{StatusCode, header::CONTENT_RANGE};
use reqwest::Response;
use std::{ops::RangeInclusive, time::Duration};
use url::Url;

/// How long a part may take to come.
const PART_TIMEOUT: Duration = Duration::from_secs(60);

/// What a request for a range came to.
pub enum Ranged {
    Bytes(Bytes),
    /// The upstream only has the whole.
    NoRanges,
}

/// What an upstream's failure at a file means to who wants it.
pub(in crate::ops) fn failed(failure: &Failure) -> Error {
    match failure {
        Failure::Missing { .. } => Error::NotFound(failure.to_string()),
        Failure::Status { .. } | Failure::Broken { .. } => Error::Upstream(failure.to_string()),
    }
}

pub(super) fn broken(reason: impl Into<String>, url: &Url) -> Error {
    failed(&Failure::broken(reason, url))
}

/// The URL in a link.
pub(in crate::ops) fn parse(url: &str) -> Result<Url> {
    Url::parse(url).map_err(|error| Error::Upstream(format!("the URL of the file: {error}")))
}

/// Asks for a file or a range of it, and once more where the upstream's page has it then: some URLs expire.
pub(super) async fn ask(service: &Service, file: &Mirrored, range: Option<&str>) -> Result<(Url, Response)> {
    let mirror = file.mirror()?;
    let url = parse(&file.link.url)?;
    let failure = match service.upstream.file(mirror, &url, range).await {
        Ok(response) => return Ok((url, response)),
        Err(failure) => failure,
    };
    if !matches!(failure, Failure::Missing { .. } | Failure::Status { status: 403, .. }) {
        return Err(failed(&failure));
    }
    let Mirrored { index, project, link, .. } = file;
    let again = mirrored::link_again(service, index, project, &link.entry(), &link.filename).await?;
    let again = again.filter(|again| again.url != link.url).ok_or_else(|| failed(&failure))?;
    let url = parse(&again.url)?;
    let response = service.upstream.file(mirror, &url, range).await.map_err(|failure| failed(&failure))?;
    Ok((url, response))
}

/// The size of a file: as its page states it, else as a download or the upstream says; `None` if none of them does.
///
/// # Errors
/// As those of [`super::open`].
pub async fn size(service: &Service, file: &Mirrored) -> Result<Option<u64>> {
    let coming = || service.downloads.find(&file.key())?.spool.length();
    let stated = file.link.size.and_then(|size| u64::try_from(size).ok());
    if let Some(size) = stated.or_else(coming) {
        return Ok(Some(size));
    }
    // Not HEAD, which some file servers do not know.
    let (_, response) = ask(service, file, Some("bytes=0-0")).await?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT => Ok(content_range(&response).map(|(_, size)| size)),
        _ => Ok(response.content_length()),
    }
}

/// A range of a file of this size, in memory.
///
/// # Errors
/// As those of [`super::open`].
pub async fn range(
    service: &Service,
    file: &Mirrored,
    range: RangeInclusive<u64>,
    size: u64,
) -> Result<Ranged> {
    let asked = async {
        let text = format!("bytes={}-{}", range.start(), range.end());
        let (url, response) = ask(service, file, Some(&text)).await?;
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return Ok(Ranged::NoRanges);
        }
        if content_range(&response) != Some((range.clone(), size)) {
            return Err(broken("another range than the one that was asked for", &url));
        }
        let length = usize::try_from(range.end() - range.start() + 1)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let body = upstream::body(response, &url, length).await.map_err(|failure| failed(&failure))?;
        match body.len() == length {
            true => Ok(Ranged::Bytes(body.into())),
            false => Err(broken(format!("{} bytes of {length}", body.len()), &url)),
        }
    };
    let late = || Error::Upstream(format!("{} comes too slowly from upstream", file.link.filename));
    tokio::time::timeout(PART_TIMEOUT, asked).await.unwrap_or_else(|_| Err(late()))
}

/// The range of a partial answer, and the size of the whole.
fn content_range(response: &Response) -> Option<(RangeInclusive<u64>, u64)> {
    let value = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, size) = value.strip_prefix("bytes ")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?..=last.parse().ok()?, size.parse().ok()?))
}

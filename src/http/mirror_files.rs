//! Files of mirrors: as any file once they are stored, before that as they come from upstream (devpi-api, Files).

use super::{
    conditional::{self, Part},
    files::{self, RANGE_SERVED, Stored},
    respond,
};
use crate::{
    error::{Error, Result},
    ops::fetch::{self, Mirrored, Place, Ranged},
    service::Service,
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use headers::{AcceptRanges, ETag, HeaderMapExt, LastModified};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, RANGE},
};
use serde_json::json;
use std::{ops::RangeInclusive, time::SystemTime};

/// What is known of a file without asking anybody.
pub(super) fn file_meta(file: &Mirrored) -> Response {
    let Mirrored { project, link, .. } = file;
    let mut meta = json!({
        "project": project.as_str(),
        "version": link.version,
        "url": link.shown_url(),
        "hashes": link.hashes,
        "hash_spec": link.hash().map(|(name, digest)| format!("{name}={digest}")),
    });
    if let Some(at) = link.uploaded_at {
        meta["last_modified"] = httpdate::fmt_http_date(SystemTime::from(at)).into();
    }
    respond::result("releasefilemeta", meta)
}

/// Delivers a file from wherever it is.
pub(super) async fn serve(
    service: &Service,
    method: &Method,
    request: &HeaderMap,
    file: &Mirrored,
) -> Result<Response> {
    let Mirrored { index, link, .. } = file;
    let modified = link.uploaded_at.map(|at| LastModified::from(SystemTime::from(at)));
    let place = fetch::place(service, file).await?;
    if let Place::Stored(content) = &place {
        let (filename, sha256, size) = (&link.filename, &content.sha256, content.size.unsigned_abs());
        return files::stored(service, method, request, &Stored { index, filename, sha256, size, modified })
            .await;
    }
    if index.mirror.as_ref().is_some_and(|mirror| mirror.use_external_urls) {
        let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-cache"))]);
        return Ok(respond::found_with(headers, &link.url));
    }
    let released = match place {
        Place::Coming(released) => released,
        _ => 0,
    };
    Coming { service, file, modified, released }.serve(method, request).await
}

/// A file that is not here, or not as a whole.
struct Coming<'a> {
    service: &'a Service,
    file: &'a Mirrored,
    modified: Option<LastModified>,
    /// How much of it is here.
    released: u64,
}

impl Coming<'_> {
    async fn serve(&self, method: &Method, request: &HeaderMap) -> Result<Response> {
        let Mirrored { index, link, .. } = self.file;
        let mut etag = link.content_sha256().map(files::etag).transpose()?;
        let is_head = *method == Method::HEAD;
        // Only bytes whose digest is checked before their end comes are right for ever.
        let mut is_checked = false;
        let mut size = None;
        let mut response = if conditional::not_modified(request, etag.as_ref(), self.modified) {
            is_checked = true;
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            if is_head || request.contains_key(RANGE) {
                size = fetch::size(self.service, self.file).await?;
            }
            match size.map_or(Part::Whole, |size| self.part(request, size, etag.as_ref())) {
                Part::Unsatisfiable => files::unsatisfiable(size.unwrap_or_default()),
                Part::Whole if is_head => files::answer(Body::empty(), &link.filename, size, None)?,
                Part::Whole => {
                    let opened = fetch::open(self.service, self.file).await?;
                    (size, is_checked) = (opened.size, etag.is_some());
                    files::answer(Body::from_stream(opened.bytes(0, None)), &link.filename, size, None)?
                }
                Part::Bytes(range) => {
                    let body = match is_head {
                        true => Body::empty(),
                        false => {
                            let (body, is_unchecked) = self.range(&range, size.unwrap_or_default()).await?;
                            // Who goes on from a part that nobody has checked is not to take it for one of the right
                            // file.
                            etag = etag.filter(|_| !is_unchecked);
                            body
                        }
                    };
                    files::answer(body, &link.filename, size, Some(range))?
                }
            }
        };
        match is_checked {
            true => files::set_immutable(&mut response, index),
            false => {
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            }
        }
        let headers = response.headers_mut();
        if let Some(etag) = etag {
            headers.typed_insert(etag);
        }
        if let Some(modified) = self.modified {
            headers.typed_insert(modified);
        }
        if size.is_some() {
            headers.typed_insert(AcceptRanges::bytes());
        }
        Ok(response)
    }

    fn part(&self, request: &HeaderMap, size: u64, etag: Option<&ETag>) -> Part {
        conditional::part(request, size, etag, self.modified)
    }

    /// A range, and whether nobody checks it: from what is here, a short one from upstream, and else from the file as it
    /// comes. What is the whole comes as the whole does.
    async fn range(&self, range: &RangeInclusive<u64>, size: u64) -> Result<(Body, bool)> {
        let length = range.end() - range.start() + 1;
        let is_short = length <= RANGE_SERVED && length < size;
        if is_short
            && *range.end() >= self.released
            && let Ranged::Bytes(bytes) = fetch::range(self.service, self.file, range.clone(), size).await?
        {
            return Ok((Body::from(bytes), true));
        }
        let opened = fetch::open(self.service, self.file).await?;
        if opened.size.is_some_and(|found| found != size) {
            return Err(Error::Upstream(format!(
                "{} has another size than expected",
                self.file.link.filename
            )));
        }
        Ok((Body::from_stream(opened.bytes(*range.start(), Some(range.end() + 1))), false))
    }
}

//! `/{user}/{index}/+f/…` and `+e/…`: distribution files and their core metadata (devpi-api, Files; packaging standards, serving
//! files).

use super::{
    conditional::{self, Part},
    extract::{FilePath, Json, Query},
    mirror_files, negotiate, respond,
};
use crate::{
    config::FileDelivery,
    error::{Error, Result},
    model::{access::Caller, file, index::Index, link::CoreMetadata, name::ProjectName},
    ops::{
        self,
        download::{Content, Found},
        yank::Target,
    },
    service::Service,
};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use headers::{AcceptRanges, ContentLength, ContentRange, ETag, HeaderMapExt, LastModified};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde_json::json;
use std::{ops::RangeInclusive, time::SystemTime};
use time::OffsetDateTime;

/// A ranged request below this many bytes is answered by us even where files are redirected: uv does not follow a
/// redirect of a ranged GET.
pub(super) const RANGE_SERVED: u64 = 1 << 20;

/// `GET` and `HEAD` of a file, of `{file}.metadata` (PEP 658), or with `Accept: application/json` of what is known of it.
pub(super) async fn serve(
    State(service): State<Service>,
    caller: Caller,
    path: FilePath,
    method: Method,
    request: HeaderMap,
) -> Result<Response> {
    let FilePath { index, entry, filename } = &path;
    if let Some(filename) = filename.strip_suffix(".metadata") {
        let found = ops::download::file(&service, &caller, index, entry, filename).await?;
        let metadata = match &found {
            Found::Stage(_, file) => ops::download::core_metadata(&service, file).await?,
            Found::Attachment(..) => {
                return Err(Error::NotFound(format!("no metadata found in {filename}")));
            }
            Found::Mirror(file) => ops::core_metadata::of(&service, file).await?,
        };
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        let mut response = ([(CONTENT_TYPE, text)], metadata).into_response();
        let is_stated = match &found {
            Found::Stage(..) | Found::Attachment(..) => true,
            Found::Mirror(file) => matches!(file.link.core_metadata, Some(CoreMetadata::Sha256(_))),
        };
        // Others may turn out to be wrong.
        match is_stated {
            true => set_immutable(&mut response, found.index()),
            false => drop(response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"))),
        }
        return Ok(response);
    }
    let found = ops::download::file(&service, &caller, index, entry, filename).await?;
    let mut response = match &found {
        Found::Stage(_, file) if negotiate::accepts_json(&request) => {
            file_meta(&file.project, &file.version, &file.sha256, file.uploaded_at)
        }
        Found::Attachment(_, it) if negotiate::accepts_json(&request) => {
            file_meta(&it.project, &it.version, &it.sha256, it.uploaded_at)
        }
        Found::Mirror(file) if negotiate::accepts_json(&request) => mirror_files::file_meta(file),
        Found::Stage(index, file) => {
            let modified = Some(LastModified::from(SystemTime::from(file.uploaded_at)));
            let (filename, sha256, size) = (&file.filename, &file.sha256, file.size.unsigned_abs());
            stored(&service, &method, &request, &Stored { index, filename, sha256, size, modified }).await?
        }
        Found::Attachment(index, it) => {
            let modified = Some(LastModified::from(SystemTime::from(it.uploaded_at)));
            let (filename, sha256, size) = (&it.filename, &it.sha256, it.size.unsigned_abs());
            stored(&service, &method, &request, &Stored { index, filename, sha256, size, modified }).await?
        }
        Found::Mirror(file) => mirror_files::serve(&service, &method, &request, file).await?,
    };
    negotiate::vary(&mut response, "Accept");
    Ok(response)
}

/// A file whose content is in the object store.
pub(super) struct Stored<'a> {
    pub index: &'a Index,
    pub filename: &'a str,
    pub sha256: &'a str,
    pub size: u64,
    pub modified: Option<LastModified>,
}

/// Delivers it.
pub(super) async fn stored(
    service: &Service,
    method: &Method,
    request: &HeaderMap,
    file: &Stored<'_>,
) -> Result<Response> {
    let Stored { size, modified, .. } = *file;
    let etag = etag(file.sha256)?;
    let part = conditional::part(request, size, Some(&etag), modified);
    let mut response = if conditional::not_modified(request, Some(&etag), modified) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if redirected(service, method, &part) {
        let url = ops::download::presigned_url(service, file.sha256, file.filename).await?;
        let mut headers = HeaderMap::new();
        // As long as the URL is surely good: it was signed up to half its life ago.
        let seconds = service.config.server.presign_seconds / 4;
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_str(&format!("private, max-age={seconds}"))
                .unwrap_or(HeaderValue::from_static("no-cache")),
        );
        return Ok(respond::found_with(headers, &url));
    } else {
        match part {
            Part::Unsatisfiable => unsatisfiable(size),
            Part::Whole => content(service, method, file, None).await?,
            Part::Bytes(range) => content(service, method, file, Some(range)).await?,
        }
    };
    set_immutable(&mut response, file.index);
    let headers = response.headers_mut();
    headers.typed_insert(etag);
    if let Some(modified) = modified {
        headers.typed_insert(modified);
    }
    headers.typed_insert(AcceptRanges::bytes());
    Ok(response)
}

pub(super) fn etag(sha256: &str) -> Result<ETag> {
    format!("\"{sha256}\"").parse().map_err(|_| Error::Internal("an entity tag that is none".into()))
}

/// `DELETE` of a file; `?force` on a non-volatile index.
pub(super) async fn remove(
    State(service): State<Service>,
    caller: Caller,
    FilePath { index, entry, filename }: FilePath,
    query: Query,
) -> Result<Response> {
    let found = ops::download::file(&service, &caller, &index, &entry, &filename).await;
    let path = format!("{index}/{entry}/{filename}");
    let found = found.map_err(|error| match error {
        Error::NoSuchFile => Error::NotFound(format!("package '{path}' doesn't exist")),
        Error::Gone(_) => Error::Gone(format!("file '{path}'")),
        error => error,
    })?;
    match &found {
        Found::Stage(_, file) => ops::remove::file(&service, &caller, file, query.has("force")).await?,
        Found::Attachment(_, it) => {
            ops::remove::attachment(&service, &caller, it, query.has("force")).await?;
        }
        Found::Mirror(file) => ops::forget::file(&service, &caller, file, query.has("force")).await?,
    }
    Ok(respond::message(StatusCode::OK, &format!("package '{path}' deleted")))
}

/// `PATCH` of a file with `{"yanked": …}` (PEP 592; devpi has no such call).
pub(super) async fn yank(
    State(service): State<Service>,
    caller: Caller,
    FilePath { index, entry, filename }: FilePath,
    Json(body): Json,
) -> Result<Response> {
    let yanked = file::yank_request(&body).map_err(Error::Invalid)?;
    let file = match ops::download::file(&service, &caller, &index, &entry, &filename).await? {
        Found::Stage(_, file) => file,
        Found::Attachment(..) => return Err(Error::invalid("only distribution files are yanked")),
        Found::Mirror(_) => return Err(Error::invalid("a file of a mirror is yanked where it comes from")),
    };
    ops::yank::mark(&service, &caller, &index, Target::File(&file), yanked.as_deref()).await?;
    let what = if yanked.is_some() { "yanked" } else { "no longer yanked" };
    Ok(respond::message(StatusCode::OK, &format!("file '{filename}' is {what}")))
}

fn redirected(service: &Service, method: &Method, part: &Part) -> bool {
    let short = matches!(part, Part::Bytes(range) if range.end() - range.start() < RANGE_SERVED);
    service.config.server.file_delivery == FileDelivery::Redirect
        && *method == Method::GET
        && !short
        && *part != Part::Unsatisfiable
}

async fn content(
    service: &Service,
    method: &Method,
    file: &Stored<'_>,
    range: Option<RangeInclusive<u64>>,
) -> Result<Response> {
    let length = range.as_ref().map_or(file.size, |range| range.end() - range.start() + 1);
    let body = match *method == Method::HEAD || length == 0 {
        true => Body::empty(),
        false => {
            match ops::download::content(service, file.sha256, file.size, range.clone()).await? {
                Content::Here(bytes) => Body::from(bytes),
                // One that does not come breaks the answer off.
                Content::Coming(pieces) => Body::from_stream(pieces),
            }
        }
    };
    answer(body, file.filename, Some(file.size), range)
}

/// The bytes of a file of this size, if it is known, or a range of them.
pub(super) fn answer(
    body: Body,
    filename: &str,
    size: Option<u64>,
    range: Option<RangeInclusive<u64>>,
) -> Result<Response> {
    let mut response = body.into_response();
    let length = range.as_ref().map_or(size, |range| Some(range.end() - range.start() + 1));
    if let (Some(range), Some(size)) = (range, size) {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range =
            ContentRange::bytes(range, size).map_err(|_| Error::Internal("a range that is none".into()))?;
        response.headers_mut().typed_insert(range);
    }
    if let Some(length) = length {
        response.headers_mut().typed_insert(ContentLength(length));
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type(filename)));
    Ok(response)
}

pub(super) fn unsatisfiable(size: u64) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    response.headers_mut().typed_insert(ContentRange::unsatisfied_bytes(size));
    response
}

/// A file never changes; but where not everybody may read it, no shared cache keeps it.
pub(super) fn set_immutable(response: &mut Response, index: &Index) {
    let cache = match index.acl_read {
        None => "max-age=365000000, immutable, public",
        Some(_) => "max-age=365000000, immutable, private",
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
}

/// What Python's `mimetypes`, and so devpi, says; never with a content encoding, or clients would unpack the file.
fn content_type(filename: &str) -> &'static str {
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| filename.ends_with(suffix));
    if ends(&[".tar.gz", ".tgz", ".tar.bz2", ".tar"]) {
        "application/x-tar"
    } else if ends(&[".zip"]) {
        "application/zip"
    } else {
        "application/octet-stream"
    }
}

fn file_meta(project: &ProjectName, version: &str, sha256: &str, uploaded_at: OffsetDateTime) -> Response {
    respond::result(
        "releasefilemeta",
        json!({
            "project": project.as_str(),
            "version": version,
            "last_modified": httpdate::fmt_http_date(SystemTime::from(uploaded_at)),
            "hash_spec": format!("sha256={sha256}"),
            "hashes": {"sha256": sha256},
        }),
    )
}

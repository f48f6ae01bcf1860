//! Push to a repository elsewhere, by the legacy upload API.

use super::{Taken, Wanted};
use crate::{
    blobs::BlobKey,
    error::Result,
    model::{attachment::Rel, file::File, filename, release::Release},
    service::Service,
    timing::{self, Phase},
};
use reqwest::{Body, Url, multipart};
use serde_json::{Value, json};
use std::time::Duration;

/// Stands in the action log for the status of a repository that did not answer (devpi).
const NO_ANSWER: i32 = -1;

/// How much of what a repository says is told, in bytes.
const LONGEST_ANSWER: usize = 4 << 10;

/// The slowest that a repository may take a file, in bytes a second.
const SLOWEST: u64 = 64 << 10;

/// A repository that takes the legacy upload API.
pub(super) struct External {
    pub url: Url,
    pub username: String,
    pub password: String,
    pub register: bool,
}

pub(super) async fn to_repository(
    service: &Service,
    target: &External,
    wanted: &Wanted,
    taken: &Taken,
) -> Result<(Vec<Value>, bool)> {
    let Taken { release, files, attachments, .. } = taken;
    let mut log = Vec::new();
    let mut status = 0;
    if target.register {
        let form = metadata_form(release).text(":action", "submit");
        let (answer, text) = post(service, target, form, 0).await;
        status = answer;
        let mut entry = json!([status, "register", wanted.spelled, wanted.version]);
        if ![200, 201, 410].contains(&status) {
            if let (Value::Array(entry), Some(text)) = (&mut entry, text) {
                entry.push(text.into());
            }
            return Ok((vec![entry], false));
        }
        log.push(entry);
    }
    for file in files {
        let (answer, text) = match file_form(service, release, file).await {
            Ok(form) => post(service, target, form, file.size.unsigned_abs()).await,
            Err(error) => return Err(error),
        };
        status = answer;
        let text = if [200, 201].contains(&status) { String::new() } else { text.unwrap_or_default() };
        log.push(json!([status, "upload", file.path(), text]));
        // What is refused may be there already, and the rest still missing; without an answer nothing more will come.
        if status == NO_ANSWER {
            break;
        }
    }
    if status != NO_ANSWER
        && let Some(documentation) = attachments.iter().find(|it| it.rel == Rel::DocZip)
    {
        let name = release.metadata.get("name").and_then(Value::as_str).unwrap_or(&wanted.spelled);
        let form = metadata_form(release).text(":action", "doc_upload");
        let content = content(service, &documentation.sha256, documentation.size.unsigned_abs()).await?;
        let form = form.part("content", content.file_name(format!("{name}.zip")));
        let (answer, text) = post(service, target, form, documentation.size.unsigned_abs()).await;
        status = answer;
        let mut entry = json!([status, "docfile", name]);
        if let (Value::Array(entry), Some(text), false) = (&mut entry, text, [200, 201].contains(&status)) {
            entry.push(text.into());
        }
        log.push(entry);
    }
    Ok((log, [200, 201].contains(&status)))
}

/// Stored content of this size, as it comes.
async fn content(service: &Service, sha256: &str, size: u64) -> Result<multipart::Part> {
    let content = service.blobs.get(&BlobKey::Content(sha256.to_owned()), None).await?;
    let content = tokio_util::io::ReaderStream::new(content.into_async_read());
    Ok(multipart::Part::stream_with_length(Body::wrap_stream(content), size))
}

/// The fields of version data as an upload form has them.
fn metadata_form(release: &Release) -> multipart::Form {
    let mut form = multipart::Form::new().text("protocol_version", "1");
    for (key, value) in &release.metadata {
        let key = if key == "provides_extras" { "provides_extra" } else { key }.to_owned();
        match value {
            Value::String(text) if !text.is_empty() => form = form.text(key, text.clone()),
            Value::Array(items) => {
                for item in items.iter().filter_map(Value::as_str) {
                    form = form.text(key.clone(), item.to_owned());
                }
            }
            _ => {}
        }
    }
    form
}

async fn file_form(service: &Service, release: &Release, file: &File) -> Result<multipart::Form> {
    let (pyversion, filetype) = filename::pyversion_and_filetype(&file.filename);
    let content = content(service, &file.sha256, file.size.unsigned_abs()).await?;
    Ok(metadata_form(release)
        .text(":action", "file_upload")
        .text("pyversion", pyversion)
        .text("filetype", filetype)
        .text("sha256_digest", file.sha256.clone())
        .part("content", content.file_name(file.filename.clone())))
}

/// Posts a form; the status, or [`NO_ANSWER`], and what the repository had to say: in its body, or else its status line.
async fn post(
    service: &Service,
    target: &External,
    form: multipart::Form,
    size: u64,
) -> (i32, Option<String>) {
    let patience = Duration::from_secs(60 + size / SLOWEST);
    let request = service
        .client
        .post(target.url.clone())
        .timeout(patience)
        .basic_auth(&target.username, Some(&target.password));
    match timing::of(Phase::Upstream, request.multipart(form).send()).await {
        Ok(mut answer) => {
            let status = i32::from(answer.status().as_u16());
            let mut body = Vec::new();
            while body.len() < LONGEST_ANSWER
                && let Ok(Some(chunk)) = timing::of(Phase::Upstream, answer.chunk()).await
            {
                body.extend_from_slice(&chunk);
            }
            body.truncate(LONGEST_ANSWER);
            if !body.is_empty() {
                return (status, Some(String::from_utf8_lossy(&body).into_owned()));
            }
            let reason = answer.extensions().get::<hyper::ext::ReasonPhrase>();
            let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
            (status, reason.or_else(|| answer.status().canonical_reason().map(str::to_owned)))
        }
        Err(error) => {
            tracing::warn!(error = %error.without_url(), "a push to an external repository failed");
            (NO_ANSWER, Some("exception on connection to the repository".into()))
        }
    }
}

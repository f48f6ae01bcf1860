//! Upload of files as they lie on a disk: a wheel or an sdist says itself what release it is of.
//!
//! The form proves itself by its first field, so that nothing is taken of one that is not ours; a script sends each file
//! alone with the header `X-CSRF-Token`, and reads JSON.

use super::{demand, log_in};
use crate::{
    error::{Error, Result},
    http::{
        error::{is_inside, told},
        extract::IndexPath,
        negotiate, respond,
        upload::{Pace, drain_form, next_chunk, receive_file, unreadable},
        web::{
            Page, Session,
            crumbs::{crumbs, index_path, segments, version_path},
            session,
        },
    },
    model::{
        access,
        name::{IndexName, ProjectName},
    },
    ops::{
        self,
        upload::{Outcome, SentFile},
    },
    service::Service,
};
use axum::{
    extract::{FromRequest, FromRequestParts, Multipart, Request, State, multipart::Field},
    response::Response,
};
use http::StatusCode;
use minijinja::{context, value::Serde};
use serde_json::{Value, json};
use std::time::Duration;

/// Files of one form.
const MOST_FILES: usize = 100;

/// The longest text field of the form, in bytes.
const LONGEST_FIELD: u64 = 1 << 10;

/// Fields that are none of files, such as the proof.
const MOST_OTHERS: usize = 10;

/// `GET /{user}/{index}/+upload`.
pub(in crate::http) async fn page(
    State(service): State<Service>,
    page: Page,
    IndexPath(index): IndexPath,
) -> Result<Response> {
    if let Some(login) = log_in(&page) {
        return Ok(login);
    }
    show(&service, &page, &index, &[]).await
}

/// `POST /{user}/{index}/+upload`: what became of each file, and the status of the first that was refused.
pub(in crate::http) async fn receive(
    State(service): State<Service>,
    IndexPath(index): IndexPath,
    request: Request,
) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let page = Page::from_request_parts(&mut parts, &service).await?;
    let session = parts.extensions.get::<Session>().cloned();
    let headers = parts.headers.clone();
    let mut limit = Pace::new(Duration::from_secs(service.config.server.body_timeout));
    let form = Multipart::from_request(Request::from_parts(parts, body), &()).await;
    let mut form =
        form.map_err(|error| Error::Invalid(format!("the form can't be read: {}", error.body_text())))?;
    let taken = async {
        let session = match session {
            Some(session) if session.is_proved(&headers) => Some(session),
            Some(session) => {
                let proof = proof(&mut form, &mut limit).await?;
                Some(session).filter(|session| session.is_proved_by(&proof))
            }
            None => None,
        };
        let page = page.of(&service, session.as_ref()).await?;
        let files = take(&service, &page, &index, &mut form, &mut limit).await?;
        Ok((page, files))
    };
    let (page, files) = match taken.await {
        Ok(taken) => taken,
        Err(error) => {
            // Who was too slow before would be so again.
            if !matches!(error, Error::Stalled) {
                drain_form(form).await;
            }
            return Err(error);
        }
    };
    let mut response = match negotiate::prefers_html(&headers) {
        true => show(&service, &page, &index, &files).await?,
        false => respond::result("uploads", files.clone()),
    };
    let refused = files.iter().find_map(|file| file["status"].as_u64().filter(|status| *status >= 400));
    let status = refused.and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    *response.status_mut() = status.unwrap_or(StatusCode::OK);
    Ok(response)
}

/// Permission first, then one file after the other.
async fn take(
    service: &Service,
    page: &Page,
    index: &IndexName,
    form: &mut Multipart,
    limit: &mut Pace,
) -> Result<Vec<Value>> {
    let upload = ops::upload::begin(service, &page.caller, index).await?;
    let (mut files, mut others) = (Vec::new(), 0);
    // Of files that are too large.
    let mut skipped = service.config.server.max_upload;
    while let Some(mut field) = limit.within(form.next_field()).await?.map_err(unreadable)? {
        // A field for files that nobody chose one for has an empty name.
        let Some(filename) = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned) else {
            others += 1;
            if others > MOST_OTHERS || !skip(&mut field, limit, &mut { LONGEST_FIELD }).await? {
                return Err(Error::invalid("the form has more fields than those for files"));
            }
            continue;
        };
        if files.len() == MOST_FILES {
            return Err(Error::Invalid(format!("the form has more than {MOST_FILES} files")));
        }
        let outcome = match receive_file(&upload, &mut field, limit).await {
            Ok(received) => {
                let sent = SentFile { filename: filename.clone(), received };
                limit.apart(Box::pin(upload.commit_bare(sent))).await
            }
            Err(error @ Error::TooLarge(_)) if skip(&mut field, limit, &mut skipped).await? => Err(error),
            Err(error) => return Err(error),
        };
        files.push(tell(index, &filename, outcome));
    }
    match files.is_empty() {
        true => Err(Error::invalid("choose at least one file")),
        false => Ok(files),
    }
}

/// The first field, if it is the proof.
async fn proof(form: &mut Multipart, limit: &mut Pace) -> Result<String> {
    let field = limit.within(form.next_field()).await?.map_err(unreadable)?;
    let Some(mut field) = field.filter(|field| field.name() == Some(session::FIELD)) else {
        return Ok(String::new());
    };
    let mut text = Vec::new();
    while let Some(chunk) = next_chunk(&mut field, limit).await? {
        text.extend_from_slice(&chunk);
        if text.len() as u64 > LONGEST_FIELD {
            return Ok(String::new());
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Reads what is left of a field; `false` when that is more than is left to be skipped.
async fn skip(field: &mut Field<'_>, limit: &mut Pace, left: &mut u64) -> Result<bool> {
    while let Some(chunk) = next_chunk(field, limit).await? {
        match left.checked_sub(chunk.len() as u64) {
            Some(rest) => *left = rest,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// What became of a file, as the script and the page tell it.
fn tell(index: &IndexName, filename: &str, outcome: Result<((ProjectName, String), Outcome)>) -> Value {
    match outcome {
        Ok((release, outcome)) => json!({
            "filename": filename,
            "status": 200,
            "message": match outcome {
                Outcome::Stored => "uploaded",
                Outcome::Identical => "was there already",
            },
            "path": version_path(index, &release.0, &release.1),
        }),
        Err(error) => {
            if is_inside(&error) {
                tracing::error!(error = ?error, filename, "an upload failed");
            }
            let (status, message) = told(&error);
            json!({"filename": filename, "status": status.as_u16(), "message": message})
        }
    }
}

async fn show(service: &Service, page: &Page, name: &IndexName, files: &[Value]) -> Result<Response> {
    let (index, _) = ops::indexes::show(service, &page.caller, name, false).await?;
    if index.mirror.is_some() {
        return Err(Error::NotFound("cannot submit to mirror index".into()));
    }
    let may = access::may_upload(&page.caller, &index, None);
    demand(may, &page.caller, "no permission to submit")?;
    let context = context! {
        title => format!("Upload to {name}"),
        crumbs => crumbs(&segments(name), &[("Upload", "")]),
        path => format!("{}/+upload", index_path(name)),
        index => name.to_string(),
        is_volatile => index.volatile,
        files => Serde(files),
    };
    page.render(service, "manage/upload.html", context)
}

//! `POST /{user}/{index}[/]`: an upload form, or the JSON of a push (devpi-api, Upload; packaging standards, the upload
//! API).

use super::{
    error::{UploadError, reason},
    extract::{IndexPath, Json, LARGEST_JSON},
    pip_search, push,
};
use crate::{
    error::{Error, Result},
    model::access::Caller,
    ops::{
        self,
        upload::{Form, Outcome, SentFile, Upload},
    },
    service::Service,
};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Multipart, Request, State, multipart::Field},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use headers::{ContentLength, HeaderMapExt};
use http::header::{CONTENT_TYPE, EXPECT};
use std::time::{Duration, Instant};

/// All fields but the file together, in bytes.
const LARGEST_FORM: usize = 10 << 20;

/// Fields of a form at most.
const MOST_FIELDS: usize = 10_000;

/// How much of a refused body is read, so that the client gets to read the answer, in bytes and in time.
const DRAINED: usize = 64 << 20;
const DRAINED_FOR: Duration = Duration::from_secs(20);

/// Receives a form, pushes what a JSON body says, or searches by XML-RPC.
pub(super) async fn upload(
    State(service): State<Service>,
    caller: Caller,
    IndexPath(index): IndexPath,
    request: Request,
) -> Result<Response, Response> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    if content_type.starts_with("text/xml") {
        let answer = pip_search::respond_to(&service, &caller, &index, request.into_body()).await;
        return answer.map_err(IntoResponse::into_response);
    }
    let multipart = content_type.starts_with("multipart/form-data");
    if !multipart && !content_type.starts_with("application/x-www-form-urlencoded") {
        let body = Json::from_request(limited(request), &()).await;
        let Json(body) = body.map_err(IntoResponse::into_response)?;
        return push::respond_to(&service, &caller, &index, body).await.map_err(IntoResponse::into_response);
    }
    receive(&service, &caller, &index, request, multipart)
        .await
        .map_err(|error| UploadError(error).into_response())
}

/// Permission first, then the body, then everything at once.
async fn receive(
    service: &Service,
    caller: &Caller,
    index: &crate::model::name::IndexName,
    request: Request,
    multipart: bool,
) -> Result<Response> {
    let largest = service.config.server.max_upload;
    let declared = request.headers().typed_get::<ContentLength>().map_or(0, |length| length.0);
    let begun = match multipart && declared > largest + LARGEST_FORM as u64 {
        true => Err(Error::TooLarge(largest)),
        false => ops::upload::begin(service, caller, index).await,
    };
    let upload = match begun {
        Ok(upload) => upload,
        Err(error) => {
            drain(request).await;
            return Err(error);
        }
    };
    let mut pace = Pace::new(Duration::from_secs(service.config.server.body_timeout));
    let (form, file) = match multipart {
        true => {
            let form = Multipart::from_request(request, &()).await;
            let form = form
                .map_err(|error| Error::Invalid(format!("the form can't be read: {}", error.body_text())))?;
            read_multipart(&upload, form, &mut pace).await?
        }
        false => (read_urlencoded(request, &pace).await?, None),
    };
    let outcome = upload.commit(&form, file).await?;
    let mut response = ().into_response();
    if outcome == Outcome::Identical
        && let Some(reason) = reason("Upload of identical file to non volatile index.")
    {
        response.extensions_mut().insert(reason);
    }
    Ok(response)
}

async fn read_multipart(
    upload: &Upload<'_>,
    mut multipart: Multipart,
    pace: &mut Pace,
) -> Result<(Form, Option<SentFile>)> {
    let (mut form, mut file) = (Form::new(), None);
    let read = read_fields(upload, &mut multipart, pace, &mut form, &mut file).await;
    let Err(error) = read else { return Ok((form, file)) };
    if let Some(file) = file {
        upload.discard(file).await;
    }
    // Who was too slow before would be so again.
    if !matches!(error, Error::Stalled) {
        drain_form(multipart).await;
    }
    Err(error)
}

/// Reads the fields in whatever order they come; the file goes to the store as it does.
async fn read_fields(
    upload: &Upload<'_>,
    multipart: &mut Multipart,
    pace: &mut Pace,
    form: &mut Form,
    file: &mut Option<SentFile>,
) -> Result<()> {
    let mut size = 0;
    while let Some(mut field) = pace.within(multipart.next_field()).await?.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        match (name.as_str(), field.file_name().map(str::to_owned)) {
            ("content", Some(_)) if file.is_some() => {
                return Err(Error::invalid("the form has more than one file in field 'content'"));
            }
            ("content", Some(filename)) => {
                *file = Some(SentFile { filename, received: receive_file(upload, &mut field, pace).await? });
            }
            ("content", None) => return Err(Error::invalid("content file field not found")),
            // A detached signature, which nobody checks any more.
            (_, Some(_)) => while next_chunk(&mut field, pace).await?.is_some() {},
            (_, None) => {
                let mut text = Vec::new();
                while let Some(chunk) = next_chunk(&mut field, pace).await? {
                    size += chunk.len();
                    if size > LARGEST_FORM {
                        return Err(Error::Invalid(format!(
                            "the fields of the form together are larger than {LARGEST_FORM} bytes"
                        )));
                    }
                    text.extend_from_slice(&chunk);
                }
                form.push(text_field(name, text)?);
            }
        }
        check_count(form)?;
    }
    Ok(())
}

pub(super) async fn receive_file(
    upload: &Upload<'_>,
    field: &mut Field<'_>,
    pace: &mut Pace,
) -> Result<ops::receive::Received> {
    let mut receiver = upload.receiver();
    loop {
        let pushed = match next_chunk(field, pace).await {
            Ok(Some(chunk)) => pace.apart(receiver.push(&chunk)).await,
            Ok(None) => return pace.apart(receiver.finish()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = pushed {
            receiver.abort().await;
            return Err(error);
        }
    }
}

pub(super) async fn next_chunk(field: &mut Field<'_>, pace: &mut Pace) -> Result<Option<Bytes>> {
    let chunk = pace.within(field.chunk()).await?.map_err(unreadable)?;
    pace.bytes += chunk.as_ref().map_or(0, Bytes::len);
    Ok(chunk)
}

/// How slowly a client may send: it may pause for a while, and on the whole bring [`SLOWEST`], so that nobody holds one
/// of the few places for ever.
pub(super) struct Pace {
    began: Instant,
    bytes: usize,
    pause: Duration,
}

/// Bytes a second.
const SLOWEST: usize = 16 << 10;

impl Pace {
    pub(super) fn new(pause: Duration) -> Self {
        Self { began: Instant::now(), bytes: 0, pause }
    }

    pub(super) async fn within<T>(&self, step: impl Future<Output = T>) -> Result<T> {
        let allowed = self.pause + Duration::from_secs((self.bytes / SLOWEST) as u64);
        let left = allowed.saturating_sub(self.began.elapsed()).min(self.pause);
        tokio::time::timeout(left, step).await.map_err(|_| Error::Stalled)
    }

    /// Work of ours, which takes none of the client's time.
    pub(super) async fn apart<T>(&mut self, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        self.began += began.elapsed();
        done
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn unreadable(error: axum::extract::multipart::MultipartError) -> Error {
    Error::Invalid(format!("the form can't be read: {}", error.body_text()))
}

fn text_field(name: String, text: Vec<u8>) -> Result<(String, String)> {
    let text = String::from_utf8(text).map_err(|_| Error::Invalid(format!("field '{name}' is not UTF-8")))?;
    match text.contains('\0') || name.contains('\0') {
        true => Err(Error::Invalid(format!("field '{}' holds a NUL character", name.replace('\0', "")))),
        false => Ok((name, text)),
    }
}

async fn read_urlencoded(request: Request, pace: &Pace) -> Result<Form> {
    let body = pace.within(axum::body::to_bytes(request.into_body(), LARGEST_FORM)).await?;
    let body =
        body.map_err(|_| Error::Invalid(format!("the form is cut or larger than {LARGEST_FORM} bytes")))?;
    let fields = url::form_urlencoded::parse(&body).into_owned();
    let form: Form = fields
        .take(MOST_FIELDS + 1)
        .map(|(name, text)| text_field(name, text.into_bytes()))
        .collect::<Result<_>>()?;
    check_count(&form)?;
    Ok(form)
}

fn check_count(form: &Form) -> Result<()> {
    match form.len() > MOST_FIELDS {
        true => Err(Error::Invalid(format!("the form has more than {MOST_FIELDS} fields"))),
        false => Ok(()),
    }
}

/// The route's own limit is off for the sake of files, so a JSON body gets its limit here.
fn limited(request: Request) -> Request {
    let (parts, body) = request.into_parts();
    Request::from_parts(parts, Body::new(http_body_util::Limited::new(body, LARGEST_JSON)))
}

/// Reads on for a while after an error in the middle of a form.
pub(super) async fn drain_form(mut multipart: Multipart) {
    let _ = tokio::time::timeout(DRAINED_FOR, async {
        let mut read = 0;
        while let Ok(Some(mut field)) = multipart.next_field().await {
            while let Ok(Some(chunk)) = field.chunk().await {
                read += chunk.len();
                if read > DRAINED {
                    return;
                }
            }
        }
    })
    .await;
}

/// Reads on for a while after a refusal; a client that waits for `100 Continue` has sent nothing.
pub(super) async fn drain(request: Request) {
    if request.headers().contains_key(EXPECT) {
        return;
    }
    let mut body = request.into_body().into_data_stream();
    let _ = tokio::time::timeout(DRAINED_FOR, async {
        let mut read = 0;
        while let Some(Ok(chunk)) = body.next().await {
            read += chunk.len();
            if read > DRAINED {
                break;
            }
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_of_ours_takes_none_of_the_clients_time() {
        let mut pace = Pace::new(Duration::ZERO);
        let (began, work) = (pace.began, Duration::from_millis(1));
        pace.apart(async {
            let from = Instant::now();
            while from.elapsed() < work {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(pace.began - began >= work);
    }
}

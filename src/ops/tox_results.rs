//! Results of tests of release files, as `devpi test` sends them (devpi-api, Tox results).

use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        attachment::{Attachment, Rel, tox_result_filename},
        event::{Event, EventKind},
        file::{File, entry, log_entry},
        index::Index,
        name::{IndexName, ProjectName},
        tox_run::ToxRun,
    },
    ops::{
        download::{self, Found},
        projects::{self, Linked},
        receive::{Kept, Reader, Received, Receiver},
        resolve, simple,
    },
    service::Service,
    store::{self, Change, attachments::NewAttachment, projects::Project},
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::{io::BufReader, sync::Arc};
use time::OffsetDateTime;
use tokio::sync::SemaphorePermit;

/// Largest result, in bytes: the output of every command of a run is in it.
const LARGEST: u64 = 64 << 20;

/// A result that is allowed: it may send its body.
pub struct ToxResult<'a> {
    service: &'a Service,
    caller: &'a Caller,
    file: Arc<File>,
    #[expect(dead_code, reason = "held, not read: it counts against the uploads that run")]
    place: SemaphorePermit<'a>,
}

/// Asks for a result about the file in a folder of an index, before its body is read.
///
/// # Errors
/// Those of [`resolve::readable`]; [`Error::Forbidden`]; [`Error::NotFound`] when there is no such file on a stage;
/// [`Error::Overloaded`] when too many uploads run for too long.
pub async fn begin<'a>(
    service: &'a Service,
    caller: &'a Caller,
    index: &IndexName,
    entry: &str,
    filename: &str,
) -> Result<ToxResult<'a>> {
    let stage = resolve::readable(service, caller, index).await?;
    check_permission(caller, &stage, None)?;
    match download::file(service, caller, index, entry, filename).await {
        Ok(Found::Stage(_, file)) => {
            check_permission(caller, &stage, Some(&file.project))?;
            // Anybody may send some, and is not to keep uploads out.
            let place = service.place(&service.results, "too many tox results at the same time").await?;
            Ok(ToxResult { service, caller, file, place })
        }
        Ok(_) | Err(Error::NoSuchFile | Error::Gone(_)) => {
            Err(missing(&format!("{index}/{entry}/{filename}")))
        }
        Err(error) => Err(error),
    }
}

fn check_permission(caller: &Caller, index: &Index, project: Option<&ProjectName>) -> Result<()> {
    // On a mirror there is nothing to be allowed.
    match index.mirror.is_some() || access::may_upload_tox_results(caller, index, project) {
        true => Ok(()),
        // devpi: views.py, TOXRESULT_UPLOAD_FORBIDDEN
        false => Err(Error::Forbidden(
            "No permission to upload tox results. You can use the devpi test --no-upload option to skip the upload."
                .into(),
        )),
    }
}

fn missing(path: &str) -> Error {
    Error::NotFound(format!("no release file found at {path}"))
}

impl ToxResult<'_> {
    /// Where the bytes of the body go.
    pub fn receiver(&self) -> Receiver {
        Receiver::new(self.service, LARGEST)
    }

    /// Stores a body as it is; returns the path of the result, and the digest of its content behind a `#` (devpi).
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is no JSON, [`Error::NotFound`] when the file has gone meanwhile; those of database and
    /// object store.
    pub async fn store(&self, received: Received) -> Result<String> {
        let stored = self.keep(&received).await;
        let sha256 = received.blob.sha256.clone();
        received.discard(self.service).await;
        Ok(format!("{}#sha256={sha256}", stored?))
    }

    async fn keep(&self, received: &Received) -> Result<String> {
        let mut reader = received.reader(self.service);
        let parsed = tokio::task::spawn_blocking(move || {
            let parsed = serde_json::from_reader::<_, IgnoredAny>(BufReader::new(&mut reader));
            // A store that does not answer is no fault of the result.
            reader
                .failure
                .map_or(parsed.map_err(|_| Error::invalid("Bad request: could not decode json")), Err)
        });
        parsed.await.map_err(|error| Error::Internal(error.to_string()))??;
        let kept = received.keep(self.service).await?;
        self.service.bounded(self.record(received, &kept)).await
    }

    /// Records a result whose object is there.
    async fn record(&self, received: &Received, kept: &Kept) -> Result<String> {
        let Self { service, caller, file, .. } = self;
        let mut connection = service.db().await?;
        let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
        let index = store::indexes::share(&mut change, &file.index).await?;
        check_permission(caller, &index, Some(&file.project))?;
        let gone = || missing(&file.path());
        let project = store::projects::lock(&mut change, &index, &file.project).await?.ok_or_else(gone)?;
        let current = store::files::named(&change, &index, &file.filename).await?;
        if current.is_none_or(|current| current.sha256 != file.sha256) {
            return Err(gone());
        }
        kept.confirm(&mut change).await?;
        let now = OffsetDateTime::now_utc();
        let blob = &received.blob;
        let log = json!([log_entry("upload", caller.name(), now, &[("dst", &index.name)])]);
        let all = store::attachments::of_release(&mut change, &project, &file.version).await?;
        let earlier = all.iter().filter(|other| other.is_about(file)).count();
        let new = NewResult { sha256: &blob.sha256, uploaded_at: now, log: &log, earlier };
        let filename = insert(&mut change, &index, &project, file, &new).await?;
        store::projects::touch(&mut change, &project);
        let event = Event::release(EventKind::ToxResultUpload, &index.name, &project.name, &file.version);
        let detail = json!({"sha256": blob.sha256, "size": blob.size, "for": file.filename});
        change.log(event.with_file(&filename).with_detail(detail));
        change.commit().await?;
        Ok(format!("{}/{}/{filename}", index.name, entry(&file.sha256)))
    }
}

/// What a result holds that is added.
pub struct NewResult<'a> {
    /// Hex digest of stored content.
    pub sha256: &'a str,
    pub uploaded_at: OffsetDateTime,
    pub log: &'a Value,
    /// How many there are about the same file.
    pub earlier: usize,
}

/// Adds a result about a file of a locked project, named by this moment; returns its name.
///
/// # Errors
/// Those of the database.
pub async fn insert(
    change: &mut Change<'_>,
    index: &Index,
    project: &Project,
    file: &File,
    result: &NewResult<'_>,
) -> Result<String> {
    let now = OffsetDateTime::now_utc();
    // One of this second may have been deleted, so that the number of another stands for more than there are.
    for number in result.earlier.. {
        let filename = tox_result_filename(&file.filename, now, number);
        let new = NewAttachment {
            version: &file.version,
            rel: Rel::ToxResult,
            entry: &entry(&file.sha256),
            filename: &filename,
            for_filename: Some(&file.filename),
            sha256: result.sha256,
            uploaded_at: result.uploaded_at,
            log: result.log,
        };
        if store::attachments::insert(change, index, project, &new).await? {
            return Ok(filename);
        }
    }
    Err(Error::Internal("numbers have come to their end".into()))
}

/// Largest result that is read to be shown, in bytes.
const LARGEST_SHOWN: i64 = 4 << 20;

/// What a stored result says; `None` when it is too large to be shown, or too deep.
///
/// # Errors
/// Those of the object store.
pub async fn run(service: &Service, result: &Attachment) -> Result<Option<Arc<ToxRun>>> {
    if result.size > LARGEST_SHOWN {
        return Ok(None);
    }
    let read = async {
        let _place = service.place(&service.result_reads, "too many tox results are read").await?;
        let mut reader = Reader::of_stored(service, &result.sha256, result.size.unsigned_abs());
        let read = simple::blocking(move || {
            let sent = serde_json::from_reader::<_, Value>(BufReader::new(&mut reader));
            reader.failure.map_or(Ok(sent.ok().map(|sent| Arc::new(ToxRun::read(&sent)))), Err)
        });
        read.await?
    };
    let run = service.tox_runs.try_get_with_by_ref(&result.sha256, read).await;
    run.map_err(|error: Arc<Error>| Error::clone(&error))
}

/// The results about a file of a release on the first index that has the release, newest first.
///
/// # Errors
/// [`Error::NotFound`] when the release has no such file; those of [`projects::version`].
pub async fn about(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: &ProjectName,
    version: &str,
    filename: &str,
) -> Result<Vec<Attachment>> {
    let version = projects::version(service, caller, index, project, version).await?;
    let (mut is_there, mut results) = (false, Vec::new());
    for linked in version.first.files {
        match linked {
            Linked::File(file) => is_there |= file.filename == filename,
            Linked::Attachment(it) if it.for_filename.as_deref() == Some(filename) => results.push(it),
            _ => {}
        }
    }
    results.reverse();
    match is_there {
        true => Ok(results),
        false => Err(Error::NotFound(format!("the release has no file {filename}"))),
    }
}

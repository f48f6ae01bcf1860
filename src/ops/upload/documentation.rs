//! `doc_upload`: the documentation of a release, as a zip (devpi-api, Upload).

use super::{
    Form, Outcome, SentFile, Upload, check_open, check_permission, file::check_digests, overwrite_entry,
    project_name, put_metadata, version_of,
};
use crate::{
    error::{Error, Result},
    model::{
        archive::documents::Documents,
        attachment::{Attachment, Rel, doc_zip_filename},
        event::{Event, EventKind},
        file::{entry, log_entry},
        index::Index,
        name::ProjectName,
        serial::Serial,
        version,
    },
    ops::{receive::Kept, resolve},
    store::{self, Change, Client, attachments::NewAttachment, projects::Project},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Documentation that can be read.
struct Checked<'a> {
    form: &'a Form,
    file: &'a SentFile,
    name: ProjectName,
    /// `None`: the latest that there is.
    version: Option<&'a str>,
}

impl Upload<'_> {
    pub(super) async fn document(&self, form: &Form, file: &SentFile) -> Result<Outcome> {
        let name = project_name(form)?;
        let has_version = form.iter().any(|(key, _)| key == "version");
        let version = has_version.then(|| version_of(form)).transpose()?;
        check_digests(form, file)?;
        let checked = Checked { form, file, name, version };
        self.read_directory(file).await?;
        if self.service.bounded(self.foresee_documentation(&checked)).await? == Outcome::Identical {
            return Ok(Outcome::Identical);
        }
        let kept = file.received.keep(self.service).await?;
        self.service.bounded(self.record_documentation(&checked, &kept)).await
    }

    /// Opens the zip on a blocking thread.
    async fn read_directory(&self, file: &SentFile) -> Result<()> {
        let mut reader = file.received.reader(self.service);
        let (filename, size) = (file.filename.clone(), file.received.blob.size.unsigned_abs());
        let opened = tokio::task::spawn_blocking(move || {
            let documents = Documents::read(&filename, &mut reader, size);
            reader.failure.map_or(documents.map_err(Error::Invalid), Err).map(drop)
        });
        opened.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    /// Looks, without any lock, whether it will be refused or is there already.
    async fn foresee_documentation(&self, checked: &Checked<'_>) -> Result<Outcome> {
        let index = resolve::index(self.service, &self.index).await?;
        check_permission(self.caller, &index, Some(&checked.name))?;
        let db = self.service.db().await?;
        let statuses = store::projects::statuses(&db, &[index.id], &checked.name, Serial::NOW).await?;
        statuses.iter().try_for_each(|(_, status)| check_open(&checked.name, status))?;
        let (_, before) = checked.place(&db, &index).await?;
        checked.over(&index, before.as_ref())
    }

    /// Records documentation whose object is there.
    async fn record_documentation(&self, checked: &Checked<'_>, kept: &Kept) -> Result<Outcome> {
        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, self.caller.name()).await?;
        let (index, project) = self.lock(&mut change, &checked.name).await?;
        let (version, before) = checked.place(&change, &index).await?;
        if checked.over(&index, before.as_ref())? == Outcome::Identical {
            return Ok(Outcome::Identical);
        }
        kept.confirm(&mut change).await?;
        if checked.version.is_some() {
            put_metadata(&mut change, &project, &version, checked.form).await?;
        }
        let (blob, now) = (&checked.file.received.blob, OffsetDateTime::now_utc());
        let log = vec![log_entry("upload", change.actor(), now, &[("dst", &index.name)])];
        let new = Documentation { version: &version, sha256: &blob.sha256, uploaded_at: now, log };
        let filename = put(&mut change, &index, &project, new, before.as_ref()).await?;
        let kind = if before.is_some() { EventKind::DocZipOverwrite } else { EventKind::DocZipUpload };
        let event = Event::release(kind, &index.name, &project.name, &version);
        change.log(event.with_file(&filename).with_detail(json!({"sha256": blob.sha256, "size": blob.size})));
        change.commit().await?;
        metrics::counter!("wheelyard_uploaded_bytes_total").increment(blob.size.unsigned_abs());
        Ok(Outcome::Stored)
    }
}

impl Checked<'_> {
    /// The version that it is the documentation of, and what that has so far.
    async fn place(&self, db: &impl Client, index: &Index) -> Result<(String, Option<Attachment>)> {
        let version = match self.version {
            Some(version) => version.to_owned(),
            None => {
                let all = store::releases::versions(db, &[index.id], &self.name, Serial::NOW).await?;
                let latest = version::latest(all.iter().map(|(_, version)| version.as_str()));
                latest.map(str::to_owned).ok_or_else(|| {
                    let name = &self.name;
                    Error::Invalid(format!(
                        "doczip has no version and '{name}' has no releases to derive one from"
                    ))
                })?
            }
        };
        let before = store::attachments::documentation(db, index.id, &self.name, Some(&version)).await?;
        Ok((version, before.into_iter().next()))
    }

    /// What the upload comes to over this.
    fn over(&self, index: &Index, before: Option<&Attachment>) -> Result<Outcome> {
        match before {
            Some(before) if before.sha256 == self.file.received.blob.sha256 => Ok(Outcome::Identical),
            Some(_) if !index.volatile => Err(Error::FileExists(self.file.filename.clone())),
            _ => Ok(Outcome::Stored),
        }
    }
}

/// What is to be the documentation of a release.
pub struct Documentation<'a> {
    pub version: &'a str,
    /// Hex digest of stored content.
    pub sha256: &'a str,
    pub uploaded_at: OffsetDateTime,
    pub log: Vec<Value>,
}

/// Puts it in the place of what a release of a locked project has; returns its file name.
///
/// # Errors
/// Those of the database.
pub async fn put(
    change: &mut Change<'_>,
    index: &Index,
    project: &Project,
    documentation: Documentation<'_>,
    before: Option<&Attachment>,
) -> Result<String> {
    let Documentation { version, sha256, uploaded_at, mut log } = documentation;
    if let Some(before) = before {
        store::attachments::delete(change, before).await?;
        log.insert(0, overwrite_entry(&before.log, OffsetDateTime::now_utc()));
    }
    let filename = doc_zip_filename(&project.name, version);
    let new = NewAttachment {
        version,
        rel: Rel::DocZip,
        entry: &entry(sha256),
        filename: &filename,
        for_filename: None,
        sha256,
        uploaded_at,
        log: &Value::Array(log),
    };
    match store::attachments::insert(change, index, project, &new).await? {
        true => Ok(filename),
        false => Err(Error::FileExists(filename)),
    }
}

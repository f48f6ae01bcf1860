//! `file_upload`: a file is checked, then stored, then recorded.
//!
//! The object comes before the row: an object without a row is swept up later, a row without an object would be a broken
//! download.

use super::{
    Form, Outcome, SentFile, Upload, check_open, check_permission, field, name_and_version, put_metadata,
};
use crate::{
    error::{Error, Result},
    model::{
        archive::{self, Contents},
        event::{Event, EventKind},
        file::{File, log_entry},
        filename,
        index::Index,
        metadata,
        name::ProjectName,
        serial::Serial,
    },
    ops::{receive::Kept, resolve},
    store::{self, Change, files::NewFile, projects::Project},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// A file that is what it says it is.
struct Checked<'a> {
    form: &'a Form,
    file: &'a SentFile,
    name: ProjectName,
    version: &'a str,
    opened: Opened,
}

/// What an archive was opened for.
struct Opened {
    contents: Contents,
    /// Hex digest of the core metadata.
    metadata_sha256: Option<String>,
    /// As the core metadata say, where there are any.
    requires_python: Option<String>,
}

/// Longest Requires-Python, in bytes: each page repeats it.
const LONGEST_REQUIRES_PYTHON: usize = 1000;

impl Upload<'_> {
    pub(super) async fn store(&self, form: &Form, file: &SentFile) -> Result<Outcome> {
        let checked = self.check(form, file).await?;
        if self.service.bounded(self.foresee(&checked)).await? == Outcome::Identical {
            return Ok(Outcome::Identical);
        }
        let kept = file.received.keep(self.service).await?;
        self.service.bounded(self.record(&checked, &kept)).await
    }

    /// File name and digests against the form, then the archive itself.
    async fn check<'a>(&self, form: &'a Form, file: &'a SentFile) -> Result<Checked<'a>> {
        let (name, version) = name_and_version(form)?;
        filename::parse(&file.filename, &name, version).map_err(Error::Invalid)?;
        check_digests(form, file)?;
        let mut opened = self.open(file, &name, version).await?;
        // The file knows better than the form, which some clients fill in wrongly.
        if opened.contents.metadata.is_none() {
            opened.requires_python = field(form, "requires_python").map(str::to_owned);
        }
        opened.requires_python = opened.requires_python.filter(|text| !text.is_empty());
        match opened.requires_python.as_deref() {
            Some(text) if text.contains('\0') || text.len() > LONGEST_REQUIRES_PYTHON => {
                Err(Error::Invalid(format!(
                    "Requires-Python holds a NUL character or is longer than {LONGEST_REQUIRES_PYTHON} bytes"
                )))
            }
            _ => Ok(Checked { form, file, name, version, opened }),
        }
    }

    /// Opens the archive on a blocking thread, where its core metadata are read and hashed too.
    async fn open(&self, file: &SentFile, name: &ProjectName, version: &str) -> Result<Opened> {
        let mut reader = file.received.reader(self.service);
        let size = file.received.blob.size.unsigned_abs();
        let (filename, name, version) = (file.filename.clone(), name.clone(), version.to_owned());
        let opened = tokio::task::spawn_blocking(move || {
            let contents = archive::inspect(&filename, &name, &version, &mut reader, size);
            // A store that does not answer is no fault of the archive.
            let contents = reader.failure.map_or(contents.map_err(Error::Invalid), Err)?;
            let bytes = contents.metadata.as_deref();
            let parsed = bytes.map(metadata::parse).transpose().map_err(Error::Invalid)?;
            Ok(Opened {
                metadata_sha256: bytes.map(|bytes| hex::encode(Sha256::digest(bytes))),
                requires_python: parsed.and_then(|metadata| metadata.requires_python),
                contents,
            })
        });
        opened.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    /// Looks, without any lock, whether the file will be refused or is there already: then no object is stored for it.
    async fn foresee(&self, checked: &Checked<'_>) -> Result<Outcome> {
        let index = resolve::index(self.service, &self.index).await?;
        check_permission(self.caller, &index, Some(&checked.name))?;
        let (db, ids) = (self.service.db().await?, [index.id]);
        let (statuses, before) = tokio::try_join!(
            store::projects::statuses(&db, &ids, &checked.name, Serial::NOW),
            store::files::named(&db, &index, &checked.file.filename),
        )?;
        statuses.iter().try_for_each(|(_, status)| check_open(&checked.name, status))?;
        checked.over(&index, before.as_ref())
    }

    /// Records a file whose object is there.
    async fn record(&self, checked: &Checked<'_>, kept: &Kept) -> Result<Outcome> {
        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, self.caller.name()).await?;
        let (index, project) = self.lock(&mut change, &checked.name).await?;
        let before = store::files::named(&change, &index, &checked.file.filename).await?;
        if checked.over(&index, before.as_ref())? == Outcome::Identical {
            return Ok(Outcome::Identical);
        }
        kept.confirm(&mut change).await?;
        put_metadata(&mut change, &project, checked.version, checked.form).await?;
        checked.put_file(&mut change, &index, &project, before.as_ref()).await?;
        change.commit().await?;
        let size = checked.file.received.blob.size.unsigned_abs();
        metrics::counter!("wheelyard_uploaded_bytes_total").increment(size);
        Ok(Outcome::Stored)
    }
}

impl Checked<'_> {
    /// What the upload comes to on an index that has this file of the same name.
    ///
    /// A name like `foo-1.0-1.tar.gz` may be of two projects; the first has it.
    fn over(&self, index: &Index, before: Option<&File>) -> Result<Outcome> {
        let exists = || Error::FileExists(self.file.filename.clone());
        match before {
            Some(before) if before.project != self.name => Err(exists()),
            Some(before) if before.sha256 == self.file.received.blob.sha256 => Ok(Outcome::Identical),
            Some(_) if !index.volatile => Err(exists()),
            _ => Ok(Outcome::Stored),
        }
    }

    async fn put_file(
        &self,
        change: &mut Change<'_>,
        index: &Index,
        project: &Project,
        before: Option<&File>,
    ) -> Result<()> {
        let now = OffsetDateTime::now_utc();
        let mut log = vec![log_entry("upload", change.actor(), now, &[("dst", &index.name)])];
        let mut kind = EventKind::FileUpload;
        if let Some(before) = before {
            store::files::delete(change, before).await?;
            store::attachments::close_about(change, before).await?;
            log.insert(0, overwrite_entry(&before.log, now));
            kind = EventKind::FileOverwrite;
        }
        let Opened { contents, metadata_sha256, requires_python } = &self.opened;
        if let (Some(sha256), Some(bytes)) = (metadata_sha256, &contents.metadata) {
            store::core_metadata::keep(change, sha256, bytes).await?;
        }
        let (filename, blob) = (&self.file.filename, &self.file.received.blob);
        let new = NewFile {
            version: self.version,
            filename,
            sha256: &blob.sha256,
            metadata_sha256: metadata_sha256.as_deref(),
            requires_python: requires_python.as_deref(),
            yanked: None,
            uploaded_at: now,
            log: &Value::Array(log),
        };
        if !store::files::insert(change, index, project, &new).await? {
            return Err(Error::FileExists(filename.clone()));
        }
        let event = Event::release(kind, &index.name, &project.name, self.version);
        let detail = json!({"sha256": blob.sha256, "size": blob.size});
        change.log(event.with_file(filename).with_detail(detail));
        Ok(())
    }
}

/// The log entry that tells how often a link was overwritten, `before` being its last log (devpi).
pub fn overwrite_entry(before: &Value, at: OffsetDateTime) -> Value {
    let entries = before.as_array().into_iter().flatten();
    let counts =
        entries.filter(|entry| entry["what"] == "overwrite").filter_map(|entry| entry["count"].as_i64());
    let mut entry = log_entry("overwrite", None, at, &[]);
    entry["count"] = (counts.max().unwrap_or(0) + 1).into();
    entry
}

pub(super) fn check_digests(form: &Form, file: &SentFile) -> Result<()> {
    let blob = &file.received.blob;
    for (key, digest) in
        [("sha256_digest", &blob.sha256), ("md5_digest", &blob.md5), ("blake2_256_digest", &blob.blake2b_256)]
    {
        if field(form, key).is_some_and(|declared| !declared.eq_ignore_ascii_case(digest)) {
            return Err(Error::Invalid(format!(
                "the digest of '{}' is not what field '{key}' says: it has {digest}",
                file.filename
            )));
        }
    }
    Ok(())
}

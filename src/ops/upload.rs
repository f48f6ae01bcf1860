//! Uploads and registrations (devpi-api, Upload; packaging standards, the upload API).

use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        archive::{self, Contents},
        event::{Event, EventKind},
        file::{File, log_entry},
        filename,
        index::Index,
        metadata,
        name::{IndexName, ProjectName},
        page::Status,
        release,
        serial::Serial,
        version,
    },
    ops::{
        receive::{Received, Receiver},
        resolve,
    },
    service::Service,
    store::{self, Change, files::NewFile, projects::Project},
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::SemaphorePermit;

/// The fields of an upload form but for the file, in the order they came; names and texts as sent.
pub type Form = Vec<(String, String)>;

/// What an upload did.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Stored,
    /// The same file was there already; nothing has changed.
    Identical,
}

/// An upload that is allowed: it may send its body.
pub struct Upload<'a> {
    service: &'a Service,
    caller: &'a Caller,
    index: IndexName,
    #[expect(dead_code, reason = "held, not read: it counts against the uploads that run")]
    place: SemaphorePermit<'a>,
}

/// Asks for an upload, before its body is read.
///
/// # Errors
/// [`Error::NoSuchIndex`]; [`Error::Unauthorized`] for an anonymous caller, [`Error::Forbidden`];
/// [`Error::Overloaded`] when too many uploads run for too long.
pub async fn begin<'a>(service: &'a Service, caller: &'a Caller, index: &IndexName) -> Result<Upload<'a>> {
    let index = resolve::index(service, index).await?;
    check_permission(caller, &index)?;
    let place = tokio::time::timeout(service.config.database.timeout(), service.uploads.acquire()).await;
    let place = place
        .map_err(|_| Error::Overloaded("too many uploads at the same time"))?
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Upload { service, caller, index: index.name.clone(), place })
}

/// A file as the form names it.
pub struct SentFile {
    pub filename: String,
    pub received: Received,
}

impl SentFile {
    /// What it comes to on an index that has this file of the same name.
    ///
    /// A name like `foo-1.0-1.tar.gz` may be of two projects; the first has it.
    fn over(&self, index: &Index, name: &ProjectName, before: Option<&File>) -> Result<Outcome> {
        match before {
            Some(before) if before.project != *name => Err(Error::FileExists(self.filename.clone())),
            Some(before) if before.sha256 == self.received.blob.sha256 => Ok(Outcome::Identical),
            Some(_) if !index.volatile => Err(Error::FileExists(self.filename.clone())),
            _ => Ok(Outcome::Stored),
        }
    }
}

impl Upload<'_> {
    /// Where the bytes of the file go.
    pub fn receiver(&self) -> Receiver {
        Receiver::new(self.service)
    }

    /// Does what `:action` says, once the whole body is there.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::FileExists`]; those of database and object store.
    pub async fn commit(&self, form: &Form, file: Option<SentFile>) -> Result<Outcome> {
        let outcome = self.act(form, file.as_ref()).await;
        if let Some(file) = file {
            file.received.discard(self.service).await;
        }
        outcome
    }

    /// Gives up a file whose form turned out to be unreadable.
    pub async fn discard(&self, file: SentFile) {
        file.received.discard(self.service).await;
    }

    async fn act(&self, form: &Form, file: Option<&SentFile>) -> Result<Outcome> {
        if field(form, "protocol_version").is_some_and(|version| version != "1") {
            return Err(Error::invalid("Unknown protocol version."));
        }
        match (field(form, ":action"), file) {
            (Some("submit"), _) => self.register(form).await,
            (Some("file_upload"), Some(file)) => self.store(form, file).await,
            (Some("file_upload"), None) => Err(Error::invalid("content file field not found")),
            (Some(action), _) => Err(Error::Invalid(format!("action '{action}' not supported"))),
            (None, _) => Err(Error::invalid("the form has no field ':action'")),
        }
    }

    /// `submit`: replaces all metadata of a release and keeps its files.
    async fn register(&self, form: &Form) -> Result<Outcome> {
        let (name, version) = name_and_version(form)?;
        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, self.caller.name()).await?;
        let (index, project) = self.lock(&mut change, &name).await?;
        let mut metadata = release::empty();
        release::merge(&mut metadata, form);
        if store::releases::put(&mut change, &project, version, &metadata).await? {
            change.log(Event::release(EventKind::ReleaseRegister, &index.name, &name, version));
        }
        change.commit().await?;
        Ok(Outcome::Stored)
    }

    /// `file_upload`: checks the file, stores it, then records it.
    ///
    /// The object comes before the row: an object without a row is swept up later, a row without an object would be a
    /// broken download.
    async fn store(&self, form: &Form, file: &SentFile) -> Result<Outcome> {
        let blob = &file.received.blob;
        let (name, version) = name_and_version(form)?;
        filename::parse(&file.filename, &name, version).map_err(Error::Invalid)?;
        check_digests(form, file)?;
        let contents = self.inspect(&file.filename, &name, version, &file.received).await?;

        if self.foresee(&name, file).await? == Outcome::Identical {
            return Ok(Outcome::Identical);
        }

        let stored = store::blobs::claim(&self.service.db().await?, blob).await?;
        if !stored {
            file.received.store(self.service).await?;
        }

        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, self.caller.name()).await?;
        let (index, project) = self.lock(&mut change, &name).await?;
        let before = store::files::named(&*change, &index, &file.filename).await?;
        if file.over(&index, &name, before.as_ref())? == Outcome::Identical {
            return Ok(Outcome::Identical);
        }
        if !stored {
            store::blobs::stored(&mut change, &blob.sha256).await?;
        }
        self.put_metadata(&mut change, &project, version, form).await?;
        self.put_file(&mut change, &index, &project, version, form, file, &contents, before.as_ref()).await?;
        change.commit().await?;
        metrics::counter!("wheelyard_uploaded_bytes_total").increment(blob.size.unsigned_abs());
        Ok(Outcome::Stored)
    }

    /// Looks, without any lock, whether the file will be refused or is there already: then no object is stored for it.
    async fn foresee(&self, name: &ProjectName, file: &SentFile) -> Result<Outcome> {
        let index = resolve::index(self.service, &self.index).await?;
        let (db, ids) = (self.service.db().await?, [index.id]);
        let (statuses, before) = tokio::try_join!(
            store::projects::statuses(&db, &ids, name, Serial::NOW),
            store::files::named(&db, &index, &file.filename),
        )?;
        statuses.iter().try_for_each(|(_, status)| check_open(name, status))?;
        file.over(&index, name, before.as_ref())
    }

    async fn inspect(
        &self,
        filename: &str,
        name: &ProjectName,
        version: &str,
        received: &Received,
    ) -> Result<Contents> {
        let mut reader = received.reader(self.service);
        let size = received.blob.size.unsigned_abs();
        let (filename, name, version) = (filename.to_owned(), name.clone(), version.to_owned());
        let inspected = tokio::task::spawn_blocking(move || {
            let contents = archive::inspect(&filename, &name, &version, &mut reader, size);
            // A store that does not answer is no fault of the archive.
            reader.failure.map_or(contents.map_err(Error::Invalid), Err)
        });
        inspected.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    /// Locks the project, created if need be, and asks for permission once more: it may have gone meanwhile.
    async fn lock(&self, change: &mut Change<'_>, name: &ProjectName) -> Result<(Index, Project)> {
        let index = store::indexes::share(change, &self.index).await?;
        check_permission(self.caller, &index)?;
        let project = store::projects::ensure(change, &index, name).await?;
        check_open(name, &store::projects::status(change, &project).await?)?;
        Ok((index, project))
    }

    async fn put_metadata(
        &self,
        change: &mut Change<'_>,
        project: &Project,
        version: &str,
        form: &Form,
    ) -> Result<()> {
        let release = store::releases::find(&**change, project.id, version).await?;
        let mut metadata = release.map_or_else(release::empty, |release| release.metadata);
        release::merge(&mut metadata, form);
        store::releases::put(change, project, version, &metadata).await?;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is one row")]
    async fn put_file(
        &self,
        change: &mut Change<'_>,
        index: &Index,
        project: &Project,
        version: &str,
        form: &Form,
        file: &SentFile,
        contents: &Contents,
        before: Option<&File>,
    ) -> Result<()> {
        let now = OffsetDateTime::now_utc();
        let mut log = vec![log_entry("upload", self.caller.name(), now, &[("dst", &index.name)])];
        let mut kind = EventKind::FileUpload;
        if let Some(before) = before {
            store::files::delete(change, before).await?;
            log.insert(0, overwrite_entry(before, now));
            kind = EventKind::FileOverwrite;
        }
        // The file knows better than the form, which some clients fill in wrongly.
        let own = contents.metadata.as_deref().and_then(|bytes| metadata::parse(bytes).ok());
        let requires_python = match own {
            Some(own) => own.requires_python,
            None => field(form, "requires_python").map(str::to_owned),
        };
        let metadata_sha256 = match &contents.metadata {
            Some(bytes) => {
                let sha256 = sha256(bytes);
                store::core_metadata::keep(change, &sha256, bytes).await?;
                Some(sha256)
            }
            None => None,
        };
        let new = NewFile {
            version,
            filename: &file.filename,
            sha256: &file.received.blob.sha256,
            metadata_sha256: metadata_sha256.as_deref(),
            requires_python: requires_python.as_deref().filter(|text| !text.is_empty()),
            yanked: None,
            uploaded_at: now,
            log: &Value::Array(log),
        };
        if !store::files::insert(change, index, project, &new).await? {
            return Err(Error::FileExists(file.filename.clone()));
        }
        let detail = json!({"sha256": new.sha256, "size": file.received.blob.size});
        let event = Event::release(kind, &index.name, &project.name, version);
        change.log(event.with_file(&file.filename).with_detail(detail));
        Ok(())
    }
}

/// The log entry that tells how often a file was overwritten, `before` being its last state (devpi).
pub fn overwrite_entry(before: &File, at: OffsetDateTime) -> Value {
    let entries = before.log.as_array().into_iter().flatten();
    let counts =
        entries.filter(|entry| entry["what"] == "overwrite").filter_map(|entry| entry["count"].as_i64());
    let mut entry = log_entry("overwrite", None, at, &[]);
    entry["count"] = (counts.max().unwrap_or(0) + 1).into();
    entry
}

/// Refuses uploads to a project that is archived or quarantined (PEP 792).
pub fn check_open(name: &ProjectName, status: &Status) -> Result<()> {
    match status.is_closed() {
        true => Err(Error::Forbidden(format!("project {name} is {} and takes no uploads", status.status))),
        false => Ok(()),
    }
}

fn check_permission(caller: &Caller, index: &Index) -> Result<()> {
    match access::may_upload(caller, index) {
        true => Ok(()),
        false => Err(Error::denied(caller.user.is_none(), "no permission to submit")),
    }
}

/// The first field of this name that says anything; empty and `UNKNOWN` say nothing.
fn field<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    let mut fields = form.iter().filter(|(key, _)| key == name).map(|(_, text)| text.as_str());
    fields.find(|text| !text.is_empty() && *text != "UNKNOWN")
}

fn name_and_version(form: &Form) -> Result<(ProjectName, &str)> {
    let required = |key: &str| {
        field(form, key)
            .ok_or_else(|| Error::Invalid(format!("invalid metadata: Missing required field \"{key}\"")))
    };
    let name = ProjectName::parse(required("name")?)
        .map_err(|problem| Error::Invalid(format!("invalid metadata: {problem}")))?;
    let version = required("version")?;
    if !version::same(version, version) {
        return Err(Error::Invalid(format!(
            "invalid metadata: version '{version}' is not a valid version by PEP 440"
        )));
    }
    Ok((name, version))
}

fn check_digests(form: &Form, file: &SentFile) -> Result<()> {
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

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(bytes))
}

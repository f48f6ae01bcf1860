//! Uploads and registrations (devpi-api, Upload; packaging standards, the upload API).

mod bare;
mod documentation;
mod file;

pub use documentation::{Documentation, put as put_documentation};
pub use file::overwrite_entry;

use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        event::{Event, EventKind},
        index::Index,
        name::{IndexName, ProjectName},
        page::Status,
        release::{self, LONGEST_VERSION},
        version,
    },
    ops::{
        receive::{Received, Receiver},
        resolve,
    },
    service::Service,
    store::{self, Change, projects::Project},
};
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
/// [`Error::NoSuchIndex`], [`Error::NotFound`] for a mirror; [`Error::Unauthorized`] for an anonymous caller,
/// [`Error::Forbidden`]; [`Error::Overloaded`] when too many uploads run for too long.
pub async fn begin<'a>(service: &'a Service, caller: &'a Caller, index: &IndexName) -> Result<Upload<'a>> {
    let index = resolve::index(service, index).await?;
    check_permission(caller, &index, None)?;
    let place = service.place(&service.uploads, "too many uploads at the same time").await?;
    Ok(Upload { service, caller, index: index.name.clone(), place })
}

/// A file as the form names it.
pub struct SentFile {
    pub filename: String,
    pub received: Received,
}

impl Upload<'_> {
    /// Where the bytes of the file go.
    pub fn receiver(&self) -> Receiver {
        Receiver::new(self.service, self.service.config.server.max_upload)
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
            (Some("submit"), _) => self.service.bounded(self.register(form)).await,
            (Some("file_upload"), Some(file)) => self.store(form, file).await,
            (Some("doc_upload"), Some(file)) => self.document(form, file).await,
            (Some("file_upload" | "doc_upload"), None) => Err(Error::invalid("content file field not found")),
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

    /// Locks the project, created if need be, and asks for permission once more: it may have gone meanwhile.
    async fn lock(&self, change: &mut Change<'_>, name: &ProjectName) -> Result<(Index, Project)> {
        let index = store::indexes::share(change, &self.index).await?;
        check_permission(self.caller, &index, Some(name))?;
        let project = store::projects::ensure(change, &index, name).await?;
        check_open(name, &store::projects::status(change, &project).await?)?;
        Ok((index, project))
    }
}

/// Refuses uploads to a project that is archived or quarantined (PEP 792).
pub fn check_open(name: &ProjectName, status: &Status) -> Result<()> {
    match status.is_closed() {
        true => Err(Error::Forbidden(format!("project {name} is {} and takes no uploads", status.status))),
        false => Ok(()),
    }
}

/// Without a project: whether the caller may upload any.
fn check_permission(caller: &Caller, index: &Index, project: Option<&ProjectName>) -> Result<()> {
    if index.mirror.is_some() {
        return Err(Error::NotFound("cannot submit to mirror index".into()));
    }
    match access::may_upload(caller, index, project) {
        true => Ok(()),
        false => Err(Error::denied(caller, "no permission to submit")),
    }
}

/// Puts the fields of a form over the metadata of a release, which is made where there is none.
async fn put_metadata(change: &mut Change<'_>, project: &Project, version: &str, form: &Form) -> Result<()> {
    let release = store::releases::find(change, project.id, version).await?;
    let mut metadata = release.map_or_else(release::empty, |release| release.metadata);
    release::merge(&mut metadata, form);
    store::releases::put(change, project, version, &metadata).await?;
    Ok(())
}

/// The first field of this name that says anything; empty and `UNKNOWN` say nothing.
fn field<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    let mut fields = form.iter().filter(|(key, _)| key == name).map(|(_, text)| text.as_str());
    fields.find(|text| !text.is_empty() && *text != "UNKNOWN")
}

fn name_and_version(form: &Form) -> Result<(ProjectName, &str)> {
    Ok((project_name(form)?, version_of(form)?))
}

fn required<'a>(form: &'a Form, key: &str) -> Result<&'a str> {
    field(form, key)
        .ok_or_else(|| Error::Invalid(format!("invalid metadata: Missing required field \"{key}\"")))
}

fn project_name(form: &Form) -> Result<ProjectName> {
    ProjectName::parse(required(form, "name")?)
        .map_err(|problem| Error::Invalid(format!("invalid metadata: {problem}")))
}

fn version_of(form: &Form) -> Result<&str> {
    let version = required(form, "version")?.trim();
    if version.len() > LONGEST_VERSION {
        return Err(Error::Invalid(format!(
            "invalid metadata: version is longer than {LONGEST_VERSION} characters"
        )));
    }
    if !version::same(version, version) {
        return Err(Error::Invalid(format!(
            "invalid metadata: version '{version}' is not a valid version by PEP 440"
        )));
    }
    Ok(version)
}

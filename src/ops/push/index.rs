//! Push to another index: new rows that name the same content.

use super::{Again, Taken, Wanted, attachments::Results, may_upload};
use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        attachment::Rel,
        event::{Event, EventKind},
        file::{File, log_entry},
        index::Index,
        link::Link,
        name::IndexName,
        release,
        serial::Serial,
    },
    ops::{
        resolve,
        upload::{check_open, overwrite_entry},
    },
    service::Service,
    store::{self, Change, files::NewFile, projects::Project},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// What devpi's action log says of a file that was pushed.
const STORED: &str = "store_releasefile";

/// What the action log says of what is there already.
pub(super) const EXISTS: &str = "exists";

/// From where to where a release is copied.
pub(super) struct Copying<'a> {
    pub source: &'a Index,
    pub target: &'a Index,
    /// Locked on the target.
    pub project: &'a Project,
    pub again: Again,
}

/// Refuses, before anything is fetched from an upstream, what would be refused in the end.
pub(super) async fn foresee(
    service: &Service,
    target: &IndexName,
    wanted: &Wanted,
    links: &[Link],
    again: Again,
) -> Result<()> {
    let target = resolve::index(service, target).await?;
    let (db, ids, Wanted { name, version, .. }) = (service.db().await?, [target.id], wanted);
    let (statuses, present) = tokio::try_join!(
        store::projects::statuses(&db, &ids, name, Serial::NOW),
        store::files::of_project(&db, &ids, name, Some(version), Serial::NOW),
    )?;
    statuses.iter().try_for_each(|(_, status)| check_open(name, status))?;
    let is_refused = |link: &&Link| {
        let mut present = present.iter().map(|(_, file)| file);
        present.find(|file| file.filename == link.filename).is_some_and(|file| {
            again == Again::Refused || link.content_sha256().is_some_and(|sha256| sha256 != file.sha256)
        })
    };
    match links.iter().find(is_refused) {
        Some(link) if !target.volatile => Err(Error::FileExists(link.filename.clone())),
        _ => Ok(()),
    }
}

/// Records a release with its files as one change.
pub(super) async fn to_index(
    service: &Service,
    caller: &Caller,
    source: &Index,
    target: &IndexName,
    wanted: &Wanted,
    taken: &Taken,
    again: Again,
) -> Result<Vec<Value>> {
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let target = store::indexes::share(&mut change, target).await?;
    let Wanted { name, spelled, version } = wanted;
    may_upload(caller, &target, name)?;
    let project = store::projects::ensure(&mut change, &target, name).await?;
    check_open(name, &store::projects::status(&mut change, &project).await?)?;
    let mut log = vec![json!([200, "register", spelled, version, "->", target.name.to_string()])];
    let known = store::releases::find(&change, project.id, version).await?;
    let mut metadata = known.map_or_else(release::empty, |known| known.metadata);
    metadata.extend(taken.release.metadata.clone());
    if store::releases::put(&mut change, &project, version, &metadata).await? {
        change.log(Event::release(EventKind::ReleaseRegister, &target.name, name, version));
    }
    for (digest, bytes) in &taken.core_metadata {
        store::core_metadata::keep(&change, digest, bytes).await?;
    }
    let copying = Copying { source, target: &target, project: &project, again };
    let mut results = Results::of(&mut change, &copying, version).await?;
    for file in &taken.files {
        let done = copying.file(&mut change, file).await?;
        log.push(json!([200, done, format!("{}/{}", target.name, file.entry_path())]));
        for result in taken.attachments.iter().filter(|it| it.is_about(file)) {
            log.push(results.copy(&mut change, file, result).await?);
        }
    }
    if let Some(documentation) = taken.attachments.iter().find(|it| it.rel == Rel::DocZip) {
        log.push(copying.documentation(&mut change, spelled, documentation).await?);
    }
    change.commit().await?;
    Ok(log)
}

impl Copying<'_> {
    /// The log of a link as it goes on at the target (devpi: `views.py`, `_push_links`).
    pub(super) fn log(&self, change: &Change<'_>, before: &Value) -> Vec<Value> {
        let carried = before.as_array().into_iter().flatten().filter(|entry| entry["what"] != "overwrite");
        let places = [("src", &self.source.name), ("dst", &self.target.name)];
        let push = log_entry("push", change.actor(), OffsetDateTime::now_utc(), &places);
        carried.cloned().chain([push]).collect()
    }

    /// Records that something of a release came here.
    pub(super) fn tell(&self, change: &mut Change<'_>, kind: EventKind, version: &str, filename: &str) {
        let event = Event::release(kind, &self.target.name, &self.project.name, version);
        let detail = json!({"from": self.source.name.to_string()});
        change.log(event.with_file(filename).with_detail(detail));
    }

    /// Records a file, with its upload time and its log; returns what the action log says of it.
    async fn file(&self, change: &mut Change<'_>, file: &File) -> Result<&'static str> {
        let Self { target, project, again, .. } = *self;
        let mut log = self.log(change, &file.log);
        if let Some(before) = store::files::named(change, target, &file.filename).await? {
            let is_same = before.sha256 == file.sha256 && before.project == project.name;
            let is_unchanged = is_same && before.yanked == file.yanked;
            if again == Again::Told && is_same && (is_unchanged || !target.volatile) {
                return Ok(EXISTS);
            }
            if !target.volatile {
                return Err(Error::FileExists(file.filename.clone()));
            }
            if is_unchanged {
                return Ok(STORED);
            }
            store::files::delete(change, &before).await?;
            if !is_same {
                store::attachments::close_about(change, &before).await?;
            }
            log.insert(0, overwrite_entry(&before.log, OffsetDateTime::now_utc()));
        }
        store::blobs::touch(change, &file.sha256).await?;
        let new = NewFile {
            version: &file.version,
            filename: &file.filename,
            sha256: &file.sha256,
            metadata_sha256: file.metadata_sha256.as_deref(),
            requires_python: file.requires_python.as_deref(),
            yanked: file.yanked.as_deref(),
            uploaded_at: file.uploaded_at,
            log: &Value::Array(log),
        };
        if !store::files::insert(change, target, project, &new).await? {
            return Err(Error::FileExists(file.filename.clone()));
        }
        self.tell(change, EventKind::FilePush, &file.version, &file.filename);
        Ok(STORED)
    }
}

//! Push to another index: new rows that name the same content.

use super::{Again, Taken, Wanted, may_upload};
use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
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
    for file in &taken.files {
        let done = copy(&mut change, source, &target, &project, file, again).await?;
        log.push(json!([200, done, format!("{}/{}", target.name, file.entry_path())]));
    }
    change.commit().await?;
    Ok(log)
}

/// Records a file of one index on another, with its upload time and its log; returns what the action log says of it.
async fn copy(
    change: &mut Change<'_>,
    source: &Index,
    target: &Index,
    project: &Project,
    file: &File,
    again: Again,
) -> Result<&'static str> {
    let now = OffsetDateTime::now_utc();
    let carried = file.log.as_array().into_iter().flatten().filter(|entry| entry["what"] != "overwrite");
    let mut log: Vec<Value> = carried.cloned().collect();
    log.push(log_entry("push", change.actor(), now, &[("src", &source.name), ("dst", &target.name)]));
    if let Some(before) = store::files::named(change, target, &file.filename).await? {
        let is_same = before.sha256 == file.sha256 && before.project == project.name;
        let is_unchanged = is_same && before.yanked == file.yanked;
        if again == Again::Told && is_same && (is_unchanged || !target.volatile) {
            return Ok("exists");
        }
        if !target.volatile {
            return Err(Error::FileExists(file.filename.clone()));
        }
        if is_unchanged {
            return Ok(STORED);
        }
        store::files::delete(change, &before).await?;
        log.insert(0, overwrite_entry(&before, now));
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
    let event = Event::release(EventKind::FilePush, &target.name, &project.name, &file.version);
    change.log(event.with_file(&file.filename).with_detail(json!({"from": source.name.to_string()})));
    Ok(STORED)
}

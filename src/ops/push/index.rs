//! Push to another index: new rows that name the same content.

use super::Push;
use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        event::{Event, EventKind},
        file::{File, log_entry},
        index::Index,
        name::IndexName,
        release::Release,
    },
    ops::upload::{check_open, overwrite_entry},
    service::Service,
    store::{self, Change, files::NewFile, projects::Project},
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

pub(super) async fn to_index(
    service: &Service,
    caller: &Caller,
    source: &Index,
    target: &IndexName,
    push: &Push,
    release: &Release,
    files: &[File],
) -> Result<Vec<Value>> {
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let target = store::indexes::share(&mut change, target).await?;
    if !access::may_upload(caller, &target) {
        let who = caller.name().map_or_else(|| "None".to_owned(), |name| format!("'{name}'"));
        return Err(Error::Unauthorized(format!("user {who} cannot upload to '{}'", target.name)));
    }
    let project = store::projects::ensure(&mut change, &target, &push.name).await?;
    check_open(&push.name, &store::projects::status(&mut change, &project).await?)?;
    let mut log = vec![json!([200, "register", push.spelled, push.version, "->", target.name.to_string()])];
    let known = store::releases::find(&*change, project.id, &push.version).await?;
    let mut metadata = known.map_or_else(Map::new, |known| known.metadata);
    metadata.extend(release.metadata.clone());
    if store::releases::put(&mut change, &project, &push.version, &metadata).await? {
        change.log(Event::release(EventKind::ReleaseRegister, &target.name, &push.name, &push.version));
    }
    for file in files {
        copy(&mut change, caller, source, &target, &project, file).await?;
        log.push(json!([200, "store_releasefile", format!("{}/{}", target.name, file.entry_path())]));
    }
    change.commit().await?;
    Ok(log)
}

/// Records a file of one index on another, with its upload time and its log.
async fn copy(
    change: &mut Change<'_>,
    caller: &Caller,
    source: &Index,
    target: &Index,
    project: &Project,
    file: &File,
) -> Result<()> {
    let now = OffsetDateTime::now_utc();
    let carried = file.log.as_array().into_iter().flatten().filter(|entry| entry["what"] != "overwrite");
    let mut log: Vec<Value> = carried.cloned().collect();
    log.push(log_entry("push", caller.name(), now, &[("src", &source.name), ("dst", &target.name)]));
    if let Some(before) = store::files::named(&**change, target, &file.filename).await? {
        if !target.volatile {
            return Err(Error::FileExists(file.filename.clone()));
        }
        if before.sha256 == file.sha256 && before.yanked == file.yanked {
            return Ok(());
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
    Ok(())
}

//! Releases of stages: metadata, files, tox results and documentation.

use super::{Import, content::Content};
use crate::{
    error::Result,
    model::{
        attachment::{self, Attachment, Rel},
        dump::{Kind, PlannedFile, PlannedProject, PlannedRelease},
        event::{Event, EventKind},
        file::{self, File},
        index::Index,
        page::Status,
        serial::Serial,
    },
    store::{self, Change, attachments::NewAttachment, files::NewFile, projects::Project},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use time::OffsetDateTime;

/// What an index has of a release already.
struct Present {
    files: Vec<File>,
    attachments: Vec<Attachment>,
}

/// A file whose content is stored.
struct Stored<'a> {
    file: &'a PlannedFile,
    content: Content,
    /// It was stored before this import came.
    known: bool,
}

/// What became of a file in the change.
enum Inserted {
    New,
    /// Somebody else has brought it meanwhile.
    Present,
    /// Why it is not taken.
    Refused(String),
}

fn other_of_this_name(index: &Index) -> String {
    format!("{} has another file of this name", index.name)
}

impl Import<'_> {
    /// Takes what the index does not have of a release, as one change.
    pub(super) async fn release(
        &self,
        index: &Index,
        project: &PlannedProject,
        release: &PlannedRelease,
    ) -> Result<()> {
        let db = self.service.db().await?;
        let (ids, version) = ([index.id], Some(release.version.as_str()));
        let files = store::files::of_project(&db, &ids, &project.name, version, Serial::NOW).await?;
        let attachments = store::attachments::of_project(&db, &ids, &project.name, version).await?;
        drop(db);
        let present = Present {
            files: files.into_iter().map(|(_, file)| file).collect(),
            attachments: attachments.into_iter().map(|(_, attachment)| attachment).collect(),
        };
        let mut stored = Vec::new();
        for file in &release.files {
            if present.has(file, file.digests.get("sha256")) {
                self.tally.with(|report| report.present += 1);
                continue;
            }
            let content = self.content(file, &project.name, &release.version).await?;
            let Some(mut content) = content else { continue };
            if present.has(file, Some(&content.blob.sha256)) {
                self.tally.with(|report| report.present += 1);
                continue;
            }
            if let Some(known) = self.store(file, &mut content).await? {
                stored.push(Stored { file, content, known });
            }
        }
        self.record(index, project, release, &present, &stored).await
    }

    async fn record(
        &self,
        index: &Index,
        project: &PlannedProject,
        release: &PlannedRelease,
        present: &Present,
        stored: &[Stored<'_>],
    ) -> Result<()> {
        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, None).await?;
        let index = store::indexes::share(&mut change, &index.name).await?;
        let locked = store::projects::ensure(&mut change, &index, &project.name).await?;
        self.status(&mut change, &index, &locked, &project.status).await?;
        let is_new = store::releases::find(&change, locked.id, &release.version).await?.is_none();
        if is_new {
            store::releases::put(&mut change, &locked, &release.version, &release.data.metadata).await?;
            let event = EventKind::ReleaseRegister;
            change.log(Event::release(event, &index.name, &project.name, &release.version));
        }
        let mut digests: HashMap<&str, &str> =
            present.files.iter().map(|file| (file.filename.as_str(), file.sha256.as_str())).collect();
        // In one order, so that changes with the same content can't wait for each other in a circle.
        let mut new: Vec<&str> =
            stored.iter().filter(|it| !it.known).map(|it| it.content.blob.sha256.as_str()).collect();
        new.sort_unstable();
        for sha256 in new {
            store::blobs::stored(&mut change, sha256).await?;
        }
        let (mut taken, mut refused, mut present) = (Vec::new(), Vec::new(), 0);
        for Stored { file, content, .. } in stored {
            let inserted = match file.kind {
                Kind::ReleaseFile => {
                    insert_file(&mut change, &index, &locked, release, file, content).await?
                }
                _ => {
                    insert_attachment(&mut change, &index, &locked, release, file, content, &digests).await?
                }
            };
            match inserted {
                Inserted::New => {
                    if file.kind == Kind::ReleaseFile {
                        digests.insert(&file.filename, &content.blob.sha256);
                    }
                    taken.push((file, content));
                }
                Inserted::Present => present += 1,
                Inserted::Refused(why) => refused.push((file, why)),
            }
        }
        change.commit().await?;
        for (file, why) in refused {
            self.tally.refuse_file(&file.path, why);
        }
        for (file, content) in taken {
            self.tally.with(|report| {
                report.files += 1;
                report.bytes += content.blob.size.unsigned_abs();
            });
            if let Some(remark) = &content.remark {
                self.tally.remark(&file.path, remark);
            }
        }
        self.tally.with(|report| {
            report.releases += u64::from(is_new);
            report.present += present;
        });
        Ok(())
    }

    /// Takes a project that has no releases.
    pub(super) async fn bare_project(&self, index: &Index, project: &PlannedProject) -> Result<()> {
        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, None).await?;
        let index = store::indexes::share(&mut change, &index.name).await?;
        let locked = store::projects::ensure(&mut change, &index, &project.name).await?;
        self.status(&mut change, &index, &locked, &project.status).await?;
        change.commit().await?;
        Ok(())
    }

    /// Gives a project the status it had, unless it was given one here.
    async fn status(
        &self,
        change: &mut Change<'_>,
        index: &Index,
        project: &Project,
        status: &Status,
    ) -> Result<()> {
        let default = Status::default();
        if *status != default && store::projects::status(change, project).await? == default {
            store::projects::set_status(change, project, status).await?;
            let event = Event::project(EventKind::ProjectStatus, &index.name, &project.name);
            change.log(event.with_detail(json!(status)));
        }
        Ok(())
    }
}

impl Present {
    /// Whether a file is there with this sha256.
    fn has(&self, wanted: &PlannedFile, sha256: Option<&String>) -> bool {
        let mut files = self.files.iter();
        let mut attachments = self.attachments.iter();
        match wanted.kind {
            Kind::ReleaseFile => {
                files.any(|file| file.filename == wanted.filename && Some(&file.sha256) == sha256)
            }
            Kind::DocZip => attachments.any(|it| it.rel == Rel::DocZip && Some(&it.sha256) == sha256),
            _ => attachments.any(|it| it.filename == wanted.filename && Some(&it.sha256) == sha256),
        }
    }
}

/// Adds a file.
async fn insert_file(
    change: &mut Change<'_>,
    index: &Index,
    project: &Project,
    release: &PlannedRelease,
    file: &PlannedFile,
    content: &Content,
) -> Result<Inserted> {
    let metadata_sha256 = content.metadata.as_ref().map(|bytes| hex::encode(Sha256::digest(bytes)));
    if let (Some(sha256), Some(bytes)) = (&metadata_sha256, &content.metadata) {
        store::core_metadata::keep(change, sha256, bytes).await?;
    }
    let new = NewFile {
        version: &release.version,
        filename: &file.filename,
        sha256: &content.blob.sha256,
        metadata_sha256: metadata_sha256.as_deref(),
        // devpi's pages have it from the metadata of the release.
        requires_python: release.data.requires_python().or(content.requires_python.as_deref()),
        yanked: file.yanked.as_deref().or(release.data.yanked.as_deref()),
        uploaded_at: file.modified_at.unwrap_or_else(OffsetDateTime::now_utc),
        log: &file.log,
    };
    if !store::files::insert(change, index, project, &new).await? {
        let there = store::files::named(change, index, &file.filename).await?;
        let is_same = there.is_some_and(|it| it.project == project.name && it.sha256 == content.blob.sha256);
        return Ok(if is_same { Inserted::Present } else { Inserted::Refused(other_of_this_name(index)) });
    }
    let event = Event::release(EventKind::FileUpload, &index.name, &project.name, &release.version);
    let detail = json!({"sha256": content.blob.sha256, "size": content.blob.size});
    change.log(event.with_file(&file.filename).with_detail(detail));
    Ok(Inserted::New)
}

/// Adds a tox result, or documentation. `digests`: those of the release's files, by name.
async fn insert_attachment(
    change: &mut Change<'_>,
    index: &Index,
    project: &Project,
    release: &PlannedRelease,
    file: &PlannedFile,
    content: &Content,
    digests: &HashMap<&str, &str>,
) -> Result<Inserted> {
    let about = file.for_filename.as_deref().and_then(|name| Some((name, *digests.get(name)?)));
    let (rel, entry, filename) = match (file.kind, about) {
        (Kind::DocZip, _) => {
            let filename = attachment::doc_zip_filename(&project.name, &release.version);
            (Rel::DocZip, file::entry(&content.blob.sha256), filename)
        }
        (_, Some((_, sha256))) => (Rel::ToxResult, file::entry(sha256), file.filename.clone()),
        _ => return Ok(Inserted::Refused("the file that it is about is not there".into())),
    };
    let there = store::attachments::of_release(change, project, &release.version).await?;
    let is_same =
        |it: &Attachment| it.rel == rel && it.filename == filename && it.sha256 == content.blob.sha256;
    if there.iter().any(is_same) {
        return Ok(Inserted::Present);
    }
    if rel == Rel::DocZip && there.iter().any(|it| it.rel == rel) {
        return Ok(Inserted::Refused(format!("{} has other documentation of this release", index.name)));
    }
    let new = NewAttachment {
        version: &release.version,
        rel,
        entry: &entry,
        filename: &filename,
        for_filename: about.filter(|_| rel == Rel::ToxResult).map(|(name, _)| name),
        sha256: &content.blob.sha256,
        uploaded_at: file.modified_at.unwrap_or_else(OffsetDateTime::now_utc),
        log: &file.log,
    };
    if !store::attachments::insert(change, index, project, &new).await? {
        return Ok(Inserted::Refused(other_of_this_name(index)));
    }
    let kind = match rel {
        Rel::ToxResult => EventKind::ToxResultUpload,
        Rel::DocZip => EventKind::DocZipUpload,
    };
    let event = Event::release(kind, &index.name, &project.name, &release.version);
    change.log(event.with_file(&filename));
    Ok(Inserted::New)
}

//! Writes all of the index to a folder, in the form that devpi-server and `ops::import` read.
//!
//! The metadata are read in one transaction, so that they are those of one serial; the files follow from the object store.
//! What names them comes last: a folder without it is no export.

mod write;

pub use write::write;

use crate::{
    error::Result,
    model::{
        attachment::{Attachment, Rel},
        dump::{Dump, DumpFile, DumpIndex, Kind, Mapping, NO_PASSWORD},
        file::File,
        index::Index,
        name::ProjectName,
        page::Status,
        release,
        serial::Serial,
        user::{User, written},
    },
    service::Service,
    store::{self, Client},
};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};
use time::OffsetDateTime;
use tokio_postgres::IsolationLevel;

/// Longest name of a file or a folder, in bytes.
const LONGEST_NAME: usize = 255;

/// What is written beside what everybody may know.
#[derive(Clone, Copy)]
pub struct Options {
    /// Password hashes, and credentials in mirror URLs.
    pub secrets: bool,
    /// Files of mirrors, as far as they are stored.
    pub mirrored_files: bool,
}

/// A file that is to be written.
pub struct Wanted {
    /// Below the folder of the export.
    pub path: String,
    /// Hex digest of its content.
    pub sha256: String,
    /// In bytes.
    pub size: i64,
}

/// All that is to be written.
#[derive(Default)]
pub struct Export {
    pub dump: Dump,
    pub files: Vec<Wanted>,
    /// Paths of files that no file system takes: a tox result has a longer name than the file that it is about.
    pub left_out: Vec<String>,
}

/// How many files were written, and how many bytes.
#[derive(Default)]
pub struct Tally {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    /// Files and bytes that were written so far.
    pub fn progress(&self) -> (u64, u64) {
        (self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// All metadata as they are at one serial, and the files that they name.
///
/// # Errors
/// Those of the database.
pub async fn read(service: &Service, options: Options) -> Result<Export> {
    let mut connection = service.db().await?;
    let snapshot =
        connection.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let snapshot = snapshot.start().await?;
    let mut all = Export::default();
    for user in store::users::all(&snapshot).await? {
        all.dump.users.insert(user.name.to_string(), user_config(&user, options));
    }
    for index in store::indexes::all(&snapshot, None).await? {
        let settings = index.settings.exported(options.secrets);
        let mut exported = Exported { dump: DumpIndex { settings, ..DumpIndex::default() }, all: &mut all };
        match index.mirror.is_some() {
            true if options.mirrored_files => exported.mirror(&snapshot, &index).await?,
            true => {}
            false => exported.stage(&snapshot, &index).await?,
        }
        let dump = exported.dump;
        all.dump.indexes.insert(index.name.to_string(), dump);
    }
    Ok(all)
}

/// A user as devpi keeps one.
fn user_config(user: &User, options: Options) -> Map<String, Value> {
    let is_open = options.secrets && !user.password_hash.is_empty();
    let mut config = user.profile.clone();
    config.insert("username".into(), user.name.to_string().into());
    config.insert("pwhash".into(), if is_open { user.password_hash.as_str() } else { NO_PASSWORD }.into());
    config.insert("created".into(), written(user.created_at).into());
    if let Some(at) = user.modified_at {
        config.insert("modified".into(), written(at).into());
    }
    config
}

/// An index on its way into a dump.
struct Exported<'a> {
    dump: DumpIndex,
    all: &'a mut Export,
}

impl Exported<'_> {
    async fn stage(&mut self, db: &impl Client, index: &Index) -> Result<()> {
        let ids = [index.id];
        for name in store::projects::names(db, index.id, Serial::NOW).await? {
            let name = ProjectName::parse(&name).map_err(crate::error::Error::Internal)?;
            let releases = store::releases::of_project(db, &ids, &name, None, Serial::NOW).await?;
            let files = store::files::of_project(db, &ids, &name, None, Serial::NOW).await?;
            let attachments = store::attachments::of_project(db, &ids, &name, None).await?;
            let versions =
                releases.into_iter().map(|(_, release)| (release.version, release.metadata.into()));
            self.dump.projects.insert(name.to_string(), versions.collect());
            let status = store::projects::statuses(db, &ids, &name, Serial::NOW).await?.pop();
            if let Some((_, status)) = status.filter(|(_, status)| *status != Status::default()) {
                let status = [("status", Some(status.status)), ("reason", status.reason)];
                let status =
                    status.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.into())));
                self.dump.project_status.insert(name.to_string(), status.collect());
            }
            let digests: BTreeMap<&str, &str> =
                files.iter().map(|(_, file)| (file.filename.as_str(), file.sha256.as_str())).collect();
            for (_, file) in &files {
                self.release_file(file);
            }
            for (_, attachment) in &attachments {
                self.attachment(attachment, &digests);
            }
        }
        Ok(())
    }

    fn release_file(&mut self, file: &File) {
        let path = format!("{}/{}/{}/{}", file.index, file.project, file.version, file.filename);
        let dumped = DumpFile {
            kind: Kind::ReleaseFile,
            project: file.project.to_string(),
            version: Some(file.version.clone()),
            path,
            mapping: Mapping::new(&file.sha256, file.uploaded_at, None),
            for_path: None,
            log: Some(file.log.clone()),
            yanked: file.yanked.clone(),
        };
        self.push(dumped, &file.sha256, file.size);
    }

    /// `digests`: those of the project's files, by name.
    fn attachment(&mut self, attachment: &Attachment, digests: &BTreeMap<&str, &str>) {
        let Attachment { index, project, version, filename, entry, .. } = attachment;
        let about = attachment.for_filename.as_deref().and_then(|name| Some((name, digests.get(name)?)));
        let (kind, path) = match (attachment.rel, about) {
            (Rel::DocZip, _) => {
                (Kind::DocZip, format!("{index}/{project}/{version}/+doc/documentation.doc.zip"))
            }
            (Rel::ToxResult, Some((_, sha256))) => {
                (Kind::ToxResult, format!("{index}/{project}/sha256={sha256}/{filename}"))
            }
            (Rel::ToxResult, None) => return,
        };
        let dumped = DumpFile {
            kind,
            project: project.to_string(),
            version: Some(version.clone()),
            path,
            mapping: Mapping::new(&attachment.sha256, attachment.uploaded_at, None),
            for_path: about.map(|(name, _)| format!("{index}/{entry}/{name}")),
            log: Some(attachment.log.clone()),
            yanked: None,
        };
        self.push(dumped, &attachment.sha256, attachment.size);
    }

    async fn mirror(&mut self, db: &impl Client, index: &Index) -> Result<()> {
        for (project, link, sha256, size) in store::links::stored(db, index.id).await? {
            let mut data = release::empty();
            data.insert("name".into(), project.to_string().into());
            data.insert("version".into(), link.version.clone().into());
            data.insert("requires_python".into(), link.requires_python.clone().into());
            data.insert("yanked".into(), link.yanked.clone().into());
            data.retain(|_, value| !matches!(value, Value::Null) && *value != "" && *value != json!([]));
            let versions = self.dump.projects.entry(project.to_string()).or_default();
            versions.insert(link.version.clone(), data.into());
            let dumped = DumpFile {
                kind: Kind::ReleaseFile,
                project: project.to_string(),
                version: Some(link.version.clone()),
                path: format!("{}/{project}/{}/{}", index.name, link.version, link.filename),
                mapping: Mapping::new(&sha256, OffsetDateTime::now_utc(), Some(link.url)),
                for_path: None,
                log: None,
                yanked: None,
            };
            self.push(dumped, &sha256, size);
        }
        Ok(())
    }

    fn push(&mut self, file: DumpFile, sha256: &str, size: i64) {
        if file.path.split('/').any(|part| part.len() > LONGEST_NAME) {
            self.all.left_out.push(file.path);
            return;
        }
        self.all.files.push(Wanted { path: file.path.clone(), sha256: sha256.to_owned(), size });
        self.dump.files.push(file);
    }
}

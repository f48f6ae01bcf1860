//! What is to be taken from a dump, every name and value in the form in which it is kept, and what can't be.

use super::{Dump, DumpFile, DumpIndex, Kind, NO_PASSWORD, project};
use crate::model::{
    filename,
    index::Settings,
    name::{IndexName, ProjectName, UserName},
    page::Status,
    release::LONGEST_VERSION,
    user::UserPatch,
};
use project::ReleaseData;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    path::{Component, Path},
};
use time::OffsetDateTime;

/// Most memory that checking a password may take, in KiB; devpi's hashes want 64 MiB, old ones 100.
const MOST_HASH_MEMORY: u64 = 512 << 10;

/// Most passes over that memory, and most lanes in it; devpi's hashes want 3 and 4, old ones 2 and 8.
const MOST_HASH_PASSES: u64 = 10;
const MOST_HASH_LANES: u64 = 64;

/// The whole of an import, before anything is done.
#[derive(Default)]
pub struct Plan {
    pub users: Vec<PlannedUser>,
    pub indexes: Vec<PlannedIndex>,
    pub refused: Vec<Refused>,
}

/// Something that is not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// A user, an index, a project, a release, or the path of a file in the export.
    pub what: String,
    pub why: String,
}

/// A user that is to be there.
pub struct PlannedUser {
    pub name: UserName,
    pub profile: Map<String, Value>,
    /// argon2 in PHC form; empty: no password opens the account.
    pub password_hash: String,
    pub created_at: OffsetDateTime,
    pub modified_at: Option<OffsetDateTime>,
}

/// An index that is to be there, and what it has.
pub struct PlannedIndex {
    pub name: IndexName,
    pub settings: Settings,
    pub projects: Vec<PlannedProject>,
}

/// A project of an index; without releases it has a name and a status only.
pub struct PlannedProject {
    pub name: ProjectName,
    pub status: Status,
    pub releases: Vec<PlannedRelease>,
}

/// A release with its metadata and all its files.
pub struct PlannedRelease {
    pub version: String,
    pub data: ReleaseData,
    /// Release files, then tox results and documentation.
    pub files: Vec<PlannedFile>,
}

/// A file of the export, for whichever index, project and release it is listed under.
pub struct PlannedFile {
    pub kind: Kind,
    /// Where its bytes are, below the folder of the export: no `..` and not absolute.
    pub path: String,
    pub filename: String,
    /// What the content is to have, as far as the export says: lower-case hex by the name of the algorithm.
    pub digests: BTreeMap<String, String>,
    pub modified_at: Option<OffsetDateTime>,
    /// Where the upstream of a mirror has it.
    pub url: Option<String>,
    /// Name of the release file that a tox result belongs to.
    pub for_filename: Option<String>,
    /// devpi's log of the link.
    pub log: Value,
    /// The reason, may be empty.
    pub yanked: Option<String>,
}

impl Plan {
    /// Reads a dump of version 2 or 3.
    ///
    /// # Errors
    /// Those of [`Dump::version`].
    pub fn new(dump: Dump) -> Result<Self, String> {
        let version = dump.version()?;
        let mut plan = Self::default();
        for (name, user) in dump.users {
            plan.user(&name, user);
        }
        for (name, index) in dump.indexes {
            plan.index(&name, index, version);
        }
        Ok(plan)
    }

    /// Every file, with what it belongs to.
    pub fn files(&self) -> impl Iterator<Item = &PlannedFile> {
        let projects = self.indexes.iter().flat_map(|index| &index.projects);
        projects.flat_map(|project| &project.releases).flat_map(|release| &release.files)
    }

    fn refuse(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.refused.push(Refused { what: what.into(), why: why.into() });
    }

    fn user(&mut self, given: &str, data: Map<String, Value>) {
        let name = match UserName::parse(given) {
            Ok(name) => name,
            Err(problem) => return self.refuse(format!("user {given}"), problem),
        };
        let data = sound(data);
        let text = |key: &str| data.get(key).and_then(Value::as_str);
        let moment = |key: &str| project::moment(text(key)?);
        let (created_at, modified_at) = (moment("created"), moment("modified"));
        let password_hash = match text("pwhash").unwrap_or_default() {
            "" | NO_PASSWORD => String::new(),
            hash if is_usable(hash) && text("pwsalt").is_none() => hash.to_owned(),
            _ => {
                self.refuse(
                    format!("password of user {name}"),
                    "its hash is not argon2 in a common form, as devpi-server 5 and newer write it",
                );
                String::new()
            }
        };
        let patch = UserPatch::parse(data, false).unwrap_or_else(|problem| {
            self.refuse(format!("profile of user {name}"), problem);
            UserPatch::default()
        });
        let mut profile = Map::new();
        patch.apply_to(&mut profile);
        self.users.push(PlannedUser {
            name,
            profile,
            password_hash,
            // As devpi does for users older than the key.
            created_at: created_at.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            modified_at,
        });
    }

    fn index(&mut self, given: &str, index: DumpIndex, version: u8) {
        let DumpIndex { settings, projects, files, project_status } = index;
        let mut settings = sound(settings);
        let mut by_name: BTreeMap<ProjectName, Project> = BTreeMap::new();
        let mut whitelist = Vec::new();
        for (spelled, data) in projects {
            let Some(name) = self.project_name(given, &spelled) else { continue };
            let (config, versions) = match version {
                3 => taken_apart(data),
                _ => (Map::new(), data),
            };
            if config.get("inheritance_rules").is_some_and(allows_all) {
                whitelist.push(name.to_string());
                // A name may stand there for the sake of its rule alone.
                if versions.is_empty() {
                    continue;
                }
            }
            by_name.entry(name).or_default().versions.extend(versions);
        }
        for file in files {
            let Some(name) = self.project_name(given, &file.project) else { continue };
            by_name.entry(name).or_default().files.push(file);
        }
        if !whitelist.is_empty() && !settings.contains_key("mirror_whitelist") {
            settings.insert("mirror_whitelist".into(), whitelist.into());
        }
        let taken = given.parse::<IndexName>().and_then(|name| {
            Settings::taken_over(&name, &settings).map(|(settings, left)| (name, settings, left))
        });
        let (name, settings, left_out) = match taken {
            Ok(taken) => taken,
            Err(problem) => {
                let files: usize = by_name.values().map(|project| project.files.len()).sum();
                return self.refuse(format!("index {given} with {files} files"), problem);
            }
        };
        for problem in left_out {
            self.refuse(format!("option of index {name}"), problem);
        }
        let projects = by_name.into_iter().map(|(project, data)| {
            let status = project_status.get(project.as_str()).cloned().map(status).unwrap_or_default();
            let releases = self.releases(&name, &project, data);
            PlannedProject { name: project, status, releases }
        });
        let projects = projects.collect();
        self.indexes.push(PlannedIndex { name, settings, projects });
    }

    fn project_name(&mut self, index: &str, spelled: &str) -> Option<ProjectName> {
        ProjectName::parse(spelled)
            .map_err(|problem| self.refuse(format!("project {spelled} on {index}"), problem))
            .ok()
    }

    fn releases(&mut self, index: &IndexName, project: &ProjectName, data: Project) -> Vec<PlannedRelease> {
        let mut files: BTreeMap<String, Vec<PlannedFile>> = BTreeMap::new();
        for file in data.files {
            let path = file.path.clone();
            match planned(file) {
                Ok((version, file)) => files.entry(version).or_default().push(file),
                Err(why) => self.refuse(path, why),
            }
        }
        let mut releases: BTreeMap<String, Map<String, Value>> = files
            .keys()
            .map(|version| {
                (version.clone(), [("name".to_owned(), Value::from(project.as_str()))].into_iter().collect())
            })
            .collect();
        for (version, metadata) in data.versions {
            match metadata {
                Value::Object(metadata) => drop(releases.insert(version, metadata)),
                _ => self
                    .refuse(format!("release {project} {version} on {index}"), "its metadata are no object"),
            }
        }
        let mut planned = Vec::new();
        for (version, metadata) in releases {
            let is_path = version.contains(['/', '\0']) || [".", ".."].contains(&version.as_str());
            if version.is_empty() || version.len() > LONGEST_VERSION || is_path {
                let shown: String = version.chars().take(LONGEST_VERSION).collect();
                self.refuse(
                    format!("release {project} {shown} on {index}"),
                    format!("a version has 1 to {LONGEST_VERSION} bytes and is no path"),
                );
                continue;
            }
            let mut files = files.remove(&version).unwrap_or_default();
            files.sort_by_key(|file| file.kind != Kind::ReleaseFile);
            planned.push(PlannedRelease { data: ReleaseData::new(&version, metadata), version, files });
        }
        planned
    }
}

/// A project as it is gathered from its spellings.
#[derive(Default)]
struct Project {
    versions: Map<String, Value>,
    files: Vec<DumpFile>,
}

/// The settings of a project and its versions, in a dump of version 3.
fn taken_apart(mut data: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    let mut part = |key: &str| match data.remove(key) {
        Some(Value::Object(part)) => part,
        _ => Map::new(),
    };
    (part("config"), part("versions"))
}

/// devpi 7's rule that stands for a name on the whitelist (`importexport.py`, `migrate_projects`).
fn allows_all(rules: &Value) -> bool {
    let is_rule = |rule: &Value| rule.as_str().is_some_and(|rule| rule.trim() == "allow all");
    is_rule(rules) || rules.as_array().is_some_and(|rules| rules.iter().any(is_rule))
}

fn status(data: Map<String, Value>) -> Status {
    let data = sound(data);
    let text = |key: &str| data.get(key).and_then(Value::as_str).map(str::to_owned);
    match text("status").filter(|status| Status::ALL.contains(&status.as_str())) {
        Some(status) => Status { status, reason: text("reason") },
        None => Status::default(),
    }
}

/// The version of a file, and the file; else why it is not taken.
fn planned(file: DumpFile) -> Result<(String, PlannedFile), String> {
    let path = Path::new(&file.path);
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err("its path leads out of the folder".into());
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if file.kind == Kind::Unknown {
        return Err("it is of an unknown type".into());
    }
    filename::check_characters(name)?;
    let version = file.version.filter(|version| !version.is_empty()).ok_or("it has no version")?;
    let for_filename = file.for_path.as_deref().and_then(|path| path.split('#').next()?.rsplit('/').next());
    let planned = PlannedFile {
        kind: file.kind,
        filename: name.to_owned(),
        digests: file.mapping.digests(file.kind, &file.path),
        modified_at: file.mapping.modified(),
        for_filename: for_filename.map(str::to_owned),
        log: project::log(file.log),
        yanked: file.yanked.map(|reason| reason.replace('\0', "")),
        url: file.mapping.url,
        path: file.path,
    };
    Ok((version, planned))
}

/// The same without NUL characters, which PostgreSQL does not take.
fn sound(data: Map<String, Value>) -> Map<String, Value> {
    match project::without_nul(Value::Object(data)) {
        Value::Object(data) => data,
        _ => Map::new(),
    }
}

/// Whether a password can be checked against a hash, in bounded memory and time.
fn is_usable(hash: &str) -> bool {
    let cost =
        |name: &str| hash.split(['$', ',']).find_map(|part| part.strip_prefix(name)?.parse::<u64>().ok());
    let is_at_most = |name: &str, most: u64| cost(name).is_some_and(|cost| cost <= most);
    hash.starts_with("$argon2")
        && is_at_most("m=", MOST_HASH_MEMORY)
        && is_at_most("t=", MOST_HASH_PASSES)
        && is_at_most("p=", MOST_HASH_LANES)
}

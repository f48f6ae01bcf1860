//! What happened: the events of a change, as the changelog keeps them.

use super::{
    name::{IndexName, ProjectName, UserName},
    serial::Serial,
};
use serde_json::Value;
use time::OffsetDateTime;

/// The kind of an event; its name is what the changelog holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    UserCreate,
    UserModify,
    UserDelete,
    IndexCreate,
    IndexModify,
    IndexDelete,
    ProjectCreate,
    ProjectDelete,
    ProjectStatus,
    ReleaseRegister,
    ReleaseDelete,
    FileUpload,
    FileOverwrite,
    FilePush,
    FileDelete,
    FileYank,
    FileUnyank,
}

const NAMES: [(EventKind, &str); 17] = [
    (EventKind::UserCreate, "user.create"),
    (EventKind::UserModify, "user.modify"),
    (EventKind::UserDelete, "user.delete"),
    (EventKind::IndexCreate, "index.create"),
    (EventKind::IndexModify, "index.modify"),
    (EventKind::IndexDelete, "index.delete"),
    (EventKind::ProjectCreate, "project.create"),
    (EventKind::ProjectDelete, "project.delete"),
    (EventKind::ProjectStatus, "project.status"),
    (EventKind::ReleaseRegister, "release.register"),
    (EventKind::ReleaseDelete, "release.delete"),
    (EventKind::FileUpload, "file.upload"),
    (EventKind::FileOverwrite, "file.overwrite"),
    (EventKind::FilePush, "file.push"),
    (EventKind::FileDelete, "file.delete"),
    (EventKind::FileYank, "file.yank"),
    (EventKind::FileUnyank, "file.unyank"),
];

impl EventKind {
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// One event of a change, before it has a serial.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: EventKind,
    pub user: Option<UserName>,
    pub index: Option<IndexName>,
    pub project: Option<ProjectName>,
    pub version: Option<String>,
    pub file: Option<String>,
    /// Never a secret.
    pub detail: Option<Value>,
}

impl Event {
    /// An event about a user.
    pub fn user(kind: EventKind, user: &UserName) -> Self {
        Self {
            kind,
            user: Some(user.clone()),
            index: None,
            project: None,
            version: None,
            file: None,
            detail: None,
        }
    }

    /// An event about the settings or the existence of an index.
    pub fn index(kind: EventKind, index: &IndexName) -> Self {
        Self { index: Some(index.clone()), user: None, ..Self::user(kind, &index.user) }
    }

    /// An event about a project.
    pub fn project(kind: EventKind, index: &IndexName, project: &ProjectName) -> Self {
        Self { project: Some(project.clone()), ..Self::index(kind, index) }
    }

    /// An event about a release.
    pub fn release(kind: EventKind, index: &IndexName, project: &ProjectName, version: &str) -> Self {
        Self { version: Some(version.to_owned()), ..Self::project(kind, index, project) }
    }

    /// The same event, about one file.
    #[must_use]
    pub fn with_file(self, filename: &str) -> Self {
        Self { file: Some(filename.to_owned()), ..self }
    }

    /// The same event, with more to know.
    #[must_use]
    pub fn with_detail(self, detail: Value) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

/// An event as the changelog tells it.
#[derive(Debug, Clone)]
pub struct LoggedEvent {
    pub serial: Serial,
    pub at: OffsetDateTime,
    pub actor: Option<String>,
    /// [`EventKind::name`]; a text, so that an older process can read what a newer one wrote.
    pub event: String,
    pub user: Option<String>,
    pub index: Option<String>,
    pub project: Option<String>,
    pub version: Option<String>,
    pub file: Option<String>,
    pub detail: Option<Value>,
}

impl LoggedEvent {
    /// Whether the list of the index's projects changed with it.
    pub fn changes_project_list(&self) -> bool {
        [EventKind::ProjectCreate, EventKind::ProjectDelete].iter().any(|kind| kind.name() == self.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for (kind, name) in NAMES {
            assert_eq!(kind.name(), name);
            assert_eq!(NAMES.iter().filter(|(_, other)| *other == name).count(), 1);
        }
    }
}

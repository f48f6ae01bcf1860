//! What happened: the events of a change, as the changelog keeps them.

use super::{
    name::{IndexName, ProjectName, UserName},
    serial::Serial,
};
use serde_json::Value;
use time::OffsetDateTime;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    UserCreate,
    UserModify,
    UserDelete,
    TokenCreate,
    TokenDelete,
    PublisherCreate,
    PublisherDelete,
    WebhookCreate,
    WebhookModify,
    WebhookDelete,
    WebhookDisable,
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
    ToxResultUpload,
    ToxResultPush,
    ToxResultDelete,
    DocZipUpload,
    DocZipOverwrite,
    DocZipPush,
    DocZipDelete,
    MirrorPage,
    MirrorList,
    MirrorMetadata,
}

impl EventKind {
    /// All that this program knows.
    pub const ALL: [Self; 35] = [
        Self::UserCreate,
        Self::UserModify,
        Self::UserDelete,
        Self::TokenCreate,
        Self::TokenDelete,
        Self::PublisherCreate,
        Self::PublisherDelete,
        Self::WebhookCreate,
        Self::WebhookModify,
        Self::WebhookDelete,
        Self::WebhookDisable,
        Self::IndexCreate,
        Self::IndexModify,
        Self::IndexDelete,
        Self::ProjectCreate,
        Self::ProjectDelete,
        Self::ProjectStatus,
        Self::ReleaseRegister,
        Self::ReleaseDelete,
        Self::FileUpload,
        Self::FileOverwrite,
        Self::FilePush,
        Self::FileDelete,
        Self::FileYank,
        Self::FileUnyank,
        Self::ToxResultUpload,
        Self::ToxResultPush,
        Self::ToxResultDelete,
        Self::DocZipUpload,
        Self::DocZipOverwrite,
        Self::DocZipPush,
        Self::DocZipDelete,
        Self::MirrorPage,
        Self::MirrorList,
        Self::MirrorMetadata,
    ];

    /// The name that the changelog keeps.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserCreate => "user.create",
            Self::UserModify => "user.modify",
            Self::UserDelete => "user.delete",
            Self::TokenCreate => "token.create",
            Self::TokenDelete => "token.delete",
            Self::PublisherCreate => "publisher.create",
            Self::PublisherDelete => "publisher.delete",
            Self::WebhookCreate => "webhook.create",
            Self::WebhookModify => "webhook.modify",
            Self::WebhookDelete => "webhook.delete",
            Self::WebhookDisable => "webhook.disable",
            Self::IndexCreate => "index.create",
            Self::IndexModify => "index.modify",
            Self::IndexDelete => "index.delete",
            Self::ProjectCreate => "project.create",
            Self::ProjectDelete => "project.delete",
            Self::ProjectStatus => "project.status",
            Self::ReleaseRegister => "release.register",
            Self::ReleaseDelete => "release.delete",
            Self::FileUpload => "file.upload",
            Self::FileOverwrite => "file.overwrite",
            Self::FilePush => "file.push",
            Self::FileDelete => "file.delete",
            Self::FileYank => "file.yank",
            Self::FileUnyank => "file.unyank",
            Self::ToxResultUpload => "toxresult.upload",
            Self::ToxResultPush => "toxresult.push",
            Self::ToxResultDelete => "toxresult.delete",
            Self::DocZipUpload => "doczip.upload",
            Self::DocZipOverwrite => "doczip.overwrite",
            Self::DocZipPush => "doczip.push",
            Self::DocZipDelete => "doczip.delete",
            Self::MirrorPage => "mirror.page",
            Self::MirrorList => "mirror.list",
            Self::MirrorMetadata => "mirror.metadata",
        }
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
        Self::token(kind, Some(user))
    }

    /// An event about an API token of a user, or with `None` about publishers and their tokens, or webhooks. It names no
    /// index, since nothing changes on any.
    pub fn token(kind: EventKind, user: Option<&UserName>) -> Self {
        Self {
            kind,
            user: user.cloned(),
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
        [EventKind::ProjectCreate, EventKind::ProjectDelete, EventKind::MirrorList]
            .iter()
            .any(|kind| kind.name() == self.event)
    }

    /// Whether the project is gone after it.
    pub fn ends_project(&self) -> bool {
        EventKind::ProjectDelete.name() == self.event
    }

    /// Whether API tokens of its user, or without one of publishers, came to their end with it.
    pub fn ends_tokens(&self) -> bool {
        [EventKind::UserDelete, EventKind::TokenDelete, EventKind::PublisherDelete]
            .iter()
            .any(|kind| kind.name() == self.event)
    }

    /// Whether the index, and all it had, is gone after it.
    pub fn ends_index(&self) -> bool {
        EventKind::IndexDelete.name() == self.event
    }

    /// Whether settings of an index came to their end with it, and so the right to read it may have.
    pub fn ends_settings(&self) -> bool {
        [EventKind::IndexModify, EventKind::IndexDelete].iter().any(|kind| kind.name() == self.event)
    }
}

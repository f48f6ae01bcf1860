//! Work that is owed: what a change leaves to be done after it, by whichever process comes first.

use serde_json::Value;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Make what the search knows of a project what its rows say; the key is the id of the project.
    SearchProject,
    /// Take what the search knows of a deleted index away; the key is the id of the index.
    SearchIndex,
}

impl JobKind {
    /// All that this program knows.
    pub const ALL: [Self; 2] = [Self::SearchProject, Self::SearchIndex];

    /// As it stands in the table of jobs.
    pub fn name(self) -> &'static str {
        match self {
            Self::SearchProject => "search_project",
            Self::SearchIndex => "search_index",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A job that this process took for a while.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: i64,
    pub kind: JobKind,
    pub key: String,
    pub payload: Value,
    /// How often it was taken, this time included: who takes it next has another number.
    pub attempts: i32,
    /// How often it had been owed again when it was taken.
    pub revision: i32,
}

//! What can go wrong, in the index's terms, and every text that a client may read.
//!
//! It does not know HTTP: `http/error.rs` gives each of these its status. Where devpi has a text, ours is the same.

use crate::model::{
    access::Caller,
    name::{IndexName, ProjectName, UserName},
};
use std::{error::Error as StdError, sync::Arc};
use tokio_postgres::error::SqlState;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong; the text names what was wrong and what was expected.
    #[error("{0}")]
    Invalid(String),
    /// devpi: `views.py`, `login`.
    #[error("user '{0}' could not be authenticated")]
    WrongPassword(String),
    /// The caller may not do this, and has said who it is, or need not.
    #[error("{0}")]
    Forbidden(String),
    /// The caller is anonymous, and someone else might.
    #[error("{0}")]
    Unauthorized(String),

    #[error("no user '{0}'")]
    NoSuchUser(String),
    #[error("user already exists")]
    UserExists,
    #[error("The stage {0} could not be found.")]
    NoSuchIndex(String),
    #[error("index '{0}' exists")]
    IndexExists(IndexName),
    #[error("user '{user}' has non-volatile index: {indexes}")]
    UserHasNonVolatileIndex { user: UserName, indexes: String },
    /// devpi's simple page for a project that is nowhere.
    #[error("The project {0} does not exist.")]
    NoSuchProject(String),
    /// devpi's JSON for the same.
    #[error("no project '{0}'")]
    NoProject(String),
    #[error("The version {version} of project {project} does not exist.")]
    NoSuchVersion { project: ProjectName, version: String },
    #[error("no such file")]
    NoSuchFile,
    /// The thing named in the text is not there.
    #[error("{0}")]
    NotFound(String),
    /// Of a file that is named by its path, or that the URL names.
    #[error("{0} existed, deleted in later serial")]
    Gone(String),
    /// devpi: `views.py`, `submit`; clients take the words "already exists" for "skip".
    #[error("{0} already exists in non-volatile index")]
    FileExists(String),
    #[error("{0}")]
    NonVolatile(String),
    /// None of the media types we have is one that the client takes.
    #[error("{0}")]
    NotAcceptable(String),
    #[error("the body of the request stalled")]
    Stalled,
    #[error("request body is larger than {0} bytes")]
    TooLarge(u64),

    /// The upstream of a mirror failed, and nothing of it is here.
    #[error("{0}")]
    Upstream(String),

    /// An upload that another worker deletes at the moment; it will be possible again soon.
    #[error("this content is being removed from the store, try again")]
    Busy,
    #[error("the server is busy: {0}")]
    Overloaded(&'static str),
    /// PostgreSQL does not answer, and memory holds nothing recent enough.
    #[error("the database does not answer")]
    Unavailable,
    #[error("database")]
    Database(#[source] Arc<tokio_postgres::Error>),
    #[error("object store: {0}")]
    ObjectStore(String),
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// A wrong request, in words for the person who made it.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// `Unauthorized` for an anonymous caller, else [`Self::forbidden`].
    pub fn denied(caller: &Caller, message: impl Into<String>) -> Self {
        match caller.is_anonymous() {
            true => Self::Unauthorized(message.into()),
            false => Self::forbidden(caller, message),
        }
    }

    /// `Forbidden`, with what the caller's API token is for if there is one.
    pub fn forbidden(caller: &Caller, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Forbidden(match caller.limit() {
            Some(limit) => format!("{message}, the token is for {limit}"),
            None => message,
        })
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let away = match error.code() {
            Some(code) => AWAY.contains(code),
            // No word of the server: the connection is gone.
            None => error.is_closed() || error.source().is_some_and(<dyn StdError>::is::<std::io::Error>),
        };
        if away {
            tracing::warn!(error = ?error, "the database does not answer");
            Self::Unavailable
        } else if error.code().is_some_and(|code| BUSY.contains(code)) {
            tracing::warn!(error = ?error, "the database is busy");
            Self::Overloaded("the database takes too long")
        } else {
            Self::Database(Arc::new(error))
        }
    }
}

/// The server is going down, coming up, or not the primary any more.
const AWAY: [SqlState; 4] = [
    SqlState::ADMIN_SHUTDOWN,
    SqlState::CRASH_SHUTDOWN,
    SqlState::CANNOT_CONNECT_NOW,
    SqlState::READ_ONLY_SQL_TRANSACTION,
];

/// Another try may go well.
const BUSY: [SqlState; 3] =
    [SqlState::QUERY_CANCELED, SqlState::TOO_MANY_CONNECTIONS, SqlState::T_R_DEADLOCK_DETECTED];

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => {
                tracing::warn!(error = ?error, "no connection to the database");
                Self::Unavailable
            }
            deadpool_postgres::PoolError::Timeout(_) => {
                Self::Overloaded("all database connections are in use")
            }
            error => Self::Internal(error.to_string()),
        }
    }
}

//! What `dev` and the tests bring up themselves: a Postgres and an S3 server, kept in a data folder.
//!
//! The rest of wheelyard reaches both over a socket, as it reaches the ones of a cloud. Neither knows the
//! other, wheelyard's settings, its schema or its object names.

use std::{io, panic, path::Path, path::PathBuf};

use rand::{Rng, distr::Alphanumeric};

pub mod command;
pub mod postgres;
pub mod s3;

/// Why a server of our own could not be started, in words for whoever started it: nothing hides in a source.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "PostgreSQL's programs were not found; install them (Debian: apt-get install postgresql) or name \
         their folder with --pgbin"
    )]
    NoPrograms,
    #[error("{} does not hold PostgreSQL's programs (initdb, postgres, pg_ctl)", .0.display())]
    NotPrograms(PathBuf),
    #[error("another wheelyard is running on {}", .0.display())]
    InUse(PathBuf),
    #[error("PostgreSQL refuses to run as root, and there is no account postgres or nobody to run it as")]
    NoAccount,
    #[error(
        "PostgreSQL refuses to run as root, and the account {account}, which runs it instead, cannot enter \
         {}; allow that (chmod o+x) or choose another data folder", folder.display()
    )]
    CannotEnter { account: String, folder: PathBuf },
    #[error("PostgreSQL {what}; the end of {}:\n{tail}", log.display())]
    Postgres { what: String, log: PathBuf, tail: String },
    #[error("the folder {} cannot be served as an S3 store: {reason}", folder.display())]
    S3 { folder: PathBuf, reason: String },
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// Says at which file or program something went wrong.
fn at(path: &Path) -> impl Fn(io::Error) -> StartError {
    |error| StartError::Io { path: path.to_owned(), error }
}

/// Does what would make other tasks wait, on a thread where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| panic::resume_unwind(error.into_panic()))
}

/// A random word that may stand in a URL; 32 letters and digits hold 190 bits.
fn random_word(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

//! The one place that knows the names of objects.

use uuid::Uuid;

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobKey {
    /// Content under its own sha256 (hex); never changed, only removed when no row needs it.
    Content(String),
    /// A large upload that is not checked yet.
    Staging(Uuid),
}

impl BlobKey {
    /// The name of the object, without the prefix of the installation.
    pub fn name(&self) -> String {
        match self {
            Self::Content(sha256) => format!("blobs/sha256/{}/{}/{sha256}", &sha256[..2], &sha256[2..4]),
            Self::Staging(id) => format!("staging/{id}"),
        }
    }

    /// The same for all: one content may stand under names of several kinds.
    pub fn media_type(&self) -> &'static str {
        "application/octet-stream"
    }

    pub fn cache_control(&self) -> &'static str {
        match self {
            Self::Content(_) => "max-age=365000000, immutable",
            Self::Staging(_) => "no-store",
        }
    }
}

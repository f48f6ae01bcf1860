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
}

/// What every object is to the store and to caches before it: bytes that never change under their name. One content may
/// stand under file names of several kinds, so the store does not know a better media type.
pub const MEDIA_TYPE: &str = "application/octet-stream";
pub const CACHE_CONTROL: &str = "max-age=365000000, immutable";

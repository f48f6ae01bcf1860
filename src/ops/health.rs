//! Whether this process can do its work.

use crate::{error::Result, service::Service, store};

/// Asks the database and the object store.
///
/// # Errors
/// Those of whichever does not answer.
pub async fn ready(service: &Service) -> Result<()> {
    store::serial::current(&service.db().await?).await?;
    service.blobs.check().await
}

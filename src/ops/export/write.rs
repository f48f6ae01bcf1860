//! The files of an export, from the object store to the folder.

use super::{Export, Tally, Wanted};
use crate::{blobs::BlobKey, model::dump::DATA_INDEX, service::Service};
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use std::{fmt::Display, io, path::Path, sync::atomic::Ordering};
use tokio::{fs, io::AsyncWriteExt};

/// Writes an export to a folder that is empty, or made; so many files at the same time.
///
/// # Errors
/// A text for the operator: for a folder that holds something, a file that can't be written, or an object that is not what
/// its row says. What was written until then stays, without what names it.
pub async fn write(
    service: &Service,
    folder: &Path,
    export: &Export,
    tally: &Tally,
    jobs: usize,
) -> Result<(), String> {
    let fail = |error: &dyn Display| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).await.map_err(|error| fail(&error))?;
    let mut there = fs::read_dir(folder).await.map_err(|error| fail(&error))?;
    if there.next_entry().await.map_err(|error| fail(&error))?.is_some() {
        return Err(fail(&"the folder is not empty"));
    }
    let work = stream::iter(&export.files).map(Ok).try_for_each_concurrent(jobs, async |wanted| {
        let problem = |error: String| format!("{}: {error}", wanted.path);
        copy(service, folder, wanted).await.map_err(problem)?;
        tally.files.fetch_add(1, Ordering::Relaxed);
        tally.bytes.fetch_add(wanted.size.unsigned_abs(), Ordering::Relaxed);
        Ok::<_, String>(())
    });
    work.await?;
    let text = serde_json::to_vec_pretty(&export.dump).map_err(|error| error.to_string())?;
    let unfinished = folder.join(format!("{DATA_INDEX}.unfinished"));
    let written = async {
        // It may hold secrets.
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&unfinished).await?;
        file.write_all(&text).await?;
        durable(&mut file).await?;
        fs::rename(&unfinished, folder.join(DATA_INDEX)).await
    };
    written.await.map_err(|error| fail(&error))
}

/// Copies one object, and checks that it is what its name says.
async fn copy(service: &Service, folder: &Path, wanted: &Wanted) -> Result<(), String> {
    let path = folder.join(&wanted.path);
    let text = |error: &dyn Display| error.to_string();
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).await.map_err(|error| text(&error))?;
    }
    let mut file = fs::File::create_new(&path).await.map_err(|error| text(&error))?;
    let key = BlobKey::Content(wanted.sha256.clone());
    let mut content = service.blobs.get(&key, None).await.map_err(|error| text(&error))?;
    let mut digest = Sha256::new();
    while let Some(bytes) = content.try_next().await.map_err(|error| text(&error))? {
        digest.update(&bytes);
        file.write_all(&bytes).await.map_err(|error| text(&error))?;
    }
    if hex::encode(digest.finalize()) != wanted.sha256 {
        return Err(format!("the object {} is not what was stored", wanted.sha256));
    }
    durable(&mut file).await.map_err(|error| text(&error))
}

/// Waits until what was written is on the disk. Only `flush` tells whether the last write went well.
async fn durable(file: &mut fs::File) -> io::Result<()> {
    file.flush().await?;
    file.sync_all().await
}

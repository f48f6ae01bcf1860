//! Core metadata of mirrored files (PEP 658): as the upstream offers them, else as the wheel has them.

use crate::{
    blobs::BlobKey,
    error::{Error, Result},
    model::{
        archive::{self, ranges::RangeReader},
        event::{Event, EventKind},
        filename::{self, Kind},
        link::{CoreMetadata, Link},
        serial::Serial,
    },
    ops::{
        after_response,
        fetch::{self, Mirrored, Place, Ranged},
        refresh,
    },
    service::Service,
    store,
    timing::{self, Phase},
    upstream::spool::Spool,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{
    io,
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::runtime::Handle;

/// Largest core metadata, in bytes.
const LARGEST: usize = 4 << 20;

/// What is fetched of a wheel at once after a seek, in bytes: more than the longest end of a zip file, so that its
/// directory, and the METADATA, cost few requests.
const SMALLEST_READ: u64 = 80 << 10;

/// The core metadata of a mirrored file.
///
/// # Errors
/// [`Error::NotFound`] when there are none; [`Error::Upstream`] when the upstream fails, or offers others than its page
/// states.
pub async fn of(service: &Service, file: &Mirrored) -> Result<Bytes> {
    if let Some(bytes) = known(service, file).await? {
        return Ok(bytes);
    }
    // One asks the upstream, and the others then find it here.
    let name = format!("metadata of {}", file.path());
    let turn = service.storing.get_with_by_ref(&name, async { Arc::default() }).await.lock_owned();
    let turn = timing::of(Phase::Upstream, turn).await;
    let (db, entry) = (service.db().await?, file.link.entry());
    let current = store::links::at_path(&db, file.index.id, &entry, &file.link.filename).await?;
    drop(db);
    let link = current.map_or_else(|| file.link.clone(), |found| Arc::new(found.link));
    let file = Mirrored::new(file.index.clone(), file.project.clone(), link);
    if let Some(bytes) = known(service, &file).await? {
        return Ok(bytes);
    }
    let bytes = match file.link.core_metadata {
        Some(_) => beside(service, &file).await?,
        None => within(service, &file).await?,
    };
    let (kept, service_kept) = (bytes.clone(), service.clone());
    after_response::go_on(service, async move {
        let _turn = turn;
        if let Err(error) = keep(&service_kept, &file, &kept).await {
            tracing::warn!(error = ?error, "core metadata of {} are not kept", file.path());
        }
    });
    Ok(bytes)
}

/// Those that are here for this mirror. That some of the stated digest are here is not enough: they may be of a file that
/// whoever states it may not read.
async fn known(service: &Service, file: &Mirrored) -> Result<Option<Bytes>> {
    let Some(CoreMetadata::Sha256(digest)) = file.link.offered_metadata() else { return Ok(None) };
    let db = service.db().await?;
    let is_read = file.link.core_metadata.is_none() || file.link.read_metadata.as_ref() == Some(&digest);
    if !is_read && !store::links::has_metadata(&db, file.index.id, &file.link, &digest).await? {
        return Ok(None);
    }
    Ok(store::core_metadata::content(&db, &digest).await?.map(Bytes::from))
}

/// Those that the upstream has beside the file.
async fn beside(service: &Service, file: &Mirrored) -> Result<Bytes> {
    let mut url = fetch::parse(&file.link.url)?;
    url.set_path(&format!("{}.metadata", url.path()));
    let bytes = service
        .upstream
        .small(file.mirror()?, &url, LARGEST)
        .await
        .map_err(|failure| fetch::failed(&failure))?;
    match &file.link.core_metadata {
        Some(CoreMetadata::Sha256(stated)) if *stated != digest(&bytes) => Err(Error::Upstream(format!(
            "the core metadata of {} do not have the sha256 that its page states",
            file.link.filename
        ))),
        _ => Ok(bytes.into()),
    }
}

/// Those that are in a wheel, from wherever the wheel is.
async fn within(service: &Service, file: &Mirrored) -> Result<Bytes> {
    let missing = || Error::NotFound(format!("no metadata found in {}", file.link.filename));
    if filename::kind(&file.link.filename) != Kind::Wheel {
        return Err(missing());
    }
    let read = match fetch::place(service, file).await? {
        Place::Stored(content) => {
            let size = content.size.unsigned_abs();
            let reader = service.blobs.reader(BlobKey::Content(content.sha256), size);
            inspect(file, reader, size).await?
        }
        Place::Coming(_) => whole(service, file).await?,
        Place::Upstream => match by_ranges(service, file).await? {
            Some(read) => read,
            None => whole(service, file).await?,
        },
    };
    read.ok_or_else(missing)
}

/// From the whole file, once it is here.
async fn whole(service: &Service, file: &Mirrored) -> Result<Option<Bytes>> {
    let (reader, size) = fetch::open(service, file).await?.reader().await?;
    inspect(file, reader, size).await
}

/// From a few ranges of the upstream's file; `None` when it has no ranges.
async fn by_ranges(service: &Service, file: &Mirrored) -> Result<Option<Option<Bytes>>> {
    let Some(size) = fetch::size(service, file).await? else { return Ok(None) };
    // What stopped the reader, which tells it like a fault of the archive.
    let stopped: Arc<Mutex<Option<Result<Ranged>>>> = Arc::default();
    let (stop, runtime, times) = (stopped.clone(), Handle::current(), timing::current());
    let (service, of) = (service.clone(), file.clone());
    let fetch = move |range: RangeInclusive<u64>| {
        let asked = timing::within(times.clone(), fetch::range(&service, &of, range, size));
        match runtime.block_on(asked) {
            Ok(Ranged::Bytes(bytes)) => Ok(bytes),
            other => {
                *stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(other);
                Err(io::Error::other("the upstream stopped"))
            }
        }
    };
    let read = inspect(file, RangeReader::new(size, SMALLEST_READ, Box::new(fetch)), size).await?;
    match stopped.lock().unwrap_or_else(PoisonError::into_inner).take() {
        None => Ok(Some(read)),
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(error),
    }
}

/// Opens a wheel on a blocking thread; one that is not what it says has none.
async fn inspect(file: &Mirrored, mut reader: RangeReader, size: u64) -> Result<Option<Bytes>> {
    let Mirrored { project, link, .. } = file.clone();
    let opened = tokio::task::spawn_blocking(move || {
        archive::inspect(&link.filename, &project, &link.version, &mut reader, size)
    });
    match opened.await.map_err(|error| Error::Internal(error.to_string()))? {
        Ok(contents) => Ok(contents.metadata.map(Bytes::from)),
        Err(reason) => {
            tracing::info!("{} has no core metadata: {reason}", file.path());
            Ok(None)
        }
    }
}

/// Keeps the core metadata of a wheel that has just come and is right, also where others were read out of ranges of it that
/// nobody had checked.
pub(super) async fn learn(service: &Service, file: &Mirrored, spool: &Arc<Spool>) {
    let is_stated = matches!(file.link.core_metadata, Some(CoreMetadata::Sha256(_)));
    if is_stated || filename::kind(&file.link.filename) != Kind::Wheel {
        return;
    }
    let learned = async {
        let size = spool.ended().await?;
        match inspect(file, fetch::reader(spool, size), size).await? {
            Some(bytes) => keep(service, file, &bytes).await,
            None => Ok(()),
        }
    };
    if let Err(error) = learned.await {
        tracing::warn!(error = ?error, "core metadata of {} are not kept", file.path());
    }
}

/// Keeps core metadata, and offers them where their digest is not stated by the upstream.
async fn keep(service: &Service, file: &Mirrored, bytes: &[u8]) -> Result<()> {
    let digest = digest(bytes);
    if let Some(CoreMetadata::Sha256(_)) = &file.link.core_metadata {
        let db = service.db().await?;
        store::core_metadata::keep(&db, &digest, bytes).await?;
        store::links::keep_metadata(&db, file.index.id, &file.link, &digest).await?;
        return store::search::owe(&db, file.index.id, &file.project).await;
    }
    // The page that they are to be offered on may just be on its way into the database.
    refresh::settled(service, &file.index, &file.project).await;
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, None).await?;
    let index = store::indexes::share(&mut change, &file.index.name).await?;
    let Some(project) = store::projects::lock(&mut change, &index, &file.project).await? else {
        return Ok(());
    };
    let links = store::links::of_project(&change, &[file.index.id], &project.name, Serial::NOW).await?;
    let is_same = |link: &Link| link.filename == file.link.filename && link.entry() == file.link.entry();
    let known = links.into_iter().map(|(_, known)| known).find(|known| is_same(&known.link));
    let Some(mut known) = known else { return Ok(()) };
    let is_stated = matches!(known.link.core_metadata, Some(CoreMetadata::Sha256(_)));
    if index.id != file.index.id || is_stated || known.link.read_metadata.as_ref() == Some(&digest) {
        return Ok(());
    }
    store::core_metadata::keep(&change, &digest, bytes).await?;
    known.link.read_metadata = Some(digest);
    store::links::close(&mut change, &[known.id]).await?;
    store::links::open(&mut change, index.id, &project, std::iter::once(&known.link)).await?;
    store::projects::touch(&mut change, &project);
    let event = Event::release(EventKind::MirrorMetadata, &index.name, &project.name, &known.link.version);
    change.log(event.with_file(&known.link.filename));
    change.commit().await?;
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

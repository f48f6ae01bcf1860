//! A file on its way from upstream: one writer, and readers who follow it, each from where it wants and at its own speed.
//!
//! What has come is released to readers except for the last piece, which waits until another comes, or the writer says
//! that the file is right. So nobody can hold a whole file that is wrong: its readers find that it breaks off.

use crate::{
    error::{Error, Result},
    model::link::Content,
    timing::{self, Phase},
};
use bytes::Bytes;
use futures::{Stream, stream};
use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::watch, task::spawn_blocking};

/// Up to so many bytes stay in memory; what is larger lies in a file without a name.
const IN_MEMORY: u64 = 4 << 20;

/// The most that a reader gets at once, in bytes.
const LARGEST_PIECE: u64 = 128 << 10;

/// The files that are on their way, by what tells them apart.
#[derive(Default)]
pub struct Downloads(Mutex<HashMap<String, Arc<Download>>>);

/// One of them.
pub struct Download {
    pub spool: Arc<Spool>,
    /// What became of storing it, once that is over.
    pub kept: watch::Sender<Option<Result<Content>>>,
}

impl Downloads {
    /// The one of this key, unless it has failed.
    pub fn find(&self, key: &str) -> Option<Arc<Download>> {
        self.lock().get(key).filter(|download| !download.spool.has_failed()).cloned()
    }

    /// The same, or with a writer to whoever has to begin it.
    pub fn join(&self, key: &str) -> (Arc<Download>, Option<Writer>) {
        let mut downloads = self.lock();
        if let Some(download) = downloads.get(key).filter(|download| !download.spool.has_failed()) {
            return (download.clone(), None);
        }
        let (writer, spool) = spool();
        let download = Arc::new(Download { spool, kept: watch::Sender::new(None) });
        downloads.insert(key.to_owned(), download.clone());
        (download, Some(writer))
    }

    /// Takes out one that is over.
    pub fn remove(&self, key: &str, download: &Arc<Download>) {
        let mut downloads = self.lock();
        if downloads.get(key).is_some_and(|found| Arc::ptr_eq(found, download)) {
            downloads.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Download>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes that have come so far.
pub struct Spool {
    bytes: Mutex<Place>,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct State {
    /// Of the whole, in bytes, where it is known.
    length: Option<u64>,
    released: u64,
    end: Option<Result<()>>,
}

enum Place {
    /// Pieces by where they begin, in order and without gaps.
    Memory(Vec<(u64, Bytes)>),
    File(Arc<File>),
}

/// Brings the bytes; dropped without a word, it has failed.
pub struct Writer {
    spool: Arc<Spool>,
    written: u64,
}

/// An empty spool.
pub fn spool() -> (Writer, Arc<Spool>) {
    let state = watch::Sender::new(State::default());
    let spool = Arc::new(Spool { bytes: Mutex::new(Place::Memory(Vec::new())), state });
    (Writer { spool: spool.clone(), written: 0 }, spool)
}

impl Writer {
    /// Says how long the whole will be, before the first byte.
    pub fn announce(&self, length: Option<u64>) {
        self.spool.state.send_modify(|state| state.length = length);
    }

    /// Takes the next bytes, and releases those before them.
    pub async fn push(&mut self, piece: Bytes) -> Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let (start, length) = (self.written, piece.len() as u64);
        self.put(start, piece).await?;
        self.written += length;
        self.spool.state.send_modify(|state| state.released = start);
        Ok(())
    }

    /// Says that this is the whole, and right: releases the rest.
    pub fn finish(self) {
        self.spool.state.send_modify(|state| {
            *state = State { length: Some(self.written), released: self.written, end: Some(Ok(())) };
        });
    }

    /// Says that it is not: all readers get this error.
    pub fn fail(self, error: Error) {
        self.spool.state.send_modify(|state| state.end = Some(Err(error)));
    }

    async fn put(&self, start: u64, piece: Bytes) -> Result<()> {
        let (file, pieces) = match &mut *self.spool.lock() {
            Place::Memory(pieces) if start + piece.len() as u64 <= IN_MEMORY => {
                pieces.push((start, piece));
                return Ok(());
            }
            Place::Memory(pieces) => (None, pieces.iter().cloned().chain([(start, piece)]).collect()),
            Place::File(file) => (Some(file.clone()), vec![(start, piece)]),
        };
        let is_moved = file.is_none();
        let written = spawn_blocking(move || {
            let file = file.map_or_else(|| tempfile::tempfile().map(Arc::new), Ok)?;
            for (start, piece) in &pieces {
                file.write_all_at(piece, *start)?;
            }
            Ok(file)
        });
        let file = written.await.map_err(io::Error::other).flatten().map_err(|error| no_room(&error))?;
        if is_moved {
            *self.spool.lock() = Place::File(file);
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.spool.state.send_if_modified(|state| {
            let is_left = state.end.is_none();
            if is_left {
                state.end = Some(Err(Error::Internal("a download was given up".into())));
            }
            is_left
        });
    }
}

impl Spool {
    /// Waits until the first bytes are there, or the end of an empty file; returns the length of the whole, if it is known.
    ///
    /// # Errors
    /// Why nothing came.
    pub async fn begun(&self) -> Result<Option<u64>> {
        self.state_when(|state| state.released > 0).await?;
        Ok(self.length())
    }

    /// Waits until the whole is there; returns its length.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn ended(&self) -> Result<u64> {
        self.state_when(|_| false).await
    }

    /// The length of the whole, if it is known.
    pub fn length(&self) -> Option<u64> {
        self.state.borrow().length
    }

    /// How many bytes from the beginning readers may have.
    pub fn released(&self) -> u64 {
        self.state.borrow().released
    }

    pub fn has_failed(&self) -> bool {
        matches!(self.state.borrow().end, Some(Err(_)))
    }

    /// Waits for bytes from there on; none at the end of the file.
    ///
    /// # Errors
    /// Why there will be no more.
    pub async fn read(&self, start: u64) -> Result<Bytes> {
        let released = self.state_when(|state| state.released > start).await?;
        let length = released.saturating_sub(start).min(LARGEST_PIECE);
        let file = match self.find(start, length) {
            Ok(bytes) => return Ok(bytes),
            Err(file) => file,
        };
        let read = spawn_blocking(move || read_at(&file, start, length));
        read.await.map_err(io::Error::other).flatten().map_err(|error| no_room(&error))
    }

    /// The same without waiting, on a blocking thread: so many bytes that were released.
    pub fn read_now(&self, start: u64, length: u64) -> io::Result<Bytes> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            let from = start + bytes.len() as u64;
            let left = (length - bytes.len() as u64).min(self.released().saturating_sub(from));
            let piece = self.find(from, left).or_else(|file| read_at(&file, from, left))?;
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.into())
    }

    /// The bytes from `start` to before `end`, or to the end of the file, as they are released.
    pub fn stream(
        self: &Arc<Self>,
        start: u64,
        end: Option<u64>,
    ) -> impl Stream<Item = Result<Bytes>> + Send + 'static + use<> {
        stream::try_unfold((self.clone(), start), move |(spool, at)| async move {
            let left = end.map_or(u64::MAX, |end| end.saturating_sub(at));
            if left == 0 {
                return Ok(None);
            }
            let mut bytes = spool.read(at).await?;
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            let next = at + bytes.len() as u64;
            Ok((!bytes.is_empty()).then_some((bytes, (spool, next))))
        })
    }

    /// Waits for something, or for the end; returns how much is released.
    async fn state_when(&self, mut wanted: impl FnMut(&State) -> bool) -> Result<u64> {
        let mut states = self.state.subscribe();
        let state = states.wait_for(|state| state.end.is_some() || wanted(state));
        let state = timing::of(Phase::Upstream, state).await;
        let state = state.map_err(|error| Error::Internal(error.to_string()))?;
        match &state.end {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(state.released),
        }
    }

    /// Bytes that are in memory, perhaps fewer, or else the file that they are in.
    fn find(&self, start: u64, length: u64) -> Result<Bytes, Arc<File>> {
        match &*self.lock() {
            Place::File(file) => Err(file.clone()),
            Place::Memory(pieces) => {
                let behind = pieces.partition_point(|(begin, _)| *begin <= start);
                let Some((begin, piece)) = behind.checked_sub(1).map(|at| &pieces[at]) else {
                    return Ok(Bytes::new());
                };
                // What is larger than an address is larger than the piece.
                let clipped =
                    |length: u64, most: usize| usize::try_from(length).map_or(most, |it| it.min(most));
                let skipped = clipped(start - begin, piece.len());
                let length = clipped(length, piece.len() - skipped);
                Ok(piece.slice(skipped..skipped + length))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_at(file: &File, start: u64, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes.into())
}

fn no_room(error: &io::Error) -> Error {
    Error::Internal(format!("the temporary file of a download: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    fn pieces(count: usize) -> Vec<Bytes> {
        (0..count).map(|number| Bytes::from(vec![u8::try_from(number % 251).unwrap(); 100_000])).collect()
    }

    async fn whole(spool: &Arc<Spool>, start: u64, end: Option<u64>) -> Result<Vec<u8>> {
        spool
            .stream(start, end)
            .try_fold(Vec::new(), async |all, piece| Ok([&all[..], &piece].concat()))
            .await
    }

    #[tokio::test]
    async fn readers_get_all_of_it_in_memory_and_on_disk_whenever_they_come() {
        for count in [1, 3, 60] {
            let (mut writer, spool) = spool();
            let pieces = pieces(count);
            let expected = pieces.concat();
            let write = async {
                for piece in pieces {
                    writer.push(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                let late = whole(&spool, 50_000, Some(99_000));
                let (late, ()) = tokio::join!(late, async { writer.finish() });
                late.unwrap()
            };
            let (early, late) = tokio::join!(whole(&spool, 0, None), write);
            assert!(early.unwrap() == expected && late == expected[50_000..99_000]);
            assert!(whole(&spool, 99_999, None).await.unwrap() == expected[99_999..]);
            assert!(spool.read_now(10, 80_000).unwrap() == expected[10..80_010]);
            assert_eq!(spool.ended().await.unwrap(), expected.len() as u64);
        }
    }

    #[tokio::test]
    async fn the_last_piece_is_held_back_until_the_writer_says_it_is_right() {
        let (mut writer, spool) = spool();
        writer.push(Bytes::from_static(b"one")).await.unwrap();
        assert_eq!(spool.released(), 0);
        writer.push(Bytes::from_static(b"two")).await.unwrap();
        assert_eq!((spool.begun().await.unwrap(), spool.released()), (None, 3));
        writer.fail(Error::Upstream("wrong".into()));
        assert_eq!(spool.released(), 3);
        assert!(matches!(whole(&spool, 0, None).await, Err(Error::Upstream(_))));
        assert!(spool.has_failed());
    }

    #[tokio::test]
    async fn a_writer_who_vanishes_has_failed() {
        let (writer, spool) = spool();
        let (begun, ()) = tokio::join!(spool.begun(), async { drop(writer) });
        assert!(begun.is_err());
    }

    #[tokio::test]
    async fn an_empty_file_begins_and_ends_at_once() {
        let (writer, spool) = spool();
        writer.finish();
        assert_eq!(spool.begun().await.unwrap(), Some(0));
        assert!(whole(&spool, 0, None).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_comes_second_joins_and_who_comes_after_a_failure_begins_again() {
        let downloads = Downloads::default();
        let (first, writer) = downloads.join("a");
        let (second, none) = downloads.join("a");
        assert!(none.is_none() && Arc::ptr_eq(&first, &second));
        writer.unwrap().fail(Error::NoSuchFile);
        assert!(downloads.find("a").is_none());
        let (third, writer) = downloads.join("a");
        assert!(writer.is_some() && !Arc::ptr_eq(&first, &third));
        downloads.remove("a", &first);
        assert!(downloads.find("a").is_some());
        downloads.remove("a", &third);
        assert!(downloads.find("a").is_none());
    }
}

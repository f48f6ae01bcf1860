//! Small objects as a whole, by digest: what an entry holds is right for ever.

use crate::error::{Error, Result};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest object that is kept, in bytes.
const LARGEST: u64 = 2 << 20;

pub struct Objects {
    kept: moka::future::Cache<String, Bytes>,
    /// For all objects that are in memory, also those that fell out and are still being sent, in KiB. So slow readers
    /// of many files can't make this process hold more.
    room: Arc<Semaphore>,
}

/// An object that makes its room free when nobody has it any more.
struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Objects {
    /// A cache of at most this many bytes; as much again may be on its way to readers.
    pub fn new(bytes: u64) -> Self {
        // In steps of the room, or many small ones would fill that before any of them falls out.
        let weigher = |sha256: &String, object: &Bytes| {
            u32::try_from(object.len().next_multiple_of(1024) + sha256.len() + 128).unwrap_or(u32::MAX)
        };
        let room = usize::try_from(bytes.saturating_mul(2) >> 10).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            kept: moka::future::Cache::builder().weigher(weigher).max_capacity(bytes).build(),
            room: Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// The object of this hex digest and size, from memory or as `load` brings it, once for all who wait; `None` when it
    /// is too large, or there is no room for it.
    ///
    /// # Errors
    /// That of `load`, which is not kept.
    pub async fn get(
        &self,
        sha256: &str,
        size: u64,
        load: impl Future<Output = Result<Bytes>>,
    ) -> Result<Option<Bytes>> {
        if size > LARGEST {
            return Ok(None);
        }
        let load = async {
            let size = u32::try_from(size.div_ceil(1024)).map_err(|_| None)?;
            let room = self.room.clone().try_acquire_many_owned(size).map_err(|_| None)?;
            let bytes = load.await.map_err(Some)?;
            Ok::<_, Option<Error>>(Bytes::from_owner(Held { bytes, _room: room }))
        };
        match self.kept.try_get_with_by_ref(sha256, load).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(failed) => match &*failed {
                Some(error) => Err(error.clone()),
                None => Ok(None),
            },
        }
    }

    /// How many there are, and their bytes.
    pub async fn measure(&self) -> (u64, u64) {
        self.kept.run_pending_tasks().await;
        (self.kept.entry_count(), self.kept.weighted_size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    async fn bring(objects: &Objects, name: &str, size: u64) -> Option<Bytes> {
        let load = async { Ok(Bytes::from(vec![7; usize::try_from(size).unwrap()])) };
        objects.get(name, size, load).await.unwrap()
    }

    #[tokio::test]
    async fn all_who_want_an_object_at_once_share_one_load() {
        let (objects, loads) = (Objects::new(1 << 20), AtomicU32::new(0));
        let load = || async {
            loads.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(Bytes::from_static(b"content"))
        };
        let readers = (0..20).map(|_| objects.get("digest", 7, load()));
        for read in futures::future::join_all(readers).await {
            assert_eq!(read.unwrap().unwrap(), "content");
        }
        assert_eq!(loads.into_inner(), 1);
    }

    #[tokio::test]
    async fn what_could_not_be_loaded_is_not_kept() {
        let objects = Objects::new(1 << 20);
        let failed = objects.get("digest", 7, async { Err(Error::Busy) }).await;
        assert!(matches!(failed, Err(Error::Busy)));
        assert!(bring(&objects, "digest", 7).await.is_some());
    }

    #[tokio::test]
    async fn what_readers_still_hold_takes_room_until_they_let_it_go() {
        let objects = Objects::new(1 << 20);
        let mut held = Vec::new();
        for number in 0..4 {
            held.extend(bring(&objects, &number.to_string(), 512 << 10).await);
        }
        assert_eq!(held.len(), 4);
        assert_eq!(bring(&objects, "one more", 512 << 10).await, None);
        held.clear();
        // What falls out of the cache is let go a moment later.
        let again = async {
            while bring(&objects, "one more", 512 << 10).await.is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_large_or_has_no_memory_at_all_is_left_to_others() {
        assert_eq!(bring(&Objects::new(64 << 20), "large", LARGEST + 1).await, None);
        assert_eq!(bring(&Objects::new(0), "small", 1).await, None);
    }
}

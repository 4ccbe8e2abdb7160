//! What holds before any backend.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::*;
use crate::images::folder::Folder;

/// A folder that counts who reads of it.
struct Counted {
    folder: Folder,
    reads: AtomicUsize,
}

#[async_trait]
impl ImagesDuty for Counted {
    async fn put(&self, hash: ImageHash, bytes: Bytes, now: Micros) -> Result<()> {
        self.folder.put(hash, bytes, now).await
    }

    async fn get(&self, hash: ImageHash) -> Result<Option<Bytes>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.folder.get(hash).await
    }

    async fn remove(&self, hash: ImageHash, before: Micros) -> Result<bool> {
        self.folder.remove(hash, before).await
    }

    async fn put_before(
        &self,
        before: Micros,
        after: Option<ImageHash>,
        limit: usize,
    ) -> Result<Vec<ImageHash>> {
        self.folder.put_before(before, after, limit).await
    }
}

#[test]
fn a_digest_is_written_in_one_way() {
    let hash = ImageHash::of(b"abc");
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((hash.to_string(), text.parse()), (text.to_owned(), Ok(hash)));
    for wrong in ["", &text[1..], &text[2..], &format!("{text}0"), &text.to_uppercase(), "é"] {
        assert_eq!(wrong.parse::<ImageHash>(), Err(HashError), "{wrong}");
    }
    assert!(text.replace('b', "g").parse::<ImageHash>().is_err());
    assert!(text.replace('b', "/").parse::<ImageHash>().is_err());
}

#[tokio::test]
async fn what_many_ask_for_at_once_is_read_by_so_many_as_work_at_once_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let own = Folder::open(folder.path().to_owned()).unwrap();
    let counted = Arc::new(Counted { folder: own, reads: AtomicUsize::new(0) });
    let images = Images::over(counted.clone());
    let bytes = Bytes::from_static(b"a cat");
    let hash = images.put(bytes.clone(), Micros(1)).await.unwrap();
    let all = join_all((0..WAITING).map(|_| images.get(hash))).await;
    assert!(all.iter().all(|got| *got == Ok(Some(bytes.clone()))));
    let reads = counted.reads.load(Ordering::Relaxed);
    assert!((1..=AT_ONCE).contains(&reads), "{reads} of {WAITING}");
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_by_so_many_at_once_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let images = Images::over(Arc::new(Folder::open(folder.path().to_owned()).unwrap()));
    let hash = ImageHash::of(b"nothing");
    let inner = images.0.clone().unwrap();
    let held = inner.working.acquire_many(u32::try_from(AT_ONCE).unwrap()).await.unwrap();
    let many = images.clone();
    let many = tokio::spawn(async move { join_all((0..WAITING).map(|_| many.get(hash))).await });
    while inner.waiting.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(images.get(hash).await, Err(StorageError::Overloaded));
    drop(held);
    assert!(many.await.unwrap().iter().all(|got| *got == Ok(None)));
    assert_eq!(images.get(hash).await, Ok(None), "and afterwards there is room again");
}

#[tokio::test]
async fn nowhere_is_no_place_for_images() {
    let nowhere = Images::default();
    assert!(matches!(nowhere.get(ImageHash::of(b"")).await, Err(StorageError::Setup(_))));
    let put = nowhere.put(Bytes::new(), Micros(0)).await;
    assert!(matches!(put, Err(StorageError::Setup(_))));
}

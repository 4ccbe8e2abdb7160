//! The folder sits the exam, and keeps the promises of its own.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::images::Images;

fn open(folder: &TempDir) -> Folder {
    Folder::open(folder.path().join("images")).unwrap()
}

async fn fresh() -> (Images, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Images::over(Arc::new(open(&folder))), folder)
}

mod exam {
    crate::exam!(images crate::images::folder::tests::fresh);
}

fn names(folder: &Folder) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_image_is_there_after_a_restart_and_for_another_node() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(&folder), Images::over(Arc::new(open(&folder))));
    let hash = Images::over(Arc::new(one.clone())).put(Bytes::from("cat"), Micros(5)).await;
    let hash = hash.unwrap();
    assert_eq!(other.get(hash).await.unwrap(), Some(Bytes::from("cat")));
    let again = Images::over(Arc::new(open(&folder)));
    assert_eq!(again.get(hash).await.unwrap(), Some(Bytes::from("cat")));
    assert_eq!(names(&one), [hash.to_string()], "nothing else is left");
}

#[tokio::test]
async fn what_is_broken_is_given_to_nobody_and_mended_by_putting_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let kept = open(&folder);
    let images = || Images::over(Arc::new(kept.clone()));
    let hash = images().put(Bytes::from("a cat"), Micros(5)).await.unwrap();
    for broken in [&b"a cut"[..], b"a ca", b"", b"a cat ", &[0; MAX_BYTES + 9]] {
        fs::write(kept.place(hash), broken).unwrap();
        let got = images().get(hash).await;
        assert!(matches!(got, Err(StorageError::Corrupt(_))), "{:?}", broken.len());
        images().put(Bytes::from("a cat"), Micros(6)).await.unwrap();
        assert_eq!(images().get(hash).await.unwrap(), Some(Bytes::from("a cat")));
    }
}

#[tokio::test]
async fn what_the_dead_left_is_seen_to_and_strangers_files_are_let_be() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, day) = (open(&folder), Micros(86_400_000_000));
    let hash = ImageHash::of(b"cat");
    let write = |name: String, bytes: &[u8]| {
        let mut file = File::create(kept.0.join(name)).unwrap();
        file.write_all(bytes).unwrap();
        file.set_modified(time(Micros(5))).unwrap();
    };
    write(format!(".{hash}.0000000000000001.new"), b"ca");
    write(format!(".{hash}.gone"), b"cat");
    write("README".to_owned(), b"hello");
    write(".nfs0001".to_owned(), b"hello");
    // Nothing of it is an image; what was half taken away is one again.
    assert_eq!(kept.put_before(Micros(5), None, 10).await.unwrap(), []);
    assert_eq!(kept.get(hash).await.unwrap(), Some(Bytes::from("cat")));
    assert_eq!(kept.put_before(day, None, 10).await.unwrap(), [hash]);
    assert_eq!(names(&kept), [".nfs0001".to_owned(), hash.to_string(), "README".to_owned()]);
}

#[test]
fn a_folder_that_cannot_be_used_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    for wrong in [file.clone(), file.join("images")] {
        let told = Folder::open(wrong.clone()).err().unwrap().to_string();
        assert!(told.contains(&wrong.display().to_string()), "{told}");
    }
}

//! What is asked of a place for images.

use bytes::Bytes;
use futures_util::future::join_all;

use super::scene::SECOND;
use super::shop::at;
use crate::error::StorageError;
use crate::images::{ImageHash, Images, MAX_BYTES};

fn image(word: &str) -> Bytes {
    Bytes::from(word.repeat(100).into_bytes())
}

pub async fn an_image_is_found_whole_under_its_digest_alone(images: Images) {
    let bytes = image("cat");
    let hash = ImageHash::of(&bytes);
    assert_eq!(images.get(hash).await.unwrap(), None);
    assert_eq!(images.put(bytes.clone(), at(1)).await.unwrap(), hash);
    assert_eq!(images.get(hash).await.unwrap(), Some(bytes));
    assert_eq!(images.get(ImageHash::of(b"dog")).await.unwrap(), None);
    let nothing = images.put(Bytes::new(), at(1)).await.unwrap();
    assert_eq!(images.get(nothing).await.unwrap(), Some(Bytes::new()));
}

pub async fn an_image_that_is_put_twenty_times_at_once_is_there_once(images: Images) {
    let bytes = image("cat");
    let puts = join_all((0..20).map(|second| images.put(bytes.clone(), at(second)))).await;
    assert!(puts.iter().all(|put| *put == Ok(ImageHash::of(&bytes))), "{puts:?}");
    assert_eq!(images.put_before(at(60), None, 10).await.unwrap(), [ImageHash::of(&bytes)]);
}

pub async fn an_image_has_a_bound(images: Images) {
    let most = Bytes::from(vec![7; MAX_BYTES]);
    let hash = images.put(most.clone(), at(1)).await.unwrap();
    assert_eq!(images.get(hash).await.unwrap(), Some(most));
    let more = images.put(Bytes::from(vec![7; MAX_BYTES + 1]), at(1)).await;
    assert!(matches!(more, Err(StorageError::TooLong { .. })), "{more:?}");
}

pub async fn what_was_put_since_stays(images: Images) {
    let hash = images.put(image("cat"), at(10)).await.unwrap();
    assert!(!images.remove(hash, at(10)).await.unwrap(), "it was not put before that");
    images.put(image("cat"), at(20)).await.unwrap();
    assert!(!images.remove(hash, at(10).after(SECOND)).await.unwrap(), "it was put again");
    assert!(images.remove(hash, at(21)).await.unwrap());
    assert!(!images.remove(hash, at(21)).await.unwrap(), "it is gone");
    assert_eq!(images.put_before(at(60), None, 10).await.unwrap(), []);
    images.put(image("cat"), at(30)).await.unwrap();
    assert_eq!(images.get(hash).await.unwrap(), Some(image("cat")), "and may come back");
}

pub async fn what_is_put_while_it_is_taken_away_is_there_afterwards(images: Images) {
    let bytes = image("cat");
    for round in 0..50 {
        images.put(bytes.clone(), at(1)).await.unwrap();
        let (put, removed) = tokio::join!(
            images.put(bytes.clone(), at(100)),
            images.remove(ImageHash::of(&bytes), at(50))
        );
        let hash = put.unwrap();
        let there = images.put_before(at(200), None, 10).await.unwrap();
        assert_eq!(there, [hash], "round {round}: {removed:?}");
        assert!(images.remove(hash, at(200)).await.unwrap());
    }
}

pub async fn images_are_listed_by_when_they_were_put_last_in_pages(images: Images) {
    let mut all = Vec::new();
    for second in 0..5 {
        all.push(images.put(image(&format!("{second}")), at(second)).await.unwrap());
    }
    images.put(image("0"), at(9)).await.unwrap();
    let mut expected = all[1..4].to_vec();
    expected.sort_unstable();
    assert_eq!(images.put_before(at(4), None, 10).await.unwrap(), expected);
    assert_eq!(images.put_before(at(4), None, 2).await.unwrap(), expected[..2]);
    assert_eq!(images.put_before(at(4), Some(expected[1]), 2).await.unwrap(), expected[2..]);
    assert_eq!(images.put_before(at(4), Some(expected[2]), 2).await.unwrap(), []);
}

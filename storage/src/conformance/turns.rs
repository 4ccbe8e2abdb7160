//! What is asked of a backend about turns.

use futures_util::future::join_all;

use super::scene::{Game, INSTANT, SECOND};
use super::shop::at;
use crate::open::Storage;

pub async fn a_turn_is_taken_by_one_of_twenty_at_once(storage: Storage) {
    let nodes = Game::new(&storage).nodes(2).await;
    for now in [at(1), at(11), at(21)] {
        let takes =
            nodes.iter().cycle().take(20).map(|node| {
                node.storage.turns.take("poll google_play".to_owned(), now, 10 * SECOND)
            });
        let taken = join_all(takes).await.into_iter().filter(|taken| taken.clone().unwrap());
        assert_eq!(taken.count(), 1);
    }
}

pub async fn a_turn_comes_when_it_is_due_and_not_before(storage: Storage) {
    let take = async |work: &str, now| {
        storage.turns.take(work.to_owned(), now, 10 * SECOND).await.unwrap()
    };
    assert!(take("a", at(1)).await, "what was never done is due");
    assert!(!take("a", at(1)).await);
    assert!(take("b", at(5)).await, "other work has turns of its own");
    assert!(!take("a", at(11).before(INSTANT)).await);
    assert!(take("a", at(11)).await);
    // It was late: the next turn comes as long after.
    assert!(take("a", at(25)).await);
    assert!(!take("a", at(31)).await);
    assert!(take("A", at(31)).await, "a word is read to the letter");
}

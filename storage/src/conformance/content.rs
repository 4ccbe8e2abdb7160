//! What is asked of a backend about what members did with notices and banners.

use futures_util::future::join_all;
use uuid::Uuid;

use super::scene::candidate;
use super::shop::at;
use crate::clock::Micros;
use crate::content::{
    Counts, Deed, FOR_GOOD, MAX_MARKS, MAX_REGARDS, MAX_TALLIES, MarkWrite, Regard, Tally, day,
};
use crate::error::StorageError;
use crate::open::Storage;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn regard(content: u128, seen: Option<u32>, dismissed_until: Option<Micros>) -> Regard {
    Regard { content: id(content), seen_at: seen.map(at), dismissed_until }
}

pub async fn the_first_sight_and_the_last_putting_away_of_each_are_kept(storage: Storage) {
    let (member, other) = (candidate(), candidate());
    let mark = async |member, marks: Vec<(u128, Deed)>, now| {
        let marks = marks.into_iter().map(|(of, deed)| (id(of), deed)).collect();
        storage.content.mark(MarkWrite { member, marks, now }).await.unwrap();
    };
    mark(member, vec![(1, Deed::Seen), (2, Deed::Seen)], at(1)).await;
    mark(member, vec![(2, Deed::Dismissed(at(900))), (3, Deed::Dismissed(FOR_GOOD))], at(2)).await;
    mark(member, vec![(1, Deed::Seen), (2, Deed::Dismissed(at(500)))], at(3)).await;
    mark(other, vec![(1, Deed::Seen)], at(4)).await;
    mark(member, Vec::new(), at(5)).await;
    let regards = async |member, of: &[u128]| {
        let contents = of.iter().copied().map(id).collect();
        storage.content.regards(member, contents).await.unwrap()
    };
    assert_eq!(
        regards(member, &[2, 1, 9, 3, 2]).await,
        [
            regard(3, None, Some(FOR_GOOD)),
            regard(2, Some(1), Some(at(500))),
            regard(1, Some(1), None)
        ],
        "the newest first"
    );
    assert_eq!(regards(other, &[1, 2, 3]).await, [regard(1, Some(4), None)]);
    assert_eq!(regards(member, &[3]).await, [regard(3, None, Some(FOR_GOOD))]);
    assert_eq!(regards(member, &[]).await, []);
    // As many as there may be to ask of, of which the first is the oldest.
    let most: Vec<_> = (1..=MAX_REGARDS).map(|number| id(number.try_into().unwrap())).collect();
    let found = storage.content.regards(member, most.clone()).await.unwrap();
    assert_eq!(found.last().map(|regard| regard.content), Some(id(1)));
    let refused = storage.content.regards(member, [most, vec![id(0)]].concat()).await;
    assert!(matches!(refused, Err(StorageError::TooLong { .. })), "{refused:?}");
}

pub async fn many_members_who_see_the_same_at_once_are_all_kept(storage: Storage) {
    let members: Vec<_> = (0..40).map(|_| candidate()).collect();
    let seen = |number: usize| (id(u128::try_from(number).unwrap()), Deed::Seen);
    let marks: Vec<_> = (0..MAX_MARKS).map(seen).collect();
    let writes = members.iter().map(|member| {
        storage.content.mark(MarkWrite { member: *member, marks: marks.clone(), now: at(1) })
    });
    join_all(writes).await.into_iter().for_each(|kept| kept.unwrap());
    for member in members {
        let all = marks.iter().map(|(content, _)| *content).collect();
        assert_eq!(storage.content.regards(member, all).await.unwrap().len(), MAX_MARKS);
    }
}

pub async fn more_marks_or_tallies_than_are_taken_are_refused(storage: Storage) {
    let member = candidate();
    let marks = vec![(id(1), Deed::Seen); MAX_MARKS + 1];
    let refused = storage.content.mark(MarkWrite { member, marks, now: at(1) }).await;
    assert!(matches!(refused, Err(StorageError::TooLong { most: MAX_MARKS, .. })), "{refused:?}");
    let tallies = vec![tally(1, 0, 1, 1); MAX_TALLIES + 1];
    let refused = storage.content.tally(tallies).await;
    assert!(matches!(refused, Err(StorageError::TooLong { most: MAX_TALLIES, .. })), "{refused:?}");
    let numbered = |number| tally(u128::try_from(number).unwrap(), 0, 1, 1);
    storage.content.tally((0..MAX_TALLIES).map(numbered).collect()).await.unwrap();
}

fn tally(content: u128, day: i32, run: u128, shown: u64) -> Tally {
    let counts = Counts { shown, clicked: shown / 2, dismissed: shown / 10 };
    Tally { content: id(content), day, run: id(run), counts }
}

pub async fn what_runs_counted_is_summed_up_and_keeping_it_again_adds_nothing(storage: Storage) {
    let keep = async |tallies: Vec<Tally>| storage.content.tally(tallies).await.unwrap();
    keep(vec![tally(1, 10, 1, 20), tally(1, 11, 1, 40), tally(2, 10, 1, 7)]).await;
    keep(vec![tally(1, 10, 2, 100)]).await;
    // Sent again, later, and late.
    keep(vec![tally(1, 10, 1, 20), tally(1, 11, 1, 60)]).await;
    keep(vec![tally(1, 11, 1, 40)]).await;
    keep(Vec::new()).await;
    let sum = |shown| Counts { shown, clicked: shown / 2, dismissed: shown / 10 };
    let tallied = async |from, limit| storage.content.tallied(id(1), from, limit).await.unwrap();
    assert_eq!(tallied(0, 10).await, [(10, sum(120)), (11, sum(60))]);
    assert_eq!(tallied(11, 10).await, [(11, sum(60))]);
    assert_eq!(tallied(0, 1).await, [(10, sum(120))]);
    assert_eq!(storage.content.tallied(id(3), 0, 10).await.unwrap(), []);
}

pub async fn what_nobody_touched_for_long_is_forgotten_a_few_at_a_time(storage: Storage) {
    let member = candidate();
    let mark = async |of: u128, now| {
        let marks = vec![(id(of), Deed::Seen)];
        storage.content.mark(MarkWrite { member, marks, now }).await.unwrap();
    };
    for of in 1..=5 {
        mark(of, at(of.try_into().unwrap())).await;
    }
    mark(1, at(100)).await;
    let before = at(4);
    let today = day(before);
    storage.content.tally(vec![tally(1, today - 1, 1, 10), tally(1, today, 1, 10)]).await.unwrap();
    // 2 and 3, and one day.
    assert_eq!(storage.content.forget(before, 1).await.unwrap(), 2);
    assert_eq!(storage.content.forget(before, 10).await.unwrap(), 1);
    assert_eq!(storage.content.forget(before, 10).await.unwrap(), 0);
    let left = storage.content.regards(member, (0..=9).map(id).collect()).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|regard| regard.content.as_u128()).collect();
    assert_eq!(left, [5, 4, 1], "what was touched since stays");
    let days = storage.content.tallied(id(1), 0, 10).await.unwrap();
    assert_eq!(days.len(), 1);
    // What is from that very moment stays.
    assert_eq!(storage.content.forget(at(5), 10).await.unwrap(), 1);
}

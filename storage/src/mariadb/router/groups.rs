//! Which items go together.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

use super::{Shard, ShardMap};

/// What is kept on one primary.
pub(super) struct Group {
    pub(super) primary: usize,
    /// Places in the list of items.
    pub(super) places: Vec<usize>,
}

/// The items by their primaries. One whose shard nobody keeps is in no group.
pub(super) fn groups(
    map: &ShardMap,
    places: &[usize],
    shard: impl Fn(usize) -> Shard,
) -> Vec<Group> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in places {
        if let Some(range) = map.place(shard(*at)) {
            groups.entry(range.primary).or_default().push(*at);
        }
    }
    groups.into_iter().map(|(primary, places)| Group { primary, places }).collect()
}

/// The items in rounds in each of which a key occurs once, in the order of their coming.
pub(super) fn rounds<K: Eq + Hash>(places: &[usize], key: impl Fn(usize) -> K) -> Vec<Vec<usize>> {
    let mut rounds: Vec<(HashSet<K>, Vec<usize>)> = Vec::new();
    for at in places {
        let mut own = Some(key(*at));
        // Behind every earlier item of its key, so that one key's order is kept.
        for (keys, round) in &mut rounds {
            if let Some(free) = own.take_if(|own| !keys.contains(own)) {
                keys.insert(free);
                round.push(*at);
                break;
            }
        }
        if let Some(key) = own {
            rounds.push((HashSet::from([key]), vec![*at]));
        }
    }
    rounds.into_iter().map(|(_, round)| round).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_occurs_once_in_a_round_and_in_its_order() {
        let keys = ["a", "b", "a", "c", "a", "b"];
        let places: Vec<usize> = (0..keys.len()).collect();
        assert_eq!(rounds(&places, |at| keys[at]), [vec![0, 1, 3], vec![2, 5], vec![4]]);
        assert_eq!(rounds(&[], |at| keys[at]), Vec::<Vec<usize>>::new());
    }
}

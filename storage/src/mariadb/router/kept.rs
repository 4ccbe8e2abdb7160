//! What a primary keeps, as a condition of a statement: lists that every primary has a part of
//! leave out rows of shards that it does not keep, or keeps no more.

use futures_util::future::join_all;
use mysql_async::Conn;

use super::map::{self, LAST, Range};
use super::{Expected, Router, Shard};
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::tx::{End, Locks, TRIES, Tx, Work, run_tx};

/// The shards that a primary keeps.
pub(in crate::mariadb) struct Kept(Vec<(Shard, Shard)>);

impl Kept {
    fn new(mut ranges: Vec<Range>) -> Self {
        ranges.sort_by_key(|range| range.first);
        let mut kept: Vec<(Shard, Shard)> = Vec::new();
        for Range { first, last, .. } in ranges {
            match kept.last_mut() {
                Some(before) if before.1 + 1 == first => before.1 = last,
                Some(_) | None => kept.push((first, last)),
            }
        }
        // Home is no member's and no digest's.
        kept.retain_mut(|(first, last)| {
            *first = (*first).max(0);
            first <= last
        });
        Self(kept)
    }

    /// What it keeps until the transaction ends.
    pub(in crate::mariadb) async fn hold(tx: &mut Tx) -> Result<Self, Fault> {
        Ok(Self::new(map::held_ranges(tx).await?))
    }

    /// What it keeps now.
    pub(in crate::mariadb) async fn look(connection: &mut Conn) -> Result<Self, Fault> {
        Ok(Self::new(map::ranges_of(connection, 0).await?))
    }

    /// The numbers of the members that it keeps: the first and the last of each range, in order.
    pub(in crate::mariadb) fn numbers(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().map(|(first, last)| {
            let first = i64::from(*first) << 53;
            // The last shard's last number is the last of all.
            (first, (i64::from(*last) << 53) | ((1 << 53) - 1))
        })
    }

    /// That a member's number is of a shard that is kept here.
    pub(in crate::mariadb) fn members(&self, column: &str) -> String {
        any(self.numbers().map(|(first, last)| format!("{column} BETWEEN {first} AND {last}")))
    }

    /// That a digest is of a shard that is kept here.
    pub(in crate::mariadb) fn digests(&self, column: &str) -> String {
        any(self.0.iter().map(|(first, last)| {
            let from = format!("{column} >= X'{:04X}'", first.cast_unsigned() << 6);
            if *last == LAST {
                return from;
            }
            format!("({from} AND {column} < X'{:04X}')", (last + 1).cast_unsigned() << 6)
        }))
    }
}

fn any(conditions: impl Iterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.collect();
    if conditions.is_empty() {
        "FALSE".to_owned()
    } else {
        format!("({})", conditions.join(" OR "))
    }
}

/// Has every primary do `work`, which takes some of its rows for whoever asks, and skips what
/// others have locked. What some gave counts though others are away: it is taken.
///
/// # Errors
/// When none gave anything and one of them failed.
pub(in crate::mariadb) async fn lease<T: Send, W: Work<Answer = Vec<T>>>(
    router: &Router,
    work: &W,
) -> Result<Vec<T>> {
    let ask = |server| async move {
        run_tx(server, &Expected::nothing(), work, TRIES, Locks::Skip).await
    };
    let (mut all, mut whole) = (Vec::new(), Ok(()));
    for some in join_all(router.primaries.iter().map(ask)).await {
        match some {
            Ok(some) => all.extend(some),
            // Somebody is at it.
            Err(End::Locked) => {}
            Err(end) => whole = whole.and(Err(end.said())),
        }
    }
    partly(all, whole, W::NAME)
}

/// What some primaries gave, if any did.
///
/// # Errors
/// When none gave anything and one of them failed.
pub(in crate::mariadb) fn partly<T>(
    all: Vec<T>,
    whole: Result<()>,
    what: &'static str,
) -> Result<Vec<T>> {
    match whole {
        Err(error) if !all.is_empty() => {
            tracing::warn!(%error, what, "a part of {what} could not be done");
            Ok(all)
        }
        whole => whole.map(|()| all),
    }
}

#[cfg(test)]
mod tests {
    use protocol::ids::MemberId;

    use super::*;
    use crate::identity::shard_of;

    fn kept(ranges: &[(Shard, Shard)]) -> Kept {
        let range = |(first, last): &(Shard, Shard)| Range {
            first: *first,
            last: *last,
            version: 1,
            primary: 0,
        };
        Kept::new(ranges.iter().map(range).collect())
    }

    #[test]
    fn neighbours_are_one_and_home_is_left_out() {
        assert_eq!(kept(&[(4, 9), (-1, -1), (0, 3), (11, 12)]).0, [(0, 9), (11, 12)]);
        assert_eq!(kept(&[(-1, -1)]).members("member"), "FALSE");
        assert_eq!(kept(&[(-1, -1)]).digests("claim"), "FALSE");
        assert_eq!(kept(&[(-1, LAST)]).numbers().collect::<Vec<_>>(), [(0, i64::MAX)]);
        assert_eq!(kept(&[(-1, LAST)]).digests("claim"), "(claim >= X'0000')");
    }

    #[test]
    fn conditions_end_where_shards_do() {
        let all = kept(&[(512, 513)]);
        let (first, last) = all.numbers().next().unwrap();
        let shard = |number| MemberId::from_number(number).unwrap().shard();
        assert_eq!([first - 1, first, last, last + 1].map(shard), [511, 512, 513, 514]);
        assert_eq!(all.digests("claim"), "((claim >= X'8000' AND claim < X'8080'))");
        let mut digest = [0xff; 32];
        (digest[0], digest[1]) = (0x80, 0x7f);
        assert_eq!(shard_of(&digest), 513);
        (digest[0], digest[1]) = (0x80, 0x80);
        assert_eq!(shard_of(&digest), 514);
    }
}

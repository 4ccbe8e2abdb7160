//! The map of virtual shards: which primary keeps which, and at which version.
//!
//! Each primary keeps its own ranges in `shard_range`. The map is what all primaries say,
//! and it is whole: every shard is kept once. A transaction that writes reads the ranges of its
//! primary with a shared lock first; whoever moves a shard away has to wait for it, and whoever
//! comes after with the old map is refused. Who reads looks at the ranges after the rows, unless
//! the primary's [word](super::word) of a moment ago is enough.
//!
//! Whoever moves a shard takes it from the one, lets [`PAUSE`](super::word::PAUSE) pass, and gives
//! it to the other with a version that is higher than any before.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use protocol::ids::MemberId;
use tokio::time::Instant;

use super::super::fault::{Fault, words};
use super::super::pool::{Server, give_up};
use super::super::rows::cell;
use super::super::tx::Tx;
use crate::error::{Result, StorageError};

/// A virtual shard: 0 to 1023, or [`HOME`].
pub(in crate::mariadb) type Shard = i16;

/// What belongs to no member: the games.
pub(in crate::mariadb) const HOME: Shard = -1;

/// The highest shard.
pub(in crate::mariadb) const LAST: Shard = MemberId::SHARDS.cast_signed() - 1;

/// The word of a range that may be written.
pub(in crate::mariadb) const OPEN: &str = "open";

const SELECT: &str = "SELECT first_shard, last_shard, version, state FROM shard_range";

/// Shards that follow each other, on one primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mariadb) struct Range {
    pub(in crate::mariadb) first: Shard,
    pub(in crate::mariadb) last: Shard,
    pub(in crate::mariadb) version: i64,
    pub(in crate::mariadb) primary: usize,
}

impl Range {
    fn holds(&self, shard: Shard) -> bool {
        (self.first..=self.last).contains(&shard)
    }
}

/// Every shard, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mariadb) struct ShardMap(Vec<Range>);

impl ShardMap {
    /// Puts together what the primaries say. `names` are the primaries'.
    ///
    /// # Errors
    /// Names the first shards that are kept twice.
    pub(in crate::mariadb) fn new(
        mut ranges: Vec<Range>,
        names: &[&str],
    ) -> std::result::Result<Self, String> {
        ranges.sort_by_key(|range| range.first);
        let name = |range: &Range| names.get(range.primary).copied().unwrap_or("?").to_owned();
        for pair in ranges.windows(2) {
            let [before, range] = pair else { continue };
            if range.first <= before.last {
                return Err(format!(
                    "{} kept twice: by `{}` and by `{}`",
                    shards(range.first, range.last.min(before.last)),
                    name(before),
                    name(range)
                ));
            }
        }
        Ok(Self(ranges))
    }

    /// Whether every shard is kept. While one is moved it is not, for a moment.
    ///
    /// # Errors
    /// Names the first shards that are kept by nobody.
    pub(in crate::mariadb) fn whole(&self) -> std::result::Result<(), String> {
        let mut next = HOME;
        for range in &self.0 {
            if range.first > next {
                return Err(format!("{} kept by nobody", shards(next, range.first - 1)));
            }
            next = range.last + 1;
        }
        if next <= LAST {
            return Err(format!("{} kept by nobody", shards(next, LAST)));
        }
        Ok(())
    }

    /// Who keeps a shard.
    pub(in crate::mariadb) fn place(&self, shard: Shard) -> Option<&Range> {
        let at = self.0.partition_point(|range| range.last < shard);
        self.0.get(at).filter(|range| range.holds(shard))
    }

    /// The highest version of any range.
    pub(in crate::mariadb) fn version(&self) -> i64 {
        self.0.iter().map(|range| range.version).max().unwrap_or(0)
    }

    pub(in crate::mariadb) fn ranges(&self) -> &[Range] {
        &self.0
    }
}

/// Shards in words, as the beginning of a sentence.
fn shards(first: Shard, last: Shard) -> String {
    let one = first == last;
    format!("{} {}", named(first, last), if one { "is" } else { "are" })
}

/// Shards by name.
pub(in crate::mariadb) fn named(first: Shard, last: Shard) -> String {
    match (first, last) {
        (HOME, HOME) => "home".to_owned(),
        (HOME, last) => format!("home and shards 0 to {last}"),
        (first, last) if first == last => format!("shard {first}"),
        (first, last) => format!("shards {first} to {last}"),
    }
}

/// What a transaction takes for granted: these shards are kept here, at these versions.
pub(in crate::mariadb) struct Expected(Vec<(Shard, i64)>);

impl Expected {
    /// Nothing: for what is done on every primary alike.
    pub(in crate::mariadb) fn nothing() -> Self {
        Self(Vec::new())
    }

    pub(in crate::mariadb) fn of(map: &ShardMap, shards: impl IntoIterator<Item = Shard>) -> Self {
        let version = |shard| map.place(shard).map_or(-1, |range| range.version);
        let mut all: Vec<_> = shards.into_iter().map(|shard| (shard, version(shard))).collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Holds the primary to it until the transaction ends.
    pub(in crate::mariadb) async fn hold(&self, server: &Server, tx: &mut Tx) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.ask(server, tx, &format!("{SELECT} LOCK IN SHARE MODE")).await
    }

    /// Finds out whether it is so, and so was when rows were read before.
    pub(in crate::mariadb) async fn confirm(
        &self,
        server: &Server,
        connection: &mut Conn,
    ) -> Result<(), Fault> {
        if server.word.covers(self, Instant::now()) {
            return Ok(());
        }
        self.ask(server, connection, SELECT).await
    }

    /// Finds out whether a replica, which its primary's word says nothing of, shows it.
    pub(in crate::mariadb) async fn is_shown(&self, replica: &mut Conn) -> Result<(), Fault> {
        let shown = ranges_of(replica, 0).await?;
        if self.is_met_by(&shown) { Ok(()) } else { Err(Fault::StaleMap) }
    }

    async fn ask(&self, server: &Server, connection: &mut Conn, select: &str) -> Result<(), Fault> {
        let asked = Instant::now();
        let kept = ranges(connection.exec(select, ()).await?, 0)?;
        let met = self.is_met_by(&kept);
        server.word.hear(asked, kept);
        if met { Ok(()) } else { Err(Fault::StaleMap) }
    }

    /// Whether who keeps this keeps what is expected.
    pub(super) fn is_met_by(&self, kept: &[Range]) -> bool {
        let holds = |(shard, version): &(Shard, i64)| {
            kept.iter().any(|range| range.holds(*shard) && range.version == *version)
        };
        self.0.iter().all(holds)
    }
}

/// The ranges of rows that may be written.
fn ranges(rows: Vec<Row>, primary: usize) -> Result<Vec<Range>> {
    let mut ranges = Vec::with_capacity(rows.len());
    for mut row in rows {
        let state: String = cell(&mut row, 3, "shard_range.state")?;
        let first: Shard = cell(&mut row, 0, "shard_range.first_shard")?;
        let last: Shard = cell(&mut row, 1, "shard_range.last_shard")?;
        if first < HOME || last > LAST || first > last {
            let what = format!("shard_range from {first} to {last}: shards are {HOME} to {LAST}");
            return Err(StorageError::Corrupt(what));
        }
        if state == OPEN {
            let version = cell(&mut row, 2, "shard_range.version")?;
            ranges.push(Range { first, last, version, primary });
        }
    }
    Ok(ranges)
}

/// What a transaction's server says that it keeps; it keeps that until the transaction ends.
pub(super) async fn held_ranges(tx: &mut Tx) -> Result<Vec<Range>, Fault> {
    Ok(ranges(tx.exec(format!("{SELECT} LOCK IN SHARE MODE"), ()).await?, 0)?)
}

/// What a connection's server says that it keeps.
pub(in crate::mariadb) async fn ranges_of(
    connection: &mut Conn,
    primary: usize,
) -> Result<Vec<Range>, Fault> {
    Ok(ranges(connection.exec(SELECT, ()).await?, primary)?)
}

/// What one server says that it keeps.
pub(in crate::mariadb) async fn kept(server: &Server, primary: usize) -> Result<Vec<Range>> {
    let mut connection = server.reading().await?;
    match tokio::time::timeout(super::DEADLINE, connection.query::<Row, _>(SELECT)).await {
        Ok(Ok(rows)) => ranges(rows, primary),
        Ok(Err(error)) => Err(server.unavailable(&words(&error))),
        Err(_) => {
            // The answer may come yet, and is not the next question's.
            give_up(connection);
            Err(server.unavailable("its shards were not said in time"))
        }
    }
}

/// Reads the map from the primaries.
pub(in crate::mariadb) async fn read(primaries: &[Server]) -> Result<ShardMap> {
    let mut all = Vec::new();
    for (primary, server) in primaries.iter().enumerate() {
        all.extend(kept(server, primary).await?);
    }
    let names: Vec<&str> = primaries.iter().map(|server| server.name.as_str()).collect();
    ShardMap::new(all, &names).map_err(wrong)
}

/// Reads the map, which must be whole.
pub(in crate::mariadb) async fn read_whole(primaries: &[Server]) -> Result<ShardMap> {
    let map = read(primaries).await?;
    map.whole().map_err(wrong)?;
    Ok(map)
}

fn wrong(what: String) -> StorageError {
    StorageError::Setup(format!("the shard map is not whole: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: Shard, last: Shard, primary: usize) -> Range {
        Range { first, last, version: 1, primary }
    }

    fn wrong(ranges: &[Range]) -> String {
        let map = ShardMap::new(ranges.to_vec(), &["a", "b"]);
        map.and_then(|map| map.whole()).unwrap_err()
    }

    #[test]
    fn a_whole_map_places_every_shard() {
        let ranges = vec![range(512, LAST, 1), range(HOME, HOME, 0), range(0, 511, 0)];
        let map = ShardMap::new(ranges, &["a", "b"]).unwrap();
        for (shard, primary) in [(HOME, 0), (0, 0), (511, 0), (512, 1), (LAST, 1)] {
            assert_eq!(map.place(shard).unwrap().primary, primary, "{shard}");
        }
        assert_eq!(map.place(LAST + 1), None);
        assert_eq!(map.whole(), Ok(()));
        // With a hole the others are placed all the same.
        let map = ShardMap::new(vec![range(HOME, 4, 0), range(6, LAST, 1)], &["a", "b"]).unwrap();
        assert_eq!(
            [4, 5, 6].map(|shard| map.place(shard).map(|it| it.primary)),
            [Some(0), None, Some(1)]
        );
    }

    #[test]
    fn a_hole_is_named() {
        assert_eq!(wrong(&[]), "home and shards 0 to 1023 are kept by nobody");
        assert_eq!(wrong(&[range(HOME, 511, 0)]), "shards 512 to 1023 are kept by nobody");
        let middle = [range(HOME, 9, 0), range(11, LAST, 1)];
        assert_eq!(wrong(&middle), "shard 10 is kept by nobody");
        assert_eq!(wrong(&[range(0, LAST, 1)]), "home is kept by nobody");
    }

    #[test]
    fn an_overlap_is_named_with_both_who_keep_it() {
        let twice = [range(HOME, 600, 0), range(512, LAST, 1)];
        assert_eq!(wrong(&twice), "shards 512 to 600 are kept twice: by `a` and by `b`");
        let within = [range(HOME, LAST, 0), range(3, 3, 1)];
        assert_eq!(wrong(&within), "shard 3 is kept twice: by `a` and by `b`");
    }
}

//! The same of purchases and of what was spent.

use std::collections::HashMap;
use std::env;
use std::path::Path;

use futures_util::future::try_join_all;
use protocol::ids::{AppId, MemberId};
use uuid::Uuid;

use super::{FOLDER, KEPT, PEOPLE, Writer, open, sound};
use crate::conformance::scene::{Game, START};
use crate::conformance::shop::{Bought, adds_up, at, owned};
use crate::open::Storage;
use crate::purchases::State;
use crate::wallet::Transferred;

/// Not a test but the other process of the one below. Each time something was moved, it prints
/// how often that was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes until it is killed; started by the test below"]
async fn buys_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let game = Game::new(&open(Path::new(&folder)).await);
    let people = (0..PEOPLE).map(|person| {
        let game = game.clone();
        tokio::spawn(async move {
            let player = game.enter(game.vouched(&person.to_string(), START)).await;
            let kept = |moved: u32, purchase| {
                println!("{KEPT}{} {} {moved} {purchase}", game.app, player.member.id);
            };
            for round in 0.. {
                let bought = Bought::new(&game);
                let purchase = owned(bought.posted(&player, State::Paid, at(1)).await).id;
                kept(3 * round + 1, purchase);
                let spent = player.spends(&round.to_string(), 1).await;
                assert!(matches!(spent, Transferred::Done { again: false, .. }), "{spent:?}");
                kept(3 * round + 2, purchase);
                owned(bought.told_part(5_000, at(2)).await);
                kept(3 * round + 3, purchase);
            }
        })
    });
    // The first one that cannot go on ends the process.
    try_join_all(people).await.unwrap();
}

/// What was acknowledged.
struct Kept {
    app: AppId,
    member: MemberId,
    /// How often something was moved.
    moved: usize,
    purchase: Uuid,
}

impl Kept {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        Some(Self {
            app: words.next()?.parse().ok()?,
            member: words.next()?.parse().ok()?,
            moved: words.next()?.parse().ok()?,
            purchase: words.next()?.parse().ok()?,
        })
    }
}

#[test]
fn a_purchase_that_was_answered_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    for before in [1, 10, 100, 300] {
        let mut writer = Writer::start(folder.path(), "purchases::buys_until_it_is_killed");
        let first = writer.kept(before, Kept::read);
        assert_eq!(first.len(), before, "it ended by itself");
        kept.extend(first);
        kept.extend(writer.kill(Kept::read));

        // The actors let go of the folder when the runtime ends.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let storage = open(folder.path()).await;
            all_kept(&storage, &kept).await;
            adds_up(&storage).await;
        });
        drop(runtime);
        sound(&folder.path().join("daemun.db"));
    }
}

/// Each purchase is there, and of each member nothing that was moved is lost.
async fn all_kept(storage: &Storage, kept: &[Kept]) {
    let mut last = HashMap::new();
    for Kept { app, member, moved, purchase } in kept {
        let found = storage.purchases.get(app.clone(), *member, *purchase).await.unwrap();
        assert!(found.is_some(), "{purchase} is lost");
        let last = last.entry((app, *member)).or_insert(0);
        *last = (*last).max(*moved);
    }
    for ((app, member), told) in last {
        let transfers = storage.wallet.transfers(app.clone(), member, None, usize::MAX).await;
        let moved = transfers.unwrap().len();
        // One more may have been written and not answered.
        assert!((told..=told + 1).contains(&moved), "{member:?}: told {told}, now {moved}");
    }
}

//! Purchases as they ought to be, told without the rules by which a backend decides: what must
//! hold whatever is said of a purchase, in whatever order.
//!
//! Each purchase grants gems, which can be spent, and a pass of its own, which cannot. So how
//! much of a pass its owner has says how much of the purchase is granted. After each step:
//!
//! - a purchase is one member's from the first time on, and never granted more than once;
//! - the newest word of all, if it says that the money was given back, leaves nothing granted,
//!   and until the store itself says otherwise anew nothing is;
//! - the newest word of all, if the store itself says that it is paid, leaves all of it granted
//!   that was not given back;
//! - nothing is granted of which nobody said that it is paid;
//! - nothing is spent that is not there, and a purchase is consumed once;
//! - the ledger adds up, and the inbox and the notices end with what is.

mod checks;
#[cfg(test)]
pub(crate) mod stories;

use std::time::Duration;

use super::scene::{Game, Player, SECOND, START};
use super::shop::{Bought, at, grant, left_at, owned};
use crate::clock::Micros;
use crate::open::Storage;
use crate::purchases::{Consumed, Heard, Hold, Named, Purchase, Said, Source, State};
use crate::wallet::{Cause, Transferred};

/// How much of its pass a purchase grants.
const PASS: i64 = 10_000;
/// How many gems.
const GEMS: i64 = 1_000;

/// Something that happens to the members `A` and `B`, which are 0 and 1, and their purchases.
#[derive(Clone, Debug)]
pub enum Op {
    /// Word of a purchase is brought.
    Hear {
        /// Of which one.
        purchase: usize,
        /// By which member; by the store itself when absent.
        by: Option<usize>,
        /// How it is said to stand.
        state: State,
        /// How much of a paid one was given back.
        refunded_bp: u16,
        /// Whether a refund is said to be undone.
        reversed: bool,
        /// Since when, by the store's clock.
        at: u32,
        /// Whether the catalogue cannot make anything of it now.
        hold: bool,
    },
    /// Somebody looked at a held purchase.
    Release {
        /// At which one.
        purchase: usize,
        /// Whose it is to be if it is nobody's.
        owner: usize,
    },
    /// A member's client takes what a purchase grants.
    Consume {
        /// Whose client.
        member: usize,
        /// Which one.
        purchase: usize,
    },
    /// A member spends gems.
    Spend {
        /// Who.
        member: usize,
        /// How many.
        gems: i64,
    },
    /// What was left pending is finished.
    Finish,
}

/// Of whom the stores' token says that a purchase is, in a story.
#[derive(Clone, Copy, Debug)]
pub enum Token {
    /// That member's.
    Member(usize),
    /// It carries none.
    None,
    /// It carries one that is nobody's.
    Unknown,
}

struct Kept {
    bought: Bought,
    pass: String,
    /// Whether anybody ever said that it is paid.
    paid: bool,
    /// The latest moment of which anything was said.
    newest: Option<Micros>,
    /// Since when it is given back, by the newest word when that was said.
    back: Option<Micros>,
    /// How much of it was granted after the last step.
    granted: i64,
    owner: Option<usize>,
    known: Option<Purchase>,
    consumed: u32,
}

struct Model {
    game: Game,
    members: [Player; 2],
    purchases: Vec<Kept>,
    now: Micros,
    /// What was given and spent.
    gems: [i64; 2],
    steps: u32,
}

/// Plays a story of two members, and looks after each step whether all holds.
///
/// # Panics
/// When it does not.
pub async fn play(storage: &Storage, tokens: &[Token], story: &[Op]) {
    let game = Game::new(storage);
    let members = [game.player().await, game.player().await];
    let kept = |(number, token): (usize, &Token)| {
        let named = match token {
            Token::Member(member) => Named::Member(members[*member].member.id),
            Token::None => Named::Nobody,
            Token::Unknown => Named::Unknown,
        };
        let pass = format!("pass_{number}");
        let grants = [grant("gem", GEMS), grant(&pass, PASS)];
        let bought = Bought::new(&game).naming(named).granting(&grants);
        let (paid, newest, back, owner, known) = (false, None, None, None, None);
        Kept { bought, pass, paid, newest, back, granted: 0, owner, known, consumed: 0 }
    };
    let purchases = tokens.iter().enumerate().map(kept).collect();
    let mut model = Model { game, members, purchases, now: START, gems: [0; 2], steps: 0 };
    for op in story {
        model.now = model.now.after(SECOND);
        model.steps += 1;
        model.happens(op).await;
        model.look().await;
    }
    // What stays pending is finished by anybody, and that changes nothing any more.
    model.now = model.now.after(Duration::from_secs(3600));
    model.happens(&Op::Finish).await;
    model.look().await;
    model.audit().await;
}

impl Model {
    async fn happens(&mut self, op: &Op) {
        match op {
            Op::Hear { purchase, .. } => {
                let place = purchase % self.purchases.len();
                self.hear(place, op).await;
            }
            Op::Release { purchase, owner } => {
                let place = purchase % self.purchases.len();
                let kept = &mut self.purchases[place];
                let owner = self.members[*owner].member.id;
                let released = kept.bought.release(Some(owner), self.now).await;
                kept.known = released.map(owned).or(kept.known.take());
            }
            Op::Consume { member, purchase } => {
                let place = purchase % self.purchases.len();
                self.consume(*member, place).await;
            }
            Op::Spend { member, gems } => self.spend(*member, *gems).await,
            Op::Finish => {
                self.game.storage.purchases.finish(left_at(self.now, 100)).await.unwrap();
            }
        }
    }

    async fn hear(&mut self, place: usize, op: &Op) {
        let Op::Hear { by, state, refunded_bp, reversed, at: second, hold, .. } = op else {
            return;
        };
        let kept = &mut self.purchases[place];
        let source = by.map_or(Source::Told, |by| Source::Posted(self.members[by].member.id));
        let said = Said {
            refunded_bp: *refunded_bp,
            reversed: *reversed,
            hold: hold.then_some(Hold::Price),
            now: self.now,
            ..kept.bought.said(source, *state, at(*second))
        };
        match kept.bought.hear(said.clone()).await {
            Heard::Owned { purchase, .. } => {
                assert!(by.is_none_or(|by| self.members[by].member.id == purchase.member));
                kept.known = Some(*purchase);
            }
            Heard::Others { owner, .. } => {
                let by = by.expect("somebody posted");
                assert_ne!(owner, self.members[by].member.id);
            }
            Heard::Nobodys { .. } => assert_eq!(kept.owner, None, "it was somebody's"),
        }
        let granted = self.granted(place).await;
        let kept = &mut self.purchases[place];
        checks::heard(kept, &said, granted);
    }

    async fn consume(&mut self, member: usize, place: usize) {
        let kept = &mut self.purchases[place];
        let Some(known) = &kept.known else { return };
        let player = &self.members[member];
        match player.consumes(known.id, self.now).await {
            Consumed::Done { again, purchase } => {
                assert_eq!(purchase.member, player.member.id);
                assert!(again || kept.granted > 0);
                kept.consumed += u32::from(!again);
            }
            Consumed::NotGranted(purchase) => {
                assert_eq!((purchase.member, kept.granted), (player.member.id, 0));
            }
            Consumed::Unknown => assert_ne!(kept.owner, Some(member)),
        }
    }

    async fn spend(&mut self, member: usize, gems: i64) {
        let player = &self.members[member];
        let before = player.gems().await;
        match player.spends(&format!("spend {}", self.steps), gems).await {
            Transferred::Done { balances, again: false, .. } => {
                assert!(before >= gems);
                assert_eq!(balances, [grant("gem", before - gems)]);
                self.gems[member] -= gems;
            }
            Transferred::TooLittle(has) => {
                assert!(before < gems);
                assert_eq!(has, grant("gem", before));
            }
            other => panic!("{other:?}"),
        }
    }

    /// How much of a purchase's pass there is, whoever has it.
    async fn granted(&self, place: usize) -> i64 {
        let mut sum = 0;
        for player in &self.members {
            let has = player.has().await;
            let passes = has.iter().filter(|grant| *grant.item == *self.purchases[place].pass);
            sum += passes.map(|grant| grant.amount).sum::<i64>();
        }
        sum
    }

    /// What holds after each step.
    async fn look(&mut self) {
        let bags = [self.members[0].has().await, self.members[1].has().await];
        for kept in &mut self.purchases {
            checks::whose(kept, &bags);
        }
        for (member, bag) in bags.iter().enumerate() {
            let transfers = self.members[member].transfers().await;
            for has in bag {
                let lines = transfers.iter().flat_map(|transfer| &transfer.lines);
                let sum: i64 = lines.filter(|line| line.item == has.item).map(|it| it.delta).sum();
                assert_eq!(sum, has.amount, "{} is not the sum of its entries", has.item);
            }
            let spent = transfers.iter().filter(|transfer| transfer.cause == Cause::Spent);
            let spent: i64 = spent.flat_map(|it| &it.lines).map(|line| line.delta).sum();
            assert_eq!(spent, self.gems[member], "what was acknowledged is kept");
            checks::told(&self.members[member], bag).await;
        }
        checks::noticed(&self.game, &self.purchases).await;
    }

    async fn audit(&self) {
        super::shop::adds_up(&self.game.storage).await;
    }
}

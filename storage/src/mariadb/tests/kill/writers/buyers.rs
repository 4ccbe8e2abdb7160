//! Those who buy and spend, and are given their money back now and then. Each word is said again
//! until it is answered: it is the same word.

use uuid::Uuid;

use super::{Fire, Open};
use crate::conformance::scene::{Player, START};
use crate::conformance::shop::{Bought, at, grant, line};
use crate::error::{Result, StorageError};
use crate::mariadb::tests::kill::history::Op;
use crate::purchases::{Heard, Said, Source, Stand, State};
use crate::wallet::{Cause, Transferred};

/// How many gems are bought at once, and spent.
pub(in crate::mariadb::tests::kill) const BOUGHT: i64 = 100;
pub(in crate::mariadb::tests::kill) const SPENT: i64 = 10;

impl Fire {
    pub(super) async fn buys_and_spends(&self, place: usize) {
        let write = self.game.vouched(&format!("s{place}"), START);
        let Some(player) = self.enters(&self.game, write).await else { return };
        for number in 0.. {
            if !self.goes_on() {
                return;
            }
            let node = &self.nodes[number % 2];
            let mut bought = Bought::new(node).granting(&[grant("gem", BOUGHT)]);
            bought.key.key = Uuid::now_v7().simple().to_string();
            self.buys(&player, &bought).await;
            self.spends(&player, &format!("{number}a")).await;
            self.spends(&player, &format!("{number}b")).await;
            if number % 3 == 2 {
                self.is_refunded(&player, &bought).await;
            }
        }
    }

    async fn buys(&self, player: &Player, bought: &Bought) {
        let (member, purchase) = (player.member.id.number().to_string(), bought.key.key.clone());
        let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
        let op = Op::Buy { member, purchase };
        self.says(op, bought, said, |stand| stand == Stand::Granted).await;
    }

    async fn is_refunded(&self, player: &Player, bought: &Bought) {
        let (member, purchase) = (player.member.id.number().to_string(), bought.key.key.clone());
        let said = bought.said(Source::Told, State::Refunded, at(2));
        let op = Op::Refund { member, purchase };
        self.says(op, bought, said, |stand| matches!(stand, Stand::Refunded | Stand::Void)).await;
    }

    async fn says(&self, op: Op, bought: &Bought, said: Said, good: fn(Stand) -> bool) {
        while self.goes_on() {
            let call = async { begun(bought.try_hear(said.clone()).await) };
            let say = |heard: &Heard| match heard {
                Heard::Owned { purchase, .. } => good(purchase.stand).then(Vec::new),
                Heard::Others { .. } | Heard::Nobodys { .. } => None,
            };
            if self.ask(op.clone(), call, say).await.is_ok() {
                return;
            }
        }
    }

    async fn spends(&self, player: &Player, key: &str) {
        let write = player.transfer(key, Cause::Spent, &[line("gem", -SPENT)]);
        let transfer = write.id.simple().to_string();
        while self.goes_on() {
            let member = player.member.id.number().to_string();
            let op = Op::Spend { member, transfer: transfer.clone() };
            let call = self.game.storage.wallet.transfer(write.clone());
            let say = |done: &Transferred| match done {
                Transferred::Done { balances, .. } => Some(vec![balances[0].amount.to_string()]),
                Transferred::TooLittle(_)
                | Transferred::TooMuch(_)
                | Transferred::Differs
                | Transferred::Unknown => None,
            };
            match self.ask(op, call, say).await {
                Ok(_) => return,
                Err(Open::Unknown | Open::Refused) => {}
            }
        }
    }
}

/// Of what was locked for too long the claim may be there, to be finished by somebody else.
fn begun(heard: Result<Heard>) -> Result<Heard> {
    heard.map_err(|error| match error {
        StorageError::Locked => StorageError::OutcomeUnknown,
        error => error,
    })
}

//! What members have, for their games' servers.

use std::collections::BTreeSet;

use protocol::error::{ErrorBody, ErrorCode};
use protocol::game_servers::{
    MoveReply, MoveRequest, TransferTold, TransfersReply, TransfersRequest, WalletRequest,
};
use protocol::purchases::Grant;
use protocol::wallet::Balances;
use storage::clock::Micros;
use storage::gamelog::{Event, LogRecord};
use storage::wallet::{Before, Cause, Line, MAX_LINES, MOST, Transfer, TransferWrite, Transferred};

use uuid::Uuid;

use super::{Asker, Inner, limit};
use crate::fault;

impl Inner {
    pub(super) async fn balances(
        &self,
        asker: &Asker,
        asked: WalletRequest,
    ) -> Result<Balances, ErrorBody> {
        self.known(asker, asked.member).await?;
        let read = self.node.storage.wallet.balances(asker.app().clone(), asked.member).await;
        let balances = read.map_err(|error| fault::of_storage(&error))?;
        Ok(Balances { balances })
    }

    pub(super) async fn spend(
        &self,
        asker: &Asker,
        asked: MoveRequest,
        idempotency: Option<&str>,
    ) -> Result<MoveReply, ErrorBody> {
        self.moved(asker, asked, Cause::Spent, idempotency).await
    }

    pub(super) async fn grant(
        &self,
        asker: &Asker,
        asked: MoveRequest,
        idempotency: Option<&str>,
    ) -> Result<MoveReply, ErrorBody> {
        self.moved(asker, asked, Cause::Given, idempotency).await
    }

    async fn moved(
        &self,
        asker: &Asker,
        asked: MoveRequest,
        cause: Cause,
        idempotency: Option<&str>,
    ) -> Result<MoveReply, ErrorBody> {
        let missing = || ErrorBody::invalid("Idempotency-Key", "is missing: it is done once by it");
        let idempotency = idempotency.ok_or_else(missing)?;
        let MoveRequest { member, items, note } = asked;
        let (app, lines) = (asker.app().clone(), lines(items, cause)?);
        let id = TransferWrite::id_of(&app, member, idempotency);
        let now = self.node.now();
        let write = TransferWrite {
            app: app.clone(),
            member,
            id,
            cause,
            lines: lines.clone(),
            note,
            login: None,
            now,
        };
        // Said again when it is asked for again, for whoever did it may have died before the log had
        // it: the record is the same, and kept once.
        let log = self.node.storage.gamelog.clone();
        let event = Event::WalletMoved { transfer: id, cause, lines, key: asker.key.id.clone() };
        let record = LogRecord { id, at: now, app, member: Some(member), event };
        let then = move |transferred: &Transferred| {
            if let Transferred::Done { again, .. } = transferred {
                if !again {
                    metrics::counter!("daemun_wallet_transfers_total", "cause" => cause.word())
                        .increment(1);
                }
                log.record(record);
            }
        };
        let transferred = self.node.storage.wallet.transfer_then(write, then);
        let transferred = transferred.await.map_err(|error| {
            // It may be done all the same.
            self.node.sessions.unsure(member);
            fault::of_storage(&error)
        })?;
        match transferred {
            Transferred::Done { balances, again, pushed } => {
                if let Some(seq) = pushed {
                    self.node.sessions.look(member, seq);
                }
                Ok(MoveReply { transfer: id, balances, seen_before: again })
            }
            Transferred::TooLittle(there) => {
                let message = format!("there is too little of `{}`", there.item);
                Err(about(ErrorCode::WalletTooLittle, message, &there))
            }
            Transferred::TooMuch(there) => {
                let message = format!("there would be more than {MOST} of `{}`", there.item);
                Err(about(ErrorCode::WalletTooMuch, message, &there))
            }
            Transferred::Differs => {
                let message = "another transfer was made under this Idempotency-Key";
                Err(ErrorBody::new(ErrorCode::OpKeyReused, message))
            }
            Transferred::Unknown => Err(super::members::unknown()),
        }
    }

    pub(super) async fn transfers(
        &self,
        asker: &Asker,
        asked: TransfersRequest,
    ) -> Result<TransfersReply, ErrorBody> {
        let TransfersRequest { member, before, before_id: id, limit: most } = asked;
        let most = limit(most)?;
        if before.is_none() && id.is_some() {
            return Err(ErrorBody::invalid("before_id", "needs `before` beside it"));
        }
        let before = before.map(|at| Before { at, id });
        self.known(asker, member).await?;
        // One more than is shown tells whether there is more.
        let wallet = &self.node.storage.wallet;
        let read = wallet.transfers(asker.app().clone(), member, before, most + 1).await;
        let (shown, last) = page(read.map_err(|error| fault::of_storage(&error))?, most);
        let (before, before_id) = last.unzip();
        Ok(TransfersReply { transfers: shown.into_iter().map(told).collect(), before, before_id })
    }
}

/// A page of transfers, and behind which the next begins. Those of one moment stay together where
/// they fit on a page, for whoever goes on by the moment alone.
fn page(mut found: Vec<Transfer>, most: usize) -> (Vec<Transfer>, Option<(Micros, Uuid)>) {
    let Some(next) = found.get(most).map(|transfer| transfer.at) else { return (found, None) };
    found.truncate(most);
    if found.first().is_some_and(|first| first.at > next) {
        found.retain(|transfer| transfer.at > next);
    }
    let last = found.last().map(|transfer| (transfer.at, transfer.id));
    (found, last)
}

fn told(transfer: Transfer) -> TransferTold {
    let Transfer { id, cause, lines, note, at } = transfer;
    let items = lines.into_iter().map(|line| Grant { item: line.item, amount: line.delta });
    TransferTold { id, cause: cause.word().to_owned(), items: items.collect(), note, at }
}

fn about(code: ErrorCode, message: String, there: &Grant) -> ErrorBody {
    let detail = Some(serde_json::json!({ "item": there.item, "amount": there.amount }));
    ErrorBody { detail, ..ErrorBody::new(code, message) }
}

/// The lines of a transfer: less than nothing of what is spent.
fn lines(items: Vec<Grant>, cause: Cause) -> Result<Vec<Line>, ErrorBody> {
    if !(1..=MAX_LINES).contains(&items.len()) {
        return Err(ErrorBody::invalid("items", format!("are not 1 to {MAX_LINES}")));
    }
    let mut seen = BTreeSet::new();
    let line = |(place, Grant { item, amount }): (usize, Grant)| {
        let of = |field: &str| format!("items[{place}].{field}");
        if !is_item(&item) {
            let reason = "is not 1 to 64 letters, digits, `.`, `_` or `-`";
            return Err(ErrorBody::invalid(&of("item"), reason));
        }
        if !seen.insert(item.clone()) {
            return Err(ErrorBody::invalid(&of("item"), "is there twice"));
        }
        if !(1..=MOST).contains(&amount) {
            return Err(ErrorBody::invalid(&of("amount"), format!("is not 1 to {MOST}")));
        }
        let delta = match cause {
            Cause::Spent => -amount,
            Cause::Given | Cause::Purchase => amount,
        };
        Ok(Line { item, delta })
    };
    items.into_iter().enumerate().map(line).collect()
}

fn is_item(word: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !word.is_empty() && word.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use protocol::text::Text;

    use super::*;

    fn grant(item: &str, amount: i64) -> Grant {
        Grant { item: Text::new(item).unwrap(), amount }
    }

    #[test]
    fn what_cannot_be_moved_is_named() {
        let says = |items: Vec<Grant>| lines(items, Cause::Given).unwrap_err().message;
        assert!(says(Vec::new()).starts_with("field items: are not 1 to 32"));
        let many = |count: i64| (0..count).map(|n| grant(&n.to_string(), 1)).collect::<Vec<_>>();
        assert!(lines(many(32), Cause::Given).is_ok());
        assert!(says(many(33)).starts_with("field items: are not 1 to 32"));
        assert!(says(vec![grant("a", 1), grant("a", 1)]).starts_with("field items[1].item: is"));
        for item in ["", "a b", "보석"] {
            assert!(says(vec![grant(item, 1)]).starts_with("field items[0].item: is not"));
        }
        for amount in [0, -1, MOST + 1, i64::MIN] {
            assert!(says(vec![grant("a", amount)]).starts_with("field items[0].amount: is not"));
        }
        let spent = lines(vec![grant("a", MOST)], Cause::Spent).unwrap();
        assert_eq!(spent[0].delta, -MOST);
    }

    #[test]
    fn a_page_does_not_cut_through_a_moment() {
        let of = |moments: &[i64]| -> Vec<Transfer> {
            let transfer = |at: &i64| Transfer {
                id: Uuid::nil(),
                cause: Cause::Given,
                lines: Vec::new(),
                note: None,
                at: Micros(*at),
            };
            moments.iter().map(transfer).collect()
        };
        let paged = |moments: &[i64], most| {
            let (shown, before) = page(of(moments), most);
            (shown.len(), before.map(|(at, _)| at.0))
        };
        assert_eq!(paged(&[9, 8], 2), (2, None));
        assert_eq!(paged(&[9, 8, 7], 2), (2, Some(8)));
        assert_eq!(paged(&[9, 8, 8], 2), (1, Some(9)), "both of 8 are on the next page");
        assert_eq!(paged(&[8, 8, 8], 2), (2, Some(8)), "they fit on none");
    }
}

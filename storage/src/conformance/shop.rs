//! The words that the cases about purchases are told in: what is bought, and who says so.

use std::time::Duration;

use protocol::client::StoreName;
use protocol::ids::MemberId;
use protocol::purchases::{Environment, Grant};
use protocol::text::Text;
use uuid::Uuid;

use super::scene::{DAY, Game, Player, SECOND, START};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::open::Storage;
use crate::purchases::{
    Claim, ConsumeWrite, Consumed, Facts, Finished, Finishing, Heard, HistoryRead, Hold, Named,
    Purchase, PurchaseKey, ReleaseWrite, Said, Source, State, account_token,
};
use crate::wallet::{Audited, Cause, Line, Transfer, TransferWrite, Transferred};

/// How often something is said until it is heard.
const TRIES: usize = 10;

/// How much of the gems and of the boxes a purchase grants, unless a case says otherwise.
pub(crate) const GEMS: i64 = 100;
pub(crate) const BOXES: i64 = 3;

/// The moment so many seconds after the beginning.
pub(crate) fn at(seconds: u32) -> Micros {
    START.after(SECOND * seconds)
}

pub(crate) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).unwrap()
}

pub(crate) fn grant(item: &str, amount: i64) -> Grant {
    Grant { item: text(item), amount }
}

pub(crate) fn line(item: &str, delta: i64) -> Line {
    Line { item: text(item), delta }
}

/// Something that was bought at a store, and what the catalogue makes of it.
#[derive(Clone)]
pub(crate) struct Bought {
    pub(crate) game: Game,
    pub(crate) key: PurchaseKey,
    pub(crate) named: Named,
    pub(crate) hold: Option<Hold>,
    pub(crate) grants: Vec<Grant>,
}

impl Bought {
    /// A purchase that names nobody.
    pub(crate) fn new(game: &Game) -> Self {
        let key = PurchaseKey {
            app: game.app.clone(),
            store: StoreName::GooglePlay,
            environment: Environment::Production,
            key: format!("GPA.{}/+=", Uuid::now_v7()),
        };
        let grants = vec![grant("box", BOXES), grant("gem", GEMS)];
        Self { game: game.clone(), key, named: Named::Nobody, hold: None, grants }
    }

    pub(crate) fn naming(self, named: Named) -> Self {
        Self { named, ..self }
    }

    pub(crate) fn held(self, hold: Hold) -> Self {
        Self { hold: Some(hold), ..self }
    }

    pub(crate) fn granting(self, grants: &[Grant]) -> Self {
        Self { grants: grants.to_vec(), ..self }
    }

    /// The same, as another node hears of it.
    pub(crate) fn through(&self, game: &Game) -> Self {
        Self { game: game.clone(), ..self.clone() }
    }

    /// That it stands so since `at`; it is heard at the same moment.
    pub(crate) fn said(&self, source: Source, state: State, at: Micros) -> Said {
        let facts = Facts {
            transaction: self.key.key.clone(),
            other_key: Some("GPA.1234-5678".to_owned()),
            order: Some("주문 17".to_owned()),
            original: None,
            product: "com.example.gem_100".to_owned(),
            kind: None,
            quantity: 1,
            account_token: None,
            price: Some((1_100_000_000, "KRW".to_owned())),
            purchased_at: Some(START),
            settle_by: Some(START.after(3 * DAY)),
        };
        Said {
            key: self.key.clone(),
            facts,
            state,
            refunded_bp: 0,
            reversed: false,
            at,
            source,
            named: self.named,
            hold: self.hold,
            product: Some(text("gem_100")),
            grants: self.grants.clone(),
            settled: false,
            look_at: None,
            candidate: Uuid::now_v7(),
            evidence: None,
            webhook: true,
            now: at,
        }
    }

    /// As the desk has it heard: again, when others held the rows for long or nobody knows what
    /// came of it. The second time says the same.
    pub(crate) async fn hear(&self, said: Said) -> Heard {
        for _ in 0..TRIES {
            match self.try_hear(said.clone()).await {
                Err(StorageError::Locked | StorageError::OutcomeUnknown) => {}
                heard => return heard.unwrap(),
            }
        }
        panic!("a purchase was not heard of in {TRIES} tries");
    }

    pub(crate) async fn try_hear(&self, said: Said) -> Result<Heard> {
        self.game.storage.purchases.hear(said).await
    }

    /// A member shows it, and the store says that it stands so.
    pub(crate) async fn posted(&self, by: &Player, state: State, at: Micros) -> Heard {
        self.hear(self.said(Source::Posted(by.member.id), state, at)).await
    }

    /// The store says so of itself.
    pub(crate) async fn told(&self, state: State, at: Micros) -> Heard {
        self.hear(self.said(Source::Told, state, at)).await
    }

    /// The store says of itself that a part was given back.
    pub(crate) async fn told_part(&self, refunded_bp: u16, at: Micros) -> Heard {
        let said = self.said(Source::Told, State::Paid, at);
        self.hear(Said { refunded_bp, ..said }).await
    }

    /// The store says that a refund was undone.
    pub(crate) async fn told_reversed(&self, at: Micros) -> Heard {
        let said = self.said(Source::Told, State::Paid, at);
        self.hear(Said { reversed: true, ..said }).await
    }

    pub(crate) async fn claim(&self) -> Option<Claim> {
        self.game.storage.purchases.claim_on(&self.key).await.unwrap()
    }

    /// Somebody looked at it.
    pub(crate) async fn release(&self, owner: Option<MemberId>, now: Micros) -> Option<Heard> {
        let write = ReleaseWrite { claim: self.key.digest(), owner, now };
        self.game.storage.purchases.release(write).await.unwrap()
    }
}

/// The purchase, which must be somebody's whom this may be told.
pub(crate) fn owned(heard: Heard) -> Purchase {
    match heard {
        Heard::Owned { purchase, .. } => *purchase,
        other => panic!("not owned: {other:?}"),
    }
}

/// A bag with this in it.
pub(crate) fn bag(gems: i64) -> Vec<Grant> {
    let boxes = if gems == 0 { 0 } else { BOXES };
    vec![grant("box", boxes), grant("gem", gems)]
}

/// What the purchases' owners do and have.
impl Player {
    pub(crate) async fn has(&self) -> Vec<Grant> {
        let app = self.game.app.clone();
        self.game.storage.wallet.balances(app, self.member.id).await.unwrap()
    }

    /// How many gems there are.
    pub(crate) async fn gems(&self) -> i64 {
        let gem = text("gem");
        let has = self.has().await.into_iter().find(|grant| grant.item == gem);
        has.map_or(0, |grant| grant.amount)
    }

    /// A transfer to be asked for by the game's server, under a key of its own.
    pub(crate) fn transfer(&self, key: &str, cause: Cause, lines: &[Line]) -> TransferWrite {
        let (app, member) = (self.game.app.clone(), self.member.id);
        TransferWrite {
            id: TransferWrite::id_of(&app, member, key),
            app,
            member,
            cause,
            lines: lines.to_vec(),
            note: Some(text("상점")),
            login: None,
            now: START,
        }
    }

    pub(crate) async fn moves(&self, write: TransferWrite) -> Transferred {
        self.game.storage.wallet.transfer(write).await.unwrap()
    }

    /// The game gives gems.
    pub(crate) async fn given(&self, key: &str, gems: i64) -> Transferred {
        self.moves(self.transfer(key, Cause::Given, &[line("gem", gems)])).await
    }

    /// The game takes gems.
    pub(crate) async fn spends(&self, key: &str, gems: i64) -> Transferred {
        self.moves(self.transfer(key, Cause::Spent, &[line("gem", -gems)])).await
    }

    pub(crate) async fn transfers(&self) -> Vec<Transfer> {
        let app = self.game.app.clone();
        let wallet = &self.game.storage.wallet;
        wallet.transfers(app, self.member.id, None, 1000).await.unwrap()
    }

    pub(crate) async fn purchase(&self, id: Uuid) -> Option<Purchase> {
        let app = self.game.app.clone();
        self.game.storage.purchases.get(app, self.member.id, id).await.unwrap()
    }

    /// A look at all purchases, the newest first.
    pub(crate) fn looks_back(&self) -> HistoryRead {
        let (app, member) = (self.game.app.clone(), self.member.id);
        HistoryRead { app, member, unconsumed: false, after: None, limit: 1000 }
    }

    pub(crate) async fn history(&self, read: HistoryRead) -> Vec<Purchase> {
        self.game.storage.purchases.history(read).await.unwrap()
    }

    /// To be taken by the member's own client.
    pub(crate) fn consume(&self, purchase: Uuid, now: Micros) -> ConsumeWrite {
        ConsumeWrite {
            app: self.game.app.clone(),
            member: self.member.id,
            login: Some(self.login.id),
            purchase,
            settle: true,
            webhook: true,
            now,
        }
    }

    pub(crate) async fn consumes(&self, purchase: Uuid, now: Micros) -> Consumed {
        self.game.storage.purchases.consume(self.consume(purchase, now)).await.unwrap()
    }

    /// The words in the inbox.
    pub(crate) async fn words(&self) -> Vec<String> {
        let (app, member) = (self.game.app.clone(), self.member.id);
        let inbox = self.game.storage.inboxes.read(app, member, 0, START, 1000).await.unwrap();
        inbox.pushes.into_iter().map(|push| push.word).collect()
    }

    /// The account token, made if there is none.
    pub(crate) async fn token(&self, random: u64) -> Option<Uuid> {
        let (app, member) = (self.game.app.clone(), self.member.id);
        let candidate = account_token(member, random);
        self.game.storage.purchases.account_token(app, member, candidate).await.unwrap()
    }
}

/// Audits all servers to their ends, in parts of `limit`, and puts together what was found.
pub(crate) async fn audit(storage: &Storage, limit: usize) -> Audited {
    let truth = storage.records.truth();
    let mut all = Audited::default();
    for server in 0..truth.servers() {
        let mut after = None;
        loop {
            let part = truth.audit(server, after, limit).await.unwrap();
            all.entries += part.entries;
            all.balances += part.balances;
            all.purchases += part.purchases;
            all.discrepancies.extend(part.discrepancies);
            assert!(part.next.is_none_or(|next| after.is_none_or(|after| after < next)));
            after = part.next;
            if after.is_none() {
                break;
            }
        }
    }
    all
}

/// Nothing is wrong with the ledger.
pub(crate) async fn adds_up(storage: &Storage) {
    assert_eq!(audit(storage, 100).await.discrepancies, []);
}

/// What is left at this moment, so many of it.
pub(crate) fn left_at(now: Micros, limit: usize) -> Finishing {
    Finishing { before: now, now, limit }
}

/// Whose purchases were finished, and up to which number they are told.
pub(crate) fn whose(finished: &[Finished]) -> Vec<(MemberId, Option<u64>)> {
    finished.iter().map(|it| (it.purchase.member, it.pushed)).collect()
}

/// The end of a lease that was taken at this moment.
pub(crate) fn lease(now: Micros) -> Micros {
    now.after(Duration::from_secs(60))
}

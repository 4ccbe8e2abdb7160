//! What must hold of a purchase.

use std::collections::BTreeMap;

use protocol::purchases::Grant;
use protocol::wallet::Balances;

use super::{Kept, PASS};
use crate::conformance::scene::{Game, Player, START};
use crate::outbox::NoticesRead;
use crate::purchases::{Said, Source, State};

/// Looks at what a word left granted.
pub(super) fn heard(kept: &mut Kept, said: &Said, granted: i64) {
    let before = std::mem::replace(&mut kept.granted, granted);
    let newest = kept.newest.is_none_or(|newest| said.at > newest);
    let latest = kept.newest.is_none_or(|newest| said.at >= newest);
    let told = said.source == Source::Told;
    // From when the store itself says so anew it may be granted: at once, or when it is claimed
    // or released.
    let anew = |back| told && (said.at > back || (said.reversed && said.at == back));
    if said.state == State::Paid && kept.back.is_some_and(anew) {
        kept.back = None;
    }
    assert!(granted == 0 || kept.back.is_none(), "granted after it was given back");
    if latest && said.state == State::Refunded {
        assert_eq!(granted, 0, "it was given back");
        kept.back = Some(said.at);
    }
    kept.paid |= said.state == State::Paid;
    assert!(granted == 0 || kept.paid, "nobody said that it is paid");
    let left = PASS - i64::from(said.refunded_bp);
    // Nothing is granted to nobody, and what is held is not granted; but it was before.
    let may = kept.owner.is_some() && said.hold.is_none();
    if newest && told && said.state == State::Paid {
        if before > 0 || (may && said.refunded_bp == 0) {
            assert_eq!(granted, left, "the store itself said how much is paid");
        }
        assert!(granted == 0 || granted == left);
    }
    if granted > before {
        // Whoever claims what is known to be paid may have heard another word of it.
        assert!(said.state == State::Paid || before == 0, "nothing else grants more");
        assert!(told || before == 0, "a post gives nothing back");
    }
    if granted < before {
        assert!(said.state == State::Refunded || said.refunded_bp > 0, "nothing else takes back");
    }
    kept.newest = kept.newest.max(Some(said.at));
}

/// A purchase is of one member, and granted once.
pub(super) fn whose(kept: &mut Kept, bags: &[Vec<Grant>; 2]) {
    let of = |bag: &Vec<Grant>| bag.iter().find(|grant| *grant.item == *kept.pass).cloned();
    let passes = [of(&bags[0]), of(&bags[1])];
    // Who ever had any of it is its owner, even if all was taken back.
    for (member, pass) in passes.iter().enumerate() {
        let Some(pass) = pass else { continue };
        assert!((0..=PASS).contains(&pass.amount), "granted more than once");
        assert!(kept.owner.is_none_or(|owner| owner == member), "it was another's");
        kept.owner = Some(member);
    }
    let granted = passes.into_iter().flatten().map(|pass| pass.amount).sum();
    if kept.back.is_some() {
        assert_eq!(granted, 0, "nobody brings back what was given back");
    }
    kept.granted = granted;
    assert!(kept.consumed <= 1, "it is consumed once");
}

/// The last push about an item tells how much there is.
pub(super) async fn told(player: &Player, bag: &[Grant]) {
    let (app, member) = (player.game.app.clone(), player.member.id);
    let inbox = player.game.storage.inboxes.read(app, member, 0, START, 1000).await.unwrap();
    let mut last = BTreeMap::new();
    for push in inbox.pushes.iter().filter(|push| push.word == "wallet.changed") {
        let changed: Balances = serde_json::from_str(&push.body).unwrap();
        last.extend(changed.balances.into_iter().map(|grant| (grant.item, grant.amount)));
    }
    let has: BTreeMap<_, _> = bag.iter().map(|it| (it.item.clone(), it.amount)).collect();
    assert_eq!(last, has, "the inbox ends with what there is");
}

/// The last notice about a purchase tells whether it is granted.
pub(super) async fn noticed(game: &Game, purchases: &[Kept]) {
    let app = game.app.clone();
    let read = NoticesRead { app, member: None, sent: None, before: None, limit: 1000 };
    let mut notices = game.storage.outbox.notices(read).await.unwrap();
    notices.sort_by_key(|notice| (notice.member, notice.seq));
    for kept in purchases {
        let Some(known) = &kept.known else { continue };
        let id = known.id.to_string();
        let of = notices.iter().filter(|notice| notice.body.contains(&id));
        let words: Vec<_> = of.map(|notice| &*notice.word).collect();
        let consumed = words.iter().filter(|word| **word == "purchase.consumed").count();
        assert_eq!(consumed, kept.consumed as usize);
        match words.into_iter().rfind(|word| *word != "purchase.consumed") {
            None => assert_eq!(kept.granted, 0),
            // A part may have been given back, or given once more.
            Some("purchase.granted") => assert_ne!(kept.granted, 0),
            Some("purchase.refunded") => assert_ne!(kept.granted, PASS),
            Some(other) => panic!("{other}"),
        }
    }
}

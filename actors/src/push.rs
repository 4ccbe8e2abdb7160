//! Pushes that must arrive, from the inbox to the wire.

pub mod delivery;

use protocol::push::{GAP, Gap, InboxPush};
use serde_json::{Value, json};
use storage::clock::Micros;
use storage::push::{Inbox, KeptPush};

/// A part of an inbox behind `after` as a client is told it: in order, with every number
/// accounted for. Numbers that expired stand as `inbox.gap`. `limit` is what was asked of
/// the inbox: a full answer may have more behind it.
#[must_use]
pub fn with_gaps(after: u64, inbox: Inbox, limit: usize) -> Vec<InboxPush> {
    let full = inbox.pushes.len() >= limit;
    // What was acknowledged is no gap: the member has it.
    let mut last = after.max(inbox.acked);
    let mut told = Vec::with_capacity(inbox.pushes.len());
    for push in inbox.pushes {
        if push.seq > last + 1 {
            told.push(gap(last + 1, push.seq - 1, push.at));
        }
        last = push.seq;
        told.push(wire(push));
    }
    if !full && inbox.seq > last {
        told.push(gap(last + 1, inbox.seq, Micros(0)));
    }
    told
}

fn gap(from: u64, to: u64, at: Micros) -> InboxPush {
    let body = serde_json::to_value(Gap { from, to }).unwrap_or_else(|_| json!({}));
    InboxPush { seq: to, push: GAP.to_owned(), body, at }
}

fn wire(push: KeptPush) -> InboxPush {
    // It was written as JSON by us; a row that is not is told as an empty body.
    let body =
        serde_json::from_str(&push.body).unwrap_or_else(|_| Value::Object(Default::default()));
    InboxPush { seq: push.seq, push: push.word, body, at: push.at }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(numbers: &[u64], seq: u64, acked: u64) -> Inbox {
        let kept = |seq: &u64| KeptPush {
            seq: *seq,
            word: "message".into(),
            body: "{}".into(),
            at: Micros(1),
        };
        Inbox { pushes: numbers.iter().map(kept).collect(), seq, acked }
    }

    fn told(after: u64, inbox: Inbox) -> Vec<(u64, bool)> {
        let told = with_gaps(after, inbox, 3);
        told.iter().map(|push| (push.seq, push.push == GAP)).collect()
    }

    #[test]
    fn every_number_is_accounted_for() {
        assert_eq!(told(0, inbox(&[1, 2], 2, 0)), [(1, false), (2, false)]);
        assert_eq!(told(0, inbox(&[3], 5, 0)), [(2, true), (3, false), (5, true)]);
        assert_eq!(told(0, inbox(&[], 4, 0)), [(4, true)]);
        assert_eq!(told(4, inbox(&[], 4, 0)), []);
        assert_eq!(told(0, inbox(&[3], 3, 2)), [(3, false)], "acknowledged is no gap");
    }

    #[test]
    fn a_full_answer_says_nothing_of_what_is_behind_it() {
        assert_eq!(told(0, inbox(&[1, 2, 3], 9, 0)), [(1, false), (2, false), (3, false)]);
    }
}

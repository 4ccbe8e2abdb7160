//! What is made of a store's word: one of six verdicts.

use serde::{Deserialize, Serialize};

use super::verified::{Environment, Kind, Price, State, Verified};
use super::verifier::{Evidence, Fault, reason};

/// Who may buy in the sandbox. Apple's reviewers do, and anyone with a public test build can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxPolicy {
    /// Nobody.
    Reject,
    /// Members who are testers.
    #[default]
    Testers,
    /// Everybody: for a game that is not out yet.
    Allow,
}

impl SandboxPolicy {
    /// Whether a purchase of this environment counts.
    #[must_use]
    pub fn admits(self, environment: Environment, tester: bool) -> bool {
        match (environment, self) {
            (Environment::Production, _) | (Environment::Sandbox, Self::Allow) => true,
            (Environment::Sandbox, Self::Testers) => tester,
            (Environment::Sandbox, Self::Reject) => false,
        }
    }
}

/// What is asked of a purchase that a client shows.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What the client shows.
    pub evidence: &'a Evidence,
    /// The account tokens of who shows it; `None` leaves it open whose it is.
    pub accounts: Option<&'a [String]>,
    /// Whether who shows it is a tester.
    pub tester: bool,
    /// What it should be; `None` leaves that unchecked.
    pub expected: Option<&'a Expected>,
}

/// What a purchase should be of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The store's id of the product.
    pub product: String,
    /// Its kind, if that is known.
    pub kind: Option<Kind>,
    /// What one costs, in each currency that is checked.
    pub prices: Vec<Price>,
}

/// What is to be done about a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is paid and good: it may be granted, once for its key.
    Granted(Box<Verified>),
    /// It is real and not paid yet: the store will say when it is.
    Pending(Box<Verified>),
    /// It is not to be granted. Final as long as the store says nothing new.
    Refused {
        /// One of [`reason`]'s.
        reason: &'static str,
        /// What the store says of it, if it is real: a refund has to be remembered even of a
        /// purchase that was never granted.
        purchase: Option<Box<Verified>>,
    },
    /// It is somebody else's, who may be granted it.
    NotYours(Box<Verified>),
    /// We cannot tell now. Never to be kept as an answer.
    Unavailable {
        /// How long to wait before another try is of use, in milliseconds; at least 1.
        retry_after_ms: u64,
    },
    /// Our settings are at fault. Never to be kept as an answer. The text names the setting.
    Misconfigured(&'static str),
}

impl Verdict {
    /// Judges what a store said.
    #[must_use]
    pub fn of(
        said: Result<Verified, Fault>,
        policy: SandboxPolicy,
        question: &Question<'_>,
    ) -> Self {
        let purchase = match said {
            Ok(purchase) => Box::new(purchase),
            Err(Fault::Refused(reason)) => return Self::Refused { reason, purchase: None },
            Err(Fault::Unavailable { retry_after_ms }) => {
                return Self::Unavailable { retry_after_ms };
            }
            Err(Fault::Misconfigured(what)) => return Self::Misconfigured(what),
        };
        let wrong = if policy.admits(purchase.environment, question.tester) {
            question.expected.and_then(|expected| expected.differs(&purchase))
        } else {
            Some(reason::SANDBOX)
        };
        if let Some(reason) = wrong {
            return Self::Refused { reason, purchase: Some(purchase) };
        }
        if !owned(&purchase, question.accounts) {
            return Self::NotYours(purchase);
        }
        match purchase.state {
            State::Paid => Self::Granted(purchase),
            State::Pending => Self::Pending(purchase),
            State::Cancelled => {
                Self::Refused { reason: reason::CANCELLED, purchase: Some(purchase) }
            }
            State::Refunded => Self::Refused { reason: reason::REFUNDED, purchase: Some(purchase) },
        }
    }

    /// Its word, for metrics and people.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Granted(_) => "granted",
            Self::Pending(_) => "pending",
            Self::Refused { .. } => "refused",
            Self::NotYours(_) => "not_yours",
            Self::Unavailable { .. } => "unavailable",
            Self::Misconfigured(_) => "misconfigured",
        }
    }
}

/// A purchase without an account token is whose who shows it first; that is not known here.
fn owned(purchase: &Verified, accounts: Option<&[String]>) -> bool {
    match (&purchase.account_token, accounts) {
        (Some(token), Some(accounts)) => accounts.contains(token),
        (Some(_) | None, None) | (None, Some(_)) => true,
    }
}

impl Expected {
    /// In what the purchase is something else.
    fn differs(&self, purchase: &Verified) -> Option<&'static str> {
        if purchase.product != self.product {
            return Some(reason::PRODUCT);
        }
        if let (Some(kind), Some(expected)) = (purchase.kind, self.kind)
            && kind != expected
        {
            return Some(reason::KIND);
        }
        let paid = purchase.price.as_ref().filter(|_| !purchase.at_an_offer)?;
        let one = self.prices.iter().find(|price| price.currency == paid.currency)?;
        // A store may tell what one costs or what all of them cost.
        let all = one.micros.saturating_mul(purchase.quantity.into());
        (paid.micros != one.micros && paid.micros != all).then_some(reason::PRICE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::purchase;
    use super::*;

    fn judged(purchase: Verified, question: &Question<'_>) -> Verdict {
        Verdict::of(Ok(purchase), SandboxPolicy::Testers, question)
    }

    fn refused(verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Refused { reason, purchase: Some(_) } => reason,
            other => panic!("{other:?}"),
        }
    }

    fn open(evidence: &Evidence) -> Question<'_> {
        Question { evidence, accounts: None, tester: false, expected: None }
    }

    #[test]
    fn a_state_makes_a_verdict() {
        let evidence = Evidence::read(b"{}").unwrap();
        let question = open(&evidence);
        let word = |state| judged(Verified { state, ..purchase() }, &question).word();
        assert_eq!(word(State::Paid), "granted");
        assert_eq!(word(State::Pending), "pending");
        let reason = |state| refused(judged(Verified { state, ..purchase() }, &question));
        assert_eq!(reason(State::Cancelled), reason::CANCELLED);
        assert_eq!(reason(State::Refunded), reason::REFUNDED);
    }

    #[test]
    fn the_sandbox_is_for_whom_the_game_says() {
        use SandboxPolicy::{Allow, Reject, Testers};
        let cases = [
            (Reject, false, false),
            (Reject, true, false),
            (Testers, false, false),
            (Testers, true, true),
            (Allow, false, true),
        ];
        for (policy, tester, admitted) in cases {
            assert_eq!(policy.admits(Environment::Sandbox, tester), admitted, "{policy:?}");
            assert!(policy.admits(Environment::Production, tester));
        }
        assert_eq!(SandboxPolicy::default(), Testers);
        let evidence = Evidence::read(b"{}").unwrap();
        let sandbox = Verified { environment: Environment::Sandbox, ..purchase() };
        assert_eq!(refused(judged(sandbox.clone(), &open(&evidence))), reason::SANDBOX);
        let tester = Question { tester: true, ..open(&evidence) };
        assert_eq!(judged(sandbox, &tester).word(), "granted");
    }

    #[test]
    fn the_account_token_says_whose_it_is_even_when_it_is_refunded() {
        let evidence = Evidence::read(b"{}").unwrap();
        let (mine, others) = (["t".to_owned()], ["u".to_owned()]);
        let of = |accounts| Question { accounts: Some(accounts), ..open(&evidence) };
        let token = Verified { account_token: Some("t".into()), ..purchase() };
        let word = |purchase: &Verified, accounts| judged(purchase.clone(), &of(accounts)).word();
        assert_eq!(word(&token, &mine), "granted");
        assert_eq!(word(&token, &others), "not_yours");
        assert_eq!(word(&token, &[]), "not_yours");
        assert_eq!(word(&Verified { account_token: None, ..purchase() }, &others), "granted");
        let refunded = Verified { state: State::Refunded, ..token };
        assert_eq!(word(&refunded, &others), "not_yours");
    }

    #[test]
    fn product_kind_and_price_are_what_they_should_be() {
        let evidence = Evidence::read(b"{}").unwrap();
        let won = |micros| Price { micros, currency: "KRW".into() };
        let expected = Expected {
            product: "gem_100".into(),
            kind: Some(Kind::Consumable),
            prices: vec![won(1_100_000_000)],
        };
        let question = Question { expected: Some(&expected), ..open(&evidence) };
        let three = Verified { quantity: 3, ..purchase() };
        let at = |micros| Verified { price: Some(won(micros)), ..three.clone() };
        for good in [
            three.clone(),
            at(1_100_000_000),
            at(3_300_000_000),
            Verified { at_an_offer: true, ..at(1) },
            Verified { price: Some(Price { micros: 1, currency: "USD".into() }), ..three.clone() },
            Verified { kind: None, ..three.clone() },
        ] {
            assert_eq!(judged(good, &question).word(), "granted");
        }
        assert_eq!(refused(judged(at(2_200_000_000), &question)), reason::PRICE);
        let other = Verified { kind: Some(Kind::NonConsumable), ..three.clone() };
        assert_eq!(refused(judged(other, &question)), reason::KIND);
        let other = Verified { product: "gem_10".into(), ..three };
        assert_eq!(refused(judged(other, &question)), reason::PRODUCT);
    }

    #[test]
    fn a_fault_is_no_verdict_about_a_purchase() {
        let evidence = Evidence::read(b"{}").unwrap();
        let of = |fault| Verdict::of(Err(fault), SandboxPolicy::Allow, &open(&evidence));
        assert_eq!(of(Fault::Refused("x")), Verdict::Refused { reason: "x", purchase: None });
        let soon = Fault::Unavailable { retry_after_ms: 7 };
        assert_eq!(of(soon), Verdict::Unavailable { retry_after_ms: 7 });
        assert_eq!(of(Fault::Misconfigured("key")), Verdict::Misconfigured("key"));
    }
}

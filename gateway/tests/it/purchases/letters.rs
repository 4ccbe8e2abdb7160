//! What stores send of themselves, brought by whoever wants to: twice, late, or changed.

use loadtest::Failure;
use serde_json::{Value, json};

use super::buyer::{Bought, Market, TRIES};

/// A notification.
#[derive(Clone, Debug)]
pub struct Letter {
    pub authorization: Option<String>,
    pub body: String,
}

impl Letter {
    /// The same with another body.
    pub fn saying(&self, body: String) -> Self {
        Self { body, ..self.clone() }
    }
}

impl Market {
    /// From now on a store's notifications are kept for whoever fetches them.
    pub async fn hold_letters(&self, store: &str) {
        self.behave(store, json!({"notifications": "held"})).await;
        self.letters(store, None).await;
    }

    /// What a store would send, which is gone then, with this wrong with each.
    pub async fn letters(&self, store: &str, wrong: Option<&str>) -> Vec<Letter> {
        let wrong = wrong.map(|wrong| format!("?misbehave={wrong}")).unwrap_or_default();
        let path = format!("/sim/stores/{store}/notices{wrong}");
        let answer = self.stores.get(&path).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        let letters: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
        let letter = |it: &Value| Letter {
            authorization: it["authorization"].as_str().map(str::to_owned),
            body: it["body"].as_str().unwrap().to_owned(),
        };
        letters.iter().map(letter).collect()
    }

    /// The one notification that a store would send.
    pub async fn letter(&self, store: &str, wrong: Option<&str>) -> Letter {
        let letters = self.letters(store, wrong).await;
        let [letter] = &*letters else { panic!("{store} {wrong:?}: {letters:?}") };
        letter.clone()
    }

    /// What a store tells once more of a purchase.
    pub async fn tells(&self, bought: &Bought, wrong: Option<&str>) -> Letter {
        self.happens("notify", bought, json!({})).await;
        self.letter(&bought.store, wrong).await
    }

    /// Brings a notification, again where a machine with much to do wants it, as stores do.
    pub async fn bring(&self, store: &str, letter: &Letter) -> (u16, Value) {
        for _ in 0..TRIES {
            let (status, answer) = self.try_to_bring(store, letter).await.unwrap();
            if status < 500 {
                return (status, answer);
            }
        }
        panic!("a notification of {store} was not answered {TRIES} times");
    }

    /// Brings a notification to whoever may not be there any more.
    pub async fn try_to_bring(
        &self,
        store: &str,
        letter: &Letter,
    ) -> Result<(u16, Value), Failure> {
        let mut request = self
            .players
            .request(hyper::Method::POST, &format!("/hooks/{store}/demo"))
            .header("content-type", "application/json");
        if let Some(authorization) = &letter.authorization {
            request = request.header("authorization", authorization);
        }
        let answer = self.players.send(request.body(letter.body.clone().into())).await?;
        Ok((answer.status, serde_json::from_slice(&answer.body).unwrap_or_default()))
    }

    /// Brings one that is taken.
    pub async fn is_taken(&self, store: &str, letter: &Letter) {
        let (status, answer) = self.bring(store, letter).await;
        assert_eq!(status, 200, "{store}: {answer}");
    }

    /// Brings one that is not believed; says why.
    pub async fn is_not_believed(&self, store: &str, letter: &Letter) -> String {
        let (status, answer) = self.bring(store, letter).await;
        assert_eq!((status, &answer["err"]["code"]), (422, &json!("purchase.refused")), "{answer}");
        let message = answer["err"]["message"].as_str().unwrap();
        let why = message.strip_prefix("this is not the store's own: ");
        why.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

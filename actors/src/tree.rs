//! The supervision tree: who restarts whom.
//!
//! ```text
//! root
//! ├─ storage       records (factory), gamelog (batcher)
//! ├─ launching     nobody logs in without it
//! ├─ content       notices and banners
//! ├─ housekeeper   forgets what has expired, reads the keys again
//! └─ webhooks      tells the games' own servers what happened
//! ```
//!
//! Session actors hang on no supervisor: their slots notice their deaths (see
//! [`sessions`](crate::sessions)).

#[cfg(test)]
mod tests;

use ractor::SpawnErr;
use storage::open::Storage;

use crate::content::Content;
use crate::content::images::sweep::Sweep;
use crate::housekeeper::{self, HousekeeperActor};
use crate::identity::tokens::AccessTokens;
use crate::launching::Launching;
use crate::supervisor::{ChildSpec, Peer, RestartPolicy, Supervisor, child, subtree};
use crate::webhooks::{STOPPED_WITHIN, Webhooks, WebhooksActor};

/// Starts the tree. It is up when [`Supervisor::ready`] says so.
///
/// # Errors
/// When ractor cannot start the root.
pub async fn start(
    storage: &Storage,
    launching: &Launching,
    content: &Content,
    tokens: &AccessTokens,
    webhooks: &Webhooks,
    clock: std::sync::Arc<dyn storage::clock::Clock>,
) -> Result<Supervisor, SpawnErr> {
    let records = storage.records.clone();
    let gamelog = storage.gamelog.clone();
    let storage_tree = subtree(
        "storage",
        RestartPolicy::default(),
        vec![
            ChildSpec::new("records", move |supervisor| {
                let records = records.clone();
                Box::pin(async move { records.start(Some(supervisor)).await })
            })
            .stop_by(storage::actor::records::drain),
            ChildSpec::new("gamelog", move |supervisor| {
                let gamelog = gamelog.clone();
                Box::pin(async move { gamelog.start(Some(supervisor)).await })
            })
            .stop_by(storage::actor::gamelog::drain),
        ],
    );
    let (launch, of) = (launching.clone(), storage.clone());
    let (show, shown) = (content.clone(), storage.clone());
    let keeper = housekeeper::Args {
        sessions: storage.sessions.clone(),
        inboxes: storage.inboxes.clone(),
        operators: storage.operators.clone(),
        content: storage.content.clone(),
        images: Sweep::new(storage),
        tokens: tokens.clone(),
        clock,
    };
    let webhooks = webhooks.clone();
    let children = vec![
        storage_tree,
        child("launching", launching.peer.clone(), move || launch.actor(&of)),
        child("content", content.peer(), move || show.actor(&shown)).stop_within(STOPPED_WITHIN),
        child("housekeeper", Peer::new(), move || (HousekeeperActor, keeper.clone())),
        child("webhooks", Peer::new(), move || (WebhooksActor, webhooks.clone()))
            .stop_within(STOPPED_WITHIN),
    ];
    Supervisor::spawn("root", RestartPolicy::default(), children).await
}

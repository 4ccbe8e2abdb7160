//! Work that is nobody's request: what has expired is forgotten, keys are read again.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::clock::Clock;
use storage::content::Content;
use storage::operators::Operators;
use storage::push::Inboxes;
use storage::sessions::SessionStore;

use crate::content::images::sweep::Sweep;
use crate::identity::tokens::AccessTokens;
use crate::operators::IDLE;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(30);
/// How many rows of a kind go in one transaction: a bound on what it costs the writer.
const ROWS: usize = 1_000;
/// How many such transactions one look makes at most.
const ROUNDS: usize = 100;
/// How long it rests between two of them.
const PAUSE: Duration = Duration::from_millis(50);
/// For how long it is known what a member did with a notice or banner, and how often it was shown.
const REGARDED: Duration = Duration::from_secs(400 * 24 * 3600);
/// How much longer than it is of use a row is kept.
const MARGIN: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct Args {
    pub(crate) sessions: SessionStore,
    pub(crate) inboxes: Inboxes,
    pub(crate) operators: Operators,
    pub(crate) content: Content,
    pub(crate) images: Sweep,
    pub(crate) tokens: AccessTokens,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What the housekeeper is told.
#[derive(Debug)]
pub(crate) enum Msg {
    /// Look around.
    Look,
}

pub(crate) struct HousekeeperActor;

impl Args {
    async fn look(self) {
        let tokens = self.tokens;
        let reloaded = tokio::task::spawn_blocking(move || tokens.reload()).await;
        if let Ok(Err(error)) = reloaded {
            tracing::error!(%error, "the signing keys could not be read again; those known stay");
        }
        match self.images.look(self.clock.now()).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "{gone} images that nobody had any more are gone"),
            Err(error) => tracing::warn!(%error, "images could not be forgotten"),
        }
        // A nonce is judged a moment before it is written as used, so it is remembered for a
        // moment longer than it is good.
        let expired = self.clock.now().before(MARGIN);
        let idle = expired.before(IDLE);
        if let Err(error) = self.operators.sweep(expired, idle, ROWS).await {
            tracing::warn!(%error, "operators' sessions that ended could not be forgotten");
        }
        if let Err(error) = self.content.forget(expired.before(REGARDED), ROWS).await {
            tracing::warn!(%error, "what members did with old notices could not be forgotten");
        }
        for _ in 0..ROUNDS {
            let logins = self.sessions.sweep(expired, ROWS).await;
            let pushes = self.inboxes.expire(expired, ROWS).await;
            match (logins, pushes) {
                (Ok(logins), Ok(pushes)) if logins < ROWS && pushes < ROWS => return,
                // There is more: others get their turn in between.
                (Ok(_), Ok(_)) => tokio::time::sleep(PAUSE).await,
                (Err(error), _) | (_, Err(error)) => {
                    tracing::warn!(%error, "what has expired could not be forgotten");
                    return;
                }
            }
        }
    }
}

impl Actor for HousekeeperActor {
    type Msg = Msg;
    type State = Args;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<Args, ActorProcessingErr> {
        myself.send_interval(PERIOD, || Msg::Look);
        Ok(args)
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        msg: Msg,
        state: &mut Args,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            // Beside the mailbox: a slow disk must not hold up a shutdown.
            Msg::Look => drop(tokio::spawn(state.clone().look())),
        }
        Ok(())
    }
}

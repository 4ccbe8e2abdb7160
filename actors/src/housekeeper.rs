//! Work that is nobody's request: what has expired is forgotten, keys are read again.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::clock::Clock;
use storage::sessions::SessionStore;

use crate::identity::tokens::AccessTokens;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(30);
/// How many rows of a kind one look forgets: a bound on what it costs the writer.
const ROWS: usize = 1_000;

#[derive(Clone)]
pub(crate) struct Args {
    pub(crate) sessions: SessionStore,
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
        match self.sessions.sweep(self.clock.now(), ROWS).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "forgot {rows} expired logins and nonces"),
            Err(error) => tracing::warn!(%error, "expired logins could not be forgotten"),
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

//! Where a member is logged in.

use protocol::error::ErrorBody;
use protocol::operation::Reply;
use protocol::sessions::{ListReply, Login};

use super::State;
use crate::fault;
use crate::identity::tokens::Caller;

impl State {
    pub(super) async fn session_list(&self, caller: &Caller) -> Result<Reply, ErrorBody> {
        let context = self.context();
        let (logins, epoch) = context
            .storage
            .sessions
            .logins(
                caller.app.clone(),
                caller.member,
                context.clock.now(),
                context.settings.list_limit,
            )
            .await
            .map_err(|error| fault::of_storage(&error))?;
        let logins = logins.into_iter().map(|login| Login {
            id: login.id,
            current: login.id == caller.login,
            replaced: login.epoch != epoch,
            platform: login.device.platform,
            device: login.device.name,
            created_at: login.created_at,
            refreshed_at: login.refreshed_at,
        });
        Ok(Reply::SessionList(ListReply { logins: logins.collect() }))
    }
}

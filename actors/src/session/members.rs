//! What a member is told of itself.

use protocol::error::ErrorBody;
use protocol::members::MeReply;
use protocol::operation::Reply;
use storage::sessions::Standing;

use super::State;
use crate::identity::wire;

impl State {
    pub(super) async fn member_me(&self, standing: &Standing) -> Result<Reply, ErrorBody> {
        let member = &standing.member;
        let identities = self.identities(member.app.clone(), member.id).await?;
        Ok(Reply::MemberMe(MeReply {
            member: wire(member, self.context().clock.now()),
            identities,
        }))
    }
}

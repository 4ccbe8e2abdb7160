//! What members bought, for their games' servers.

use protocol::error::ErrorBody;
use protocol::game_servers::{ConsumePurchaseRequest, PurchasesReply, PurchasesRequest};
use protocol::purchases::ConsumeReply;
use storage::purchases::{HistoryRead, Purchase};

use super::{Asker, Inner, limit};
use crate::fault;

impl Inner {
    pub(super) async fn purchases(
        &self,
        asker: &Asker,
        asked: PurchasesRequest,
    ) -> Result<PurchasesReply, ErrorBody> {
        let PurchasesRequest { member, unconsumed, after, limit: most } = asked;
        let (app, most) = (asker.app().clone(), limit(most)?);
        self.known(asker, member).await?;
        // One more than is shown tells whether there is more.
        let read = HistoryRead { app, member, unconsumed, after, limit: most + 1 };
        let found = self.node.storage.purchases.history(read).await;
        let mut found = found.map_err(|error| fault::of_storage(&error))?;
        let more = found.len() > most;
        found.truncate(most);
        let after = found.last().filter(|_| more).map(|last| last.id);
        Ok(PurchasesReply { purchases: found.iter().map(Purchase::told).collect(), after })
    }

    pub(super) async fn consume(
        &self,
        asker: &Asker,
        asked: ConsumePurchaseRequest,
    ) -> Result<ConsumeReply, ErrorBody> {
        let ConsumePurchaseRequest { member, purchase } = asked;
        self.node.desk.consume(asker.app(), member, None, purchase).await
    }
}

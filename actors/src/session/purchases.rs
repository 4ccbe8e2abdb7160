//! What a member buys and has.

use protocol::error::{ErrorBody, ErrorCode};
use protocol::operation::Reply;
use protocol::purchases::{
    ConsumeRequest, HistoryReply, HistoryRequest, ProductsReply, ProductsRequest, ReserveRequest,
    SubmitRequest,
};
use protocol::wallet::Balances;
use storage::purchases::Purchase;
use tokio::sync::oneshot;

use super::State;
use crate::fault;
use crate::identity::tokens::Caller;
use crate::purchases::desk::MOST;
use crate::sessions::Ticket;

/// How many purchases an answer holds unless the client says otherwise.
const LIMIT: u16 = 50;

impl State {
    pub(super) fn product_list(
        &self,
        caller: &Caller,
        request: ProductsRequest,
    ) -> Result<Reply, ErrorBody> {
        let context = self.context();
        let (game, now) = (context.desk.game(&caller.app)?, context.clock.now());
        let here = |product: &&crate::purchases::catalogue::Product| {
            let in_store = request.store.is_none_or(|store| product.in_store(store).is_some());
            in_store && product.is_sold(now)
        };
        let products = game.catalogue.products().iter().filter(here);
        let products = products.map(|product| product.shown(request.store)).collect();
        Ok(Reply::ProductList(ProductsReply { products }))
    }

    pub(super) async fn purchase_reserve(
        &self,
        caller: &Caller,
        request: ReserveRequest,
    ) -> Result<Reply, ErrorBody> {
        let ReserveRequest { product, store } = request;
        let desk = &self.context().desk;
        let reserved = desk.reserve(&caller.app, caller.member, &product, store).await;
        reserved.map(Reply::PurchaseReserve)
    }

    /// Has the desk ask the store, which takes seconds, beside the mailbox.
    pub(super) async fn purchase_submit(
        &mut self,
        caller: Caller,
        request: SubmitRequest,
        reply_to: oneshot::Sender<Result<Reply, ErrorBody>>,
        ticket: Ticket,
    ) {
        if let Err(error) = self.admitted(&caller).await {
            let _ = reply_to.send(Err(error));
            return;
        }
        let sessions = self.sessions.clone();
        tokio::spawn(async move {
            // The member's slot stays until it is answered.
            let _ticket = ticket;
            let desk = sessions.context().desk.clone();
            let outcome = desk.submit(&caller.app, caller.member, request).await;
            if let Some(told) = outcome.told {
                sessions.tell(told);
            }
            let _ = reply_to.send(outcome.answer.map(Reply::PurchaseSubmit));
        });
    }

    pub(super) async fn purchase_unconsumed(&self, caller: &Caller) -> Result<Reply, ErrorBody> {
        let unconsumed = self.context().desk.unconsumed(&caller.app, caller.member).await;
        unconsumed.map(Reply::PurchaseUnconsumed)
    }

    pub(super) async fn purchase_consume(
        &self,
        caller: &Caller,
        request: ConsumeRequest,
    ) -> Result<Reply, ErrorBody> {
        let Caller { app, member, login, .. } = caller;
        let desk = &self.context().desk;
        let consumed = desk.consume(app, *member, Some(*login), request.purchase).await;
        consumed.map(Reply::PurchaseConsume)
    }

    pub(super) async fn purchase_history(
        &self,
        caller: &Caller,
        request: HistoryRequest,
    ) -> Result<Reply, ErrorBody> {
        let limit = usize::from(request.limit.unwrap_or(LIMIT));
        if !(1..=MOST).contains(&limit) {
            return Err(ErrorBody::invalid("limit", format!("is not between 1 and {MOST}")));
        }
        let desk = &self.context().desk;
        let purchases =
            desk.history(&caller.app, caller.member, false, request.before, limit).await?;
        let before = purchases.last().filter(|_| purchases.len() == limit).map(|last| last.id);
        let purchases = purchases.iter().map(Purchase::told).collect();
        Ok(Reply::PurchaseHistory(HistoryReply { purchases, before }))
    }

    pub(super) async fn wallet_balances(&self, caller: &Caller) -> Result<Reply, ErrorBody> {
        let wallet = &self.context().storage.wallet;
        let balances = wallet.balances(caller.app.clone(), caller.member).await;
        let balances = balances.map_err(|error| fault::of_storage(&error))?;
        Ok(Reply::WalletBalances(Balances { balances }))
    }
}

/// A submit is answered beside the mailbox, so the mailbox never comes to it.
pub(super) fn elsewhere() -> ErrorBody {
    ErrorBody::new(ErrorCode::Internal, "the purchase was not taken to the desk")
}

//! Many clients at once, a few of them at work at a time.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::time::timeout;

use super::client::{Client, Door, Entered};
use super::{Burst, Done, Order};
use crate::Fault;

/// How many clients are at work at a time.
const AT_A_TIME: usize = 32;
/// How long one client may take for its part of an order.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everyone who is connected.
pub(super) struct Crowd {
    door: Door,
    clients: Vec<Client>,
    /// Of the next client to enter; those who left keep theirs.
    next: usize,
    good_for_s: Option<u64>,
}

impl Crowd {
    pub(super) fn new(door: Door) -> Self {
        Self { door, clients: Vec::new(), next: 0, good_for_s: None }
    }

    pub(super) async fn obey(&mut self, order: Order) -> Result<Done, Fault> {
        match order {
            Order::Enter(many) => self.enter(many).await?,
            Order::Burst(burst) => self.burst(burst).await?,
            Order::Leave => self.leave().await?,
        }
        Ok(Done { connected: self.clients.len(), good_for_s: self.good_for_s })
    }

    async fn enter(&mut self, many: usize) -> Result<(), Fault> {
        let numbers = self.next..self.next + many;
        self.next = numbers.end;
        let entering = stream::iter(numbers)
            .map(|number| bounded("entering", Client::enter(&self.door, number)));
        let entered: Vec<Entered> = entering.buffer_unordered(AT_A_TIME).try_collect().await?;
        for Entered { client, good_for_s } in entered {
            self.clients.push(client);
            self.good_for_s = self.good_for_s.into_iter().chain(good_for_s).min();
        }
        Ok(())
    }

    async fn burst(&mut self, burst: Burst) -> Result<(), Fault> {
        let bursts =
            self.clients.iter_mut().map(|client| bounded("the burst", client.burst(burst)));
        stream::iter(bursts).buffer_unordered(AT_A_TIME).try_collect().await
    }

    async fn leave(&mut self) -> Result<(), Fault> {
        let leaving =
            std::mem::take(&mut self.clients).into_iter().map(|it| bounded("leaving", it.leave()));
        stream::iter(leaving).buffer_unordered(AT_A_TIME).try_collect().await
    }
}

async fn bounded<T>(what: &str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(format!("{what} took more than {} s", PATIENCE.as_secs()).into()))
}

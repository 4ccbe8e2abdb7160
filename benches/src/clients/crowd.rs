//! Many clients at once, a few of them at work at a time.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::time::timeout;

use super::client::{Client, Door, Entered};
use super::hark::{Noted, Pulse};
use super::player::Guest;
use super::{Burst, Done, Order, Word};
use crate::Fault;

/// How many clients are at work at a time unless a bench says otherwise.
pub(crate) const AT_A_TIME: usize = 32;
/// How long one client may take for its part of an order.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everyone who is connected.
pub(super) struct Crowd {
    door: Door,
    at_a_time: usize,
    clients: Vec<Client>,
    /// Connected, and to open their sessions.
    waiting: Vec<Client>,
    /// Logged in, for sessions to be opened; the first is for whoever comes first.
    guests: Vec<Guest>,
    /// Of the next client to enter; those who left keep theirs.
    next: usize,
    good_for_s: Option<u64>,
}

impl Crowd {
    pub(super) fn new(door: Door, at_a_time: usize) -> Self {
        Self {
            door,
            at_a_time,
            clients: Vec::new(),
            waiting: Vec::new(),
            guests: Vec::new(),
            next: 0,
            good_for_s: None,
        }
    }

    pub(super) async fn obey(&mut self, order: Order) -> Result<Done, Fault> {
        let (mut members, mut noted, mut pulses) = (Vec::new(), Vec::new(), Vec::new());
        match order {
            Order::Enter(many) => self.enter(many).await?,
            Order::Admit(many) => self.admit(many).await?,
            Order::Connect(many) => self.connect(many).await?,
            Order::LogIn(many) => self.log_in(many).await?,
            Order::Refresh(many) => self.refresh(many).await?,
            Order::Open => self.open().await?,
            Order::Storm(many) => self.storm(many).await?,
            Order::Burst(burst) => self.burst(burst).await?,
            Order::Hear => self.hear().await?,
            Order::Listen => self.listen().await?,
            Order::Hark(word) => noted = self.hark(word, None).await?,
            Order::HarkClosed(word, code) => noted = self.hark(word, Some(code)).await?,
            Order::Pulse { a_second, seconds } => pulses = self.pulse(a_second, seconds).await?,
            Order::Leave(many) => self.leave(many).await?,
            Order::Members => members = self.clients.iter().filter_map(Client::member).collect(),
        }
        let connected = self.clients.len() + self.waiting.len();
        Ok(Done { connected, good_for_s: self.good_for_s, members, noted, pulses })
    }

    fn numbers(&mut self, many: usize) -> std::ops::Range<usize> {
        let numbers = self.next..self.next + many;
        self.next = numbers.end;
        numbers
    }

    async fn enter(&mut self, many: usize) -> Result<(), Fault> {
        let numbers = self.numbers(many);
        let entering = stream::iter(numbers)
            .map(|number| bounded("entering", Client::enter(&self.door, number)));
        let entered: Vec<Entered> = entering.buffer_unordered(self.at_a_time).try_collect().await?;
        for Entered { client, good_for_s } in entered {
            self.clients.push(client);
            self.good_for_s = self.good_for_s.into_iter().chain(good_for_s).min();
        }
        Ok(())
    }

    async fn admit(&mut self, many: usize) -> Result<(), Fault> {
        let numbers = self.numbers(many);
        let admitting = stream::iter(numbers)
            .map(|number| bounded("logging in", Client::admit(&self.door, number)));
        let admitted: Vec<_> = admitting.buffer_unordered(self.at_a_time).try_collect().await?;
        for guest in admitted.into_iter().flatten() {
            self.good_for_s = self.good_for_s.into_iter().chain([guest.good_for_s]).min();
            self.guests.push(guest);
        }
        Ok(())
    }

    async fn connect(&mut self, many: usize) -> Result<(), Fault> {
        let numbers = self.numbers(many);
        let connecting = stream::iter(numbers)
            .map(|number| bounded("connecting", Client::connect(&self.door, number)));
        let connected: Vec<_> = connecting.buffer_unordered(self.at_a_time).try_collect().await?;
        self.waiting.extend(connected);
        Ok(())
    }

    async fn log_in(&mut self, many: usize) -> Result<(), Fault> {
        let (door, left) = (&self.door, Cell::new(many));
        let next = || left.get().checked_sub(1).inspect(|rest| left.set(*rest));
        let clients = self.waiting.iter_mut().map(async |client| {
            let mut admitted = Vec::new();
            while next().is_some() {
                admitted.push(bounded("logging in", client.log_in(door)).await?);
            }
            Ok::<_, Fault>(admitted)
        });
        for guest in try_join_all(clients).await?.into_iter().flatten() {
            self.good_for_s = self.good_for_s.into_iter().chain([guest.good_for_s]).min();
            self.guests.push(guest);
        }
        none_left(left.get())
    }

    async fn refresh(&mut self, many: usize) -> Result<(), Fault> {
        let missing = many.saturating_sub(self.guests.len());
        let guests = RefCell::new(self.guests.iter_mut().take(many));
        // The loan ends before the exchange is awaited.
        let next = || guests.borrow_mut().next();
        let clients = self.waiting.iter_mut().map(async |client| {
            while let Some(guest) = next() {
                bounded("an exchange", client.refresh(guest)).await?;
            }
            Ok::<_, Fault>(())
        });
        try_join_all(clients).await?;
        none_left(missing + guests.borrow().len())
    }

    async fn open(&mut self) -> Result<(), Fault> {
        let waiting = std::mem::take(&mut self.waiting).into_iter().enumerate();
        let opening =
            waiting.map(|(place, client)| bounded("opening", client.open(self.guests.get(place))));
        let opened: Vec<_> =
            stream::iter(opening).buffer_unordered(self.at_a_time).try_collect().await?;
        self.clients.extend(opened);
        Ok(())
    }

    async fn storm(&mut self, many: usize) -> Result<(), Fault> {
        let numbers = self.numbers(many);
        let (door, guests) = (&self.door, &self.guests);
        let coming = numbers.enumerate().map(|(place, number)| {
            bounded("the storm", async move {
                Client::connect(door, number).await?.open(guests.get(place)).await
            })
        });
        let come: Vec<_> =
            stream::iter(coming).buffer_unordered(self.at_a_time).try_collect().await?;
        self.clients.extend(come);
        Ok(())
    }

    async fn burst(&mut self, burst: Burst) -> Result<(), Fault> {
        for _ in 0..burst.turns {
            let bursts =
                self.clients.iter_mut().map(|client| bounded("the burst", client.burst(burst)));
            stream::iter(bursts).buffer_unordered(self.at_a_time).try_collect::<()>().await?;
        }
        Ok(())
    }

    async fn hear(&mut self) -> Result<(), Fault> {
        let hearing = self.clients.iter_mut().map(|client| bounded("a push", client.hear()));
        stream::iter(hearing).buffer_unordered(self.at_a_time).try_collect().await
    }

    async fn listen(&mut self) -> Result<(), Fault> {
        let listening =
            self.clients.iter_mut().map(|client| bounded("an announcement", client.listen()));
        stream::iter(listening).buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// All at once: each note is one of its own clock's.
    async fn hark(&mut self, word: Word, closed: Option<u16>) -> Result<Vec<Noted>, Fault> {
        let all = self.clients.len();
        let harking = self.clients.iter_mut().map(|client| {
            bounded("a push", async move {
                match closed {
                    Some(code) => client.hark_closed(word.word(), code).await,
                    None => client.hark(word.word()).await,
                }
            })
        });
        let noted = stream::iter(harking).buffer_unordered(all.max(1)).try_collect().await?;
        if closed.is_some() {
            self.clients.clear();
        }
        Ok(noted)
    }

    async fn pulse(&mut self, a_second: u32, seconds: u32) -> Result<Vec<Pulse>, Fault> {
        let all = u32::try_from(self.clients.len())?.max(1);
        let (period, gap) =
            (Duration::from_secs(1) * all / a_second, Duration::from_secs(1) / a_second);
        let times = a_second * seconds / all;
        let pulsing = (0..)
            .zip(&mut self.clients)
            .map(|(place, client)| bounded("a ping", client.pulse(gap * place, period, times)));
        Ok(try_join_all(pulsing).await?.concat())
    }

    async fn leave(&mut self, many: usize) -> Result<(), Fault> {
        let stay = self.clients.len().saturating_sub(many);
        let leaving = self.clients.split_off(stay);
        let leaving = leaving.into_iter().chain(std::mem::take(&mut self.waiting));
        let leaving = leaving.map(|client| bounded("leaving", client.leave()));
        stream::iter(leaving).buffer_unordered(self.at_a_time).try_collect().await
    }
}

/// Work that nobody was there to do is not done.
fn none_left(left: usize) -> Result<(), Fault> {
    if left == 0 { Ok(()) } else { Err(format!("{left} are left over").into()) }
}

async fn bounded<T>(what: &str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(format!("{what} took more than {} s", PATIENCE.as_secs()).into()))
}

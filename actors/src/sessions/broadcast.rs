//! What everyone of a game who is connected is told at once.
//!
//! It is encoded once for each format, and shared. Those who are told are told a few at a time,
//! with rests in between, so that everybody else's requests are answered meanwhile; broadcasts
//! take turns, so that all who hear two of them hear them in one order. No actor is woken and
//! nothing is written: who is not there does not hear it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use protocol::codec::Format;
use protocol::error::ErrorBody;
use protocol::frame::ServerFrame;
use protocol::ids::AppId;
use protocol::push::{Message, Push};
use storage::gamelog::Event;
use storage::members::By;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::Sessions;
use super::tell::Line;
use crate::fault;

/// How many connections are told before the next rest.
pub(super) const AT_ONCE: usize = 256;
/// How long a rest is. With [`AT_ONCE`] it bounds what a second can hold: about 50,000.
pub(super) const REST: Duration = Duration::from_millis(5);
/// How many broadcasts may wait for their turn.
pub(super) const WAITING: usize = 32;

/// A push for many.
pub struct Broadcast {
    push: Push,
    json: OnceLock<Option<Bytes>>,
    msgpack: OnceLock<Option<Bytes>>,
}

impl Broadcast {
    pub(super) fn new(push: Push) -> Self {
        Self { push, json: OnceLock::new(), msgpack: OnceLock::new() }
    }

    /// What is told.
    #[must_use]
    pub fn push(&self) -> &Push {
        &self.push
    }

    /// The frame, encoded by whoever asks first; `None` when that cannot be done.
    #[must_use]
    pub fn frame(&self, format: Format) -> Option<Bytes> {
        let frame = match format {
            Format::Json => &self.json,
            Format::Msgpack => &self.msgpack,
        };
        let encode = || match ServerFrame::push(&self.push).encode(format) {
            Ok(frame) => Some(frame.into()),
            Err(error) => {
                tracing::error!(%error, push = self.push.word(), "a push could not be written");
                None
            }
        };
        frame.get_or_init(encode).clone()
    }

    /// How many bytes a frame of it has; 0 of one that nobody asked for.
    pub(super) fn bytes(&self) -> usize {
        let frames = [self.json.get(), self.msgpack.get()];
        frames.into_iter().flatten().flatten().map(Bytes::len).max().unwrap_or_default()
    }
}

/// Whose turn it is.
pub(super) struct Turns {
    turn: Semaphore,
    /// The turns of what [audiences](super::tell) are told, by the lines.
    launching: Semaphore,
    content: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Turns {
    fn default() -> Self {
        let [turn, launching, content] = [(); 3].map(|()| Semaphore::new(1));
        Self { turn, launching, content, waiting: AtomicUsize::new(0) }
    }
}

impl Turns {
    pub(super) fn of(&self, line: Line) -> &Semaphore {
        match line {
            Line::Launching => &self.launching,
            Line::Content => &self.content,
        }
    }
}

/// A place among those who wait for their turn, or have it.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        // Given back at once when there is none.
        (waiting.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sessions {
    /// Tells every connection of a game on this node, and returns how many were told. It is
    /// finished even if the caller leaves. A connection that comes meanwhile may hear it or not.
    ///
    /// # Errors
    /// `limit.overloaded` when too many broadcasts wait for their turn.
    pub async fn broadcast(&self, app: AppId, push: Push) -> Result<usize, ErrorBody> {
        let sessions = self.clone();
        let work = tokio::spawn(async move { sessions.tell_all(&app, push).await });
        work.await.unwrap_or_else(|_| Err(fault::internal("the broadcast failed on the way")))
    }

    /// As [`Sessions::broadcast`], of words of the publisher's; the game log has who said them.
    ///
    /// # Errors
    /// As [`Sessions::broadcast`].
    pub async fn announce(&self, app: AppId, words: Message, by: By) -> Result<usize, ErrorBody> {
        let sessions = self.clone();
        let work = tokio::spawn(async move {
            let told = sessions.tell_all(&app, Push::Announcement(words)).await?;
            sessions.record(app, None, Event::AppAnnounced { told: told as u64, by });
            Ok(told)
        });
        work.await.unwrap_or_else(|_| Err(fault::internal("the broadcast failed on the way")))
    }

    async fn tell_all(&self, app: &AppId, push: Push) -> Result<usize, ErrorBody> {
        let turns = &self.0.turns;
        let _place = Waiting::enter(&turns.waiting).ok_or_else(fault::overloaded)?;
        // The semaphore is never closed; and whose turn it is not must not speak.
        let _turn = turns.turn.acquire().await.map_err(|_| fault::overloaded())?;
        let broadcast = Broadcast::new(push);
        let (mut told, mut since_rest) = (0, 0);
        for connections in self.0.registry.of_game(app) {
            for connection in &connections {
                if since_rest == AT_ONCE {
                    sleep(REST).await;
                    since_rest = 0;
                }
                connection.broadcast(&broadcast);
                since_rest += 1;
            }
            told += connections.len();
        }
        metrics::counter!("daemun_broadcasts_total").increment(1);
        metrics::counter!("daemun_broadcast_pushes_total").increment(told as u64);
        Ok(told)
    }
}

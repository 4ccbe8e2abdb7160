//! A server in this process, for very many guests: no sockets, no disk, and its time is the
//! test's own. It has its quirks.

mod answers;

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use protocol::codec::Format;
use protocol::frame::{ClientFrame, RequestFrame};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, duplex};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::fake;
use crate::run::line::{Road, Wire};

/// In what a house differs from a good one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::run) enum Quirk {
    /// In nothing.
    None,
    /// It answers nothing between these times.
    Stalls(Duration, Duration),
    /// It stops at the first time, as a server that is deployed does, and is back at the
    /// second.
    Restarts(Duration, Duration),
    /// As that, but it dies without a word, and forgets every session.
    Dies(Duration, Duration),
    /// It has too much to do for the first so many logins.
    Busy(u64),
    /// It tells of another member.
    SomebodyElse,
    /// It takes every guest for the same member.
    OneForAll,
    /// Its list of logins is none.
    Shapeless,
    /// It never answers `identity.list`.
    Mute,
    /// It fails at `member.me`.
    Confused,
    /// It answers everything twice.
    Stutters,
    /// Of three pushes it leaves out the second.
    Skips,
    /// It sends players away when they ask who they are.
    Kicks,
    /// It loses the connection over each player's third request, before it has done it.
    Swallows,
    /// It says that the token is about to expire, once it is open.
    Expires,
}

pub(in crate::run) struct House {
    quirk: Quirk,
    start: Instant,
    /// How many bytes fit on a connection.
    room: usize,
    pub(in crate::run) seen: Arc<Seen>,
}

/// What a house has seen.
#[derive(Default)]
pub(in crate::run) struct Seen {
    pub(in crate::run) members: AtomicI64,
    pub(in crate::run) logins: AtomicU64,
    pub(in crate::run) renewals: AtomicU64,
    pub(in crate::run) acks: AtomicU64,
    /// Whose request of which number was not done.
    swallowed: Mutex<BTreeSet<(i64, u64)>>,
    /// How many of those were asked again.
    pub(in crate::run) again: AtomicU64,
}

impl Wire for DuplexStream {
    fn reset_at_end(&self) {}
}

impl Road for House {
    fn dial(&self, _: usize, _: bool) -> BoxFuture<'_, io::Result<Box<dyn Wire>>> {
        async move {
            if self.away() {
                return Err(ErrorKind::ConnectionRefused.into());
            }
            let (client, server) = duplex(self.room);
            let guest =
                Guest { quirk: self.quirk, start: self.start, seen: self.seen.clone(), member: 0 };
            tokio::spawn(async move {
                let (peer, format) = fake::accept(server).await;
                guest.serve(peer, format).await;
            });
            Ok(Box::new(client) as Box<dyn Wire>)
        }
        .boxed()
    }
}

impl House {
    pub(in crate::run) fn new(quirk: Quirk) -> Self {
        Self { quirk, start: Instant::now(), room: 4096, seen: Arc::default() }
    }

    fn away(&self) -> bool {
        match self.quirk {
            Quirk::Restarts(from, to) | Quirk::Dies(from, to) => {
                (from..to).contains(&self.start.elapsed())
            }
            _ => false,
        }
    }
}

/// The house's end of one connection.
struct Guest {
    quirk: Quirk,
    start: Instant,
    seen: Arc<Seen>,
    member: i64,
}

type Peer = WebSocketStream<DuplexStream>;

impl Guest {
    async fn serve(mut self, mut peer: Peer, format: Format) {
        while let Some(frame) = self.next(&mut peer).await {
            let Ok(ClientFrame::Request(RequestFrame { id, op, body })) =
                ClientFrame::read(format, &frame)
            else {
                self.seen.acks.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            if self.quirk == Quirk::Swallows && self.swallows(id, &op) {
                return;
            }
            self.stall().await;
            let body: Value = crate::frame::decode(format, body).unwrap();
            let mut frames = match self.answer(&op, &body) {
                None => continue,
                Some(Ok(ok)) => vec![json!({ "id": id, "ok": ok })],
                Some(Err(err)) => vec![json!({ "id": id, "err": err })],
            };
            if self.quirk == Quirk::Stutters && op == "member.me" {
                frames.push(frames[0].clone());
            }
            if op == "session.open" {
                frames.extend(self.pushes());
            }
            for frame in frames {
                let mut payload = Vec::new();
                format.encode(&frame, &mut payload).unwrap();
                if peer.send(fake::message_of(format, payload)).await.is_err() {
                    return;
                }
            }
            let farewell = match op.as_ref() {
                "session.close" => Some((1000, "normal")),
                "member.me" if self.quirk == Quirk::Kicks => Some((4503, "kicked")),
                _ => None,
            };
            if let Some((code, reason)) = farewell {
                let _ = peer.close(Some(close(code, reason))).await;
                // As the real one, it reads on until the client has seen why.
                while let Some(Ok(_)) = peer.next().await {}
                return;
            }
        }
    }

    /// The next frame, unless the house stops first.
    async fn next(&self, peer: &mut Peer) -> Option<Vec<u8>> {
        let end = match self.quirk {
            Quirk::Restarts(at, _) | Quirk::Dies(at, _) if self.start.elapsed() < at => {
                Some(self.start + at)
            }
            _ => None,
        };
        let next = match end {
            Some(end) => timeout_at(end, peer.next()).await,
            None => Ok(peer.next().await),
        };
        match next {
            Ok(message) => Some(message?.ok()?.into_data().to_vec()),
            Err(_) => {
                if matches!(self.quirk, Quirk::Restarts(..)) {
                    let advice = json!({ "retry_after_ms": 500 }).to_string();
                    let _ = peer.close(Some(close(4000, &advice))).await;
                    while let Some(Ok(_)) = peer.next().await {}
                }
                None
            }
        }
    }

    async fn stall(&self) {
        if let Quirk::Stalls(from, to) = self.quirk
            && (from..to).contains(&self.start.elapsed())
        {
            sleep_until(self.start + to).await;
        }
    }

    /// Whether this is a request to lose, the first time it comes.
    fn swallows(&self, id: u64, op: &str) -> bool {
        // A player logs in, opens, and asks.
        let lost = id == 5 && op != "session.open";
        if lost && !self.seen.swallowed.lock().unwrap().insert((self.member, id)) {
            self.seen.again.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        lost
    }

    fn pushes(&self) -> Vec<Value> {
        match self.quirk {
            Quirk::Skips => [1, 3]
                .map(|seq| json!({ "seq": seq, "push": "message", "body": { "text": "hi" } }))
                .into(),
            Quirk::Expires => {
                vec![json!({ "push": "session.expiring", "body": { "expires_s": 60 } })]
            }
            _ => Vec::new(),
        }
    }
}

fn close(code: u16, reason: &str) -> CloseFrame {
    CloseFrame { code: code.into(), reason: reason.to_owned().into() }
}

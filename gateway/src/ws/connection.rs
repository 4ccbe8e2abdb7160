//! The task that owns a socket.
//!
//! It waits for, in this order:
//! 1. what others have to say to the client (pushes, a close), from [`Outbound`];
//! 2. answers: of `session.open`, of requests in flight;
//! 3. pushes that must arrive, from [`Delivery`](actors::push::delivery::Delivery),
//!    unless the connection is closing and owes none;
//! 4. frames of the client, unless its budget of requests in flight is used up, its session
//!    is being opened, or the connection is closing;
//! 5. the time: a deadline, a heartbeat, the end of a token.
//!
//! It takes what is ready, up to [`TURN`] events, and flushes once.

mod on_frame;
mod on_connection_request;
mod on_close;
mod on_time;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actors::push::delivery::InboxOf;
use actors::sessions::Connection as _;
use actors::sessions::ids::RequestIds;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use protocol::close::{CloseCode, CloseReason};
use protocol::codec::Format;
use protocol::error::ErrorBody;
use protocol::frame::ServerFrame;
use protocol::operation::{Operation, Reply};
use protocol::push::InboxPush;
use std::future::poll_fn;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::outbound::{Closing, Next, Outbound};
use super::phase::Phase;
use super::wire::{self, Socket};
use crate::accept::Place;
use crate::gate::Gate;
use crate::limits;
use crate::meter::Door;
use actors::node::Opened;

/// The most events in one turn of the loop, so that one busy socket does not keep a
/// thread from the others.
const TURN: usize = 64;
/// How long a client may refuse to be written to.
const WRITE_PATIENCE: Duration = Duration::from_secs(15);
/// How long before its token's end a client is told.
const WARNING: Duration = Duration::from_secs(60);

type Outcome = Result<Reply, ErrorBody>;

/// An answer on its way.
struct Answered {
    id: u64,
    operation: Operation,
    outcome: Outcome,
}

/// Something that happened.
enum Event {
    Outbound(Next),
    Opened(u64, Box<Result<Opened, ErrorBody>>),
    Answered(Answered),
    Inbox(Box<InboxPush>),
    Read(Option<Result<Message, Error>>),
    Time,
}

/// Why the loop ends.
enum End {
    /// To be closed with this.
    Close(CloseCode, CloseReason),
    /// The client said goodbye.
    Left,
    /// The client is gone.
    Gone,
}

struct Connection {
    gate: Gate,
    format: Format,
    origin: Option<Box<str>>,
    outbound: Arc<Outbound>,
    socket: Socket,
    /// Requests that are being answered; nothing is kept for them while there are none.
    in_flight: Option<FuturesUnordered<BoxFuture<'static, Answered>>>,
    phase: Phase,
    ids: RequestIds,
    /// Whose connection it is.
    client: IpAddr,
    /// How many requests were over the rate, less those that were not.
    over_rate: u32,
    began: Instant,
    heard: Instant,
    next_ping: Instant,
    /// When the timer is to fire next.
    due: Instant,
    closing: Option<Box<Closing>>,
    /// Whether the client has sent a close frame of its own.
    left: bool,
}

/// A connection after its handshake.
pub(super) struct Peer {
    /// The bare socket.
    pub(super) stream: TcpStream,
    /// What was read past the request.
    pub(super) early: Vec<u8>,
    /// How frames are written.
    pub(super) format: Format,
    /// The page that connects, when a browser says it.
    pub(super) origin: Option<Box<str>>,
    /// The connection's place among those that may be open.
    pub(super) place: Option<Place>,
    /// Whose it is.
    pub(super) client: IpAddr,
    /// Its place among its address's connections without a session.
    pub(super) unopened: Box<limits::Place>,
}

/// Serves an upgraded connection until it ends. The peer comes in a box, which is gone at
/// once: what a task is begun with is part of it for as long as it lives.
pub(super) async fn serve(gate: Gate, peer: Box<Peer>) {
    let Peer { stream, early, format, origin, place: _place, client, unopened } = {
        let boxed = peer;
        *boxed
    };
    let limit = gate.settings.outbound_limit_bytes;
    let socket = Socket::new(stream, early, format, gate.settings.frame_limit_bytes).await;
    let outbound = Arc::new(Outbound::new(format, limit));
    let _entered = gate.sockets.enter(outbound.clone());
    if gate.draining() {
        // The drain may have looked before this socket was there to be seen.
        outbound.close(CloseCode::Draining, CloseReason::default());
    }
    let now = Instant::now();
    let deadline = now + Duration::from_secs(gate.settings.first_frame_timeout_s);
    let mut connection = Connection {
        format,
        origin,
        outbound,
        socket,
        in_flight: None,
        phase: Phase::Unopened { deadline, place: Some(unopened) },
        ids: RequestIds::default(),
        client,
        over_rate: 0,
        began: now,
        heard: now,
        next_ping: now + Duration::from_secs(gate.settings.heartbeat_s),
        due: deadline,
        closing: None,
        left: false,
        gate,
    };
    let end = connection.run().await;
    // In a box of its own: what ending needs, an open connection need not hold.
    Box::pin(connection.end(end)).await;
}

impl Connection {
    async fn run(&mut self) -> End {
        let mut timer = std::pin::pin!(sleep_until(self.due));
        loop {
            // What happens is dealt with inside of a poll, so that no event has a place in
            // the memory of a connection to which nothing happens.
            let turn = poll_fn(|context| self.poll_turn(timer.as_mut(), context)).await;
            let busy = match turn {
                Ok(busy) => busy,
                Err(end) => return end,
            };
            if let Err(end) = self.flush().await {
                return end;
            }
            if busy {
                tokio::task::yield_now().await;
            }
            if let Some(closing) = self.closed() {
                return End::Close(closing.code, closing.reason);
            }
        }
    }

    /// Deals with what is ready, once something is; says whether there may be more.
    fn poll_turn(
        &mut self,
        mut timer: Pin<&mut Sleep>,
        context: &mut Context<'_>,
    ) -> Poll<Result<bool, End>> {
        for turn in 0..TURN {
            // A client that never stops sending must not put off what is due.
            let event = if turn == 0 && Instant::now() >= self.due {
                Event::Time
            } else {
                match self.poll_event(timer.as_mut(), context) {
                    Poll::Ready(event) => event,
                    Poll::Pending if turn == 0 => return Poll::Pending,
                    Poll::Pending => return Poll::Ready(Ok(false)),
                }
            };
            if let Err(end) = self.on_event(event) {
                return Poll::Ready(Err(end));
            }
            if timer.deadline() != self.due {
                timer.as_mut().reset(self.due);
            }
            if self.socket.is_full() {
                return Poll::Ready(Ok(false));
            }
        }
        Poll::Ready(Ok(true))
    }

    fn poll_event(&mut self, timer: Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<Event> {
        if self.closing.is_none()
            && !matches!(self.phase, Phase::Opening { .. })
            && let Poll::Ready(next) = self.outbound.poll_next(context)
        {
            return Poll::Ready(Event::Outbound(next));
        }
        if let Phase::Opening { id, opened, .. } = &mut self.phase
            && let Poll::Ready(outcome) = opened.poll_unpin(context)
        {
            return Poll::Ready(Event::Opened(*id, Box::new(outcome)));
        }
        if let Some(in_flight) = &mut self.in_flight
            && let Poll::Ready(Some(answered)) = in_flight.poll_next_unpin(context)
        {
            return Poll::Ready(Event::Answered(answered));
        }
        let owed = self.closing.as_deref().map(|closing| closing.after);
        if let Phase::Open(session) = &mut self.phase
            && owed.is_none_or(|seq| !session.inbox.reached(seq))
            && let inbox = (InboxOf { node: &self.gate.node, caller: &session.caller })
            && let Poll::Ready(push) = session.inbox.poll_next(&inbox, context)
        {
            return Poll::Ready(Event::Inbox(Box::new(push)));
        }
        if self.may_read()
            && let Poll::Ready(read) = self.socket.poll_read(context)
        {
            return Poll::Ready(Event::Read(read));
        }
        ready!(timer.poll(context));
        Poll::Ready(Event::Time)
    }

    fn may_read(&self) -> bool {
        self.closing.is_none()
            && !matches!(self.phase, Phase::Opening { .. })
            && self.ids.in_flight() < self.gate.settings.in_flight_per_connection
    }

    /// Deals with what happened, and gathers what is to be written of it. Nothing here waits,
    /// so that an idle connection's task holds no more than its socket needs.
    fn on_event(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Outbound(Next::Frame(frame)) => {
                self.socket.send_encoded(&frame);
                Ok(())
            }
            Event::Outbound(Next::Look(seq)) => {
                if let Phase::Open(session) = &mut self.phase {
                    session.inbox.look(seq);
                }
                Ok(())
            }
            Event::Outbound(Next::Close(closing)) => {
                self.begin_close(closing);
                Ok(())
            }
            Event::Opened(id, outcome) => self.on_opened(id, *outcome),
            Event::Answered(Answered { id, operation, outcome }) => {
                self.ids.landed(id);
                if self.ids.in_flight() == 0 {
                    self.in_flight = None;
                }
                self.answer(id, operation, outcome)
            }
            Event::Inbox(push) => self.send(&ServerFrame::Numbered {
                seq: push.seq,
                push: &push.push,
                body: &push.body,
            }),
            Event::Read(Some(Ok(message))) => self.on_message(message),
            Event::Read(Some(Err(error))) => Err(match wire::code_of(&error) {
                Some(code) => End::Close(code, CloseReason::default()),
                None if self.left => End::Left,
                None => End::Gone,
            }),
            Event::Read(None) if self.left => Err(End::Left),
            Event::Read(None) => Err(End::Gone),
            Event::Time => self.on_time(),
        }
    }

    /// Lets a request be answered whenever it is.
    fn fly(
        &mut self,
        id: u64,
        operation: Operation,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) {
        self.ids.flies(id);
        self.in_flight
            .get_or_insert_default()
            .push(Box::pin(async move { Answered { id, operation, outcome: work.await } }));
    }

    fn answer(&mut self, id: u64, operation: Operation, outcome: Outcome) -> Result<(), End> {
        self.gate.meter.request(Door::Socket, operation, &outcome);
        self.ids.answered(id, &outcome);
        self.send(&ServerFrame::answer(id, &outcome))
    }

    /// Answers what is not even a request for an operation.
    fn refuse(&mut self, id: u64, err: ErrorBody) -> Result<(), End> {
        self.gate.meter.refused(Door::Socket, err.code);
        self.send(&ServerFrame::Err { id, err: &err })
    }

    fn send(&mut self, frame: &ServerFrame<'_>) -> Result<(), End> {
        self.socket.send(frame).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            End::Close(CloseCode::Internal, CloseReason::default())
        })
    }

    async fn flush(&mut self) -> Result<(), End> {
        // The kernel nearly always takes all of it at once.
        let wrote = poll_fn(|context| Poll::Ready(self.socket.poll_flush(context))).await;
        let wrote = match wrote {
            Poll::Ready(wrote) => Ok(wrote),
            Poll::Pending => {
                let flush = poll_fn(|context| self.socket.poll_flush(context));
                Box::pin(timeout(WRITE_PATIENCE, flush)).await
            }
        };
        match wrote {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Close(CloseCode::SlowConsumer, CloseReason::default())),
        }
    }
}

fn senseless(reason: &'static str) -> End {
    tracing::debug!(reason, "a frame made no sense");
    End::Close(CloseCode::BadFrame, CloseReason::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_result<A, B, F>(_: fn(A, B) -> F) -> usize {
        std::mem::size_of::<F>()
    }

    /// Every idle player pays for this task: what only a busy or closing one needs does not
    /// belong in it.
    #[test]
    fn the_task_of_a_connection_stays_small() {
        let bytes = size_of_result(serve);
        assert!(bytes <= 1_024, "{bytes}");
    }
}

//! What the figures say.

use serde_json::json;

use super::{Scale, Taken, WARM};
use crate::Fault;
use crate::machine::Machine;
use crate::process::Memory;
use crate::reference::Kind;
use crate::report::{Bar, Claim, Figure, Report};

/// The most a session may cost now, in raw TCP tasks.
const BAR: f64 = 12.0;
/// The most it is to cost in the end, after open and after a burst.
const REACH_OPEN: f64 = 4.5;
const REACH_READ: f64 = 5.5;
/// The same, in tuned websockets without anything on them.
const REACH_WEBSOCKET: f64 = 1.5;

/// A figure's moment: its name, and the memory it is taken from.
type Moment = (&'static str, fn(&Taken) -> Memory);

const OPEN: Moment = ("after open", |taken| taken.opened);
const READ: Moment = ("after 50 reads", |taken| taken.read);

pub(super) fn report(
    scale: Scale,
    session: Taken,
    tcp: Taken,
    websocket: Taken,
) -> Result<Report, Fault> {
    let Scale { sessions, burst } = scale;
    let of = |what: &str, taken: &Taken, moment: Moment| figure(what, taken, moment, sessions);
    let (open, read) = (of("daemun session", &session, OPEN), of("daemun session", &session, READ));
    let (tcp_open, tcp_read) = (of(Kind::Tcp.name(), &tcp, OPEN), of(Kind::Tcp.name(), &tcp, READ));
    let name = Kind::Websocket.name();
    let (bare_open, bare_read) = (of(name, &websocket, OPEN), of(name, &websocket, READ));
    let claims = vec![
        Claim::new(&open, &tcp_open, vec![Bar::now(BAR), Bar::reach(REACH_OPEN)]),
        Claim::new(&read, &tcp_read, vec![Bar::now(BAR), Bar::reach(REACH_READ)]),
        Claim::new(&open, &bare_open, vec![Bar::reach(REACH_WEBSOCKET)]),
        Claim::new(&read, &bare_read, vec![Bar::reach(REACH_WEBSOCKET)]),
    ];
    Ok(Report {
        bench: "idle",
        title: format!("Resident bytes of an idle, logged-in session, {sessions} of them"),
        unit: "bytes each",
        figures: vec![open, read, tcp_open, tcp_read, bare_open, bare_read],
        claims,
        setup: json!({
            "scale": scale,
            "warm_up_clients": WARM,
            "awake_after_bursts": session.awake,
            "message_bytes_of_references": 64,
            "format": "MessagePack",
        }),
        notes: notes(burst.at_once, session.awake),
        machine: Machine::here()?,
    })
}

fn figure(what: &str, taken: &Taken, (when, memory): Moment, sessions: usize) -> Figure {
    let after = memory(taken);
    let each = after.each_since(taken.baseline, sessions);
    let detail = json!({
        "anonymous_bytes_each": each.anonymous,
        "process_before": taken.baseline,
        "process_after": after,
    });
    Figure { what: format!("{what}, {when}"), value: each.rss, detail }
}

fn notes(at_once: usize, awake: Option<f64>) -> Vec<String> {
    vec![
        "A figure is Rss of /proc/<pid>/smaps_rollup, less the same after a warm-up with \
         nobody connected, shared by all."
            .to_owned(),
        "Memory of the kernel (socket buffers and the like, about 4 KiB a connection) is \
         counted for nobody."
            .to_owned(),
        "Every process uses the system's allocator as it comes, and a multi-threaded tokio \
         runtime. The server's heartbeats are 600 s apart; all else is its default."
            .to_owned(),
        format!(
            "A session's reads are session.ping and member.me by turns, {at_once} sent at \
             once; a reference echoes as many messages of 64 bytes. Every reply is checked."
        ),
        format!(
            "When the last burst was over, the actors of {} sessions were awake; what they \
             leave in the allocator's hands is counted.",
            awake.unwrap_or(0.0)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::READS;
    use super::*;

    fn taken(baseline: u64, opened: u64, read: u64) -> Taken {
        let memory = |rss| Memory { rss, anonymous: rss };
        let [baseline, opened, read] = [baseline, opened, read].map(memory);
        Taken { baseline, opened, read, awake: None }
    }

    #[test]
    fn a_session_is_compared_moment_by_moment() {
        let session = taken(1000, 7000, 9000);
        let report = report_of(session, taken(500, 1500, 2500), taken(500, 3500, 4500));
        let ratios: Vec<f64> = report.iter().map(|claim| claim.ratio).collect();
        assert_eq!(ratios, [6.0, 4.0, 2.0, 2.0]);
    }

    #[test]
    fn the_moments_name_their_reads() {
        assert_eq!(READ.0, format!("after {READS} reads"));
    }

    fn report_of(session: Taken, tcp: Taken, websocket: Taken) -> Vec<Claim> {
        let of = |taken: &Taken, moment| figure("it", taken, moment, 10);
        let claim = |against: &Taken, moment| {
            Claim::new(&of(&session, moment), &of(against, moment), Vec::new())
        };
        vec![claim(&tcp, OPEN), claim(&tcp, READ), claim(&websocket, OPEN), claim(&websocket, READ)]
    }
}

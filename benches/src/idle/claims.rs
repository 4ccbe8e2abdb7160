//! What the figures say.

use serde_json::json;

use super::{Taken, WARM};
use crate::Fault;
use crate::clients::Burst;
use crate::machine::Machine;
use crate::process::Memory;
use crate::reference::Kind;
use crate::report::{Bar, Claim, Figure, Report, grouped};

/// The most a session may cost now, in raw TCP tasks.
const BAR: f64 = 12.0;
/// The most it is to cost in the end, after open and after a burst.
const REACH_OPEN: f64 = 4.5;
const REACH_READ: f64 = 5.5;
/// The same, in tuned websockets without anything on them.
const REACH_WEBSOCKET: f64 = 1.5;
/// What a session is called.
const SESSION: &str = "daemun session";

pub(super) fn report(
    sizes: &[usize],
    burst: Burst,
    session: &Taken,
    tcp: &Taken,
    websocket: &Taken,
) -> Result<Report, Fault> {
    let of = [(SESSION, session), (Kind::Tcp.name(), tcp), (Kind::Websocket.name(), websocket)];
    let moments: Vec<[Figure; 3]> =
        (0..=sizes.len()).map(|moment| of.map(|(who, taken)| figure(who, taken, moment))).collect();
    Ok(Report {
        bench: "idle",
        title: "Resident bytes of an idle, logged-in session".to_owned(),
        unit: "bytes each",
        claims: claims(&moments),
        figures: moments.into_iter().flatten().collect(),
        setup: json!({
            "sessions": sizes,
            "burst": burst,
            "warm_up_clients": WARM,
            "awake_after_bursts": session.awake,
            "message_bytes_of_references": 64,
            "format": "MessagePack",
        }),
        notes: notes(burst.at_once, session.awake),
        machine: Machine::here()?,
    })
}

/// What is said of each moment: after each opening, and at the end after the reads.
fn claims(moments: &[[Figure; 3]]) -> Vec<Claim> {
    let mut claims = Vec::new();
    let Some((_, opened)) = moments.split_last() else { return claims };
    for (place, [session, tcp, websocket]) in moments.iter().enumerate() {
        let read = place == opened.len();
        let reach = if read { REACH_READ } else { REACH_OPEN };
        claims.push(Claim::new(session, tcp, vec![Bar::now(BAR), Bar::reach(reach)]));
        claims.push(Claim::new(session, websocket, vec![Bar::reach(REACH_WEBSOCKET)]));
        if let Some([first, _, _]) = opened.first().filter(|_| place > 0 && !read) {
            claims.push(Claim::grown(session, first));
        }
    }
    claims
}

/// What each has cost at a moment: the last one is after the reads.
fn figure(what: &str, taken: &Taken, moment: usize) -> Figure {
    let (when, (sessions, after)) = match (taken.opened.get(moment), taken.opened.last()) {
        (Some(&opened), _) => ("after open", opened),
        (None, Some(&(sessions, _))) => ("after 50 reads", (sessions, taken.read)),
        (None, None) => ("with nobody", (1, Memory::default())),
    };
    let each = after.each_since(taken.baseline, sessions);
    let detail = json!({
        "sessions": sessions,
        "anonymous_bytes_each": each.anonymous,
        "process_before": taken.baseline,
        "process_after": after,
    });
    let what = format!("{what}, {when}, {} of them", grouped(sessions as f64));
    Figure { what, value: each.rss, spread: None, detail }
}

fn notes(at_once: usize, awake: Option<f64>) -> Vec<String> {
    vec![
        "A figure is Rss of /proc/<pid>/smaps_rollup, less the same after a warm-up with \
         nobody connected, shared by all."
            .to_owned(),
        "Memory of the kernel (socket buffers and the like, about 4 KiB a connection) is \
         counted for nobody."
            .to_owned(),
        "The server brings its allocator, jemalloc; the references use the system's as it \
         comes. Every process has a multi-threaded tokio runtime. The server's heartbeats are 600 s apart; all else is its default."
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

    fn taken(baseline: u64, opened: &[(usize, u64)], read: u64) -> Taken {
        let memory = |rss| Memory { rss, anonymous: rss };
        Taken {
            baseline: memory(baseline),
            opened: opened.iter().map(|&(size, rss)| (size, memory(rss))).collect(),
            read: memory(read),
            awake: None,
        }
    }

    #[test]
    fn a_session_is_compared_moment_by_moment() {
        let session = taken(1000, &[(10, 7000), (20, 15_400)], 19_000);
        let tcp = taken(500, &[(10, 1500), (20, 2500)], 4500);
        let websocket = taken(500, &[(10, 3500), (20, 6500)], 8500);
        let moment = |at| [&session, &tcp, &websocket].map(|taken| figure("it", taken, at));
        let claims = claims(&[moment(0), moment(1), moment(2)]);
        let ratios: Vec<String> =
            claims.iter().map(|claim| format!("{:.2}", claim.ratio)).collect();
        assert_eq!(ratios, ["6.00", "2.00", "7.20", "2.40", "1.20", "4.50", "2.25"]);
    }

    #[test]
    fn the_moments_name_their_reads() {
        let figure = figure("it", &taken(0, &[(10, 100)], 200), 1);
        assert_eq!(figure.what, format!("it, after {READS} reads, 10 of them"));
        assert_eq!(figure.value, 20.0);
    }
}

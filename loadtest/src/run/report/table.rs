//! The report as people read it.

use std::fmt::{Formatter, Result};

use super::{Report, Verdict};
use crate::run::cost::Cost;
use crate::run::ledger::{Latencies, Section};
use crate::run::plan::Scenario;

/// The width of a row's name, in columns.
const NAME: usize = 24;
/// In how many moments the server's memory is told.
const MOMENTS: usize = 10;

/// Writes all of it.
pub(super) fn write(report: &Report, f: &mut Formatter<'_>) -> Result {
    heading(report, f)?;
    for section in report.sections.iter().filter(|section| !section.rows.is_empty()) {
        rows(section, f)?;
    }
    writeln!(f)?;
    findings(report, f)?;
    standing(report, f)?;
    pushes(report, f)?;
    costs(report, f)?;
    memory(report, f)?;
    metrics(report, f)?;
    verdict(report, f)
}

fn heading(report: &Report, f: &mut Formatter<'_>) -> Result {
    let it = &report.options;
    writeln!(
        f,
        "\n{}: {} players of {} at {}, {}/s for {} s, {}, seed {}, from {} addresses",
        report.scenario,
        it.sessions,
        it.app,
        it.server,
        it.rate_per_s,
        it.duration_s,
        it.format,
        it.seed,
        it.sources
    )
}

fn rows(section: &Section, f: &mut Formatter<'_>) -> Result {
    writeln!(f, "\n{}", section.title)?;
    let [p50, p90, p99, p999, max] = ["p50", "p90", "p99", "p99.9", "max"];
    write!(f, "  {:<NAME$}{:>9}", "ms", "count")?;
    write!(f, "{p50:>10}{p90:>10}{p99:>10}{p999:>10}{max:>10}")?;
    let shed = section.rows.iter().any(|row| row.shed > 0);
    if shed {
        writeln!(f, "{:>9}", "shed")?
    } else {
        writeln!(f)?
    }
    section.rows.iter().try_for_each(|row| latencies(row, f))
}

fn latencies(row: &Latencies, f: &mut Formatter<'_>) -> Result {
    write!(f, "  {:<NAME$}{:>9}", row.name, row.count)?;
    for micros in [row.p50_us, row.p90_us, row.p99_us, row.p999_us, row.max_us] {
        write!(f, "{:>10}", milliseconds(micros))?;
    }
    if row.shed > 0 { writeln!(f, "{:>9}", row.shed) } else { writeln!(f) }
}

/// Milliseconds with as many digits as say something.
pub(in crate::run) fn milliseconds(micros: u64) -> String {
    let ms = micros as f64 / 1_000.0;
    match micros {
        0..10_000 => format!("{ms:.2}"),
        10_000..100_000 => format!("{ms:.1}"),
        _ => format!("{ms:.0}"),
    }
}

fn findings(report: &Report, f: &mut Formatter<'_>) -> Result {
    let found = &report.findings;
    if let Some(it) = &found.login_storm {
        let per_s = it.entered_per_s;
        line(
            f,
            "storm",
            &format!("{} of {} in after {:.1} s, {per_s:.0}/s", it.entered, it.came, it.took_s),
        )?;
    }
    if let Some(it) = &found.reconnect_storm {
        let after = |ms: Option<u64>| ms.map_or("never".to_owned(), |ms| format!("{ms} ms"));
        let [half, most, nearly, all] =
            [it.back_50_ms, it.back_90_ms, it.back_99_ms, it.back_100_ms].map(after);
        line(f, "back", &format!("50 % {half}, 90 % {most}, 99 % {nearly}, 100 % {all}"))?;
        let mut resumed = format!("{} resumed", it.resumed);
        for (why, many) in &it.not_resumed {
            resumed += &format!(", {many} not ({why})");
        }
        line(f, "sessions", &format!("{resumed}; {} away, {} gave up", it.still_away, it.gone))?;
    }
    if let Some(it) = &found.slow_clients {
        let what = format!(
            "{} read nothing: {} stalled, {} closed, {} requests of theirs taken",
            it.many, it.stalled, it.closed, it.taken
        );
        line(f, "slow", &what)?;
        let ends: Vec<_> = it.ends.iter().map(|(end, many)| format!("{many} {end}")).collect();
        line(f, "", &format!("read again: {}", list(&ends)))?;
    }
    Ok(())
}

fn standing(report: &Report, f: &mut Formatter<'_>) -> Result {
    let (it, requests) = (&report.players, &report.requests);
    let at_end = [
        (it.left, "left"),
        (it.open, "open"),
        (it.coming, "coming"),
        (it.away, "away"),
        (it.gone, "gone"),
    ];
    let at_end: Vec<_> = at_end
        .iter()
        .filter(|(many, _)| *many > 0)
        .map(|(many, what)| format!("{many} {what}"))
        .collect();
    let lost: Vec<_> = report.lost.iter().map(|(code, many)| format!("{many} by {code}")).collect();
    line(f, "players", &format!("{}; connections lost: {}", list(&at_end), list(&lost)))?;
    if requests.asked == 0 {
        return Ok(());
    }
    let what = format!(
        "{} asked, {} answered, {} shed, {} never answered",
        requests.asked,
        requests.answered,
        requests.shed,
        requests.lost + requests.unanswered
    );
    line(f, "requests", &what)
}

fn pushes(report: &Report, f: &mut Formatter<'_>) -> Result {
    let Some(it) = &report.pushes else { return Ok(()) };
    let posted = format!(
        "{} posted, {} not taken, {} unknown ({} of them came)",
        it.posted, it.not_taken, it.unknown, it.delivered_unknown
    );
    line(f, "pushes", &posted)?;
    let came = format!(
        "{} delivered, {} lost, {} doubled, {} out of order; {} again after a resume",
        it.delivered, it.lost, it.doubled, it.out_of_order, it.delivered_again
    );
    line(f, "", &came)
}

fn costs(report: &Report, f: &mut Formatter<'_>) -> Result {
    let costs = &report.costs;
    // Where much else happens, a request's part of it says nothing.
    let alone = report.scenario == Scenario::Steady.word() && costs.answered > 0;
    for (name, cost) in [("this program", costs.own), ("the server", costs.server)] {
        if let Some(Cost { cpu_s, .. }) = cost {
            let mut what = format!("{cpu_s:.2} s of processor time in {:.1} s", costs.seconds);
            if alone {
                what += &format!(", {:.0} µs a request", cpu_s * 1e6 / costs.answered as f64);
            }
            what += &resident(cost);
            line(f, name, &what)?;
        }
    }
    Ok(())
}

/// Some of the moments, evenly spread, the first and the last among them.
fn memory(report: &Report, f: &mut Formatter<'_>) -> Result {
    let Some(last) = report.memory.len().checked_sub(1).filter(|last| *last > 0) else {
        return Ok(());
    };
    let shown = last.min(MOMENTS - 1);
    let moments: Vec<_> = (0..=shown)
        .filter_map(|nth| report.memory.get(nth * last / shown))
        .map(|it| format!("{:.1} at {:.0} s", mib(it.resident_bytes), it.at_s))
        .collect();
    line(f, "its memory", &format!("MiB: {}", list(&moments)))
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn resident(cost: Option<Cost>) -> String {
    let Some(cost) = cost else { return String::new() };
    format!(
        "; resident {:.1} MiB, then {:.1} (peak {:.1})",
        mib(cost.resident_before_bytes),
        mib(cost.resident_after_bytes),
        mib(cost.resident_peak_bytes)
    )
}

fn metrics(report: &Report, f: &mut Formatter<'_>) -> Result {
    if let Some(why) = &report.metrics_missing {
        return line(f, "metrics", &format!("none: {why}"));
    }
    if report.metrics.is_empty() {
        return Ok(());
    }
    let metrics: Vec<_> =
        report.metrics.iter().map(|(name, value)| format!("{name} {value}")).collect();
    line(f, "metrics", &list(&metrics))
}

fn verdict(report: &Report, f: &mut Formatter<'_>) -> Result {
    if report.wrong.count > 0 {
        writeln!(f, "\n{} things were wrong, the first of them:", report.wrong.count)?;
        for what in &report.wrong.first {
            writeln!(f, "  {what}")?;
        }
    }
    let word = match report.verdict {
        Verdict::Passed => "passed: every answer was right".to_owned(),
        Verdict::WrongAnswers => "failed: not every answer was right".to_owned(),
        Verdict::NobodyThere => "failed: the server went away and did not come back".to_owned(),
        Verdict::TooSlow => {
            let most = report.options.max_p99_ms.unwrap_or_default();
            format!("too slow: a p99 that counts is above {most} ms")
        }
        Verdict::Interrupted => "interrupted".to_owned(),
    };
    writeln!(f, "\n{word}")
}

fn line(f: &mut Formatter<'_>, name: &str, what: &str) -> Result {
    // The first line after the tables stands apart, and each says what it is about.
    writeln!(f, "{name:<14}{what}")
}

fn list(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

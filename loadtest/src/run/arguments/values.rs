//! Values on the command line, each with its bounds.

use std::time::Duration;

/// A number of things, at least one.
pub(super) fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().map_err(|_| "not a whole number".to_owned())?;
    if count == 0 { Err("at least 1".to_owned()) } else { Ok(count) }
}

/// So many a second.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let sensible = rate.is_finite() && (0.001..=1_000_000.0).contains(&rate);
    if sensible { Ok(rate) } else { Err("from 0.001 to 1000000 a second".to_owned()) }
}

/// A part of a whole.
pub(super) fn part(text: &str) -> Result<f64, String> {
    let part: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let sensible = part > 0.0 && part < 1.0;
    if sensible { Ok(part) } else { Err("more than 0 and less than 1".to_owned()) }
}

/// So many milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    let ms: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let sensible = ms > 0.0 && ms < 3_600_000.0;
    let seconds = if sensible { ms / 1_000.0 } else { 0.0 };
    if sensible { Ok(Duration::from_secs_f64(seconds)) } else { Err("more than 0".to_owned()) }
}

/// A number and its unit: ms, s (also when there is none), m or h.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const HINT: &str = "a number with ms, s, m or h";
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..end].parse().map_err(|_| HINT.to_owned())?;
    let seconds = match &text[end..] {
        "ms" => number / 1_000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        _ => return Err(HINT.to_owned()),
    };
    let sensible = (0.001..=7.0 * 86_400.0).contains(&seconds);
    if sensible { Ok(Duration::from_secs_f64(seconds)) } else { Err("from 1ms to 168h".to_owned()) }
}

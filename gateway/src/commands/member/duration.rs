//! How long something lasts, as an operator writes it.

use jiff::{Span, SpanRelativeTo};

/// Reads a duration as whole seconds: `7d`, `12h 30m`, `1w2d`, or ISO 8601's `P7D`. A day is
/// 24 hours; months and years, whose length depends on when they begin, are not taken.
pub(in crate::commands) fn seconds(text: &str) -> Result<u64, String> {
    let span: Span = text
        .parse()
        .map_err(|_| "not a duration; write for example 7d, 12h, 30m or 1w2d".to_owned())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err("a month or a year may be long or short: write days, or use --until".into());
    }
    let lasts = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|error| format!("too long: {error}"))?;
    match u64::try_from(lasts.as_secs()) {
        Ok(seconds @ 1..) => Ok(seconds),
        Ok(0) | Err(_) => Err("less than a second: a ban has to last".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds_) in [
            ("7d", 604_800),
            ("1w2d", 777_600),
            ("12h 30m", 45_000),
            ("90 minutes", 5_400),
            ("P7D", 604_800),
            ("1s", 1),
            ("36500d", 3_153_600_000),
        ] {
            assert_eq!(seconds(text), Ok(seconds_), "{text}");
        }
    }

    #[test]
    fn nonsense_is_named() {
        for (text, says) in [
            ("", "not a duration"),
            ("7", "not a duration"),
            ("soon", "not a duration"),
            ("7 parsecs", "not a duration"),
            ("99999999999999999999d", "not a duration"),
            ("1 month", "use --until"),
            ("2y", "use --until"),
            ("0d", "less than a second"),
            ("900ms", "less than a second"),
            ("-7d", "less than a second"),
            ("7d ago", "less than a second"),
        ] {
            let error = seconds(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}

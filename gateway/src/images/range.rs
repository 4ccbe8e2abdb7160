//! What part of something that never changes has to be sent.

use std::ops::RangeInclusive;

use axum::http::header::{HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderValue, Method};
use http_range_header::{EndPosition, StartPosition, SyntacticallyCorrectRange};

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// These bytes.
    Bytes(RangeInclusive<usize>),
    /// What was asked for begins behind its end.
    Nowhere,
}

/// Whether who asks has it already (RFC 9110, section 13.1.2).
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let mut tags = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// What part is asked for. What is no range, or several at once, may be answered with all of it
/// (RFC 9110, section 14.2), and so may a range of what was there before.
pub(super) fn asked(method: &Method, headers: &HeaderMap, tag: &str, whole: usize) -> Part {
    let range = headers.get(RANGE).filter(|_| *method == Method::GET);
    let is_of_this = |of: &HeaderValue| of.as_bytes() == tag.as_bytes();
    let Some(range) = range.filter(|_| headers.get(IF_RANGE).is_none_or(is_of_this)) else {
        return Part::Whole;
    };
    let parsed = range.to_str().ok().map(http_range_header::parse_range_header);
    let Some(Ok(parsed)) = parsed else { return Part::Whole };
    match parsed.ranges.as_slice() {
        [one] => part(one, whole),
        _ => Part::Whole,
    }
}

/// The library's own check refuses the last bytes of something that has fewer, which is all of it.
fn part(range: &SyntacticallyCorrectRange, whole: usize) -> Part {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let Some(last) = whole.checked_sub(1) else { return Part::Nowhere };
    let start = match range.start {
        StartPosition::Index(start) => number(start),
        StartPosition::FromLast(long) => whole.saturating_sub(number(long)),
    };
    let end = match range.end {
        EndPosition::Index(end) if number(end) < start => return Part::Whole,
        EndPosition::Index(end) => number(end).min(last),
        EndPosition::LastByte => last,
    };
    if start > last { Part::Nowhere } else { Part::Bytes(start..=end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &'static str, whole: usize) -> Part {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
        asked(&Method::GET, &headers, "\"x\"", whole)
    }

    #[test]
    fn one_range_is_a_part_of_what_is_there() {
        for (range, expected) in [
            ("bytes=0-0", 0..=0),
            ("bytes=0-9", 0..=9),
            ("bytes=0-99", 0..=9),
            ("bytes=3-", 3..=9),
            ("bytes=9-", 9..=9),
            ("bytes=-3", 7..=9),
            ("bytes=-10", 0..=9),
            ("bytes=-99", 0..=9),
            ("bytes=2-18446744073709551615", 2..=9),
        ] {
            assert_eq!(of(range, 10), Part::Bytes(expected), "{range}");
        }
        for range in ["bytes=10-", "bytes=10-20", "bytes=18446744073709551615-"] {
            assert_eq!(of(range, 10), Part::Nowhere, "{range}");
        }
        assert_eq!(of("bytes=0-", 0), Part::Nowhere);
    }

    #[test]
    fn what_is_no_range_or_several_is_all_of_it() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=-0",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=1-2x",
            "lines=0-1",
            "bytes=0-1,3-4",
            "bytes=18446744073709551616-",
        ] {
            assert_eq!(of(range, 10), Part::Whole, "{range}");
        }
        let head = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-1"))]);
        assert_eq!(asked(&Method::HEAD, &head, "\"x\"", 10), Part::Whole);
    }

    #[test]
    fn a_range_of_something_else_is_all_of_this() {
        let with = |of: &'static str| {
            let range = (RANGE, HeaderValue::from_static("bytes=0-1"));
            let headers = HeaderMap::from_iter([range, (IF_RANGE, HeaderValue::from_static(of))]);
            asked(&Method::GET, &headers, "\"x\"", 10)
        };
        assert_eq!(with("\"x\""), Part::Bytes(0..=1));
        for other in ["\"y\"", "W/\"x\"", "x", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(with(other), Part::Whole, "{other}");
        }
    }

    #[test]
    fn who_has_it_is_known_by_any_of_his_tags() {
        let with = |tags: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for tag in tags {
                headers.append(IF_NONE_MATCH, HeaderValue::from_static(tag));
            }
            is_known(&headers, "\"x\"")
        };
        for known in [&["\"x\""][..], &["W/\"x\""], &["*"], &["\"y\", \"x\""], &["\"y\"", "\"x\""]]
        {
            assert!(with(known), "{known:?}");
        }
        for other in [&[][..], &["\"y\""], &["x"], &["\"X\""], &[""]] {
            assert!(!with(other), "{other:?}");
        }
    }
}

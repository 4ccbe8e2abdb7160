//! Points in time, as the wire and the stores write them.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: signed microseconds since 1970-01-01T00:00:00Z.
///
/// Stores keep the number. The wire writes RFC 3339 in UTC with microseconds
/// (`2026-11-22T13:43:19.000001Z`), in JSON and MessagePack alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// The moment `duration` later; saturates at the end of time.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// The moment `duration` earlier; saturates at the beginning of time.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whole seconds since the epoch, rounded down (RFC 7519's NumericDate).
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// From whole seconds since the epoch.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

thread_local! {
    /// The second that this thread wrote last, and its text: a busy one writes many of a second.
    static WRITTEN: Cell<(i64, [u8; 27])> = const { Cell::new((i64::MIN, [0; 27])) };
}

impl Micros {
    /// The text of a moment of the years 0 to 9999, in which everything has its place. Every
    /// answer to a ping has a moment in it: this is several times quicker than to format it.
    fn text(self) -> Option<[u8; 27]> {
        let (second, mut text) = WRITTEN.get();
        if second != self.seconds() {
            text = Self::from_seconds(self.seconds()).text_of_second()?;
            WRITTEN.set((self.seconds(), text));
        }
        let rest = u32::try_from(self.0.rem_euclid(1_000_000)).ok()?;
        let pairs = [rest / 10_000, rest / 100 % 100, rest % 100];
        for (place, pair) in [20, 22, 24].into_iter().zip(pairs) {
            text[place..place + 2].copy_from_slice(&PAIRS[pair as usize]);
        }
        Some(text)
    }

    fn text_of_second(self) -> Option<[u8; 27]> {
        // Of jiff's last second not every microsecond is one.
        let whole = Self(self.0.saturating_add(999_999));
        jiff::Timestamp::from_microsecond(whole.0).ok()?;
        let at = jiff::Timestamp::from_microsecond(self.0).ok()?;
        let at = jiff::tz::Offset::UTC.to_datetime(at);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        digits(&mut text[..4], at.year().into())?;
        digits(&mut text[5..7], at.month().into())?;
        digits(&mut text[8..10], at.day().into())?;
        digits(&mut text[11..13], at.hour().into())?;
        digits(&mut text[14..16], at.minute().into())?;
        digits(&mut text[17..19], at.second().into())?;
        Some(text)
    }
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Writes a number over all of `places`; `None` when it is negative or has more digits.
fn digits(places: &mut [u8], number: i32) -> Option<()> {
    let mut rest = u32::try_from(number).ok()?;
    for place in places.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).ok()?;
        rest /= 10;
    }
    (rest == 0).then_some(())
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => write!(f, "{at:.6}"),
            // Outside jiff's years -9999 to 9999: no clock says so, a corrupt row may.
            Err(_) => write!(f, "@{}us", self.0),
        }
    }
}

impl std::str::FromStr for Micros {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        text.parse::<jiff::Timestamp>().map(|at| Self(at.as_microsecond())).map_err(|_| TimeError)
    }
}

/// The text is not an RFC 3339 time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time")]
pub struct TimeError;

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        match text.as_ref().and_then(|text| std::str::from_utf8(text).ok()) {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rfc_3339_in_utc_with_microseconds() {
        let at = Micros(1_763_818_999_000_001);
        assert_eq!(at.to_string(), "2025-11-22T13:43:19.000001Z");
        assert_eq!("2025-11-22T22:43:19.000001+09:00".parse(), Ok(at));
        assert_eq!("yesterday".parse::<Micros>(), Err(TimeError));
        assert_eq!(Micros(i64::MAX).to_string(), "@9223372036854775807us");
    }

    #[test]
    fn a_time_is_written_as_it_is_shown() {
        let written = |at: Micros| serde_json::to_value(at).unwrap();
        // Around the ends of days, years and leap days, of the years that are written quickly,
        // and of those that there are at all.
        let ends = [
            "0000-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "1970-01-01T00:00:00Z",
            "2024-02-29T00:00:00Z",
            "2100-02-28T23:59:59.999999Z",
            "2026-12-31T23:59:59.000001Z",
            "9999-12-30T22:00:00.999999Z",
        ];
        let moments = ends.into_iter().map(|text| text.parse::<Micros>().unwrap().0);
        for at in moments.chain([0, i64::MIN, i64::MAX, -62_167_219_200_000_000 - 1]) {
            for at in [-1, 0, 1, 86_400_000_000].map(|step| Micros(at.saturating_add(step))) {
                assert_eq!(written(at), at.to_string());
            }
        }
        assert_eq!(written(Micros(1_763_818_999_000_001)), "2025-11-22T13:43:19.000001Z");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Micros(i64::MAX).after(Duration::MAX), Micros(i64::MAX));
        assert_eq!(Micros(5).since(Micros(9)), Duration::ZERO);
        assert_eq!(Micros(-1).seconds(), -1);
    }
}

//! The skipper and rmp-serde agree on where a MessagePack value ends, and on what is none.

use rmp::encode as write;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::*;

/// Reads a value of any type, extensions too: serde's own `IgnoredAny` leaves an
/// extension's bytes unread.
struct Whole;

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Whole {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, ext: D) -> Result<Self, D::Error> {
        ext.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self, A::Error> {
        while values.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// How many bytes the first value takes, as rmp-serde says; `None` if it is none.
fn by_rmp_serde(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    Whole::deserialize(&mut rmp_serde::Deserializer::new(&mut rest)).ok()?;
    Some(bytes.len() - rest.len())
}

/// The same, as the skipper says.
fn by_skipper(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let value = take_value(&mut rest).ok()?;
    assert_eq!([value, rest].concat(), bytes);
    Some(value.len())
}

fn bytes_of(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}

/// A number in each width, also wider than it needs.
fn any_number() -> impl Strategy<Value = Vec<u8>> {
    (0..12_u8, any::<u64>(), any::<f64>()).prop_map(|(width, n, float)| {
        let [.., c, d] = n.to_be_bytes();
        let short = u16::from_be_bytes([c, d]);
        let word = u32::from(short);
        bytes_of(|to| match width {
            0 => write::write_pfix(to, d & 0x7f).unwrap(),
            1 => write::write_nfix(to, -1 - i8::try_from(d & 0x1f).unwrap()).unwrap(),
            2 => write::write_u8(to, d).unwrap(),
            3 => write::write_u16(to, short).unwrap(),
            4 => write::write_u32(to, word).unwrap(),
            5 => write::write_u64(to, n).unwrap(),
            6 => write::write_i8(to, d.cast_signed()).unwrap(),
            7 => write::write_i16(to, short.cast_signed()).unwrap(),
            8 => write::write_i32(to, word.cast_signed()).unwrap(),
            9 => write::write_i64(to, n.cast_signed()).unwrap(),
            10 => write::write_f32(to, f32::from(short)).unwrap(),
            _ => write::write_f64(to, float).unwrap(),
        })
    })
}

/// A marker and a length of one, two or four bytes behind it.
fn head(to: &mut Vec<u8>, marker: [u8; 3], width: usize, length: usize) {
    to.push(marker[width]);
    to.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes()[4 - (1 << width)..]);
}

/// Text and bytes, their length in each width, also wider than it needs.
fn any_run() -> impl Strategy<Value = Vec<u8>> {
    let text = (0..4_usize, ".{0,9}").prop_map(|(width, text)| {
        bytes_of(|to| match width {
            3 => write::write_str(to, &text).unwrap(),
            _ => {
                head(to, [0xd9, 0xda, 0xdb], width, text.len());
                to.extend_from_slice(text.as_bytes());
            }
        })
    });
    let data = || prop::collection::vec(any::<u8>(), 0..40);
    let bin = (0..3_usize, data()).prop_map(|(width, data)| {
        bytes_of(|to| {
            head(to, [0xc4, 0xc5, 0xc6], width, data.len());
            to.extend_from_slice(&data);
        })
    });
    prop_oneof![text, bin]
}

/// Extensions, their length in each width, also wider than it needs.
fn any_ext() -> impl Strategy<Value = Vec<u8>> {
    let data = prop_oneof![
        prop::sample::select(vec![1_usize, 2, 4, 8, 16])
            .prop_flat_map(|length| prop::collection::vec(any::<u8>(), length)),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    (0..4_usize, any::<i8>(), data).prop_map(|(width, kind, data)| {
        bytes_of(|to| {
            match width {
                3 => {
                    write::write_ext_meta(to, data.len().try_into().unwrap(), kind).unwrap();
                }
                _ => {
                    head(to, [0xc7, 0xc8, 0xc9], width, data.len());
                    to.push(kind.cast_unsigned());
                }
            }
            to.extend_from_slice(&data);
        })
    })
}

/// Any MessagePack value, in any of the forms the format has for it.
fn any_msgpack() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![vec![0xc0_u8], vec![0xc2], vec![0xc3]]);
    let leaf = prop_oneof![word, any_number(), any_run(), any_ext()];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let values = prop::collection::vec(inner.clone(), 0..6);
        let array = (0..3_usize, values).prop_map(|(width, values)| {
            bytes_of(|to| {
                match width {
                    0 => drop(write::write_array_len(to, values.len().try_into().unwrap())),
                    // An array has no length of one byte; that place is never asked for.
                    _ => head(to, [0xc1, 0xdc, 0xdd], width, values.len()),
                }
                to.extend(values.concat());
            })
        });
        let entries = prop::collection::vec([inner.clone(), inner], 0..4);
        let map = (0..3_usize, entries).prop_map(|(width, entries)| {
            bytes_of(|to| {
                match width {
                    0 => drop(write::write_map_len(to, entries.len().try_into().unwrap())),
                    _ => head(to, [0xc1, 0xde, 0xdf], width, entries.len()),
                }
                to.extend(entries.concat().concat());
            })
        });
        prop_oneof![array, map]
    })
}

/// Bytes among which containers, lengths and extensions are frequent.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => 0x80..=0xdf_u8,
        2 => 0x00..=0x03_u8,
        1 => any::<u8>(),
    ];
    // Fewer than the bound on nesting, which rmp-serde does not have by itself.
    prop::collection::vec(byte, 0..DEPTH - 1)
}

proptest! {
    #[test]
    fn a_value_is_taken_whole_and_no_more(value in any_msgpack(), behind: Vec<u8>) {
        let bytes = [&*value, &*behind].concat();
        prop_assert_eq!(by_rmp_serde(&bytes), Some(value.len()));
        prop_assert_eq!(by_skipper(&bytes), Some(value.len()));
    }

    #[test]
    fn a_part_of_a_value_is_none(value in any_msgpack(), cut: Index) {
        let part = &value[..cut.index(value.len())];
        prop_assert_eq!(by_rmp_serde(part), None);
        prop_assert_eq!(by_skipper(part), None);
    }

    #[test]
    fn of_any_bytes_the_same_are_a_value(bytes in likely_bytes()) {
        prop_assert_eq!(by_skipper(&bytes), by_rmp_serde(&bytes));
    }
}

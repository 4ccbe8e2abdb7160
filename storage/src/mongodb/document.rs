//! A record as a document, and back.

use std::time::Duration;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Decimal128, Document, RawDocumentBuf};
use protocol::ids::{AppId, MemberId};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::gamelog::{Keep, KeptRecord};

/// The longest document that a server takes, in bytes
/// (<https://www.mongodb.com/docs/manual/reference/limits/>).
pub(super) const MOST: usize = 16 * 1024 * 1024;

/// An id as MongoDB keeps it.
pub(super) fn id(id: Uuid) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() })
}

/// The id in a document.
pub(super) fn id_in(document: &Document) -> Option<Uuid> {
    match document.get("_id") {
        Some(Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes })) => {
            Uuid::from_slice(bytes).ok()
        }
        Some(_) | None => None,
    }
}

/// A record as the bytes of a document, or why it can be none. It expires after `retention`,
/// unless it is never dropped.
pub(super) fn write(
    record: &KeptRecord,
    retention: Option<Duration>,
) -> Result<RawDocumentBuf, String> {
    let mut document = Document::new();
    document.insert("_id", id(record.id));
    document.insert("at", record.at.0);
    document.insert("app", record.app.as_str());
    if let Some(member) = record.member {
        document.insert("member", member.number());
    }
    document.insert("kind", record.kind.as_str());
    document.insert("fields", bson(&record.fields)?);
    let expires = match Keep::of(&record.kind) {
        Keep::Always => None,
        Keep::WhenThereIsRoom => retention.map(|retention| record.at.after(retention)),
    };
    if let Some(expires) = expires {
        document.insert("expires", DateTime::from_millis(expires.0.div_euclid(1000)));
    }
    // Names in it may be of any words; the reason is the driver's and names none of them.
    let document = RawDocumentBuf::try_from(document)
        .map_err(|_| "the record cannot be written as a document".to_owned())?;
    match document.as_bytes().len() {
        bytes if bytes > MOST => {
            Err(format!("the document is {bytes} bytes long; at most {MOST} are taken"))
        }
        _ => Ok(document),
    }
}

fn bson(value: &Value) -> Result<Bson, String> {
    Ok(match value {
        Value::Null => Bson::Null,
        Value::Bool(bool) => Bson::Boolean(*bool),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Bson::Int64(number),
            (None, Some(number), _) => {
                let decimal: Result<Decimal128, _> = number.to_string().parse();
                Bson::Decimal128(decimal.map_err(|_| "a number is too large".to_owned())?)
            }
            (None, None, Some(number)) => Bson::Double(number),
            (None, None, None) => return Err("a number is too large".to_owned()),
        },
        Value::String(text) => Bson::String(text.clone()),
        Value::Array(items) => Bson::Array(items.iter().map(bson).collect::<Result<_, _>>()?),
        Value::Object(fields) => {
            let field = |(name, value): (&String, _)| Ok((name.clone(), bson(value)?));
            Bson::Document(fields.iter().map(field).collect::<Result<_, String>>()?)
        }
    })
}

/// A document as the record of a game that it is.
pub(super) fn read(document: &Document, app: &AppId) -> Result<KeptRecord> {
    let id = id_in(document).ok_or_else(|| corrupt("_id of a record"))?;
    let part = |name: &str| corrupt(&format!("{name} of record {id}"));
    Ok(KeptRecord {
        id,
        at: Micros(document.get_i64("at").map_err(|_| part("at"))?),
        app: app.clone(),
        member: match document.get("member") {
            None => None,
            Some(Bson::Int64(number)) => {
                Some(MemberId::from_number(*number).map_err(|_| part("member"))?)
            }
            Some(_) => return Err(part("member")),
        },
        kind: document.get_str("kind").map_err(|_| part("kind"))?.to_owned(),
        fields: document.get("fields").and_then(json).ok_or_else(|| part("fields"))?,
    })
}

fn corrupt(what: &str) -> StorageError {
    StorageError::Corrupt(what.to_owned())
}

/// What [`bson`] makes, back; `None` for what it never makes.
fn json(value: &Bson) -> Option<Value> {
    Some(match value {
        Bson::Null => Value::Null,
        Bson::Boolean(bool) => Value::Bool(*bool),
        Bson::Int32(number) => Value::from(*number),
        Bson::Int64(number) => Value::from(*number),
        Bson::Double(number) => Value::Number(Number::from_f64(*number)?),
        Bson::Decimal128(number) => Value::from(number.to_string().parse::<u64>().ok()?),
        Bson::String(text) => Value::String(text.clone()),
        Bson::Array(items) => Value::Array(items.iter().map(json).collect::<Option<_>>()?),
        Bson::Document(fields) => {
            let field = |(name, value): (&String, _)| Some((name.clone(), json(value)?));
            Value::Object(fields.iter().map(field).collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record(fields: Value) -> KeptRecord {
        let (app, kind) = ("demo".parse().unwrap(), "login".to_owned());
        let member = Some(MemberId::from_number(i64::MAX).unwrap());
        KeptRecord { id: Uuid::now_v7(), at: Micros(-1), app, member, kind, fields }
    }

    fn back(record: &KeptRecord) -> KeptRecord {
        let bytes = write(record, None).unwrap();
        let document = Document::try_from(&bytes).unwrap();
        read(&document, &record.app).unwrap()
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let name = "[^\0]{0,8}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(fields in anything()) {
            let record = record(fields);
            prop_assert_eq!(back(&record), record);
        }
    }

    #[test]
    fn the_greatest_numbers_come_back() {
        let record = record(json!([u64::MAX, i64::MIN, i64::MAX, 0.5, -0.0]));
        assert_eq!(back(&record), record);
    }

    #[test]
    fn what_can_be_no_document_is_refused_with_a_reason_that_quotes_nothing() {
        let says = |fields| write(&record(fields), None).unwrap_err();
        assert!(says(json!({"secret\0word": 1})).contains("cannot be written"));
        assert!(!says(json!({"secret\0word": 1})).contains("secret"));
        assert!(says(json!({"x": "x".repeat(MOST)})).contains("bytes long"));
        let rest = write(&record(json!({"x": ""})), None).unwrap().as_bytes().len();
        assert!(write(&record(json!({"x": "x".repeat(MOST - rest)})), None).is_ok());
        assert!(write(&record(json!({"x": "x".repeat(MOST - rest + 1)})), None).is_err());
    }

    #[test]
    fn what_is_never_dropped_never_expires() {
        let day = Some(Duration::from_secs(86_400));
        let expires = |record: &KeptRecord, retention| {
            let document = Document::try_from(&write(record, retention).unwrap()).unwrap();
            document.get_datetime("expires").ok().map(|at| at.timestamp_millis())
        };
        let plain = KeptRecord { at: Micros(5_000_999), ..record(Value::Null) };
        assert_eq!(expires(&plain, day), Some(86_405_000));
        assert_eq!(expires(&plain, None), None);
        for kind in ["member_banned", "of a later program"] {
            let kept = KeptRecord { kind: kind.to_owned(), ..plain.clone() };
            assert_eq!(expires(&kept, day), None, "{kind}");
        }
    }
}

//! Every example as a frame in both formats.

use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::frame::ServerFrame;
use protocol::launching::{Announced, Countdown, Ended, ServiceWord};
use protocol::limits::REQUEST_ID;
use protocol::members::MeRequest;
use protocol::operation::{MemberRequest, Operation, Reply, Request};
use protocol::push::{self, Message, Push};
use protocol::text::Text;
use serde::Serialize;
use serde_json::json;

use crate::document::{Direction, Vector, to_hex};
use crate::parts::Example;
use crate::requests::Body;
use crate::{content, errors, parts, replies, requests};

/// A frame, and what it is to be read as.
pub(crate) struct Built {
    pub(crate) vector: Vector,
    pub(crate) means: Means,
}

#[derive(Debug)]
pub(crate) enum Means {
    Request(u64, Request),
    Ack(u64),
    Ok(u64, Reply),
    Err(u64, ErrorBody),
    Push(Push),
    /// A push with a number: its number, word and body.
    Numbered(u64, &'static str, serde_json::Value),
}

/// The frames in the order of the tables, each request before its replies.
pub(crate) fn all() -> Vec<Built> {
    let mut all = Vec::new();
    for operation in Operation::ALL {
        all.extend(requests::of(*operation).into_iter().flat_map(|from| asked(*operation, from)));
        all.extend(replies::of(*operation).into_iter().map(|from| answered(*operation, from)));
    }
    all.extend(heads());
    all.extend(ErrorCode::ALL.iter().map(|code| failed(errors::of(*code))));
    all.extend(pushes().into_iter().map(|(what, push)| pushed(what, push)));
    all.extend(numbered());
    all
}

/// A request frame as a client writes it.
#[derive(Serialize)]
struct Sent<'a> {
    id: u64,
    op: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Body<'a>>,
}

fn vector(name: String, direction: Direction, what: &str, frame: &impl Serialize) -> Vector {
    let mut json = Vec::new();
    Format::Json.encode(frame, &mut json).unwrap();
    let mut msgpack = Vec::new();
    Format::Msgpack.encode(frame, &mut msgpack).unwrap();
    Vector {
        name,
        direction,
        what: what.to_owned(),
        json: String::from_utf8(json).unwrap(),
        msgpack_hex: to_hex(&msgpack),
    }
}

fn asked(operation: Operation, from: Example<Request>) -> Vec<Built> {
    let op = operation.name();
    let built = |form: &str, what: &str, body: Option<Body<'_>>| {
        let name = format!("{op}/request/{form}");
        Built {
            vector: vector(name, Direction::ToServer, what, &Sent { id: 1, op, body }),
            means: Means::Request(1, from.body.clone()),
        }
    };
    let body = || Some(Body(&from.body));
    let mut all = vec![built(from.form, from.what, body())];
    if serde_json::to_string(&body()).unwrap() == "{}" {
        all.push(built("no_body", "An empty body may be left out.", None));
    }
    all
}

fn answered(operation: Operation, from: Example<Reply>) -> Built {
    let name = format!("{}/reply/{}", operation.name(), from.form);
    let outcome = Ok(from.body.clone());
    let frame = ServerFrame::answer(1, &outcome);
    Built {
        vector: vector(name, Direction::ToClient, from.what, &frame),
        means: Means::Ok(1, from.body),
    }
}

fn failed(error: ErrorBody) -> Built {
    let name = format!("error/{}", error.code);
    let outcome = Err(error.clone());
    let frame = ServerFrame::answer(1, &outcome);
    Built {
        vector: vector(name, Direction::ToClient, errors::what(&error), &frame),
        means: Means::Err(1, error),
    }
}

fn pushes() -> Vec<(&'static str, Push)> {
    let text = Text::new("The doors close in ten minutes.").unwrap();
    let announced = Message { title: None, text };
    let planned = parts::maintenance(None);
    let outdated = Announced {
        status: ServiceWord::UpdateRequired.number(),
        word: ServiceWord::UpdateRequired,
        message: None,
        update: Some(parts::update()),
    };
    let mut pushes = vec![
        (
            "The access token ends in a minute; `session.refresh` is due.",
            Push::SessionExpiring { expires_s: 60 },
        ),
        ("A newer login took this session's place; a close follows.", Push::SessionReplaced),
        ("Everyone who is there now is told.", Push::Announcement(announced)),
        (
            "A maintenance is planned, or its plan was changed.",
            Push::MaintenanceScheduled(planned.clone()),
        ),
        (
            "It begins soon.",
            Push::MaintenanceCountdown(Countdown {
                id: planned.id,
                from: planned.from,
                begins_in_s: 600,
            }),
        ),
        (
            "It has begun; a close follows.",
            Push::MaintenanceStarted(parts::maintenance(Some(61_500))),
        ),
        ("It is over, or was called off.", Push::MaintenanceEnded(Ended { id: planned.id })),
        ("The version must be updated; a close follows.", Push::UpdateAnnounced(outdated)),
    ];
    pushes.extend(content::pushes());
    pushes
}

/// How many kinds of push there are; the match below is to be changed together with it.
pub(crate) const KINDS_OF_PUSH: usize = 12;

/// The push's place among all kinds. A new kind does not compile without one, and an
/// unused place means that it has no example.
pub(crate) fn kind_of_push(push: &Push) -> usize {
    match push {
        Push::SessionExpiring { .. } => 0,
        Push::SessionReplaced => 1,
        Push::Announcement(_) => 2,
        Push::MaintenanceScheduled(_) => 3,
        Push::MaintenanceCountdown(_) => 4,
        Push::MaintenanceStarted(_) => 5,
        Push::MaintenanceEnded(_) => 6,
        Push::UpdateAnnounced(_) => 7,
        Push::NoticePublished(_) => 8,
        Push::NoticeWithdrawn(_) => 9,
        Push::NoticeChanged(_) => 10,
        Push::BannerChanged(_) => 11,
    }
}

fn pushed(what: &str, push: Push) -> Built {
    let name = format!("push/{}", push.word());
    let frame = ServerFrame::push(&push);
    Built { vector: vector(name, Direction::ToClient, what, &frame), means: Means::Push(push) }
}

/// Pushes that must arrive, with their numbers.
fn numbered() -> Vec<Built> {
    let examples = [
        ("A message, to be acknowledged.", 3, push::MESSAGE, json!({"text": "Welcome back."})),
        (
            "Two numbers expired before they could be delivered; this stands for both.",
            2,
            push::GAP,
            json!({"from": 1, "to": 2}),
        ),
        (
            "The member is kept out until that time; a close follows.",
            4,
            push::BANNED,
            serde_json::to_value(parts::ban()).unwrap(),
        ),
    ];
    let built = examples.map(|(what, seq, word, body)| {
        let frame = ServerFrame::Numbered { seq, push: word, body: &body };
        let name = format!("push/numbered/{word}");
        let vector = vector(name, Direction::ToClient, what, &frame);
        Built { vector, means: Means::Numbered(seq, word, body) }
    });
    built.into()
}

/// Frames that show what their heads may be.
fn heads() -> Vec<Built> {
    #[derive(Serialize)]
    struct Ack {
        ack: u64,
    }
    /// The fields in another order, one of a later version and nulls among them.
    #[derive(Serialize)]
    struct Odd {
        later: [u8; 2],
        ack: (),
        body: (),
        op: &'static str,
        id: u64,
    }
    let op = Operation::MemberMe.name();
    let me = |id| Means::Request(id, Request::Member(MemberRequest::MemberMe(MeRequest {})));
    let largest = Sent { id: REQUEST_ID, op, body: None };
    let odd = Odd { later: [1, 2], ack: (), body: (), op, id: 2 };
    vec![
        head(
            "ack",
            "Every push up to the number 42 has arrived.",
            &Ack { ack: 42 },
            Means::Ack(42),
        ),
        head("largest_id", "The largest id a request may have.", &largest, me(REQUEST_ID)),
        head(
            "any_order",
            "Fields come in any order, unknown ones are ignored, and null is as absent.",
            &odd,
            me(2),
        ),
    ]
}

fn head(name: &str, what: &str, frame: &impl Serialize, means: Means) -> Built {
    let name = format!("head/{name}");
    Built { vector: vector(name, Direction::ToServer, what, frame), means }
}

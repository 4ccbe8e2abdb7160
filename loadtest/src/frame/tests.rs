use protocol::frame::{ClientFrame, ServerFrame};
use protocol::operation::{Operation, Reply, Request};
use protocol::push::Push as Said;
use serde_json::json;

use super::*;

#[test]
fn the_server_reads_what_is_written_here() {
    for format in Format::ALL {
        let body = json!({"t": 4.5});
        let request = Outgoing::Request { id: 7, op: "session.ping", body: &body };
        let payload = request.message(*format).unwrap().into_data();
        let Ok(ClientFrame::Request(head)) = ClientFrame::read(*format, &payload) else {
            panic!("{format:?}: {payload:?}");
        };
        assert_eq!((head.id, head.op.as_ref()), (7, "session.ping"));
        let request = Operation::SessionPing.decode(*format, head.body).unwrap();
        assert!(matches!(request, Request::Connection(_)));

        let payload = Outgoing::Ack { ack: 42 }.message(*format).unwrap().into_data();
        assert_eq!(ClientFrame::read(*format, &payload), Ok(ClientFrame::Ack(42)));
    }
}

#[test]
fn what_the_server_writes_is_read_here() {
    for format in Format::ALL {
        let read = |frame: ServerFrame<'_>| {
            let payload = frame.encode(*format).unwrap();
            Incoming::read(decode(*format, &payload).unwrap()).unwrap()
        };
        let reply = Ok(Reply::AuthLogout(protocol::identity::LogoutReply { ended: 1 }));
        let answer = Incoming::Answer { id: 3, outcome: Ok(json!({"ended": 1})) };
        assert_eq!(read(ServerFrame::answer(3, &reply)), answer);

        let error = ErrorBody::invalid("app", "is missing");
        let outcome = Err(error.clone());
        let answer = Incoming::Answer { id: 4, outcome: Err(error) };
        assert_eq!(read(ServerFrame::answer(4, &outcome)), answer);

        let push = read(ServerFrame::push(&Said::SessionExpiring { expires_s: 60 }));
        let body = json!({"expires_s": 60});
        assert_eq!(push, Incoming::Push(Push { seq: None, word: "session.expiring".into(), body }));
    }
}

#[test]
fn a_numbered_push_has_its_number_and_what_is_unknown_is_ignored() {
    let frame = json!({"seq": 42, "push": "message", "body": {}, "later": true});
    let push = Push { seq: Some(42), word: "message".into(), body: json!({}) };
    assert_eq!(Incoming::read(frame), Ok(Incoming::Push(push)));
}

#[test]
fn what_is_not_of_the_contract_is_named() {
    for frame in [
        json!([]),
        json!({}),
        json!({"id": 1}),
        json!({"id": 0.5, "ok": {}}),
        json!({"id": 1, "ok": {}, "err": {}}),
        json!({"id": 1, "err": {"code": "no.such", "message": "", "retry": "never"}}),
        json!({"id": 1, "push": "message", "ok": {}}),
        json!({"push": "message"}),
    ] {
        assert!(matches!(Incoming::read(frame.clone()), Err(Failure::Strange(_))), "{frame}");
    }
    assert!(decode(Format::Msgpack, &[0x80, 0x80]).is_err());
    assert!(decode(Format::Json, b"{} {}").is_err());
}

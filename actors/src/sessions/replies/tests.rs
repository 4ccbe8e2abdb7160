//! What is given again, what is done again, and the bounds.

use protocol::identity::LogoutReply;
use protocol::operation::Operation;
use uuid::Uuid;

use super::*;

const GRACE: Duration = Duration::from_secs(60);

fn session(n: u128) -> SessionId {
    SessionId { login: LoginId(Uuid::from_u128(n)), open: 1 }
}

fn reply(ended: u64) -> Outcome {
    Ok(Reply::AuthLogout(LogoutReply { ended }))
}

fn fresh(replies: &Replies, session: SessionId, id: u64) -> Recorder {
    match replies.begin(session, id) {
        Begun::Fresh(recorder) => recorder,
        Begun::Pending(_) | Begun::Kept(_) => panic!("{id} was begun before"),
    }
}

fn kept(replies: &Replies, session: SessionId, id: u64) -> bool {
    matches!(replies.begin(session, id), Begun::Kept(_))
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_given_again_and_one_on_its_way_is_joined() {
    let replies = Replies::new(1 << 20, GRACE);
    let recorder = fresh(&replies, session(1), 7);
    let Begun::Pending(mut joined) = replies.begin(session(1), 7) else { panic!() };
    recorder.finish(reply(1));
    joined.changed().await.unwrap();
    assert_eq!(joined.borrow().as_deref(), Some(&reply(1)));
    assert!(matches!(replies.begin(session(1), 7), Begun::Kept(o) if *o == reply(1)));
    drop(fresh(&replies, session(2), 7));
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_or_says_same_id_is_tried_again() {
    let replies = Replies::new(1 << 20, GRACE);
    drop(fresh(&replies, session(1), 1));
    let unknown = Err(ErrorBody::new(ErrorCode::Internal, "unknown"));
    fresh(&replies, session(1), 1).finish(unknown);
    for code in [ErrorCode::LimitRate, ErrorCode::LimitOverloaded] {
        fresh(&replies, session(1), 1).finish(Err(ErrorBody::new(code, "not now")));
    }
    fresh(&replies, session(1), 1).finish(reply(1));
    assert!(kept(&replies, session(1), 1));
}

/// Somebody who sends a request again the moment its answer is there.
struct Impatient(Replies, Mutex<Option<Recorder>>);

impl std::task::Wake for Impatient {
    fn wake(self: Arc<Self>) {
        *self.1.lock() = Some(fresh(&self.0, session(1), 1));
    }
}

/// One that has just ended must not take the next one's place along: a third would be done
/// beside that one.
#[tokio::test(start_paused = true)]
async fn who_is_done_again_is_alone() {
    let replies = Replies::new(1 << 20, GRACE);
    let recorder = fresh(&replies, session(1), 1);
    let Begun::Pending(mut joined) = replies.begin(session(1), 1) else { panic!() };
    let impatient = Arc::new(Impatient(replies.clone(), Mutex::default()));
    let waker = impatient.clone().into();
    let mut changed = std::pin::pin!(joined.changed());
    assert!(changed.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    recorder.finish(Err(ErrorBody::new(ErrorCode::Internal, "unknown")));
    assert!(impatient.1.lock().is_some());
    assert!(matches!(replies.begin(session(1), 1), Begun::Pending(_)));
}

#[tokio::test(start_paused = true)]
async fn the_last_128_are_kept() {
    let replies = Replies::new(1 << 20, GRACE);
    for id in 1..=129 {
        fresh(&replies, session(1), id).finish(reply(id));
    }
    assert!(!kept(&replies, session(1), 1));
    assert!(kept(&replies, session(1), 2) && kept(&replies, session(1), 129));
}

#[tokio::test(start_paused = true)]
async fn large_answers_and_full_stores_keep_nothing() {
    let long = |bytes: usize| Err(ErrorBody::new(ErrorCode::AuthRefused, "x".repeat(bytes)));
    let replies = Replies::new(1 << 20, GRACE);
    fresh(&replies, session(1), 1).finish(long(REPLY_BYTES));
    assert!(!kept(&replies, session(1), 1));
    for id in 2..20 {
        fresh(&replies, session(1), id).finish(long(3_000));
    }
    assert!(replies.bytes() <= SPACE_BYTES, "{}", replies.bytes());
    assert!(kept(&replies, session(1), 19) && !kept(&replies, session(1), 2));

    let small = Replies::new(100, GRACE);
    for n in 0..50 {
        fresh(&small, session(n), 1).finish(reply(1));
    }
    assert!(small.bytes() <= 100);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_is_forgotten_after_the_grace_period() {
    let replies = Replies::new(1 << 20, GRACE);
    fresh(&replies, session(1), 1).finish(reply(1));
    tokio::time::advance(GRACE - Duration::from_secs(1)).await;
    assert!(kept(&replies, session(1), 1), "used again");
    tokio::time::advance(GRACE + Duration::from_secs(1)).await;
    drop(fresh(&replies, session(2), 1));
    assert_eq!(replies.bytes(), 0);
}

const ACK: Operation = Operation::InboxAck;

fn login(n: u128) -> LoginId {
    LoginId(Uuid::from_u128(n))
}

fn key(text: &str) -> Key {
    Key::new(text, ACK, b"{}")
}

fn fresh_key(replies: &Replies, login: LoginId, key: Key) -> Recorder {
    match replies.begin_with_key(login, key) {
        Ok(Begun::Fresh(recorder)) => recorder,
        Ok(Begun::Pending(_) | Begun::Kept(_)) => panic!("it was begun before"),
        Err(error) => panic!("{error}"),
    }
}

fn refused(replies: &Replies, login: LoginId, key: Key) -> Option<ErrorCode> {
    replies.begin_with_key(login, key).err().map(|error| error.code)
}

#[tokio::test(start_paused = true)]
async fn a_key_gives_its_first_answer_again_and_one_on_its_way_is_joined() {
    let replies = Replies::new(1 << 20, GRACE);
    let recorder = fresh_key(&replies, login(1), key("a"));
    let Ok(Begun::Pending(answer)) = replies.begin_with_key(login(1), key("a")) else { panic!() };
    let (let_go, goes) = tokio::sync::oneshot::channel::<()>();
    let work = async move {
        let _ = goes.await;
        reply(1)
    };
    // Whoever asked first has left: the work goes on, and its answer is kept.
    drop(finished(work, Some(recorder)));
    let joining = tokio::spawn(joined(answer));
    let_go.send(()).unwrap();
    assert_eq!(joining.await.unwrap(), reply(1));
    let Ok(Begun::Kept(outcome)) = replies.begin_with_key(login(1), key("a")) else { panic!() };
    assert_eq!(*outcome, reply(1));
    // Others have keys of their own, and a session's ids are none.
    drop(fresh_key(&replies, login(2), key("a")));
    drop(fresh(&replies, session(1), 1));
}

#[tokio::test(start_paused = true)]
async fn whoever_joined_work_that_failed_is_told_and_it_may_be_tried_again() {
    let replies = Replies::new(1 << 20, GRACE);
    let recorder = fresh_key(&replies, login(1), key("a"));
    let Ok(Begun::Pending(answer)) = replies.begin_with_key(login(1), key("a")) else { panic!() };
    let work = async { panic!("on purpose") };
    let first = finished(work, Some(recorder)).await.unwrap_err();
    let second = joined(answer).await.unwrap_err();
    assert_eq!((first.retry, second.retry), (Retry::SameId, Retry::SameId));
    drop(fresh_key(&replies, login(1), key("a")));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_for_one_operation_and_one_body() {
    let replies = Replies::new(1 << 20, GRACE);
    let reused = Some(ErrorCode::OpKeyReused);
    let recorder = fresh_key(&replies, login(1), key("a"));
    let held_to_it = |when: &str| {
        let others = [Key::new("a", ACK, b"{ }"), Key::new("a", Operation::AuthLogout, b"{}")];
        for other in others {
            assert_eq!(refused(&replies, login(1), other), reused, "{when}");
        }
        assert_eq!(refused(&replies, login(1), key("a")), None, "{when}");
    };
    held_to_it("while it is being answered");
    recorder.finish(reply(1));
    held_to_it("when it was answered");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_done_is_done_with_the_same_key() {
    let replies = Replies::new(1 << 20, GRACE);
    for code in [ErrorCode::LimitOverloaded, ErrorCode::StorageUnavailable, ErrorCode::Internal] {
        fresh_key(&replies, login(1), key("a")).finish(Err(ErrorBody::new(code, "no")));
    }
    let never = Err(ErrorBody::new(ErrorCode::MemberUnknown, "no"));
    fresh_key(&replies, login(1), key("a")).finish(never);
    assert!(matches!(replies.begin_with_key(login(1), key("a")), Ok(Begun::Kept(_))));
}

#[tokio::test(start_paused = true)]
async fn keys_are_bounded_in_number_and_bytes() {
    let replies = Replies::new(1 << 20, GRACE);
    let begun: Vec<_> =
        (0..REPLIES).map(|n| fresh_key(&replies, login(1), key(&n.to_string()))).collect();
    assert_eq!(refused(&replies, login(1), key("more")), Some(ErrorCode::LimitOverloaded));
    assert_eq!(refused(&replies, login(2), key("more")), None, "another's");
    for recorder in begun {
        recorder.finish(reply(1));
    }
    fresh_key(&replies, login(1), key("more")).finish(reply(1));
    drop(fresh_key(&replies, login(1), key("0")));
    assert!(matches!(replies.begin_with_key(login(1), key("1")), Ok(Begun::Kept(_))));

    // A long key is counted with its answer.
    for n in 0..REPLIES {
        let long = format!("{n:0>255}");
        fresh_key(&replies, login(3), key(&long)).finish(reply(1));
    }
    assert!(replies.bytes() > SPACE_BYTES && replies.bytes() <= 2 * SPACE_BYTES);
}

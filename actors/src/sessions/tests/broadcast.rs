//! What everyone of a game is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use protocol::client::Client;
use protocol::close::{CloseCode, CloseReason};
use protocol::codec::Format;
use protocol::error::ErrorCode;
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::push::{Message, Push};
use protocol::text::Text;
use storage::clock::Micros;
use tokio::time::Instant;
use uuid::Uuid;

use super::sessions;
use crate::identity::tokens::Caller;
use crate::launching::audience::Audience;
use crate::sessions::broadcast::{AT_ONCE, REST, WAITING};
use crate::sessions::tell::{Line, Word};
use crate::sessions::{Attachment, Broadcast, Connection, Sessions};
use crate::testing::Ground;

/// What was heard by all connections of a test, and when.
type Heard = Arc<Mutex<Vec<(Instant, Vec<u8>)>>>;

struct Hears(Heard, Format);

impl Connection for Hears {
    fn push(&self, _: &Push) {}

    fn broadcast(&self, broadcast: &Broadcast) {
        let frame = broadcast.frame(self.1).unwrap();
        self.0.lock().push((Instant::now(), frame.to_vec()));
    }

    fn look(&self, _: u64) {}

    fn close_after(&self, _: u64, _: CloseCode, _: CloseReason) {}
}

fn app(word: &str) -> AppId {
    word.parse().unwrap()
}

fn words(text: &str) -> Push {
    Push::Announcement(Message { title: None, text: Text::new(text).unwrap() })
}

/// So many people of a game, each with a connection.
fn come(sessions: &Sessions, game: &str, count: u16, format: Format) -> (Heard, Vec<Attachment>) {
    let heard = Heard::default();
    let attach = |number| {
        let caller = Caller {
            app: app(game),
            member: MemberId::compose(number % 1024, 1, number),
            login: LoginId(Uuid::from_u128(u128::from(number))),
            expires_at: Micros::from_seconds(0),
            client: None,
        };
        sessions.wait_as(&caller, Arc::new(Hears(heard.clone(), format)))
    };
    let places = (0..count).map(attach).collect();
    (heard, places)
}

#[tokio::test]
async fn everyone_of_the_game_hears_it_in_the_connections_own_format() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let (json, _there) = come(&sessions, "demo", 40, Format::Json);
    let (msgpack, _too) = come(&sessions, "demo", 30, Format::Msgpack);
    let (other, _others) = come(&sessions, "other", 20, Format::Json);
    assert_eq!(sessions.broadcast(app("demo"), words("hello")).await, Ok(70));
    assert_eq!((json.lock().len(), msgpack.lock().len(), other.lock().len()), (40, 30, 0));
    let text = br#"{"push":"announcement","body":{"text":"hello"}}"#;
    assert!(json.lock().iter().all(|(_, frame)| frame == text));
    assert!(msgpack.lock().iter().all(|(_, frame)| frame[0] & 0xf0 == 0x80));
    assert_eq!(sessions.awake(), 0, "nobody is woken for it");
    assert_eq!(sessions.broadcast(app("nobody"), words("hello")).await, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn it_rests_so_that_others_are_served_meanwhile() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let (heard, _there) = come(&sessions, "demo", 1_000, Format::Json);
    assert_eq!(sessions.broadcast(app("demo"), words("hello")).await, Ok(1_000));
    let mut at: BTreeMap<Instant, usize> = BTreeMap::new();
    for (when, _) in heard.lock().iter() {
        *at.entry(*when).or_default() += 1;
    }
    let parts: Vec<usize> = at.into_values().collect();
    assert_eq!(parts, [AT_ONCE, AT_ONCE, AT_ONCE, 1_000 - 3 * AT_ONCE]);
}

#[tokio::test(start_paused = true)]
async fn broadcasts_take_turns_and_only_so_many_wait() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let (heard, _there) = come(&sessions, "demo", 600, Format::Json);
    let all = (0..WAITING + 3).map(|number| {
        let sessions = sessions.clone();
        // Each is asked for before the next: a task runs when the one before it waits.
        async move { sessions.broadcast(app("demo"), words(&number.to_string())).await }
    });
    let said = futures_util::future::join_all(all).await;
    for (number, said) in said.iter().enumerate() {
        match said {
            Ok(told) => assert!(*told == 600 && number < WAITING, "{number}"),
            Err(error) => {
                assert!(number >= WAITING && error.code == ErrorCode::LimitOverloaded, "{error}");
            }
        }
    }
    let frames: Vec<_> = heard.lock().iter().map(|(_, frame)| frame.clone()).collect();
    for (number, part) in frames.chunks(600).enumerate() {
        let text = format!(r#"{{"push":"announcement","body":{{"text":"{number}"}}}}"#);
        assert!(part.iter().all(|frame| frame == text.as_bytes()), "{number} is not whole");
    }
    assert_eq!(frames.len(), 600 * WAITING);
    assert_eq!(sessions.broadcast(app("demo"), words("after")).await, Ok(600));
}

#[tokio::test(start_paused = true)]
async fn it_is_finished_when_the_one_who_asked_has_left() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let (heard, _there) = come(&sessions, "demo", 600, Format::Json);
    let mut asked = Box::pin(sessions.broadcast(app("demo"), words("hello")));
    assert!(futures_util::FutureExt::now_or_never(asked.as_mut()).is_none());
    drop(asked);
    // Its turn comes after the first one's end.
    assert_eq!(sessions.broadcast(app("demo"), words("again")).await, Ok(600));
    assert_eq!(heard.lock().len(), 1_200);
}

#[tokio::test(start_paused = true)]
async fn what_audiences_are_told_waits_behind_no_announcement() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let (heard, _there) = come(&sessions, "demo", 1_000, Format::Json);
    let announced = sessions.broadcast(app("demo"), words("hello"));
    let told = async {
        while heard.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(sessions.tell_audiences(Line::Launching, None, |_| None).await, 0);
        assert!(heard.lock().len() < 1_000, "it is told before the announcement is over");
    };
    assert_eq!(tokio::join!(announced, told).0, Ok(1_000));
}

/// So many people, each an audience of his own.
async fn audiences(sessions: &Sessions, count: u16) -> (Heard, Vec<Attachment>) {
    let heard = Heard::default();
    let attach = |number: u16| {
        let client = serde_json::json!({"version": number.to_string(), "platform": "android"});
        let client: Client = serde_json::from_value(client).unwrap();
        let caller = Caller {
            app: app("demo"),
            member: MemberId::compose(number % 1024, 1, number),
            login: LoginId(Uuid::from_u128(u128::from(number))),
            expires_at: Micros::from_seconds(0),
            client: None,
        };
        let audience = Arc::new(Audience::of(&caller.app, &client, None));
        let connection = Arc::new(Hears(heard.clone(), Format::Json));
        sessions.attach(&caller, connection, Some(audience))
    };
    let places = (0..count).map(attach).collect();
    (heard, places)
}

#[tokio::test(start_paused = true)]
async fn between_a_few_audiences_that_are_judged_others_are_served() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let (_, _there) = audiences(&sessions, 100).await;
    let judged = AtomicUsize::new(0);
    let judge = |_: &Audience| {
        judged.fetch_add(1, Ordering::Relaxed);
        None
    };
    let telling = sessions.tell_audiences(Line::Content, None, judge);
    let mut served = Vec::new();
    let others = async {
        while judged.load(Ordering::Relaxed) < 100 {
            served.push(judged.load(Ordering::Relaxed));
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(tokio::join!(telling, others).0, 0, "nobody had to hear anything");
    let most = served.windows(2).map(|two| two[1] - two[0]).max().unwrap();
    assert!(served.len() > 5 && most <= 32, "{served:?}");
}

#[tokio::test(start_paused = true)]
async fn a_maintenance_waits_behind_no_notices_and_long_words_rest_sooner() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let (heard, _there) = audiences(&sessions, 1_000).await;
    let long = Arc::new(Word::push(words(&"x".repeat(1_900))));
    let pushes: Vec<_> = (0..30).map(|_| words(&"x".repeat(1_900))).collect();
    let longer = Arc::new(Word::pushes(pushes));
    let notices = sessions.tell_audiences(Line::Content, None, |_| Some(longer.clone()));
    let maintenance = async {
        while heard.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        let told = sessions.tell_audiences(Line::Launching, None, |_| Some(long.clone())).await;
        assert_eq!(told, 1_000);
        assert!(heard.lock().len() < 15_000, "it is told before the notices are");
    };
    let began = Instant::now();
    assert_eq!(tokio::join!(notices, maintenance).0, 1_000);
    // 56 MiB, of which one goes between two rests.
    let rests = began.elapsed().as_millis() / REST.as_millis();
    assert!((50..60).contains(&rests), "{rests}");
}

//! What audiences are told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use protocol::client::{Client, Platform};
use protocol::close::{CloseCode, CloseReason};
use protocol::codec::Format;
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::push::{Message, Push};
use protocol::text::Text;
use storage::clock::Micros;
use uuid::Uuid;

use super::sessions;
use crate::identity::tokens::Caller;
use crate::launching::audience::Audience;
use crate::sessions::tell::{Line, Word};
use crate::sessions::{Attachment, Broadcast, Connection, Sessions};
use crate::testing::Ground;

/// The frames that were heard: where each lies, by who heard it.
#[derive(Clone, Default)]
struct Frames(Arc<Mutex<BTreeMap<u16, Vec<usize>>>>);

struct Hears(Frames, u16, Format);

impl Connection for Hears {
    fn push(&self, _: &Push) {}

    fn broadcast(&self, broadcast: &Broadcast) {
        let frame = broadcast.frame(self.2).unwrap();
        self.0.0.lock().entry(self.1).or_default().push(frame.as_ptr().addr());
    }

    fn look(&self, _: u64) {}

    fn close_after(&self, _: u64, _: CloseCode, _: CloseReason) {}
}

impl Frames {
    /// The audience of a client of that version and language.
    fn audience(version: &str, lang: &str) -> Audience {
        let client = Client {
            app: None,
            version: Text::new(version).unwrap(),
            platform: Platform::Android,
            store: None,
            device: None,
            device_id: None,
            lang: Some(Text::new(lang).unwrap()),
            country: None,
        };
        Audience::of(&app(), &client, None)
    }

    /// The connection of who has that number and is of that audience.
    fn come(
        &self,
        sessions: &Sessions,
        number: u16,
        audience: &Arc<Audience>,
        format: Format,
    ) -> Attachment {
        let caller = Caller {
            app: app(),
            member: MemberId::compose(number, 1, number),
            login: LoginId(Uuid::from_u128(u128::from(number))),
            expires_at: Micros::from_seconds(0),
            client: None,
        };
        let hears = Arc::new(Hears(self.clone(), number, format));
        sessions.attach(&caller, hears, Some(audience.clone()))
    }

    /// Where the frames lie that somebody heard.
    fn of(&self, number: u16) -> Vec<usize> {
        self.0.lock().get(&number).cloned().unwrap_or_default()
    }
}

fn app() -> AppId {
    "demo".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_audience_is_judged_once_and_hears_one_frame_of_each_format() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let frames = Frames::default();
    let audiences = ["ko", "en", "fr"].map(|lang| Arc::new(Frames::audience("1.0", lang)));
    // More of each than are told before a rest.
    let _there: Vec<_> = (0..900)
        .map(|number| {
            let format = if number < 450 { Format::Json } else { Format::Msgpack };
            frames.come(&sessions, number, &audiences[usize::from(number % 3)], format)
        })
        .collect();
    let mut judged: HashMap<String, usize> = HashMap::new();
    let told = sessions.tell_audiences(Line::Content, None, |audience| {
        let lang = audience.lang.as_deref().unwrap();
        *judged.entry(lang.to_owned()).or_default() += 1;
        let words = Message { title: None, text: Text::new(lang).unwrap() };
        (lang != "fr").then(|| Arc::new(Word::push(Push::Announcement(words))))
    });
    assert_eq!(told.await, 600);
    let once = ["ko", "en", "fr"].map(|lang| (lang.to_owned(), 1));
    assert_eq!(judged, HashMap::from(once), "and not for each connection");
    for number in 0..900 {
        // The first of the same audience and format.
        let first = number % 3 + if number < 450 { 0 } else { 450 };
        assert_eq!(frames.of(number), frames.of(first), "{number}");
        assert_eq!(frames.of(number).len(), usize::from(number % 3 != 2));
    }
    let heard = [0, 1, 450, 451].map(|number| frames.of(number)[0]);
    let all: std::collections::BTreeSet<_> = heard.into_iter().collect();
    assert_eq!(all.len(), 4, "of two languages in two formats");
}

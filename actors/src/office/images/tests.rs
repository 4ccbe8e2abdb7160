//! Images as operators keep them and take them away, on real storage.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::{Value, json};
use storage::clock::Clock;
use storage::documents::{Change, Changed, Sealed};

use super::*;
use crate::content::images::sweep::Sweep;
use crate::content::images::{KEPT, MediaType};
use crate::testing::Ground;

async fn ground() -> (Ground, Office) {
    let ground = Ground::new();
    ground.storage.start_alone().await.unwrap();
    let office = Office::new(ground.storage.documents.clone(), None, ground.clock.clone());
    let office = office.with_images(ground.storage.images.clone());
    (ground, office)
}

fn app(word: &str) -> AppId {
    word.parse().unwrap()
}

/// As if it had been checked.
fn image(word: &str) -> Remade {
    let bytes = Bytes::from(word.to_owned());
    Remade { media_type: MediaType::Png, width: 2, height: 1, bytes }
}

fn hash(word: &str) -> ImageHash {
    ImageHash::of(word.as_bytes())
}

async fn put(office: &Office, game: &str, word: &str) -> Uploaded {
    let name = ImageName::new("a name").unwrap();
    office.put_image(&By::command(), Some(&app(game)), &image(word), name).await.unwrap()
}

async fn write(ground: &Ground, kind: Kind, game: &str, handle: Option<&str>, body: Value) -> Uuid {
    let id = random::uuid(ground.clock.now());
    let change = Change {
        kind,
        id,
        app: Some(app(game)),
        handle: handle.map(str::to_owned),
        expected: None,
        write: Write::Put { body: body.to_string(), sealed: Sealed::Keep },
        by: By::command().actor,
        key: None,
        what: "test.put",
        now: ground.clock.now(),
    };
    let changed = ground.storage.documents.change(change).await;
    assert!(matches!(changed, Ok(Changed::Written(_))), "{changed:?}");
    id
}

#[tokio::test]
async fn a_game_has_one_picture_once_however_often_it_is_uploaded() {
    let (ground, office) = ground().await;
    let all = join_all((0..10).map(|_| put(&office, "demo", "cat"))).await;
    assert_eq!(all.iter().filter(|one| one.made).count(), 1);
    assert!(all.iter().all(|one| one.document == all[0].document));
    let body: ImageBody = serde_json::from_str(&all[0].document.body).unwrap();
    assert_eq!((body.hash, body.bytes, &*body.name), (hash("cat").to_string(), 3, "a name"));
    let other = put(&office, "cats", "cat").await;
    assert!(other.made && other.document.id != all[0].document.id, "another game has its own");
    let bytes = ground.storage.images.get(hash("cat")).await.unwrap();
    assert_eq!(bytes, Some(Bytes::from("cat")));
}

#[tokio::test]
async fn a_game_has_so_many_images_and_no_more() {
    let (ground, office) = ground().await;
    let names: Vec<String> = (1..MAX_IMAGES).map(|at| format!("{at:064x}")).collect();
    for some in names.chunks(100) {
        let writes =
            some.iter().map(|name| write(&ground, Kind::Image, "demo", Some(name), json!({})));
        join_all(writes).await;
    }
    assert!(put(&office, "demo", "the last").await.made);
    let (by, demo) = (By::command(), app("demo"));
    let more = office.put_image(&by, Some(&demo), &image("more"), ImageName::default()).await;
    assert_eq!(more, Err(Refused::Full { kind: Kind::Image, most: MAX_IMAGES }));
    assert_eq!(ground.storage.images.get(hash("more")).await.unwrap(), None);
    assert!(!put(&office, "demo", "the last").await.made, "what is there is there");
    assert!(put(&office, "cats", "more").await.made);
}

#[tokio::test]
async fn an_image_that_is_used_is_not_taken_away() {
    let (ground, office) = ground().await;
    let by = By::command();
    let document = put(&office, "demo", "cat").await.document;
    let (demo, id) = (app("demo"), document.id);
    let remove = async |expected| office.remove_image(&by, Some(&demo), id, expected).await;
    // Said in a text it is no use of it.
    let said = json!({"text": {"en": format!("\"{id}\" and {id}")}});
    write(&ground, Kind::Notice, "demo", None, said).await;
    let elsewhere = json!({"image": Uuid::nil(), "version": id});
    write(&ground, Kind::Version, "demo", None, elsewhere).await;
    let notice = write(&ground, Kind::Notice, "demo", None, json!({"image": id})).await;
    let images = json!({"images": {"en": Uuid::nil(), "ko": id}});
    let banner = write(&ground, Kind::Banner, "cats", None, images).await;
    let Err(Refused::InUse(users)) = remove(None).await else { panic!("it is in use") };
    assert_eq!(users.iter().map(|user| user.id).collect::<Vec<_>>(), [notice, banner]);

    for (kind, game, user) in [(Kind::Notice, "demo", notice), (Kind::Banner, "cats", banner)] {
        assert!(matches!(remove(None).await, Err(Refused::InUse(_))));
        let (app, handle, expected) = (Some(app(game)), None, Some(1));
        let place = Place { kind, id: user, app, handle, expected };
        office.write(&by, place, Write::Remove, "test.remove").await.unwrap();
    }
    assert!(matches!(remove(Some(2)).await, Err(Refused::Stale(_))));
    let strangers = office.remove_image(&by, Some(&app("cats")), id, None).await;
    assert_eq!(strangers, Err(Refused::Missing(Kind::Image)));
    assert!(remove(Some(1)).await.unwrap().removed);
    assert_eq!(remove(None).await, Err(Refused::Missing(Kind::Image)));
}

#[tokio::test]
async fn what_nobody_has_any_more_is_forgotten_after_a_while() {
    let (ground, office) = ground().await;
    let (by, images) = (By::command(), &ground.storage.images);
    let sweep = Sweep::new(&ground.storage);
    let hour = Duration::from_secs(3600);
    let look = async || sweep.look(ground.clock.now()).await.unwrap();
    let kept = async || images.put_before(ground.clock.now().after(hour), None, 10).await.unwrap();
    let remove = async |game, document: &Document| {
        office.remove_image(&by, Some(&app(game)), document.id, None).await.unwrap();
    };
    let (first, second) = (put(&office, "demo", "cat").await, put(&office, "cats", "cat").await);
    // Nobody's: whoever uploaded it died before he wrote of it.
    images.put(Bytes::from("dog"), ground.clock.now()).await.unwrap();
    assert_eq!((look().await, kept().await.len()), (0, 2));
    ground.clock.advance(KEPT);
    assert_eq!((look().await, kept().await.len()), (0, 2));
    ground.clock.advance(hour);
    assert_eq!((look().await, kept().await), (1, vec![hash("cat")]));
    // One game has it still.
    remove("demo", &first.document).await;
    ground.clock.advance(KEPT + hour);
    assert_eq!((look().await, kept().await), (0, vec![hash("cat")]));
    remove("cats", &second.document).await;
    assert_eq!((look().await, kept().await), (0, vec![hash("cat")]), "it was its turn just now");
    ground.clock.advance(KEPT);
    assert_eq!((look().await, kept().await), (0, vec![hash("cat")]), "since it was taken away");
    ground.clock.advance(hour);
    assert_eq!((look().await, kept().await), (1, vec![]));
    assert!(put(&office, "demo", "cat").await.made, "and may come back");
    let bytes = images.get(hash("cat")).await.unwrap();
    assert_eq!(bytes, Some(Bytes::from("cat")));
}

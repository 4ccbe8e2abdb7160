//! What is asked of a backend about the games.

use super::scene::{Game, START, digest};
use crate::apps::{App, Seed};
use crate::open::Storage;

fn description(game: &Game, settings: &str) -> Seed {
    let (id, settings) = (game.app.clone(), settings.to_owned());
    Seed { id, settings, digest: digest().to_vec(), now: START }
}

async fn sow(storage: &Storage, seed: &Seed) -> bool {
    storage.apps.seed(seed.clone()).await.unwrap()
}

async fn kept(game: &Game) -> Option<App> {
    let apps = game.storage.apps.list().await.unwrap();
    apps.into_iter().find(|app| app.id == game.app)
}

pub async fn a_description_is_sown_once_and_what_operators_changed_stays(storage: Storage) {
    let game = Game::new(&storage);
    let seed = description(&game, r#"{"from": "the file"}"#);
    assert!(sow(&storage, &seed).await);
    let sown = App { id: game.app.clone(), settings: seed.settings.clone(), version: 1 };
    assert_eq!(kept(&game).await, Some(sown.clone()));

    // The digest says that the file is as it was; the row differs from it, as one that an
    // operator changed does.
    let unchanged = Seed { settings: r#"{"from": "elsewhere"}"#.to_owned(), ..seed };
    assert!(!sow(&storage, &unchanged).await);
    assert_eq!(kept(&game).await, Some(sown));
}

pub async fn a_changed_description_is_written_and_raises_the_version(storage: Storage) {
    let game = Game::new(&storage);
    for version in 1..=3 {
        let seed = description(&game, &format!(r#"{{"turn": {version}}}"#));
        assert!(sow(&storage, &seed).await);
        let app = App { id: game.app.clone(), settings: seed.settings, version };
        assert_eq!(kept(&game).await, Some(app));
    }
}

pub async fn settings_come_back_to_the_letter(storage: Storage) {
    let game = Game::new(&storage);
    let long = "대문 🏯 ".repeat(10_000);
    let seed = description(&game, &format!("{{ \"b\":1,  \"a\" : \"{long}\" }}\n"));
    assert!(sow(&storage, &seed).await);
    assert_eq!(kept(&game).await.map(|app| app.settings), Some(seed.settings));
}

pub async fn games_are_listed_in_the_order_of_their_words(storage: Storage) {
    let mut words = ["cats", "cats-2", "cats_2", "cats2", "catsx", "c", "dogs"];
    for word in words {
        let game = Game { storage: storage.clone(), app: word.parse().unwrap() };
        assert!(sow(&storage, &description(&game, "{}")).await);
    }
    let listed = storage.apps.list().await.unwrap();
    words.sort_unstable();
    assert_eq!(listed.iter().map(|app| app.id.as_str()).collect::<Vec<_>>(), words);
}

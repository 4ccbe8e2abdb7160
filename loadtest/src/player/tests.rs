use super::*;
use crate::Format;
use crate::fake::{self, Game, Quirk};

async fn visitor(format: Format) -> Visitor {
    let server = fake::serve(Game::new(Quirk::None)).await;
    let visitor = Visitor::new(&server, "demo", format).unwrap();
    let address = visitor.status().await.unwrap().server_address;
    visitor.with_sockets_at(&address)
}

#[tokio::test]
async fn a_resumed_session_goes_on_counting() {
    let mut player = visitor(Format::Msgpack).await.enter().await.unwrap();
    let session = player.session();
    let asked = player.socket().last_id();
    let mut player = player.drop_hard().reconnect().await.unwrap();
    let reply = player.resume().await.unwrap();
    assert_eq!((reply.resumed, Some(reply.session)), (true, session));
    assert_eq!(player.socket().last_id(), asked + 1);
}

#[tokio::test]
async fn who_logged_in_over_http_connects_when_it_likes() {
    let away = visitor(Format::Json).await.log_in_over_http(None).await.unwrap();
    assert!(away.login().credential.is_some());
    let mut player = away.clone().reconnect().await.unwrap();
    assert_eq!(player.resume_point(), None);
    assert!(!player.resume().await.unwrap().resumed);
    player.refresh().await.unwrap();
    assert_ne!(player.access_token(), away.access_token());
}

#[test]
fn a_game_without_a_proper_name_has_no_visitors() {
    let failure = Visitor::new("http://127.0.0.1:7350", "No Game", Format::Json).err();
    assert!(matches!(failure, Some(crate::Failure::Unsendable(_))));
}

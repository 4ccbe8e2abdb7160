//! Bans that meet a connection on its way.

use futures_util::FutureExt;
use loadtest::Format;
use protocol::ids::{AppId, MemberId};
use protocol::members::Ban;
use protocol::text::Text;
use serde_json::json;
use storage::actor::records::Key;
use storage::members::By;
use tokio::sync::oneshot;

use super::{ban, banned, member_of, open};
use crate::harness::{Daemun, START, client, text};

/// Holds up whatever is asked of a member's rows from now on, until this is dropped.
fn hold_up(house: &Daemun, member: MemberId) -> oneshot::Sender<()> {
    let records = house.server.gate.node.storage.records.clone();
    let (word, wait) = oneshot::channel::<()>();
    let hold = async move |_| {
        let _ = wait.await;
        Ok(())
    };
    let mut held = Box::pin(async move { records.call(Key::Member(member), hold).await });
    // It has its place in the queue from its first step on.
    assert!(held.as_mut().now_or_never().is_none());
    word
}

#[tokio::test]
async fn an_open_that_read_before_the_ban_is_answered_and_then_closed() {
    let house = Daemun::start().await;
    let login = house.login().await;
    let (member, token) = (member_of(&login), text(&login, "access_token"));
    let held = hold_up(&house, member);
    let mut socket = house.socket(Format::Json).await;
    let body = json!({"token": token, "client": client()});
    let id = socket.send("session.open", body).await.unwrap();
    // When it is attached its reading is in the queue, and the ban comes behind it.
    while house.server.gate.node.sessions.attached() == 0 {
        tokio::task::yield_now().await;
    }
    let answered = async {
        drop(held);
        socket.answer(id).await
    };
    let (_, opened) = tokio::join!(ban(&house, member, json!({})), answered);
    assert_eq!(opened.unwrap()["seq"], 0);
    let push = socket.next_push().await.unwrap();
    assert_eq!((push.seq, push.word.as_str()), (Some(1), "member.banned"));
    assert_eq!(socket.closed().await.unwrap().code, 4504);
    banned(open(&house, token).await.1);
}

#[tokio::test]
async fn a_close_waits_for_the_inbox_no_longer_than_its_grace_and_the_push_is_kept() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let (member, app): (_, AppId) = (player.login().member.id, "demo".parse().unwrap());
    let node = &house.server.gate.node;
    let told = Ban { reason: Text::new("x").unwrap(), until: None };
    let mut banning = Box::pin(node.sessions.ban(app.clone(), member, By::Command, told));
    assert!(banning.as_mut().now_or_never().is_none());
    // Its own task comes next, and stands in the queue then.
    tokio::task::yield_now().await;
    // Behind it nothing can be read any more, the inbox neither.
    let held = hold_up(&house, member);
    assert_eq!(banning.await, Ok(1));
    let closed = player.socket().closed().await.unwrap();
    assert_eq!((closed.code, player.socket().seq()), (4504, 0));
    drop(held);
    let inbox = node.storage.inboxes.read(app, member, 0, START, 10).await.unwrap();
    assert_eq!(inbox.pushes[0].word, "member.banned");
}

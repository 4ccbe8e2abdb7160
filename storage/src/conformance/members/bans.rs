//! What is asked of a backend about members who are kept out.

use futures_util::future::join_all;
use protocol::ids::MemberId;
use protocol::members::MemberState;
use protocol::push::BANNED;

use crate::clock::Micros;
use crate::conformance::scene::{
    DAY, Game, INSTANT, Player, SECOND, START, WINDOW, candidate, digest,
};
use crate::identity::LoginOutcome;
use crate::members::{Ban, Member};
use crate::open::Storage;
use crate::push::NewPush;
use crate::sessions::{EndedBy, RefreshOutcome, Standing};

/// A player who is banned without an end.
async fn banned(storage: &Storage) -> (Player, Ban) {
    let player = Game::new(storage).player().await;
    let (ban, _) = player.game.bans(player.member.id, START, None).await;
    (player, ban)
}

/// The member with a ban.
fn with(player: &Player, ban: &Ban) -> Member {
    Member { ban: Some(ban.clone()), ..player.member.clone() }
}

/// The numbers and words in a member's inbox.
async fn inbox(game: &Game, member: MemberId, now: Micros) -> Vec<(u64, String)> {
    let inbox = game.storage.inboxes.read(game.app.clone(), member, 0, now, 100).await.unwrap();
    inbox.pushes.into_iter().map(|push| (push.seq, push.word)).collect()
}

async fn message(game: &Game, member: MemberId) {
    let (word, expires_at) = ("message".to_owned(), START.after(DAY));
    let push = NewPush { word, body: "{}".to_owned(), expires_at };
    let posted = game.storage.inboxes.post(game.app.clone(), member, vec![push], START).await;
    posted.unwrap().expect("the member has an inbox");
}

fn told(rows: &[(u64, &str)]) -> Vec<(u64, String)> {
    rows.iter().map(|(seq, word)| (*seq, (*word).to_owned())).collect()
}

pub async fn a_ban_is_kept_whole_and_told_in_the_inbox(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let (game, id) = (&player.game, player.member.id);
    message(game, id).await;
    for (until, seq) in [(Some(START.after(DAY)), 2), (None, 3), (Some(Micros(i64::MAX)), 4)] {
        let (ban, number) = game.bans(id, START.after(SECOND), until).await;
        assert_eq!(number, seq);
        assert_eq!(game.member(id).await, Some(with(&player, &ban)));
        let standing = player.standing().await;
        assert_eq!((standing.member, standing.inbox), (with(&player, &ban), seq));
        assert_eq!(standing.login.ended, None, "its logins go on when it may come again");
    }
    let rows = told(&[(1, "message"), (2, BANNED), (3, BANNED), (4, BANNED)]);
    assert_eq!(inbox(game, id, START).await, rows);
}

pub async fn a_later_ban_takes_the_earlier_ones_place(storage: Storage) {
    let (player, first) = banned(&storage).await;
    let until = START.after(DAY);
    let (second, seq) = player.game.bans(player.member.id, START.after(SECOND), Some(until)).await;
    assert_eq!(seq, 2);
    let member = player.game.member(player.member.id).await.unwrap();
    assert_eq!(member, with(&player, &second));
    assert_ne!(first.id, second.id);
    assert_eq!(member.banned(until), None, "the earlier one had no end");
}

pub async fn a_lifted_ban_is_gone_and_so_is_the_push_that_told_of_it(storage: Storage) {
    let (player, ban) = banned(&storage).await;
    let (game, id) = (&player.game, player.member.id);
    message(game, id).await;
    let now = START.after(SECOND);
    assert_eq!(game.unban(id, now).await, Some(with(&player, &ban)));
    assert_eq!(game.member(id).await, Some(player.member.clone()));
    assert_eq!(inbox(game, id, now).await, told(&[(2, "message")]));
    player.again(now).await;
    player.game.bans(id, now, None).await;
    assert_eq!(inbox(game, id, now).await, told(&[(2, "message"), (3, BANNED)]));
}

pub async fn lifting_twice_is_harmless_and_leaves_other_pushes_alone(storage: Storage) {
    let (player, ban) = banned(&storage).await;
    let (game, id) = (&player.game, player.member.id);
    let anothers = game.player().await.member.id;
    game.bans(anothers, START, None).await;
    let now = START.after(SECOND);
    assert_eq!(game.unban(id, now).await.unwrap().ban, Some(ban));
    assert_eq!(game.unban(id, now).await, Some(player.member.clone()));
    assert_eq!(inbox(game, anothers, now).await, told(&[(1, BANNED)]));
}

pub async fn a_ban_ends_at_its_moment(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let until = START.after(DAY);
    let (ban, _) = player.game.bans(player.member.id, START, Some(until)).await;
    let member = player.game.member(player.member.id).await.unwrap();
    let (before, last) = (until.before(INSTANT), player.login.token);
    assert_eq!((member.banned(before), member.banned(until)), (Some(&ban), None));
    assert_eq!(member.state(before), MemberState::Banned);
    assert_eq!(member.state(until), MemberState::Active);
    assert_eq!(player.shows(last, before).await, RefreshOutcome::Banned(ban.clone()));
    let outcome = player.game.login(player.game.vouched(&player.key.subject, before)).await;
    assert!(matches!(outcome, LoginOutcome::Banned { .. }), "{outcome:?}");

    // Nothing has been done about it: the time has come.
    let rotated = RefreshOutcome::Rotated { member: with(&player, &ban) };
    assert_eq!(player.shows(last, until).await, rotated);
    assert_eq!(player.again(until).await.epoch, 2);
}

pub async fn nobody_is_banned_in_another_game(storage: Storage) {
    let (player, ban) = banned(&storage).await;
    let (other, id) = (Game::new(&storage), player.member.id);
    let write = other.ban(id, START.after(SECOND), Some(START.after(DAY)));
    assert_eq!(storage.members.ban(write).await, Ok(None));
    assert_eq!(other.unban(id, START.after(SECOND)).await, None);
    assert_eq!(player.game.member(id).await, Some(with(&player, &ban)));
    assert_eq!(inbox(&player.game, id, START).await, told(&[(1, BANNED)]));
    assert_eq!(storage.members.ban(other.ban(candidate(), START, None)).await, Ok(None));
}

pub async fn a_push_to_a_banned_member_is_kept(storage: Storage) {
    let (player, _) = banned(&storage).await;
    message(&player.game, player.member.id).await;
    let rows = told(&[(1, BANNED), (2, "message")]);
    assert_eq!(inbox(&player.game, player.member.id, START).await, rows);
}

pub async fn a_refused_login_leaves_nothing_behind(storage: Storage) {
    let (player, ban) = banned(&storage).await;
    let (game, id, now) = (&player.game, player.member.id, START.after(DAY));
    let identities = game.identities(id).await;
    let mut write = game.vouched(&player.key.subject, now);
    write.nonce = Some((digest(), now.after(DAY)));
    let refused = LoginOutcome::Banned { member: id, ban };
    assert_eq!(game.login(write.clone()).await, refused);
    assert_eq!(game.login(write.clone()).await, refused);
    assert_eq!(game.standing(id, write.login.id).await, None, "there is no such login");
    assert_eq!(player.standing().await.epoch, 1, "nobody was replaced");
    assert_eq!(game.identities(id).await, identities, "it is no login that was");
    game.unban(id, now).await;
    let entered = game.enter(write).await;
    assert_eq!((entered.epoch, entered.replaced), (2, Some(player.login.id)), "nor a nonce used");
}

pub async fn who_does_not_know_the_secret_learns_nothing_of_a_ban(storage: Storage) {
    let (game, secret) = (Game::new(&storage), digest());
    let guest = game.enter(game.new_guest("guest", secret, START)).await;
    let (ban, _) = game.bans(guest.member.id, START, None).await;
    let now = START.after(SECOND);
    assert_eq!(game.login(game.guest("guest", digest(), now)).await, LoginOutcome::Refused);
    assert_eq!(game.login(game.new_guest("guest", secret, now)).await, LoginOutcome::Refused);
    let refused = LoginOutcome::Banned { member: guest.member.id, ban };
    assert_eq!(game.login(game.guest("guest", secret, now)).await, refused);
    let forged = guest.exchange(guest.login.token, now);
    let forged = crate::sessions::RefreshWrite { tag: digest(), ..forged };
    assert_eq!(game.refresh(forged).await, RefreshOutcome::Unknown);
}

pub async fn a_refused_refresh_leaves_the_chain_alone(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let (game, id) = (&player.game, player.member.id);
    let lost = player.exchange(player.login.token, START);
    assert_eq!(game.refresh(lost.clone()).await, player.rotated());
    let (ban, _) = game.bans(id, START, None).await;
    let before = player.standing().await;
    for token in [lost.next, player.login.token, lost.next] {
        let shown = player.shows(token, START.after(SECOND)).await;
        assert_eq!(shown, RefreshOutcome::Banned(ban.clone()));
    }
    assert_eq!(player.standing().await, before);
    let now = START.after(SECOND);
    game.unban(id, now).await;
    // The answer that was lost before the ban is given again, and the chain goes on.
    let (sealed, expires_at) = (lost.next_sealed, lost.expires_at);
    let repeated = RefreshOutcome::Repeated { member: player.member.clone(), sealed, expires_at };
    assert_eq!(player.shows(player.login.token, now).await, repeated);
    player.rotates(lost.next, START.after(WINDOW)).await;
}

pub async fn a_banned_login_takes_no_session_back(storage: Storage) {
    let old = Game::new(&storage).player().await;
    let new = old.again(START.after(SECOND)).await;
    let now = START.after(2 * SECOND);
    let (ban, _) = old.game.bans(old.member.id, now, None).await;
    let write = old.take_over(old.login.token, now);
    assert_eq!(old.game.refresh(write.clone()).await, RefreshOutcome::Banned(ban.clone()));
    let unmade = write.take_over.clone().unwrap().id;
    assert_eq!(old.game.standing(old.member.id, unmade).await, None);
    let Standing { login, epoch, .. } = old.standing().await;
    assert_eq!((login.ended, epoch), (None, 2));
    old.game.unban(old.member.id, now).await;
    let outcome = old.game.refresh(write).await;
    let (member, replaced) = (old.member.clone(), Some(new.login.id));
    assert_eq!(outcome, RefreshOutcome::TakenOver { member, epoch: 3, replaced });
}

pub async fn a_take_over_is_not_answered_again_while_the_member_is_banned(storage: Storage) {
    let old = Game::new(&storage).player().await;
    old.again(START).await;
    let write = old.take_over(old.login.token, START.after(SECOND));
    let outcome = old.game.refresh(write.clone()).await;
    assert!(matches!(outcome, RefreshOutcome::TakenOver { .. }), "{outcome:?}");
    let (ban, _) = old.game.bans(old.member.id, START.after(SECOND), None).await;
    let again = old.take_over(old.login.token, START.after(2 * SECOND));
    assert_eq!(old.game.refresh(again.clone()).await, RefreshOutcome::Banned(ban));
    old.game.unban(old.member.id, again.now).await;
    let outcome = old.game.refresh(again).await;
    assert!(matches!(outcome, RefreshOutcome::Repeated { .. }), "{outcome:?}");
}

pub async fn reuse_ends_a_login_in_a_ban_too(storage: Storage) {
    let (player, _) = banned(&storage).await;
    // A stranger's copy is no less a stranger's for the ban.
    assert_eq!(player.shows(digest(), START.after(SECOND)).await, player.reused());
    let ended = player.standing().await.login.ended;
    assert_eq!(ended, Some(EndedBy::Reuse));
}

pub async fn bans_at_once_each_write_one_push_and_one_counts(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let nodes = player.game.nodes(4).await;
    let bans = nodes.iter().cycle().take(20).map(|node| node.bans(player.member.id, START, None));
    let mut bans = join_all(bans).await;
    bans.sort_by_key(|(_, seq)| *seq);
    let numbers: Vec<_> = bans.iter().map(|(_, seq)| *seq).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    let (last, _) = bans.pop().unwrap();
    assert_eq!(player.game.member(player.member.id).await.unwrap().ban, Some(last));
}

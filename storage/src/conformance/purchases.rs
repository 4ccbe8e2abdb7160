//! What is asked of a backend about purchases: whose each is, and that it is granted once.

pub mod consuming;
pub mod evidence;
pub mod looking;
pub mod refunds;

use futures_util::future::join_all;
use protocol::purchases::PurchaseState;
use protocol::wallet::Balances;

use super::scene::{Game, START};
use super::shop::{BOXES, Bought, GEMS, adds_up, at, bag, grant, line, owned};
use crate::open::Storage;
use crate::purchases::{Heard, Hold, Named, Said, Source, Stand, State, account_token};
use crate::wallet::Cause;

pub async fn a_posted_purchase_is_granted_and_told_whole(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    let said = bought.said(Source::Posted(player.member.id), State::Paid, at(5));
    let heard = bought.hear(said.clone()).await;
    let Heard::Owned { purchase, known: false, hold: None, pushed: Some(2) } = heard else {
        panic!("{heard:?}");
    };
    assert_eq!((purchase.key.clone(), purchase.facts.clone()), (said.key, said.facts));
    assert_eq!((purchase.id, purchase.member), (said.candidate, player.member.id));
    assert_eq!((purchase.product.clone(), purchase.grants.clone()), (said.product, said.grants));
    assert_eq!(
        (purchase.stand, purchase.refunded_bp, purchase.consumed_at),
        (Stand::Granted, 0, None)
    );
    assert_eq!((purchase.created_at, purchase.changed_at), (at(5), at(5)));
    assert_eq!(player.purchase(purchase.id).await, Some(*purchase.clone()));
    assert_eq!(player.has().await, bag(GEMS));
    let transfers = player.transfers().await;
    assert_eq!(transfers.len(), 1);
    assert_eq!((transfers[0].cause, transfers[0].at), (Cause::Purchase, at(5)));
    assert_eq!(transfers[0].lines, [line("box", BOXES), line("gem", GEMS)]);
    let (app, member) = (game.app.clone(), player.member.id);
    let inbox = storage.inboxes.read(app, member, 0, START, 10).await.unwrap().pushes;
    assert_eq!(player.words().await, ["purchase.updated", "wallet.changed"]);
    let updated: protocol::purchases::Updated = serde_json::from_str(&inbox[0].body).unwrap();
    assert_eq!(updated.purchase, purchase.told());
    let changed: Balances = serde_json::from_str(&inbox[1].body).unwrap();
    assert_eq!(changed.balances, bag(GEMS));
    adds_up(&storage).await;
}

pub async fn the_same_word_twice_grants_once(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    let first = owned(bought.posted(&player, State::Paid, at(1)).await);
    // The candidate is another, as from another node.
    let again = bought.posted(&player, State::Paid, at(1)).await;
    let purchase = Box::new(first.clone());
    assert_eq!(again, Heard::Owned { purchase, known: true, hold: None, pushed: None });
    // The store confirms it: that is no news to anybody.
    let told = bought.told(State::Paid, at(2)).await;
    let purchase = Box::new(first);
    assert_eq!(told, Heard::Owned { purchase, known: true, hold: None, pushed: None });
    assert_eq!((player.has().await, player.transfers().await.len()), (bag(GEMS), 1));
    assert_eq!(player.words().await.len(), 2);
    adds_up(&storage).await;
}

pub async fn fifty_posts_at_once_of_two_members_over_two_nodes_grant_once(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let players = [game.player().await, game.player().await];
    let bought = Bought::new(&game);
    let posts = (0..50).map(|post| {
        let (bought, player) = (bought.through(&nodes[post % 2]), &players[post / 2 % 2]);
        async move { (post / 2 % 2, bought.posted(player, State::Paid, at(1)).await) }
    });
    let heard = join_all(posts).await;
    let owner = bought.claim().await.unwrap().owner.unwrap();
    let owner = players.iter().position(|player| player.member.id == owner).unwrap();
    let mut first = 0;
    for (poster, heard) in heard {
        match heard {
            Heard::Owned { known, .. } => {
                assert_eq!(poster, owner);
                first += u32::from(!known);
            }
            Heard::Others { owner: told, .. } => {
                assert_ne!(poster, owner);
                assert_eq!(told, players[owner].member.id);
            }
            Heard::Nobodys { .. } => panic!("it is somebody's"),
        }
    }
    assert_eq!(first, 1, "one is told that it is new");
    assert_eq!(players[owner].has().await, bag(GEMS));
    assert_eq!(players[1 - owner].has().await, []);
    assert_eq!(players[1 - owner].history(players[1 - owner].looks_back()).await, []);
    assert_eq!(players[owner].words().await.len(), 2);
    adds_up(&storage).await;
}

pub async fn who_is_named_is_the_owner_whoever_posts(storage: Storage) {
    let game = Game::new(&storage);
    let (owner, poster) = (game.player().await, game.player().await);
    let bought = Bought::new(&game).naming(Named::Member(owner.member.id));
    let heard = bought.posted(&poster, State::Paid, at(1)).await;
    let of_owners = |heard| match heard {
        Heard::Others { owner: told, followed, hold: None, pushed } => {
            assert_eq!(told, owner.member.id);
            (followed.map(|purchase| (purchase.member, purchase.state())), pushed)
        }
        other => panic!("{other:?}"),
    };
    let granted = Some((owner.member.id, PurchaseState::Granted));
    assert_eq!(of_owners(heard), (granted, Some(2)));
    assert_eq!((owner.has().await, poster.has().await), (bag(GEMS), vec![]));
    // What the other posts afterwards is taken in, too, and tells it nothing.
    let refunded = bought.posted(&poster, State::Refunded, at(2)).await;
    let taken = Some((owner.member.id, PurchaseState::Refunded));
    assert_eq!(of_owners(refunded), (taken, Some(4)));
    // What is no news lets nothing follow.
    assert_eq!(of_owners(bought.posted(&poster, State::Refunded, at(2)).await), (None, None));
    assert_eq!(owner.has().await, bag(0));
    let known = owned(bought.posted(&owner, State::Paid, at(1)).await);
    assert_eq!(known.state(), PurchaseState::Refunded);
}

pub async fn a_purchase_that_names_an_unknown_account_is_held_until_it_is_released(
    storage: Storage,
) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game).naming(Named::Unknown);
    let hold = Some(Hold::UnknownAccount);
    assert_eq!(bought.posted(&player, State::Paid, at(1)).await, Heard::Nobodys { hold });
    assert_eq!(bought.told(State::Paid, at(2)).await, Heard::Nobodys { hold });
    assert_eq!((player.has().await, player.words().await.len()), (vec![], 0));
    assert_eq!(bought.release(None, at(3)).await, None, "it is nobody's still");
    let stranger = Game::new(&storage).player().await;
    assert_eq!(bought.release(Some(stranger.member.id), at(3)).await, None);
    let released = owned(bought.release(Some(player.member.id), at(3)).await.unwrap());
    assert_eq!((released.stand, released.changed_at), (Stand::Granted, at(3)));
    assert_eq!(player.has().await, bag(GEMS));
    assert_eq!(bought.release(Some(player.member.id), at(4)).await, None, "once");
    // It stays the member's whom it was given.
    assert_eq!(owned(bought.posted(&player, State::Paid, at(1)).await), released);
    assert_eq!(player.has().await, bag(GEMS));
    adds_up(&storage).await;
}

pub async fn a_purchase_of_which_the_store_tells_first_waits_for_its_poster(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    assert_eq!(bought.told(State::Paid, at(1)).await, Heard::Nobodys { hold: None });
    assert_eq!(storage.purchases.held(10).await, Ok(vec![]), "nobody needs to look at it");
    let heard = bought.posted(&player, State::Paid, at(1)).await;
    assert!(matches!(heard, Heard::Owned { known: true, pushed: Some(2), .. }), "{heard:?}");
    assert_eq!(player.has().await, bag(GEMS));
}

pub async fn a_pending_purchase_is_paid_without_its_client(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    let pending = owned(bought.posted(&player, State::Pending, at(1)).await);
    assert_eq!(pending.state(), PurchaseState::Pending);
    assert_eq!((player.has().await, player.words().await.len()), (vec![], 1));
    let paid = owned(bought.told(State::Paid, at(60)).await);
    assert_eq!((paid.id, paid.state()), (pending.id, PurchaseState::Granted));
    assert_eq!(player.has().await, bag(GEMS));
    let words = ["purchase.updated", "purchase.updated", "wallet.changed"];
    assert_eq!(player.words().await, words);
    // That it was pending is no news any more.
    owned(bought.told(State::Pending, at(30)).await);
    owned(bought.posted(&player, State::Pending, at(90)).await);
    assert_eq!(player.has().await, bag(GEMS));
}

pub async fn a_cancelled_purchase_is_granted_when_it_is_paid_late(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    owned(bought.posted(&player, State::Pending, at(1)).await);
    let cancelled = owned(bought.told(State::Cancelled, at(60)).await);
    assert_eq!(cancelled.state(), PurchaseState::Cancelled);
    let old = owned(bought.posted(&player, State::Paid, at(30)).await);
    assert_eq!(old.state(), PurchaseState::Cancelled, "what is older changes nothing");
    assert_eq!(player.has().await, []);
    owned(bought.told(State::Paid, at(90)).await);
    assert_eq!(player.has().await, bag(GEMS));
    owned(bought.told(State::Cancelled, at(120)).await);
    assert_eq!(player.has().await, bag(GEMS), "what was granted was paid");
}

pub async fn a_held_purchase_is_granted_when_it_is_released(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game).held(Hold::Price);
    let heard = bought.posted(&player, State::Paid, at(1)).await;
    assert!(matches!(heard, Heard::Owned { hold: Some(Hold::Price), .. }), "{heard:?}");
    assert_eq!(owned(heard).state(), PurchaseState::Held);
    assert_eq!(player.has().await, []);
    // To another it is not released: it has an owner.
    let other = game.player().await;
    let nodes = game.nodes(2).await;
    let releases = (0..10).map(|place| {
        let bought = bought.through(&nodes[place % 2]);
        let other = other.member.id;
        async move { bought.release(Some(other), at(9)).await }
    });
    let released: Vec<_> = join_all(releases).await.into_iter().flatten().collect();
    assert_eq!(released.len(), 1, "once");
    assert_eq!((player.has().await, other.has().await), (bag(GEMS), vec![]));
    // Whoever posts it afterwards finds it granted, whatever the hold was.
    let heard = bought.posted(&player, State::Paid, at(1)).await;
    assert!(matches!(heard, Heard::Owned { hold: None, known: true, pushed: None, .. }));
    assert_eq!(player.has().await, bag(GEMS));
    adds_up(&storage).await;
}

pub async fn a_purchase_of_an_unknown_product_is_granted_once_the_catalogue_knows_it(
    storage: Storage,
) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let known = Bought::new(&game);
    let unknown = known.clone().held(Hold::UnknownProduct).granting(&[]);
    let said = unknown.said(Source::Posted(player.member.id), State::Paid, at(1));
    let heard = unknown.hear(Said { product: None, ..said }).await;
    assert_eq!(owned(heard).product, None);
    assert_eq!(unknown.release(None, at(2)).await, None, "there is nothing to grant");
    let granted = owned(known.posted(&player, State::Paid, at(1)).await);
    assert_eq!(granted.product.as_deref(), Some("gem_100"));
    assert_eq!(player.has().await, bag(GEMS));
    // What the catalogue says later changes nothing about it.
    let dearer = known.clone().granting(&[grant("gem", 5 * GEMS)]);
    assert_eq!(owned(dearer.posted(&player, State::Paid, at(1)).await), granted);
    owned(dearer.told(State::Refunded, at(9)).await);
    assert_eq!(player.has().await, bag(0));
    adds_up(&storage).await;
}

pub async fn what_cannot_be_counted_is_refused_and_moves_nothing(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let all = Bought::new(&game).granting(&[grant("gem", i64::MAX)]);
    owned(all.posted(&player, State::Paid, at(1)).await);
    let more = Bought::new(&game).granting(&[grant("box", 1), grant("gem", 1)]);
    let said = more.said(Source::Posted(player.member.id), State::Paid, at(1));
    assert!(more.try_hear(said).await.is_err());
    assert_eq!(player.has().await, [grant("gem", i64::MAX)]);
    assert_eq!((player.transfers().await.len(), player.words().await.len()), (1, 2));
    assert_eq!(player.history(player.looks_back()).await.len(), 1);
    adds_up(&storage).await;
}

pub async fn purchases_of_one_member_at_once_are_each_granted(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let nodes = game.nodes(2).await;
    let posts = (0..40).map(|place| {
        let (game, player) = (&nodes[place % 2], &player);
        async move { owned(Bought::new(game).posted(player, State::Paid, at(1)).await) }
    });
    join_all(posts).await;
    assert_eq!(player.has().await, [grant("box", 40 * BOXES), grant("gem", 40 * GEMS)]);
    assert_eq!(player.history(player.looks_back()).await.len(), 40);
    assert_eq!(player.words().await.len(), 80);
    adds_up(&storage).await;
}

pub async fn an_account_token_is_its_members_in_its_game_alone(storage: Storage) {
    let game = Game::new(&storage);
    let (player, other) = (game.player().await, game.player().await);
    let token = player.token(1).await.unwrap();
    assert_eq!(token, account_token(player.member.id, 1));
    assert_eq!(player.token(2).await, Some(token), "it stays");
    let strange = Game::new(&storage);
    let whose =
        async |app: &Game, token| storage.purchases.account(app.app.clone(), token).await.unwrap();
    assert_eq!(whose(&game, token).await, Some(player.member.id));
    assert_eq!(whose(&strange, token).await, None);
    assert_eq!(whose(&game, account_token(player.member.id, 2)).await, None, "a guess");
    assert_eq!(whose(&game, account_token(other.member.id, 1)).await, None, "not made yet");
    let (app, member) = (strange.app.clone(), player.member.id);
    let made = storage.purchases.account_token(app, member, account_token(member, 3)).await;
    assert_eq!(made, Ok(None), "no member there");
}

pub async fn an_account_token_that_twenty_make_at_once_is_one(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let player = game.player().await;
    let makes = (0..20).zip(nodes.iter().cycle()).map(|(random, node)| {
        let (app, member) = (game.app.clone(), player.member.id);
        let candidate = account_token(member, random);
        node.storage.purchases.account_token(app, member, candidate)
    });
    let mut made: Vec<_> = join_all(makes).await.into_iter().map(|token| token.unwrap()).collect();
    made.dedup();
    assert_eq!(made.len(), 1, "{made:?}");
    let whose = storage.purchases.account(game.app.clone(), made[0].unwrap()).await;
    assert_eq!(whose, Ok(Some(player.member.id)));
}

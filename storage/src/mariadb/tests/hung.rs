//! A server that hangs in the midst of a commit: nobody knows, and to ask again is harmless.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use super::server::{Database, Kept, Scene};
use crate::conformance::scene::{DAY, Game, Player, START};
use crate::error::StorageError;
use crate::identity::LoginOutcome;
use crate::open::Storage;
use crate::push::NewPush;
use crate::servers::{MariaDb as Server, MariaDbOptions};
use crate::sessions::{RefreshOutcome, RefreshWrite};

/// Nothing commits on a server while this one is there.
struct Gate(Conn);

impl Gate {
    async fn close(server: &Server) -> Self {
        let root = Opts::from_url(server.databases().root()).unwrap();
        let mut connection = Conn::new(root).await.unwrap();
        connection.query_drop("BACKUP STAGE START").await.unwrap();
        connection.query_drop("BACKUP STAGE BLOCK_COMMIT").await.unwrap();
        Self(connection)
    }

    /// Returns when so many wait for their commit.
    async fn waiting(&mut self, count: usize) {
        let select = "SELECT COUNT(*) FROM information_schema.processlist WHERE info = 'COMMIT'";
        while self.0.query_first::<usize, _>(select).await.unwrap() < Some(count) {
            tokio::task::yield_now().await;
        }
    }

    async fn open(mut self) {
        self.0.query_drop("BACKUP STAGE END").await.unwrap();
    }
}

struct House {
    server: Server,
    storage: Storage,
    game: Game,
    kept: Kept,
}

impl House {
    async fn new() -> Self {
        let server = Server::start(MariaDbOptions::default()).unwrap();
        let (storage, kept) = Scene::on(Database::of(&server).url).storage().await;
        storage.start_alone().await.unwrap();
        Self { game: Game::new(&storage), server, storage, kept }
    }

    async fn post(&self, player: &Player) -> Result<u64, StorageError> {
        let (word, body) = ("message".to_owned(), "once".to_owned());
        let push = NewPush { word, body, expires_at: START.after(DAY) };
        let app = self.game.app.clone();
        let posted = self.storage.inboxes.post(app, player.member.id, vec![push], START).await?;
        Ok(posted.unwrap()[0].seq)
    }

    /// How many pushes a member has, after whatever is under way.
    async fn pushes(&self, player: &Player) -> usize {
        let (app, member) = (self.game.app.clone(), player.member.id);
        self.storage.inboxes.ack(app.clone(), member, player.login.id, 0).await.unwrap();
        self.storage.inboxes.read(app, member, 0, START, 9).await.unwrap().pushes.len()
    }

    async fn count(&self, of: &str) -> i64 {
        let mut connection = self.kept.scene.databases[0].connect().await;
        let select = format!("SELECT COUNT(*) FROM {of}");
        connection.query_first(select).await.unwrap().unwrap()
    }
}

/// Three deeds whose commits are not answered, since `hang` does something to the server; then
/// `mend` undoes it, and each is asked for again.
async fn asked_again(hang: impl AsyncFn(&House), mend: impl AsyncFn(&House)) {
    let house = House::new().await;
    let [reader, holder] = [house.game.player().await, house.game.player().await];
    let exchange = holder.exchange(holder.login.token, START);
    let exchange = RefreshWrite { next_sealed: exchange.next.to_vec(), ..exchange };
    let newcomer = house.game.vouched("newcomer", START);

    let mut gate = Gate::close(&house.server).await;
    let answers = async {
        tokio::join!(
            house.post(&reader),
            house.storage.sessions.refresh(exchange.clone()),
            house.storage.identity.login(newcomer.clone())
        )
    };
    let hanging = async {
        gate.waiting(3).await;
        hang(&house).await;
    };
    let ((posted, exchanged, logged_in), ()) = tokio::join!(answers, hanging);
    assert_eq!(posted, Err(StorageError::OutcomeUnknown));
    assert_eq!(exchanged, Err(StorageError::OutcomeUnknown));
    assert_eq!(logged_in, Err(StorageError::OutcomeUnknown));
    mend(&house).await;
    gate.open().await;

    // Whether it was done is seen under the member's lock.
    if house.pushes(&reader).await == 0 {
        assert_eq!(house.post(&reader).await, Ok(1));
    }
    assert_eq!(house.pushes(&reader).await, 1);
    let again = holder.exchange(holder.login.token, START);
    let stands = match house.storage.sessions.refresh(again.clone()).await.unwrap() {
        RefreshOutcome::Rotated { .. } => again.next,
        RefreshOutcome::Repeated { sealed, .. } => {
            assert_eq!(sealed, exchange.next, "it is the token that was offered then");
            exchange.next
        }
        other => panic!("{other:?}"),
    };
    holder.rotates(stands, START).await;
    let LoginOutcome::LoggedIn { member, new_member: true, epoch: 1, .. } =
        house.game.login(house.game.vouched("newcomer", START)).await
    else {
        panic!("the newcomer is somebody else");
    };
    assert_eq!(house.game.identities(member.id).await.len(), 1);
    let newcomer = "identity_claim WHERE subject = 'newcomer'";
    assert_eq!((house.count(newcomer).await, house.count("member").await), (1, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_waits_too_long_is_unknown_and_asked_for_again_without_harm() {
    asked_again(async |_| {}, async |_| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_in_its_commit_is_unknown_and_asked_again_without_harm() {
    asked_again(
        async |house| house.server.pause().unwrap(),
        async |house| house.server.resume().unwrap(),
    )
    .await;
}

//! What waits together goes to the backend together.
//!
//! Between the records factory and the backend: of the deeds that are asked for most, each has a
//! [`Lane`] in which those that come while the backend is busy wait for each other, and the next
//! call takes them all. Nobody waits for a batch to fill where none runs; beside one that runs
//! another begins when many wait, or long. The factory runs one call of a key at a time, so a batch
//! never holds two of one member, and one member's order is kept; its places bound what may wait
//! here.

pub(super) mod lane;
mod content;
mod purchases;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use protocol::ids::{AppId, LoginId, MemberId};

use super::passing::Passes;
use crate::clock::Micros;
use crate::content::MarkWrite;
use crate::error::Result;
use crate::freshness::Aged;
use crate::identity::{Identity, IdentityDuty, LoginOutcome, LoginWrite};
use crate::members::{BanWrite, Member, MembersDuty, Overview, OverviewRead};
use crate::open::Truth;
use crate::purchases::{Evidence, Heard, Received, Said};
use crate::push::{
    AckWrite, Inbox, InboxRead, KeptPush, NewPush, PostOnce, PostWrite, PostedOnce, PushDuty,
};
use crate::sessions::{
    End, EndWrite, EndedBy, Login, LoginsRead, RefreshOutcome, RefreshWrite, SessionsDuty,
    Standing, StandingRead,
};
use crate::wallet::{TransferWrite, Transferred};
use lane::{Deed, Lane};

/// The truth, asked in batches.
pub(super) struct Batches {
    pub(super) truth: Arc<dyn Truth>,
    members: Lane<Members>,
    identities: Lane<Identities>,
    standings: Lane<Standings>,
    lists: Lane<Lists>,
    inboxes: Lane<Inboxes>,
    logins: Lane<Logins>,
    refreshes: Lane<Refreshes>,
    posts: Lane<Posts>,
    acks: Lane<Acks>,
    ends: Lane<Ends>,
    evidence: Lane<Shows>,
    said: Lane<Says>,
    transfers: Lane<Transfers>,
    marks: Lane<Marks>,
}

impl Batches {
    pub(super) fn new(truth: Arc<dyn Truth>) -> Self {
        Self {
            members: Lane::new(truth.clone()),
            identities: Lane::new(truth.clone()),
            standings: Lane::new(truth.clone()),
            lists: Lane::new(truth.clone()),
            inboxes: Lane::new(truth.clone()),
            logins: Lane::new(truth.clone()),
            refreshes: Lane::new(truth.clone()),
            posts: Lane::new(truth.clone()),
            acks: Lane::new(truth.clone()),
            ends: Lane::new(truth.clone()),
            evidence: Lane::new(truth.clone()),
            said: Lane::new(truth.clone()),
            transfers: Lane::new(truth.clone()),
            marks: Lane::new(truth.clone()),
            truth,
        }
    }
}

/// Makes a deed of a duty's method that does many at once.
macro_rules! deed {
    ($deed:ident, $name:literal, $item:ty => $answer:ty, $all:ident, $shard:expr, $again:expr) => {
        struct $deed;

        #[async_trait]
        impl Deed for $deed {
            const NAME: &'static str = $name;
            type Item = $item;
            type Answer = $answer;
            type Of = dyn Truth;

            fn server(of: &dyn Truth, item: &$item) -> usize {
                let shard: fn(&$item) -> u16 = $shard;
                of.server_of(shard(item))
            }

            fn again(item: &$item) -> Option<$item> {
                let again: fn(&$item) -> Option<$item> = $again;
                again(item)
            }

            async fn all(truth: &(dyn Truth + 'static), items: Vec<$item>) -> Vec<Result<$answer>> {
                truth.$all(items).await
            }
        }
    };
}

deed!(Members, "members.member", (AppId, MemberId) => Option<Member>, member_all, |it| it.1.shard(), |_| None);
deed!(Identities, "identity.list", (AppId, MemberId) => Vec<Identity>, identities_all, |it| it.1.shard(), |_| None);
deed!(Lists, "sessions.list", LoginsRead => (Vec<Login>, i64), logins_all, |it| it.member.shard(), |_| None);
deed!(Ends, "sessions.end", EndWrite => Vec<LoginId>, end_all, |it| it.member.shard(), |it| Some(it.clone()));
deed!(Standings, "sessions.standing", StandingRead => Option<Standing>, standing_all, |it| it.member.shard(), |_| None);
deed!(Inboxes, "push.inbox", InboxRead => Inbox, inbox_all, |it| it.member.shard(), |_| None);
deed!(Logins, "identity.login", LoginWrite => LoginOutcome, login_all, |it| it.key.shard(), |it| Some(it.clone()));
deed!(Refreshes, "sessions.refresh", RefreshWrite => RefreshOutcome, refresh_all, |it| it.member.map_or(0, MemberId::shard), |it| Some(it.clone()));
deed!(Posts, "push.post", PostWrite => Option<Vec<KeptPush>>, post_all, |it| it.member.shard(), |it| Some(it.clone()));
deed!(Shows, "purchases.receive", (Evidence, Micros, Micros) => Received, receive_all, |it| it.0.shard(), |it| Some(it.clone()));
deed!(Says, "purchases.hear", Said => Heard, hear_all, |it| it.key.shard(), |it| Some(it.clone()));
deed!(Transfers, "wallet.transfer", TransferWrite => Transferred, transfer_all, |it| it.member.shard(), |it| Some(it.clone()));
deed!(Marks, "content.mark", MarkWrite => (), mark_all, |it| it.member.shard(), |_| None);
deed!(Acks, "push.ack", AckWrite => u64, ack_all, |it| it.member.shard(), |it| Some(it.clone()));

impl Passes for Batches {
    fn behind(&self) -> &dyn Truth {
        self.truth.as_ref()
    }
}

impl Truth for Batches {
    fn server_of(&self, shard: u16) -> usize {
        self.truth.server_of(shard)
    }
}

#[async_trait]
impl IdentityDuty for Batches {
    async fn login(&self, write: LoginWrite) -> Result<LoginOutcome> {
        self.logins.ask(write).await
    }

    async fn login_all(&self, writes: Vec<LoginWrite>) -> Vec<Result<LoginOutcome>> {
        self.truth.login_all(writes).await
    }

    async fn identities(&self, app: AppId, member: MemberId) -> Result<Vec<Identity>> {
        self.identities.ask((app, member)).await
    }

    async fn identities_all(&self, asked: Vec<(AppId, MemberId)>) -> Vec<Result<Vec<Identity>>> {
        self.truth.identities_all(asked).await
    }
}

#[async_trait]
impl MembersDuty for Batches {
    async fn member(&self, app: AppId, member: MemberId) -> Result<Option<Member>> {
        self.members.ask((app, member)).await
    }

    async fn member_all(&self, asked: Vec<(AppId, MemberId)>) -> Vec<Result<Option<Member>>> {
        self.truth.member_all(asked).await
    }

    async fn overview(&self, read: OverviewRead) -> Result<Aged<Option<Overview>>> {
        self.truth.overview(read).await
    }

    async fn ban(&self, write: BanWrite) -> Result<Option<u64>> {
        self.truth.ban(write).await
    }

    async fn unban(
        &self,
        app: AppId,
        member: MemberId,
        word: String,
        now: Micros,
    ) -> Result<Option<Member>> {
        self.truth.unban(app, member, word, now).await
    }
}

#[async_trait]
impl PushDuty for Batches {
    async fn post(
        &self,
        app: AppId,
        member: MemberId,
        pushes: Vec<NewPush>,
        now: Micros,
    ) -> Result<Option<Vec<KeptPush>>> {
        self.posts.ask(PostWrite { app, member, pushes, now }).await
    }

    async fn post_all(&self, writes: Vec<PostWrite>) -> Vec<Result<Option<Vec<KeptPush>>>> {
        self.truth.post_all(writes).await
    }

    async fn post_once(&self, write: PostOnce) -> Result<PostedOnce> {
        self.truth.post_once(write).await
    }

    async fn inbox(
        &self,
        app: AppId,
        member: MemberId,
        after: u64,
        now: Micros,
        limit: usize,
    ) -> Result<Inbox> {
        self.inboxes.ask(InboxRead { app, member, after, now, limit }).await
    }

    async fn inbox_all(&self, reads: Vec<InboxRead>) -> Vec<Result<Inbox>> {
        self.truth.inbox_all(reads).await
    }

    async fn ack(&self, app: AppId, member: MemberId, login: LoginId, up_to: u64) -> Result<u64> {
        self.acks.ask(AckWrite { app, member, login, up_to }).await
    }

    async fn ack_all(&self, writes: Vec<AckWrite>) -> Vec<Result<u64>> {
        self.truth.ack_all(writes).await
    }

    async fn expire(&self, now: Micros, limit: usize) -> Result<usize> {
        self.truth.expire(now, limit).await
    }
}

#[async_trait]
impl SessionsDuty for Batches {
    async fn standing(
        &self,
        app: AppId,
        member: MemberId,
        login: LoginId,
    ) -> Result<Option<Standing>> {
        self.standings.ask(StandingRead { app, member, login }).await
    }

    async fn standing_all(&self, reads: Vec<StandingRead>) -> Vec<Result<Option<Standing>>> {
        self.truth.standing_all(reads).await
    }

    async fn logins(
        &self,
        app: AppId,
        member: MemberId,
        now: Micros,
        limit: usize,
    ) -> Result<(Vec<Login>, i64)> {
        self.lists.ask(LoginsRead { app, member, now, limit }).await
    }

    async fn logins_all(&self, reads: Vec<LoginsRead>) -> Vec<Result<(Vec<Login>, i64)>> {
        self.truth.logins_all(reads).await
    }

    async fn refresh(&self, write: RefreshWrite) -> Result<RefreshOutcome> {
        self.refreshes.ask(write).await
    }

    async fn refresh_all(&self, writes: Vec<RefreshWrite>) -> Vec<Result<RefreshOutcome>> {
        self.truth.refresh_all(writes).await
    }

    async fn end(
        &self,
        app: AppId,
        member: MemberId,
        which: End,
        by: EndedBy,
        now: Micros,
    ) -> Result<Vec<LoginId>> {
        self.ends.ask(EndWrite { app, member, which, by, now }).await
    }

    async fn end_all(&self, writes: Vec<EndWrite>) -> Vec<Result<Vec<LoginId>>> {
        self.truth.end_all(writes).await
    }

    async fn sweep(&self, now: Micros, limit: usize) -> Result<usize> {
        self.truth.sweep(now, limit).await
    }
}

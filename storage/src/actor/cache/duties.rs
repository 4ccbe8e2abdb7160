//! What is looked for first, and what forgets. The rest goes straight to the truth.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use protocol::ids::{AppId, LoginId, MemberId};

use super::{Fronted, who, whose};
use crate::actor::passing::Passes;
use crate::cache::{CacheKey, Part, Value};
use crate::clock::Micros;
use crate::error::Result;
use crate::freshness::Aged;
use crate::identity::{Identity, IdentityDuty, LoginOutcome, LoginWrite};
use crate::members::{BanWrite, Member, MembersDuty, Overview, OverviewRead};
use crate::open::Truth;
use crate::push::{
    AckWrite, Inbox, InboxRead, KeptPush, NewPush, PostOnce, PostWrite, PostedOnce, PushDuty,
};
use crate::sessions::{
    End, EndWrite, EndedBy, Login, LoginsRead, RefreshOutcome, RefreshWrite, SessionsDuty,
    Standing, StandingRead,
};

impl Passes for Fronted {
    fn behind(&self) -> &dyn Truth {
        self.behind.as_ref()
    }
}

impl Truth for Fronted {
    fn server_of(&self, shard: u16) -> usize {
        self.behind.server_of(shard)
    }
}

#[async_trait]
impl IdentityDuty for Fronted {
    async fn login(&self, write: LoginWrite) -> Result<LoginOutcome> {
        let written = self.behind.login(write).await;
        self.wrote(who(&written), written).await
    }

    async fn login_all(&self, writes: Vec<LoginWrite>) -> Vec<Result<LoginOutcome>> {
        let written = self.behind.login_all(writes).await;
        self.wrote_all(written.iter().map(who).collect(), written).await
    }

    async fn identities(&self, app: AppId, member: MemberId) -> Result<Vec<Identity>> {
        let key = CacheKey { app: app.clone(), member, part: Part::Identities };
        let of = |value| match value {
            Value::Identities(identities) => Some(identities),
            Value::Member(_) | Value::Standing(_) => None,
        };
        let truth =
            move |it: Arc<dyn Truth>| async move { it.identities(app, member).await }.boxed();
        self.read(key, of, Value::Identities, truth).await.map(|(identities, _)| identities)
    }
}

#[async_trait]
impl MembersDuty for Fronted {
    async fn member(&self, app: AppId, member: MemberId) -> Result<Option<Member>> {
        let key = CacheKey { app: app.clone(), member, part: Part::Member };
        let of = |value| match value {
            Value::Member(member) => Some(member),
            Value::Identities(_) | Value::Standing(_) => None,
        };
        let truth = move |it: Arc<dyn Truth>| async move { it.member(app, member).await }.boxed();
        self.read(key, of, Value::Member, truth).await.map(|(member, _)| member)
    }

    async fn overview(&self, read: OverviewRead) -> Result<Aged<Option<Overview>>> {
        self.behind.overview(read).await
    }

    async fn ban(&self, write: BanWrite) -> Result<Option<u64>> {
        let member = write.member;
        self.wrote(Some(member), self.behind.ban(write).await).await
    }

    async fn unban(
        &self,
        app: AppId,
        member: MemberId,
        word: String,
        now: Micros,
    ) -> Result<Option<Member>> {
        self.wrote(Some(member), self.behind.unban(app, member, word, now).await).await
    }
}

#[async_trait]
impl PushDuty for Fronted {
    async fn post(
        &self,
        app: AppId,
        member: MemberId,
        pushes: Vec<NewPush>,
        now: Micros,
    ) -> Result<Option<Vec<KeptPush>>> {
        self.wrote(Some(member), self.behind.post(app, member, pushes, now).await).await
    }

    async fn post_all(&self, writes: Vec<PostWrite>) -> Vec<Result<Option<Vec<KeptPush>>>> {
        let members = writes.iter().map(|write| Some(write.member)).collect();
        self.wrote_all(members, self.behind.post_all(writes).await).await
    }

    async fn post_once(&self, write: PostOnce) -> Result<PostedOnce> {
        let member = Some(write.member);
        self.wrote(member, self.behind.post_once(write).await).await
    }

    async fn inbox(
        &self,
        app: AppId,
        member: MemberId,
        after: u64,
        now: Micros,
        limit: usize,
    ) -> Result<Inbox> {
        self.behind.inbox(app, member, after, now, limit).await
    }

    async fn inbox_all(&self, reads: Vec<InboxRead>) -> Vec<Result<Inbox>> {
        self.behind.inbox_all(reads).await
    }

    async fn ack(&self, app: AppId, member: MemberId, login: LoginId, up_to: u64) -> Result<u64> {
        self.wrote(Some(member), self.behind.ack(app, member, login, up_to).await).await
    }

    async fn ack_all(&self, writes: Vec<AckWrite>) -> Vec<Result<u64>> {
        let members = writes.iter().map(|write| Some(write.member)).collect();
        self.wrote_all(members, self.behind.ack_all(writes).await).await
    }

    async fn expire(&self, now: Micros, limit: usize) -> Result<usize> {
        self.behind.expire(now, limit).await
    }
}

#[async_trait]
impl SessionsDuty for Fronted {
    async fn standing(
        &self,
        app: AppId,
        member: MemberId,
        login: LoginId,
    ) -> Result<Option<Standing>> {
        let key = CacheKey { app: app.clone(), member, part: Part::Standing(login) };
        let of = |value| match value {
            Value::Standing(standing) => Some(standing),
            Value::Member(_) | Value::Identities(_) => None,
        };
        let truth =
            move |it: Arc<dyn Truth>| async move { it.standing(app, member, login).await }.boxed();
        let (standing, age) = self.read(key, of, Value::Standing, truth).await?;
        Ok(standing.map(|standing| Standing { age, ..standing }))
    }

    async fn standing_all(&self, reads: Vec<StandingRead>) -> Vec<Result<Option<Standing>>> {
        self.behind.standing_all(reads).await
    }

    async fn logins(
        &self,
        app: AppId,
        member: MemberId,
        now: Micros,
        limit: usize,
    ) -> Result<(Vec<Login>, i64)> {
        self.behind.logins(app, member, now, limit).await
    }

    async fn logins_all(&self, reads: Vec<LoginsRead>) -> Vec<Result<(Vec<Login>, i64)>> {
        self.behind.logins_all(reads).await
    }

    async fn refresh(&self, write: RefreshWrite) -> Result<RefreshOutcome> {
        let named = write.member;
        let written = self.behind.refresh(write).await;
        self.wrote(named.or_else(|| whose(&written)), written).await
    }

    async fn refresh_all(&self, writes: Vec<RefreshWrite>) -> Vec<Result<RefreshOutcome>> {
        let named: Vec<Option<MemberId>> = writes.iter().map(|write| write.member).collect();
        let written = self.behind.refresh_all(writes).await;
        let members = named.into_iter().zip(&written).map(|(named, it)| named.or(whose(it)));
        self.wrote_all(members.collect(), written).await
    }

    async fn end(
        &self,
        app: AppId,
        member: MemberId,
        which: End,
        by: EndedBy,
        now: Micros,
    ) -> Result<Vec<LoginId>> {
        self.wrote(Some(member), self.behind.end(app, member, which, by, now).await).await
    }

    async fn end_all(&self, writes: Vec<EndWrite>) -> Vec<Result<Vec<LoginId>>> {
        let members = writes.iter().map(|write| Some(write.member)).collect();
        self.wrote_all(members, self.behind.end_all(writes).await).await
    }

    async fn sweep(&self, now: Micros, limit: usize) -> Result<usize> {
        self.behind.sweep(now, limit).await
    }
}

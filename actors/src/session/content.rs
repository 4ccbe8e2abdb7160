//! What a member does with notices and banners.

use std::collections::HashSet;
use std::time::Duration;

use protocol::content::{
    ClickRequest, DismissReply, DismissRequest, MAX_DAYS, MAX_SHOWN, NotedReply, Regard,
    SeenRequest, StateReply,
};
use protocol::error::ErrorBody;
use protocol::ids::RecordId;
use protocol::operation::Reply;
use storage::content::{Deed, FOR_GOOD, MarkWrite};
use storage::gamelog::Event;
use uuid::Uuid;

use super::State;
use crate::content::Happened;
use crate::fault;
use crate::identity::tokens::Caller;

const DAY: Duration = Duration::from_secs(24 * 3600);

impl State {
    pub(super) async fn content_seen(
        &mut self,
        caller: &Caller,
        request: &SeenRequest,
    ) -> Result<Reply, ErrorBody> {
        if !(1..=MAX_SHOWN).contains(&request.ids.len()) {
            return Err(ErrorBody::invalid("ids", format!("are not 1 to {MAX_SHOWN}")));
        }
        let mut named = HashSet::new();
        if let Some(twice) = request.ids.iter().find(|id| !named.insert(**id)) {
            return Err(ErrorBody::invalid("ids", format!("has {twice} twice")));
        }
        let content = &self.context().content;
        let mut seen = Vec::with_capacity(request.ids.len());
        for id in &request.ids {
            // One that was taken away while it was on the screen is nothing to be kept.
            seen.extend(content.find(&caller.app, *id)?.map(|piece| piece.id));
        }
        if !seen.is_empty() {
            let marks = seen.iter().map(|id| (*id, Deed::Seen)).collect();
            self.mark(caller, marks).await?;
            let content = &self.context().content;
            seen.iter().for_each(|id| content.count(*id, Happened::Shown));
            self.sessions.log(caller, Event::ContentSeen { login: caller.login, contents: seen });
        }
        Ok(Reply::ContentSeen(NotedReply {}))
    }

    pub(super) async fn content_dismiss(
        &mut self,
        caller: &Caller,
        request: DismissRequest,
    ) -> Result<Reply, ErrorBody> {
        if request.days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            let reason = format!("is not between 1 and {MAX_DAYS}");
            return Err(ErrorBody::invalid("days", reason));
        }
        let now = self.context().clock.now();
        let Some(piece) = self.context().content.find(&caller.app, request.id)? else {
            // It is not shown any more, which is what was wanted.
            return Ok(Reply::ContentDismiss(DismissReply { until: None }));
        };
        let days = request.days.or(piece.body.hide_days);
        let until = days.map(|days| now.after(DAY * u32::from(days)));
        let deed = Deed::Dismissed(until.unwrap_or(FOR_GOOD));
        self.mark(caller, vec![(piece.id, deed)]).await?;
        self.context().content.count(piece.id, Happened::Dismissed);
        let (login, content) = (caller.login, piece.id);
        self.sessions.log(caller, Event::ContentDismissed { login, content, until });
        Ok(Reply::ContentDismiss(DismissReply { until }))
    }

    /// Writes nothing but to the log: a click is counted.
    pub(super) fn content_click(
        &mut self,
        caller: &Caller,
        request: ClickRequest,
    ) -> Result<Reply, ErrorBody> {
        if let Some(piece) = self.context().content.find(&caller.app, request.id)? {
            self.context().content.count(piece.id, Happened::Clicked);
            let (login, content) = (caller.login, piece.id);
            self.sessions.log(caller, Event::ContentClicked { login, content });
        }
        Ok(Reply::ContentClick(NotedReply {}))
    }

    pub(super) async fn content_state(&mut self, caller: &Caller) -> Result<Reply, ErrorBody> {
        let context = self.context();
        let now = context.clock.now();
        // Of those that stand: what he put away for good he may have done long ago.
        let stands = context.content.picture().standing(&caller.app);
        let regards = context.storage.content.regards(caller.member, stands).await;
        let regards = regards.map_err(|error| fault::of_storage(&error))?;
        let regards = regards.into_iter().map(|it| {
            let dismissed = it.dismissed_until.is_some_and(|until| now < until);
            let until = it.dismissed_until.filter(|until| dismissed && *until != FOR_GOOD);
            Regard { id: RecordId(it.content), seen_at: it.seen_at, dismissed, until }
        });
        Ok(Reply::ContentState(StateReply { regards: regards.collect() }))
    }

    async fn mark(&self, caller: &Caller, marks: Vec<(Uuid, Deed)>) -> Result<(), ErrorBody> {
        let context = self.context();
        let write = MarkWrite { member: caller.member, marks, now: context.clock.now() };
        context.storage.content.mark(write).await.map_err(|error| fault::of_storage(&error))
    }
}

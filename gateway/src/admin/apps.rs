//! The games, as far as an operator has to do with them.

use protocol::operators::refusal::Refusal;
use protocol::operators::rights::{Allowed, In, Resource, Right};
use protocol::operators::{App, Page};

use super::Admin;
use super::answer::Answer;
use super::request::Asked;

impl Admin {
    /// All of them on one page: a publisher's games are few, and in memory.
    pub(super) fn apps(&self, asked: &Asked) -> Result<Answer, Refusal> {
        let account = &asked.caller()?.account;
        let games = self.gate.node.launching.games();
        let items = games.keys().filter_map(|app| {
            let there = In::App(app.clone());
            let rights = Resource::ALL.iter().filter_map(|resource| {
                let may = |right: &Right| account.may(*resource, *right, &there);
                let rights: Vec<Right> = Right::ALL.iter().copied().filter(may).collect();
                (!rights.is_empty()).then_some(Allowed { resource: *resource, rights })
            });
            let rights: Vec<Allowed> = rights.collect();
            (!rights.is_empty()).then(|| App { app: app.clone(), rights })
        });
        Answer::of(&Page { items: items.collect(), next: None })
    }
}

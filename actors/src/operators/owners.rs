//! Somebody is always left who may do everything: of two owners who take each other's rights at
//! once, at whichever nodes, one keeps his.
//!
//! Whoever takes an owner's rights names another owner, and the change is written only while the
//! account of that one is as it was seen. If it was changed meanwhile, what was decided is decided
//! anew.

use protocol::operators::refusal::{OperatorCode, Refusal};
use storage::documents::Upon;

use super::Operators;
use super::account::Kept;
use super::accounts::{By, PAGE};
use crate::fault;

/// Why a change was not written.
pub(super) enum Fell {
    /// The one who was to be left was changed meanwhile: it has to be decided anew.
    Overtaken,
    /// For good.
    Refused(Refusal),
}

impl<T: Into<Refusal>> From<T> for Fell {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

impl Fell {
    /// What is told when it is not tried again.
    pub(super) fn told(self) -> Refusal {
        match self {
            Self::Overtaken => fault::overloaded().into(),
            Self::Refused(refusal) => refusal,
        }
    }
}

impl Operators {
    /// Who is left to undo it when one goes, if somebody has to be: whoever runs commands can undo
    /// everything.
    ///
    /// # Errors
    /// `operator.last_owner`, or what storage says.
    pub(super) async fn who_is_left(
        &self,
        by: By<'_>,
        goes: &Kept,
    ) -> Result<Option<Upon>, Refusal> {
        if matches!(by, By::Command) || !goes.account.is_owner() {
            return Ok(None);
        }
        let left = |kept: &&Kept| kept.document.id != goes.document.id && kept.account.is_owner();
        let mut after = None;
        loop {
            let page = self.page(after, PAGE).await?;
            if let Some(Kept { document, .. }) = page.iter().find(left) {
                return Ok(Some(Upon { id: document.id, version: document.version }));
            }
            after = page.last().map(|kept| kept.document.id);
            if page.len() < PAGE {
                let message = "nobody would be left who may do everything";
                return Err(Refusal::new(OperatorCode::LastOwner, message));
            }
        }
    }
}

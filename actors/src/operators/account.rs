//! An operator's account, as it is kept: a document that is audited, and a sealed part that never
//! is.

use std::fmt;

use protocol::error::ErrorBody;
use protocol::ids::RecordId;
use protocol::operators::rights::{Grant, In, Resource, Right, Role, RoleIn, may};
use protocol::operators::{MOST_RIGHTS, Operator, OperatorName};
use serde::{Deserialize, Serialize};
use storage::clock::Micros;
use storage::documents::Document;
use storage::error::StorageError;

/// What everybody who may look is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The name.
    pub name: OperatorName,
    /// The roles.
    pub roles: Vec<RoleIn>,
    /// What is given beside the roles.
    pub grants: Vec<Grant>,
    /// Whether he is kept out.
    pub disabled: bool,
}

/// What nobody is shown.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sealed {
    /// The password's hash (PHC's string format).
    pub(crate) password: String,
    /// The second factor's secret, in base 32, as the [vault](super::Vault) keeps it.
    pub(crate) totp: String,
    /// The last step of which a code was used.
    pub(crate) step: i64,
    /// Sessions that were opened before this moment are over.
    pub(crate) since: Micros,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// An account with its document.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) account: Account,
    pub(crate) sealed: Option<Sealed>,
    pub(crate) document: Document,
}

impl Kept {
    /// Reads a document.
    pub(crate) fn read(document: Document) -> Result<Self, StorageError> {
        let corrupt = |_| StorageError::Corrupt(format!("the operator {}", document.id));
        let account = serde_json::from_str(&document.body).map_err(corrupt)?;
        let sealed = document.sealed.as_deref().map(serde_json::from_slice).transpose();
        let sealed = sealed.map_err(corrupt)?;
        Ok(Self { account, sealed, document })
    }

    /// Whether he may come in.
    pub(crate) fn is_let_in(&self) -> bool {
        !self.account.disabled && !self.document.removed
    }

    /// The version that a change expects: never one that is later than what was looked at for it,
    /// for then what was looked at is old.
    pub(crate) fn no_later(&self, version: i64) -> i64 {
        if version > self.document.version { 0 } else { version }
    }

    /// As others are shown it.
    pub(crate) fn shown(&self) -> Operator {
        let Account { name, roles, grants, disabled } = self.account.clone();
        Operator {
            id: RecordId(self.document.id),
            version: self.document.version,
            name,
            roles,
            grants,
            disabled,
            changed_at: self.document.changed_at,
            changed_by: self.document.changed_by.to_string(),
        }
    }
}

impl Account {
    /// Whether he may do that there.
    #[must_use]
    pub fn may(&self, resource: Resource, right: Right, there: &In) -> bool {
        may(&self.roles, &self.grants, resource, right, there)
    }

    /// Whether he may do all that another may.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let places =
            other.roles.iter().map(|it| &it.app).chain(other.grants.iter().map(|it| &it.app));
        places.into_iter().all(|there| {
            Resource::ALL.iter().all(|resource| {
                Right::ALL.iter().all(|right| {
                    !other.may(*resource, *right, there) || self.may(*resource, *right, there)
                })
            })
        })
    }

    /// Whether he may do everything, everywhere, now.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        !self.disabled && self.roles.contains(&RoleIn { app: In::All, role: Role::Owner })
    }

    /// Whether it can be kept.
    ///
    /// # Errors
    /// `body.invalid`, naming the field.
    pub fn check(&self) -> Result<(), ErrorBody> {
        for (field, count) in [("roles", self.roles.len()), ("grants", self.grants.len())] {
            if count > MOST_RIGHTS {
                return Err(ErrorBody::invalid(field, format!("has over {MOST_RIGHTS} of them")));
            }
        }
        match self.grants.iter().position(|grant| grant.rights.is_empty()) {
            Some(at) => Err(ErrorBody::invalid(&format!("grants[{at}].rights"), "gives nothing")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(roles: Vec<RoleIn>, grants: Vec<Grant>) -> Account {
        Account { name: "kim".parse().unwrap(), roles, grants, disabled: false }
    }

    fn role(app: In, role: Role) -> Vec<RoleIn> {
        vec![RoleIn { app, role }]
    }

    #[test]
    fn who_gives_has_to_have() {
        let cats = In::App("cats".parse().unwrap());
        let owner = account(role(In::All, Role::Owner), vec![]);
        let editor = account(role(In::All, Role::Editor), vec![]);
        let cats_owner = account(role(cats.clone(), Role::Owner), vec![]);
        let nobody = account(vec![], vec![]);
        for other in [&owner, &editor, &cats_owner, &nobody] {
            assert!(owner.covers(other) && other.covers(&nobody) && other.covers(other));
        }
        assert!(!editor.covers(&owner) && !cats_owner.covers(&editor) && !nobody.covers(&editor));
        assert!(!editor.covers(&cats_owner), "an editor has no operators anywhere");
        let rights = vec![Right::Read];
        let grant = Grant { app: cats, resource: Resource::Notices, rights };
        assert!(editor.covers(&account(vec![], vec![grant.clone()])));
        let both = account(
            role(In::All, Role::Viewer),
            vec![Grant { app: In::All, resource: Resource::Operators, rights: vec![Right::Write] }],
        );
        assert!(!both.covers(&editor) && both.covers(&account(vec![], vec![grant])));
    }

    #[test]
    fn what_gives_nothing_or_too_much_is_named() {
        let grant = Grant { app: In::All, resource: Resource::Notices, rights: vec![] };
        let error = account(vec![], vec![grant]).check().unwrap_err();
        assert!(error.message.contains("grants[0].rights"), "{error}");
        let one = RoleIn { app: In::All, role: Role::Viewer };
        assert!(account(vec![one.clone(); MOST_RIGHTS], vec![]).check().is_ok());
        let error = account(vec![one; MOST_RIGHTS + 1], vec![]).check().unwrap_err();
        assert!(error.message.contains("field roles"), "{error}");
    }

    #[test]
    fn what_is_sealed_is_not_seen() {
        let since = Micros(0);
        let (password, totp) = ("$argon2id$hunter2".to_owned(), "SECRET".to_owned());
        let seen = format!("{:?}", Sealed { password, totp, step: 0, since });
        assert_eq!(seen, "Sealed(..)");
    }
}

//! What operators may do: rights on resources, in one game or in all.
//!
//! Everything is refused that is not given. A role is a word for a number of rights, and is kept
//! as that word: a role that learns something new tomorrow teaches it to all who have it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::ids::AppId;

crate::words! {
    /// What something is done with.
    #[derive(PartialOrd, Ord, ToSchema)]
    Resource {
        /// Operators' accounts and sessions.
        Operators = "operators",
        /// Who did what.
        Audit = "audit",
        /// The games.
        Apps = "apps",
        /// Versions of clients.
        Versions = "versions",
        /// Maintenance windows.
        Maintenance = "maintenance",
        /// Who is let in during a maintenance.
        Testers = "testers",
        /// Notices.
        Notices = "notices",
        /// Banners.
        Banners = "banners",
        /// Images.
        Images = "images",
    }
}

crate::words! {
    /// What is done with it.
    #[derive(PartialOrd, Ord, ToSchema)]
    Right {
        /// Looking at it.
        Read = "read",
        /// Making and changing it.
        Write = "write",
        /// Taking it away.
        Delete = "delete",
    }
}

crate::words! {
    /// A word for a number of rights.
    #[derive(PartialOrd, Ord, ToSchema)]
    Role {
        /// Everything.
        Owner = "owner",
        /// Everything that players see, and who changed it.
        Editor = "editor",
        /// Looking at what players see, and letting testers in.
        Support = "support",
        /// Looking at what players see.
        Viewer = "viewer",
    }
}

impl Role {
    /// Whether this role has that right.
    #[must_use]
    pub fn has(self, resource: Resource, right: Right) -> bool {
        let seen = match resource {
            Resource::Operators | Resource::Audit => false,
            Resource::Apps => right == Right::Read,
            Resource::Versions
            | Resource::Maintenance
            | Resource::Testers
            | Resource::Notices
            | Resource::Banners
            | Resource::Images => true,
        };
        let looking = right == Right::Read;
        match self {
            Self::Owner => true,
            Self::Editor => seen || (resource == Resource::Audit && looking),
            Self::Support => {
                let asked = resource == Resource::Audit && looking;
                (seen && looking) || asked || resource == Resource::Testers
            }
            Self::Viewer => seen && looking,
        }
    }
}

/// In which games: all and the publisher's own, or one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum In {
    /// In all games, and where the publisher speaks to all.
    All,
    /// In this game.
    App(AppId),
}

impl In {
    /// Whether what is given here holds there.
    #[must_use]
    pub fn covers(&self, there: &Self) -> bool {
        *self == Self::All || self == there
    }
}

impl fmt::Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::App(app) => app.fmt(f),
        }
    }
}

impl Serialize for In {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for In {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Cow::<'de, str>::deserialize(deserializer)?.as_ref() {
            "*" => Ok(Self::All),
            word => word.parse().map(Self::App).map_err(de::Error::custom),
        }
    }
}

impl PartialSchema for In {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .description(Some("A game's word, or `*` for all games and the publisher's own."))
            .examples([serde_json::Value::from("demo")])
            .into()
    }
}

impl ToSchema for In {}

/// A role in a game or in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleIn {
    /// Where.
    pub app: In,
    /// Which.
    pub role: Role,
}

/// Rights on one resource in a game or in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Where.
    pub app: In,
    /// On what.
    pub resource: Resource,
    /// Which.
    pub rights: Vec<Right>,
}

/// What may be done with one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Allowed {
    /// With what.
    pub resource: Resource,
    /// What.
    pub rights: Vec<Right>,
}

/// Whether these roles and grants give that right there.
#[must_use]
pub fn may(
    roles: &[RoleIn],
    grants: &[Grant],
    resource: Resource,
    right: Right,
    there: &In,
) -> bool {
    let by_role = |it: &RoleIn| it.app.covers(there) && it.role.has(resource, right);
    let by_grant =
        |it: &Grant| it.app.covers(there) && it.resource == resource && it.rights.contains(&right);
    roles.iter().any(by_role) || grants.iter().any(by_grant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(word: &str) -> In {
        In::App(word.parse().unwrap())
    }

    #[test]
    fn nothing_is_given_to_who_has_nothing() {
        for resource in Resource::ALL {
            for right in Right::ALL {
                assert!(!may(&[], &[], *resource, *right, &In::All));
            }
        }
    }

    #[test]
    fn what_is_given_in_one_game_holds_in_no_other() {
        let roles = [RoleIn { app: app("cats"), role: Role::Owner }];
        let grants =
            [Grant { app: app("dogs"), resource: Resource::Notices, rights: vec![Right::Read] }];
        let may = |right, there: In| may(&roles, &grants, Resource::Notices, right, &there);
        assert!(may(Right::Delete, app("cats")));
        assert!(may(Right::Read, app("dogs")) && !may(Right::Write, app("dogs")));
        assert!(!may(Right::Read, app("birds")) && !may(Right::Read, In::All));
    }

    #[test]
    fn all_is_written_as_a_star() {
        let role: RoleIn = serde_json::from_str(r#"{"app": "*", "role": "owner"}"#).unwrap();
        assert_eq!(role, RoleIn { app: In::All, role: Role::Owner });
        assert!(role.app.covers(&app("cats")) && role.app.covers(&In::All));
        for wrong in [r#"{"app": "", "role": "owner"}"#, r#"{"app": "*", "role": "king"}"#] {
            assert!(serde_json::from_str::<RoleIn>(wrong).is_err(), "{wrong}");
        }
    }
}

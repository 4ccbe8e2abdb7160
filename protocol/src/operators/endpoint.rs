//! Everything that operators can ask for, in one table.
//!
//! A row says the method, the path, what is needed to ask, and the two types. The router is made
//! from it, and a handler is an arm of an exhaustive match: what has no row is not there, and a row
//! without a need does not compile.

use utoipa::ToSchema;

use super::rights::{Resource, Right};
use super::{
    Act, App, Counts, Document, DocumentBody, Done, EndedSessions, Enrolled, ImageBytes, LoggedIn,
    LoginRequest, Me, NewOperator, Nothing, Operator, OperatorChange, OperatorSession,
    OwnPasswordRequest, Page, PasswordRequest, ProveRequest, Proven,
};

/// How something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// It changes nothing.
    Get,
    /// It makes or does something.
    Post,
    /// It changes something.
    Put,
    /// It takes something away.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// What is needed to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A session of whoever it is; it is about himself.
    Login,
    /// A right in all games.
    Everywhere(Resource, Right),
    /// A right in the game that the path names; `-` there is where the publisher speaks to all.
    InApp(Resource, Right),
}

/// Whether a code of the second factor has to be fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    /// It need not.
    Light,
    /// It has to.
    Grave,
}

/// What the documents need of every row: its types' schemas.
pub trait Visitor {
    /// Called once a row.
    fn endpoint<Request: ToSchema, Reply: ToSchema>(&mut self, endpoint: Endpoint);
}

macro_rules! endpoints {
    ($($(#[doc = $doc:literal])+ $name:ident: $method:ident $path:literal,
        $need:expr, $weight:ident, $request:ty => $reply:ty;)+) => {
        /// Something that operators can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Endpoint { $($(#[doc = $doc])+ $name,)+ }

        impl Endpoint {
            /// Every one, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The method.
            #[must_use]
            pub fn method(self) -> Method {
                match self { $(Self::$name => Method::$method,)+ }
            }

            /// The path, with names in braces.
            #[must_use]
            pub fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)+ }
            }

            /// What is needed to ask.
            #[must_use]
            pub fn need(self) -> Need {
                match self { $(Self::$name => $need,)+ }
            }

            /// Whether a code of the second factor has to be fresh.
            #[must_use]
            pub fn weight(self) -> Weight {
                match self { $(Self::$name => Weight::$weight,)+ }
            }

            /// What it does, in a sentence or two.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// Shows every row's types to `visitor`.
            pub fn visit(visitor: &mut impl Visitor) {
                $(visitor.endpoint::<$request, $reply>(Self::$name);)+
            }
        }
    };
}

const fn everywhere(resource: Resource, right: Right) -> Need {
    Need::Everywhere(resource, right)
}

const fn in_app(resource: Resource, right: Right) -> Need {
    Need::InApp(resource, right)
}

use Resource as R;
use Right::{Delete as Remove, Read, Write};

endpoints! {
    /// Logs in with name, password and a code of the second factor.
    Login: Post "/admin/v1/login", Need::Nothing, Light, LoginRequest => LoggedIn;
    /// Ends the session that asks.
    Logout: Post "/admin/v1/logout", Need::Login, Light, Nothing => Done;
    /// Shows a fresh code of the second factor, for grave acts.
    Prove: Post "/admin/v1/prove", Need::Login, Light, ProveRequest => Proven;
    /// Who is logged in, and what he may do.
    Me: Get "/admin/v1/me", Need::Login, Light, Nothing => Me;
    /// Changes one's own password. Every other session of one's own ends.
    MyPassword: Put "/admin/v1/me/password", Need::Login, Grave, OwnPasswordRequest => Done;
    /// One's own sessions, the newest first.
    MySessions: Get "/admin/v1/me/sessions", Need::Login, Light, Nothing => Page<OperatorSession>;
    /// Ends one of one's own sessions.
    MySessionEnd: Delete "/admin/v1/me/sessions/{id}", Need::Login, Light, Nothing => EndedSessions;
    /// The games with which the asking operator may do something, and what.
    Apps: Get "/admin/v1/apps", Need::Login, Light, Nothing => Page<App>;
    /// The operators.
    Operators: Get "/admin/v1/operators", everywhere(R::Operators, Read), Light,
        Nothing => Page<Operator>;
    /// Makes an operator's account. Nobody gives what he has not.
    OperatorCreate: Post "/admin/v1/operators", everywhere(R::Operators, Write), Grave,
        NewOperator => Enrolled;
    /// One operator.
    OperatorShow: Get "/admin/v1/operators/{id}", everywhere(R::Operators, Read), Light,
        Nothing => Operator;
    /// Changes an operator's name and rights, or keeps him out. Nobody gives or takes what he has
    /// not.
    OperatorChange: Put "/admin/v1/operators/{id}", everywhere(R::Operators, Write), Grave,
        OperatorChange => Operator;
    /// Takes an operator's account away.
    OperatorRemove: Delete "/admin/v1/operators/{id}", everywhere(R::Operators, Remove), Grave,
        Nothing => Done;
    /// Gives an operator a new password. Every session of his ends.
    OperatorPassword: Put "/admin/v1/operators/{id}/password", everywhere(R::Operators, Write),
        Grave, PasswordRequest => Operator;
    /// Gives an operator a new second factor. Every session of his ends.
    OperatorTotp: Post "/admin/v1/operators/{id}/totp", everywhere(R::Operators, Write), Grave,
        Nothing => Enrolled;
    /// An operator's sessions, the newest first.
    OperatorSessions: Get "/admin/v1/operators/{id}/sessions", everywhere(R::Operators, Read),
        Light, Nothing => Page<OperatorSession>;
    /// Ends every session of an operator.
    OperatorSessionsEnd: Delete "/admin/v1/operators/{id}/sessions",
        everywhere(R::Operators, Write), Light, Nothing => EndedSessions;
    /// Who did what, the newest first.
    Audit: Get "/admin/v1/audit", everywhere(R::Audit, Read), Light, Nothing => Page<Act>;
    /// Who did what in one game, the newest first.
    AppAudit: Get "/admin/v1/apps/{app}/audit", in_app(R::Audit, Read), Light,
        Nothing => Page<Act>;
    /// The versions of a game's client that are registered.
    VersionList: Get "/admin/v1/apps/{app}/versions", in_app(R::Versions, Read), Light,
        Nothing => Page<Document>;
    /// Registers a version, by platform, store and number.
    VersionCreate: Post "/admin/v1/apps/{app}/versions", in_app(R::Versions, Write), Light,
        DocumentBody => Document;
    /// One version.
    VersionShow: Get "/admin/v1/apps/{app}/versions/{id}", in_app(R::Versions, Read), Light,
        Nothing => Document;
    /// Changes what is made of a version.
    VersionChange: Put "/admin/v1/apps/{app}/versions/{id}", in_app(R::Versions, Write), Light,
        DocumentBody => Document;
    /// Takes a version out of the register.
    VersionRemove: Delete "/admin/v1/apps/{app}/versions/{id}", in_app(R::Versions, Remove), Light,
        Nothing => Done;
    /// The maintenance windows of a game, or of all games.
    MaintenanceList: Get "/admin/v1/apps/{app}/maintenance", in_app(R::Maintenance, Read), Light,
        Nothing => Page<Document>;
    /// Plans a maintenance.
    MaintenanceCreate: Post "/admin/v1/apps/{app}/maintenance", in_app(R::Maintenance, Write), Light,
        DocumentBody => Document;
    /// One maintenance window.
    MaintenanceShow: Get "/admin/v1/apps/{app}/maintenance/{id}", in_app(R::Maintenance, Read), Light,
        Nothing => Document;
    /// Plans a maintenance anew; one that has begun keeps its beginning.
    MaintenanceChange: Put "/admin/v1/apps/{app}/maintenance/{id}", in_app(R::Maintenance, Write), Light,
        DocumentBody => Document;
    /// Calls a maintenance off that has not begun. It stays on record.
    MaintenanceRemove: Delete "/admin/v1/apps/{app}/maintenance/{id}", in_app(R::Maintenance, Remove), Light,
        Nothing => Done;
    /// Has a maintenance end at another time than was planned.
    MaintenanceExtend: Post "/admin/v1/apps/{app}/maintenance/{id}/extend",
        in_app(R::Maintenance, Write), Light, DocumentBody => Document;
    /// Has a maintenance that holds end now.
    MaintenanceEnd: Post "/admin/v1/apps/{app}/maintenance/{id}/end",
        in_app(R::Maintenance, Write), Light, Nothing => Document;
    /// Who is let in during a maintenance, of a game or of all games.
    TesterList: Get "/admin/v1/apps/{app}/testers", in_app(R::Testers, Read), Light,
        Nothing => Page<Document>;
    /// Lets a device or a network in during a maintenance.
    TesterCreate: Post "/admin/v1/apps/{app}/testers", in_app(R::Testers, Write), Light,
        DocumentBody => Document;
    /// One tester.
    TesterShow: Get "/admin/v1/apps/{app}/testers/{id}", in_app(R::Testers, Read), Light,
        Nothing => Document;
    /// Changes the note on a tester.
    TesterChange: Put "/admin/v1/apps/{app}/testers/{id}", in_app(R::Testers, Write), Light,
        DocumentBody => Document;
    /// Lets a tester in no more.
    TesterRemove: Delete "/admin/v1/apps/{app}/testers/{id}", in_app(R::Testers, Remove), Light,
        Nothing => Done;
    /// The notices of a game, or of the publisher for all games.
    NoticeList: Get "/admin/v1/apps/{app}/notices", in_app(R::Notices, Read), Light,
        Nothing => Page<Document>;
    /// Writes a notice. Unless it is a draft, those whom it is for are told when it begins.
    NoticeCreate: Post "/admin/v1/apps/{app}/notices", in_app(R::Notices, Write), Light,
        DocumentBody => Document;
    /// One notice.
    NoticeShow: Get "/admin/v1/apps/{app}/notices/{id}", in_app(R::Notices, Read), Light,
        Nothing => Document;
    /// Changes a notice. Those whom it is for are told; those whom it is for no more, too.
    NoticeChange: Put "/admin/v1/apps/{app}/notices/{id}", in_app(R::Notices, Write), Light,
        DocumentBody => Document;
    /// Takes a notice back, for good.
    NoticeRemove: Delete "/admin/v1/apps/{app}/notices/{id}", in_app(R::Notices, Remove), Light,
        Nothing => Done;
    /// How often a notice was shown, clicked and put away, by days.
    NoticeCounts: Get "/admin/v1/apps/{app}/notices/{id}/counts", in_app(R::Notices, Read), Light,
        Nothing => Counts;
    /// The banners of a game, or of the publisher for all games.
    BannerList: Get "/admin/v1/apps/{app}/banners", in_app(R::Banners, Read), Light,
        Nothing => Page<Document>;
    /// Writes a banner. Unless it is a draft, those whom it is for are told when it begins.
    BannerCreate: Post "/admin/v1/apps/{app}/banners", in_app(R::Banners, Write), Light,
        DocumentBody => Document;
    /// One banner.
    BannerShow: Get "/admin/v1/apps/{app}/banners/{id}", in_app(R::Banners, Read), Light,
        Nothing => Document;
    /// Changes a banner. Those whom it is for are told; those whom it is for no more, too.
    BannerChange: Put "/admin/v1/apps/{app}/banners/{id}", in_app(R::Banners, Write), Light,
        DocumentBody => Document;
    /// Takes a banner back, for good.
    BannerRemove: Delete "/admin/v1/apps/{app}/banners/{id}", in_app(R::Banners, Remove), Light,
        Nothing => Done;
    /// How often a banner was shown, clicked and put away, by days.
    BannerCounts: Get "/admin/v1/apps/{app}/banners/{id}/counts", in_app(R::Banners, Read), Light,
        Nothing => Counts;
    /// The images that notices and banners show, of a game or of all games.
    ImageList: Get "/admin/v1/apps/{app}/images", in_app(R::Images, Read), Light,
        Nothing => Page<Document>;
    /// Keeps an image: its pixels, written anew without anything else. One that is there already is
    /// answered with 200.
    ImageUpload: Post "/admin/v1/apps/{app}/images", in_app(R::Images, Write), Light,
        ImageBytes => Document;
    /// What is known of one image.
    ImageShow: Get "/admin/v1/apps/{app}/images/{id}", in_app(R::Images, Read), Light,
        Nothing => Document;
    /// Takes an image away that no notice or banner uses.
    ImageRemove: Delete "/admin/v1/apps/{app}/images/{id}", in_app(R::Images, Remove), Light,
        Nothing => Done;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_is_its_own_and_says_what_it_needs_of_its_path() {
        let mut seen = HashSet::new();
        for endpoint in Endpoint::ALL {
            assert!(seen.insert((endpoint.method(), endpoint.path())), "{endpoint:?}");
            assert!(endpoint.path().starts_with("/admin/v1/"), "{endpoint:?}");
            let names_app = endpoint.path().contains("{app}");
            assert_eq!(names_app, matches!(endpoint.need(), Need::InApp(..)), "{endpoint:?}");
            // The right is that of the method, unless a session is ended.
            if let Need::Everywhere(_, right) | Need::InApp(_, right) = endpoint.need() {
                assert_eq!(right == Right::Read, endpoint.method() == Method::Get, "{endpoint:?}");
            }
        }
    }
}

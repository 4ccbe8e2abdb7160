//! What can be wrong with evidence, and with notifications.

use protocol::error::ErrorBody;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The one thing that is wrong with evidence or a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// The store knows no such purchase.
    Unknown,
    /// It is of another app.
    OtherApp,
    /// The app says that another product was bought than was.
    OtherProduct,
    /// Apple's: the leaf had ended before it signed.
    ExpiredLeaf,
    /// Apple's: the leaf lacks its mark.
    LeafNotMarked,
    /// Apple's: the intermediate lacks its mark.
    IntermediateNotMarked,
    /// Apple's: the intermediate may issue no certificates.
    IntermediateNotCa,
    /// Apple's: the chain leads to somebody else's root, which it brings along.
    OtherRoot,
    /// Apple's: the chain has no root.
    TwoCertificates,
    /// Apple's: the chain has one too many.
    FourCertificates,
    /// Apple's, and the token of Google's pushes: it is not signed, and says that it need not be.
    AlgNone,
    /// Apple's, and the token of Google's pushes: it is signed with another key.
    ForgedSignature,
    /// Apple's, and ONE store's notifications: it was changed after it was signed.
    Tampered,
    /// Apple's: it was bought in the developer's tools.
    Xcode,
    /// Apple's: it was bought in a test on the developer's machine.
    LocalTesting,
    /// The token of Google's pushes: it is meant for somebody else.
    OtherAudience,
    /// The token of Google's pushes: somebody else has issued it.
    OtherIssuer,
    /// The token of Google's pushes: it is another account's.
    OtherSender,
    /// The token of Google's pushes: the account's address was never verified.
    UnverifiedSender,
    /// The token of Google's pushes: it has ended.
    ExpiredToken,
}

impl Wrong {
    /// That this cannot be wrong with what a store gives out.
    pub(super) fn does_not_apply() -> ErrorBody {
        ErrorBody::invalid("misbehave", "cannot be wrong with this at this store")
    }

    /// Whether it can be wrong with the token of a push alone.
    pub(super) fn is_of_pushes(self) -> bool {
        match self {
            Self::OtherAudience
            | Self::OtherIssuer
            | Self::OtherSender
            | Self::UnverifiedSender
            | Self::ExpiredToken => true,
            Self::Unknown
            | Self::OtherApp
            | Self::OtherProduct
            | Self::ExpiredLeaf
            | Self::LeafNotMarked
            | Self::IntermediateNotMarked
            | Self::IntermediateNotCa
            | Self::OtherRoot
            | Self::TwoCertificates
            | Self::FourCertificates
            | Self::AlgNone
            | Self::ForgedSignature
            | Self::Tampered
            | Self::Xcode
            | Self::LocalTesting => false,
        }
    }
}

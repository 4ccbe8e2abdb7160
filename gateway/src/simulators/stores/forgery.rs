//! What can be wrong with evidence.

use protocol::error::ErrorBody;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The one thing that is wrong with evidence.
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
    /// Apple's: it is not signed, and says that it need not be.
    AlgNone,
    /// Apple's: it is signed with the key of another leaf.
    ForgedSignature,
    /// Apple's: the payload was changed after it was signed.
    Tampered,
    /// Apple's: it was bought in the developer's tools.
    Xcode,
}

impl Wrong {
    /// That this cannot be wrong with a store's evidence.
    pub(super) fn does_not_apply() -> ErrorBody {
        ErrorBody::invalid("misbehave", "cannot be wrong with this store's evidence")
    }
}

//! Images for notices and banners.

use protocol::text::Text;
use protocol::words;
use serde::{Deserialize, Serialize};

/// An image's name, for operators alone.
pub type ImageName = Text<128>;

words! {
    /// What an image is written as.
    MediaType {
        /// Without loss.
        Png = "image/png",
        /// For photographs.
        Jpeg = "image/jpeg",
        /// Without loss, and smaller.
        Webp = "image/webp",
    }
}

impl MediaType {
    /// How a file of it ends, as its address does.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

/// What is known of an image, as its document says it. Its address is `/images/{hash}.{extension}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBody {
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub hash: String,
    /// What it is.
    pub media_type: MediaType,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// How many bytes it has.
    pub bytes: usize,
    /// What operators call it.
    #[serde(default)]
    pub name: ImageName,
}

impl ImageBody {
    /// Where it is served, behind the public address.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/images/{}.{}", self.hash, self.media_type.extension())
    }
}

//! Images for notices and banners: what comes in is looked at, drawn, and written anew.
//!
//! Nothing of an upload is kept but its pixels. So where a photograph was taken, who edited it, and
//! whatever else was hidden in it or behind it is gone, and what players fetch was written by this
//! program, whatever it was made to look like. It is known by the digest of what was written.
//!
//! A PNG stays one, a JPEG too. A WebP that lost nothing, or that lets something shine through, is
//! written without loss; any other becomes a JPEG, because there is no encoder here for WebP with
//! loss, and a photograph without loss is many times as large.

mod drawn;
mod kind;
mod remade;
pub(crate) mod sweep;
mod workshop;

use protocol::error::{ErrorBody, ErrorCode};
use protocol::text::Text;
use protocol::words;
use serde::{Deserialize, Serialize};

use crate::fault;
pub use remade::{Remade, remade};
pub use sweep::KEPT;
pub use workshop::Workshop;

/// The largest upload, in bytes.
pub const MAX_UPLOAD: usize = 4 * 1024 * 1024;
/// The most pixels either way.
pub const MAX_SIDE: u32 = 4_096;
/// The most pixels in all: a telephone's screen has about 3 million.
pub const MAX_PIXELS: u64 = 8_000_000;
/// The most that a decoder may allocate, in bytes: the pixels in 16 bits, and as much again.
const MAX_MEMORY: u64 = 16 * MAX_PIXELS;

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
    /// What these bytes begin like, if it is one that is taken.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        kind::of(bytes).ok()
    }

    /// How a file of it ends, as its address does.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }

    /// The type of which files end so.
    #[must_use]
    pub fn of_extension(extension: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.extension() == extension)
    }

    /// In a word.
    fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Webp => "WebP",
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

/// Why what was uploaded is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is nothing that is taken, or not what it was said to be.
    #[error("{0}")]
    Kind(String),
    /// It has too many bytes.
    #[error("the image has over {0} bytes")]
    Long(usize),
    /// It is not whole, or over a bound.
    #[error("the image {0}")]
    Wrong(String),
    /// Too many wait already.
    #[error("there are too many images to be read just now")]
    Overloaded,
}

impl From<Unfit> for ErrorBody {
    fn from(unfit: Unfit) -> Self {
        match &unfit {
            Unfit::Kind(_) => Self::new(ErrorCode::BodyMediaType, unfit.to_string()),
            Unfit::Long(_) => Self::new(ErrorCode::BodyTooLarge, unfit.to_string()),
            Unfit::Wrong(why) => Self::invalid("", why),
            Unfit::Overloaded => fault::overloaded(),
        }
    }
}

#[cfg(test)]
mod tests;

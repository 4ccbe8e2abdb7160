//! From pixels to bytes of our own.

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageResult};
use storage::images::MAX_BYTES;

use super::drawn::drawn;
use super::{MAX_UPLOAD, MediaType, Unfit, kind};

/// Of 100. Above it a JPEG grows quickly, and nobody sees a difference on a telephone.
const QUALITY: u8 = 90;

/// An image that was written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remade {
    /// What it is.
    pub media_type: MediaType,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// All of it.
    pub bytes: Bytes,
}

/// Checks what was uploaded and writes its pixels anew. What it was `declared` to be, if anything,
/// it has to be. The same upload gives the same bytes.
///
/// This takes up to a second and 200 MB: see [`Workshop`](super::Workshop).
///
/// # Errors
/// [`Unfit`], which says what is wrong with it.
pub fn remade(bytes: &[u8], declared: Option<MediaType>) -> Result<Remade, Unfit> {
    if bytes.len() > MAX_UPLOAD {
        return Err(Unfit::Long(MAX_UPLOAD));
    }
    let sent = kind::of(bytes)?;
    if let Some(declared) = declared.filter(|declared| *declared != sent) {
        let (is, said) = (sent.name(), declared.word());
        return Err(Unfit::Kind(format!("what was sent is a {is}, and was said to be {said}")));
    }
    let picture = drawn(bytes, sent)?;
    let (media_type, picture) = becoming(sent, picture, bytes);
    let mut written = Vec::new();
    encode(&picture, media_type, &mut written)
        .map_err(|error| Unfit::Wrong(format!("cannot be written: {error}")))?;
    if written.len() > MAX_BYTES {
        return Err(Unfit::Wrong(format!("has over {MAX_BYTES} bytes once it is written anew")));
    }
    let (width, height, bytes) = (picture.width(), picture.height(), Bytes::from(written));
    Ok(Remade { media_type, width, height, bytes })
}

/// What it is written as.
fn becoming(sent: MediaType, picture: DynamicImage, bytes: &[u8]) -> (MediaType, DynamicImage) {
    match sent {
        MediaType::Png | MediaType::Jpeg => (sent, picture),
        MediaType::Webp if kind::is_lossless_webp(bytes) || shines_through(&picture) => {
            (MediaType::Webp, picture)
        }
        MediaType::Webp => (MediaType::Jpeg, picture.into_rgb8().into()),
    }
}

fn shines_through(picture: &DynamicImage) -> bool {
    match picture {
        DynamicImage::ImageLumaA8(pixels) => pixels.pixels().any(|pixel| pixel.0[1] < u8::MAX),
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        // In 8 bits, no other has an alpha.
        _ => false,
    }
}

fn encode(picture: &DynamicImage, media_type: MediaType, to: &mut Vec<u8>) -> ImageResult<()> {
    match media_type {
        MediaType::Png => {
            let (small, filter) = (CompressionType::Default, FilterType::Adaptive);
            picture.write_with_encoder(PngEncoder::new_with_quality(to, small, filter))
        }
        MediaType::Jpeg => picture.write_with_encoder(JpegEncoder::new_with_quality(to, QUALITY)),
        MediaType::Webp => picture.write_with_encoder(WebPEncoder::new_lossless(to)),
    }
}

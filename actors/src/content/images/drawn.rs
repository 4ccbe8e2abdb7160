//! From bytes to pixels, with bounds on all that a decoder is made to do.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

use super::{MAX_MEMORY, MAX_PIXELS, MAX_SIDE, MediaType, Unfit, kind};

/// The picture that these bytes are, the right way up, in 8 bits.
///
/// # Errors
/// [`Unfit`], which says what is wrong with it.
pub(super) fn drawn(bytes: &[u8], media_type: MediaType) -> Result<DynamicImage, Unfit> {
    let reader = Cursor::new(bytes);
    let picture = match media_type {
        MediaType::Png => {
            let decoder = PngDecoder::with_limits(reader, limits()).map_err(|it| broken(&it))?;
            still(decoder.is_apng().map_err(|it| broken(&it))?, media_type)?;
            pixels(decoder)?
        }
        MediaType::Jpeg => {
            if !kind::has_jpeg_end(bytes) {
                return Err(Unfit::Wrong("breaks off before its end".to_owned()));
            }
            pixels(JpegDecoder::new(reader).map_err(|it| broken(&it))?)?
        }
        MediaType::Webp => {
            let decoder = WebPDecoder::new(reader).map_err(|it| broken(&it))?;
            still(decoder.has_animation(), media_type)?;
            pixels(decoder)?
        }
    };
    Ok(in_8_bits(picture))
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_MEMORY);
    limits
}

fn still(animated: bool, media_type: MediaType) -> Result<(), Unfit> {
    if !animated {
        return Ok(());
    }
    let name = media_type.name();
    Err(Unfit::Kind(format!("what was sent is an animated {name}, and only still ones are taken")))
}

/// Only the head was read until here: how large the picture will be is known before it is drawn.
fn pixels(mut decoder: impl ImageDecoder) -> Result<DynamicImage, Unfit> {
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Unfit::Wrong(format!(
            "is {width} by {height} pixels; it may have {MAX_SIDE} either way and {MAX_PIXELS} in all"
        )));
    }
    // One whose way up cannot be read is as it is.
    let orientation = decoder.orientation().ok();
    decoder.set_limits(limits()).map_err(|it| broken(&it))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|it| broken(&it))?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    Ok(picture)
}

fn in_8_bits(picture: DynamicImage) -> DynamicImage {
    let color = picture.color();
    match (color.has_color(), color.has_alpha()) {
        (false, false) => DynamicImage::ImageLuma8(picture.into_luma8()),
        (false, true) => DynamicImage::ImageLumaA8(picture.into_luma_alpha8()),
        (true, false) => DynamicImage::ImageRgb8(picture.into_rgb8()),
        (true, true) => DynamicImage::ImageRgba8(picture.into_rgba8()),
    }
}

fn broken(error: &ImageError) -> Unfit {
    Unfit::Wrong(match error {
        ImageError::Limits(_) => "takes more memory than it may to be drawn".to_owned(),
        ImageError::Decoding(_)
        | ImageError::Encoding(_)
        | ImageError::Parameter(_)
        | ImageError::Unsupported(_)
        | ImageError::IoError(_) => format!("cannot be read: {error}"),
    })
}

//! What bytes are, by how they begin: never by what a name or a header says.

use image::ImageFormat;

use super::{MediaType, Unfit};

/// How far text is looked at, in bytes.
const LOOKED_AT: usize = 512;

/// What these bytes are.
///
/// # Errors
/// [`Unfit::Kind`], which names what they are instead.
pub(super) fn of(bytes: &[u8]) -> Result<MediaType, Unfit> {
    let found = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => return Ok(MediaType::Png),
        Ok(ImageFormat::Jpeg) => return Ok(MediaType::Jpeg),
        Ok(ImageFormat::WebP) => return Ok(MediaType::Webp),
        Ok(other) => format!("is {}", other.extensions_str().first().unwrap_or(&"another image")),
        Err(_) => text(bytes).map_or_else(|| "is no image".to_owned(), |it| format!("is {it}")),
    };
    Err(Unfit::Kind(format!("what was sent {found}, and only PNG, JPEG and WebP are taken")))
}

/// What a text is that is taken for an image at times.
fn text(bytes: &[u8]) -> Option<&'static str> {
    let head = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let head = head.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    match head {
        svg if svg.contains("<svg") => Some("svg"),
        html if html.starts_with("<!doctype html") || html.contains("<html") => Some("html"),
        html if html.contains("<script") => Some("html"),
        xml if xml.starts_with("<?xml") => Some("xml"),
        pdf if pdf.starts_with("%pdf-") => Some("pdf"),
        _ => None,
    }
}

/// Whether a WebP's pixels were kept without loss (RFC 9649, section 2): its chunk is `VP8L`.
pub(super) fn is_lossless_webp(bytes: &[u8]) -> bool {
    // Behind `RIFF`, the length, and `WEBP`.
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some((head, behind)) = rest.split_first_chunk::<8>() {
        let [name @ .., a, b, c, d] = head;
        match name {
            b"VP8L" => return true,
            b"VP8 " => return false,
            _ => {}
        }
        let long = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        // A chunk of odd length is followed by one byte more.
        rest = behind.get(long.saturating_add(long % 2)..).unwrap_or_default();
    }
    false
}

/// Whether a JPEG has an end. The decoder does not ask: what it makes of one that breaks off is
/// grey below (ITU-T T.81, section B.1.1).
pub(super) fn has_jpeg_end(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == 0xff) {
        rest = rest.get(at + 1..).unwrap_or_default();
        match rest.first() {
            None => return false,
            // The end of the image.
            Some(0xd9) => return true,
            // Fill bytes, and an escaped byte, the beginning or a restart, which have no length.
            Some(0xff) => {}
            Some(0x00 | 0x01 | 0xd0..=0xd8) => rest = rest.get(1..).unwrap_or_default(),
            // A segment; what is in it does not count, such as a small picture's own end.
            Some(_) => {
                let long = match rest {
                    [_, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
                    _ => return false,
                };
                rest = rest.get(1 + long..).unwrap_or_default();
            }
        }
    }
    false
}

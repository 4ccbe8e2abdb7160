//! Images that tests make.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// A picture that does not get smaller, always the same.
pub(super) fn noise(width: u32, height: u32) -> DynamicImage {
    let mut drawn = fastrand::Rng::with_seed(u64::from(width) << 32 | u64::from(height));
    let pixels = RgbImage::from_fn(width, height, |_, _| Rgb([drawn.u8(..), drawn.u8(..), 7]));
    DynamicImage::ImageRgb8(pixels)
}

/// Red on the left and blue on the right, 32 by 16.
pub(super) fn halves() -> DynamicImage {
    let color = |x| if x < 16 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) };
    DynamicImage::ImageRgb8(RgbImage::from_fn(32, 16, |x, _| color(x)))
}

pub(super) fn as_format(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG's chunk, with the CRC that it needs.
pub(super) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [kind.as_slice(), data].concat();
    let long = u32::try_from(data.len()).unwrap();
    [&long.to_be_bytes()[..], &named, &crc32(&named).to_be_bytes()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    let table: Vec<u32> = (0..256).map(|byte| (0..8).fold(byte, |crc, _| step(crc))).collect();
    let next = |crc: u32, byte: &u8| (crc >> 8) ^ table[((crc ^ u32::from(*byte)) & 255) as usize];
    !bytes.iter().fold(!0, next)
}

/// A PNG with further chunks behind its header.
pub(super) fn png_with(picture: &DynamicImage, chunks: &[u8]) -> Vec<u8> {
    let png = as_format(picture, ImageFormat::Png);
    // Behind the signature and the header, which is always the first chunk.
    let (head, rest) = png.split_at(8 + 25);
    [head, chunks, rest].concat()
}

/// A PNG that says of itself to be so large, of so many bits and that color type.
pub(super) fn png_head(width: u32, height: u32, bits: u8, color: u8) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let head = chunk(b"IHDR", &[&size[..], &[bits, color, 0, 0, 0]].concat());
    [b"\x89PNG\r\n\x1a\n".as_slice(), &head].concat()
}

/// What a PNG's pixels are compressed to: all of its first chunk of them.
pub(super) fn first_idat(png: &[u8]) -> &[u8] {
    let at = png.windows(4).position(|window| window == b"IDAT").unwrap();
    let long = u32::from_be_bytes(png[at - 4..at].try_into().unwrap()) as usize;
    &png[at + 4..at + 4 + long]
}

/// Bytes as a zlib stream that does not compress them (RFC 1950 and 1951).
pub(super) fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = bytes.chunks(65_535);
    let last = blocks.len() - 1;
    for (at, block) in blocks.enumerate() {
        let long = u16::try_from(block.len()).unwrap();
        stream.push(u8::from(at == last));
        stream.extend(long.to_le_bytes());
        stream.extend((!long).to_le_bytes());
        stream.extend(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

/// A JPEG with an EXIF segment that says which way up it is, and where it was taken.
pub(super) fn jpeg_with_exif(picture: &DynamicImage, orientation: u8) -> Vec<u8> {
    let jpeg = as_format(picture, ImageFormat::Jpeg);
    // One directory with one entry: tag 0x0112, a short.
    let tiff = [
        b"MM\0*\0\0\0\x08".as_slice(),
        &[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0],
        b"GPS 48N 11E",
    ];
    let body = [b"Exif\0\0".as_slice(), &tiff.concat()].concat();
    let long = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &long, &body, &jpeg[2..]].concat()
}

fn webp(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

/// One pixel with loss; there is no encoder for these here.
pub(super) fn lossy_webp() -> Vec<u8> {
    webp("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
}

/// One clear pixel with loss.
pub(super) fn lossy_webp_with_alpha() -> Vec<u8> {
    webp(
        "UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7mtQAAAA==",
    )
}

/// One pixel that moves.
pub(super) fn animated_webp() -> Vec<u8> {
    webp(
        "UklGRlIAAABXRUJQVlA4WAoAAAASAAAAAAAAAAAAQU5JTQYAAAD/////AABBTk1GJgAAAAAAAAAAAAAAAAAAAGQAAABWUDhMDQAAAC8AAAAQBxAREYiI/gcA",
    )
}

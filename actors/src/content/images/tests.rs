//! Images as they are, as they should not be, and as an attacker makes them.

mod hostile;
mod samples;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use samples::{as_format, chunk, halves, jpeg_with_exif, noise, png_with};

use super::*;

fn read(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Why it is not taken, in words.
fn refused(bytes: &[u8]) -> String {
    remade(bytes, None).unwrap_err().to_string()
}

#[test]
fn what_loses_nothing_keeps_every_pixel_and_the_same_upload_gives_the_same_bytes() {
    for (format, media_type) in
        [(ImageFormat::Png, MediaType::Png), (ImageFormat::WebP, MediaType::Webp)]
    {
        let picture = noise(37, 19);
        let sent = as_format(&picture, format);
        let made = remade(&sent, Some(media_type)).unwrap();
        assert_eq!((made.media_type, made.width, made.height), (media_type, 37, 19));
        assert_eq!(read(&made.bytes), picture);
        assert_eq!(remade(&sent, None).unwrap(), made);
        assert_eq!(remade(&made.bytes, None).unwrap(), made, "and so does what was made");
    }
}

#[test]
fn a_jpeg_stays_one_and_looks_the_same() {
    let made = remade(&as_format(&halves(), ImageFormat::Jpeg), None).unwrap();
    assert_eq!((made.media_type, made.width, made.height), (MediaType::Jpeg, 32, 16));
    let seen = read(&made.bytes).into_rgb8();
    assert!(seen.get_pixel(4, 8).0[0] > 200 && seen.get_pixel(28, 8).0[2] > 200);
}

#[test]
fn a_webp_with_loss_becomes_what_players_can_have_without_growing() {
    let opaque = remade(&samples::lossy_webp(), Some(MediaType::Webp)).unwrap();
    assert_eq!(opaque.media_type, MediaType::Jpeg);
    let clear = remade(&samples::lossy_webp_with_alpha(), Some(MediaType::Webp)).unwrap();
    assert_eq!(clear.media_type, MediaType::Webp);
}

#[test]
fn deep_colours_are_written_in_8_bits_and_gray_stays_gray() {
    let deep = DynamicImage::ImageRgba16(noise(9, 9).into_rgba16());
    let made = remade(&as_format(&deep, ImageFormat::Png), None).unwrap();
    assert_eq!(read(&made.bytes), DynamicImage::ImageRgba8(deep.into_rgba8()));
    let gray = DynamicImage::ImageLuma8(noise(9, 9).into_luma8());
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let made = remade(&as_format(&gray, format), None).unwrap();
        assert_eq!(read(&made.bytes).color(), gray.color());
    }
}

#[test]
fn a_photograph_is_turned_the_right_way_up_and_says_nothing_of_where_it_was_taken() {
    // Orientation 6: what is on the left belongs to the top.
    let sent = jpeg_with_exif(&halves(), 6);
    assert!(contains(&sent, b"Exif") && contains(&sent, b"48N 11E"));
    let made = remade(&sent, Some(MediaType::Jpeg)).unwrap();
    assert_eq!((made.width, made.height), (16, 32));
    let seen = read(&made.bytes).into_rgb8();
    assert!(seen.get_pixel(8, 4).0[0] > 200 && seen.get_pixel(8, 28).0[2] > 200);
    assert!(!contains(&made.bytes, b"Exif") && !contains(&made.bytes, b"48N 11E"));
    // One that nobody can make sense of changes nothing.
    let odd = remade(&jpeg_with_exif(&halves(), 99), None).unwrap();
    assert_eq!((odd.width, odd.height), (32, 16));
}

#[test]
fn what_is_no_pixel_is_gone() {
    let hidden = b"<script>alert(1)</script>";
    let text = chunk(b"tEXt", &[b"Comment\0".as_slice(), hidden].concat());
    let exif = chunk(b"eXIf", &[b"MM\0*\0\0\0\x08\0\0".as_slice(), hidden].concat());
    let own = chunk(b"haXX", hidden);
    let png = png_with(&noise(8, 8), &[text, exif, own].concat());
    let jpeg = jpeg_with_exif(&noise(8, 8), 1);
    let webp = as_format(&noise(8, 8), ImageFormat::WebP);
    for sent in [png, jpeg, webp] {
        let made = remade(&[sent.as_slice(), b"<html>", hidden].concat(), None).unwrap();
        assert!(!contains(&made.bytes, hidden) && !contains(&made.bytes, b"48N 11E"));
        assert!(!contains(&made.bytes, b"<html>"));
    }
}

#[test]
fn a_picture_has_bounds_and_may_reach_them() {
    let plain = |width, height| {
        let color = Rgb([9, 9, 9]);
        let picture = DynamicImage::ImageRgb8(RgbImage::from_pixel(width, height, color));
        as_format(&picture, ImageFormat::Png)
    };
    for (width, height) in [(4_000, 2_000), (4_096, 1_953), (MAX_SIDE, 1), (1, MAX_SIDE), (1, 1)] {
        let made = remade(&plain(width, height), None).unwrap();
        assert_eq!((made.width, made.height), (width, height));
    }
    for (width, height) in [(4_000, 2_001), (4_096, 1_954), (MAX_SIDE + 1, 1), (1, MAX_SIDE + 1)] {
        let why = refused(&plain(width, height));
        assert!(why.contains(&format!("is {width} by {height} pixels")), "{why}");
    }
}

#[test]
fn an_upload_has_a_bound_and_may_reach_it() {
    let mut sent = as_format(&noise(8, 8), ImageFormat::Png);
    sent.resize(MAX_UPLOAD, 0);
    assert!(remade(&sent, None).is_ok());
    sent.push(0);
    assert_eq!(remade(&sent, None), Err(Unfit::Long(MAX_UPLOAD)));
}

#[test]
fn what_was_declared_has_to_be_so() {
    let png = as_format(&noise(8, 8), ImageFormat::Png);
    let said = remade(&png, Some(MediaType::Jpeg)).unwrap_err();
    assert_eq!(said.to_string(), "what was sent is a PNG, and was said to be image/jpeg");
    assert_eq!(ErrorBody::from(said).code, ErrorCode::BodyMediaType);
}

#[test]
fn what_is_something_else_is_named() {
    let gif = as_format(&noise(8, 8), ImageFormat::Png);
    for (bytes, named) in [
        (&b"GIF89a\x01\0\x01\0"[..], "is gif"),
        (b"BM\x46\0\0\0", "is bmp"),
        (b"II*\0", "is tiff"),
        (b"\0\0\x01\0", "is ico"),
        (b"\0\0\0\x20ftypavif", "is avif"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\">", "is svg"),
        (b"<?xml version=\"1.0\"?><svg onload=\"x()\"/>", "is svg"),
        (b"\xef\xbb\xbf <!DOCTYPE HTML><title>", "is html"),
        (b"<script>alert(1)</script>", "is html"),
        (b"<?xml version=\"1.0\"?>", "is xml"),
        (b"%PDF-1.7", "is pdf"),
        (b"", "is no image"),
        (b"hello", "is no image"),
        (&gif[1..], "is no image"),
    ] {
        let why = refused(bytes);
        assert!(why.starts_with(&format!("what was sent {named},")), "{why}");
        assert!(matches!(remade(bytes, None), Err(Unfit::Kind(_))));
    }
}

#[test]
fn what_moves_is_named() {
    let control = chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    let why = refused(&png_with(&noise(8, 8), &control));
    assert!(why.contains("an animated PNG"), "{why}");
    let why = refused(&samples::animated_webp());
    assert!(why.contains("an animated WebP"), "{why}");
}

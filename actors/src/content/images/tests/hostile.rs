//! What is made to do harm.

use image::{DynamicImage, ImageFormat, RgbImage};

use super::samples::{
    as_format, chunk, first_idat, halves, jpeg_with_exif, lossy_webp, lossy_webp_with_alpha, noise,
    png_head, png_with, stored,
};
use super::{contains, refused};
use crate::content::images::{MAX_PIXELS, MAX_UPLOAD, Unfit, remade};

/// So little, and so black.
fn black() -> Vec<u8> {
    as_format(&DynamicImage::ImageRgb8(RgbImage::new(4_000, 2_000)), ImageFormat::Png)
}

#[test]
fn a_small_file_that_says_it_is_huge_is_refused_by_what_it_says() {
    let end = [chunk(b"IDAT", &stored(&[0])), chunk(b"IEND", b"")].concat();
    for bits in [1, 8, 16] {
        let bomb = [png_head(60_000, 60_000, bits, 0), end.clone()].concat();
        assert!(refused(&bomb).contains("is 60000 by 60000 pixels"), "{}", refused(&bomb));
    }
    let widest = [png_head(0x7fff_ffff, 0x7fff_ffff, 16, 6), end].concat();
    assert!(remade(&widest, None).is_err());

    let mut jpeg = as_format(&halves(), ImageFormat::Jpeg);
    // Behind the marker of the frame and its length: bits, height, width.
    let frame = jpeg.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    assert!(refused(&jpeg).contains("is 60000 by 60000 pixels"), "{}", refused(&jpeg));

    let mut webp = lossy_webp_with_alpha();
    // The canvas of `VP8X`: 24 bits each, less one.
    webp[24..30].copy_from_slice(&[0x5f, 0xea, 0, 0x5f, 0xea, 0]);
    assert!(refused(&webp).contains("is 60000 by 60000 pixels"), "{}", refused(&webp));
}

#[test]
fn what_unfolds_to_more_than_was_said_is_not_unfolded() {
    let black = black();
    assert!(black.len() < 128 * 1024, "{}", black.len());
    // A pixel was said, and 24 million bytes follow.
    let more = [png_head(1, 1, 8, 2), chunk(b"IDAT", first_idat(&black)), chunk(b"IEND", b"")];
    match remade(&more.concat(), None) {
        Ok(made) => assert_eq!((made.width, made.height), (1, 1)),
        Err(unfit) => assert!(matches!(unfit, Unfit::Wrong(_)), "{unfit}"),
    }
    // The same as a profile, and thirty times as a text: together a gigabyte.
    let text = chunk(b"zTXt", &[b"Comment\0\0".as_slice(), first_idat(&black)].concat());
    let profile = chunk(b"iCCP", &[b"sRGB\0\0".as_slice(), first_idat(&black)].concat());
    let bomb = png_with(&noise(8, 8), &[profile, text.repeat(30)].concat());
    assert!(bomb.len() <= MAX_UPLOAD);
    match remade(&bomb, None) {
        Ok(made) => assert!(!contains(&made.bytes, b"iCCP") && made.bytes.len() < 1_024),
        Err(unfit) => assert!(matches!(unfit, Unfit::Wrong(_)), "{unfit}"),
    }
}

#[test]
fn what_would_grow_too_much_is_refused() {
    // Sixteen colours that have nothing in common, half a byte each; they are written as three.
    let mut drawn = fastrand::Rng::with_seed(1);
    let palette: Vec<u8> = (0..48).map(|_| drawn.u8(..)).collect();
    let mut rows = vec![0; 2_001 * 2_000];
    for row in rows.chunks_mut(2_001) {
        drawn.fill(&mut row[1..]);
    }
    let sent = [
        png_head(4_000, 2_000, 4, 3),
        chunk(b"PLTE", &palette),
        chunk(b"IDAT", &stored(&rows)),
        chunk(b"IEND", b""),
    ];
    let sent = sent.concat();
    assert!(sent.len() <= MAX_UPLOAD);
    let why = refused(&sent);
    assert!(why.contains("once it is written anew"), "{why}");
}

#[test]
fn a_page_behind_an_images_first_bytes_is_no_image() {
    for magic in [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"RIFF\x10\0\0\0WEBP"] {
        let page = [magic, b"<html><script>alert(1)</script>"].concat();
        assert!(matches!(remade(&page, None), Err(Unfit::Wrong(_))), "{magic:?}");
    }
}

#[test]
fn what_breaks_off_is_refused_wherever_it_does() {
    let png = as_format(&noise(40, 40), ImageFormat::Png);
    let webp = as_format(&noise(40, 40), ImageFormat::WebP);
    let jpeg = jpeg_with_exif(&noise(40, 40), 1);
    for whole in [png, webp, jpeg, lossy_webp()] {
        assert!(remade(&whole, None).is_ok());
        // The last bytes of a PNG say only that it ends.
        for long in 0..whole.len() - 12 {
            assert!(remade(&whole[..long], None).is_err(), "{long} of {}", whole.len());
        }
    }
}

#[test]
fn whatever_is_changed_in_an_image_it_is_refused_or_a_picture() {
    let png = png_with(&noise(20, 20), &chunk(b"tEXt", b"Comment\0hello"));
    let small = as_format(&noise(20, 20), ImageFormat::WebP);
    let jpeg = jpeg_with_exif(&noise(20, 20), 6);
    let mut taken = 0;
    for whole in [png, small, jpeg, lossy_webp(), lossy_webp_with_alpha()] {
        for seed in 0..2_000 {
            let mut drawn = fastrand::Rng::with_seed(seed);
            let mut bytes = whole.clone();
            for _ in 0..drawn.usize(1..8) {
                let at = drawn.usize(..bytes.len());
                match drawn.u8(..4) {
                    0 => bytes[at] = drawn.u8(..),
                    1 => bytes[at] ^= 1 << drawn.u8(..8),
                    2 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, drawn.u8(..)),
                }
            }
            if let Ok(made) = remade(&bytes, None) {
                taken += 1;
                assert!(u64::from(made.width) * u64::from(made.height) <= MAX_PIXELS);
                assert!(remade(&made.bytes, Some(made.media_type)).is_ok(), "seed {seed}");
            }
        }
    }
    assert!(taken > 0, "a few are harmless");
}

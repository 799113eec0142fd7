//! Which photo of a group is kept, which ones move, and the reasons.

use std::fs;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, RgbImage, imageops};

use super::super::cache::Cache;
use super::super::decisions::Decisions;
use super::super::keep::{DEFAULT, Keep};
use super::super::plan::{Action, Group};
use super::super::planning::{PlanRequest, plan};
use crate::control::Control;
use crate::image::Limits;

const PEOPLE: [&str; 3] = ["001/neutral", "003/neutral", "113/smiling"];

fn original(person: &str) -> RgbImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/faces/{person}.jpg"));
    image::load_from_memory(&fs::read(path).unwrap()).unwrap().into_rgb8()
}

fn jpeg(photo: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(photo).unwrap();
    bytes
}

fn encoded(photo: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    photo.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The JPEG with a segment after its first marker.
fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (2 + content.len()) as u16;
    [&jpeg[..2], &[0xff, marker], &length.to_be_bytes(), content, &jpeg[2..]].concat()
}

/// The JPEG with Exif that has these texts by their tags.
fn with_texts(jpeg: &[u8], texts: &[(u16, &str)]) -> Vec<u8> {
    let mut tiff = [&b"II\x2a\0\x08\0\0\0"[..], &(texts.len() as u16).to_le_bytes()].concat();
    let mut values = Vec::new();
    for (tag, text) in texts {
        let at = 8 + 2 + 12 * texts.len() + 4 + values.len();
        // ASCII, longer than the four bytes that would be in the entry itself.
        tiff.extend([tag.to_le_bytes(), 2_u16.to_le_bytes()].concat());
        tiff.extend([text.len() as u32 + 1, at as u32].map(u32::to_le_bytes).concat());
        values.extend([text.as_bytes(), b"\0"].concat());
    }
    with_segment(jpeg, 0xe1, &[b"Exif\0\0", &tiff[..], &[0; 4], &values].concat())
}

const MAKER: (u16, &str) = (271, "Camera");

/// The JPEG with Exif that names the maker of the camera.
fn from_camera(jpeg: &[u8]) -> Vec<u8> {
    with_texts(jpeg, &[MAKER])
}

/// A part of a photo, in shares of its sides.
fn cropped(photo: &RgbImage, [left, top, right, bottom]: [f32; 4]) -> RgbImage {
    let pixel = |share: f32, all: u32| (share * all as f32).round() as u32;
    let (x, y) = (pixel(left, photo.width()), pixel(top, photo.height()));
    let (width, height) = (pixel(right, photo.width()) - x, pixel(bottom, photo.height()) - y);
    imageops::crop_imm(photo, x, y, width, height).to_image()
}

fn framed(photo: &RgbImage, width: u32, colour: [u8; 3]) -> RgbImage {
    let mut framed =
        RgbImage::from_pixel(photo.width() + 2 * width, photo.height() + 2 * width, image::Rgb(colour));
    imageops::overlay(&mut framed, photo, width.into(), width.into());
    framed
}

/// Name, action and reason of each member of the only group. Names below `reference/` are in a reference folder.
fn members(photos: &[(&str, Vec<u8>)], keep: &[Keep]) -> Vec<(String, Action, String)> {
    let groups = groups(photos, keep);
    let [group] = &groups[..] else { panic!("{groups:?}") };
    let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let members = group.members.iter();
    members.map(|one| (name(one.photo.path().unwrap()), one.action, one.why.clone())).collect()
}

fn groups(photos: &[(&str, Vec<u8>)], keep: &[Keep]) -> Vec<Group> {
    let folder = tempfile::tempdir().unwrap();
    let (root, reference) = (folder.path().join("photos"), folder.path().join("photos/reference"));
    fs::create_dir_all(&reference).unwrap();
    photos.iter().for_each(|(name, bytes)| fs::write(root.join(name), bytes).unwrap());
    let cache = Cache::open(&folder.path().join("cache")).unwrap();
    let decisions = Decisions::open(&folder.path().join("decisions")).unwrap();
    let request = PlanRequest {
        roots: vec![root],
        references: vec![reference],
        keep: keep.to_vec(),
        exact_only: false,
        limits: Limits::default(),
    };
    plan(&request, &cache, &decisions, &Control::none()).unwrap().unwrap().plan.groups
}

fn of<'a>(members: &'a [(String, Action, String)], name: &str) -> (Action, &'a str) {
    let member = members.iter().find(|(other, ..)| other == name);
    member.map(|(_, action, why)| (*action, why.as_str())).unwrap_or_else(|| panic!("{name}: {members:?}"))
}

/// The rules under which an unaltered photo comes first.
fn rules() -> [Vec<Keep>; 3] {
    [DEFAULT.to_vec(), vec![Keep::Largest], vec![Keep::BestQuality]]
}

#[test]
fn a_photo_is_kept_and_its_crops_move() {
    for person in PEOPLE {
        let original = original(person);
        for crops in [
            &[[0.05, 0.05, 0.95, 0.95]][..],
            &[[0.0, 0.0, 1.0, 0.88]],
            &[[0.03, 0.06, 0.97, 0.98]],
            // Most of them resemble a crop most.
            &[[0.04, 0.04, 0.96, 0.96], [0.05, 0.05, 0.95, 0.95], [0.045, 0.045, 0.955, 0.955]],
        ] {
            let mut photos = vec![("full.jpg".to_owned(), jpeg(&original, 85))];
            for (number, crop) in crops.iter().enumerate() {
                photos.push((format!("crop{number}.jpg"), jpeg(&cropped(&original, *crop), 97)));
            }
            let photos: Vec<(&str, Vec<u8>)> =
                photos.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
            for rules in rules() {
                let members = members(&photos, &rules);
                assert_eq!(
                    of(&members, "full.jpg"),
                    (Action::Keep, "kept: unaltered"),
                    "{person} {members:?}"
                );
                let moved = members.iter().filter(|(_, action, _)| *action == Action::Move);
                let reasons: Vec<&str> = moved.map(|(.., why)| why.as_str()).collect();
                assert_eq!(reasons.len(), crops.len(), "{members:?}");
                assert!(reasons.iter().all(|why| why.contains("cropped to 8")), "{reasons:?}");
            }
            let path = [Keep::Newest];
            let oldest = members(&photos, &path);
            if oldest[0].0.starts_with("crop") {
                assert!(of(&oldest, "full.jpg").1.contains("of which the kept photo shows 8"), "{oldest:?}");
            }
        }
    }
}

#[test]
fn a_photo_is_kept_and_its_framed_copies_move() {
    for person in PEOPLE {
        let original = original(person);
        let photo = ("original.jpg", jpeg(&original, 85));
        let white = ("white.jpg", jpeg(&framed(&original, original.width() / 20, [255; 3]), 97));
        let brown = ("brown.jpg", jpeg(&framed(&original, original.width() / 20, [90, 20, 10]), 97));
        for photos in [
            vec![photo.clone(), white.clone()],
            vec![photo.clone(), brown.clone()],
            vec![photo, white, brown],
        ] {
            for rules in rules() {
                let members = members(&photos, &rules);
                assert_eq!(
                    of(&members, "original.jpg"),
                    (Action::Keep, "kept: unaltered"),
                    "{person} {members:?}"
                );
                // Two different frames may be too different for one group. Then one of the framed copies stays.
                for (_, action, why) in members.iter().filter(|(name, ..)| *name != "original.jpg") {
                    assert!(why.contains("with a frame"), "{person} {members:?}");
                    let moves = *action == Action::Move && why.ends_with("with a frame");
                    assert!(moves || photos.len() > 2, "{person} {members:?}");
                }
                assert!(photos.len() > 2 || members.len() == 2, "{person} {members:?}");
            }
        }
    }
}

#[test]
fn a_photo_that_is_clearly_better_than_the_one_in_a_reference_folder_stays() {
    let original = original(PEOPLE[0]);
    let resized = |side: u32| imageops::resize(&original, side, side, imageops::FilterType::Lanczos3);
    let large = ("large.jpg", jpeg(&original, 90));
    let thumbnail = ("reference/small.jpg", jpeg(&resized(original.width() / 2), 70));
    let members_of = |photos: &[(&str, Vec<u8>)]| members(photos, &DEFAULT);
    let found = members_of(&[large.clone(), thumbnail.clone(), ("copy.jpg", jpeg(&original, 50))]);
    assert_eq!(of(&found, "large.jpg").0, Action::Keep, "{found:?}");
    assert!(of(&found, "large.jpg").1.contains("clearly more detail"), "{found:?}");
    assert_eq!(of(&found, "small.jpg").0, Action::Keep);
    assert_eq!(of(&found, "copy.jpg").0, Action::Move, "the better photo has a copy that is no better");
    let crop = ("reference/crop.jpg", jpeg(&cropped(&original, [0.05, 0.05, 0.95, 0.95]), 97));
    let found = members_of(&[large.clone(), crop]);
    assert!(of(&found, "large.jpg").1.contains("the photo in the reference folder is not"), "{found:?}");
    // An enlargement is no better, nor is a slightly larger copy, nor is one of the same size.
    let first = jpeg(&original, 85);
    let reference = ("reference/first.jpg", first.clone());
    let decoded = image::load_from_memory(&first).unwrap().into_rgb8();
    let enlarged = imageops::resize(
        &decoded,
        2 * decoded.width(),
        2 * decoded.height(),
        imageops::FilterType::CatmullRom,
    );
    for copy in [jpeg(&enlarged, 92), jpeg(&original, 97), jpeg(&resized(original.width() * 11 / 10), 92)] {
        let found = members_of(&[reference.clone(), ("copy.jpg", copy)]);
        assert_eq!(of(&found, "copy.jpg").0, Action::Move, "{found:?}");
    }
}

#[test]
fn a_photo_of_16_bits_is_kept_unless_it_has_only_the_values_of_8() {
    let grey = imageops::grayscale(&original(PEOPLE[1]));
    // Values between those of 8 bits, as a scanner has.
    let fine = image::ImageBuffer::from_fn(grey.width(), grey.height(), |x, y| {
        let noise = (x.wrapping_mul(7919) ^ y.wrapping_mul(104_729)) % 251;
        image::Luma([u16::from(grey.get_pixel(x, y).0[0]).saturating_mul(257).saturating_add(noise as u16)])
    });
    let coarse: image::ImageBuffer<image::Luma<u16>, Vec<u16>> =
        image::ImageBuffer::from_fn(grey.width(), grey.height(), |x, y| {
            image::Luma([u16::from(grey.get_pixel(x, y).0[0]) * 257])
        });
    let copy = from_camera(&jpeg(&DynamicImage::from(grey.clone()).into_rgb8(), 92));
    for (format, name) in [(ImageFormat::Tiff, "scan.tif"), (ImageFormat::Png, "scan.png")] {
        let scan = encoded(DynamicImage::ImageLuma16(fine.clone()), format);
        for rules in [&DEFAULT[..], &[Keep::BestQuality]] {
            let found = members(&[("copy.jpg", copy.clone()), (name, scan.clone())], rules);
            assert_eq!(of(&found, name), (Action::Keep, "kept: the most bits of a channel"));
            assert!(of(&found, "copy.jpg").1.contains("8 bits of a channel instead of 16"), "{found:?}");
        }
        let widened = encoded(DynamicImage::ImageLuma16(coarse.clone()), format);
        let found = members(&[("copy.jpg", copy.clone()), (name, widened)], &DEFAULT);
        assert_eq!(of(&found, "copy.jpg").0, Action::Keep, "{found:?}");
    }
    // The entries of a TIFF that say how its pixels are stored are no metadata.
    let [tiff, png] =
        [ImageFormat::Tiff, ImageFormat::Png].map(|format| encoded(grey.clone().into(), format));
    let found = members(&[("a.png", png), ("b.tif", tiff)], &[Keep::MostMetadata]);
    assert_eq!(of(&found, "a.png").0, Action::Keep, "{found:?}");
}

#[test]
fn of_several_exposures_the_one_with_clipped_parts_is_not_kept() {
    for person in PEOPLE {
        let original = original(person);
        let exposed = |gain: f32| {
            let mut exposed = original.clone();
            let tone = |grey: u8| (f32::from(grey) * gain).round().min(255.0) as u8;
            exposed.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(tone));
            exposed
        };
        let photos = [("a bright.jpg", jpeg(&exposed(1.3), 97)), ("b normal.jpg", jpeg(&exposed(1.0), 90))];
        for rules in rules() {
            let found = members(&photos, &rules);
            assert_eq!(of(&found, "b normal.jpg").0, Action::Keep, "{person} {found:?}");
            assert!(of(&found, "a bright.jpg").1.contains("brighter"), "{person} {found:?}");
        }
        // A dark exposure has its colours.
        let dark = [("dark.jpg", jpeg(&exposed(0.45), 90)), ("normal.jpg", jpeg(&exposed(1.0), 90))];
        let found = members(&dark, &DEFAULT);
        assert!(found.iter().all(|(.., why)| !why.contains("colours")), "{person} {found:?}");
    }
}

#[test]
fn a_colourless_photo_of_a_camera_does_not_move_for_a_coloured_one_without_data() {
    let original = original(PEOPLE[0]);
    let grey = DynamicImage::from(imageops::grayscale(&original)).into_rgb8();
    let colour = ("colour.jpg", jpeg(&original, 80));
    let scan = ("scan.jpg", from_camera(&jpeg(&grey, 95)));
    let found = members(&[colour.clone(), scan.clone(), ("grey.jpg", jpeg(&grey, 60))], &DEFAULT);
    assert_eq!(of(&found, "scan.jpg").0, Action::Keep, "{found:?}");
    assert_eq!(of(&found, "colour.jpg").0, Action::Keep, "{found:?}");
    assert_eq!(of(&found, "grey.jpg").0, Action::Move, "{found:?}");
    let of_camera = ("colour.jpg", from_camera(&jpeg(&original, 80)));
    let found = members(&[of_camera, scan], &DEFAULT);
    assert!(of(&found, "scan.jpg").1.contains("without its colours"), "{found:?}");
    assert_eq!(of(&found, "scan.jpg").0, Action::Move);
}

#[test]
fn bytes_after_the_picture_are_no_finer_compression() {
    let original = original(PEOPLE[0]);
    let whole = jpeg(&original, 90);
    let png = encoded(original.into(), ImageFormat::Png);
    for (ending, whole) in [("jpg", whole), ("png", png)] {
        let trailing = [whole.clone(), vec![0; 5000]].concat();
        let (first, second) = (format!("a much longer name.{ending}"), format!("b.{ending}"));
        let found = members(&[(&first, trailing), (&second, whole)], &[Keep::BestQuality]);
        assert_eq!(found[0].0, second, "{found:?}");
        assert!(!found[0].2.contains("compression"), "{found:?}");
    }
}

#[test]
fn reasons_are_about_the_kept_photo() {
    let original = original(PEOPLE[0]);
    let turned = imageops::rotate90(&original);
    // The turned ones are most.
    let mut photos = vec![("upright.jpg", from_camera(&jpeg(&original, 97)))];
    for (name, quality) in [("1.jpg", 90), ("2.jpg", 80), ("3.jpg", 70)] {
        photos.push((name, jpeg(&turned, quality)));
    }
    let found = members(&photos, &DEFAULT);
    assert_eq!(of(&found, "upright.jpg").0, Action::Keep);
    for name in ["1.jpg", "2.jpg", "3.jpg"] {
        assert!(of(&found, name).1.contains("turned by"), "{found:?}");
    }
}

/// The members that stay beside the kept one, which is the first.
fn staying(photos: &[(&str, Vec<u8>)]) -> (String, Vec<String>) {
    let members = members(photos, &DEFAULT);
    let stays = members[1..].iter().filter(|(_, action, _)| *action == Action::Keep);
    (members[0].0.clone(), stays.map(|(name, ..)| name.clone()).collect())
}

fn resized(photo: &RgbImage, side: u32) -> RgbImage {
    imageops::resize(photo, side, side * photo.height() / photo.width(), imageops::FilterType::Lanczos3)
}

#[test]
fn a_crop_with_clearly_more_pixels_than_the_whole_picture_stays() {
    for person in PEOPLE {
        let photo = original(person);
        let crop = jpeg(&cropped(&photo, [0.05, 0.03, 0.97, 0.95]), 90);
        let copy = jpeg(&cropped(&photo, [0.05, 0.03, 0.97, 0.95]), 80);
        let found = staying(&[
            ("whole.jpg", jpeg(&resized(&photo, 120), 90)),
            ("crop.jpg", crop),
            ("copy.jpg", copy),
        ]);
        assert_eq!(found, ("whole.jpg".into(), vec!["crop.jpg".into()]), "{person}");
    }
}

#[test]
fn the_only_photo_with_the_data_of_a_camera_stays() {
    for person in PEOPLE {
        let photo = original(person);
        let small = from_camera(&jpeg(&resized(&photo, 150), 90));
        let found = staying(&[("full.jpg", jpeg(&photo, 92)), ("small.jpg", small)]);
        assert_eq!(found, ("full.jpg".into(), vec!["small.jpg".into()]), "{person}");
    }
}

#[test]
fn an_enlargement_with_the_data_of_the_camera_is_not_kept_instead_of_its_original() {
    for person in PEOPLE {
        let photo = from_camera(&jpeg(&original(person), 88));
        let decoded = image::load_from_memory(&photo).unwrap().into_rgb8();
        let large = from_camera(&jpeg(&resized(&decoded, 600), 93));
        let found = staying(&[("photo.jpg", photo), ("large.jpg", large)]);
        assert_eq!(found, ("photo.jpg".into(), Vec::new()), "{person}");
    }
}

#[test]
fn lossy_formats_that_do_not_say_how_lossy_are_no_finer_than_a_fine_jpeg() {
    for person in PEOPLE {
        let photo = original(person);
        let gif = encoded(DynamicImage::ImageRgb8(photo.clone()), ImageFormat::Gif);
        let (kept, _) = staying(&[("a.gif", gif), ("photo.jpg", jpeg(&photo, 90))]);
        assert_eq!(kept, "photo.jpg", "{person}");
    }
}

#[test]
fn an_export_of_a_program_for_editing_moves_for_what_the_camera_made() {
    for person in PEOPLE {
        let photo = original(person);
        let sharper = imageops::unsharpen(&photo, 2.0, 1);
        let export = with_texts(&jpeg(&sharper, 97), &[MAKER, (305, "Adobe Photoshop 25.0 (Windows)")]);
        let made = with_texts(&jpeg(&photo, 90), &[MAKER, (305, "Ver.1.02")]);
        let found = members(&[("export.jpg", export.clone()), ("photo.jpg", made)], &DEFAULT);
        assert_eq!(of(&found, "photo.jpg").0, Action::Keep, "{person}");
        assert_eq!(of(&found, "export.jpg").0, Action::Move, "{person}");
        // It is still better than a copy without the data of the camera.
        let found = members(&[("export.jpg", export), ("photo.jpg", jpeg(&photo, 90))], &DEFAULT);
        assert_eq!(of(&found, "export.jpg").0, Action::Keep, "{person}");
    }
}

#[test]
fn a_photo_with_a_gain_map_does_not_move_for_one_without() {
    let photo = original(PEOPLE[0]);
    let map = jpeg(&resized(&photo, 80), 80);
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version=\"1.0\"/>";
    let hdr = [with_segment(&jpeg(&photo, 88), 0xe1, xmp), map].concat();
    let plain = jpeg(&photo, 97);
    let found = staying(&[("hdr.jpg", hdr.clone()), ("plain.jpg", plain.clone())]);
    assert_eq!(found, ("hdr.jpg".into(), Vec::new()));
    let found = staying(&[("hdr.jpg", hdr.clone()), ("plain.jpg", from_camera(&plain))]);
    assert_eq!(found, ("hdr.jpg".into(), vec!["plain.jpg".into()]));
    // Whoever chooses other rules has it moved.
    let found = members(&[("hdr.jpg", hdr), ("plain.jpg", plain)], &[Keep::BestQuality]);
    assert_eq!(of(&found, "hdr.jpg").0, Action::Move);
}

#[test]
fn a_fine_photo_does_not_move_for_a_coarse_one_in_a_reference_folder() {
    for person in PEOPLE {
        let photo = original(person);
        let found = members(&[("reference/a.jpg", jpeg(&photo, 25)), ("b.jpg", jpeg(&photo, 95))], &DEFAULT);
        assert_eq!(found.iter().map(|one| one.1).collect::<Vec<_>>(), [Action::Keep; 2], "{found:?}");
        let found = members(&[("reference/a.jpg", jpeg(&photo, 85)), ("b.jpg", jpeg(&photo, 95))], &DEFAULT);
        assert_eq!(of(&found, "b.jpg").0, Action::Move, "{found:?}");
    }
}

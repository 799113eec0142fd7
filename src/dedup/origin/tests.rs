//! The photo that is kept of an original and what was made from it.

use std::fs;
use std::path::Path;

use image::imageops::{FilterType, resize};

use super::super::cache::Cache;
use super::super::decisions::Decisions;
use super::super::keep::DEFAULT;
use super::super::planning::{PlanRequest, plan};
use crate::control::Control;
use crate::image::Limits;

const PEOPLE: [&str; 2] = ["001/neutral", "113/smiling"];

fn original(person: &str) -> image::RgbImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/faces/{person}.jpg"));
    image::load_from_memory(&fs::read(path).unwrap()).unwrap().into_rgb8()
}

fn resized(photo: &image::RgbImage, side: u32, kernel: FilterType) -> image::RgbImage {
    resize(photo, side, side, kernel)
}

fn jpeg(photo: &image::RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(photo).unwrap();
    bytes
}

fn decoded(bytes: &[u8]) -> image::RgbImage {
    image::load_from_memory(bytes).unwrap().into_rgb8()
}

/// The JPEG with Exif that names the maker of the camera.
fn from_camera(jpeg: &[u8]) -> Vec<u8> {
    // Little-endian TIFF with one directory of one entry: tag 0x010f, ASCII, four bytes.
    let tiff = b"II\x2a\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x04\0\0\0Cam\0\0\0\0\0";
    let length = (2 + 6 + tiff.len()) as u16;
    [&jpeg[..2], &[0xff, 0xe1], &length.to_be_bytes(), b"Exif\0\0", tiff, &jpeg[2..]].concat()
}

/// Name of the kept photo and the reason. The second plan, from the cache, is the same.
fn kept(photos: &[(&str, &[u8])]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("photos");
    fs::create_dir(&root).unwrap();
    photos.iter().for_each(|(name, bytes)| fs::write(root.join(name), bytes).unwrap());
    let cache = Cache::open(&folder.path().join("cache")).unwrap();
    let decisions = Decisions::open(&folder.path().join("decisions")).unwrap();
    let request = PlanRequest {
        roots: vec![root],
        references: Vec::new(),
        keep: DEFAULT.to_vec(),
        exact_only: false,
        limits: Limits::default(),
    };
    let [first, second] =
        [(); 2].map(|()| plan(&request, &cache, &decisions, &Control::none()).unwrap().unwrap().plan);
    assert_eq!(first, second);
    let [group] = &first.groups[..] else { panic!("{:?}", first.groups) };
    assert_eq!(group.members.len(), photos.len());
    let path = group.members[0].photo.path().unwrap();
    (path.file_name().unwrap().to_string_lossy().into_owned(), group.members[0].why.clone())
}

#[test]
fn an_enlargement_is_not_kept_instead_of_its_original() {
    for person in PEOPLE {
        let original = jpeg(&original(person), 85);
        for (side, kernel, quality) in [
            (640, FilterType::Lanczos3, 90),
            (640, FilterType::CatmullRom, 95),
            (640, FilterType::Triangle, 90),
            (480, FilterType::Lanczos3, 90),
            (480, FilterType::CatmullRom, 90),
        ] {
            let large = jpeg(&resized(&decoded(&original), side, kernel), quality);
            let (name, why) = kept(&[("large.jpg", &large), ("original.jpg", &original)]);
            assert_eq!(name, "original.jpg", "{person} {side} {kernel:?}: {why}");
            assert!(why.contains("enlargement"), "{why}");
            let (name, why) = kept(&[("large.jpg", &large), ("original.jpg", &from_camera(&original))]);
            assert_eq!((name.as_str(), why.as_str()), ("original.jpg", "kept: with the data of the camera"));
        }
    }
}

#[test]
fn a_reduced_copy_is_not_kept_instead_of_its_original() {
    for person in PEOPLE {
        let original = original(person);
        for quality in [60, 90] {
            let large = jpeg(&original, quality);
            for (side, kernel) in [
                (160, FilterType::Lanczos3),
                (160, FilterType::Triangle),
                (213, FilterType::CatmullRom),
                (256, FilterType::Lanczos3),
                (300, FilterType::Triangle),
            ] {
                let small = jpeg(&resized(&original, side, kernel), 90);
                let (name, why) = kept(&[("original.jpg", &large), ("small.jpg", &small)]);
                assert_eq!(name, "original.jpg", "{person} {quality} {side} {kernel:?}: {why}");
            }
        }
        let (large, small) = (jpeg(&original, 90), jpeg(&resized(&original, 120, FilterType::Lanczos3), 90));
        let (name, why) = kept(&[("original.jpg", &large), ("small.jpg", &from_camera(&small))]);
        assert_eq!((name.as_str(), why.as_str()), ("original.jpg", "kept: the most detail"), "{person}");
    }
}

#[test]
fn a_reduced_copy_is_not_kept_instead_of_its_soft_original() {
    for person in PEOPLE {
        let soft = image::imageops::blur(&original(person), 1.3);
        for (large, small) in [(90, 90), (97, 60), (80, 90)] {
            let large = jpeg(&soft, large);
            for (side, kernel) in
                [(128, FilterType::Lanczos3), (192, FilterType::Triangle), (213, FilterType::CatmullRom)]
            {
                let small = jpeg(&resized(&decoded(&large), side, kernel), small);
                let (name, why) = kept(&[("original.jpg", &large), ("small.jpg", &small)]);
                assert_eq!(name, "original.jpg", "{person} {side} {kernel:?}: {why}");
            }
        }
    }
}

#[test]
fn a_group_has_its_origins_whichever_photo_the_others_were_compared_with() {
    for person in PEOPLE {
        let first = jpeg(&original(person), 75);
        let again = jpeg(&decoded(&first), 97);
        let turned = [
            jpeg(&image::imageops::rotate90(&decoded(&first)), 97),
            jpeg(&image::imageops::flip_horizontal(&decoded(&first)), 97),
        ];
        for turned in &turned {
            let (name, why) = kept(&[
                ("again.jpg", &again),
                ("first.jpg", &first),
                ("turned.jpg", turned),
                ("first copy.jpg", &first),
            ]);
            assert_eq!(name, "first.jpg", "{person}: {why}");
        }
    }
}

#[test]
fn a_finer_encoding_of_a_decoded_file_is_not_kept_instead_of_its_first_encoding() {
    for person in PEOPLE {
        let original = original(person);
        for quality in [70, 85] {
            let first = jpeg(&original, quality);
            let again = jpeg(&decoded(&first), 98);
            let (name, why) = kept(&[("again.jpg", &again), ("first.jpg", &first)]);
            assert_eq!(
                (name.as_str(), why.as_str()),
                ("first.jpg", "kept: the other photo was encoded again from it")
            );
            let finer = jpeg(&original, 98);
            let (name, why) = kept(&[("finer.jpg", &finer), ("first.jpg", &first)]);
            assert_eq!(
                (name.as_str(), why.as_str()),
                ("finer.jpg", "kept: the finest compression"),
                "{person}"
            );
        }
    }
}

//! Faces at the border of their photo, and rotated photos.

use std::collections::HashMap;
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use serde_json::Value;

use crate::program::{House, encode, faces};

/// A gallery of twelve people with their neutral photos.
fn gallery() -> House {
    let house = House::empty();
    house.run("init", ["--model", "mobilefacenet-192"]).ends(0);
    for name in people() {
        let folder = house.path("people").join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(faces().join(&name).join("neutral.jpg"), folder.join("neutral.jpg"))
            .unwrap();
    }
    house.enroll("people").ends(0);
    house
}

/// The first twelve people.
fn people() -> Vec<String> {
    let mut people: Vec<String> = std::fs::read_dir(faces())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    people.sort();
    people.truncate(12);
    people
}

/// The reply of `identify` for each photo below `folder`, by file name.
fn identify(house: &House, folder: &Path) -> HashMap<String, Value> {
    let said =
        house.run("identify", [folder.as_os_str(), "--format".as_ref(), "json".as_ref()]).ends(10).json();
    let name = |reply: &Value| {
        let path = Path::new(reply["probe"]["path"].as_str().unwrap());
        path.file_stem().unwrap().to_string_lossy().into_owned()
    };
    said.into_iter().map(|reply| (name(&reply), reply)).collect()
}

/// Identifies the smiling photos after `change`, which gets the box of the face. All of them must match the correct subject.
fn all_are_named(change: impl Fn(&DynamicImage, [f64; 4]) -> DynamicImage) {
    let house = gallery();
    for name in people() {
        let photo = std::fs::read(faces().join(&name).join("smiling.jpg")).unwrap();
        house.write(format!("whole/{name}.jpg"), &photo);
    }
    let whole = identify(&house, &house.path("whole"));
    for name in people() {
        let photo = image::open(house.path("whole").join(format!("{name}.jpg"))).unwrap();
        let bounds = &whole[&name]["probe"]["bounds"];
        let changed = change(&photo, [0, 1, 2, 3].map(|i| bounds[i].as_f64().unwrap()));
        house.write(format!("changed/{name}.png"), &encode(&changed, ImageFormat::Png));
    }
    let changed = identify(&house, &house.path("changed"));
    for name in people() {
        let reply = &changed[&name];
        assert_eq!(reply["matches"][0]["subject"], name.as_str(), "{reply}");
        assert_eq!(reply["decision"], "match", "{reply}");
    }
}

/// The photo cut to this share of a box.
fn cut(photo: &DynamicImage, [left, top, right, bottom]: [f64; 4], share: f64) -> DynamicImage {
    let trim = |near: f64, far: f64| (far - near) * (1.0 - share) / 2.0;
    let (x, y) = (trim(left, right), trim(top, bottom));
    let [left, top, right, bottom] =
        [left + x, top + y, right - x, bottom - y].map(|at| at.max(0.0).round() as u32);
    photo.crop_imm(left, top, right - left, bottom - top)
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn faces_that_fill_their_photo_are_recognised() {
    all_are_named(|photo, bounds| cut(photo, bounds, 1.0));
    all_are_named(|photo, bounds| cut(photo, bounds, 0.9));
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn faces_cut_by_the_border_are_recognised() {
    for side in 0..4 {
        all_are_named(|photo, bounds| {
            let mut kept = [0.0, 0.0, photo.width().into(), photo.height().into()];
            let far = bounds[(side + 2) % 4];
            kept[side] = bounds[side] + 0.2 * (far - bounds[side]);
            cut(photo, kept, 1.0)
        });
    }
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn rotated_photos_are_recognised() {
    all_are_named(|photo, _| photo.rotate90());
    all_are_named(|photo, _| photo.rotate180());
    all_are_named(|photo, _| photo.rotate270());
}

/// Padding must not produce faces in photos without faces.
#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn patterns_have_no_face() {
    let house = gallery();
    type Pattern = fn(u32, u32) -> u8;
    let patterns: [(&str, Pattern); 5] = [
        ("grey", |_, _| 127),
        ("gradient", |x, y| (x + y) as u8),
        ("stripes", |x, _| if x / 9 % 2 == 0 { 20 } else { 220 }),
        ("checks", |x, y| if (x / 16 + y / 16) % 2 == 0 { 40 } else { 200 }),
        ("noise", |x, y| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(97) as u8),
    ];
    for (name, pattern) in patterns {
        for (width, height) in [(60, 60), (112, 112), (300, 70), (200, 260)] {
            let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([pattern(x, y); 3]));
            let path = house
                .write(format!("{name}-{width}x{height}.png"), &encode(&picture.into(), ImageFormat::Png));
            let reply = house
                .run("identify", [path.as_os_str(), "--format".as_ref(), "json".as_ref()])
                .ends(12)
                .json();
            assert_eq!(reply[0]["probe"]["reasons"][0], "no_face", "{}", reply[0]);
        }
    }
}

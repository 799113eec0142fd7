//! Pictures that differ in their colours or directions only, and the reasons that a plan states.

use std::collections::BTreeMap;
use std::fs;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::Value;

use crate::dedup::{Photos, face, jpeg};
use crate::program::encode;

/// A picture of 256 x 256 pixels: the colour of a place in shares of its sides.
fn drawn(colour: impl Fn(f32, f32) -> [u8; 3]) -> DynamicImage {
    let pixel = |x: u32, y: u32| Rgb(colour((x as f32 + 0.5) / 256.0, (y as f32 + 0.5) / 256.0));
    RgbImage::from_fn(256, 256, pixel).into()
}

/// A surface with a grain, of this brightness on average.
fn grain(x: f32, y: f32) -> f32 {
    let wave = |across: f32, down: f32, phase: f32| (across * x + down * y + phase).sin();
    1.0 + 0.16
        * (wave(19.0, 7.0, 0.3) + wave(-11.0, 26.0, 1.1) + wave(61.0, 37.0, 2.0) + wave(-83.0, 71.0, 0.7))
}

fn shaded(colour: [f32; 3], shade: f32) -> [u8; 3] {
    colour.map(|value| (value * shade).clamp(0.0, 255.0) as u8)
}

/// The members of all groups by name, with what the plan says of them.
fn reasons(photos: &Photos, more: &[&str]) -> BTreeMap<String, String> {
    photos.plan(more);
    let plan = fs::read(photos.house.path("plan.json")).unwrap();
    let plan: Value = serde_json::from_slice(&plan).unwrap();
    let groups = plan["groups"].as_array().unwrap().iter();
    let members = groups.flat_map(|group| group["members"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let name = |path: String| path.rsplit('/').next().unwrap().to_owned();
    members.map(|member| (name(text(&member["photo"])), text(&member["why"]))).collect()
}

#[test]
fn drawings_in_other_colours_or_directions_are_no_copies() {
    let photos = Photos::new();
    let write = |name: &str, picture: &DynamicImage| {
        photos.write(&format!("{name}.png"), &encode(picture, ImageFormat::Png));
    };
    // Flags of three bars.
    let flags = [
        ("italy", [[0, 146, 70], [255, 255, 255], [206, 43, 55]]),
        ("france", [[0, 85, 164], [255, 255, 255], [239, 65, 53]]),
        ("ireland", [[22, 155, 98], [255, 255, 255], [255, 136, 62]]),
        ("ivory coast", [[247, 127, 0], [255, 255, 255], [0, 158, 96]]),
        ("romania", [[0, 43, 127], [252, 209, 22], [206, 17, 38]]),
    ];
    for (name, bars) in flags {
        write(name, &drawn(|x, _| bars[((x * 3.0) as usize).min(2)]));
    }
    // Arrows.
    let arrow = drawn(|x, y| {
        let is_head = (0.15..0.5).contains(&y) && (x - 0.5).abs() < y - 0.15;
        let is_shaft = (0.5..0.85).contains(&y) && (x - 0.5).abs() < 0.12;
        if is_head || is_shaft { [20, 20, 20] } else { [240, 240, 240] }
    });
    write("up", &arrow);
    write("right", &arrow.rotate90());
    write("down", &arrow.rotate180());
    write("left", &arrow.rotate270());
    // A sign with a badge.
    for (name, badge) in [("ok", [0, 170, 0]), ("failed", [220, 0, 0]), ("busy", [230, 120, 0])] {
        write(
            name,
            &drawn(|x, y| {
                if (x - 0.8).hypot(y - 0.75) < 0.18 {
                    badge
                } else if (0.1..0.7).contains(&x) && (0.1..0.65).contains(&y) && (y * 9.0) as u32 % 3 != 1 {
                    [60, 80, 140]
                } else {
                    [255, 255, 255]
                }
            }),
        );
    }
    assert_eq!(reasons(&photos, &[]), BTreeMap::new());
    // Encoded again and reduced, a drawing is a copy.
    photos.write("copy/ok.jpg", &jpeg(&image::open(photos.root().join("ok.png")).unwrap(), 80));
    let small = arrow.resize(128, 128, image::imageops::FilterType::Triangle);
    photos.write("copy/small.png", &encode(&small, ImageFormat::Png));
    let found: Vec<String> = reasons(&photos, &[]).into_keys().collect();
    assert_eq!(found, ["ok.jpg", "ok.png", "small.png", "up.png"]);
}

#[test]
fn things_in_other_colours_are_no_copies() {
    let photos = Photos::new();
    let colours =
        [("red", [170.0, 60.0, 60.0]), ("green", [50.0, 118.0, 50.0]), ("blue", [70.0, 70.0, 200.0])];
    for (name, colour) in colours {
        // A fabric, and a thing in a scene of other colours.
        photos.write(&format!("fabric {name}.jpg"), &jpeg(&drawn(|x, y| shaded(colour, grain(x, y))), 90));
        let scene = drawn(|x, y| {
            let is_thing = ((x - 0.5) * 1.4).hypot(y - 0.6) < 0.2;
            let ground = if y < 0.4 { [90.0, 130.0, 190.0] } else { [180.0, 150.0, 100.0] };
            shaded(if is_thing { colour } else { ground }, grain(y, x))
        });
        photos.write(&format!("scene {name}.jpg"), &jpeg(&scene, 90));
    }
    assert_eq!(reasons(&photos, &[]), BTreeMap::new());
}

/// A photo with other values of its channels, 0 to 1.
fn edited(photo: &DynamicImage, edit: impl Fn([f32; 3]) -> [f32; 3]) -> DynamicImage {
    let mut pixels = photo.to_rgb8();
    for pixel in pixels.pixels_mut() {
        let values = edit(pixel.0.map(|value| f32::from(value) / 255.0));
        pixel.0 = values.map(|value| (value.clamp(0.0, 1.0) * 255.0) as u8);
    }
    pixels.into()
}

fn luma(values: [f32; 3]) -> f32 {
    0.299 * values[0] + 0.587 * values[1] + 0.114 * values[2]
}

#[test]
fn the_reason_is_how_a_photo_differs_from_the_kept_one() {
    let photos = Photos::new();
    let original = image::load_from_memory(&face("001", "neutral.jpg")).unwrap();
    let saturated = |factor: f32| {
        move |values: [f32; 3]| values.map(|value| luma(values) + factor * (value - luma(values)))
    };
    let warm = |[red, green, blue]: [f32; 3]| [1.06 * red, green, 0.9 * blue];
    let toned = |values: [f32; 3]| [1.1, 0.95, 0.7].map(|factor| factor * luma(values));
    let copies = [
        ("original", original.clone()),
        ("quarter", original.rotate90()),
        ("half", original.rotate180()),
        ("three", original.rotate270()),
        ("mirrored", original.fliph()),
        ("bright", edited(&original, |values| values.map(|value| value * 1.15))),
        ("dark", edited(&original, |values| values.map(|value| value * 0.3))),
        ("gamma", edited(&original, |values| values.map(|value| value.powf(0.8)))),
        ("grey", edited(&original, saturated(0.0))),
        ("vivid", edited(&original, |values| saturated(1.6)(warm(values)))),
        ("toned", edited(&original, toned)),
    ];
    for (name, copy) in &copies {
        photos.write(&format!("{name}/{name}.jpg"), &jpeg(copy, 88));
    }
    photos.write("coarse/coarse.jpg", &jpeg(&original, 60));
    let kept = |name: &str| {
        let rule = format!("folder:{}", photos.root().join(name).display());
        let found = reasons(&photos, &["--keep", &rule]);
        assert_eq!(found.len(), copies.len() + 1, "{found:?}");
        assert!(found[&format!("{name}.jpg")].starts_with("kept: in "), "{found:?}");
        move |name: &str| {
            let why = &found[&format!("{name}.jpg")];
            why.strip_prefix("the same picture, ").unwrap().to_owned()
        }
    };
    let why = kept("original");
    assert_eq!(why("quarter"), "turned by 90°");
    assert_eq!(why("half"), "turned by 180°");
    assert_eq!(why("three"), "turned by 270°");
    assert_eq!(why("mirrored"), "mirrored");
    assert_eq!(why("bright"), "brighter");
    assert_eq!(why("dark"), "darker");
    assert!(why("gamma").starts_with("brighter"));
    assert_eq!(why("grey"), "without its colours");
    assert!(why("vivid").ends_with("recoloured") && why("toned").ends_with("recoloured"));
    assert_eq!(why("coarse"), "encoded differently");
    let why = kept("half");
    assert_eq!(why("original"), "turned by 180°");
    assert_eq!(why("quarter"), "turned by 270°");
    assert_eq!(why("three"), "turned by 90°");
    assert_eq!(why("mirrored"), "mirrored and turned by 180°");
    assert_eq!(why("bright"), "turned by 180°, brighter");
    assert_eq!(why("grey"), "turned by 180°, without its colours");
    let why = kept("bright");
    assert_eq!(why("original"), "darker");
    assert_eq!(why("mirrored"), "mirrored, darker");
    let why = kept("grey");
    assert_eq!(why("original"), "with colours");
}

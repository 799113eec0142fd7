//! Invalid files in folders and damaged galleries: a clear error or a counted skip, and no loss.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use image::{DynamicImage, ImageFormat};

use crate::program::{House, Said, encode, gallerist, photo};

/// Enrolls one unusual file together with a valid photo. Returns the reason code of the file.
#[track_caller]
fn reason_for(name: &str, bytes: &[u8]) -> String {
    let house = House::new();
    house.photo("people/Ada/good.png", 1);
    house.write(Path::new("people/Ada").join(name), bytes);
    let said = house.enroll("people").ends(0);
    assert_eq!(said.summary()["enrolled"], 1, "the good photo is enrolled");
    house.holds(1);
    let line =
        said.json().into_iter().find(|line| line["event"] == "skipped").expect("the odd file is listed");
    assert!(line["path"].as_str().unwrap().ends_with(name));
    line["reason"].as_str().unwrap().to_owned()
}

fn jpeg() -> Vec<u8> {
    encode(&image::load_from_memory(&photo(5)).unwrap(), ImageFormat::Jpeg)
}

#[test]
fn an_empty_file_is_skipped() {
    assert_eq!(reason_for("a.jpg", b""), "empty");
}

#[test]
fn text_with_the_name_of_a_photo_is_skipped() {
    assert_eq!(reason_for("a.jpg", b"Dear Ada, this is a letter and not a photo."), "unsupported");
}

#[test]
fn a_truncated_jpeg_is_skipped() {
    let whole = jpeg();
    assert_eq!(reason_for("a.jpg", &whole[..whole.len() / 2]), "decode_failed");
}

#[test]
fn a_photo_of_one_pixel_is_skipped() {
    let pixel = DynamicImage::new_rgb8(1, 1);
    assert_eq!(reason_for("a.png", &encode(&pixel, ImageFormat::Png)), "too_small");
}

/// A PNG header with 100,000 x 100,000 pixels and a correct checksum, and almost no data.
#[test]
fn a_decompression_bomb_is_skipped() {
    let mut bomb = encode(&DynamicImage::new_luma8(8, 8), ImageFormat::Png);
    bomb[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&100_000_u32.to_be_bytes());
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(reason_for("a.png", &bomb), "too_large");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

#[test]
fn a_photo_without_a_face_is_skipped() {
    let wall = DynamicImage::from(image::RgbImage::from_pixel(80, 80, image::Rgb([200, 190, 180])));
    assert_eq!(reason_for("wall.png", &encode(&wall, ImageFormat::Png)), "no_face");
}

#[test]
fn links_to_a_folder_above_are_skipped() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    std::os::unix::fs::symlink(house.path("people"), house.path("people/Ada/loop")).unwrap();
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!((summary["inputs"].as_u64(), summary["enrolled"].as_u64()), (Some(2), Some(1)));
    assert_eq!(summary["skipped"]["unreadable"], 1);
}

#[test]
fn a_file_without_read_permission_is_skipped() {
    let house = House::new();
    let path = house.photo("people/Ada/secret.png", 1);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let folder = house.path("people");
    let arguments =
        [folder.as_os_str(), "--subject-from".as_ref(), "dir".as_ref(), "--format".as_ref(), "json".as_ref()];
    let mut enroll = house.command("enroll", arguments);
    if fs::read(&path).is_ok() {
        enroll = without_privilege(&enroll);
    }
    let summary = Said::of(enroll.output().unwrap()).ends(3).summary();
    assert_eq!(summary["skipped"]["unreadable"], 1);
}

/// The same command without the privileges of root, which would bypass permissions.
fn without_privilege(command: &Command) -> Command {
    let privilege = "-dac_override,-dac_read_search";
    let mut bound = Command::new("setpriv");
    bound.args([format!("--bounding-set={privilege}"), format!("--inh-caps={privilege}")]);
    bound.arg(command.get_program()).args(command.get_args());
    bound
}

#[test]
fn a_broken_link_is_skipped() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    std::os::unix::fs::symlink("gone.png", house.path("people/Ada/2.png")).unwrap();
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!(summary["skipped"]["unreadable"], 1);
    assert_eq!(summary["enrolled"], 1);
}

#[test]
fn a_pipe_in_the_folder_does_not_block() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    let made = Command::new("mkfifo").arg(house.path("people/Ada/pipe.jpg")).status();
    assert!(made.unwrap().success());
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!(summary["enrolled"], 1);
    assert_eq!(summary["inputs"], 2);
}

#[test]
fn a_path_that_is_not_utf8_is_accepted() {
    let house = House::new();
    let name = std::ffi::OsStr::from_bytes(b"photo-\xff.png");
    house.photo(Path::new("people/Ada").join(name), 1);
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!(summary["enrolled"], 1);
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!(summary["unchanged"], 1, "the path is remembered byte for byte");
    house.photo(Path::new("people").join(name).join("1.png"), 2);
    let summary = house.enroll("people").ends(0).summary();
    assert_eq!(summary["skipped"]["no_subject"], 1, "a name that is not UTF-8 names no subject");
}

#[test]
fn a_missing_photo_and_a_missing_gallery_are_reported() {
    let house = House::new();
    let said = house.run("enroll", ["no-such-folder", "--subject", "Ada"]).ends(1);
    assert!(said.err.contains("no-such-folder: no such file or folder"), "{}", said.err);
    let nowhere = house.path("nowhere");
    for verb in ["stats", "check"] {
        let said = gallerist([verb.as_ref(), nowhere.as_os_str()]).ends(1);
        assert!(said.err.contains("is not a gallery; `gallerist init` makes one"), "{}", said.err);
    }
    assert!(!nowhere.exists(), "nothing was made");
}

#[test]
fn init_never_overwrites() {
    let house = House::new();
    let said =
        gallerist(["init".as_ref(), house.gallery().as_os_str(), "--model".as_ref(), "stand-in".as_ref()])
            .ends(1);
    assert!(said.err.contains("exists already"), "{}", said.err);
    house.holds(0);
}

#[test]
fn a_gallery_of_another_model_is_refused() {
    let house = House::new();
    let probe = house.photo("probe.png", 1);
    let said = house.run("identify", [probe.as_os_str(), "--model".as_ref(), "dlib-128".as_ref()]).ends(1);
    assert!(said.err.contains("scores between two models mean nothing"), "{}", said.err);
}

#[test]
fn wrong_usage_ends_with_2() {
    let house = House::new();
    let photo = house.photo("a.png", 1);
    house.run("enroll", [&photo]).ends(2);
    house.run("identify", [photo.as_os_str(), "--min-quality".as_ref(), "101".as_ref()]).ends(2);
    gallerist(["no-such-verb"]).ends(2);
}

#[test]
fn one_process_at_a_time_has_a_gallery_open() {
    let house = House::new();
    let index = house.gallery().join("index/LOCK");
    let lock = fs::File::options().write(true).open(index).unwrap();
    lock.lock().unwrap();
    let said = house.run("stats", [] as [&str; 0]).ends(1);
    assert!(said.err.contains("another process") || said.err.contains("in use"), "{}", said.err);
    drop(lock);
    house.run("stats", [] as [&str; 0]).ends(0);
}

#[test]
fn a_damaged_catalog_is_reported() {
    let house = House::new();
    fs::write(house.gallery().join("catalog.sqlite"), b"this is not a database at all, is it?").unwrap();
    let said = house.run("stats", [] as [&str; 0]).ends(1);
    assert!(said.err.contains("catalog.sqlite"), "{}", said.err);
}

#[test]
fn a_damaged_index_is_reported() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    let manifest = house.gallery().join("index/MANIFEST");
    let mut bytes = fs::read(&manifest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&manifest, bytes).unwrap();
    let said = house.run("stats", [] as [&str; 0]).ends(1);
    assert!(said.err.contains("MANIFEST"), "{}", said.err);
}

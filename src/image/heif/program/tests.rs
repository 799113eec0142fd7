//! Runs of programs that the tests write, and of the real ones where they are installed.

use std::os::unix::fs::PermissionsExt;

use image::{ImageFormat, RgbImage};
use tempfile::TempDir;

use super::super::super::{Limits, Photo, decode};
use super::super::items::Items;
use super::*;

const TASK: Task = Task {
    is_avif: false,
    items: Items {
        size: (48, 32),
        is_deep: false,
        is_transformed: false,
        has_full_chroma: false,
        has_alpha: false,
    },
    pixels: 48 * 32,
    memory: 64 << 20,
};

/// A folder with programs of these names that run these lines of a shell.
fn programs(scripts: &[(&str, &str)]) -> (TempDir, Vec<(Decoder, PathBuf)>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in scripts {
        let file = folder.path().join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let found = find(folder.path().as_os_str());
    (folder, found)
}

/// Runs the first of the programs that succeeds, on three bytes.
fn run_scripts(scripts: &[(&str, &str)], task: Task) -> Result<Vec<u8>, DecodeError> {
    let (_folder, found) = programs(scripts);
    run_first(&found, b"abc", task, LONGEST)
}

#[test]
fn programs_are_found_in_order_of_preference_and_must_be_executable() {
    let (folder, found) = programs(&[("vips", ""), ("heif-convert", ""), ("avifdec", "")]);
    let names: Vec<&str> = found.iter().map(|(decoder, _)| decoder.name()).collect();
    assert_eq!(names, ["avifdec", "heif-convert", "vips"]);
    fs::set_permissions(folder.path().join("vips"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(find(folder.path().as_os_str()).len(), 2);
    assert!(find(OsStr::new("")).is_empty() && find(OsStr::new("relative")).is_empty());
}

#[test]
fn the_output_is_read_and_the_folder_is_removed() {
    let kept = tempfile::tempdir().unwrap();
    let script =
        format!("pwd > {}/folder; stat -c %a . >> {0}/folder; cat picture.heif > $4", kept.path().display());
    assert_eq!(run_scripts(&[("heif-dec", &script)], TASK).unwrap(), b"abc");
    let said = fs::read_to_string(kept.path().join("folder")).unwrap();
    let (folder, mode) = said.trim().split_once('\n').unwrap();
    assert!(mode == "700" && !Path::new(folder).exists(), "{said}");
    assert!(run_scripts(&[("heif-dec", &format!("{script}; exit 3"))], TASK).is_err());
    let said = fs::read_to_string(kept.path().join("folder")).unwrap();
    assert!(!Path::new(said.lines().next().unwrap()).exists(), "it is removed after a failure too");
}

#[test]
fn failures_say_what_the_program_said_and_another_program_is_tried() {
    let failed = ("heif-dec", "echo 'Could not read it' >&2; exit 1");
    let error = run_scripts(&[failed], TASK).unwrap_err();
    let told = error.to_string();
    assert!(
        error.reason().code() == "decode_failed" && told.contains("heif-dec failed: Could not read it"),
        "{told}"
    );
    let succeeds = ("heif-convert", "echo x > $4");
    assert_eq!(run_scripts(&[failed, succeeds], TASK).unwrap(), b"x\n");
    let error = run_scripts(&[("heif-dec", "true")], TASK).unwrap_err();
    assert_eq!(error.reason().code(), "decode_failed", "nothing was written");
}

#[test]
fn a_program_that_is_ended_from_outside_is_a_temporary_failure_and_its_own_crash_is_not() {
    for (signal, code) in [
        ("KILL", "temporary_failure"),
        ("INT", "temporary_failure"),
        ("TERM", "temporary_failure"),
        ("ABRT", "decode_failed"),
    ] {
        let error = run_scripts(&[("heif-dec", &format!("kill -s {signal} $$"))], TASK).unwrap_err();
        assert_eq!(error.reason().code(), code, "{signal}: {error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_takes_too_long_is_a_temporary_failure_and_is_ended() {
    let kept = tempfile::tempdir().unwrap();
    let script = format!("echo $$ > {}/number; exec sleep 60", kept.path().display());
    let (_folder, found) = programs(&[("heif-dec", &script)]);
    let error = run_first(&found, b"abc", TASK, Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.reason().code(), "temporary_failure");
    assert!(error.to_string().contains("longer than 1 s"), "{error}");
    let number = fs::read_to_string(kept.path().join("number")).unwrap();
    assert!(!Path::new("/proc").join(number.trim()).exists(), "process {number} still runs");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_to_the_process_group_does_not_reach_a_program() {
    let script = "read own name state parent group rest < /proc/$$/stat; echo $group $own > $4";
    let said = String::from_utf8(run_scripts(&[("heif-dec", script)], TASK).unwrap()).unwrap();
    let numbers: Vec<&str> = said.split_whitespace().collect();
    assert!(matches!(numbers[..], [group, own] if group == own), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_output_is_limited() {
    let most = most_bytes(TASK);
    // The limit is set after the start.
    let script = format!("sleep 0.3; head -c {} /dev/zero > $4", most + 1);
    let error = run_scripts(&[("heif-dec", &script)], TASK).unwrap_err();
    assert_eq!(error.reason().code(), "decode_failed");
}

#[test]
fn avifdec_is_used_for_plain_avif_only() {
    let both = [("avifdec", "printf avif > $6"), ("heif-convert", "printf heif > $4")];
    let mut task = Task { is_avif: true, ..TASK };
    assert_eq!(run_scripts(&both, task).unwrap(), b"avif");
    task.items.is_transformed = true;
    assert_eq!(run_scripts(&both, task).unwrap(), b"heif");
    assert_eq!(run_scripts(&both, TASK).unwrap(), b"heif");
    let error = run_scripts(&both[..1], TASK).unwrap_err();
    assert!(error.reason().code() == "unsupported" && error.to_string().contains("install libheif-examples"));
}

#[test]
fn the_first_of_several_pictures_is_read() {
    let script = "for n in 2 1; do printf $n > output-$n.jpg; done";
    assert_eq!(run_scripts(&[("heif-convert", script)], TASK).unwrap(), b"1");
}

#[test]
fn alpha_and_full_chroma_are_written_as_png() {
    let ending = |items: Items| Decoder::HeifDec.ending(Task { items, ..TASK });
    assert_eq!(ending(TASK.items), "jpg");
    assert_eq!(ending(Items { has_alpha: true, ..TASK.items }), "png");
    assert_eq!(ending(Items { has_full_chroma: true, ..TASK.items }), "png");
    assert_eq!(ending(Items { has_full_chroma: true, is_deep: true, ..TASK.items }), "jpg");
}

const QUARTERS: [((u32, u32), [u8; 3]); 4] =
    [((8, 8), [220, 40, 40]), ((40, 8), [40, 200, 60]), ((8, 24), [50, 60, 210]), ((40, 24), [230; 3])];

#[track_caller]
fn assert_quarters(photo: &Photo, place: impl Fn((u32, u32)) -> (u32, u32), expected: [[u8; 3]; 4]) {
    for ((at, _), expected) in QUARTERS.into_iter().zip(expected) {
        let (x, y) = place(at);
        let got = &photo.pixels[3 * (y * photo.width + x) as usize..][..3];
        assert!(got.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 8), "{got:?}, expected {expected:?}");
    }
}

#[test]
#[cfg_attr(not(heif_installed), ignore = "needs heif-dec or heif-convert of libheif")]
fn real_files_are_decoded_upright_once_and_in_srgb() {
    let read = |bytes: &[u8]| decode(bytes, &Limits::default()).unwrap();
    let colours = QUARTERS.map(|quarter| quarter.1);
    let plain = read(include_bytes!("../../fixtures/turned.heic"));
    assert_eq!((plain.width, plain.height), (48, 32), "the orientation in EXIF is ignored");
    assert_quarters(&plain, |at| at, colours);
    let turned = read(include_bytes!("../../fixtures/turned.avif"));
    assert_eq!((turned.width, turned.height), (32, 48), "the rotation in the boxes is applied");
    assert_quarters(&turned, |(x, y)| (31 - y, x), colours);
    let alpha = read(include_bytes!("../../fixtures/alpha.avif"));
    assert_quarters(&alpha, |at| at, [colours[0], colours[1], [255; 3], [255; 3]]);
    let p3 = read(include_bytes!("../../fixtures/p3.heic"));
    assert_quarters(&p3, |at| at, [[240, 0, 21], [0, 204, 12], [47, 60, 218], [230; 3]]);
}

#[test]
#[cfg_attr(not(heif_installed), ignore = "needs heif-dec or heif-convert of libheif")]
fn damaged_pictures_are_refused_by_the_program() {
    let mut bytes = include_bytes!("../../fixtures/turned.heic").to_vec();
    let at = bytes.windows(4).position(|part| part == b"hvcC").unwrap();
    bytes[at + 30..at + 110].fill(0);
    let error = decode(&bytes, &Limits::default()).unwrap_err();
    assert_eq!(error.reason().code(), "decode_failed", "{error}");
}

#[test]
fn output_that_is_larger_than_the_boxes_say_is_refused() {
    let large = RgbImage::new(100, 100);
    let mut png = std::io::Cursor::new(Vec::new());
    large.write_to(&mut png, ImageFormat::Png).unwrap();
    let error = super::super::picture(&png.into_inner(), Default::default(), TASK).unwrap_err();
    assert_eq!(error.reason().code(), "decode_failed", "{error}");
}

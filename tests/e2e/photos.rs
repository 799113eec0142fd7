//! Folders of photos: formats, sizes, files that are not photos, and temporary failures of the machine.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

use crate::program::{House, Said, encode, gallerist, photo};

const ARITHMETIC: &[u8] = include_bytes!("../../src/image/fixtures/arithmetic.jpg");

/// Enrolls `people` with additional options.
#[track_caller]
fn enroll(house: &House, options: &[&str]) -> Said {
    let folder = house.path("people");
    let mut arguments: Vec<&OsStr> = vec![folder.as_os_str()];
    let fixed = ["--subject-from", "dir", "--format", "json"];
    arguments.extend(fixed.iter().chain(options).map(OsStr::new));
    house.run("enroll", arguments)
}

#[track_caller]
fn skipped(said: &Said) -> Value {
    said.json().into_iter().find(|line| line["event"] == "skipped").expect("something is skipped")
}

#[test]
fn a_jpeg_with_arithmetic_coding_is_unsupported_and_not_damaged() {
    let house = House::new();
    house.write("people/Ada/1.jpg", ARITHMETIC);
    let line = skipped(&enroll(&house, &[]));
    assert_eq!(line["reason"], "unsupported");
    let detail = line["detail"].as_str().unwrap();
    assert!(
        detail.contains("arithmetic") && detail.contains("cjpeg") && !detail.contains("damaged"),
        "{detail}"
    );
}

#[test]
fn webp_is_read_with_and_without_its_old_option() {
    let house = House::new();
    let webp = encode(&image::load_from_memory(&photo(5)).unwrap(), ImageFormat::WebP);
    house.write("people/Ada/1.webp", &webp);
    assert_eq!(enroll(&house, &[]).ends(0).summary()["enrolled"], 1);
    assert_eq!(enroll(&house, &["--webp"]).ends(0).summary()["unchanged"], 1);
}

#[test]
fn refusals_name_the_option_and_a_higher_limit_processes_again() {
    let house = House::new();
    let path = house.photo("people/Ada/1.png", 1); // 128 x 128 pixels
    let length = fs::metadata(&path).unwrap().len();
    assert!(length > 300, "{length}");
    for (option, value) in [("max_pixels", "16K"), ("max_file", "300"), ("max_memory", "90K")] {
        let limit = format!("--{}", option.replace('_', "-"));
        let said = enroll(&house, &[&limit, value]);
        let line = skipped(&said);
        assert_eq!(line["reason"], "too_large", "{option}");
        assert!(line["detail"].as_str().unwrap().contains(&format!("{option} 1M")), "{line}");
        let words = [path.to_str().unwrap(), "--subject", "Ada", &limit, value];
        let said = house.run("enroll", words).ends(3);
        assert!(said.out.contains(&format!("{limit} 1M")), "{}", said.out);
    }
    assert_eq!(enroll(&house, &["--max-pixels", "1M"]).ends(0).summary()["enrolled"], 1);
    let said = enroll(&house, &["--max-pixels", "many"]).ends(2);
    assert!(said.err.contains("K, M, G or T"), "{}", said.err);
    // The same for probes.
    let said = house.run("identify", [path.as_os_str(), "--max-pixels".as_ref(), "9K".as_ref()]).ends(12);
    assert!(said.out.contains("--max-pixels 1M"), "{}", said.out);
}

#[test]
fn a_heic_without_a_program_for_it_is_listed_with_advice() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    let path = house.write("people/Ada/2.heic", include_bytes!("../../src/image/fixtures/turned.heic"));
    let people = house.path("people");
    let mut command =
        house.command("enroll", [people.as_os_str(), "--subject-from".as_ref(), "dir".as_ref()]);
    command.args(["--format", "json"]).env("PATH", house.path("programs"));
    let said = Said::of(command.output().unwrap()).ends(0);
    assert_eq!(said.summary()["skipped"], json!({ "unsupported": 1 }));
    let line = skipped(&said);
    assert_eq!((&line["path"], &line["reason"]), (&json!(path), &json!("unsupported")));
    assert!(line["detail"].as_str().unwrap().contains("install libheif-examples"), "{line}");
}

/// System files, sidecars and special files in a folder with a photo.
fn clutter(house: &House, folder: &str) {
    let write = |name: &str, bytes: &[u8]| {
        house.write(Path::new(folder).join(name), bytes);
    };
    write(".DS_Store", b"\0\0\0\x01Bud1");
    write("Thumbs.db", b"\xd0\xcf\x11\xe0");
    write("desktop.ini", b"[.ShellClassInfo]");
    write("._1.png", b"\0\x05\x16\x07");
    write("@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg", &photo(77));
    write(".thumbnails/normal/1.png", &photo(78));
    write("__MACOSX/._1.png", b"\0\x05\x16\x07");
    write(".git/HEAD", b"ref: refs/heads/main");
    write("1.xmp", b"<x:xmpmeta/>");
    write("1.AAE", b"<?xml");
    write("1.json", b"{}");
    write("notes.txt", b"not a photo");
    write("film.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0");
    let pipe = house.path(Path::new(folder).join("pipe"));
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    std::os::unix::net::UnixListener::bind(house.path(Path::new(folder).join("s"))).unwrap();
}

#[test]
fn system_files_and_sidecars_are_not_probes() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    house.photo("probes/1.png", 99);
    clutter(&house, "probes");
    let probes = house.path("probes");
    let options = ["--threshold", "0.95", "--format", "json"].map(OsStr::new);
    let said = house.run("identify", std::iter::once(probes.as_os_str()).chain(options)).ends(11);
    let replies = said.json().into_iter().filter(|line| line["decision"].is_string()).count();
    assert_eq!(replies, 1, "{}", said.out);
    // A named file is always processed.
    for name in ["._1.png", "notes.txt", "pipe", ".thumbnails/normal/1.png"] {
        let path = probes.join(name);
        let said = house.run("identify", std::iter::once(path.as_os_str()).chain(options));
        let expected = if name.ends_with("normal/1.png") { 11 } else { 12 };
        assert_eq!(said.code, Some(expected), "{name}: {}", said.out);
    }
}

#[test]
fn system_files_are_counted_separately_and_sidecars_are_not_a_photo() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    clutter(&house, "people/Ada");
    let summary = enroll(&house, &[]).ends(0).summary();
    assert_eq!(summary["inputs"], 8);
    assert_eq!(summary["enrolled"], 1);
    assert_eq!(summary["skipped"], json!({ "not_a_photo": 7 }));
    assert_eq!(summary["system_files"], 8);
}

#[test]
fn a_device_or_a_long_file_is_refused_as_a_manifest() {
    let house = House::empty();
    for model in ["/dev/zero", "/dev/null"] {
        let said =
            gallerist([OsStr::new("init"), house.gallery().as_os_str(), "--model".as_ref(), model.as_ref()])
                .ends(1);
        assert!(said.err.contains("regular file") && said.err.contains(model), "{}", said.err);
    }
    assert!(!house.gallery().exists());
}

#[test]
fn init_refuses_a_manifest_with_missing_or_changed_weights() {
    let house = House::empty();
    let manifest = house.write(
        "mine.toml",
        format!(
            "name = \"mine\"\nkind = \"torchscript\"\ndimension = 8\nchip = \"arcface-112\"\nchannels = \"rgb\"\n\
             mean = [0.0, 0.0, 0.0]\nscale = 1.0\nthreshold = 0.4\nthreshold_basis = \"none\"\nlicence = \"MIT\"\n\
             provenance = \"a test\"\n[weights]\nfile = \"mine.pt\"\nsha256 = \"{}\"\n",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        .as_bytes(),
    );
    let init = || {
        gallerist([OsStr::new("init"), house.gallery().as_os_str(), "--model".as_ref(), manifest.as_os_str()])
    };
    let said = init().ends(1);
    assert!(said.err.contains("mine.pt is missing"), "{}", said.err);
    house.write("mine.pt", b"abd");
    let said = init().ends(1);
    assert!(said.err.contains("sha256 is") && said.err.contains("mine.pt"), "{}", said.err);
    assert!(!house.gallery().exists());
    house.write("mine.pt", b"abc");
    init().ends(0);
}

/// A photo of 9,000 x 9,000 pixels needs more than the free address space: the machine fails, not the photo.
#[test]
#[cfg(target_os = "linux")]
fn a_shortage_of_memory_is_a_temporary_failure() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    let large = DynamicImage::new_luma8(9_000, 9_000);
    house.write("people/Ada/2.png", &encode(&large, ImageFormat::Png));
    let people = house.path("people");
    let limited = |kib: u64| {
        let script = format!("ulimit -v {kib}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_gallerist"), "enroll"]);
        command.arg(house.gallery()).arg(&people);
        command.args(["--subject-from", "dir", "--format", "json", "--workers", "1", "--max-memory", "4G"]);
        Said::of(command.output().unwrap())
    };
    let said = limited(1_100_000).ends(1);
    let summary = said.summary();
    assert_eq!(summary["enrolled"], 1);
    assert_eq!(summary["skipped"], json!({ "temporary_failure": 1 }));
    let text = skipped(&said)["detail"].as_str().unwrap().to_owned();
    assert!(text.contains("out of memory"), "{text}");
    // Nothing was stored: the photo is processed again, up to its header.
    let summary = enroll(&house, &["--max-pixels", "1M"]).ends(0).summary();
    assert_eq!(summary["skipped"], json!({ "too_large": 1 }));
    assert_eq!(summary["unchanged"], 1);
}

//! The commands with `--server` give what the same commands give locally.

use std::path::Path;

use serde_json::Value;

use crate::program::{House, Said, command, encode, gallerist, photo, vectors};
use crate::serve::Server;

/// The JSON of a command, without durations.
fn without_durations(said: &Said) -> Vec<Value> {
    let mut lines = said.json();
    for line in &mut lines {
        if let Some(fields) = line.as_object_mut() {
            fields.remove("seconds");
            fields.remove("processing_time_ms");
        }
    }
    lines
}

/// The text of a command, without the rate of an enrollment.
fn without_rate(said: &Said) -> Vec<String> {
    let line = |line: &str| match line.split_once(" in ") {
        Some((inputs, rest)) if rest.contains(" a second), ") => {
            format!("{inputs}, {}", rest.split_once("), ").unwrap().1)
        }
        _ => line.to_owned(),
    };
    said.out.lines().map(line).collect()
}

/// Runs a command on a gallery here and on one on a server, in both formats, and compares the outputs and the exit codes.
#[track_caller]
fn same(server: &Server, (here, there): (&[&str], &[&str]), words: &[&str], code: i32) {
    for format in ["json", "text"] {
        let with = |first: &[&str]| first.iter().chain(words).chain(&["--format", format]).map(ToString::to_string).collect::<Vec<_>>();
        let local = Said::of(command(with(here)).output().unwrap()).ends(code);
        let remote = server.run(with(there)).ends(code);
        assert_eq!(local.err, remote.err, "{words:?}");
        match format {
            "json" => assert_eq!(without_durations(&local), without_durations(&remote), "{words:?}"),
            _ => assert_eq!(without_rate(&local), without_rate(&remote), "{words:?}"),
        }
    }
}

/// Photos and other files in folders named after people.
fn folders(house: &House) {
    for (path, seed) in [("Ada/1", 1), ("Ada/2", 2), ("Bob/1", 3), ("Cyd/1", 4)] {
        house.photo(format!("people/{path}.png"), seed);
    }
    house.photo("people/Bob/same.png", 3);
    house.photo("people/Dan/as Ada.png", 1);
    house.photo("people/Thumbs.db", 9);
    house.photo("people/no folder.png", 8);
    house.write("people/Bob/notes.txt", b"no photo");
    house.write("people/Bob/broken.jpg", b"no photo either");
    house.write("people/Cyd/empty.png", b"");
    house.write("people/Cyd/small.png", &encode(&image::DynamicImage::new_rgb8(8, 8), image::ImageFormat::Png));
}

#[test]
fn an_enrollment_reports_the_same_from_a_server() {
    let (house, other) = (House::new(), House::new());
    folders(&house);
    let people = house.path("people");
    let server = Server::start(&other, &[]);
    for (words, code) in [
        (["--subject-from", "dir", "--min-quality", "0"], 0),
        (["--subject-from", "dir", "--min-quality", "0"], 0),
        (["--subject-from", "photo", "--faces", "all"], 0),
        (["--subject", "Eve", "--min-quality", "3"], 0),
    ] {
        let words = |first: &[&str]| {
            first.iter().chain(&[people.to_str().unwrap()]).chain(&words).chain(&["--format", "json"]).map(ToString::to_string).collect::<Vec<_>>()
        };
        let local = Said::of(command(words(&["enroll", house.gallery().to_str().unwrap()])).output().unwrap()).ends(code);
        let remote = server.run(words(&["enroll", "gallery"])).ends(code);
        // Locally, photos are reported as they are done; and a photo that is known under another path is known by that path.
        let sorted = |said: &Said| {
            let mut lines: Vec<String> = without_durations(said).iter().map(ToString::to_string).collect();
            lines.sort();
            lines
        };
        let unnamed = |lines: Vec<String>| -> Vec<String> {
            let from = format!(", from {}", people.display());
            lines.into_iter().map(|line| line.split(&from).next().unwrap().to_owned()).collect()
        };
        assert_eq!(unnamed(sorted(&local)).len(), unnamed(sorted(&remote)).len());
        assert_eq!(local.summary()["templates"], remote.summary()["templates"]);
        assert_eq!(local.summary()["inputs"], remote.summary()["inputs"]);
    }
    server.stop();
    let templates = house.run("check", ["--format", "json"]).ends(0).json()[0]["templates"].as_u64().unwrap();
    other.holds(templates);
}

#[test]
fn a_first_enrollment_prints_the_same_from_a_server() {
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    for format in ["json", "text"] {
        for naming in [&["--subject-from", "dir"][..], &["--subject-from", "photo", "--faces", "all"], &["--subject", "Eve"]] {
            let (house, other) = (House::new(), House::new());
            folders(&house);
            let people = house.path("people");
            let more: Vec<&str> = naming.iter().copied().chain([people.to_str().unwrap(), "--format", format]).collect();
            let local = house.run("enroll", &more).ends(0);
            let server = Server::start(&other, &[]);
            let remote = server.run(["enroll", "gallery"].iter().chain(&more)).ends(0);
            server.stop();
            let lines = |said: &Said| match format {
                "json" => without_durations(said).iter().map(ToString::to_string).collect(),
                _ => without_rate(said),
            };
            assert_eq!(sorted(lines(&local)), sorted(lines(&remote)), "{naming:?}");
        }
    }
}

#[test]
fn an_identification_and_a_verification_print_the_same_from_a_server() {
    let (house, other) = (House::new(), House::new());
    folders(&house);
    let people = house.path("people");
    let words = ["--subject-from", "dir", people.to_str().unwrap()];
    house.run("enroll", words).ends(0);
    let server = Server::start(&other, &[]);
    server.run(["enroll", "gallery"].iter().chain(&words)).ends(0);

    let here = house.gallery();
    let sides: (&[&str], &[&str]) = (&["identify", here.to_str().unwrap()], &["identify", "gallery"]);
    let people = people.to_str().unwrap();
    let stranger = house.photo("stranger.png", 77);
    let stranger = stranger.to_str().unwrap();
    let text = house.write("text.txt", b"text");
    for (more, code) in [
        (&[people][..], 10),
        (&[people, "-k", "1", "--faces", "all", "--with-template"], 10),
        (&[stranger], 11),
        (&[stranger, "--threshold", "0.1,0.99"], 12),
        (&[people, "--min-quality", "100"], 12),
        (&[people, "--search", "scan", "--certify", "bounded", "--fusion", "mean"], 10),
        (&[people, "--search", "graph", "--width", "32"], 10),
        (&[text.to_str().unwrap()], 12),
    ] {
        same(&server, sides, more, code);
    }
    let vectors = house.write("vectors.npy", &vectors(300, 64, 5));
    same(&server, sides, &["--vectors", vectors.to_str().unwrap(), "--threshold", "0.3", "-k", "2"], 11);

    let sides: (&[&str], &[&str]) = (&["verify", "--model", "stand-in"], &["verify"]);
    let one = house.path("people/Ada/1.png");
    let one = one.to_str().unwrap();
    let broken = house.path("people/Bob/broken.jpg");
    let empty = house.path("people/Cyd/empty.png");
    for (more, code) in [
        (&[one, one][..], 10),
        (&[one, stranger], 11),
        (&[one, stranger, "--threshold", "-1"], 10),
        (&[one, broken.to_str().unwrap()], 12),
        (&[empty.to_str().unwrap(), broken.to_str().unwrap()], 12),
        (&[one, one, "--min-quality", "100"], 12),
    ] {
        same(&server, sides, more, code);
    }
    server.stop();
}

#[test]
fn invalid_rows_and_other_dimensions_are_reported_as_locally() {
    let (house, other) = (House::new(), House::new());
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    let mut rows = vectors(3, 64, 1);
    let last = rows.len() - 4;
    rows[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let rows = house.write("nan.npy", &rows);
    let wide = house.write("wide.npy", &vectors(3, 65, 1));
    let server = Server::start(&other, &[]);
    let people = house.path("people");
    server.run(["enroll", "gallery", people.to_str().unwrap(), "--subject-from", "dir"]).ends(0);
    let here = house.gallery();
    let sides: (&[&str], &[&str]) = (&["identify", here.to_str().unwrap()], &["identify", "gallery"]);
    for (file, more, code) in [(&rows, &[][..], 1), (&rows, &["--skip-invalid"], 12), (&wide, &[], 1)] {
        let words: Vec<&str> = ["--vectors", file.to_str().unwrap()].iter().chain(more).copied().collect();
        same(&server, sides, &words, code);
    }
    server.stop();
}

#[test]
fn refusals_of_a_server_are_errors_with_their_code() {
    let house = House::new();
    let photo = house.photo("a.png", 1);
    let photo = photo.to_str().unwrap();
    let server = Server::start(&house, &["--max-body", "20000"]);
    let refused = |words: &[&str], code: i32, told: &str| {
        let said = server.run(words).ends(code);
        assert!(said.err.contains(told), "{words:?}: {}", said.err);
    };
    refused(&["identify", "nobody", photo], 1, "(unknown_gallery, request ");
    refused(&["identify", "../../etc", photo], 1, "(unknown_gallery, request ");
    refused(&["identify", "gallery", photo, "--search", "graph", "--certify", "exact"], 2, "(invalid_request, request ");
    refused(&["identify", "gallery", photo, "--target-fpir", "0.1"], 1, "(not_calibrated, request ");
    refused(&["identify", "gallery", photo, "--device", "cpu"], 2, "cannot be used with");
    refused(&["enroll", "gallery", photo, "--subject", "Ada", "--max-pixels", "1M"], 2, "cannot be used with");
    refused(&["verify", photo, photo, "--model", "stand-in"], 2, "cannot be used with");
    refused(&["verify", photo, photo, "--gallery", "nobody"], 1, "(unknown_gallery, request ");
    refused(&["identify", "gallery", "/nonexistent"], 1, "no such file or folder");

    let mut command = server.command(["identify", "gallery", photo]);
    let said = Said::of(command.env("GALLERIST_TOKEN", "wrong").output().unwrap()).ends(1);
    assert!(said.err.contains("(unauthorized, request "), "{}", said.err);
    let said = Said::of(command.env_remove("GALLERIST_TOKEN").output().unwrap()).ends(2);
    assert!(said.err.contains("GALLERIST_TOKEN"), "{}", said.err);
    let file = house.write("given", format!("{}\n", server.token).as_bytes());
    Said::of(command.arg("--token-file").arg(file).output().unwrap()).ends(11);

    // A photo that the server does not take is not an error of the others.
    let noise = house.write("big/noise.png", &[&crate::program::photo(2)[..], &[0; 30_000]].concat());
    house.photo("big/small.png", 3);
    let said = server.run(["enroll", "gallery", noise.parent().unwrap().to_str().unwrap(), "--subject", "Bob"]).ends(0);
    assert!(said.out.contains("noise.png  (too_large: ") && said.out.contains("1 template added"), "{}", said.out);
    server.stop();
    house.holds(1);

    for url in ["http://faces.example", "ftp://localhost", "http://127.0.0.1:1/#token=x"] {
        let mut command = command_with_token(&["identify", "gallery", photo, "--server", url]);
        let said = Said::of(command.output().unwrap()).ends(1);
        assert!(!said.err.contains("token=x"), "{}", said.err);
    }
    let said = Said::of(command_with_token(&["identify", "gallery", photo, "--server", "http://127.0.0.1:1"]).output().unwrap());
    assert!(said.ends(1).err.contains("http://127.0.0.1:1: "));
}

fn command_with_token(words: &[&str]) -> std::process::Command {
    let mut command = command(words);
    command.env("GALLERIST_TOKEN", "glr_x");
    command
}

#[test]
fn a_token_without_scores_shows_decisions_only() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    let stranger = house.photo("stranger.png", 2);
    let server = Server::start(&house, &[]);
    let token = Server::token(&house, "door", "identify", &[]);
    let run = |photo: &Path| {
        let mut command = server.command(["identify", "gallery", photo.to_str().unwrap()]);
        Said::of(command.env("GALLERIST_TOKEN", &token).output().unwrap())
    };
    let said = run(&house.path("people/Ada/1.png")).ends(10);
    assert!(said.out.contains("Ada  1.000"), "{}", said.out);
    let said = run(&stranger).ends(11);
    assert!(said.out.contains("no candidate") && !said.out.contains("Ada"), "{}", said.out);
    server.stop();
}

/// A certificate for this machine and its key.
fn certificate(house: &House) -> [std::path::PathBuf; 2] {
    let names = ["localhost", "127.0.0.1"].map(String::from);
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    [
        house.write("certificate.pem", made.cert.pem().as_bytes()),
        house.write("key.pem", made.signing_key.serialize_pem().as_bytes()),
    ]
}

#[test]
fn a_certificate_of_a_private_authority_is_trusted_if_it_is_named() {
    let house = House::new();
    let photo = house.photo("a.png", 1);
    let photo = photo.to_str().unwrap();
    let [certificate, key] = certificate(&house);
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let server = Server::start(&house, &["--tls-certificate", certificate, "--tls-key", key]);
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    server.run(["enroll", "gallery", photo, "--subject", "Ada", "--ca", certificate]).ends(0);
    server.run(["identify", "gallery", photo, "--ca", certificate]).ends(10);
    let said = server.run(["identify", "gallery", photo]).ends(1);
    assert!(said.err.contains("not trusted") && said.err.contains("--ca"), "{}", said.err);
    let said = server.run(["identify", "gallery", photo, "--ca", key]).ends(1);
    assert!(said.err.contains("no certificate"), "{}", said.err);
    let plain = server.url.replace("https", "http");
    let mut command = command_with_token(&["identify", "gallery", photo, "--server", &plain]);
    Said::of(command.output().unwrap()).ends(1);
    server.stop();
}

#[test]
fn an_address_of_other_machines_needs_tls() {
    let house = House::new();
    let tokens = house.path("tokens.json");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let said = gallerist(["serve", house.gallery().to_str().unwrap(), "--bind", address, "--tokens", tokens.to_str().unwrap()]);
        assert!(said.ends(2).err.contains("--tls-certificate"));
    }
    assert!(!tokens.exists(), "no token was made");
}

#[test]
fn a_busy_server_is_asked_again() {
    let house = House::new();
    let image = photo(1);
    house.write("a.png", &image);
    let server = Server::start(&house, &[]);
    let token = Server::token(&house, "slow", "enroll", &["--rate", "1"]);
    let photo = house.path("a.png");
    let mut command = server.command(["identify", "gallery", photo.to_str().unwrap()]);
    let said = Said::of(command.env("GALLERIST_TOKEN", &token).output().unwrap()).ends(11);
    assert!(said.err.contains("(rate_limited, request ") && said.err.contains("trying again in 1.0 s"), "{}", said.err);
    server.stop();
}

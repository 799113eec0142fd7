//! Ensembles: models that `model fuse` makes of others. The members are stand-ins, so no network is needed.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;

use crate::program::{House, Said, command, encode, gallerist, photo, vectors};

fn fuse(house: &House, more: &[&str], out: &str) -> Said {
    let out = house.path(out);
    let start = ["model", "fuse", "stand-in", "stand-in", "--format", "json", "--out"].map(OsStr::new);
    gallerist(start.into_iter().chain([out.as_os_str()]).chain(more.iter().map(OsStr::new)))
}

/// Two photos of each of some people. The second one is brighter.
fn people(house: &House, count: u64) {
    for person in 0..count {
        let first = photo(1000 + person);
        let second = image::load_from_memory(&first).unwrap().brighten(9);
        house.write(format!("people/{person:03}/1.png"), &first);
        house.write(format!("people/{person:03}/2.png"), &encode(&second, image::ImageFormat::Png));
    }
}

fn info(manifest: &Path) -> Value {
    let arguments = ["model", "info", "--format", "json"].map(OsStr::new);
    gallerist(arguments.into_iter().chain([manifest.as_os_str()])).ends(0).json().remove(0)
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn members_side_by_side_are_a_model_for_galleries() {
    let house = House::empty();
    let made = fuse(&house, &["--mirror"], "duo.toml").ends(0).json().remove(0);
    assert_eq!((&made["model"]["dimension"], &made["mirror"]), (&128.into(), &true.into()));
    assert_eq!(made["report"], Value::Null);
    let duo = house.path("duo.toml");
    assert_eq!(info(&duo)["members"].as_array().unwrap().len(), 2);
    assert_eq!(names_in(&house.path(".")), ["duo.toml"]);

    let model = ["--model".as_ref(), duo.as_os_str()];
    house.run("init", model).ends(0);
    let enrolled = house.photo("ada.png", 1);
    let named = ["--subject".as_ref(), "Ada".as_ref(), enrolled.as_os_str()];
    house.run("enroll", named.into_iter().chain(model)).ends(0);
    house.run("identify", [enrolled.as_os_str()].into_iter().chain(model)).ends(10);
    let other = house.photo("bob.png", 2);
    house.run("identify", [other.as_os_str()].into_iter().chain(model)).ends(11);
    let said = house.run("identify", [&other]).ends(1);
    assert!(said.err.contains("--model"), "{}", said.err);

    // Another weight is another model.
    let text = std::fs::read_to_string(&duo).unwrap().replacen("weight = 1.0", "weight = 0.9", 1);
    house.write("duo.toml", text.as_bytes());
    let said = house.run("identify", [other.as_os_str()].into_iter().chain(model)).ends(1);
    assert!(said.err.contains("cannot be used with model duo"), "{}", said.err);
}

#[test]
fn a_projection_is_fitted_and_reported_on_other_people() {
    let house = House::empty();
    people(&house, 170);
    house.write("people/README.md", b"a description beside the folders of people");
    let photos = house.path("people");
    let fit = ["--fit", photos.to_str().unwrap(), "--dimension", "32"];
    let made = fuse(&house, &fit, "models/duo.toml").ends(0).json().remove(0);
    assert_eq!(names_in(&house.path("models")), ["duo.safetensors", "duo.toml"]);
    let report = &made["report"];
    let lines: Vec<&str> =
        report["lines"].as_array().unwrap().iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(lines, ["stand-in", "stand-in", "side by side", "fused"]);
    let [fitted, reported] =
        [&made["fitted_to"][1], &report["people"]].map(|people| people.as_u64().unwrap());
    assert_eq!(fitted + reported, 170);
    assert!(reported >= 20 && fitted > 2 * reported);
    let description = info(&house.path("models/duo.toml"));
    assert_eq!(description, made["model"]);
    assert_eq!((&description["dimension"], &description["name"]), (&32.into(), &"duo".into()));
    for (field, part) in [
        ("provenance", "people of people"),
        ("threshold_basis", "not used for the fit"),
        ("licence", "stand-in:"),
    ] {
        assert!(description[field].as_str().unwrap().contains(part), "{description}");
    }

    // The same photos give the same model.
    fuse(&house, &fit, "again/duo.toml").ends(0);
    assert_eq!(info(&house.path("again/duo.toml"))["fingerprint"], description["fingerprint"]);

    let model = house.path("models/duo.toml");
    house.run("init", ["--model".as_ref(), model.as_os_str()]).ends(0);
    let probe = house.path("people/007/1.png");
    let arguments = |probe: &Path| ["--model".into(), model.clone().into_os_string(), probe.into()];
    house.run("enroll", arguments(&probe).into_iter().chain(["--subject".into(), "Seven".into()])).ends(0);
    house.run("identify", arguments(&house.path("people/007/2.png"))).ends(10);

    // The manifest may be given relative to the current folder.
    let mut relative =
        command(["verify", "--model", "models/duo.toml", "people/007/1.png", "people/007/2.png"]);
    Said::of(relative.current_dir(house.path(".")).output().unwrap()).ends(10);

    // A changed projection is refused.
    let bytes = std::fs::read(house.path("models/duo.safetensors")).unwrap();
    house.write("models/duo.safetensors", &[&bytes[..bytes.len() - 1], b"?"].concat());
    let said = house.run("identify", arguments(&probe)).ends(1);
    assert!(said.err.contains("duo.safetensors: sha256 is"), "{}", said.err);
}

#[test]
fn what_cannot_be_fused_is_refused_and_nothing_is_left() {
    let house = House::empty();
    people(&house, 12);
    let photos = house.path("people");
    let rows = house.write("people/000/rows.npy", &vectors(3, 128, 1));
    let fit = ["--fit", photos.to_str().unwrap()];
    for (more, out, told) in [
        (&["--dimension", "32"][..], "duo.toml", "--fit"),
        (&[], "duo", "must end with .toml"),
        (&[], "dlib-128.toml", "name of a built-in model"),
        (&["mobilefacenet-191"], "duo.toml", "there is no model"),
        (&["no/such.toml"], "duo.toml", "such.toml"),
        (&fit, "duo.toml", "at least 512 photos"),
        (&fit, "duo.toml", "a lower dimension, at most"),
        (&[fit[0], fit[1], "--dimension", "4"], "duo.toml", "expected at least 20"),
        (&[fit[0], fit[1], "--dimension", "129"], "duo.toml", "expected 1 to 128"),
        (&["--fit", "/no/such/folder"], "duo.toml", "no such file or folder"),
        (&["--fit", rows.to_str().unwrap()], "duo.toml", "photos are needed"),
        (&["--fit", photos.join("003").to_str().unwrap()], "duo.toml", "needs a folder for each person"),
    ] {
        let said = fuse(&house, more, out);
        assert!(said.code != Some(0) && said.err.contains(told), "{more:?}: {}", said.err);
        assert_eq!(names_in(&house.path(".")), ["people"], "{more:?}");
    }
    fuse(&house, &[], "duo.toml").ends(0);
    let before = std::fs::read(house.path("duo.toml")).unwrap();
    assert!(fuse(&house, &["--mirror"], "duo.toml").ends(1).err.contains("exists already"));
    assert_eq!(std::fs::read(house.path("duo.toml")).unwrap(), before);
}

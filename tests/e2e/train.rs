//! Training encoders. The model to start from is the stand-in, so no weights are needed; libtorch computes the gradients.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gallerist::gallery::{Gallery, UnknownFace};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::program::{House, Said, command, encode, faces, gallerist, people, photo};

/// Templates of 120 people, four each, with their names.
fn data(house: &House) -> [PathBuf; 2] {
    let (bytes, names) = people(120, 4, 64, 5, 120);
    [house.write("rows.npy", &bytes), house.write("names.txt", names.as_bytes())]
}

fn arguments(house: &House, out: &str, more: &[&str]) -> Vec<OsString> {
    let [rows, names] = data(house);
    let paths = [("--data", rows), ("--subjects", names), ("--out", house.path(out))];
    let usual = [["--model", "stand-in"], ["--dimension", "32"], ["--batch", "16x4"], ["--rate", "0.002"]];
    let usual = usual.into_iter().filter(|[option, _]| !more.contains(option)).flatten();
    let mut all: Vec<OsString> = std::iter::once("train").chain(usual).map(OsString::from).collect();
    all.extend(paths.into_iter().flat_map(|(option, path)| [option.into(), path.into_os_string()]));
    all.extend(more.iter().map(OsString::from));
    all
}

fn train(house: &House, out: &str, more: &[&str]) -> Said {
    gallerist(arguments(house, out, more))
}

fn report(house: &House, out: &str) -> Value {
    serde_json::from_slice(&fs::read(house.path(out).join("report.json")).unwrap()).unwrap()
}

#[test]
fn every_loss_trains_a_head_that_is_a_model() {
    let house = House::empty();
    for loss in ["triplet", "contrastive-softmax", "softmax-then-triplet", "batch-hard", "margin", "arcface"]
    {
        let out = format!("my-{loss}");
        let said = train(&house, &out, &["--loss", loss, "--epochs", "3"]).ends(0);
        assert!(
            said.out.contains("people of the validation") && said.out.contains("epoch 3/3"),
            "{}",
            said.out
        );
        let found = report(&house, &out);
        assert_eq!(found["epochs"].as_array().unwrap().len(), 4);
        assert_eq!(
            (&found["model"]["name"], &found["model"]["dimension"]),
            (&out.as_str().into(), &32.into())
        );
        assert_eq!(found["lines"].as_array().unwrap().len(), 2, "{found}");
        for file in ["curve.jsonl", "curve.svg"] {
            assert!(house.path(&out).join(file).is_file());
        }
        let said = train(&house, &out, &["--loss", loss, "--epochs", "3"]).ends(1);
        assert!(said.err.contains("complete"), "{}", said.err);
    }
    let manifest = house.path("my-triplet/my-triplet.toml");
    let model = ["--model".as_ref(), manifest.as_os_str()];
    house.run("init", model).ends(0);
    let enrolled = house.photo("ada.png", 1);
    let named = ["--subject".as_ref(), "Ada".as_ref(), enrolled.as_os_str()];
    house.run("enroll", named.into_iter().chain(model)).ends(0);
    house.run("identify", [enrolled.as_os_str()].into_iter().chain(model)).ends(10);
    let info = gallerist([OsStr::new("model"), "info".as_ref(), manifest.as_os_str()]).ends(0).out;
    assert!(info.contains("--loss triplet --backbone head") && info.contains("not stated"), "{info}");
}

#[test]
fn a_training_that_was_killed_ends_with_the_same_weights() {
    let house = House::empty();
    let options = ["--loss", "margin", "--epochs", "12", "--patience", "0"];
    let sha256 = |out: &str| {
        let text = fs::read_to_string(house.path(out).join(format!("{out}.toml"))).unwrap();
        text.lines().filter(|line| line.starts_with("sha256")).map(str::to_owned).collect::<Vec<_>>()
    };
    train(&house, "whole", &options).ends(0);
    // Killed once after the checkpoint of an epoch appears, and once more after it was continued.
    let checkpoint = house.path("killed").join("checkpoint");
    for _ in 0..2 {
        let before = fs::read(&checkpoint).ok();
        let mut child = command(arguments(&house, "killed", &options)).spawn().unwrap();
        let started = Instant::now();
        while fs::read(&checkpoint).ok() == before && child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < Duration::from_secs(120), "no checkpoint");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    if !house.path("killed/killed.toml").exists() {
        train(&house, "killed", &options).ends(0);
    }
    assert_eq!(sha256("whole"), sha256("killed"));
    assert_eq!(report(&house, "whole")["epochs"], report(&house, "killed")["epochs"]);
}

#[test]
fn what_cannot_be_trained_is_refused_with_the_reason() {
    let house = House::empty();
    let refused = |more: &[&str], code: i32| train(&house, "out", more).ends(code).err;
    assert!(refused(&["--loss", "arcface", "--mining", "semi-hard"], 2).contains("has no mining"));
    assert!(refused(&["--loss", "triplet", "--rate", "nan"], 2).contains("rate is NaN"));
    fs::create_dir(house.path("out")).unwrap();
    let other = fs::File::open(house.path("out")).unwrap();
    other.lock().unwrap();
    assert!(refused(&["--loss", "triplet"], 1).contains("another training runs in this folder"));
    drop(other);
    assert!(refused(&["--loss", "triplet", "--dimension", "65"], 1).contains("64 components"));
    assert!(refused(&["--loss", "triplet", "--backbone", "small"], 1).contains("only a head"));
    let said = refused(&["--loss", "triplet", "--epochs", "3", "--rate", "1e39"], 1);
    assert!(said.contains("lower learning rate") || said.contains("collapsed"), "{said}");

    let one = house.write("one.txt", "Ada\n".repeat(480).as_bytes());
    let named = |names: &PathBuf, out: &str| {
        let [rows, _] = data(&house);
        let paths = [("--data", rows), ("--subjects", names.clone()), ("--out", house.path(out))];
        let mut all: Vec<OsString> =
            ["train", "--model", "stand-in", "--dimension", "32", "--loss", "triplet"]
                .map(OsString::from)
                .into();
        all.extend(paths.into_iter().flat_map(|(option, path)| [option.into(), path.into_os_string()]));
        gallerist(all).ends(1).err
    };
    assert!(named(&one, "single").contains("one person"));
    let each: String = (0..480).map(|row| format!("p{row}\n")).collect();
    let each = house.write("each.txt", each.as_bytes());
    assert!(named(&each, "each").contains("have two photos or more"));

    let options = ["--loss", "triplet", "--epochs", "1"];
    let folder = house.path("damaged");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("checkpoint"), "gallerist checkpoint 1\nsha256 0").unwrap();
    let said = train(&house, "damaged", &options).ends(1).err;
    assert!(said.contains("damaged/checkpoint") && said.contains("Remove it"), "{said}");
}

#[test]
fn losses_are_compared_on_a_page() {
    let house = House::empty();
    let mut all =
        arguments(&house, "page", &["--losses", "triplet,arcface", "--seeds", "2", "--epochs", "2"]);
    all.insert(1, "compare".into());
    let said = gallerist(&all).ends(0).out;
    assert!(said.contains("arcface, seed 2: epoch 2/2") && said.contains("index.html"), "{said}");
    let page = fs::read_to_string(house.path("page/index.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("arcface") && page.contains("start"), "{page}");
    // What is complete is not repeated.
    let again = gallerist(&all).ends(0).out;
    assert!(!again.contains("epoch 1/2"), "{again}");
}

#[test]
fn a_small_network_is_trained_from_photos() {
    let house = House::empty();
    for person in 0..40_u64 {
        let first = photo(1000 + person);
        let second = image::load_from_memory(&first).unwrap().brighten(9);
        house.write(format!("people/{person:03}/1.png"), &first);
        house.write(format!("people/{person:03}/2.png"), &encode(&second, image::ImageFormat::Png));
    }
    house.write("people/empty/notes.txt", b"no photo");
    let (data, out) = (house.path("people"), house.path("tiny"));
    let start =
        ["train", "--model", "stand-in", "--loss", "batch-hard", "--backbone", "small", "--dimension", "32"];
    let more = ["--epochs", "1", "--batch", "8x2", "--data"];
    let arguments = start.into_iter().chain(more).map(OsString::from);
    let arguments = arguments.chain([data.into(), "--out".into(), out.clone().into()]);
    let said = gallerist(arguments.collect::<Vec<_>>()).ends(0);
    assert!(said.out.contains("weights are trained"), "{}", said.out);
    let text = fs::read_to_string(out.join("tiny.toml")).unwrap();
    assert!(text.contains("kind = \"graph\"") && text.contains("random weights"), "{text}");
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn shipped_weights_are_fine_tuned_and_encode_photos() {
    let house = House::empty();
    let (photos, out) = (faces(), house.path("tuned"));
    let start =
        ["train", "--loss", "triplet", "--backbone", "mobilefacenet", "--epochs", "1", "--batch", "8x2"];
    let arguments = start.into_iter().map(OsString::from);
    let arguments: Vec<OsString> = arguments
        .chain(["--data".into(), photos.clone().into(), "--out".into(), out.clone().into()])
        .collect();
    gallerist(arguments).ends(0);
    let manifest = out.join("tuned.toml");
    let model = ["--model".as_ref(), manifest.as_os_str()];
    house.run("init", model).ends(0);
    let photo = photos.join("001/neutral.jpg");
    let named = ["--subject".as_ref(), "001".as_ref(), photo.as_os_str()];
    house.run("enroll", named.into_iter().chain(model)).ends(0);
    let probe = photos.join("001/smiling.jpg");
    house.run("identify", [probe.as_os_str()].into_iter().chain(model)).ends(10);
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn a_head_is_trained_on_the_templates_of_a_gallery() {
    let house = House::empty();
    house.run("init", ["--model", "duo-128"]).ends(0);
    let photos = faces();
    house.run("enroll", [photos.as_os_str(), "--subject-from".as_ref(), "dir".as_ref()]).ends(0);
    let (gallery, out) = (house.gallery(), house.path("mine"));
    let start =
        ["train", "--loss", "margin", "--epochs", "1", "--batch", "8x2", "--data"].map(OsString::from);
    let arguments = start.into_iter().chain([gallery.into(), "--out".into(), out.clone().into()]);
    gallerist(arguments.collect::<Vec<_>>()).ends(0);
    let manifest = out.join("mine.toml");
    // One projection of both networks, not one after the other.
    let other = House::empty();
    let model = ["--model".as_ref(), manifest.as_os_str()];
    other.run("init", model).ends(0);
    let photo = photos.join("003/neutral.jpg");
    let named = ["--subject".as_ref(), "003".as_ref(), photo.as_os_str()];
    other.run("enroll", named.into_iter().chain(model)).ends(0);
    let probe = photos.join("003/smiling.jpg");
    other.run("identify", [probe.as_os_str()].into_iter().chain(model)).ends(10);

    // The exported files of the gallery are the same samples.
    let (files, again) = (house.path("files"), house.path("again"));
    house.run("export", ["--out".as_ref(), files.as_os_str()]).ends(0);
    let start =
        ["train", "--loss", "margin", "--epochs", "1", "--batch", "8x2", "--data"].map(OsString::from);
    let arguments = start.into_iter().chain([files.into(), "--out".into(), again.clone().into()]);
    gallerist(arguments.collect::<Vec<_>>()).ends(0);
    let projection = |manifest: PathBuf| {
        let text = fs::read_to_string(manifest).unwrap();
        text.lines().filter(|line| line.starts_with("sha256")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(projection(again.join("again.toml")), projection(manifest));
}

/// The faces that a training has read, with the names of their people.
fn samples(out: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = fs::read(out.join("samples.safetensors")).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let people: Vec<String> = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["people"]).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let faces = file.tensor("faces").unwrap().data();
    assert_eq!(faces.len(), people.len() * 3 * 112 * 112);
    people.into_iter().zip(faces.chunks(3 * 112 * 112).map(<[u8]>::to_vec)).collect()
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn a_small_network_is_trained_from_the_photos_of_a_gallery() {
    let house = House::empty();
    let (photos, of_one) =
        (house.path("people"), |person: &str, file: &str| format!("people/{person}/{file}"));
    let mut people: Vec<String> = fs::read_dir(faces())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    people.retain(|name| name.len() == 3);
    people.sort();
    let [first, second, third] = [0, 1, 2].map(|at| people[at].clone());
    let [small, large] = [people[38].clone(), people[39].clone()];
    people.drain(18..38);
    for person in &people {
        for file in ["neutral.jpg", "smiling.jpg"] {
            house.write(of_one(person, file), &fs::read(faces().join(person).join(file)).unwrap());
        }
    }
    house.run("init", ["--model", "mobilefacenet-192"]).ends(0);
    house.enroll("people").ends(0);
    // A photo of two people; the smaller face gets a name, the other one none.
    let portrait = |person: &str| image::open(faces().join(person).join("neutral.jpg")).unwrap();
    let mut pair = image::RgbImage::new(640, 320);
    image::imageops::overlay(&mut pair, &portrait(&large).to_rgb8(), 0, 0);
    let smaller = portrait(&small).resize(240, 240, image::imageops::FilterType::Triangle).to_rgb8();
    image::imageops::overlay(&mut pair, &smaller, 360, 40);
    let pair = house.write("pair.png", &encode(&pair.into(), image::ImageFormat::Png));
    house.run("enroll", [pair.as_os_str(), "--unnamed".as_ref()]).ends(0);
    {
        let gallery = Gallery::open(&house.gallery()).unwrap();
        let unknown = gallery.unknown_faces_after(0, 10).unwrap();
        assert_eq!(unknown.len(), 2);
        let is_right = |face: &&UnknownFace| face.face.as_ref().unwrap().bounds[0] > 320.0;
        let right = unknown.iter().find(is_right).unwrap().id.to_string();
        // A photo whose picture is kept.
        let template = gallery.templates_after(0, 100).unwrap().into_iter().find(|one| one.subject == third);
        let hash = template.unwrap().photo.unwrap();
        let path = gallery.photo(&hash).unwrap().unwrap().path;
        let decoded = gallerist::image::decode(&fs::read(&path).unwrap(), &Default::default()).unwrap();
        gallery.keep_picture(&hash, &gallerist::image::picture::picture(&decoded).unwrap()).unwrap();
        fs::remove_file(path).unwrap();
        drop(gallery);
        house.run("subject move", ["--template", &right, "--to", "in the pair"]).ends(0);
    }
    let [moved, changed] = [of_one(&first, "neutral.jpg"), of_one(&second, "smiling.jpg")];
    fs::remove_file(house.path(&moved)).unwrap();
    house.write(&changed, b"no photo any more");

    let train = |data: PathBuf, out: &str| {
        let start = ["train", "--model", "mobilefacenet-192", "--loss", "batch-hard", "--backbone", "small"];
        let more = ["--dimension", "32", "--epochs", "1", "--batch", "8x2", "--data"];
        let arguments = start.into_iter().chain(more).map(OsString::from);
        gallerist(arguments.chain([data.into(), "--out".into(), house.path(out).into()]).collect::<Vec<_>>())
    };
    let said = train(house.gallery(), "mine").ends(0).out;
    for part in [
        "2 faces left out",
        "1 (the photo is not at its path any more)",
        "1 (the file at the path of the photo has other content now)",
        "1 photo read from the pictures",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(house.path("mine/mine.toml").is_file());

    // They are the faces of the photos, bit by bit, and the right one of the pair.
    fs::remove_file(house.path(&changed)).unwrap();
    train(photos.clone(), "folder").ends(0);
    let mut of_gallery = samples(&house.path("mine"));
    let of_folder = samples(&house.path("folder"));
    assert_eq!((of_gallery.len(), of_folder.len()), (39, 37));
    for sample in &of_folder {
        let at = of_gallery.iter().position(|one| one == sample);
        of_gallery.swap_remove(at.unwrap_or_else(|| panic!("{}: another face", sample.0)));
    }
    let at = of_gallery.iter().position(|(name, _)| name == "in the pair").unwrap();
    let (_, in_the_pair) = of_gallery.swap_remove(at);
    assert_eq!(of_gallery[0].0, third);
    let difference = |person: &str| {
        let (_, portrait) = of_folder.iter().find(|(name, _)| name == person).unwrap();
        in_the_pair.iter().zip(portrait).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
    };
    assert!(2 * difference(&small) < difference(&large), "{} {}", difference(&small), difference(&large));

    fs::remove_dir_all(&photos).unwrap();
    fs::remove_file(pair).unwrap();
    let said = train(house.gallery(), "none").ends(1).err;
    assert!(said.contains("1 of 41 faces") && said.contains("not at its path any more"), "{said}");
}

#[test]
fn a_head_is_trained_on_the_files_that_encode_writes() {
    let house = House::empty();
    for person in 0..40_u64 {
        let first = photo(1000 + person);
        let second = image::load_from_memory(&first).unwrap().brighten(9);
        house.write(format!("people/{person:03}/1.png"), &first);
        house.write(format!("people/{person:03}/2.png"), &encode(&second, image::ImageFormat::Png));
    }
    let nameless = house.photo("nameless.png", 7);
    let encoded = |out: &str, paths: &[&Path], more: &[&str]| {
        let out = house.path(out);
        let start = ["encode", "--model", "stand-in"].map(OsStr::new);
        let more = more.iter().map(OsStr::new).chain(["--out".as_ref(), out.as_os_str()]);
        gallerist(start.into_iter().chain(paths.iter().map(|path| path.as_os_str())).chain(more)).ends(0);
        out
    };
    let (people, named) = (house.path("people"), ["--subject-from", "dir"]);
    let folder = encoded("enc", &[&people], &named);
    encoded("enc", &[&nameless], &[]);
    let lines = encoded("lines", &[&people], &["--subject-from", "dir", "--format", "jsonl"]);
    let run = |data: PathBuf, out: &str, more: &[&str]| {
        let start = ["train", "--loss", "triplet", "--dimension", "32", "--batch", "8x2", "--epochs", "1"];
        let arguments = start.iter().chain(more).map(OsString::from);
        let arguments = arguments.chain(["--data".into(), data.into(), "--out".into()]);
        gallerist(arguments.chain([house.path(out).into()]).collect::<Vec<_>>())
    };
    // The model is that of the files, not the default one.
    let said = run(folder.clone(), "of-folder", &[]).ends(0).out;
    assert!(said.contains("1 template without the name of a person, left out"), "{said}");
    let text = fs::read_to_string(house.path("of-folder/of-folder.toml")).unwrap();
    assert!(text.contains("80 photos") || text.contains("stand-in"), "{text}");
    let vectors = folder.join("embeddings.npy");
    for (data, out) in [
        (vectors.clone(), "of-vectors"),
        (lines.clone(), "of-lines"),
        (lines.join("templates.jsonl"), "of-file"),
    ] {
        run(data, out, &[]).ends(0);
        assert_eq!(report(&house, out)["epochs"], report(&house, "of-folder")["epochs"], "{out}");
    }
    assert!(run(folder.clone(), "small", &["--backbone", "small"]).ends(1).err.contains("only a head"));
    let said = run(vectors.clone(), "other", &["--model", "mobilefacenet-192"]).ends(1).err;
    assert!(said.contains("name the model"), "{said}");
    // A line that belongs to another row.
    let text = fs::read_to_string(folder.join("templates.jsonl")).unwrap();
    let exchanged: Vec<&str> = text.lines().skip(1).chain(text.lines().take(1)).collect();
    fs::write(folder.join("templates.jsonl"), exchanged.join("\n") + "\n").unwrap();
    let said = run(vectors, "damaged", &[]).ends(1).err;
    assert!(said.contains("describes another vector"), "{said}");
}

#[test]
fn photos_that_are_left_out_are_listed_and_copies_are_not_trained_with() {
    let house = House::empty();
    for person in 0..20_u64 {
        for at in 0..3 {
            let bytes = photo(1000 + 10 * person + at);
            house.write(format!("people/p{person:02}/{at}.png"), &bytes);
        }
    }
    house.write("people/p00/copy.png", &photo(1000));
    house.write("people/p01/of another.png", &photo(1001));
    house.write("people/p02/broken.png", b"\x89PNG\r\n\x1a\n and no more");
    house.write("people/.hidden/0.png", &photo(5000));
    house.write("people/loose.png", &photo(5001));
    let (data, out) = (house.path("people"), house.path("head"));
    let usual = ["train", "--model", "stand-in", "--loss", "triplet", "--dimension", "32", "--batch", "4x2"];
    let more = ["--epochs", "1", "--data"];
    let run = |format: &[&str]| {
        let arguments = usual.iter().chain(&more).map(OsString::from);
        let arguments = arguments.chain([data.clone().into(), "--out".into(), out.clone().into()]);
        gallerist(arguments.chain(format.iter().map(OsString::from)).collect::<Vec<_>>()).ends(0)
    };
    let said = run(&[]);
    for line in [
        "copy.png  (duplicate: the same bytes as",
        "of another.png  (other_name: the same bytes as",
        "broken.png  (decode_failed",
        ".hidden/0.png  (no_subject",
        "loose.png  (no_subject",
        "5 inputs left out: 1 decode_failed, 1 duplicate, 2 no_subject, 1 other_name",
    ] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    let [training, report] =
        ["trained_with", "reported_on"].map(|part| self::report(&house, "head")[part][0].as_u64().unwrap());
    assert!(training + report <= 60, "{training} {report}");
    // The samples are kept, and so is what is said about them.
    fs::remove_file(out.join("head.toml")).unwrap();
    let said = run(&["--format", "json"]);
    assert_eq!(said.json().iter().filter(|line| line.get("reason").is_some()).count(), 5);
}

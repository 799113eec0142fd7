//! The authenticity gate: fitting, judging, measuring, and its part in identification.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::program::{House, Said, encode, gallerist, photo};

/// People with genuine photos and with attacks.
const PEOPLE: u64 = 5;
/// Photos of each class of a person.
const PHOTOS: u64 = 4;

/// A photo of the stand-in's faces, or a dull and blurred picture of it.
pub fn picture(seed: u64, attack: bool) -> Vec<u8> {
    let sharp = image::load_from_memory(&photo(seed)).unwrap();
    let shown = if attack { sharp.blur(1.5).huerotate(40).adjust_contrast(-40.0) } else { sharp };
    encode(&shown, image::ImageFormat::Png)
}

/// Folders `genuine` and `attack` with these people.
fn folders(house: &House, people: u64) {
    for person in 0..people {
        for at in 0..PHOTOS {
            for (class, attack) in [("genuine", false), ("attack", true)] {
                let bytes = picture(100 * person + at, attack);
                house.write(format!("{class}/person {person}/{at}.png"), &bytes);
            }
        }
    }
}

/// A house with the folders and the gate that was fitted to them.
static FITTED: LazyLock<(House, Said)> = LazyLock::new(|| {
    let house = House::empty();
    folders(&house, PEOPLE);
    house.write("genuine/person 0/constant.png", &constant());
    let said = fit(&house, "gate.json", &["--format", "json"]);
    (house, said)
});

fn constant() -> Vec<u8> {
    encode(&image::RgbImage::from_pixel(128, 128, image::Rgb([90; 3])).into(), image::ImageFormat::Png)
}

fn words(house: &House, verb: &str, folders: &[(&str, &str)], more: &[&str]) -> Vec<String> {
    let mut words = vec!["authentic".to_owned(), verb.to_owned(), "--model".into(), "stand-in".into()];
    for (option, below) in folders {
        words.extend([(*option).to_owned(), house.path(below).to_str().unwrap().to_owned()]);
    }
    words.extend(more.iter().map(|&word| word.to_owned()));
    words
}

fn fit(house: &House, out: &str, more: &[&str]) -> Said {
    gallerist(words(house, "fit", &[("--genuine", "genuine"), ("--attack", "attack"), ("--out", out)], more))
}

/// The gate that was fitted to the folders.
pub fn gate() -> PathBuf {
    FITTED.0.path("gate.json")
}

/// A photo whose face is found, but is too small to be judged.
pub fn small() -> Vec<u8> {
    let triangle = image::imageops::FilterType::Triangle;
    encode(
        &image::load_from_memory(&photo(3)).unwrap().resize_exact(44, 44, triangle),
        image::ImageFormat::Png,
    )
}

/// The JSON of `authentic score` for a picture.
fn score(bytes: &[u8]) -> (Said, Vec<Value>) {
    let house = House::empty();
    let path = house.write("photo.png", bytes);
    let said = gallerist([
        "authentic".as_ref(),
        "score".as_ref(),
        path.as_os_str(),
        "--gate".as_ref(),
        gate().as_os_str(),
        "--model".as_ref(),
        "stand-in".as_ref(),
        "--format".as_ref(),
        "json".as_ref(),
    ]);
    let replies = said.json();
    (said, replies)
}

#[test]
fn a_fitted_gate_reports_its_errors_on_unseen_people() {
    let (house, said) = &*FITTED;
    assert_eq!(said.code, Some(0), "{} {}", said.out, said.err);
    let reply = &said.json()[0];
    let class = json!({ "photos": PEOPLE * PHOTOS, "people": PEOPLE });
    assert_eq!((&reply["fitted_to"]["genuine"], &reply["fitted_to"]["attack"]), (&class, &class));
    assert_eq!(reply["left_out"], 1);
    assert!(said.err.contains("constant.png: no_face"), "{}", said.err);
    let rates = &reply["unseen_people"];
    assert!(rates["eer"]["rate"].as_f64().unwrap() < 0.2, "{rates}");
    assert_eq!(rates["eer"]["ci95"].as_array().unwrap().len(), 2);
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(house.path("gate.json")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_gate_tells_pictures_of_pictures_from_originals() {
    for (attack, verdict) in [(false, "genuine"), (true, "attack")] {
        let (said, replies) = score(&picture(901, attack));
        assert_eq!((said.code, replies.len()), (Some(0), 1), "{}", said.err);
        let judgement = &replies[0]["probe"]["authenticity"]["judgement"];
        assert_eq!(judgement["verdict"], verdict, "{judgement}");
        assert_eq!(judgement["reasons"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn photos_without_a_face_and_small_faces_are_not_judged() {
    let (said, replies) = score(&constant());
    assert_eq!((said.code, &replies[0]["probe"]["reasons"]), (Some(3), &json!(["no_face"])));
    let (said, replies) = score(&small());
    assert_eq!(said.code, Some(3));
    let authenticity = &replies[0]["probe"]["authenticity"];
    assert!(authenticity["judgement"].is_null(), "{authenticity}");
    assert_eq!(authenticity["reason"], "not_judged");
    let detail = authenticity["detail"].as_str().unwrap();
    assert!(detail.starts_with("the face is ") && detail.contains("at least 48 x 48 are needed"), "{detail}");
    let grey = encode(&image::load_from_memory(&photo(3)).unwrap().grayscale(), image::ImageFormat::Png);
    let (said, replies) = score(&grey);
    assert_eq!(said.code, Some(0));
    let judgement = &replies[0]["probe"]["authenticity"]["judgement"];
    assert!(
        judgement["attack_probability"].is_f64() && judgement["outside"].as_u64().unwrap() > 5,
        "{judgement}"
    );
}

#[test]
fn the_text_names_the_verdict_and_the_reasons() {
    let house = House::empty();
    let path = house.write("photo.png", &picture(77, true));
    let said = gallerist(
        ["authentic", "score", "--model", "stand-in", "--gate"]
            .map(String::from)
            .into_iter()
            .chain([gate(), path].map(|path| path.to_str().unwrap().to_owned())),
    )
    .ends(0);
    assert!(said.out.starts_with("ATTACK  ") && said.out.contains("attack probability"), "{}", said.out);
    assert_eq!(said.out.lines().filter(|line| line.contains(", usual ")).count(), 3, "{}", said.out);
}

#[test]
fn other_photos_give_error_rates_and_one_class_gives_its_own() {
    let (house, _) = &*FITTED;
    let path = gate();
    let evaluate = |folders: &[(&str, &str)]| {
        let said = gallerist(words(
            house,
            "evaluate",
            folders,
            &["--gate", path.to_str().unwrap(), "--format", "json"],
        ));
        said.ends(0).json()[0]["error_rates"].clone()
    };
    let both = evaluate(&[("--genuine", "genuine"), ("--attack", "attack")]);
    assert_eq!((&both["genuine"], &both["attacks"], &both["people"]), (&json!(20), &json!(20), &json!(5)));
    assert!(both["bpcer_at_apcer_5"]["rate"].is_f64());
    let genuine = evaluate(&[("--genuine", "genuine")]);
    assert_eq!(genuine["bpcer"]["rate"], both["bpcer"]["rate"]);
    assert!(genuine.get("apcer").is_none() && genuine.get("eer").is_none(), "{genuine}");
}

#[test]
fn too_few_people_and_an_empty_class_write_nothing() {
    let house = House::empty();
    folders(&house, 3);
    let said = fit(&house, "gate.json", &[]).ends(3);
    assert!(
        said.err.contains("12 genuine faces of 3 people are usable: expected at least 20 of at least 4"),
        "{}",
        said.err
    );
    assert!(!house.path("gate.json").exists());
    fs::remove_dir_all(house.path("attack")).unwrap();
    fs::create_dir(house.path("attack")).unwrap();
    house.write("loose/photo.png", &photo(77));
    fit(&house, "gate.json", &[]).ends(3);
    let said = gallerist(words(
        &house,
        "fit",
        &[("--genuine", "genuine"), ("--attack", "loose"), ("--out", "gate.json")],
        &[],
    ))
    .ends(3);
    assert!(said.err.contains("no_subject"), "{}", said.err);
    // A photo that a typing error names as the output is not replaced.
    let kept = house.photo("photo.png", 1);
    let said = fit(&house, "photo.png", &[]).ends(1);
    assert!(said.err.contains("a file of another kind"), "{}", said.err);
    assert_eq!(fs::read(kept).unwrap(), photo(1));
}

#[test]
fn a_damaged_gate_is_refused_by_name() {
    let house = House::new();
    let text = fs::read_to_string(gate()).unwrap();
    for (damaged, expected) in [
        (text[..text.len() / 2].to_owned(), "expected the JSON"),
        (text.replacen("0.", "1.", 1), "expected the checksum"),
        ("{}".to_owned(), "expected \"format\""),
    ] {
        let path = house.write("damaged.json", damaged.as_bytes());
        let probe = house.photo("probe.png", 1);
        let said = house.run("identify", [probe.as_os_str(), "--gate".as_ref(), path.as_os_str()]).ends(1);
        assert!(
            said.err.contains("damaged.json: not a usable gate") && said.err.contains(expected),
            "{}",
            said.err
        );
    }
}

/// The reply of an identification of Ada, genuine or not, with a policy.
fn identify(attack: bool, policy: &str, code: i32) -> Value {
    identify_photo(&picture(1, attack), policy, code)
}

/// The reply of an identification by the photo with which Ada was enrolled, with a policy.
fn identify_photo(photo: &[u8], policy: &str, code: i32) -> Value {
    let house = House::new();
    house.write("people/Ada/1.png", photo);
    house.enroll("people").ends(0);
    let (probe, gate) = (house.path("people/Ada/1.png"), gate());
    let words =
        [probe.as_os_str(), "--gate".as_ref(), gate.as_os_str(), "--authenticity".as_ref(), policy.as_ref()];
    let said =
        house.run("identify", words.into_iter().chain(["--format".as_ref(), "json".as_ref()])).ends(code);
    let reply = said.json().remove(0);
    let replies = house.write("reply.json", said.out.as_bytes());
    gallerist(["check-certificate".as_ref(), replies.as_os_str(), house.gallery().as_os_str()]).ends(0);
    reply
}

#[test]
fn the_policy_decides_what_an_attack_changes() {
    let refused = identify(true, "refuse", 12);
    assert_eq!((&refused["decision"], &refused["doubt"]), (&json!("inconclusive"), &json!("not_authentic")));
    assert_eq!(refused["probe"]["authenticity"]["judgement"]["verdict"], "attack");
    assert_eq!(refused["matches"][0]["subject"], "Ada");
    let warned = identify(true, "warn", 10);
    assert_eq!((&warned["decision"], &warned["doubt"]), (&json!("match"), &Value::Null));
    assert_eq!(warned["probe"]["authenticity"]["judgement"]["verdict"], "attack");
    assert!(identify(true, "off", 10)["probe"].get("authenticity").is_none());
    let genuine = identify(false, "refuse", 10);
    assert_eq!(genuine["probe"]["authenticity"]["judgement"]["verdict"], "genuine");
}

#[test]
fn a_face_that_is_too_small_to_be_judged_is_refused_with_a_reason_of_its_own() {
    let refused = identify_photo(&small(), "refuse", 12);
    assert_eq!((&refused["decision"], &refused["doubt"]), (&json!("inconclusive"), &json!("not_judged")));
    assert_eq!(refused["probe"]["authenticity"]["reason"], "not_judged");
    let warned = identify_photo(&small(), "warn", 10);
    assert_eq!((&warned["decision"], &warned["doubt"]), (&json!("match"), &Value::Null));
    assert_eq!(warned["probe"]["authenticity"]["reason"], "not_judged");
}

#[test]
fn a_photo_unlike_those_of_the_fit_is_marked_and_treated_by_its_verdict() {
    // Stripes of a colour that no example has.
    let mut strange = image::load_from_memory(&photo(1)).unwrap().to_rgb8();
    for (x, _, image::Rgb([red, green, blue])) in strange.enumerate_pixels_mut() {
        (*red, *green, *blue) = (0, if x % 2 == 0 { 255 } else { 0 }, *red);
    }
    let strange = encode(&strange.into(), image::ImageFormat::Png);
    let house = House::empty();
    let path = house.write("photo.png", &strange);
    let words = ["authentic", "score", "--model", "stand-in", "--gate"].map(String::from);
    let said =
        gallerist(words.into_iter().chain([gate(), path].map(|path| path.to_str().unwrap().to_owned())))
            .ends(0);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].ends_with(", unlike the photos of the fit)"), "{}", said.out);
    assert!(lines[1].contains("its error rates do not apply, do not rely on the verdict"), "{}", said.out);
    let genuine = lines[0].starts_with("GENUINE  ");
    let reply = identify_photo(&strange, "refuse", if genuine { 10 } else { 12 });
    let judgement = &reply["probe"]["authenticity"]["judgement"];
    assert_eq!(
        (&judgement["unlike_fit"], &judgement["verdict"]),
        (&json!(true), &json!(if genuine { "genuine" } else { "attack" }))
    );
}

#[test]
fn a_photo_in_both_classes_is_refused_and_other_differences_are_warned_of() {
    let house = House::empty();
    folders(&house, 1);
    let path = gate();
    let evaluate = || {
        let folders = [("--genuine", "genuine"), ("--attack", "attack")];
        gallerist(words(&house, "evaluate", &folders, &["--gate", path.to_str().unwrap()]))
    };
    house.write("genuine/person 0/copy.png", &picture(0, false));
    let said = evaluate().ends(0);
    assert!(said.err.contains("copy.png: duplicate") && !said.err.contains("warning"), "{}", said.err);
    for at in 0..PHOTOS {
        let large = image::load_from_memory(&picture(at, true)).unwrap();
        let large = large.resize(300, 300, image::imageops::FilterType::Triangle).into_rgb8();
        house.write(format!("attack/person 0/{at}.jpg"), &encode(&large.into(), image::ImageFormat::Jpeg));
        fs::remove_file(house.path(format!("attack/person 0/{at}.png"))).unwrap();
    }
    let said = evaluate().ends(0);
    assert!(said.err.contains("are .jpg files") && said.err.contains("the size of faces"), "{}", said.err);
    house.write("attack/person 0/genuine.png", &picture(1, false));
    let said = evaluate().ends(1);
    assert!(said.err.contains("genuine.png") && said.err.contains("have the same bytes"), "{}", said.err);
}

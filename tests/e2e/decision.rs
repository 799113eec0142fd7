//! Decisions at an error rate: calibrated thresholds, certificates, and invalid input.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{House, Said, gallerist, people, shared_faces, vectors};

/// Components of a template.
pub const D: usize = 32;

/// A gallery of external templates: `images` of each of `count` people.
pub fn gallery(count: usize, images: usize) -> House {
    let house = House::empty();
    house.run("init", ["--dimension", &D.to_string()]).ends(0);
    import(&house, "gallery", people(count, images, D, 1, 0));
    house
}

#[track_caller]
pub fn import(house: &House, name: &str, (file, names): (Vec<u8>, String)) -> (PathBuf, PathBuf) {
    let paths = put(house, name, (file, names));
    house.run("import", [paths.0.as_os_str(), "--subjects".as_ref(), paths.1.as_os_str()]).ends(0);
    paths
}

pub fn put(house: &House, name: &str, (file, names): (Vec<u8>, String)) -> (PathBuf, PathBuf) {
    (house.write(format!("{name}.npy"), &file), house.write(format!("{name}.txt"), names.as_bytes()))
}

#[track_caller]
pub fn run(house: &House, verb: &str, words: &str) -> Said {
    let words = words.split_whitespace().map(|word| match word.strip_prefix('@') {
        Some(name) => house.path(name).to_str().unwrap().to_owned(),
        None => word.to_owned(),
    });
    house.run(verb, words.collect::<Vec<_>>())
}

/// The replies for each row of a file, as JSON.
#[track_caller]
fn identify(house: &House, words: &str) -> Vec<Value> {
    let said = run(house, "identify", &format!("{words} --format json"));
    assert!(matches!(said.code, Some(10..=12)), "{}", said.err);
    said.json()
}

fn share_of(replies: &[Value], decision: &str) -> f64 {
    replies.iter().filter(|reply| reply["decision"] == decision).count() as f64 / replies.len() as f64
}

fn interval(value: &Value) -> [f64; 2] {
    [0, 1].map(|side| value[side].as_f64().unwrap())
}

/// Whether a share observed in `trials` agrees with an interval, within four standard deviations.
#[track_caller]
fn fits(observed: f64, [low, high]: [f64; 2], trials: usize) {
    let slack = 4.0 * (observed.max(low) / trials as f64).sqrt();
    assert!((low - slack..=high + slack).contains(&observed), "{observed} is not within {low} to {high}");
}

#[test]
fn the_fpir_stays_at_its_target_as_the_gallery_grows() {
    let house = gallery(200, 1);
    house.write("strangers.npy", &vectors(3000, D, 11));
    house.write("fresh.npy", &vectors(4000, D, 12));
    let said =
        run(&house, "calibrate", "--nonmated @strangers.npy --target-fpir 0.02,0.001 --format json").ends(0);
    let calibrated = &said.json()[0];
    assert_eq!(calibrated["nonmated_searches"], 3000);
    assert_eq!(calibrated["operating_points"][0]["method"], "counted");
    assert_eq!(calibrated["operating_points"][1]["method"], "tail");
    assert_eq!(calibrated["warnings"], serde_json::json!([]));

    let replies = identify(&house, "--vectors @fresh.npy");
    let calibration = &replies[0]["calibration"];
    assert_eq!(calibration["origin"], "calibrated");
    assert_eq!((&calibration["target_fpir"], &calibration["n_subjects"]), (&0.02.into(), &200.into()));
    assert_eq!(replies[0]["certificate"]["kind"], "exact");
    fits(share_of(&replies, "match"), interval(&calibration["fpir_ci95"]), 4000);
    assert!((share_of(&replies, "match") + share_of(&replies, "no_match") - 1.0).abs() < 1e-9);
    let stats = run(&house, "stats", "--format json").ends(0).json();
    assert_eq!(stats[0]["calibration"]["stale"], serde_json::json!([]));

    // With five times as many subjects the threshold follows, and the reply states that it is predicted.
    let small = replies[0]["threshold"].as_f64().unwrap();
    import(&house, "more", people(800, 1, D, 2, 0));
    let replies = identify(&house, "--vectors @fresh.npy");
    let calibration = &replies[0]["calibration"];
    assert!(replies[0]["threshold"].as_f64().unwrap() > small);
    assert_eq!((&calibration["extrapolated"], &calibration["n_subjects"]), (&true.into(), &1000.into()));
    fits(share_of(&replies, "match"), interval(&calibration["fpir_ci95"]), 4000);
    let fixed = share_of(&identify(&house, &format!("--vectors @fresh.npy --threshold {small}")), "match");
    assert!(fixed > 0.06, "a threshold that stays names {fixed} of the strangers");
    let said = run(&house, "stats", "").ends(0);
    assert!(
        said.out.contains("STALE: it was measured with 200 subjects, there are 1000 now"),
        "{}",
        said.out
    );
}

#[test]
fn a_score_between_two_targets_is_inconclusive() {
    let house = gallery(100, 1);
    house.write("strangers.npy", &vectors(2000, D, 11));
    house.write("fresh.npy", &vectors(2000, D, 12));
    run(&house, "calibrate", "--nonmated @strangers.npy --target-fpir 0.2").ends(0);
    let replies = identify(&house, "--vectors @fresh.npy --target-fpir 0.2,0.05");
    let [matched, doubtful] = ["match", "inconclusive"].map(|decision| share_of(&replies, decision));
    assert!((matched - 0.05).abs() < 0.02 && (doubtful - 0.15).abs() < 0.03, "{matched}, {doubtful}");
    let reply = replies.iter().find(|reply| reply["decision"] == "inconclusive").unwrap();
    assert_eq!(reply["doubt"], "between_thresholds");
    let [low, high, best] =
        [&reply["no_match_below"], &reply["threshold"], &reply["matches"][0]["similarity"]]
            .map(|score| score.as_f64().unwrap());
    assert!(low <= best && best < high);
    assert_eq!(reply["calibration"]["no_match"]["target_fpir"], 0.2);
    run(&house, "identify", "--vectors @fresh.npy --target-fpir 0.2 --threshold 0.5").ends(2);
}

#[test]
fn a_probe_of_low_quality_is_inconclusive() {
    let house = House::new();
    house.photo("people/ada/1.png", 1);
    house.enroll("people").ends(0);
    let probe = house.photo("probe.png", 1);
    let identify = |quality: &str| {
        let words = ["--min-quality", quality, "--format", "json"];
        house.run("identify", std::iter::once(probe.as_os_str()).chain(words.map(AsRef::as_ref)))
    };
    assert_eq!(identify("0").ends(10).json()[0]["decision"], "match");
    let refused = &identify("100").ends(12).json()[0];
    assert_eq!(
        (&refused["decision"], &refused["probe"]["reasons"][0]),
        (&"inconclusive".into(), &"low_quality".into())
    );
}

#[test]
fn without_non_mated_probes_a_gallery_is_calibrated_with_its_own_subjects() {
    let house = gallery(400, 2);
    let said = run(&house, "calibrate", "--target-fpir 0.05 --format json").ends(0).json();
    assert_eq!((&said[0]["strangers"], &said[0]["n_subjects"]), (&"left_out".into(), &399.into()));
    assert_eq!(said[0]["nonmated_searches"], 400);
    assert!(said[0]["design"].as_f64().unwrap() >= 1.0);
    house.write("fresh.npy", &vectors(3000, D, 12));
    let replies = identify(&house, "--vectors @fresh.npy");
    fits(share_of(&replies, "match"), interval(&replies[0]["calibration"]["fpir_ci95"]), 3000);
}

#[test]
fn fusion_lists_the_requested_number_of_distinct_subjects() {
    let house = gallery(80, 6);
    house.write("fresh.npy", &vectors(20, D, 12));
    for fusion in ["max", "mean", "quality", "top2"] {
        for reply in
            identify(&house, &format!("--vectors @fresh.npy --top-k 50 --threshold 0.9 --fusion {fusion}"))
        {
            let matches = reply["matches"].as_array().unwrap();
            let subjects: HashSet<u64> =
                matches.iter().map(|one| one["subject_id"].as_u64().unwrap()).collect();
            assert_eq!((matches.len(), subjects.len()), (50, 50), "{fusion}");
            let scores: Vec<f64> = matches.iter().map(|one| one["similarity"].as_f64().unwrap()).collect();
            assert!(scores.is_sorted_by(|one, next| one >= next), "{fusion}: {scores:?}");
        }
    }
}

/// The candidates for each fusion equal those of brute force, and the certificate of each reply holds.
#[test]
fn certificates_hold_and_changed_replies_are_detected() {
    let house = gallery(150, 3);
    let (probes, _) = put(&house, "probes", people(30, 1, D, 1, 9));
    for words in [
        "--fusion max",
        "--fusion mean --top-k 3",
        "--fusion top2",
        "--fusion quality --certify bounded",
        "--certify exact",
    ] {
        let said = run(
            &house,
            "identify",
            &format!("--vectors @probes.npy --threshold=-1,0.5 {words} --format json"),
        );
        house.write("replies.json", said.out.as_bytes());
        let checked = gallerist([
            "check-certificate".as_ref(),
            house.path("replies.json").as_os_str(),
            house.gallery().as_os_str(),
        ]);
        assert!(
            checked
                .ends(0)
                .out
                .contains("30 certificates checked against 450 templates, each scored: all hold")
        );
    }
    let check = |line: &Value| {
        house.write("reply.json", line.to_string().as_bytes());
        let reply = house.path("reply.json");
        gallerist(["check-certificate".as_ref(), reply.as_os_str(), house.gallery().as_os_str()])
    };
    let said = run(&house, "identify", "--vectors @probes.npy --threshold 0.5 --with-template --format json");
    std::fs::remove_file(probes).unwrap(); // the template is in the reply
    let honest = said.json().into_iter().find(|reply| reply["decision"] == "match").unwrap();
    check(&honest).ends(0);
    let tampered = |change: &dyn Fn(&mut Value)| {
        let mut reply = honest.clone();
        change(&mut reply);
        check(&reply).ends(1).out
    };
    let missed = tampered(&|reply| {
        reply["matches"].as_array_mut().unwrap().remove(0);
        reply["decision"] = "no_match".into();
    });
    assert!(missed.contains("the certificate is Exact, but 1 subjects were missed"), "{missed}");
    let raised = tampered(&|reply| reply["matches"][0]["similarity"] = 0.99.into());
    assert!(raised.contains("matches[0].similarity: got 0.99"), "{raised}");
    let denied = tampered(&|reply| reply["decision"] = "no_match".into());
    assert!(denied.contains("decision: got \"no_match\", expected \"match\""), "{denied}");
    let unproven = tampered(&|reply| {
        reply["certificate"]["kind"] = "none".into();
        reply["decision"] = "no_match".into();
    });
    assert!(unproven.contains("does not guarantee"), "{unproven}");
}

#[test]
fn a_graph_search_is_inconclusive_and_reports_its_audit() {
    let house = House::empty();
    house.run("init", ["--dimension", &D.to_string(), "--graph", "always"]).ends(0);
    import(&house, "gallery", people(300, 2, D, 1, 0));
    house.run("compact", [""; 0]).ends(0);
    house.write("fresh.npy", &vectors(5, D, 12));
    let walk = "--vectors @fresh.npy --search graph --width 64 --threshold 0.9";
    let before = identify(&house, walk);
    assert_eq!(
        (&before[0]["certificate"]["kind"], &before[0]["decision"]),
        (&"none".into(), &"inconclusive".into())
    );
    assert_eq!(before[0]["doubt"], "incomplete_search");
    let said = run(&house, "identify", "--vectors @fresh.npy --search graph --certify exact --threshold 0.9")
        .ends(2);
    assert!(said.err.contains("cannot guarantee"), "{}", said.err);
    let audit =
        run(&house, "audit", "--search graph --width 64 --threshold 0.5 --format json").ends(0).json();
    assert_eq!((&audit[0]["search"], &audit[0]["mates"]["from"]), (&"graph-64".into(), &"left_out".into()));
    assert_eq!(audit[0]["mates"]["missed"], 0);
    let after = identify(&house, walk);
    let certificate = &after[0]["certificate"];
    assert_eq!((&certificate["kind"], &certificate["miss_rate"]), (&"sampled".into(), &0.0.into()));
    assert!(interval(&certificate["interval"])[1] > 0.0, "{certificate}");
    assert_eq!(after[0]["decision"], "inconclusive", "what was audited is no proof");
    // Another width is another search configuration.
    let other = identify(&house, "--vectors @fresh.npy --search graph --width 80 --threshold 0.9");
    assert_eq!(other[0]["certificate"]["kind"], "none");
    // Without graphs every search is exact.
    let plain = gallery(50, 1);
    plain.write("fresh.npy", &vectors(5, D, 12));
    assert_eq!(identify(&plain, walk)[0]["certificate"]["kind"], "exact");
}

#[test]
fn invalid_probes_are_reported() {
    let house = gallery(100, 1);
    let refused_with = |code: i32, words: &str, expected: &str| {
        let said = run(&house, "calibrate", words).ends(code);
        assert!(said.err.contains(expected), "{words}: {}", said.err);
    };
    let refused = |words: &str, expected: &str| refused_with(1, words, expected);
    house.write("few.npy", &vectors(10, D, 11));
    refused("--nonmated @few.npy", "10 probes of people who are not in the gallery remain");
    house.write("strangers.npy", &vectors(300, D, 11));
    refused(
        "--nonmated @strangers.npy --target-fpir 0.00001",
        "calibrate with 10000 or more non-mated probes",
    );
    refused_with(2, "--nonmated @strangers.npy --target-fpir 1.5", "expected a share above 0 and below 1");
    house.write("other.npy", &vectors(300, D + 1, 11));
    refused("--nonmated @other.npy", "33 components was given, this gallery has 32");
    let mut nan = vectors(300, D, 11);
    let place = nan.len() - 4 * D;
    nan[place..place + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    house.write("nan.npy", &nan);
    refused("--nonmated @nan.npy", "row 299: component 0 is NaN");
    let said = run(&house, "identify", "--vectors @strangers.npy --target-fpir 0.01").ends(1);
    assert!(said.err.contains("this gallery is not calibrated"), "{}", said.err);

    // Subjects among the non-mated probes: with the same name they are left out, with another name they are suspects.
    let (file, names) = people(100, 1, D, 1, 3);
    put(&house, "mates", (file, names));
    refused(
        "--nonmated @mates.npy --subjects @mates.txt",
        "0 probes of people who are not in the gallery remain",
    );
    let mut mixed = vectors(300, D, 11);
    let (mates, _) = people(3, 1, D, 1, 3);
    let start = mixed.len() - 3 * D * 4;
    mixed[start..].copy_from_slice(&mates[mates.len() - 3 * D * 4..]);
    house.write("mixed.npy", &mixed);
    let said =
        run(&house, "calibrate", "--nonmated @mixed.npy --target-fpir 0.05 --format json").ends(0).json();
    let suspects = said[0]["suspects"].as_array().unwrap();
    let like: HashSet<&str> = suspects.iter().map(|suspect| suspect["subject"].as_str().unwrap()).collect();
    let mates = HashSet::from(["person 1-0", "person 1-1", "person 1-2"]);
    assert!(like.len() >= 2 && like.is_subset(&mates), "{like:?}"); // one is a separate photo
    assert!(said[0]["warnings"][0].as_str().unwrap().contains("probes may be in the gallery after all"));
    let catalog = rusqlite::Connection::open(house.gallery().join("catalog.sqlite")).unwrap();
    let kept: String = catalog.query_row("SELECT document FROM calibrations", [], |row| row.get(0)).unwrap();
    assert!(!kept.contains("mixed.npy") && !kept.contains("person"), "who is removed must not stay in it");
}

#[test]
fn a_calibration_is_bound_to_its_model() {
    let house = gallery(50, 1);
    house.write("strangers.npy", &vectors(500, D, 11));
    run(&house, "calibrate", "--nonmated @strangers.npy --target-fpir 0.1").ends(0);
    let other = House::new();
    let from = house.gallery();
    let said = other.run("calibrate", ["--from".as_ref(), from.as_os_str()]).ends(1);
    assert!(said.err.contains("this calibration was measured with model external"), "{}", said.err);
    // A calibration of the same model can be copied.
    let twin = gallery(60, 1);
    twin.run("calibrate", ["--from".as_ref(), from.as_os_str()]).ends(0);
    twin.write("fresh.npy", &vectors(3, D, 5));
    assert_eq!(identify(&twin, "--vectors @fresh.npy")[0]["calibration"]["n_subjects"], 60);
    let dry = gallery(50, 1);
    dry.write("strangers.npy", &vectors(500, D, 11));
    assert!(
        run(&dry, "calibrate", "--nonmated @strangers.npy --dry-run")
            .ends(0)
            .out
            .contains("nothing was kept")
    );
    let said = run(&dry, "stats", "").ends(0);
    assert!(said.out.contains("calibration              none"), "{}", said.out);
}

/// A common problem of small galleries: with two subjects, non-mated probes match.
#[test]
#[cfg_attr(not(all(models_installed, shared_faces)), ignore = "needs the models and ../shared/faces")]
fn two_subjects_and_a_thousand_non_mated_probes() {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(shared_faces().join("lfw")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let house = House::empty();
    house.run("init", ["--model", "mobilefacenet-192"]).ends(0);
    let photos = |folder: &Path| {
        let mut photos: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        photos.sort();
        photos
    };
    let known: Vec<&PathBuf> = folders.iter().filter(|folder| photos(folder).len() >= 4).take(2).collect();
    let link = |from: &Path, set: &str| {
        let person = from.parent().unwrap().file_name().unwrap();
        let folder = house.path(set).join(person);
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(from, folder.join(from.file_name().unwrap())).unwrap();
    };
    for folder in &known {
        photos(folder)[..3].iter().for_each(|photo| link(photo, "people"));
        link(&photos(folder)[3], "mates");
    }
    let strangers: Vec<&PathBuf> = folders.iter().filter(|folder| !known.contains(folder)).collect();
    for (at, folder) in strangers.iter().step_by(2).enumerate().take(800) {
        link(&photos(folder)[0], if at % 2 == 0 { "calibration" } else { "strangers" });
    }
    house.enroll("people").ends(0);
    let said = run(&house, "calibrate", "--nonmated @calibration --target-fpir 0.05").ends(0);
    assert!(said.out.contains("through 2 subjects of 6 templates"), "{}", said.out);
    let replies = identify(&house, "@strangers");
    fits(share_of(&replies, "match"), interval(&replies[0]["calibration"]["fpir_ci95"]), replies.len());
    assert!(share_of(&replies, "match") < 0.1, "{}", share_of(&replies, "match"));
    assert_eq!(share_of(&identify(&house, "@mates"), "match"), 1.0);
    let lines: Vec<String> = replies.iter().map(Value::to_string).collect();
    house.write("replies.json", lines.join("\n").as_bytes());
    let replies = house.path("replies.json");
    let checked = gallerist(["check-certificate".as_ref(), replies.as_os_str(), house.gallery().as_os_str()]);
    assert!(checked.ends(0).out.contains("all hold"), "photos are looked at again");
}

#[test]
fn measuring_verbs_skip_invalid_rows_on_request() {
    let house = gallery(40, 2);
    let damage = |mut file: Vec<u8>, rows: usize| {
        let at = file.len() - 4 * D * (rows - 5);
        file[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        file
    };
    let (mates, names) = people(40, 1, D, 1, 9);
    put(&house, "mates", (damage(mates, 40), names));
    house.write("strangers.npy", &damage(vectors(300, D, 6), 300));
    let (mated, strangers) = ("--mated @mates.npy", "--nonmated @strangers.npy --target-fpir 0.1");
    for (verb, words) in [
        ("calibrate", strangers.to_owned()),
        ("audit", format!("{mated} --subjects @mates.txt --threshold 0.5")),
        ("eval", format!("{mated} --mated-subjects @mates.txt {strangers} --out @out")),
    ] {
        let said = run(&house, verb, &words).ends(1);
        assert!(said.err.contains("row 5: component 0 is NaN"), "{verb}: {}", said.err);
        assert!(said.err.contains("--skip-invalid"), "{verb}: {}", said.err);
        let said = run(&house, verb, &format!("{words} --skip-invalid")).ends(0);
        assert!(said.out.contains(" row 5  (not_finite"), "{verb}: {}", said.out);
    }
}

#[test]
fn many_probes_of_one_person_are_told_from_too_few_probes() {
    let house = gallery(60, 1);
    house.write("strangers.npy", &vectors(500, D, 11));
    house.write("one.txt", "the same person\n".repeat(500).as_bytes());
    let said =
        run(&house, "calibrate", "--nonmated @strangers.npy --subjects @one.txt --target-fpir 0.05").ends(1);
    assert!(said.err.contains("which count as 1 because several probes show one person"), "{}", said.err);
    run(&house, "calibrate", "--nonmated @strangers.npy --target-fpir 0.05").ends(0);
}

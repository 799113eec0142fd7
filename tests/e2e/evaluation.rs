//! Reports of the recognition accuracy.

use serde_json::Value;

use crate::program::{House, gallerist, people, vectors};

const D: usize = 32;

fn read(house: &House, below: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(house.path(below)).unwrap()).unwrap()
}

#[test]
fn a_set_of_labelled_photos_gives_a_report() {
    let house = House::empty();
    let (mut names, mut data) = (String::new(), Vec::new());
    let (file, of_people) = people(120, 2, D, 1, 0);
    data.extend(&file[file.len() - 240 * D * 4..]);
    names.push_str(&of_people);
    let strangers = vectors(400, D, 9);
    data.extend(&strangers[strangers.len() - 400 * D * 4..]);
    (0..400).for_each(|row| names.push_str(&format!("stranger {row}\n")));
    let set = house.write("set.npy", &crate::program::npy("<f4", false, &format!("(640, {D})"), &data));
    let list = house.write("names.txt", names.as_bytes());
    let out = house.path("report");
    let eval = |more: &[&str]| {
        let words = [
            "eval".as_ref(),
            "--one-image".as_ref(),
            set.as_os_str(),
            "--subjects".as_ref(),
            list.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
        ];
        gallerist(words.into_iter().chain(more.iter().map(AsRef::as_ref)))
    };
    let said = eval(&["--repetitions", "100"]).ends(0);
    assert!(said.out.contains("FNIR at FPIR 10 %") && said.out.contains("index.html"), "{}", said.out);
    assert!(said.out.contains("warning: FPIR 0.001"), "{}", said.out);
    let report = read(&house, "report/report.json");
    let identification = &report["identification"];
    assert_eq!((&identification["subjects"], &identification["mated"][0]), (&120.into(), &120.into()));
    assert_eq!(identification["non_mated"][0], 400);
    let point = &identification["points"][0];
    assert!((point["fpir"]["value"].as_f64().unwrap() - 0.1).abs() < 0.01);
    for file in [
        "index.html",
        "det.csv",
        "cmc.csv",
        "histogram.csv",
        "growth.csv",
        "identification-det.svg",
        "cmc.svg",
    ] {
        assert!(house.path("report").join(file).metadata().unwrap().len() > 50, "{file}");
    }
    let page = std::fs::read_to_string(house.path("report/index.html")).unwrap();
    assert!(
        !page.contains("src=") && !page.contains("href=\"http") && !page.contains("url(http"),
        "it needs no network"
    );
    eval(&["--repetitions", "100"]).ends(0);
    let again = read(&house, "report/report.json");
    assert_eq!(again["identification"], *identification, "the same input and seed give the same report");
}

#[test]
fn a_gallery_is_evaluated_with_mated_and_non_mated_probes() {
    let house = House::empty();
    house.run("init", ["--dimension", &D.to_string()]).ends(0);
    let put = |name: &str, (file, names): (Vec<u8>, String)| {
        [house.write(format!("{name}.npy"), &file), house.write(format!("{name}.txt"), names.as_bytes())]
    };
    let [gallery, names] = put("gallery", people(100, 2, D, 1, 0));
    house.run("import", [gallery.as_os_str(), "--subjects".as_ref(), names.as_os_str()]).ends(0);
    let [mated, whose] = put("mated", people(100, 1, D, 1, 7));
    let [strangers, others] = put("strangers", people(300, 1, D, 3, 0));
    let eval = |words: &[(&str, &std::path::Path)]| {
        let words = words.iter().flat_map(|(word, path)| [word.as_ref(), path.as_os_str()]);
        let fixed = ["--repetitions", "50", "--fusion", "mean", "--out"];
        let out = house.path("report");
        house.run("eval", words.chain(fixed.map(AsRef::as_ref)).chain([out.as_os_str()]))
    };
    eval(&[("--mated", &mated), ("--mated-subjects", &whose), ("--nonmated", &strangers)]).ends(0);
    let report = read(&house, "report/report.json");
    assert_eq!(report["setting"]["fusion"], "mean");
    assert_eq!(report["identification"]["cmc"][0]["identified"]["trials"], 100);
    // Invalid input: non-mated probes as mates, mates as non-mated probes, no names, only one kind.
    let said =
        eval(&[("--mated", &strangers), ("--mated-subjects", &others), ("--nonmated", &strangers)]).ends(1);
    assert!(said.err.contains("mated probes are of people in the gallery"), "{}", said.err);
    let said = eval(&[
        ("--mated", &mated),
        ("--mated-subjects", &whose),
        ("--nonmated", &mated),
        ("--nonmated-subjects", &whose),
    ])
    .ends(1);
    assert!(said.err.contains("person 1-0 is in the gallery"), "{}", said.err);
    let said = eval(&[("--mated", &mated), ("--nonmated", &strangers)]).ends(1);
    assert!(said.err.contains("the name of its person is not known; give --mated-subjects"), "{}", said.err);
    eval(&[("--mated", &mated)]).ends(2);
    let empty = house.write("empty.npy", &crate::program::npy("<f4", false, &format!("(0, {D})"), &[]));
    let said = eval(&[("--mated", &mated), ("--mated-subjects", &whose), ("--nonmated", &empty)]).ends(3);
    assert!(said.err.contains("empty.npy: no usable probe"), "{}", said.err);
}

#[test]
fn non_mated_probes_with_mated_scores_are_listed() {
    let house = House::empty();
    house.run("init", ["--dimension", &D.to_string()]).ends(0);
    let (file, names) = people(100, 1, D, 1, 0);
    let [gallery, list] = [house.write("g.npy", &file), house.write("g.txt", names.as_bytes())];
    house.run("import", [gallery.as_os_str(), "--subjects".as_ref(), list.as_os_str()]).ends(0);
    let (mates, whose) = people(100, 1, D, 1, 7);
    let [mated, whose] = [house.write("m.npy", &mates), house.write("m.txt", whose.as_bytes())];
    let mut strangers = vectors(200, D, 9);
    let at = strangers.len() - D * 4;
    strangers[at..].copy_from_slice(&mates[mates.len() - D * 4..]);
    let nonmated = house.write("n.npy", &strangers);
    let out = house.path("report");
    let words = [
        "--mated".as_ref(),
        mated.as_os_str(),
        "--mated-subjects".as_ref(),
        whose.as_os_str(),
        "--nonmated".as_ref(),
        nonmated.as_os_str(),
        "--repetitions".as_ref(),
        "20".as_ref(),
        "--out".as_ref(),
        out.as_os_str(),
    ];
    let said = house.run("eval", words).ends(0);
    assert!(
        said.out.contains("1 probe scores as strangers do not")
            && said.out.contains("row 199 is like person 1-99"),
        "{}",
        said.out
    );
}

//! Import and export of templates, and searches with raw vectors.

use std::ffi::OsStr;

use serde_json::json;

use crate::program::{House, Said, gallerist, npy, vectors};

/// A house with an empty gallery for external templates.
fn external(dimension: usize) -> House {
    let house = House::empty();
    let dimension = dimension.to_string();
    gallerist(["init".as_ref(), house.gallery().as_os_str(), "--dimension".as_ref(), dimension.as_ref()])
        .ends(0);
    house
}

fn import(house: &House, file: &[u8], more: &[&OsStr]) -> Said {
    let path = house.write("templates.npy", file);
    let mut arguments = vec![path.as_os_str(), "--format".as_ref(), "json".as_ref()];
    arguments.extend(more);
    house.run("import", arguments)
}

#[test]
fn imported_templates_find_themselves_and_are_exported_unchanged() {
    let house = external(16);
    let file = vectors(300, 16, 1);
    assert_eq!(import(&house, &file, &[]).ends(0).summary()["imported"], 300);
    house.holds(300);

    let probes = house.path("templates.npy");
    let said = house.run(
        "search",
        [
            "--vectors".as_ref(),
            probes.as_os_str(),
            "--top-k".as_ref(),
            "3".as_ref(),
            "--format".as_ref(),
            "json".as_ref(),
        ],
    );
    let answers = said.ends(0).json();
    assert_eq!(answers.len(), 300);
    for (row, answer) in answers.iter().enumerate() {
        assert_eq!(answer["matches"][0]["subject"], format!("templates-{row}"));
        assert_eq!(answer["matches"].as_array().unwrap().len(), 3);
        assert!(answer["matches"][0]["similarity"].as_f64().unwrap() > 0.999_99);
        assert_eq!(answer["complete"], true);
    }

    let out = house.path("out");
    house.run("export", ["--out", out.to_str().unwrap()]).ends(0);
    let again = external(16);
    let exported = std::fs::read(out.join("embeddings.npy")).unwrap();
    assert_eq!(import(&again, &exported, &[]).ends(0).summary()["imported"], 300);
    let lines = std::fs::read_to_string(out.join("templates.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["subject"], &first["row"]), (&json!("templates-0"), &json!(0)));
    assert_eq!(lines.lines().count(), 300);
}

#[test]
fn range_lists_every_template_that_reaches_the_score_and_no_other() {
    let house = external(8);
    import(&house, &vectors(500, 8, 3), &[]).ends(0);
    let probes = house.path("templates.npy");
    let ask = |verb: &str, option: &str, value: &str| {
        house
            .run(
                verb,
                [
                    "--vectors".as_ref(),
                    probes.as_os_str(),
                    option.as_ref(),
                    value.as_ref(),
                    "--format".as_ref(),
                    "json".as_ref(),
                ],
            )
            .ends(0)
            .json()
    };
    let everything = ask("search", "--top-k", "500");
    let above = ask("range", "--min-score", "0.5");
    for (all, above) in everything.iter().zip(&above) {
        let all = all["matches"].as_array().unwrap();
        assert_eq!(all.len(), 500);
        let expected: Vec<_> = all.iter().filter(|hit| hit["similarity"].as_f64().unwrap() >= 0.5).collect();
        assert_eq!(above["matches"].as_array().unwrap().iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn half_precision_and_names_are_imported() {
    let house = external(4);
    let half: Vec<u8> = [[1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]
        .as_flattened()
        .iter()
        .flat_map(|&x| half::f16::from_f32(x).to_le_bytes())
        .collect();
    let names = house.write("names.txt", "Ada\nZoë\n".as_bytes());
    import(&house, &npy("<f2", false, "(2, 4)", &half), &["--subjects".as_ref(), names.as_os_str()]).ends(0);
    let listed = house.run("subject list", [] as [&str; 0]).ends(0).out;
    assert_eq!(listed, "Ada  1\nZoë  1\n");
}

#[test]
fn the_same_import_twice_adds_nothing() {
    let house = external(16);
    let file = vectors(100, 16, 1);
    import(&house, &file, &[]).ends(0);
    let summary = import(&house, &file, &[]).ends(0).summary();
    assert_eq!((&summary["imported"], &summary["imported_before"]), (&json!(0), &json!(100)));
    house.holds(100);
}

#[test]
fn files_with_invalid_templates_are_refused() {
    let house = external(4);
    let row = |numbers: [f32; 4]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let good = row([1.0, 2.0, 3.0, 4.0]);
    let with = |bad: [f32; 4]| npy("<f4", false, "(3, 4)", &[good.clone(), good.clone(), row(bad)].concat());
    let cases: [(&str, Vec<u8>, &str); 15] = [
        ("integers", npy("<i4", false, "(1, 4)", &good), "np.save('vectors.npy', a.astype('f4'))"),
        ("bytes", npy("|u1", false, "(1, 4)", &[1; 4]), "a.astype('f4')"),
        ("complex numbers", npy("<c8", false, "(1, 2)", &good), "expected floating-point numbers"),
        ("objects", npy("|O", false, "(1, 4)", &good), "np.stack(a).astype('f4')"),
        ("no dimension", npy("<f4", false, "()", &good[..4]), "two dimensions"),
        ("three dimensions", npy("<f4", false, "(1, 2, 2)", &good), "a.reshape(len(a), -1)"),
        ("an archive", b"PK\x03\x04 and more".to_vec(), "np.save('vectors.npy', a[a.files[0]])"),
        ("nothing", Vec::new(), "it is empty"),
        ("another dimension", npy("<f4", false, "(2, 2)", &good), "this gallery has 4"),
        ("cut short", npy("<f4", false, "(2, 4)", &good), "bytes, the file has"),
        ("too long", npy("<f4", false, "(1, 4)", &with([0.0; 4])), "bytes, the file has"),
        ("not npy", b"hello".to_vec(), "expected a NumPy .npy file"),
        ("NaN", with([1.0, f32::NAN, 0.0, 0.0]), "row 2: component 1 is NaN"),
        ("infinite", with([1.0, 0.0, 0.0, f32::INFINITY]), "row 2: component 3 is inf"),
        ("zero", with([0.0; 4]), "row 2: the norm is 0"),
    ];
    for (what, file, expected) in cases {
        let said = import(&house, &file, &[]).ends(1);
        assert!(said.err.contains(expected), "{what}: {}", said.err);
    }
    let names = house.write("names.txt", b"only one\n");
    let said =
        import(&house, &with([1.0, 1.0, 1.0, 1.0]), &["--subjects".as_ref(), names.as_os_str()]).ends(1);
    assert!(said.err.contains("3 rows"), "{}", said.err);
    house.holds(0);
}

#[test]
fn an_empty_file_is_an_empty_import() {
    let house = external(4);
    assert_eq!(import(&house, &npy("<f4", false, "(0, 4)", &[]), &[]).ends(3).summary()["imported"], 0);
}

#[test]
fn templates_of_another_model_are_refused() {
    let house = House::new();
    let file = vectors(2, 64, 1);
    let said = import(&house, &file, &[]).ends(1);
    assert!(said.err.contains("--from-model stand-in"), "{}", said.err);
    let said = import(&house, &file, &["--from-model".as_ref(), "dlib-128".as_ref()]).ends(1);
    assert!(said.err.contains("scores between two models mean nothing"), "{}", said.err);
    import(&house, &file, &["--from-model".as_ref(), "stand-in".as_ref()]).ends(0);
}

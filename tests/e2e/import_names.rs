//! Names of imported rows: checked before the first row is written, and never changed without a request.

use serde_json::Value;

use crate::program::{House, Said, vectors};

const ROWS: usize = 9500;

/// A house with an empty gallery and a file with more rows than are written at a time.
fn house() -> House {
    let house = House::empty();
    house.renew(&["--dimension", "16", "--threshold", "0.5"]);
    house.write("big.npy", &vectors(ROWS, 16, 7));
    house
}

fn names(names: impl IntoIterator<Item = String>) -> Vec<u8> {
    names.into_iter().map(|name| name + "\n").collect::<String>().into_bytes()
}

fn right() -> Vec<u8> {
    names((0..ROWS).map(|row| format!("p{row}")))
}

/// One additional line at the top, and line 9,001 empty.
fn shifted() -> Vec<u8> {
    let name = |row: usize| match row {
        0 => "EXTRA".into(),
        9000 => String::new(),
        row => format!("p{}", row - 1),
    };
    names((0..ROWS).map(name))
}

fn import(house: &House, file: &str, names: &[u8], more: &[&str]) -> Said {
    let (file, names) = (house.path(file), house.write("names.txt", names));
    let arguments = [file.to_str().unwrap(), "--subjects", names.to_str().unwrap(), "--format", "json"];
    house.run("import", arguments.iter().chain(more))
}

fn people(house: &House) -> Vec<(String, u64)> {
    let listed = house.run("subject list", ["--format", "json"]).ends(0).json();
    let person =
        |line: &Value| (line["subject"].as_str().unwrap().into(), line["templates"].as_u64().unwrap());
    listed.iter().map(person).collect()
}

/// The subject of row `row` of `big.npy` in the gallery.
fn who(house: &House, row: usize) -> String {
    let out = house.path("out");
    house.run("export", ["--out", out.to_str().unwrap()]).ends(0);
    let lines = std::fs::read_to_string(out.join("templates.jsonl")).unwrap();
    let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["row"] == row).expect("the row is there")["subject"].as_str().unwrap().into()
}

#[test]
fn every_name_is_checked_before_the_first_row_is_written() {
    let house = house();
    let said = import(&house, "big.npy", &shifted(), &[]).ends(1);
    assert!(said.err.contains("names.txt: line 9001: it is blank, so row 9000 has no name"), "{}", said.err);
    house.holds(0);
    let summary = import(&house, "big.npy", &right(), &[]).ends(0).summary();
    assert_eq!(summary["imported"], ROWS);
    assert_eq!(who(&house, 9000), "p9000");
}

#[test]
fn an_invalid_name_is_reported_with_file_and_line() {
    let house = house();
    let mut lines: Vec<String> = (0..ROWS).map(|row| format!("p{row}")).collect();
    for (line, name, expected) in [
        (9001, " blank", "with a space"),
        (8500, "a\tb", "control character"),
        (9500, &"x".repeat(600), "512 bytes"),
    ] {
        let before = std::mem::replace(&mut lines[line - 1], name.to_owned());
        let said = import(&house, "big.npy", &names(lines.clone()), &[]).ends(1);
        let place = format!("names.txt: line {line}: ");
        assert!(said.err.contains(&place) && said.err.contains(expected), "{}", said.err);
        lines[line - 1] = before;
    }
    house.holds(0);
}

#[test]
fn different_numbers_of_lines_and_rows_are_reported_with_a_hint() {
    let house = house();
    house.write("ok.npy", &vectors(20, 16, 3));
    let lines: Vec<String> = (0..20).map(|row| format!("p{row}")).collect();
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines.insert(at, line.into());
        names(lines)
    };
    let says = |content: &[u8], expected: &str| {
        let said = import(&house, "ok.npy", content, &[]).ends(1);
        assert!(said.err.contains(expected), "{}", said.err);
    };
    says(&with(7, ""), "got 21 lines; line 8 is blank, and 20 are not");
    says(&with(0, "name"), "line 1, \"name\", looks like a heading: leave it out");
    says(&names(lines[..19].to_vec()), "for 20 rows, got 19 lines");
    let table = |row: usize| format!("{row},p{row}");
    says(&names((0..20).map(table)), "a table of 2 columns, with ',' between them");
    says(&names(std::iter::once("id,name".into()).chain((0..20).map(table))), "with a heading");
    house.holds(0);
    import(&house, "ok.npy", &[&names(lines.clone())[..], b"\n\n"].concat(), &[]).ends(0);
    house.holds(20);
}

#[test]
fn a_second_import_with_other_names_is_refused_or_renames_on_request() {
    let house = house();
    let wrong = names((0..ROWS).map(|row| if row == 0 { "EXTRA".into() } else { format!("p{}", row - 1) }));
    import(&house, "big.npy", &wrong, &[]).ends(0);

    let said = import(&house, "big.npy", &right(), &[]).ends(1);
    let expected = "row 0 is in the gallery as \"EXTRA\"";
    assert!(
        said.err.contains(expected) && said.err.contains("names.txt line 1 calls it \"p0\""),
        "{}",
        said.err
    );
    assert!(said.err.contains("--rename"), "{}", said.err);
    assert_eq!(who(&house, 0), "EXTRA");

    let summary = import(&house, "big.npy", &right(), &["--keep-names"]).ends(0).summary();
    assert_eq!((&summary["renamed"], who(&house, 0)), (&0.into(), "EXTRA".into()));
    import(&house, "big.npy", &wrong, &[]).ends(0);

    let summary = import(&house, "big.npy", &right(), &["--rename"]).ends(0).summary();
    assert_eq!((&summary["imported"], &summary["renamed"]), (&0.into(), &ROWS.into()));
    house.holds(ROWS as u64);
    assert_eq!((who(&house, 0), who(&house, 9499)), ("p0".into(), "p9499".into()));
    assert!(people(&house).iter().all(|(name, templates)| name.starts_with('p') && *templates == 1));
    let summary = import(&house, "big.npy", &right(), &[]).ends(0).summary();
    assert_eq!(summary["renamed"], 0);
}

#[test]
fn an_import_with_the_original_names_does_not_undo_a_correction() {
    let house = house();
    import(&house, "big.npy", &right(), &[]).ends(0);
    let gallery = house.gallery();
    crate::program::gallerist(["subject", "rename", gallery.to_str().unwrap(), "p7", "Ada"]).ends(0);
    let summary = import(&house, "big.npy", &right(), &[]).ends(0).summary();
    assert_eq!((&summary["imported"], &summary["renamed"]), (&0.into(), &0.into()));
    assert_eq!(who(&house, 7), "Ada");
}

#[test]
fn rows_with_generated_names_get_given_names_on_request() {
    let house = house();
    let file = house.path("big.npy");
    house.run("import", [&file]).ends(0);
    let said = import(&house, "big.npy", &right(), &[]).ends(1);
    assert!(said.err.contains("row 0 is in the gallery as \"big-0\""), "{}", said.err);
    import(&house, "big.npy", &right(), &["--rename"]).ends(0);
    assert_eq!(who(&house, 9000), "p9000");
    house.run("import", [&file]).ends(0);
    house.holds(ROWS as u64);
}

//! Corrections of single templates, and the journal of all corrections.

use serde_json::{Value, json};

use crate::program::House;

const JSON: [&str; 2] = ["--format", "json"];

/// Ada with the photos 1 and 2, Grace with 3. Photo 2 shows Grace.
fn house() -> House {
    let house = House::new();
    for (person, seed) in [("Ada", 1), ("Ada", 2), ("Grace", 3)] {
        house.photo(format!("people/{person}/{seed}.png"), seed);
    }
    house.enroll("people").ends(0);
    house
}

#[track_caller]
fn ids(house: &House, name: &str) -> Vec<String> {
    let shown = house.run("subject show", [name, "--format", "json"]).ends(0).json();
    shown[0]["templates"].as_array().unwrap().iter().map(|at| at["face_id"].to_string()).collect()
}

#[track_caller]
fn best(house: &House, seed: u64) -> Value {
    let probe = house.photo("probe.png", seed);
    let said = house.run("identify", [probe.as_os_str(), "--format".as_ref(), "json".as_ref()]);
    said.json()[0]["matches"][0]["subject"].clone()
}

#[test]
fn a_template_is_moved_and_moved_back() {
    let house = house();
    let second = &ids(&house, "Ada")[1];
    let arguments = ["--template", second, "--to", "Grace"];
    let dry = house.run("subject move", arguments.iter().chain(&["--dry-run"])).ends(0);
    assert!(dry.out.contains(&format!("would have moved #{second} of Ada to Grace")), "{}", dry.out);
    assert_eq!(best(&house, 2), "Ada");
    for more in [&[][..], &["--dry-run"]] {
        let said =
            house.run("subject move", ["--template", second, "--to", "Ada"].iter().chain(more)).ends(1);
        assert!(said.err.contains("Ada") && said.out.is_empty(), "{}", said.err);
    }

    let said = house.run("subject move", arguments.iter().chain(&JSON)).ends(0);
    assert_eq!(said.json()[0]["template_ids"], json!([second.parse::<u64>().unwrap()]));
    let now = said.json()[0]["new_template_ids"][0].to_string();
    assert_eq!(ids(&house, "Grace")[1], now);
    assert_eq!(
        (best(&house, 1), best(&house, 2), best(&house, 3)),
        (json!("Ada"), json!("Grace"), json!("Grace"))
    );
    house.holds(3);
    // The photo stays with its new subject.
    assert_eq!(house.enroll("people").ends(0).summary()["enrolled"], 0);
    let said = house.run("subject move", arguments).ends(1);
    assert!(said.err.contains(&format!("no template has the id {second}")), "{}", said.err);
    let said = house.run("subject move", ["--template", &now, "--to", "Grace"]).ends(1);
    assert!(said.err.contains("already belongs to \"Grace\""), "{}", said.err);

    house.run("subject move", ["--template", &now, "--to", "Ada"]).ends(0);
    assert_eq!((best(&house, 2), ids(&house, "Ada").len(), ids(&house, "Grace").len()), (json!("Ada"), 2, 1));
    house.holds(3);
}

#[test]
fn templates_of_several_subjects_make_a_new_subject() {
    let house = house();
    let moved = [ids(&house, "Ada"), ids(&house, "Grace")].concat();
    let mut arguments = vec!["--template"];
    arguments.extend(moved.iter().map(String::as_str));
    arguments.extend(["--to", "Zoe\u{308}"]);
    let said = house.run("subject move", &arguments).ends(0);
    for line in
        ["Zo\u{eb} is new in the gallery", "Ada is gone too: no template is left", "Grace is gone too"]
    {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    assert_eq!(house.run("subject list", [] as [&str; 0]).ends(0).out, "Zo\u{eb}  3\n");
    house.holds(3);
    // The same verb separates two people who were one subject.
    let third = &ids(&house, "Zo\u{eb}")[2];
    house.run("subject move", ["--template", third, "--to", "Grace"]).ends(0);
    assert_eq!((best(&house, 3), best(&house, 1)), (json!("Grace"), json!("Zo\u{eb}")));
}

#[test]
fn a_template_is_removed_and_its_photo_is_enrolled_again() {
    let house = house();
    let second = &ids(&house, "Ada")[1];
    let dry = house.run("subject remove", ["--template", second, "--dry-run"]).ends(0);
    assert!(dry.out.contains(&format!("would have removed #{second} of Ada")), "{}", dry.out);
    house.holds(3);
    let said = house.run("subject remove", ["--template", second]).ends(0);
    assert!(
        said.out.contains(&format!("removed #{second} of Ada")) && said.out.contains("2.png"),
        "{}",
        said.out
    );
    assert_eq!(ids(&house, "Ada").len(), 1);
    house.holds(2);
    assert_eq!(house.enroll("people").ends(0).summary()["enrolled"], 1);
    assert_eq!(best(&house, 2), "Ada");
}

#[test]
fn removing_the_last_template_removes_the_subject() {
    let house = house();
    let only = &ids(&house, "Grace")[0];
    let said = house.run("subject remove", ["--template", only, "--format", "json"]).ends(0);
    assert_eq!(said.json()[0]["subjects_gone"], json!(["Grace"]));
    house.run("subject show", ["Grace"]).ends(1);
    house.holds(2);
}

#[test]
fn an_unknown_template_changes_nothing() {
    let house = house();
    let first = &ids(&house, "Ada")[0];
    for verb in ["subject remove", "subject move"] {
        let mut arguments = vec!["--template", first, "4711"];
        arguments.extend(["--to", "Grace"].iter().filter(|_| verb == "subject move"));
        let said = house.run(verb, arguments).ends(1);
        assert!(said.err.contains("no template has the number 4711"), "{}", said.err);
    }
    house.run("subject move", ["--template", first, "--to", "Gr\u{200b}ace"]).ends(1);
    house.run("subject remove", ["Ada", "--template", first]).ends(2);
    house.run("subject remove", [] as [&str; 0]).ends(2);
    house.holds(3);
    assert_eq!(ids(&house, "Ada").len(), 2);
}

#[test]
fn every_correction_is_in_the_history() {
    let house = house();
    house.run("subject rename", ["Ada", "Ada Lovelace"]).ends(0);
    let second = ids(&house, "Ada Lovelace")[1].clone();
    house.run("subject move", ["--template", &second, "--to", "Grace"]).ends(0);
    house.run("subject merge", ["Grace", "Ada Lovelace"]).ends(0);
    let first = ids(&house, "Ada Lovelace")[0].clone();
    house.run("subject remove", ["--template", &first]).ends(0);
    let text = house.run("subject history", [] as [&str; 0]).ends(0).out;
    let lines: Vec<&str> = text.lines().collect();
    for (line, words) in lines.iter().zip([
        "rename  Ada to Ada Lovelace".to_owned(),
        format!("move    Ada Lovelace to Grace: #{second} as #"),
        "merge   Grace to Ada Lovelace: #3 as #".to_owned(),
        format!("remove  Ada Lovelace: #{first}"),
    ]) {
        assert!(line.contains(&words), "{words}: {text}");
    }
    assert_eq!(lines.len(), 4, "{text}");
    // No part of it remains after the subjects are removed.
    house.run("subject remove", ["Ada Lovelace", "--yes"]).ends(0);
    let text = house.run("subject history", [] as [&str; 0]).ends(0).out;
    assert!(!text.contains("Ada") && !text.contains("Grace"), "{text}");
}

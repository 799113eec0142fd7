//! People in a collection: clusters become subjects, corrections stay, and everything can be undone.

use std::collections::BTreeMap;

use gallerist::gallery::{Gallery, UnknownFaces};
use serde_json::Value;

use crate::cluster::{face, open, open_with, photo};
use crate::decision::run;
use crate::program::House;

/// Photos of `people` with one face each: the images `images` of each person.
pub fn photos(people: u64, images: std::ops::Range<u64>) -> Vec<UnknownFaces> {
    let all = (0..people).flat_map(|person| images.clone().map(move |image| (person, image)));
    all.map(|(person, image)| photo((person * 16 + image) as u8, &[face(person, image)])).collect()
}

/// The files of the photos of each subject.
pub fn subjects(house: &House) -> BTreeMap<String, Vec<String>> {
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let mut found = BTreeMap::new();
    gallery.each_subject(|subject| drop(found.insert(subject.name.clone(), subject))).unwrap();
    let paths = |subject| {
        let templates = gallery.templates_of(&subject).unwrap();
        let mut paths: Vec<String> =
            templates.into_iter().map(|one| one.path.unwrap().display().to_string()).collect();
        paths.sort_unstable();
        paths
    };
    found.into_iter().map(|(name, subject)| (name, paths(subject))).collect()
}

/// Assigns, and returns what became of it.
pub fn assign(house: &House, words: &str) -> Value {
    let said = run(house, "cluster", &format!("--assign --format json {words}")).ends(0).json();
    said.into_iter().find(|line| line["event"] == "assigned").unwrap()
}

/// The id of the template of a photo.
fn template(house: &House, path: &str) -> u64 {
    let said = run(house, "cluster", "--out @faces.jsonl").ends(0);
    assert!(said.out.contains("faces.jsonl"));
    let lines = std::fs::read_to_string(house.path("faces.jsonl")).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["path"] == path).map(|line| line["face_id"].as_u64().unwrap()).next().unwrap()
}

#[test]
fn clusters_become_subjects_and_new_photos_join_them() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(10, 0..4)).unwrap();
    gallery.add_unknown_faces(&[photo(250, &[face(90, 0)])]).unwrap();
    drop(gallery);
    let done = assign(&house, "");
    assert_eq!(
        (&done["faces"], &done["new_subjects"], &done["unknown"]),
        (&40.into(), &10.into(), &1.into())
    );
    let first = subjects(&house);
    assert!(first.len() == 10 && first.values().all(|paths| paths.len() == 4), "{first:?}");
    assert!(first.contains_key("Person 1") && first.contains_key("Person 10"));
    // The same command again changes nothing.
    let done = assign(&house, "");
    assert_eq!((&done["faces"], &done["journal_ids"]), (&0.into(), &Value::Null));
    assert_eq!(subjects(&house), first);

    // The names that users give stay, and new photos join.
    let named = first.iter().find(|(_, paths)| paths[0] == "photo-0.jpg").unwrap().0.clone();
    house.run("subject rename", [named.as_str(), "Ada Lovelace"]).ends(0);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    gallery.add_unknown_faces(&photos(10, 4..6)).unwrap();
    gallery.add_unknown_faces(&[photo(251, &[face(90, 1)]), photo(252, &[face(90, 2)])]).unwrap();
    drop(gallery);
    let done = assign(&house, "");
    assert_eq!((&done["joined"], &done["new_subjects"], &done["faces"]), (&20.into(), &1.into(), &23.into()));
    let second = subjects(&house);
    let of_ada = ["photo-0.jpg", "photo-1.jpg", "photo-2.jpg", "photo-3.jpg", "photo-4.jpg", "photo-5.jpg"];
    assert_eq!(second["Ada Lovelace"], of_ada);
    assert_eq!(second["Person 11"], ["photo-250.jpg", "photo-251.jpg", "photo-252.jpg"]);
    for (name, paths) in first.iter().filter(|(name, _)| **name != named) {
        assert!(paths.iter().all(|path| second[name].contains(path)), "{name}");
    }
}

#[test]
fn a_rejected_face_does_not_come_back_until_it_is_moved() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(10, 0..4)).unwrap();
    drop(gallery);
    assign(&house, "");
    let of = |path: &str| {
        let found = subjects(&house).into_iter().find(|(_, paths)| paths.iter().any(|one| one == path));
        found.map(|(name, _)| name)
    };
    let name = of("photo-1.jpg").unwrap();
    let id = template(&house, "photo-1.jpg").to_string();
    let said = house.run("subject reject", [name.as_str(), "--template", &id]).ends(0);
    assert!(said.out.contains(&format!("#{id} does not show {name}, and has no name now")), "{}", said.out);
    assign(&house, "");
    assert_eq!(of("photo-1.jpg"), None, "it is a single face, and must not join again");
    // Alone it may become a subject of its own.
    assign(&house, "--min-faces 1");
    assert_ne!(of("photo-1.jpg").unwrap(), name);
    let id = template(&house, "photo-1.jpg").to_string();
    house.run("subject move", ["--template", &id, "--to", &name]).ends(0);
    assign(&house, "");
    assert_eq!(of("photo-1.jpg").unwrap(), name);
    let history = house.run("subject history", [] as [&str; 0]).ends(0).out;
    assert!(history.contains("assign  unknown faces to Person 1:"), "{history}");
    assert!(history.contains(&format!("reject  {name} to unknown faces:")), "{history}");
}

#[test]
fn corrections_are_undone_by_number_and_range() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(6, 0..4)).unwrap();
    drop(gallery);
    let said = run(&house, "cluster", "--assign").ends(0);
    assert!(said.out.contains("24 became 6 new subjects; 0 without a name"), "{}", said.out);
    assert!(said.out.contains("--entry 1-6 takes it back"), "{}", said.out);
    house.run("subject rename", ["Person 2", "Ada"]).ends(0);
    house.run("subject merge", ["Person 3", "Ada"]).ends(0);
    let before = subjects(&house);
    let said = run(&house, "undo", "--last 2 --dry-run").ends(0);
    assert_eq!(said.out, "would undo 8, merge\nwould undo 7, rename\n");
    assert_eq!(subjects(&house), before);
    for refused in ["--entry 3 --dry-run", "--entry 3"] {
        let said = run(&house, "undo", refused).ends(1);
        assert!(said.err.contains("was removed, or moved on"), "{}", said.err);
    }
    let said = run(&house, "undo", "").ends(0);
    assert_eq!(said.out, "undone 8, merge: Person 3 is back\n");
    for refused in ["--entry 2 --dry-run", "--entry 2"] {
        let said = run(&house, "undo", refused).ends(1);
        assert!(said.err.contains("entry 7, the rename of its subject"), "{}", said.err);
    }
    let said = run(&house, "undo", "--format json").ends(0).json();
    assert_eq!((&said[0]["id"], &said[0]["verb"]), (&7.into(), &"rename".into()));
    let said = run(&house, "undo", "--entry 8").ends(1);
    assert!(said.err.contains("has undone it"), "{}", said.err);
    for wrong in ["--entry 99", "--entry 1-99"] {
        assert!(run(&house, "undo", wrong).ends(1).err.contains("99"));
    }
    for wrong in ["--entry 6-1", "--entry x", "--last 0", "--entry 1 --last 2"] {
        run(&house, "undo", wrong).ends(2);
    }
    run(&house, "undo", "--entry 1-6").ends(0);
    assert_eq!(subjects(&house), BTreeMap::new());
    let said = run(&house, "undo", "").ends(3);
    assert!(said.err.contains("there is no correction to undo"), "{}", said.err);
    let said = run(&house, "check", "").ends(0);
    assert!(said.out.contains("24"), "{}", said.out);
}

#[test]
fn a_cluster_that_was_rejected_as_a_whole_is_not_made_again() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(6, 0..4)).unwrap();
    drop(gallery);
    assign(&house, "");
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let templates = gallery.templates_of(&gallery.subject("Person 2").unwrap()).unwrap();
    drop(gallery);
    let ids: Vec<String> = templates.iter().map(|template| template.id.to_string()).collect();
    house.run("subject reject", ["Person 2", "--template", &ids.join(",")]).ends(0);
    let done = assign(&house, "--min-faces 1");
    assert_eq!((&done["faces"], &done["unknown"]), (&0.into(), &4.into()), "{done}");
    assert_eq!(subjects(&house).len(), 5);
    // A user may still name the faces.
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let ids: Vec<u64> = gallery.unknown_faces_after(0, 10).unwrap().iter().map(|face| face.id).collect();
    assert_eq!(gallery.move_templates(&ids, "Statue").unwrap().ids.len(), 4);
}

#[test]
fn undo_does_not_pass_over_a_newer_correction() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(6, 0..4)).unwrap();
    drop(gallery);
    assign(&house, "");
    house.run("subject rename", ["Person 1", "Ada"]).ends(0);
    // A statement about a face of somebody else is a correction too.
    let id = template(&house, "photo-16.jpg").to_string();
    let owner =
        subjects(&house).into_iter().find(|(_, paths)| paths.contains(&"photo-16.jpg".into())).unwrap().0;
    let other = if owner == "Person 3" { "Person 4" } else { "Person 3" };
    house.run("subject reject", [other, "--template", &id]).ends(0);
    let said = run(&house, "undo", "").ends(0);
    assert_eq!(said.out, "undone 8, not_subject\n");
    house.run("subject remove", ["Person 5", "--yes"]).ends(0);
    let before = subjects(&house);
    let said = run(&house, "undo", "").ends(1);
    assert!(said.err.contains("is newer and cannot be undone: it is a removal"), "{}", said.err);
    assert_eq!(subjects(&house), before);
    run(&house, "undo", "--entry 7").ends(0);
    assert!(subjects(&house).contains_key("Person 1"));
}

#[test]
fn outputs_do_not_replace_files_of_another_kind() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(2, 0..3)).unwrap();
    drop(gallery);
    let photo = house.write("photo.jpg", b"\xff\xd8 a photo");
    for words in ["--out @photo.jpg", "--page @photo.jpg"] {
        let said = run(&house, "cluster", words).ends(1);
        assert!(said.err.contains("a file of another kind is there"), "{}", said.err);
    }
    let said = run(&house, "dedup subjects", "--out @photo.jpg").ends(1);
    assert!(said.err.contains("a file of another kind is there"), "{}", said.err);
    assert_eq!(std::fs::read(&photo).unwrap(), b"\xff\xd8 a photo");
    // Neither do two outputs replace each other, and a folder that is missing is told before the work.
    let said = run(&house, "cluster", "--out @same --page @same").ends(1);
    assert!(said.err.contains("two different files are expected"), "{}", said.err);
    for (verb, words) in [
        ("cluster", "--out @missing/faces.jsonl"),
        ("cluster", "--page @missing/people.html"),
        ("dedup subjects", "--out @missing/page.html"),
    ] {
        let said = run(&house, verb, words).ends(1);
        assert!(said.err.contains("does not exist") && said.out.is_empty(), "{}{}", said.out, said.err);
    }
    for _ in 0..2 {
        run(&house, "cluster", "--out @faces.jsonl --page @people.html").ends(0);
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let house = House::empty();
    drop(open(&house));
    for wrong in ["--assign --ignore-names", "--assign --evaluate", "--min-faces 2", "--assign --min-faces 0"]
    {
        run(&house, "cluster", wrong).ends(2);
    }
    run(&house, "enroll", "@nothing --unnamed --subject Ada").ends(2);
}

/// Carries out a review, and returns what became of it.
fn review(house: &House, clusters: Value) -> Value {
    let review = serde_json::json!({ "review_version": 1, "clusters": clusters });
    house.write("review.json", review.to_string().as_bytes());
    run(house, "cluster", "--apply @review.json --format json").ends(0).json().remove(0)
}

/// What a review would change, and the counts.
fn preview(house: &House, clusters: Value) -> Vec<Value> {
    let review = serde_json::json!({ "review_version": 1, "clusters": clusters });
    house.write("review.json", review.to_string().as_bytes());
    run(house, "cluster", "--apply @review.json --dry-run --format json").ends(0).json()
}

#[test]
fn the_choices_of_a_review_are_carried_out_once() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(6, 0..4)).unwrap();
    gallery.add_unknown_faces(&photos(8, 0..1)[6..]).unwrap();
    drop(gallery);
    assign(&house, "");
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let id = |name: &str| gallery.subject(name).unwrap().id;
    let of = |name: &str| -> Vec<u64> {
        let templates = gallery.templates_of(&gallery.subject(name).unwrap()).unwrap();
        templates.iter().map(|template| template.id).collect()
    };
    let unknown: Vec<u64> = gallery.unknown_faces_after(0, 10).unwrap().iter().map(|face| face.id).collect();
    let clusters = serde_json::json!([
        { "subject_id": id("Person 1"), "name": "Ada", "face_ids": [], "rejected_ids": [of("Person 1")[0]] },
        { "subject_id": id("Person 2"), "name": "Ada", "face_ids": [unknown[0]], "rejected_ids": [] },
        { "subject_id": id("Person 3"), "rejected_ids": [of("Person 3")[1]] },
        { "name": "Bob", "face_ids": [unknown[1]], "rejected_ids": [of("Person 4")[0]] },
    ]);
    drop(gallery);
    let before = subjects(&house);
    let planned = preview(&house, clusters.clone());
    assert_eq!(subjects(&house), before, "a dry run changes nothing");
    let done = review(&house, clusters.clone());
    let counts = ["renamed", "merged", "named", "rejected", "missing"].map(|key| done[key].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 2, 3, 0], "{done}");
    let (totals, changes) = planned.split_last().unwrap();
    for count in ["renamed", "merged", "named", "rejected", "missing"] {
        assert_eq!(totals[count], done[count], "{count}: {planned:?}");
    }
    assert_eq!((&totals["dry_run"], &done["dry_run"]), (&true.into(), &false.into()));
    let changes: Vec<_> = changes.iter().map(|change| change["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["reject", "reject", "merge", "rename", "name", "name", "reject"]);
    let said = run(&house, "cluster", "--apply @review.json --dry-run").ends(0);
    assert_eq!(
        said.out,
        "would be: 0 subjects renamed, 0 subjects merged, 0 faces named, 0 faces rejected\n"
    );
    let after = subjects(&house);
    let sizes: BTreeMap<&str, usize> =
        after.iter().map(|(name, paths)| (name.as_str(), paths.len())).collect();
    let expected =
        [("Ada", 8), ("Bob", 1), ("Person 3", 3), ("Person 4", 4), ("Person 5", 4), ("Person 6", 4)];
    assert_eq!(sizes, expected.into_iter().collect());
    // The same review again changes nothing.
    let again = review(&house, clusters.clone());
    assert_eq!(again["journal_ids"], serde_json::json!([]), "{again}");
    assert_eq!(subjects(&house), after);
    // The rejected faces stay away from their subjects.
    assign(&house, "");
    assert_eq!(subjects(&house), after);
    let entries: Vec<i64> = serde_json::from_value(done["journal_ids"].clone()).unwrap();
    let (first, last) = (entries.iter().min().unwrap(), entries.iter().max().unwrap());
    run(&house, "undo", &format!("--entry {first}-{last}")).ends(0);
    let undone = subjects(&house);
    assert_eq!((undone.len(), undone["Person 1"].len(), undone["Person 3"].len()), (6, 4, 4), "{undone:?}");
}

#[test]
fn a_name_of_a_review_that_differs_only_in_case_is_pointed_out() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(4, 0..3)).unwrap();
    drop(gallery);
    assign(&house, "");
    house.run("subject rename", ["Person 1", "Ada"]).ends(0);
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let id = |name: &str| gallery.subject(name).unwrap().id;
    let clusters = serde_json::json!([
        { "subject_id": id("Person 2"), "name": "ADA" },
        { "subject_id": id("Person 3"), "name": "Bob" },
        { "subject_id": id("Person 4"), "name": "bob" },
    ]);
    drop(gallery);
    let planned = preview(&house, clusters.clone()).pop().unwrap();
    assert_eq!(planned["similar_names"], serde_json::json!([["ADA", "Ada"], ["bob", "Bob"]]));
    let said = run(&house, "cluster", "--apply @review.json").ends(0);
    let told = "warning: the new subject ADA and the subject Ada differ only in case or form";
    assert!(said.out.contains(told) && said.out.contains("subject bob"), "{}", said.out);
    // A single face that gets such a name.
    let face = template(&house, "photo-0.jpg").to_string();
    let said =
        house.run("subject move", ["--template", &face, "--to", "BOB", "--format", "json"]).ends(0).json();
    assert_eq!(said[0]["similar_names"], serde_json::json!([["BOB", "Bob"], ["BOB", "bob"]]));
}

#[test]
fn reviews_that_are_not_valid_change_nothing() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(2, 0..3)).unwrap();
    drop(gallery);
    assign(&house, "");
    let before = subjects(&house);
    for (code, text, expected) in [
        (1, "{}", "expected a review"),
        (2, r#"{ "review_version": 2, "clusters": [] }"#, "expected 1, got 2"),
        (
            1,
            r#"{ "review_version": 1, "clusters": [{ "subject_id": 1, "name": "A" }, { "name": " " }] }"#,
            "name",
        ),
        (1, r#"{ "review_version": 1, "clusters": [{ "subjekt": 1 }] }"#, "unknown field"),
    ] {
        house.write("review.json", text.as_bytes());
        let said = run(&house, "cluster", "--apply @review.json").ends(code);
        assert!(said.err.contains(expected), "{}", said.err);
        assert_eq!(subjects(&house), before);
    }
    // What is gone is counted.
    let gone =
        serde_json::json!([{ "subject_id": 99, "rejected_ids": [99], "name": "Eve", "face_ids": [77] }]);
    assert_eq!(preview(&house, gone.clone())[0]["missing"], 3);
    run(&house, "cluster", "--dry-run").ends(2);
    let done = review(&house, gone);
    assert_eq!((&done["missing"], &done["journal_ids"]), (&3.into(), &serde_json::json!([])));
    assert_eq!(subjects(&house), before);
}

#[test]
fn the_page_shows_the_clusters_and_the_doubtful_faces_first() {
    let house = House::empty();
    let gallery = open(&house);
    gallery.add_unknown_faces(&photos(6, 0..4)).unwrap();
    drop(gallery);
    let said =
        run(&house, "cluster", "--assign --page @people.html --page-clusters 4 --out @faces.jsonl").ends(0);
    assert!(said.out.contains("page: "), "{}", said.out);
    let page = std::fs::read_to_string(house.path("people.html")).unwrap();
    assert_eq!((page.matches("<section").count(), page.matches("data-face=").count()), (4, 16));
    assert!(
        page.contains("24 faces: 6 clusters of several faces, of which the page shows 4, and 0 single faces"),
        "{page}"
    );
    // The ids are those after the assignment.
    let lines = std::fs::read_to_string(house.path("faces.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["subject"].is_string()));
    let mut first: Vec<&Value> = lines.iter().filter(|line| line["cluster"] == 1).collect();
    first.sort_by(|a, b| a["centrality"].as_f64().unwrap().total_cmp(&b["centrality"].as_f64().unwrap()));
    let expected: Vec<String> =
        first.iter().map(|line| format!("data-face=\"{}\"", line["face_id"])).collect();
    let places: Vec<usize> = expected.iter().map(|face| page.find(face).unwrap()).collect();
    assert!(places.is_sorted() && first[0]["centrality"].as_f64() < first[3]["centrality"].as_f64());
    run(&house, "cluster", "--page @gallery/people.html").ends(1);
    run(&house, "cluster", "--page-clusters 3").ends(2);
}

#[test]
fn the_page_proposes_to_merge_two_subjects_that_may_be_one_person() {
    let house = House::empty();
    let gallery = open_with(&house, 0.6);
    gallery.add_unknown_faces(&photos(3, 0..6)).unwrap();
    drop(gallery);
    assign(&house, "");
    let proposal = "May be the same person as";
    let page = || {
        run(&house, "cluster", "--page @people.html").ends(0);
        std::fs::read_to_string(house.path("people.html")).unwrap()
    };
    assert!(!page().contains(proposal));
    // An earlier run has made two subjects of one person.
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let templates = gallery.templates_of(&gallery.subject("Person 2").unwrap()).unwrap();
    let ids: Vec<u64> = templates[..3].iter().map(|template| template.id).collect();
    gallery.move_templates(&ids, "Person 4").unwrap();
    let pair = ["Person 2", "Person 4"].map(|name| gallery.subject(name).unwrap().id);
    drop(gallery);
    let shown = page();
    assert_eq!(shown.matches(proposal).count(), 2, "{shown}");
    assert!(shown.contains("as Person 2 (0.") && shown.contains("as Person 4 (0."), "{shown}");
    let pair = format!("{},{}", pair[0], pair[1]);
    house.run("dedup subjects", ["--distinct", &pair]).ends(0);
    assert!(!page().contains(proposal), "subjects that a user keeps apart are not proposed");
}

#[test]
fn names_and_corrections_follow_the_faces_to_another_gallery() {
    let (old, new) = (House::empty(), House::empty());
    let gallery = open(&old);
    gallery.add_unknown_faces(&photos(6, 0..4)).unwrap();
    drop(gallery);
    assign(&old, "");
    old.run("subject rename", ["Person 1", "Ada"]).ends(0);
    let id = template(&old, "photo-0.jpg").to_string();
    let owner =
        subjects(&old).into_iter().find(|(_, paths)| paths.contains(&"photo-0.jpg".into())).unwrap().0;
    old.run("subject reject", [owner.as_str(), "--template", &id]).ends(0);
    let gallery = Gallery::open(&old.gallery()).unwrap();
    let pair = ["Person 2", "Person 3"].map(|name| gallery.subject(name).unwrap().id);
    gallery.set_distinct(pair[0], pair[1], true).unwrap();
    drop(gallery);

    // Another model: other vectors, and the faces are found a little beside.
    let gallery = open(&new);
    let moved = photos(6, 0..5).into_iter().map(|mut photo| {
        photo.faces.iter_mut().for_each(|(template, place)| {
            *template = face(u64::from(photo.hash[0]) + 500, 0);
            place.bounds = place.bounds.map(|bound| bound + 1.0);
        });
        photo
    });
    gallery.add_unknown_faces(&moved.collect::<Vec<_>>()).unwrap();
    drop(gallery);
    let from = old.gallery();
    let words = ["--names-from", from.to_str().unwrap(), "--format", "json"];
    let done = new.run("cluster", words).ends(0).json().remove(0);
    assert_eq!((&done["faces"], &done["subjects"]), (&23.into(), &6.into()), "{done}");
    assert_eq!((&done["rejections"], &done["distinct"]), (&1.into(), &1.into()), "{done}");
    assert_eq!(subjects(&new), subjects(&old));
    let gallery = Gallery::open(&new.gallery()).unwrap();
    assert_eq!((gallery.rejections().unwrap().iter().count(), gallery.unknown_count().unwrap()), (1, 7));
    drop(gallery);
    let again = new.run("cluster", words).ends(0).json().remove(0);
    assert_eq!((&again["faces"], &again["journal_ids"]), (&0.into(), &serde_json::json!([])));

    // A generated name means somebody else in a gallery that has made its own.
    let other = House::empty();
    let gallery = open(&other);
    gallery.add_unknown_faces(&photos(3, 8..11)).unwrap();
    drop(gallery);
    assign(&other, "");
    let gallery = Gallery::open(&other.gallery()).unwrap();
    gallery.add_unknown_faces(&photos(6, 0..4)).unwrap();
    drop(gallery);
    let done = other.run("cluster", words).ends(0).json().remove(0);
    assert_eq!((&done["other_person"], &done["faces"]), (&8.into(), &15.into()), "{done}");
    assert_eq!(done["distinct"], 0, "the pair is of other people here: {done}");
    let own = other.gallery();
    let said = other.run("cluster", ["--names-from", own.to_str().unwrap()]).ends(2);
    assert!(said.err.contains("it is the same one"), "{}", said.err);
}

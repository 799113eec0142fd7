//! Reviews of the clusters of a gallery: their names are a state, they belong to one gallery, and they do not undo newer corrections.

use std::collections::BTreeMap;

use gallerist::gallery::{Gallery, UnknownFaces};
use serde_json::{Value, json};

use crate::cluster::{face, open, photo};
use crate::decision::run;
use crate::people::subjects;
use crate::program::{House, Said};

/// A gallery with `people` people of `faces` faces each, without names.
fn unnamed(people: u64, faces: u64) -> House {
    let house = House::empty();
    let one = |person: u64, image: u64| photo((person * 40 + image) as u8, &[face(person, image)]);
    let photos: Vec<UnknownFaces> =
        (0..people).flat_map(|person| (0..faces).map(move |image| one(person, image))).collect();
    open(&house).add_unknown_faces(&photos).unwrap();
    house
}

/// The same with the subjects `Person 1`, `Person 2` and so on.
fn house(people: u64, faces: u64) -> House {
    let house = unnamed(people, faces);
    run(&house, "cluster", "--assign").ends(0);
    house
}

fn id(house: &House, name: &str) -> u64 {
    Gallery::open(&house.gallery()).unwrap().subject(name).unwrap().id
}

fn faces(house: &House, name: &str) -> Vec<u64> {
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let subject = gallery.subject(name).unwrap();
    gallery.templates_of(&subject).unwrap().iter().map(|template| template.id).collect()
}

fn unknown(house: &House) -> Vec<u64> {
    let gallery = Gallery::open(&house.gallery()).unwrap();
    gallery.unknown_faces_after(0, 100).unwrap().iter().map(|face| face.id).collect()
}

fn apply(house: &House, review: &Value, words: &str) -> Said {
    house.write("review.json", review.to_string().as_bytes());
    run(house, "cluster", &format!("--apply @review.json {words}"))
}

fn review(clusters: &Value) -> Value {
    json!({ "review_version": 1, "clusters": clusters })
}

/// What the page has as its data.
fn page(house: &House, words: &str) -> Value {
    run(house, "cluster", &format!("--page @people.html {words}")).ends(0);
    let page = std::fs::read_to_string(house.path("people.html")).unwrap();
    let (_, data) = page.split_once("type=\"application/json\">").unwrap();
    serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap()
}

/// The entries of the journal that a review made, for `undo --entry`.
fn undo(house: &House, done: &Value) {
    let entries: Vec<i64> = serde_json::from_value(done["journal_ids"].clone()).unwrap();
    let (first, last) = (entries.iter().min().unwrap(), entries.iter().max().unwrap());
    run(house, "undo", &format!("--entry {first}-{last}")).ends(0);
}

#[test]
fn the_names_of_a_review_are_the_state_after_it_in_any_order() {
    let house = house(3, 3);
    let before = subjects(&house);
    let [one, two, three] = ["Person 1", "Person 2", "Person 3"];
    /// The names that are given, and what the subjects are then: the name, and the names before of those that became it.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, &'a [&'a str])]);
    let cases: [Case<'_>; 5] = [
        (&[(one, two), (two, "Winona")], &[(two, &[one]), ("Winona", &[two]), (three, &[three])]),
        (&[(one, two), (two, one)], &[(two, &[one]), (one, &[two]), (three, &[three])]),
        (&[(one, two), (two, three), (three, one)], &[(two, &[one]), (three, &[two]), (one, &[three])]),
        // A name that its subject gives up goes to another one, and two get the same.
        (&[(one, "Ada"), (two, "Ada"), (three, two)], &[("Ada", &[one, two]), (two, &[three])]),
        // Also with a subject that the review does not name.
        (&[(one, three), (two, one)], &[(three, &[one, three]), (one, &[two])]),
    ];
    for (names, expected) in cases {
        let mut expected: BTreeMap<String, Vec<String>> = expected
            .iter()
            .map(|(name, of)| (name.to_string(), of.iter().flat_map(|one| before[*one].clone()).collect()))
            .collect();
        expected.values_mut().for_each(|paths| paths.sort_unstable());
        for reversed in [false, true] {
            let mut clusters: Vec<Value> = names
                .iter()
                .map(|(from, to)| json!({ "subject_id": id(&house, from), "shown": from, "name": to }))
                .collect();
            if reversed {
                clusters.reverse();
            }
            let review = review(&json!(clusters));
            let planned = apply(&house, &review, "--dry-run --format json").ends(0).json().pop().unwrap();
            assert_eq!(subjects(&house), before);
            let done = apply(&house, &review, "--format json").ends(0).json().remove(0);
            assert_eq!(subjects(&house), expected, "{names:?}: {done}");
            let merged = 3 - expected.len() as u64;
            assert_eq!(done["merged"], merged, "{done}");
            assert_eq!((&planned["renamed"], &planned["merged"]), (&done["renamed"], &done["merged"]));
            assert!(done["left_alone"].is_null(), "{done}");
            undo(&house, &done);
            assert_eq!(subjects(&house), before, "{names:?}");
        }
    }
    run(&house, "check", "").ends(0);
}

#[test]
fn the_same_review_again_changes_nothing_and_says_nothing() {
    let house = house(4, 3);
    let review = review(&json!([
        { "subject_id": id(&house, "Person 1"), "shown": "Person 1", "name": "Person 2" },
        { "subject_id": id(&house, "Person 2"), "shown": "Person 2", "name": "Winona" },
        { "subject_id": id(&house, "Person 3"), "shown": "Person 3", "name": "Winona" },
        { "subject_id": id(&house, "Person 4"), "shown": "Person 4",
          "moved": [{ "name": "Person 2", "face_ids": [faces(&house, "Person 4")[0]] }] },
    ]));
    apply(&house, &review, "").ends(0);
    let after = subjects(&house);
    let again = apply(&house, &review, "").ends(0);
    assert_eq!(again.out, "0 subjects renamed, 0 subjects merged, 0 faces named, 0 faces rejected\n");
    assert_eq!(subjects(&house), after);
}

#[test]
fn a_person_whose_faces_were_all_rejected_comes_back_by_undo() {
    let house = house(2, 3);
    house.run("subject rename", ["Person 1", "Tony"]).ends(0);
    let before = subjects(&house);
    let all = faces(&house, "Tony").iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let said = house.run("subject reject", ["Tony", "--template", &all]).ends(0);
    assert!(said.out.contains("Tony is gone too: no template is left"), "{}", said.out);
    run(&house, "purge", "").ends(0);
    let said = run(&house, "undo", "").ends(0);
    assert!(said.out.contains("Tony is back"), "{}", said.out);
    assert_eq!(subjects(&house), before);
    // The same with all boxes of the page.
    let ticked = json!([{ "subject_id": id(&house, "Tony"), "rejected_ids": faces(&house, "Tony") }]);
    let planned = apply(&house, &review(&ticked), "--dry-run").ends(0);
    assert!(planned.out.contains("Tony would be gone: no face is left"), "{}", planned.out);
    let done = apply(&house, &review(&ticked), "").ends(0);
    assert!(done.out.contains("Tony is gone: no face is left"), "{}", done.out);
    run(&house, "undo", "").ends(0);
    assert_eq!(subjects(&house), before);
    // A new cluster does not get a name that an undoing would give back.
    let all = faces(&house, "Person 2").iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    house.run("subject reject", ["Person 2", "--template", &all]).ends(0);
    let more: Vec<UnknownFaces> = (0..3).map(|image| photo(200 + image, &[face(9, image.into())])).collect();
    Gallery::open(&house.gallery()).unwrap().add_unknown_faces(&more).unwrap();
    run(&house, "cluster", "--assign").ends(0);
    assert_eq!(subjects(&house).keys().collect::<Vec<_>>(), ["Person 3", "Tony"]);
}

#[test]
fn a_review_of_another_gallery_is_refused() {
    let (house, other) = (house(2, 3), house(2, 4));
    let shown = page(&house, "");
    let cluster = &shown["clusters"][0];
    let mut review = review(&json!([{ "subject_id": cluster["subject_id"], "name": "Ada" }]));
    review["gallery"] = shown["gallery"].clone();
    let before = subjects(&other);
    for words in ["", "--dry-run"] {
        let said = apply(&other, &review, words).ends(2);
        assert!(said.err.contains("the review was made for another gallery"), "{}", said.err);
    }
    assert_eq!(subjects(&other), before);
    apply(&house, &review, "").ends(0);
    assert!(subjects(&house).contains_key("Ada"));
    // A review of an earlier version does not say where it belongs.
    review.as_object_mut().unwrap().remove("gallery");
    apply(&other, &review, "").ends(0);
    assert!(subjects(&other).contains_key("Ada"));
}

#[test]
fn an_old_review_does_not_undo_newer_corrections() {
    let house = house(3, 3);
    let [two, three] = ["Person 2", "Person 3"].map(|name| id(&house, name));
    house.run("subject rename", ["Person 1", "Tony"]).ends(0);
    house.run("subject merge", ["Person 2", "Tony"]).ends(0);
    house.run("subject rename", ["Person 3", "Benjamin"]).ends(0);
    let before = subjects(&house);
    let old = |shown: bool| {
        let mut clusters = json!([
            { "subject_id": two, "shown": "Person 2", "name": "Winona" },
            { "subject_id": three, "shown": "Person 3", "name": "Ben" },
        ]);
        if !shown {
            clusters.as_array_mut().unwrap().iter_mut().for_each(|one| {
                one.as_object_mut().unwrap().remove("shown");
            });
        }
        review(&clusters)
    };
    for words in ["", "--dry-run"] {
        let said = apply(&house, &old(true), words).ends(0);
        for told in [
            "cluster 1 of the review (Winona): left alone, because Person 2 on the page was merged into another subject, Tony",
            "cluster 2 of the review (Ben): left alone, because Person 3 on the page is called Benjamin now",
        ] {
            assert!(said.out.contains(told), "{}", said.out);
        }
        assert_eq!(subjects(&house), before);
    }
    apply(&house, &old(false), "").ends(0);
    assert_eq!(subjects(&house).keys().collect::<Vec<_>>(), ["Ben", "Winona"]);
}

#[test]
fn a_name_for_a_cluster_that_was_assigned_meanwhile_renames_its_subject() {
    let house = unnamed(3, 3);
    let shown = page(&house, "");
    let ids = |cluster: usize| shown["clusters"][cluster]["face_ids"].clone();
    run(&house, "cluster", "--assign").ends(0);
    let names = |cluster: usize, name: &str| {
        review(&json!([{ "subject_id": null, "shown": null, "name": name, "face_ids": ids(cluster) }]))
    };
    apply(&house, &names(0, "Tony"), "").ends(0);
    let after = subjects(&house);
    assert!(after.len() == 3 && after["Tony"].len() == 3, "{after:?}");
    // A name that a user has given stays, and what is left alone is told.
    let said = apply(&house, &names(0, "Ben"), "").ends(0);
    assert_eq!(subjects(&house), after);
    let told = "cluster 1 of the review (Ben): #10, #11, #12 left alone, because they are faces of Tony now";
    assert!(said.out.contains(told), "{}", said.out);
    // Faces and subjects that are gone are told with their cluster.
    house.run("subject remove", ["Tony", "--yes"]).ends(0);
    let gone = json!([{ "subject_id": 99, "name": "Eve" }, { "name": "Tony", "face_ids": ids(0) }]);
    let said = apply(&house, &review(&gone), "").ends(0);
    assert!(said.out.contains("cluster 1 of the review (Eve): its subject is not in the gallery any more"));
    assert!(said.out.contains("cluster 2 of the review (Tony): #1, #2, #3 are not in the gallery any more"));
}

#[test]
fn selected_faces_of_a_cluster_get_a_name_of_their_own() {
    let house = house(2, 30);
    assert_eq!(page(&house, "")["clusters"][0]["faces"], 30);
    let count = |file: &str| std::fs::read_to_string(house.path(file)).unwrap().matches("data-face=").count();
    assert_eq!(count("people.html"), 48);
    let shown = page(&house, "--page-faces 30");
    assert_eq!(count("people.html"), 60);
    run(&house, "cluster", "--page-faces 30").ends(2);
    let (one, two) = (faces(&house, "Person 1"), faces(&house, "Person 2"));
    let mut split = review(&json!([
        { "subject_id": id(&house, "Person 1"), "shown": "Person 1", "name": "Ada",
          "moved": [{ "name": "Grace", "face_ids": one[..10] }, { "name": "Person 2", "face_ids": one[10..12] }] },
        { "subject_id": id(&house, "Person 2"), "shown": "Person 2",
          "moved": [{ "name": "Ada", "face_ids": two[..3] }] },
    ]));
    split["gallery"] = shown["gallery"].clone();
    let before = subjects(&house);
    let planned = apply(&house, &split, "--dry-run").ends(0);
    assert!(planned.out.contains("would move 10 faces to Grace, who would be new: #"), "{}", planned.out);
    let done = apply(&house, &split, "--format json").ends(0).json().remove(0);
    assert_eq!((&done["moved"], &done["renamed"], &done["rejected"]), (&15.into(), &1.into(), &0.into()));
    let sizes: BTreeMap<String, usize> =
        subjects(&house).into_iter().map(|(name, paths)| (name, paths.len())).collect();
    let expected = [("Ada", 21), ("Grace", 10), ("Person 2", 29)];
    assert_eq!(sizes, expected.map(|(name, size)| (name.to_owned(), size)).into());
    // The split stays, although the faces are alike.
    run(&house, "cluster", "--assign").ends(0);
    assert_eq!(subjects(&house)["Grace"].len(), 10);
    undo(&house, &done);
    assert_eq!(subjects(&house), before);
}

#[test]
fn faces_of_a_cluster_without_a_name_get_several_names() {
    let house = unnamed(1, 6);
    let ids = unknown(&house);
    let names = review(&json!([{ "name": "Ada", "face_ids": ids[..2], "rejected_ids": [ids[5]],
        "moved": [{ "name": "Bob", "face_ids": ids[2..5] }] }]));
    let done = apply(&house, &names, "--format json").ends(0).json().remove(0);
    assert_eq!((&done["named"], &done["moved"], &done["rejected"]), (&5.into(), &0.into(), &1.into()));
    let found = subjects(&house);
    assert_eq!((found["Ada"].len(), found["Bob"].len(), unknown(&house).len()), (2, 3, 1));
    // Without any name there is nobody whom the face could not show.
    let nobody = review(&json!([{ "rejected_ids": [ids[5]] }]));
    let said = apply(&house, &nobody, "").ends(0);
    let told = format!("cluster 1 of the review: #{} not rejected, because the cluster has no name", ids[5]);
    assert!(said.out.contains(&told), "{}", said.out);
}

#[test]
fn a_review_that_gives_two_names_to_a_subject_or_a_face_is_refused() {
    let house = house(2, 3);
    let (one, before) = (id(&house, "Person 1"), subjects(&house));
    let moved = |name: &str| json!({ "name": name, "face_ids": [faces(&house, "Person 1")[0]] });
    for (clusters, told) in [
        (
            json!([{ "subject_id": one, "name": "Ada" }, { "subject_id": one, "name": "Bob" }]),
            "gets two names: Ada and Bob",
        ),
        (
            json!([{ "subject_id": one, "moved": [moved("Ada"), moved("Bob")] }]),
            "gets two names: Ada and Bob",
        ),
    ] {
        for words in ["", "--dry-run"] {
            let said = apply(&house, &review(&clusters), words).ends(2);
            assert!(said.err.contains(told), "{}", said.err);
        }
    }
    assert_eq!(subjects(&house), before);
}

#[test]
fn merging_people_who_were_marked_as_different_is_told() {
    let house = house(3, 3);
    let [one, two] = ["Person 1", "Person 2"].map(|name| id(&house, name));
    house.run("dedup subjects", ["--distinct", &format!("{one},{two}")]).ends(0);
    let told = "were marked as different people";
    let both = review(&json!([{ "subject_id": one, "name": "Ada" }, { "subject_id": two, "name": "Ada" }]));
    let planned = apply(&house, &both, "--dry-run").ends(0);
    assert!(planned.out.contains(told), "{}", planned.out);
    let done = apply(&house, &both, "").ends(0);
    assert!(done.out.contains(told) && done.out.contains("Person 1 and Person 2"), "{}", done.out);
    run(&house, "undo", "--last 2").ends(0);
    for words in [&["Person 2", "Person 1", "--dry-run"][..], &["Person 2", "Person 1"]] {
        let said = house.run("subject merge", words).ends(0);
        assert!(said.out.contains(told), "{}", said.out);
    }
    let said = house.run("subject merge", ["Person 3", "Person 1", "--format", "json"]).ends(0).json();
    assert_eq!(said[0]["kept_apart"], false);
}

#[test]
fn names_with_joiners_are_taken_by_a_review_and_printed_as_they_are() {
    let house = house(3, 3);
    let names = ["علی\u{200c}رضا", "The 👨\u{200d}👩\u{200d}👧 Smiths", "മോഹന\u{d4d}\u{200d}"];
    let given = (1..)
        .zip(names)
        .map(|(number, name)| json!({ "subject_id": id(&house, &format!("Person {number}")), "name": name }));
    apply(&house, &review(&given.collect()), "").ends(0);
    let listed = house.run("subject list", [] as [&str; 0]).ends(0).out;
    assert!(names.iter().all(|name| listed.contains(name)), "{listed}");
    let hidden = review(&json!([{ "subject_id": id(&house, names[0]), "name": "A\u{202e}da" }]));
    let said = apply(&house, &hidden, "").ends(1);
    assert!(said.err.contains("U+202E"), "{}", said.err);
}

#[test]
fn a_page_without_pictures_says_why() {
    let house = House::new();
    for person in ["001", "003"] {
        for name in ["neutral.jpg", "smiling.jpg"] {
            let photo = std::fs::read(crate::program::faces().join(person).join(name)).unwrap();
            house.write(format!("photos/{person}-{name}"), &photo);
        }
    }
    let run_in = |folder: &std::path::Path, words: &[&str]| {
        let page = house.path("page.html");
        let words = words.iter().copied().chain(["--threshold", "-1", "--page", page.to_str().unwrap()]);
        let said = house.command("cluster", words).current_dir(folder).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        String::from_utf8(said.stdout).unwrap()
    };
    let stored = run_in(&house.path(""), &["--photos", "photos"]);
    assert!(!stored.contains("without a picture"), "{stored}");
    let elsewhere = run_in(std::path::Path::new("/"), &[]);
    for expected in
        ["4 faces on the page without a picture", "from the folder in which they were stored", "prune"]
    {
        assert!(elsewhere.contains(expected), "{expected}: {elsewhere}");
    }
}

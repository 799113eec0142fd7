//! Lists of subjects on the command line, and people who are left out of the clusters and of the duplicates by them.

use gallerist::gallery::{Gallery, UnknownFaces};
use serde_json::{Value, json};

use crate::cluster::{face, open, open_with, photo};
use crate::decision::{D, run};
use crate::people::subjects;
use crate::program::{House, Said, vectors};

/// One photo of each of these people.
fn photos(people: std::ops::Range<u64>, images: std::ops::Range<u64>) -> Vec<UnknownFaces> {
    let all = people.flat_map(|person| images.clone().map(move |image| (person, image)));
    all.map(|(person, image)| photo((person * 16 + image) as u8, &[face(person, image)])).collect()
}

/// A gallery of people with four photos each, the subjects `Person 1`, `Person 2` and so on.
fn house(people: u64) -> House {
    let house = House::empty();
    open_with(&house, 0.6).add_unknown_faces(&photos(0..people, 0..4)).unwrap();
    run(&house, "cluster", "--assign").ends(0);
    house
}

fn add(house: &House, faces: &[UnknownFaces]) {
    Gallery::open(&house.gallery()).unwrap().add_unknown_faces(faces).unwrap();
}

/// The name of the subject with this photo.
fn who(house: &House, path: &str) -> String {
    let found = subjects(house).into_iter().find(|(_, paths)| paths.iter().any(|one| one == path));
    found.unwrap().0
}

fn hide(house: &House, name: &str) -> Said {
    house.run("list add", ["hidden", name]).ends(0)
}

/// The lines of `cluster`, each an object.
fn clustered(house: &House, words: &str) -> Vec<Value> {
    run(house, "cluster", &format!("{words} --format json --limit 100")).ends(0).json()
}

/// The names in the largest clusters.
fn names(summary: &Value) -> Vec<&str> {
    let largest = summary["largest"].as_array().unwrap();
    largest.iter().map(|one| one["subjects"][0].as_str().unwrap_or("nobody")).collect()
}

/// The page, and the subjects of its clusters.
fn page(house: &House, words: &str) -> (String, Vec<Value>) {
    run(house, "cluster", &format!("--page @people.html {words}")).ends(0);
    let page = std::fs::read_to_string(house.path("people.html")).unwrap();
    let (_, data) = page.split_once("type=\"application/json\">").unwrap();
    let data: Value = serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap();
    let clusters = data["clusters"].as_array().unwrap();
    let subjects = clusters.iter().map(|one| one["subject"].clone()).collect();
    (page, subjects)
}

#[test]
fn a_list_is_made_shown_changed_and_removed() {
    let house = house(3);
    assert_eq!(run(&house, "list show", "").ends(0).out, "");
    let said = house.run("list add", ["hidden", "Person 1", "Person 3"]).ends(0);
    assert_eq!(said.out, "hidden: 2 subjects\n");
    // Once more is no error, and a renamed subject stays.
    house.run("list add", ["hidden", "Person 3", "Person 2"]).ends(0);
    house.run("subject rename", ["Person 3", "The statue"]).ends(0);
    assert_eq!(run(&house, "list show", "hidden").ends(0).out, "Person 1\nPerson 2\nThe statue\n");
    let said = house.run("list remove", ["hidden", "Person 2", "--format", "json"]).ends(0).json();
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let ids = ["Person 1", "The statue"].map(|name| gallery.subject(name).unwrap().id);
    drop(gallery);
    assert_eq!((&said[0]["name"], &said[0]["subjects"]), (&"hidden".into(), &json!(ids)));
    assert_eq!(run(&house, "list show", "").ends(0).out, "hidden  2\n");
    let said = run(&house, "list show", "--format json").ends(0).json();
    assert_eq!(said[0]["lists"], json!([{ "name": "hidden", "subjects": 2 }]));
    let said = run(&house, "list show", "hidden --format json").ends(0).json();
    assert_eq!(said[0]["subjects"], json!(ids));

    // A wrong name changes nothing.
    for verb in ["list add", "list remove"] {
        let said = house.run(verb, ["hidden", "Person 2", "Eve"]).ends(1);
        assert!(said.err.contains("Eve"), "{}", said.err);
    }
    let said = house.run("list add", ["other", "Eve"]).ends(1);
    assert!(said.err.contains("Eve"), "{}", said.err);
    house.run("list add", ["other"]).ends(2);
    assert_eq!(run(&house, "list show", "").ends(0).out, "hidden  2\n");
    let said = run(&house, "list remove", "hidden").ends(1);
    assert!(said.err.contains("hidden has 2 subjects; add --yes to remove the list"), "{}", said.err);
    let said = run(&house, "list remove", "hidden --yes").ends(0);
    assert_eq!(said.out, "removed the list hidden; its 2 subjects stay in the gallery\n");
    for words in ["list show", "list remove"] {
        let said = run(&house, words, "hidden").ends(1);
        assert!(said.err.contains("there is no list \"hidden\""), "{}", said.err);
    }
    assert_eq!(subjects(&house).len(), 3);
    run(&house, "check", "").ends(0);
}

#[test]
fn clusters_of_subjects_on_a_list_are_left_out_and_the_clustering_stays_the_same() {
    let house = house(6);
    add(&house, &photos(12..14, 0..2));
    let (one, two) = (who(&house, "photo-0.jpg"), who(&house, "photo-16.jpg"));
    hide(&house, &one);
    hide(&house, &two);
    let all = clustered(&house, "--out @all.jsonl").remove(0);
    let some = clustered(&house, "--out @some.jsonl --not-list hidden").remove(0);
    assert!(names(&all).contains(&&one[..]) && names(&all).contains(&&two[..]) && names(&all).len() == 8);
    assert!(!names(&some).contains(&&one[..]) && !names(&some).contains(&&two[..]), "{some}");
    assert_eq!(names(&some).iter().filter(|name| **name == "nobody").count(), 2, "{some}");
    assert_eq!(some["left_out"], json!({ "clusters": 2, "singletons": 0, "faces": 8 }));
    assert!(all.get("left_out").is_none(), "{all}");
    for same in ["faces", "clusters", "singletons", "unknown", "threshold", "threshold_from"] {
        assert_eq!(all[same], some[same]);
    }
    // The others keep the numbers of their clusters.
    let lines = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(house.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut others = lines("all.jsonl");
    others.retain(|line| line["subject"] != one[..] && line["subject"] != two[..]);
    assert_eq!((lines("some.jsonl"), others.len()), (others.clone(), 20));

    let said = run(&house, "cluster", "--not-list hidden --limit 3").ends(0);
    for expected in
        ["and 3 more of several faces", "left out: 2 clusters with 8 faces, only of subjects on hidden"]
    {
        assert!(said.out.contains(expected), "{expected}: {}", said.out);
    }
    let said = run(&house, "cluster", "").ends(0);
    assert!(!said.out.contains("left out"), "{}", said.out);
    // Several lists.
    house.run("list remove", ["hidden", two.as_str()]).ends(0);
    house.run("list add", ["posters", two.as_str()]).ends(0);
    let said = run(&house, "cluster", "--not-list hidden --not-list posters").ends(0);
    assert!(said.out.contains("left out: 2 clusters with 8 faces, only of subjects on hidden, posters"));
    // A single face.
    add(&house, &[photo(250, &[face(40, 0)])]);
    run(&house, "cluster", "--assign --min-faces 1").ends(0);
    hide(&house, &who(&house, "photo-250.jpg"));
    let some = clustered(&house, "--not-list hidden").remove(0);
    assert_eq!(some["left_out"], json!({ "clusters": 2, "singletons": 1, "faces": 5 }));
}

#[test]
fn new_faces_of_a_hidden_subject_join_it_and_are_not_on_the_page() {
    let house = house(4);
    let (statue, ada) = (who(&house, "photo-0.jpg"), who(&house, "photo-16.jpg"));
    hide(&house, &statue);
    add(&house, &photos(0..2, 4..7));
    // Nobody has said yet that the new faces are the statue, so they are shown until they join it.
    let (_, shown) = page(&house, "--not-list hidden");
    assert!(shown.len() == 4 && shown.contains(&statue[..].into()), "{shown:?}");

    let said = clustered(&house, "--assign --not-list hidden --page @people.html");
    assert!(!names(&said[0]).contains(&&statue[..]), "{}", said[0]);
    assert_eq!(said[0]["left_out"], json!({ "clusters": 1, "singletons": 0, "faces": 7 }));
    assert_eq!((&said[1]["joined"], &said[1]["new_subjects"]), (&6.into(), &0.into()));
    let all = subjects(&house);
    assert_eq!((all[&statue].len(), all[&ada].len(), all.len()), (7, 7, 4));
    let shown = std::fs::read_to_string(house.path("people.html")).unwrap();
    let (page, on_page) = page(&house, "--not-list hidden");
    assert_eq!(on_page.len(), 3);
    assert!(on_page.contains(&ada[..].into()) && !on_page.contains(&statue[..].into()), "{on_page:?}");
    for page in [shown, page] {
        assert_eq!((page.matches("<section").count(), page.matches("data-face=").count()), (3, 15));
        assert!(
            page.contains(
                "22 faces: 4 clusters of several faces, of which the page shows 3, and 0 single faces; \
                 left out: 1 cluster with 7 faces, only of subjects on hidden"
            ),
            "{page}"
        );
    }
    // Without the option everybody is there, and the limit of the page is for those that are shown.
    assert_eq!(self::page(&house, "").1.len(), 4);
    assert_eq!(self::page(&house, "--not-list hidden --page-clusters 3").1.len(), 3);
}

#[test]
fn a_cluster_with_somebody_else_is_shown() {
    let house = House::empty();
    open(&house).add_unknown_faces(&photos(0..3, 0..4)).unwrap();
    run(&house, "cluster", "--assign").ends(0);
    let (statue, ada) = (who(&house, "photo-0.jpg"), who(&house, "photo-16.jpg"));
    hide(&house, &statue);
    // Half of the faces of a person are under the name of the statue.
    let gallery = Gallery::open(&house.gallery()).unwrap();
    let templates = gallery.templates_of(&gallery.subject(&ada).unwrap()).unwrap();
    gallery.move_templates(&[templates[0].id, templates[1].id], &statue).unwrap();
    drop(gallery);
    let some = clustered(&house, "--ignore-names --not-list hidden").remove(0);
    assert_eq!(some["left_out"]["clusters"], 1, "{some}");
    let largest = some["largest"].as_array().unwrap();
    let mixed = largest.iter().find(|one| one["subjects"].as_array().unwrap().len() == 2);
    assert!(mixed.is_some() && largest.len() == 2, "{some}");
}

#[test]
fn hidden_subjects_are_not_proposed_as_duplicates() {
    let house = house(3);
    // Earlier runs have made two subjects of two people.
    let parts = [("photo-0.jpg", "The statue"), ("photo-16.jpg", "Ada")];
    let parts = parts.map(|(path, name)| (who(&house, path), name));
    let gallery = Gallery::open(&house.gallery()).unwrap();
    for (whole, name) in parts {
        let templates = gallery.templates_of(&gallery.subject(&whole).unwrap()).unwrap();
        gallery.move_templates(&[templates[2].id, templates[3].id], name).unwrap();
    }
    // And one that is two people.
    let strange: Vec<UnknownFaces> =
        (0..4).map(|n| photo(200 + n, &[face(60 + u64::from(n) / 2, 0)])).collect();
    gallery.add_unknown_faces(&strange).unwrap();
    let ids: Vec<u64> = gallery.unknown_faces_after(0, 9).unwrap().iter().map(|face| face.id).collect();
    gallery.move_templates(&ids, "Mixed").unwrap();
    drop(gallery);
    let found = |words: &str| {
        let words = format!("--threshold 0.6 --format json --out @page.html {words}");
        run(&house, "dedup subjects", &words).ends(0).json().remove(0)
    };
    let all = found("");
    assert_eq!((&all["doubles_count"], &all["mixed_count"]), (&2.into(), &1.into()), "{all}");
    assert!(all.get("left_out").is_none());
    assert_eq!(page(&house, "").0.matches("May be the same person as").count(), 4);

    house.run("list add", ["hidden", "The statue", "Mixed"]).ends(0);
    let some = found("--not-list hidden --limit 1");
    assert_eq!((&some["doubles_count"], &some["mixed_count"]), (&1.into(), &0.into()), "{some}");
    assert_eq!(some["left_out"], json!({ "doubles": 1, "mixed": 1 }));
    assert_eq!((&some["doubles"][0]["sides"][1]["subject"], &some["mixed"]), (&"Ada".into(), &json!([])));
    for same in ["subjects", "templates", "threshold", "expected_false_pairs", "mixed_below"] {
        assert_eq!(all[same], some[same]);
    }
    let written = std::fs::read_to_string(house.path("page.html")).unwrap();
    let line = "left out: 1 pair and 1 subject, because of subjects on hidden";
    assert!(
        written.contains(line) && !written.contains("The statue") && !written.contains("Mixed"),
        "{written}"
    );
    let said = run(&house, "dedup subjects", "--threshold 0.6 --not-list hidden").ends(0);
    assert!(said.out.contains(line) && said.out.contains("under two names: 1 pair\n"), "{}", said.out);
    // The other half of the statue is on the page of the clusters, and is not proposed as the statue.
    let (shown, _) = page(&house, "--not-list hidden");
    assert_eq!(shown.matches("May be the same person as").count(), 2, "{shown}");
    assert!(!shown.contains("as The statue"), "{shown}");
}

#[test]
fn an_unknown_list_is_an_error_before_anything_is_done() {
    let house = House::empty();
    house.photo("photos/a.jpg", 1);
    house.run("cluster", ["--not-list", "hidden", "--photos", "photos"]).ends(1);
    assert!(!house.gallery().exists(), "nothing is made");
    house.renew(&["--model", "stand-in"]);
    let photos = house.path("photos");
    let photos = photos.to_str().unwrap();
    let expected = "error: there is no list \"hidden\"; `gallerist list add` makes one\n";
    house.write("probe.npy", &vectors(1, D, 1));
    for (verb, words) in [
        ("cluster", vec!["--photos", photos]),
        ("cluster", vec!["--photos", photos, "--assign", "--page", "people.html"]),
        ("cluster", vec![]),
        ("dedup subjects", vec![]),
        ("identify", vec![photos]),
    ] {
        let words = words.into_iter().chain(["--not-list", "hidden"]);
        assert_eq!(house.run(verb, words).ends(1).err, expected, "{verb}");
    }
    assert!(run(&house, "stats", "").ends(0).out.contains('0'));
    house.holds(0);
    for wrong in ["--evaluate", "--apply review.json"] {
        run(&house, "cluster", &format!("--not-list hidden {wrong}")).ends(2);
    }
    run(&house, "dedup subjects", "--not-list hidden --distinct 1,2").ends(2);
}

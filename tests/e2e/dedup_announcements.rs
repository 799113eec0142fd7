//! What `dedup plan` and `dedup apply` say before and after they do something.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::dedup::{Photos, face};
use crate::program::{Said, command};

/// Photos with equal bytes at these paths.
fn equal(names: &[&str]) -> Photos {
    let photos = Photos::new();
    for name in names {
        photos.write(name, &face("001", "neutral.jpg"));
    }
    photos
}

/// The words that keep what is in this folder.
fn kept(photos: &Photos, folder: &str) -> String {
    format!("folder:{}", photos.root().join(folder).display())
}

#[test]
fn a_dry_run_says_so_in_json_and_lists_the_files_in_text() {
    let photos = equal(&["a/1.jpg", "b/1.jpg"]);
    photos.write("b/1.xmp", b"sidecar");
    photos.plan(&["--keep", &kept(&photos, "a")]);
    let said = photos.run("apply", &["--format", "json"]).ends(0).json();
    assert_eq!((&said[0]["dry_run"], &said[0]["moved"]), (&true.into(), &2.into()));
    for (action, verb, files) in [("quarantine", "move", 2), ("hardlink", "replace", 1)] {
        let said = photos.run("apply", &["--action", action]).ends(0);
        let has = |verb: &str, name: &str| {
            said.out.lines().any(|line| line.trim_start().starts_with(verb) && line.ends_with(name))
        };
        assert!(has("keep", "/a/1.jpg") && has(verb, "/b/1.jpg"), "{}", said.out);
        assert_eq!(has(verb, "/b/1.xmp"), files == 2, "{}", said.out);
    }
    let said = photos.run("apply", &["--yes", "--format", "json"]).ends(0).json();
    assert_eq!((&said[0]["dry_run"], &said[0]["moved"]), (&false.into(), &2.into()));
    assert!(!photos.run("apply", &["--yes"]).ends(0).out.contains("keep"), "only a dry run lists them");
}

#[test]
fn a_dry_run_lists_the_first_groups_and_the_number_of_the_others() {
    let photos = Photos::new();
    for number in 0..23 {
        for folder in ["a", "b"] {
            let mut bytes = face("001", "neutral.jpg");
            bytes.extend(format!("photo {number}").into_bytes());
            photos.write(&format!("{folder}/{number}.jpg"), &bytes);
        }
    }
    photos.plan(&["--exact", "--keep", &kept(&photos, "a")]);
    let said = photos.run("apply", &[]).ends(0);
    assert_eq!(said.out.lines().filter(|line| line.starts_with("  move")).count(), 20, "{}", said.out);
    assert!(said.out.contains("and 3 groups more; "), "{}", said.out);
}

#[test]
fn the_file_to_which_a_link_leads_is_kept() {
    let photos = equal(&["photos/a.jpg", "photos/b.jpg"]);
    fs::create_dir(photos.root().join("album")).unwrap();
    let link = photos.root().join("album/best.jpg");
    symlink("../photos/b.jpg", &link).unwrap();
    let groups = photos.plan(&[]);
    let of = |action: &str, name: &str| (action.to_owned(), name.to_owned());
    assert_eq!(groups[0].1, [of("keep", "photos/b.jpg"), of("move", "photos/a.jpg")]);
    let said = photos.run("plan", &[]).ends(0);
    assert!(
        said.out.contains("a symbolic link leads to it") && !said.out.contains("nowhere"),
        "{}",
        said.out
    );
    photos.run("apply", &["--yes"]).ends(0);
    assert_eq!(fs::read(link).unwrap(), face("001", "neutral.jpg"));
    assert!(!photos.root().join("photos/a.jpg").exists());
}

#[test]
fn links_that_would_lead_nowhere_are_named_before_and_after() {
    let photos = equal(&["kept/a.jpg", "photos/b.jpg"]);
    photos.write("photos/b.xmp", b"sidecar");
    fs::create_dir(photos.root().join("album")).unwrap();
    for (link, target) in [("best.jpg", "../photos/b.jpg"), ("best.xmp", "../photos/b.xmp")] {
        symlink(target, photos.root().join("album").join(link)).unwrap();
    }
    // A link to a folder still leads there.
    symlink("photos", photos.root().join("again")).unwrap();
    let page = photos.house.path("page.html");
    let words = ["--keep", &kept(&photos, "kept"), "--page", page.to_str().unwrap()];
    let said = photos.run("plan", &words).ends(0);
    let names = |said: &str, verb: &str| {
        said.contains(&format!("2 symbolic links lead to files that {verb} moved, and then nowhere"))
            && said.contains("/album/best.jpg")
            && said.contains("/album/best.xmp")
    };
    assert!(names(&said.out, "would be"), "{}", said.out);
    assert!(fs::read_to_string(page).unwrap().contains("2 symbolic links lead to files"));
    let plan: Value = serde_json::from_slice(&fs::read(photos.house.path("plan.json")).unwrap()).unwrap();
    let links = &plan["groups"][0]["members"][1]["files"][0]["links"];
    assert!(links[0].as_str().unwrap().ends_with("/album/best.jpg") && links.as_array().unwrap().len() == 1);
    let said = photos.run("apply", &[]).ends(0);
    assert!(names(&said.out, "would be"), "{}", said.out);
    let said = photos.run("apply", &["--action", "hardlink"]).ends(0);
    assert!(!said.out.contains("symbolic"), "a file that is replaced stays where it is: {}", said.out);
    let said = photos.run("apply", &["--yes"]).ends(0);
    assert!(names(&said.out, "were"), "{}", said.out);
    photos.run("undo", &[]).ends(0);
    let said = photos.run("apply", &["--yes", "--format", "json"]).ends(0).json();
    assert_eq!(said[0]["links"].as_array().unwrap().len(), 2);
}

#[test]
fn files_that_move_with_a_photo_are_named_and_sidecars_that_differ_are_told() {
    let photos = equal(&["a/1.jpg", "b/1.jpg", "c/1.jpg", "d/1.jpg"]);
    photos.write("a/1.xmp", b"tags");
    photos.write("b/1.xmp", b"caption");
    photos.write("c/1.xmp", b"tags");
    let page = photos.house.path("page.html");
    let words = ["--keep", &kept(&photos, "a"), "--page", page.to_str().unwrap()];
    let said = photos.run("plan", &words).ends(0);
    let lines: Vec<&str> = said.out.lines().collect();
    let line = |end: &str| lines.iter().position(|line| line.contains(end)).unwrap();
    let different =
        "1.xmp, which moves with it, is a sidecar with another content than that of the kept photo";
    assert!(lines[line("/b/1.jpg")].ends_with(different), "{}", said.out);
    assert!(lines[line("/c/1.jpg")].ends_with("equal bytes"), "{}", said.out);
    assert_eq!(line("with /") - line("/b/1.jpg"), 1, "{}", said.out);
    assert_eq!(
        lines.iter().filter(|line| line.trim_start().starts_with("with /")).count(),
        2,
        "{}",
        said.out
    );
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains(different) && page.matches("<br>with 1.xmp").count() == 3);
    // A kept photo without a sidecar.
    let said = photos.run("plan", &["--keep", &kept(&photos, "d")]).ends(0);
    assert!(said.out.contains("is a sidecar, and the kept photo has none"), "{}", said.out);
}

#[test]
fn a_root_that_takes_no_mark_does_not_prevent_a_quarantine_elsewhere() {
    let photos = equal(&["a.jpg", "b.jpg"]);
    photos.plan(&[]);
    let place = photos.root().join(".gallerist-quarantine");
    fs::write(&place, b"").unwrap();
    let before = photos.tree();
    let quarantine = photos.house.path("quarantine");
    let words = ["--yes", "--quarantine", quarantine.to_str().unwrap()];
    let said = photos.run("apply", &words).ends(0);
    assert!(said.out.contains("moved 1 file"), "{}", said.out);
    assert!(said.out.contains("does not say where the quarantine is"), "{}", said.out);
    let undo = |word: &Path| {
        let mut command = command(["dedup", "undo"]);
        Said::of(command.arg(word).output().unwrap())
    };
    undo(&quarantine).ends(0);
    assert!(photos.tree() == before);
    photos.run("apply", &words).ends(0);
    photos.run("undo", &words[1..]).ends(0);
    assert!(photos.tree() == before);
    // The usual quarantine needs the folder.
    photos.run("apply", &["--yes"]).ends(1);
    assert!(photos.tree() == before);
}

#[test]
fn outputs_in_one_file_and_in_a_missing_folder_are_refused_before_the_work() {
    let photos = equal(&["a.jpg", "b.jpg"]);
    let cache = photos.house.path("cache.sqlite");
    let refused = |words: &[&str], expected: &str| {
        let said = photos.run("plan", words).ends(1);
        assert!(said.err.contains(expected), "{}", said.err);
        assert!(!cache.exists() && !photos.house.path("plan.json").exists());
    };
    fs::create_dir(photos.house.path("other")).unwrap();
    for same in ["plan.json", "other/../plan.json"] {
        refused(&["--page", photos.house.path(same).to_str().unwrap()], "two different files are expected");
    }
    let missing = photos.house.path("missing");
    refused(&["--page", missing.join("page.html").to_str().unwrap()], "does not exist");
    let mut words = photos.words("plan", &[]);
    let out = words.iter().position(|word| word.ends_with("plan.json")).unwrap();
    words[out] = missing.join("plan.json").to_str().unwrap().to_owned();
    let said = Said::of(command(words).output().unwrap()).ends(1);
    assert!(said.err.contains("does not exist") && !cache.exists(), "{}", said.err);
}

#[test]
fn a_user_folder_that_cannot_be_used_is_reported_with_the_option_for_another_one() {
    let photos = equal(&["a.jpg"]);
    let home = photos.house.write("home", b"a file");
    for (option, file) in [("--cache", "cache.sqlite"), ("--decisions", "decisions.sqlite")] {
        let mut words = photos.words("plan", &[]);
        let at = words.iter().position(|word| word.ends_with(file)).unwrap();
        words.drain(at - 1..=at);
        let mut command = command(words);
        command.env("HOME", &home).env_remove("XDG_CACHE_HOME").env_remove("XDG_STATE_HOME");
        let said = Said::of(command.output().unwrap()).ends(1);
        assert!(said.err.contains(&format!("{option} FILE names another one")), "{}", said.err);
    }
}

#[test]
fn a_plan_that_an_editor_saved_with_a_byte_order_mark_is_a_plan() {
    let photos = equal(&["a.jpg", "b.jpg"]);
    photos.plan(&[]);
    let path = photos.house.path("plan.json");
    let plan = fs::read(&path).unwrap();
    fs::write(&path, [b"\xef\xbb\xbf", &plan[..]].concat()).unwrap();
    photos.run("apply", &["--yes"]).ends(0);
    photos.run("undo", &[]).ends(0);
}

#[test]
fn a_photo_of_a_reference_folder_is_moved_by_no_plan() {
    let photos = equal(&["archive/a.jpg", "b.jpg"]);
    photos.plan(&["--reference", photos.root().join("archive").to_str().unwrap()]);
    let path = photos.house.path("plan.json");
    let mut plan: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (at, action) in ["move", "keep"].into_iter().enumerate() {
        plan["groups"][0]["members"][at]["action"] = action.into();
    }
    fs::write(&path, plan.to_string()).unwrap();
    let said = photos.run("apply", &["--yes"]).ends(1);
    assert!(said.err.contains("is in a reference folder and would be moved"), "{}", said.err);
    assert!(photos.root().join("archive/a.jpg").exists());
}

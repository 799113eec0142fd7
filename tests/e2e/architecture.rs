//! Compares the imports between the rooms of `src` with the table in the README.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../index/tests/index/architecture/edges.rs"]
#[allow(dead_code)] // the index uses all of it
mod edges;

use edges::imports;

/// Crates that only some rooms may name.
const FOREIGN: [&str; 3] = ["gallerist_index", "rusqlite", "tch"];
/// The room that is a separate crate.
const NETWORKS: &str = "encoder/networks";

/// A row of the README's table.
struct Room {
    name: String,
    /// The rooms that it may import.
    imports: BTreeSet<String>,
    /// Whether the row lists them. Otherwise they are all rooms above it.
    is_listed: bool,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Parses the table in the README: the link of a room, its content, its imports, and what it never knows.
fn table(readme: &str) -> Vec<Room> {
    let mut house: Vec<Room> = Vec::new();
    for line in readme.lines().filter(|line| line.starts_with("| [`")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = match cells[1].split('`').nth(1).unwrap() {
            "index/" => "index",
            name => match name.strip_prefix("src/") {
                Some(name) => name,
                None => continue,
            },
        };
        let is_listed = cells[3] != "all above";
        let imports = if is_listed {
            cells[3].split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        } else {
            house.iter().map(|room| room.name.clone()).collect()
        };
        house.push(Room { name: name.to_owned(), imports, is_listed });
    }
    house
}

/// The files of `src`, each with its path in `src` and its text.
fn files() -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root().join("src")).unwrap().to_owned(), text));
            }
        }
    }
    found
}

/// The room of a file: its folder, or the file with the name of that folder. `lib.rs` only lists the rooms; `main.rs` belongs to `cli`.
fn room(path: &Path) -> Option<String> {
    match path.to_str().unwrap() {
        "lib.rs" => None,
        "main.rs" => Some("cli".to_owned()),
        path if path.starts_with(NETWORKS) => Some(NETWORKS.to_owned()),
        path => path.split('/').next().map(|name| name.trim_end_matches(".rs").to_owned()),
    }
}

/// Every import from one room into another, with a file that contains it.
fn edges(files: &[(PathBuf, String)]) -> BTreeMap<(String, String), PathBuf> {
    let mut edges = BTreeMap::new();
    for (path, text) in files {
        let Some(room) = room(path) else { continue };
        let is_program = room == NETWORKS || path == Path::new("main.rs");
        let depth = path.components().count();
        for target in imports(text, depth, if is_program { "gallerist" } else { "crate" }, &FOREIGN) {
            let target = if target == "gallerist_index" { "index".to_owned() } else { target };
            if target != room {
                edges.insert((room.clone(), target), path.clone());
            }
        }
    }
    edges
}

/// The imports of these files that the table does not allow.
fn violations(house: &[Room], files: &[(PathBuf, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for ((from, to), path) in edges(files) {
        match to.as_str() {
            "rusqlite" if from == "gallery" || from == "dedup" => continue,
            "tch" if from == NETWORKS => continue,
            _ => {}
        }
        match house.iter().find(|room| room.name == from) {
            None => found.push(format!("{}: the room {from} is not in the table", path.display())),
            Some(room) if room.imports.contains(&to) => {}
            Some(_) => found.push(format!("{}: {from} must not import {to}", path.display())),
        }
    }
    found
}

fn house() -> Vec<Room> {
    table(&fs::read_to_string(root().join("README.md")).unwrap())
}

#[test]
fn every_import_is_in_the_table() {
    assert_eq!(violations(&house(), &files()), Vec::<String>::new());
}

/// The only module of `src` that may name the index: other stores of vectors are built beside it.
const STORE: &str = "gallery/vectors/local";

/// The files that name the index and are not of that module.
fn naming_the_index(files: &[(PathBuf, String)]) -> Vec<&Path> {
    let is_of_store = |path: &Path| path.with_extension("").starts_with(STORE);
    let names = |(path, text): &&(PathBuf, String)| text.contains("gallerist_index") && !is_of_store(path);
    files.iter().filter(names).map(|(path, _)| path.as_path()).collect()
}

#[test]
fn one_module_names_the_index() {
    let files = files();
    assert_eq!(naming_the_index(&files), Vec::<&Path>::new());
    assert!(files.iter().any(|(path, text)| path.starts_with(STORE) && text.contains("gallerist_index")));
    for (path, is_wrong) in [
        ("gallery.rs", true),
        ("gallery/vectors.rs", true),
        ("gallery/vectors/locality.rs", true),
        ("gallery/vectors/local.rs", false),
        ("gallery/vectors/local/snapshot.rs", false),
    ] {
        let planted = [(path.into(), "use gallerist_index as index;".to_owned())];
        assert_eq!(naming_the_index(&planted).len(), usize::from(is_wrong), "{path}");
    }
}

/// The rooms that occur twice in a table, or import a room that is not above them. Without such rooms there is no import cycle.
fn misplaced(house: &[Room]) -> Vec<&str> {
    let mut above = BTreeSet::new();
    let is_wrong = |room: &&Room| !room.imports.is_subset(&above) | !above.insert(room.name.clone());
    house.iter().filter(is_wrong).map(|room| room.name.as_str()).collect()
}

#[test]
fn the_table_has_no_import_cycle() {
    let house = house();
    assert!(house.len() > 10, "the table has {} rooms", house.len());
    assert_eq!(misplaced(&house), Vec::<&str>::new());
    let circle = "| [`src/image`](a) | . | face | . |\n| [`src/face`](b) | . | image | . |";
    assert_eq!(misplaced(&table(circle)), ["image"]);
    let twice = "| [`src/image`](a) | . | | . |\n| [`src/image`](b) | . | | . |";
    assert_eq!(misplaced(&table(twice)), ["image"]);
}

#[test]
fn every_import_in_the_table_exists() {
    let files = files();
    let (edges, rooms) = (edges(&files), files.iter().filter_map(|(path, _)| room(path)));
    let rooms: BTreeSet<String> = rooms.collect();
    for Room { name, imports, .. } in house().iter().filter(|room| room.is_listed) {
        assert!(name == "index" || rooms.contains(name), "there is no room {name}");
        for to in imports {
            assert!(edges.contains_key(&(name.clone(), to.clone())), "{name} does not import {to} any more");
        }
    }
}

#[test]
fn a_wrong_import_is_found() {
    let house = house();
    let planted = |path: &str, text: &str| violations(&house, &[(path.into(), text.into())]);
    for (path, text) in [
        ("image.rs", "use crate::gallery::Gallery;"),
        ("image.rs", "mod tests { use super::super::gallery; }"),
        ("calibration/curve.rs", "use crate::{template::Template, gallery::{Gallery, Search}};"),
        ("calibration/curve.rs", "fn f<'a>(_: &'a str) -> char { crate::gallery::count(\"//\"); '\"' }"),
        ("gallery/name.rs", "use super::super::audit;"),
        ("encoder/model.rs", "fn f() { tch::no_grad(|| ()) }"),
        ("decision.rs", "use rusqlite::Connection;"),
        ("encoder/networks/pool.rs", "use gallerist::dedup::Plan;"),
        ("lumber/room.rs", "use crate::image::Photo;"),
    ] {
        assert_eq!(planted(path, text).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("face.rs", "use crate::image::Photo;"),
        ("image.rs", "// use crate::gallery;\n/* crate::gallery */ const A: &str = \"crate::gallery\";"),
        ("image/jpeg.rs", "use super::gallery; mod tests { use super::super::gallery; }"),
        ("gallery.rs", "use rusqlite::Connection;"),
    ] {
        assert_eq!(planted(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

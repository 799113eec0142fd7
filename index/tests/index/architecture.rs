//! Which parts of the crate may use which.

mod edges;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use edges::{Edge, Table, circle, edges, mentions, picture, violations};

/// The rooms of `src`, the lowest first: each uses only rooms above it in this list.
const ROOMS: &Table<'static> = &[
    ("error", &[]),
    ("report", &[]),
    ("codes", &[]),
    ("control", &["error"]),
    ("options", &["error"]),
    ("background", &["error"]),
    ("row", &["codes", "error"]),
    ("graph", &["background", "codes", "error", "options", "report"]),
    ("storage", &["background", "codes", "error", "graph", "options", "report", "row"]),
    ("search", &["codes", "control", "error", "options", "report", "row", "storage"]),
    ("write", &["control", "error", "graph", "options", "row", "storage"]),
    ("maintenance", &["control", "error", "options", "report", "storage", "write"]),
    (
        "index",
        &[
            "background",
            "control",
            "error",
            "maintenance",
            "options",
            "report",
            "row",
            "search",
            "storage",
            "write",
        ],
    ),
];

fn sources() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

/// `cargo test -p gallerist-index --test index -- architecture --nocapture` shows the picture.
#[test]
fn rooms_use_only_what_the_table_allows() {
    let found = edges(sources(), &[]);
    println!("{}", picture(&found));
    let wrong = violations(&found, ROOMS);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_allows_nothing_that_is_not_used() {
    let found = edges(sources(), &[]);
    let used: BTreeSet<(&str, &str)> = found.iter().map(|edge| (&*edge.from, &*edge.to)).collect();
    let allowed = ROOMS.iter().flat_map(|(room, uses)| uses.iter().map(|used| (*room, *used)));
    let idle: Vec<_> = allowed.filter(|edge| !used.contains(edge)).collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn unsafe_code_and_hnsw_rs_stay_where_they_belong() {
    let outside = |word: &str, places: &[&str]| {
        let found = mentions(sources(), word).into_iter();
        found.filter(|(file, _)| !places.iter().any(|place| file.starts_with(place))).collect::<Vec<_>>()
    };
    assert_eq!(outside("unsafe", &["storage/mmap.rs", "codes/kernels.rs", "codes/kernels"]), []);
    assert_eq!(outside("hnsw_rs", &["graph"]), []);
    assert_eq!(outside("Mmap", &["storage/mmap.rs"]), []);
}

/// A small crate with what is given as its rooms.
fn crate_of(rooms: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let modules: String = rooms
        .iter()
        .filter(|(file, _)| !file.contains('/'))
        .map(|(file, _)| format!("mod {file};\n"))
        .collect();
    fs::write(directory.path().join("lib.rs"), modules + "pub use high::{Index, part::Other};\n").unwrap();
    for (file, text) in rooms {
        let path = directory.path().join(format!("{file}.rs"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

const SMALL: &Table<'static> = &[("low", &[]), ("high", &["low"])];

#[test]
fn a_planted_import_is_found_wherever_it_hides() {
    for planted in [
        "use crate::high::thing;",
        "use crate::{low::other, high};",
        "use crate::Index;",
        "use crate::Other;",
        "fn f() { crate::high::g() }",
        "type T = Vec<super::high::T>;",
        "mod inner { use super::super::high; }",
        "const A: char = '\"'; use crate::high;",
        "fn f<'a>(_: &'a str) { let _ = r#\"\"#; crate::high::g() }",
        "/* // */ use crate::high;",
    ] {
        let directory = crate_of(&[("low", planted), ("high", "use crate::low;")]);
        let found = edges(directory.path(), &[]);
        let wrong = violations(&found, SMALL);
        assert_eq!(wrong, ["low.rs:1: `low` may not use `high`"], "{planted}");
        assert!(edges(directory.path(), &["low.rs"]).iter().all(|edge| edge.from == "high"));
    }
    let directory = crate_of(&[("low", ""), ("low/part", "\nuse super::super::high;"), ("high", "")]);
    let expected = Edge { from: "low".into(), to: "high".into(), file: "low/part.rs".into(), line: 2 };
    assert_eq!(edges(directory.path(), &[]), [expected]);
}

#[test]
fn what_is_no_import_is_left_alone() {
    let harmless = r##"
        //! Doc: crate::high, and [`Index`](crate::Index).
        /// use crate::high;
        pub(crate) struct A<'a>(pub(crate) &'a str);
        const TEXT: &str = "use crate::high; \" use crate::high;";
        const RAW: &str = r#"use crate::high; " "#;
        /* use crate::high; /* nested */ use crate::high; */
        mod inner { use super::A; fn f() { super::inner::g() } }
        #[cfg(test)] use crate::high::helper;
        #[cfg(all(loom, test))] mod loom_tests;
        #[cfg(test)] mod tests { use crate::high::*; fn f() { crate::Index::new() } }
        fn last() -> crate::low::A<'static> { A("") }
    "##;
    let tests = "use crate::high;";
    let directory =
        crate_of(&[("low", harmless), ("low/tests", tests), ("low/tests/more", tests), ("high", "")]);
    assert_eq!(edges(directory.path(), &[]), []);
}

#[test]
fn a_table_with_a_circle_or_an_unknown_room_is_refused() {
    assert_eq!(circle(SMALL), None);
    let table: &Table<'_> = &[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &["a"])];
    assert_eq!(circle(table), Some(["b", "c", "b"].map(String::from).to_vec()));
    assert_eq!(violations(&[], table), ["the table has a circle: b -> c -> b"]);
    let unknown: &Table<'_> = &[("a", &["z"])];
    assert!(violations(&[], unknown)[0].contains("`z`"));
}

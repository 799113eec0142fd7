//! Compares the README with the output of the program.

use crate::program::{House, command, faces};

/// Numbers differ between runs (times) and slightly between processors (scores), so each number is compared as one character.
fn shape(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let mut shape = String::new();
        for part in line.chars() {
            let sign = if part.is_ascii_digit() { '0' } else { part };
            if sign != '0' || !shape.ends_with('0') {
                shape.push(sign);
            }
        }
        shape
    };
    text.trim().lines().map(|text| line(text.trim_end())).collect()
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn the_readme_shows_what_the_demo_prints() {
    let house = House::empty();
    house.link(&faces(), "tests/faces");
    let mut demo = command(["demo", "--dir", "demo"]);
    let output = demo.current_dir(house.path(".")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let shown = readme.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(shape(shown), shape(&printed), "the demo printed:\n{printed}");
}

//! The README shows what the program prints.

use crate::program::{House, command, skipped};
use crate::real_faces::{missing_models, samples};

/// Numbers differ from run to run (times) and a little from processor to processor (scores): each counts as one sign.
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
fn the_readme_shows_what_the_demo_prints() {
    let test = "the_readme_shows_what_the_demo_prints";
    if let Some(why) = missing_models(&["mobilefacenet-192", "dlib-128"]) {
        return skipped(test, &why);
    }
    let Some(samples) = samples() else { return skipped(test, "the sample photos are not installed") };
    let house = House::empty();
    std::os::unix::fs::symlink(samples, house.path("photos")).unwrap();
    let mut demo = command(["demo", "--photos", "photos", "--dir", "demo"]);
    let output = demo.current_dir(house.path(".")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let shown = readme.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(shape(shown), shape(&printed), "the demo printed:\n{printed}");
}

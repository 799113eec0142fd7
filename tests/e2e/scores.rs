//! Scores and rates as options: ambiguous and invalid values are refused.

use crate::decision::{D, gallery};
use crate::program::vectors;

#[test]
fn repeated_or_reversed_thresholds_are_refused() {
    let house = gallery(5, 1);
    let rows = house.write("rows.npy", &vectors(1, D, 5));
    let identify =
        |more: &[&str]| house.run("identify", ["--vectors", rows.to_str().unwrap()].iter().chain(more));
    for option in ["--threshold", "--target-fpir"] {
        let said = identify(&[option, "0.5", option, "0.6"]).ends(2);
        assert!(said.err.contains("cannot be used multiple times"), "{}", said.err);
    }
    let said = identify(&["--threshold", "0.7,0.5"]).ends(2);
    assert!(
        said.err.contains("lower score first") && said.err.contains("--threshold 0.5,0.7"),
        "{}",
        said.err
    );
    let said = identify(&["--threshold", "0,1"]).ends(2);
    assert!(said.err.contains("decimal point: 0.1"), "{}", said.err);
    assert_eq!(identify(&["--threshold", "0.5,0.7"]).code, Some(11));
    for verb in ["calibrate", "eval"] {
        let said = house.run(verb, ["--target-fpir", "0.1", "--target-fpir", "0.2"]).ends(2);
        assert!(said.err.contains("cannot be used multiple times"), "{}", said.err);
    }
}

//! The page of `gallerist serve` in a browser. The tests themselves are in `tests/browser`.

use std::path::Path;
use std::process::Command;

/// The exit code of `tests/browser/run` if the tests cannot run on this machine.
const CANNOT_RUN: i32 = 77;

#[test]
#[cfg_attr(
    not(all(browser_installed, models_installed)),
    ignore = "needs Node.js 20 with npm, Chromium, and the models that tools/setup installs"
)]
fn the_page_passes_its_tests_in_a_browser() {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/run");
    let output = Command::new(run).arg(env!("CARGO_BIN_EXE_gallerist")).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    // The packages of the tests come from a registry, which can be out of reach. That is no reason to call the page tested.
    assert_ne!(output.status.code(), Some(CANNOT_RUN), "{printed}");
    assert!(output.status.success(), "{printed}{errors}");
    assert!(printed.contains("\u{2139} fail 0"), "{printed}");
}

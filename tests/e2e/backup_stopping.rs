//! Interrupts while a gallery is backed up, restored, exported or checked.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::decision::D;
use crate::program::{House, Said, command, vectors};

/// Names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Sends SIGTERM to a command once `is_at_work` is true. Returns its output, or nothing if it ended before.
fn stop(mut command: Command, is_at_work: &dyn Fn() -> bool) -> Option<Said> {
    let mut child: Child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !is_at_work() {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    Some(Said::of(child.wait_with_output().unwrap())).filter(|said| said.code != Some(0))
}

#[test]
fn a_stopped_command_leaves_no_copies_and_ends_with_130() {
    let house = House::empty();
    house.run("init", ["--dimension", &D.to_string(), "--threshold", "0.6"]).ends(0);
    house.run("import", [house.write("many.npy", &vectors(40_000, D, 3))]).ends(0);
    house.run("backup", [house.path("b.tar")]).ends(0);
    let at = house.path("at");
    fs::create_dir(&at).unwrap();
    let is_at_work = || !names(&at).is_empty();
    let mut restore = command(["restore".as_ref(), house.path("b.tar").as_os_str()]);
    restore.arg(at.join("new"));
    let commands = [
        ("backup", house.command("backup", [at.join("c.tar")])),
        ("restore", restore),
        ("export", house.command("export", ["--out".as_ref(), at.as_os_str()])),
    ];
    for (verb, mut command) in commands {
        command.args(["--format", "json"]);
        let said =
            stop(command, &is_at_work).unwrap_or_else(|| panic!("{verb} was done before it was stopped"));
        let said = said.ends(130);
        assert!(said.err.contains("interrupted: nothing was"), "{verb}: {}", said.err);
        let told = said.json();
        assert_eq!((&told[0]["event"], &told[0]["looked_at"]), (&"interrupted".into(), &0.into()), "{verb}");
        assert_eq!(told[0]["not_looked_at"], told[0]["total"], "{verb}");
        assert_eq!(names(&at), [""; 0], "{verb}");
    }
    house.holds(40_000);
}

//! The program and `gallerist-networks`: only verbs that process photos load libtorch.

use std::process::{Command, Stdio};

use crate::program::{House, Said, command, faces, gallerist};

/// The libraries of the program, as listed by the dynamic linker, and its result.
fn with_libraries(command: &mut Command) -> Said {
    Said::of(command.env("LD_DEBUG", "files").output().unwrap())
}

#[test]
fn verbs_without_photos_do_not_load_libtorch() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    for verb in ["stats", "check", "subject list", "compact"] {
        let said = with_libraries(&mut house.command(verb, [] as [&str; 0])).ends(0);
        assert!(said.err.contains("libc.so") && !said.err.contains("libtorch"), "{verb}: {}", said.err);
    }
    let probe = house.path("people/Ada/1.png");
    let said = with_libraries(&mut house.command("identify", [&probe])).ends(10);
    assert!(!said.err.contains("libtorch"), "the stand-in needs no network: {}", said.err);
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn networks_run_for_photos_and_from_any_folder() {
    let [a, b] = ["neutral", "smiling"].map(|kind| faces().join(format!("004/{kind}.jpg")));
    let said = with_libraries(&mut command(["verify".as_ref(), a.as_os_str(), b.as_os_str()])).ends(10);
    assert!(said.err.contains("libtorch_cpu.so"), "{}", said.err);
    let house = House::empty();
    let copied = house.path("gallerist");
    // By another process: a file written by this one may still be open in a child of another thread.
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_gallerist")).arg(&copied).status().unwrap().success());
    Said::of(Command::new(copied).arg("verify").args([&a, &b]).output().unwrap()).ends(10);
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn replies_from_a_pipe_are_read_by_the_program_with_networks() {
    let house = House::empty();
    house.run("init", [] as [&str; 0]).ends(0);
    house.link(&faces().join("004/neutral.jpg"), "people/London 004/neutral.jpg");
    house.enroll("people").ends(0);
    let probe = faces().join("004/smiling.jpg");
    let replies =
        house.run("identify", [probe.as_os_str(), "--format".as_ref(), "json".as_ref()]).ends(10).out;
    let gallery = house.gallery();
    let arguments = ["check-certificate".as_ref(), "/dev/stdin".as_ref(), gallery.as_os_str()];
    let mut child = command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), replies.as_bytes()).unwrap();
    let said = Said::of(child.wait_with_output().unwrap()).ends(0);
    assert!(said.out.contains("all hold"), "{}", said.out);
}

#[test]
fn programs_of_different_builds_refuse_each_other() {
    let said =
        Said::of(command(["model", "list"]).env("GALLERIST_STARTED_BY", "another").output().unwrap()).ends(1);
    assert!(said.err.contains("of another build"), "{}", said.err);
    gallerist(["model", "list"]).ends(0);
}

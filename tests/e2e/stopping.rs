//! Interrupts while networks are loaded, and a second interrupt while they run.

#![cfg(target_os = "linux")]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::program::{House, faces};

/// Identifies more photos than can be processed during these tests.
fn identify(house: &House) -> Child {
    let mut command = house.command("identify", vec![faces(); 40]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Whether the process has a handler for Ctrl-C, and whether it runs as the program with networks.
fn state(child: &Child) -> (bool, bool) {
    let proc = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap();
    let status = proc("status");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    let listens = u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0;
    let name = status.lines().next().unwrap();
    (listens, name.contains("gallerist-netwo"))
}

/// How many threads of the process take Ctrl-C; the others block it.
fn takers(child: &Child) -> usize {
    let threads = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let takes = |thread: std::io::Result<std::fs::DirEntry>| {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        u64::from_str_radix(blocked.trim(), 16).unwrap() & 0b10 == 0
    };
    threads.map(takes).filter(|takes| *takes).count()
}

fn until(child: &Child, wanted: impl Fn((bool, bool)) -> bool) {
    while !wanted(state(child)) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn a_second_request_ends_at_once_without_a_crash() {
    let house = House::empty();
    house.run("init", [] as [&str; 0]).ends(0);
    for with in ["-INT", "-TERM"] {
        for wait in [50, 700, 1100] {
            let mut child = identify(&house);
            until(&child, |state| state == (true, true));
            std::thread::sleep(Duration::from_millis(wait));
            signal(&child, with);
            std::thread::sleep(Duration::from_millis(20));
            signal(&child, with);
            assert_eq!(child.wait().unwrap().code(), Some(130), "{with} after {wait} ms");
        }
    }
    house.run("check", [] as [&str; 0]).ends(0);
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn a_request_while_libtorch_is_loaded_is_kept() {
    let house = House::empty();
    house.run("init", [] as [&str; 0]).ends(0);
    let mut child = identify(&house);
    until(&child, |state| state == (false, true));
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    house.holds(0);
}

/// If a second thread took requests, it could take one between the block and the start of the program with networks, which ends that thread.
#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn one_thread_takes_the_requests() {
    let house = House::empty();
    house.run("init", [] as [&str; 0]).ends(0);
    let mut child = identify(&house);
    until(&child, |state| state == (true, true));
    std::thread::sleep(Duration::from_millis(1000));
    assert_eq!(takers(&child), 1);
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn a_request_at_any_moment_of_the_start_is_kept() {
    let house = House::empty();
    house.run("init", [] as [&str; 0]).ends(0);
    for wait in 0..12 {
        let mut child = identify(&house);
        until(&child, |(listens, _)| listens);
        std::thread::sleep(Duration::from_millis(wait));
        signal(&child, "-INT");
        assert_eq!(child.wait().unwrap().code(), Some(130), "after {wait} ms");
    }
}

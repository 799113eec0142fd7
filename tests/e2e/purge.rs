//! The disk space for a purge, and its message if there is not enough.

use std::process::Command;

use serde_json::Value;

use crate::program::{House, UNSHARE_FLAGS, vectors};

/// On a disk with too little space a purge states the required space and does nothing. With enough space the same command succeeds.
#[test]
#[cfg_attr(not(small_disks), ignore = "this user may not mount a small disk")]
fn a_purge_without_disk_space_states_the_required_space() {
    let house = House::empty();
    let file = house.write("t.npy", &vectors(2000, 64, 1));
    let (small, results) = (house.path("small"), house.path("results"));
    [&small, &results].into_iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
    let script = r#"
        mount -t tmpfs -o size=16m gallerist-test "$1" || exit 77
        g="$1/gallery"
        "$0" init "$g" --dimension 64 && "$0" import "$g" "$2" && "$0" subject remove "$g" t-7 --yes || exit 78
        free=$(df -k --output=avail "$1" | tail -1)
        dd if=/dev/zero of="$1/fill" bs=1k count=$((free - 400)) 2>/dev/null || exit 79
        "$0" purge "$g" --dry-run --format json > "$3/dry.json" || exit 80
        "$0" purge "$g" > "$3/full.out" 2> "$3/full.err"
        echo $? > "$3/full.code"
        "$0" stats "$g" --format json > "$3/stats.json" || exit 81
        rm "$1/fill"
        "$0" purge "$g" --format json > "$3/purge.json" || exit 82
        "$0" stats "$g" --format json > "$3/after.json" || exit 83
        "$0" check "$g" --format json > "$3/check.json" || exit 84
    "#;
    let run = Command::new("unshare")
        .args([UNSHARE_FLAGS, "sh", "-c", script, env!("CARGO_BIN_EXE_gallerist")])
        .args([&small, &file, &results])
        .output()
        .unwrap();
    let read = |name: &str| std::fs::read_to_string(results.join(name)).unwrap_or_default();
    let json = |name: &str| serde_json::from_str::<Value>(&read(name)).unwrap();
    assert_eq!(run.status.code(), Some(0), "{}\n{}", String::from_utf8_lossy(&run.stderr), read("full.err"));
    assert!(json("dry.json")["room_needed"].as_u64() > json("dry.json")["room_available"].as_u64());
    assert_eq!(read("full.code").trim(), "1", "{}", read("full.out"));
    assert!(read("full.err").contains("free space"), "{}", read("full.err"));
    assert_eq!(json("stats.json")["sizes"]["removed"], 1);
    assert_eq!(json("purge.json")["erased"], 1);
    assert_eq!(json("after.json")["sizes"]["removed"], 0);
    assert_eq!(json("check.json")["templates"], 1999);
}

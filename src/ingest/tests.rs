use std::path::Path;

use super::*;
use crate::encoder::{Device, Model};

fn engine() -> Engine {
    Engine::load(&Model::named("stand-in").unwrap(), Device::Cpu, false).unwrap()
}

/// Paths that lead nowhere: the cheapest inputs there are.
fn nowhere(count: usize) -> impl Iterator<Item = Input> + Send {
    (0..count).map(|n| Input { root: PathBuf::new(), path: format!("/nowhere/{n}").into(), problem: None })
}

#[test]
fn outcomes_come_in_the_order_of_their_inputs() {
    let mut seen = 0;
    let options = Options { workers: 4, ..Options::default() };
    run(&engine(), nowhere(3 * UNDER_WAY), &options, &|_| false, &AtomicBool::new(false), |outcome| {
        assert_eq!(outcome.input.path, Path::new(&format!("/nowhere/{seen}")));
        assert!(matches!(outcome.finding, Finding::Skipped(skip) if skip.code == "unreadable"));
        seen += 1;
        Ok::<(), ()>(())
    })
    .unwrap();
    assert_eq!(seen, 3 * UNDER_WAY);
}

#[test]
fn a_sink_that_fails_ends_the_pipeline_however_much_is_under_way() {
    for fail_at in [0, 5, UNDER_WAY] {
        let mut taken = 0;
        let options = Options { workers: 3, ..Options::default() };
        let end =
            run(&engine(), nowhere(20 * UNDER_WAY), &options, &|_| false, &AtomicBool::new(false), |_| {
                taken += 1;
                if taken > fail_at { Err("full") } else { Ok(()) }
            });
        assert_eq!((end, taken), (Err("full"), fail_at + 1));
    }
}

#[test]
fn a_stop_finishes_what_is_under_way_and_takes_no_more() {
    let stop = AtomicBool::new(false);
    let mut seen = 0;
    run(&engine(), nowhere(100 * UNDER_WAY), &Options::default(), &|_| false, &stop, |_| {
        seen += 1;
        stop.store(true, Ordering::Relaxed);
        Ok::<(), ()>(())
    })
    .unwrap();
    assert!((1..=UNDER_WAY + 64).contains(&seen), "{seen}");
}

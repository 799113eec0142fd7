//! Writers of two shards change one state while a reader looks on, in every order: `tools/races loom`.
//!
//! The changes are the real ones; what they are changed in is a model of `arc_swap::ArcSwap`, which loom
//! cannot see into. It keeps to that crate's contract and no more: a load sees the newest state at some
//! moment, `rcu` computes the next state without a lock, from what it loaded, and again if another was stored
//! meanwhile.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;

use super::*;

struct Swap(Mutex<Arc<State>>);

impl Swap {
    fn load(&self) -> Arc<State> {
        Arc::clone(&self.0.lock().unwrap())
    }

    fn rcu(&self, change: impl Fn(&State) -> State) {
        let mut current = self.load();
        loop {
            let next = Arc::new(change(&current));
            let mut newest = self.0.lock().unwrap();
            if Arc::ptr_eq(&newest, &current) {
                *newest = next;
                return;
            }
            current = Arc::clone(&newest);
        }
    }
}

/// A group of each of two shards.
const GROUPS: [u64; 2] = [3, 0];

fn insert(id: u64, shard: usize) -> Vec<Record> {
    vec![Record::Insert(Arc::new(Chunk::new(1, vec![id], vec![GROUPS[shard]], vec![1.0])))]
}

/// What each shard holds after each of its changes.
const PREFIXES: [&[&[u64]]; 2] = [&[&[], &[1], &[1, 2], &[2]], &[&[], &[3], &[3], &[3, 4]]];

/// How many changes of each shard a state shows, at least and at most.
fn shown(state: &State) -> [(usize, usize); 2] {
    [0, 1].map(|shard| {
        let found = state.group_ids(GROUPS[shard]);
        let shows = |prefix: &&[u64]| **prefix == found;
        let first = PREFIXES[shard].iter().position(shows);
        let last = PREFIXES[shard].iter().rposition(shows);
        first.zip(last).unwrap_or_else(|| panic!("shard {shard} never held {found:?}"))
    })
}

#[test]
fn no_change_is_lost_and_readers_see_each_shard_go_on() {
    assert_eq!(GROUPS.map(|group| shard_of(group, 2)), [0, 1]);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let swap = loom::sync::Arc::new(Swap(Mutex::new(Arc::new(State::empty(2)))));
        let one = {
            let swap = loom::sync::Arc::clone(&swap);
            thread::spawn(move || {
                swap.rcu(|state| state.applied(0, &insert(1, 0)).0);
                swap.rcu(|state| state.applied(0, &insert(2, 0)).0);
                swap.rcu(|state| state.applied(0, &[Record::Delete(vec![(1, GROUPS[0])])]).0);
            })
        };
        let other = {
            let swap = loom::sync::Arc::clone(&swap);
            thread::spawn(move || {
                swap.rcu(|state| state.applied(1, &insert(3, 1)).0);
                swap.rcu(|state| state.freeze(1));
                swap.rcu(|state| state.applied(1, &insert(4, 1)).0);
            })
        };
        let (early, late) = (swap.load(), swap.load());
        let before = shown(&early);
        for (early, late) in before.into_iter().zip(shown(&late)) {
            assert!(late.1 >= early.0, "a shard went back: {early:?}, {late:?}");
        }
        one.join().unwrap();
        other.join().unwrap();
        assert_eq!(shown(&swap.load()).map(|shown| shown.1), [3, 3], "a change was lost");
        assert_eq!(shown(&early), before, "a view never changes");
    });
}

//! The memory budget for photos in flight.

use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Skip;

/// The amount that is assumed if the memory of the machine is unknown, in bytes.
const UNKNOWN: u64 = 4 << 30;
/// Memory that a network may need temporarily, in bytes, and the reserve for everything else.
const NETWORK: u64 = 40 << 20;

/// Refuses to run a network while the system refuses memory. libtorch and the libraries below it end the process with a
/// segmentation fault when an allocation fails. The memory is not written, so this takes microseconds.
pub(super) fn check_for_networks(workers: usize) -> Result<(), Skip> {
    let bytes = NETWORK * (1 + workers.min(4) as u64);
    match usize::try_from(bytes).map(|bytes| Vec::<u8>::new().try_reserve_exact(bytes)) {
        Ok(Ok(())) => Ok(()),
        _ => Err(Skip::temporary(format!("out of memory: cannot allocate {bytes} bytes for the networks"))),
    }
}

/// A budget of bytes for photos. Requests are served in their order, so a
/// large photo waits for the smaller ones before it and not for those after it.
pub(super) struct Budget {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: u64,
    next_ticket: u64,
    serving: u64,
}

/// Bytes of a [`Budget`]. They return to it on drop.
pub(super) struct Reservation<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub fn new(bytes: u64) -> Self {
        let state = State { free: bytes, next_ticket: 0, serving: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until `bytes` are free and reserves them. `bytes` must not exceed the whole budget.
    pub fn take(&self, bytes: u64) -> Reservation<'_> {
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        while state.serving != ticket || state.free < bytes {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.free -= bytes;
        state.serving += 1;
        self.changed.notify_all();
        Reservation { budget: self, bytes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation<'_> {
    /// Increases this reservation to at least `bytes` if that is possible without waiting. Waiting for
    /// more while holding a reservation could block for ever.
    pub fn grow(&mut self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let mut state = self.budget.lock();
        let nobody_waits = state.serving == state.next_ticket;
        let fits = more == 0 || (nobody_waits && state.free >= more);
        if fits {
            state.free -= more;
            self.bytes += more;
        }
        fits
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.lock().free += self.bytes;
        self.budget.changed.notify_all();
    }
}

/// Half of the memory that this process may use: that of the machine, or less if a control group or a resource
/// limit is lower. Does not depend on other processes.
pub(super) fn half_of_the_machine() -> u64 {
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
    let meminfo = read("/proc/meminfo");
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")).and_then(first_number);
    let limits = read("/proc/self/limits");
    let address_space =
        limits.lines().find_map(|line| line.strip_prefix("Max address space")).and_then(first_number);
    let group = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .filter_map(|path| first_number(&read(path)))
        .min();
    let total = total.map(|kib| kib.saturating_mul(1024));
    [total, address_space, group].into_iter().flatten().min().map_or(UNKNOWN, |bytes| bytes / 2)
}

/// The number at the beginning of a text. `None` for words such as `unlimited` and `max`.
fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn reservations_stay_within_the_budget_and_all_requests_are_served() {
        let (budget, taken, most) = (Budget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for worker in 0..8_u64 {
                let (budget, taken, most) = (&budget, &taken, &most);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = (worker * 37 + round * 11) % 101;
                        let reservation = budget.take(bytes);
                        most.fetch_max(taken.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        taken.fetch_sub(bytes, Ordering::SeqCst);
                        drop(reservation);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 100);
        assert_eq!(budget.lock().free, 100);
    }

    #[test]
    fn a_reservation_grows_only_into_free_bytes() {
        let budget = Budget::new(100);
        let mut one = budget.take(40);
        let other = budget.take(30);
        assert!(one.grow(10) && one.bytes == 40, "it is that large already");
        assert!(one.grow(70));
        assert!(!one.grow(71));
        drop(other);
        assert!(one.grow(100));
        drop(one);
        assert_eq!(budget.lock().free, 100);
    }

    #[test]
    fn the_memory_of_the_machine_is_plausible() {
        assert!((32 << 20..1 << 50).contains(&half_of_the_machine()), "{}", half_of_the_machine());
        assert_eq!([" 12 kB", "max\n", "", "unlimited  x"].map(first_number), [Some(12), None, None, None]);
    }
}

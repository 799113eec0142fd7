//! Throttling: the rate at which a shard may be written while frozen buffers wait for their segments.

use std::time::{Duration, Instant};

/// The longest single wait. A writer of many rows waits for room instead.
const LONGEST: Duration = Duration::from_millis(20);

/// The pace of sealing, and when the next row fits into it.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Since when the oldest full buffer has been the oldest.
    since: Option<Instant>,
    /// How long the oldest buffer waited for its segment of late; zero: not known.
    interval: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// A buffer is full.
    pub(super) fn freeze(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// The oldest full buffer has its segment; whether there are more.
    pub(super) fn sealed(&mut self, more: bool) {
        if let Some(took) = self.since.take().map(|since| since.elapsed()) {
            self.interval = if self.interval.is_zero() { took } else { (self.interval + took) / 2 };
        }
        self.since = more.then(Instant::now);
        self.next = None;
    }

    /// How long a write of some rows waits if a buffer takes `rows_of_buffer`: all writers together are to
    /// take as long for a buffer as a seal does.
    pub(super) fn wait(&mut self, rows: usize, rows_of_buffer: usize) -> Duration {
        let now = Instant::now();
        let share = self.interval.as_secs_f64() * rows as f64 / rows_of_buffer.max(1) as f64;
        let next = self.next.map_or(now, |next| next.max(now)) + Duration::from_secs_f64(share).min(LONGEST);
        self.next = Some(next);
        (next - now).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_take_turns_at_the_pace_of_sealing() {
        let mut pace = Pace::default();
        assert!(pace.wait(1, 1000).is_zero(), "nothing is known yet");
        pace.interval = Duration::from_secs(1);
        let waits: Vec<Duration> = (0..5).map(|_| pace.wait(1, 1000)).collect();
        assert!(waits.iter().all(|wait| *wait > Duration::ZERO && *wait <= Duration::from_millis(5)));
        assert!(waits[0] <= Duration::from_millis(1));
        assert!(pace.wait(1_000_000, 1000) <= LONGEST);
    }
}

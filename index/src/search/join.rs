//! The symmetric threshold join of a view: every pair of rows whose score reaches a threshold, each once.
//!
//! Rows lie in [`panels`]. A unit of work is a few rows of a panel, the probes, against all rows that come after
//! them, so that about half of the scores of one range search for each row are bounded. Blocks of L0 codes
//! pass over the probes of a unit ([`tile`]), so that a block is read from memory once for all of them and its bounds
//! are computed from the caches. Pairs whose bound reaches the threshold are scored by their vectors. With a [`device`] the bounds are tiles of
//! products instead.

mod device;
mod panels;
mod tile;

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::plan::expect_number;
use super::view::View;
use crate::control::Control;
use crate::error::Error;

pub use device::{Products, Side, Tile};
use panels::{Panels, Unit};
use tile::Tally;

/// What [`Error::Stopped`] names.
const ACTION: &str = "join";
/// Pairs that a thread collects before it gives them to the sink.
const TOGETHER: usize = 4096;

/// Two rows whose score reaches the threshold of a join.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Their ids, the lower one first.
    pub ids: [u64; 2],
    /// Their groups, in the order of the ids.
    pub groups: [u64; 2],
    /// Their score: the bits that [`dot`](crate::dot) gives for their vectors.
    pub score: f32,
}

/// The pairs that a join looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PairGroups {
    /// All pairs.
    #[default]
    Any,
    /// Pairs of rows of two groups.
    Different,
    /// Pairs of rows of one group. Only these are scored, which takes far less time.
    Same,
}

/// The result of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JoinReport {
    /// Pairs that were given to the sink.
    pub pairs: u64,
    /// Pairs of rows that were compared, by a bound or by their score. Deleted rows that were not purged yet may
    /// be among them.
    pub compared: u64,
    /// Of these, pairs that were scored by their vectors.
    pub rescored: u64,
    /// Whether no pair can be missing; `false` for damaged rows of a salvaged view only.
    pub complete: bool,
}

/// A join being put together; made by [`View::join`].
#[must_use = "a join does nothing until it is run"]
pub struct Join<'a> {
    view: &'a View,
    min_score: f32,
    groups: PairGroups,
    threads: usize,
    control: Control<'a>,
}

impl View {
    /// Begins a join of the view with itself: every pair of live rows whose score is at least `min_score` (-1 to 1),
    /// each once.
    pub fn join(&self, min_score: f32) -> Join<'_> {
        let (groups, threads) = (PairGroups::Any, usize::MAX);
        Join { view: self, min_score, groups, threads, control: Control::new() }
    }
}

impl<'a> Join<'a> {
    /// The pairs to look for. The default is all.
    pub fn groups(mut self, groups: PairGroups) -> Self {
        self.groups = groups;
        self
    }

    /// Uses at most this many threads of the pool (at least 1). The default is all of them.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Reports how many pairs were compared of how many, from one thread at a time, and may end the join early.
    pub fn control(mut self, control: Control<'a>) -> Self {
        self.control = control;
        self
    }

    /// Runs the join. `sink` is given some thousand pairs at a time, by one thread after the other, in an order that
    /// depends on the threads; the set of all pairs does not. Beyond that only the rows of the buffers are
    /// held in memory, however many pairs there are. `Break` ends the join.
    ///
    /// # Errors
    /// A segment is damaged; `min_score` is not a number ([`Error::InvalidOption`]); the control or the sink ended
    /// it ([`Error::Stopped`]).
    pub fn run(self, sink: impl FnMut(&[Pair]) -> ControlFlow<()> + Send) -> Result<JoinReport, Error> {
        let panels = self.panels(self.groups == PairGroups::Same)?;
        let units = panels.units();
        let shared = Shared::new(&self, &panels, &units, sink);
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                if !shared.work(unit) {
                    return;
                }
            }
        };
        rayon::scope(|scope| {
            let threads = rayon::current_num_threads().min(self.threads).min(units.len());
            (1..threads).for_each(|_| scope.spawn(|_| work()));
            work();
        });
        shared.report()
    }

    /// As [`run`](Self::run), with products of the device in place of bounds. The pairs and their scores are the same. The device holds
    /// 512 MiB of rows and the products of 8192 rows with 8192. Pairs of one group ([`PairGroups::Same`]) are found without it.
    ///
    /// # Errors
    /// As [`run`](Self::run); the device failed ([`Error::Device`]).
    pub fn run_on(
        self,
        device: &mut dyn Products,
        sink: impl FnMut(&[Pair]) -> ControlFlow<()> + Send,
    ) -> Result<JoinReport, Error> {
        if self.groups == PairGroups::Same {
            return self.run(sink);
        }
        let panels = self.panels(true)?;
        let shared = Shared::new(&self, &panels, &panels.units(), sink);
        device::join(&shared, device)?;
        shared.report()
    }

    /// The rows, once the options are valid; `plain`: without codes.
    fn panels(&self, plain: bool) -> Result<Panels<'a>, Error> {
        expect_number(self.min_score)?;
        self.control.expect_going(ACTION)?;
        Panels::new(self.view, plain)
    }
}

/// What all threads share.
struct Shared<'j, 'a, S> {
    join: &'j Join<'a>,
    panels: &'j Panels<'a>,
    /// Pairs to compare.
    total: u64,
    /// Whether no thread should go on.
    ended: AtomicBool,
    output: Mutex<Output<S>>,
}

struct Output<S> {
    sink: S,
    tally: Tally,
    /// Why the join ended.
    error: Option<Error>,
}

impl<'j, 'a, S: FnMut(&[Pair]) -> ControlFlow<()> + Send> Shared<'j, 'a, S> {
    fn new(join: &'j Join<'a>, panels: &'j Panels<'a>, units: &[Unit], sink: S) -> Self {
        Self {
            join,
            panels,
            total: units.iter().map(|unit| panels.pairs_of(unit)).sum(),
            ended: AtomicBool::new(false),
            output: Mutex::new(Output { sink, tally: Tally::default(), error: None }),
        }
    }

    /// The result, once all threads are done.
    fn report(self) -> Result<JoinReport, Error> {
        let whole = self.join.view.whole;
        let Output { tally, error, .. } =
            self.output.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(error) = error {
            return Err(error);
        }
        let Tally { pairs, compared, rescored, damaged } = tally;
        Ok(JoinReport { pairs, compared, rescored, complete: whole && !damaged })
    }

    /// Joins a unit with what comes after it. `false`: the join has ended.
    fn work(&self, unit: &Unit) -> bool {
        let mut found = Vec::new();
        let mut tally = Tally::default();
        let result = match self.join.groups {
            PairGroups::Same => tile::join_groups(self, unit, &mut found, &mut tally),
            PairGroups::Any | PairGroups::Different => tile::join(self, unit, &mut found, &mut tally),
        };
        match result.and_then(|()| self.give(&mut found, &mut tally)) {
            Ok(()) => !self.ended.load(Ordering::Relaxed),
            Err(error) => {
                self.ended.store(true, Ordering::Relaxed);
                self.lock().error.get_or_insert(error);
                false
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Output<S>> {
        self.output.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What a tile needs of the join around it.
trait Surroundings<'a> {
    fn join(&self) -> &Join<'a>;
    fn panels(&self) -> &Panels<'a>;
    /// Gives pairs to the sink and adds to the sums. An error if the join has ended.
    fn give(&self, found: &mut Vec<Pair>, tally: &mut Tally) -> Result<(), Error>;
}

impl<'a, S: FnMut(&[Pair]) -> ControlFlow<()> + Send> Surroundings<'a> for Shared<'_, 'a, S> {
    fn join(&self) -> &Join<'a> {
        self.join
    }

    fn panels(&self) -> &Panels<'a> {
        self.panels
    }

    fn give(&self, found: &mut Vec<Pair>, tally: &mut Tally) -> Result<(), Error> {
        let control = &self.join.control;
        control.expect_going(ACTION)?;
        let mut output = self.lock();
        if self.ended.load(Ordering::Relaxed) {
            return Err(Error::Stopped { action: ACTION });
        }
        tally.pairs += found.len() as u64;
        output.tally.add(std::mem::take(tally));
        control.report(output.tally.compared, Some(self.total));
        if !found.is_empty() && (output.sink)(found).is_break() {
            self.ended.store(true, Ordering::Relaxed);
            return Err(Error::Stopped { action: ACTION });
        }
        found.clear();
        Ok(())
    }
}

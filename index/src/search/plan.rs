//! The plan of a search: everything but the vectors.

use std::ops::RangeInclusive;

use super::filter::Filter;
use super::view::View;
use super::{Certificate, Mode};
use crate::codes::l0::query::MISS;
use crate::error::Error;
use crate::storage::segment::l0::Coded;

/// What is searched, and how.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) view: &'a View,
    pub(super) mode: Mode,
    /// The probability of missing a row at the threshold that the caller accepts.
    pub(super) miss: Option<f64>,
    /// The part of the hits that must be found, on the average, if not all.
    pub(super) recall: Option<f64>,
    /// Whether a range search looks for the best score of all.
    pub(super) best: bool,
    pub(super) filter: Filter<'a>,
    /// Threads that the search uses, at most.
    pub(super) threads: usize,
    /// An argument that was out of its range.
    pub(super) invalid: Option<Invalid>,
}

/// An argument that was out of its range.
#[derive(Clone, Copy)]
pub(super) struct Invalid {
    field: &'static str,
    expected: &'static str,
    got: f64,
}

impl<'a> Plan<'a> {
    pub(super) fn new(view: &'a View) -> Self {
        Self {
            view,
            mode: Mode::Auto,
            miss: None,
            recall: None,
            best: true,
            filter: Filter::default(),
            threads: usize::MAX,
            invalid: None,
        }
    }

    /// Takes a number that must be in a range; otherwise the search is refused.
    pub(super) fn expect_in(
        &mut self,
        range: RangeInclusive<f64>,
        field: &'static str,
        expected: &'static str,
        got: f64,
    ) {
        if !range.contains(&got) {
            self.invalid.get_or_insert(Invalid { field, expected, got });
        }
    }

    /// An error if an argument was out of its range.
    pub(super) fn expect_valid(&self) -> Result<(), Error> {
        match self.invalid {
            Some(Invalid { field, expected, got }) => {
                Err(Error::InvalidOption { field, expected: expected.into(), got: got.to_string() })
            }
            None => Ok(()),
        }
    }

    /// Pieces of work that a thread takes at a time, so that no more than [`threads`](Self::threads) take part.
    pub(super) fn least_pieces(&self, pieces: usize) -> usize {
        pieces.div_ceil(self.threads).max(1)
    }

    /// Whether rows are bounded by these codes.
    pub(super) fn takes(&self, coded: &Coded<'_>) -> bool {
        match self.mode {
            Mode::Exact => false,
            Mode::Scan => true,
            Mode::Auto | Mode::Graph { .. } => coded.is_certain() || self.miss.is_some(),
        }
    }

    pub(super) fn has_graphs(&self) -> bool {
        self.view.state.segments.iter().any(|sealed| sealed.segment.has_graph())
    }

    /// What is certain of an answer for which every row was seen or not, by bounds that all are certain or not.
    pub(super) fn certificate(&self, all_seen: bool, certain: bool) -> Certificate {
        match self.view.whole && all_seen {
            false => Certificate::None,
            true if certain => Certificate::Exact,
            true => Certificate::Bounded { miss: self.miss.unwrap_or(MISS) },
        }
    }
}

/// No score is at least, or less than, what is not a number.
pub(super) fn expect_number(min_score: f32) -> Result<(), Error> {
    match min_score.is_nan() {
        true => {
            Err(Error::InvalidOption { field: "min_score", expected: "a number".into(), got: "NaN".into() })
        }
        false => Ok(()),
    }
}

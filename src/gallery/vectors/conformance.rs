//! The checks that every store of vectors must pass. `conforms!` makes a test of each check for one kind of store.

pub(super) mod reading;
pub(super) mod searching;
pub(super) mod writing;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Access, Hit, Row, Snapshot, Stored, VectorStore, View};
use crate::template::Template;
use crate::template::product::dot;

/// A place for stores of one kind.
pub(super) trait Place: Sized {
    /// Rows of the checks whose stores are large.
    const ROWS: usize = 500;

    /// A new place with an empty store with the label `model`.
    fn create(dimension: usize) -> (Self, Box<dyn VectorStore>);

    /// Opens the store of this place again after it was dropped; `None` if such stores do not persist.
    fn reopen(&self, access: Access) -> Option<Box<dyn VectorStore>>;

    /// Brings written rows into the state to be checked, such as into segments.
    fn arrange(_store: &dyn VectorStore) {}
}

/// Makes a test of each check for the stores of one [`Place`].
macro_rules! conforms {
    ($place:ty) => {
        conforms! { $place: reading:
            lookups_come_in_the_order_that_was_asked_for,
            vectors_are_kept_bit_by_bit,
            ids_are_listed_by_subject,
            iteration_has_every_row_once,
            hidden_rows_are_in_no_reading,
            a_snapshot_does_not_change,
        }
        conforms! { $place: searching:
            equal_scores_are_in_order_of_id,
            top_subjects_has_the_best_row_of_each,
            no_more_hits_are_listed_than_asked_for,
            a_range_includes_its_threshold,
            each_probe_gets_the_answer_it_gets_alone,
            selected_rows_alone_are_found,
            a_selection_of_another_snapshot_is_refused,
            an_excepted_row_is_not_found,
            hidden_rows_are_in_no_answer,
            probes_that_do_not_fit_are_refused,
            arguments_out_of_their_range_are_refused,
            an_exact_certificate_is_right,
            a_join_finds_every_pair_once,
        }
        conforms! { $place: writing:
            a_new_store_is_empty,
            an_insertion_with_a_bad_row_writes_nothing,
            ids_that_are_taken_are_refused,
            vectors_of_another_dimension_are_refused,
            vectors_that_are_no_templates_are_refused,
            deleted_rows_are_gone,
            a_purge_erases_deleted_rows,
            watermarks_are_kept_by_the_shards_that_were_written,
            acknowledged_writes_are_there_after_reopening,
            a_store_that_is_open_to_read_refuses_writes,
            threads_write_and_read_at_once,
        }
    };
    ($place:ty: $part:ident: $($check:ident,)*) => {
        $(
            #[test]
            fn $check() {
                $crate::gallery::vectors::conformance::$part::$check::<$place>();
            }
        )*
    };
}
pub(super) use conforms;

/// Components of the vectors in most checks: not a multiple of the SIMD lanes of the dot product.
const D: usize = 40;

/// Random vectors. The same seed gives the same vectors.
fn vectors(count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut vector = || {
        let raw: Vec<f32> = (0..D).map(|_| random.random_range(-1.0..1.0)).collect();
        Template::from_raw(&raw).unwrap().as_slice().to_vec()
    };
    (0..count).map(|_| vector()).collect()
}

/// A unit vector whose score against `axis(0)` is `score`.
fn scoring(score: f32) -> Vec<f32> {
    let mut vector = vec![0.0; D];
    (vector[0], vector[1]) = (score, (1.0 - score * score).sqrt());
    vector
}

/// The vector with 1 at one position and 0 elsewhere.
fn axis(at: usize) -> Vec<f32> {
    let mut vector = vec![0.0; D];
    vector[at] = 1.0;
    vector
}

fn row(id: u64, subject: u64, vector: Vec<f32>) -> Stored {
    Stored { id, subject, vector }
}

/// Rows with ids from 1, three per subject.
fn people(count: usize, seed: u64) -> Vec<Stored> {
    let number = |(at, vector)| row(at as u64 + 1, at as u64 / 3 + 100, vector);
    vectors(count, seed).into_iter().enumerate().map(number).collect()
}

fn rows(stored: &[Stored]) -> Vec<Row<'_>> {
    stored.iter().map(|row| Row { id: row.id, subject: row.subject, vector: &row.vector }).collect()
}

/// A place with a store of these rows.
fn filled<P: Place>(stored: &[Stored]) -> (P, Box<dyn VectorStore>) {
    let (place, store) = P::create(D);
    store.insert(&rows(stored), 1).unwrap();
    P::arrange(&*store);
    (place, store)
}

/// The same, as a snapshot.
fn snapshot<P: Place>(stored: &[Stored]) -> (P, Box<dyn VectorStore>, View) {
    let (place, store) = filled::<P>(stored);
    let view = store.snapshot().unwrap();
    (place, store, view)
}

/// The scores of these rows, best first, equal scores in order of id.
fn by_score(stored: &[Stored], probe: &[f32]) -> Vec<Hit> {
    let hit = |row: &Stored| Hit { id: row.id, subject: row.subject, score: dot(probe, &row.vector) };
    let mut hits: Vec<Hit> = stored.iter().map(hit).collect();
    hits.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
    hits
}

/// The first hit of each subject.
fn first_of_each(mut hits: Vec<Hit>) -> Vec<Hit> {
    let mut seen = std::collections::HashSet::new();
    hits.retain(|hit| seen.insert(hit.subject));
    hits
}

fn ids(hits: &[Hit]) -> Vec<u64> {
    hits.iter().map(|hit| hit.id).collect()
}

/// Requires that a snapshot contains exactly these rows.
fn expect_rows(view: &dyn Snapshot, expected: &[Stored]) {
    let mut found: Vec<Stored> = view.rows().map(Result::unwrap).collect();
    found.sort_by_key(|row| row.id);
    let mut sorted = expected.to_vec();
    sorted.sort_by_key(|row| row.id);
    assert_eq!(found, sorted);
    assert_eq!((view.len(), view.is_empty()), (expected.len(), expected.is_empty()));
    let all: Vec<u64> = expected.iter().map(|row| row.id).collect();
    assert_eq!(view.absent(&all).unwrap(), [0u64; 0]);
    for row in expected {
        assert!(view.contains(row.id).unwrap());
        assert_eq!(view.get(row.id).unwrap().as_ref(), Some(row));
        assert!(view.ids_of(row.subject).unwrap().contains(&row.id));
    }
}

/// Requires that a snapshot contains none of these rows.
fn expect_none(view: &dyn Snapshot, gone: &[Stored]) {
    let ids: Vec<u64> = gone.iter().map(|row| row.id).collect();
    assert_eq!(view.absent(&ids).unwrap(), ids);
    for row in gone {
        assert!(!view.contains(row.id).unwrap());
        assert_eq!(view.get(row.id).unwrap(), None);
        assert!(!view.ids_of(row.subject).unwrap().contains(&row.id));
    }
    assert!(view.vectors(&ids).all(|row| row.unwrap().is_none()));
    assert!(view.rows().all(|row| !ids.contains(&row.unwrap().id)));
}

//! Checks of the results and certificates of searches.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{D, Place, axis, by_score, filled, first_of_each, ids, people, row, scoring, snapshot, vectors};
use crate::gallery::vectors::{
    Answer, Hit, Join, Mode, Pair, PairSubjects, Proof, Query, Snapshot, Stored, VectorErrorKind,
};
use crate::template::product::dot;

/// The answer of a search for one probe. It must be complete unless it states otherwise.
fn top(view: &dyn Snapshot, probe: &[f32], k: usize) -> Answer {
    view.top(&Query::new(&[probe]), k).unwrap().remove(0)
}

fn top_subjects(view: &dyn Snapshot, probe: &[f32], k: usize) -> Answer {
    view.top_subjects(&Query::new(&[probe]), k).unwrap().remove(0)
}

fn range(view: &dyn Snapshot, probe: &[f32], least: f32) -> Answer {
    view.range(&Query::new(&[probe]), least).unwrap().remove(0)
}

/// Subjects 1 to 4. The first two have several rows. Some rows have equal scores against `axis(0)`.
fn ties() -> Vec<Stored> {
    let rows = [(50, 1, 0.5), (20, 1, 0.75), (30, 2, 0.75), (10, 2, 0.75), (60, 3, 0.25), (40, 4, 0.5)];
    rows.map(|(id, subject, score)| row(id, subject, scoring(score))).to_vec()
}

pub fn equal_scores_are_in_order_of_id<P: Place>() {
    let (_place, _store, view) = snapshot::<P>(&ties());
    for k in 0..8 {
        let order = [10, 20, 30, 40, 50, 60];
        assert_eq!(ids(&top(&*view, &axis(0), k).hits), order[..k.min(6)], "{k}");
    }
    assert_eq!(ids(&range(&*view, &axis(0), 0.5).hits), [10, 20, 30, 40, 50]);
}

pub fn top_subjects_has_the_best_row_of_each<P: Place>() {
    let (_place, _store, view) = snapshot::<P>(&ties());
    let found = top_subjects(&*view, &axis(0), 10);
    let hit = |id, subject, score| Hit { id, subject, score };
    assert_eq!(found.hits, [hit(10, 2, 0.75), hit(20, 1, 0.75), hit(40, 4, 0.5), hit(60, 3, 0.25)]);
    assert_eq!(found.max_score, Some(0.75));
    assert_eq!(ids(&top_subjects(&*view, &axis(0), 1).hits), [10]);
    assert_eq!(ids(&top_subjects(&*view, &axis(0), 3).hits), [10, 20, 40]);
}

pub fn no_more_hits_are_listed_than_asked_for<P: Place>() {
    let stored = people(30, 1);
    let (_place, _store, view) = snapshot::<P>(&stored);
    let probe = &vectors(1, 2)[0];
    for (k, rows, subjects) in [(0, 0, 0), (1, 1, 1), (10, 10, 10), (31, 30, 10), (usize::MAX, 30, 10)] {
        assert_eq!(top(&*view, probe, k).hits.len(), rows, "{k}");
        assert_eq!(top_subjects(&*view, probe, k).hits.len(), subjects, "{k}");
    }
    let (_place, store) = P::create(D);
    let empty = store.snapshot().unwrap();
    for found in [top(&*empty, probe, 5), top_subjects(&*empty, probe, 5), range(&*empty, probe, -2.0)] {
        assert_eq!((found.hits.len(), found.max_score, found.complete), (0, None, true));
    }
}

pub fn a_range_includes_its_threshold<P: Place>() {
    let stored = people(90, 3);
    let (_place, _store, view) = snapshot::<P>(&stored);
    let probe = &vectors(1, 4)[0];
    let expected = by_score(&stored, probe);
    for count in [1, 2, 45, 90] {
        let found = range(&*view, probe, expected[count - 1].score);
        assert_eq!(found.hits, expected[..count]);
        assert_eq!(found.max_score, Some(expected[0].score));
    }
    assert_eq!(range(&*view, probe, f32::NEG_INFINITY).hits, expected);
    let above = range(&*view, probe, expected[0].score.next_up());
    assert_eq!((above.hits.len(), above.max_score), (0, Some(expected[0].score)));
    let query =
        |least| view.range(&Query { hits_only: true, ..Query::new(&[probe]) }, least).unwrap().remove(0);
    assert_eq!(query(expected[44].score).hits, expected[..45]);
    let above = query(expected[0].score.next_up());
    assert_eq!((above.hits.len(), above.max_score), (0, None));
}

pub fn each_probe_gets_the_answer_it_gets_alone<P: Place>() {
    let stored = people(90, 5);
    let (_place, _store, view) = snapshot::<P>(&stored);
    let probes = vectors(40, 6);
    let probes: Vec<&[f32]> = probes.iter().map(Vec::as_slice).collect();
    let query = Query::new(&probes);
    let (rows, subjects) = (view.top(&query, 7).unwrap(), view.top_subjects(&query, 7).unwrap());
    let reaching = view.range(&query, 0.1).unwrap();
    assert_eq!([rows.len(), subjects.len(), reaching.len()], [40; 3]);
    for (at, probe) in probes.iter().enumerate() {
        assert_eq!(rows[at].hits, top(&*view, probe, 7).hits);
        assert_eq!(subjects[at].hits, top_subjects(&*view, probe, 7).hits);
        assert_eq!(reaching[at].hits, range(&*view, probe, 0.1).hits);
    }
    assert_eq!(view.top(&Query::new(&[]), 7).unwrap(), []);
}

pub fn selected_rows_alone_are_found<P: Place>() {
    let stored = people(P::ROWS, 7);
    let (_place, _store, view) = snapshot::<P>(&stored);
    let probe = &vectors(1, 8)[0];
    for one_in in [2, 3, 50] {
        let selection = view.select(&|subject| subject % one_in == 0).unwrap();
        let chosen: Vec<Stored> = stored.iter().filter(|row| row.subject % one_in == 0).cloned().collect();
        let expected = by_score(&chosen, probe);
        let probes = [&probe[..]];
        let query = Query { among: Some(&selection), ..Query::new(&probes) };
        assert_eq!(view.top(&query, 9).unwrap()[0].hits, expected[..9]);
        assert_eq!(view.range(&query, expected[10].score).unwrap()[0].hits, expected[..11]);
        assert_eq!(view.top_subjects(&query, 2).unwrap()[0].hits, first_of_each(expected)[..2]);
        // A row that is not selected is not a hit, and neither is an excepted row of the selected ones.
        let except = Query { except: Some(by_score(&chosen, probe)[0].id), ..query };
        assert_eq!(view.top(&except, 8).unwrap()[0].hits, by_score(&chosen, probe)[1..9]);
    }
    let nobody = view.select(&|_| false).unwrap();
    let found = view.top(&Query { among: Some(&nobody), ..Query::new(&[probe]) }, 9).unwrap().remove(0);
    assert_eq!((found.hits.len(), found.max_score), (0, None));
}

pub fn a_selection_of_another_snapshot_is_refused<P: Place>() {
    let (_place, store, view) = snapshot::<P>(&people(30, 9));
    let selection = view.select(&|_| true).unwrap();
    store.delete(&[1], 2).unwrap();
    let (later, less) = (store.snapshot().unwrap(), view.without(&[2]).unwrap());
    let probe = axis(0);
    let probes = [&probe[..]];
    let query = Query { among: Some(&selection), ..Query::new(&probes) };
    for other in [&later, &less] {
        let refused = [other.top(&query, 1), other.top_subjects(&query, 1), other.range(&query, 0.0)];
        for found in refused {
            assert_eq!(found.unwrap_err().kind(), VectorErrorKind::OtherSnapshot);
        }
    }
    assert_eq!(view.clone().top(&query, 1).unwrap()[0].hits.len(), 1);
}

pub fn an_excepted_row_is_not_found<P: Place>() {
    let stored = people(90, 10);
    let (_place, _store, view) = snapshot::<P>(&stored);
    for own in [1, 44, 90] {
        let probes = [&stored[own - 1].vector[..]];
        let others: Vec<Stored> = stored.iter().filter(|row| row.id != own as u64).cloned().collect();
        let expected = by_score(&others, probes[0]);
        let query = Query { except: Some(own as u64), ..Query::new(&probes) };
        assert_eq!(view.top(&query, 5).unwrap()[0].hits, expected[..5]);
        assert_eq!(view.range(&query, -1.1).unwrap()[0].hits, expected);
        let subjects = view.top_subjects(&query, 90).unwrap().remove(0);
        assert_eq!(subjects.max_score, Some(expected[0].score));
        assert_eq!(subjects.hits, first_of_each(expected));
    }
}

pub fn hidden_rows_are_in_no_answer<P: Place>() {
    let stored = people(90, 11);
    let (_place, _store, whole) = snapshot::<P>(&stored);
    let probe = &stored[0].vector;
    let best: Vec<u64> = by_score(&stored, probe)[..40].iter().map(|hit| hit.id).collect();
    let view = whole.without(&best).unwrap();
    let kept: Vec<Stored> = stored.iter().filter(|row| !best.contains(&row.id)).cloned().collect();
    let expected = by_score(&kept, probe);
    assert_eq!(top(&*view, probe, 90).hits, expected);
    assert_eq!(range(&*view, probe, -1.1).hits, expected);
    let found = top_subjects(&*view, probe, 90);
    assert_eq!((found.max_score, found.complete), (Some(expected[0].score), true));
    assert_eq!(found.hits, first_of_each(expected));
    assert_eq!(ids(&top(&*whole, probe, 1).hits), [1]);
}

pub fn probes_that_do_not_fit_are_refused<P: Place>() {
    let (_place, _store, view) = snapshot::<P>(&people(9, 12));
    let good = axis(0);
    let mut bad = [vec![1.0], vec![1.0; D + 1], axis(0), axis(0), vec![0.0; D], vec![0.5; D]];
    (bad[2][5], bad[3][0]) = (f32::NAN, f32::INFINITY);
    for (at, probe) in bad.iter().enumerate() {
        let probes = [&good[..], probe];
        let expected = if at < 2 { VectorErrorKind::WrongDimension } else { VectorErrorKind::InvalidVector };
        let query = Query::new(&probes);
        for found in [view.top(&query, 1), view.top_subjects(&query, 1), view.range(&query, 0.0)] {
            let error = found.unwrap_err();
            assert_eq!(error.kind(), expected, "{error}");
            assert!(error.to_string().starts_with("row 1"), "{error}");
        }
    }
}

pub fn arguments_out_of_their_range_are_refused<P: Place>() {
    let (_place, _store, view) = snapshot::<P>(&people(9, 13));
    let probe = axis(0);
    let probes = [&probe[..]];
    let refused = [
        view.range(&Query::new(&probes), f32::NAN),
        view.top(&Query { miss: Some(0.5), ..Query::new(&probes) }, 1),
        view.top_subjects(&Query { miss: Some(0.0), ..Query::new(&probes) }, 1),
    ];
    for found in refused {
        assert_eq!(found.unwrap_err().kind(), VectorErrorKind::InvalidArgument);
    }
}

/// Compares an answer with the right one. An incomplete answer may miss rows, but its scores must be right.
fn expect_proven(found: &Answer, right: &[Hit], all: &[Hit]) {
    assert_ne!(found.mode, Mode::Auto);
    assert_eq!(found.complete, found.certificate == Proof::Exact);
    if found.complete {
        assert_eq!(found.hits, right);
    } else {
        let order = |one: &Hit, other: &Hit| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id));
        let is_right =
            |hit: &Hit| all.binary_search_by(|right| order(right, hit)).is_ok_and(|at| all[at] == *hit);
        assert!(found.hits.iter().all(is_right), "{found:?}");
        assert!(found.hits.is_sorted_by(|one, other| order(one, other).is_lt()));
    }
}

pub fn an_exact_certificate_is_right<P: Place>() {
    let stored = people(P::ROWS, 14);
    let (_place, store) = filled::<P>(&stored);
    let gone: Vec<u64> = (1..=P::ROWS as u64 / 5).collect();
    store.delete(&gone, 2).unwrap();
    let view = store.snapshot().unwrap();
    let live = &stored[gone.len()..];
    let mut probes = vectors(3, 15);
    probes.extend([stored[0].vector.clone(), live[0].vector.clone()]);
    for probe in &probes {
        let all = by_score(live, probe);
        let subjects = first_of_each(all.clone());
        for mode in [Mode::Auto, Mode::Exact, Mode::Scan, Mode::Graph { width: 32 }] {
            for (miss, recall) in [(None, None), (Some(1e-3), None), (None, Some(0.9))] {
                let probes = [&probe[..]];
                let query = Query { mode, miss, recall, ..Query::new(&probes) };
                let found = view.top(&query, 10).unwrap().remove(0);
                expect_proven(&found, &all[..10], &all);
                let must_be_complete =
                    mode == Mode::Exact || (mode, miss, recall) == (Mode::Auto, None, None);
                assert!(found.complete || !must_be_complete, "{mode:?}");
                expect_proven(&view.top_subjects(&query, 10).unwrap()[0], &subjects[..10], &all);
                for count in [31, all.len()] {
                    let reaching = view.range(&query, all[count - 1].score).unwrap().remove(0);
                    assert_ne!(reaching.certificate, Proof::None, "{mode:?}");
                    expect_proven(&reaching, &all[..count], &all);
                }
            }
        }
    }
}

pub fn a_join_finds_every_pair_once<P: Place>() {
    let stored = people(60, 8);
    let (_place, _store, view) = snapshot::<P>(&stored);
    let (stop, progress) = (AtomicBool::new(false), |_: u64, _: u64| {});
    for (min_score, subjects) in [
        (-1.0, PairSubjects::Any),
        (0.1, PairSubjects::Any),
        (0.1, PairSubjects::Different),
        (0.0, PairSubjects::Same),
        (2.0, PairSubjects::Any),
    ] {
        let join = || Join { min_score, subjects, stop: &stop, progress: &progress, device: None };
        let mut found = Vec::new();
        let all = view.join(join(), &mut |pairs| {
            found.extend_from_slice(pairs);
            ControlFlow::Continue(())
        });
        assert!(all.unwrap());
        found.sort_by_key(|pair| pair.ids);
        let mut expected = Vec::new();
        for (at, one) in stored.iter().enumerate() {
            for other in &stored[at + 1..] {
                let is_one = one.subject == other.subject;
                let score = dot(&one.vector, &other.vector);
                if score >= min_score
                    && (is_one || subjects != PairSubjects::Same)
                    && (!is_one || subjects != PairSubjects::Different)
                {
                    expected.push(Pair {
                        ids: [one.id, other.id],
                        subjects: [one.subject, other.subject],
                        score,
                    });
                }
            }
        }
        assert_eq!(found, expected, "{min_score} {subjects:?}");
        stop.store(true, Ordering::Relaxed);
        assert!(!view.join(join(), &mut |_| ControlFlow::Continue(())).unwrap());
        stop.store(false, Ordering::Relaxed);
    }
    let subjects = PairSubjects::Any;
    let join = Join { min_score: -1.0, subjects, stop: &stop, progress: &progress, device: None };
    assert!(!view.join(join, &mut |_| ControlFlow::Break(())).unwrap());
}

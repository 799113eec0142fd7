//! Checks of the content of snapshots.

use super::{Place, axis, expect_none, expect_rows, filled, people, row, rows, snapshot};
use crate::gallery::vectors::{Query, Stored};

pub fn lookups_come_in_the_order_that_was_asked_for<P: Place>() {
    let stored = people(30, 1);
    let (_place, _store, view) = snapshot::<P>(&stored);
    let asked = [17, 999, 3, 3, u64::MAX, 30, 0];
    let found: Vec<Option<Stored>> = view.vectors(&asked).map(Result::unwrap).collect();
    let [of_17, of_3, of_30] = [16, 2, 29].map(|at: usize| Some(stored[at].clone()));
    assert_eq!(found, [of_17, None, of_3.clone(), of_3, None, of_30, None]);
    assert_eq!(view.vectors(&[]).count(), 0);
    assert_eq!(view.absent(&asked).unwrap(), [999, u64::MAX, 0]);
}

pub fn vectors_are_kept_bit_by_bit<P: Place>() {
    let mut odd = axis(0);
    (odd[1], odd[2], odd[3]) = (-0.0, f32::MIN_POSITIVE / 3.0, 1e-20);
    // Neither has length 1 exactly. Stores must not normalise them.
    let (mut long, mut short) = (axis(1), axis(2));
    (long[1], short[2]) = (1.0005, 0.9995);
    let stored = [row(1, 1, odd), row(2, 1, long), row(3, 2, short)];
    let (_place, _store, view) = snapshot::<P>(&stored);
    for kept in &stored {
        let bits = |row: &Stored| row.vector.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
        assert_eq!(bits(&view.get(kept.id).unwrap().unwrap()), bits(kept), "row {}", kept.id);
        let found = view.rows().map(Result::unwrap).find(|row| row.id == kept.id).unwrap();
        assert_eq!(bits(&found), bits(kept), "row {}", kept.id);
    }
}

pub fn ids_are_listed_by_subject<P: Place>() {
    // Keys of templates without a subject are high.
    let keys = [5, 1 << 63 | 8, 5, 6, 5, u64::MAX];
    let id = [9, 8, 2, 7, 4, 1];
    let stored: Vec<Stored> = keys.iter().zip(id).map(|(&key, id)| row(id, key, axis(0))).collect();
    let (_place, _store, view) = snapshot::<P>(&stored);
    assert_eq!(view.ids_of(5).unwrap(), [2, 4, 9]);
    assert_eq!(view.ids_of(6).unwrap(), [7]);
    assert_eq!(view.ids_of(1 << 63 | 8).unwrap(), [8]);
    assert_eq!(view.ids_of(u64::MAX).unwrap(), [1]);
    assert_eq!(view.ids_of(0).unwrap(), [0u64; 0]);
}

pub fn iteration_has_every_row_once<P: Place>() {
    let mut stored = people(P::ROWS, 2);
    let (_place, store) = filled::<P>(&stored);
    let more: Vec<Stored> = people(P::ROWS + 20, 3).split_off(P::ROWS);
    store.insert(&rows(&more), 2).unwrap();
    stored.extend(more);
    let gone: Vec<Stored> = stored.iter().filter(|row| row.id % 7 == 0).cloned().collect();
    store.delete(&gone.iter().map(|row| row.id).collect::<Vec<u64>>(), 3).unwrap();
    stored.retain(|row| row.id % 7 != 0);
    let view = store.snapshot().unwrap();
    expect_rows(&*view, &stored);
    expect_none(&*view, &gone);
}

pub fn hidden_rows_are_in_no_reading<P: Place>() {
    let mut stored = people(40, 4);
    stored.push(row(90, 1 << 63 | 90, axis(3)));
    let (_place, _store, whole) = snapshot::<P>(&stored);
    let (hidden, kept): (Vec<Stored>, Vec<Stored>) =
        stored.iter().cloned().partition(|row| row.id % 4 == 1 || row.id == 90);
    let ids: Vec<u64> = hidden.iter().map(|row| row.id).chain([5000, 90]).collect();
    let view = whole.without(&ids).unwrap();
    expect_rows(&*view, &kept);
    expect_none(&*view, &hidden);
    let less = view.without(&[kept[0].id, hidden[0].id]).unwrap();
    expect_rows(&*less, &kept[1..]);
    expect_rows(&*view.without(&[]).unwrap(), &kept);
    expect_rows(&*whole, &stored);
}

pub fn a_snapshot_does_not_change<P: Place>() {
    let stored = people(60, 5);
    let (place, store, before) = snapshot::<P>(&stored);
    let (hidden, selection) =
        (before.without(&[1]).unwrap(), before.select(&|subject| subject == 100).unwrap());
    store.insert(&[super::Row { id: 500, subject: 100, vector: &axis(0) }], 2).unwrap();
    store.delete(&[2, 3, 60], 3).unwrap();
    P::arrange(&*store);
    store.purge().unwrap();
    let after = store.snapshot().unwrap();
    assert_eq!((after.len(), after.contains(500).unwrap(), after.contains(2).unwrap()), (58, true, false));
    drop(store);
    drop(place);
    expect_rows(&*before, &stored);
    expect_rows(&*hidden, &stored[1..]);
    let probes = [&stored[1].vector[..]];
    let found = before.top(&Query { among: Some(&selection), ..Query::new(&probes) }, 10).unwrap();
    assert_eq!(found[0].hits.len(), 3);
    assert_eq!(found[0].hits[0].id, 2);
}

//! What must be there, and what answers must be.

use std::collections::HashSet;

use gallerist_index::{Answer, Hit, Mode, View, dot};

use crate::Failure;
use crate::rows::{GROUP, Random, ids, vector};
use crate::work::Writer;

fn refuse<T>(what: String) -> Result<T, Failure> {
    Err(what.into())
}

/// The view holds what is live, bit by bit, and nothing else.
pub fn view(view: &View, writers: &[Writer]) -> Result<(), Failure> {
    let live = no_more_than(view, writers)?;
    match view.len() == live.len() {
        true => Ok(()),
        false => refuse(format!("{} rows where {} were acknowledged", view.len(), live.len())),
    }
}

/// Nothing that is not live is in the view. Tells what is.
pub fn no_more_than(view: &View, writers: &[Writer]) -> Result<HashSet<u64>, Failure> {
    let live: HashSet<u64> =
        writers.iter().flat_map(|writer| &writer.live).flat_map(|&batch| ids(batch)).collect();
    for row in view.rows() {
        let row = row?;
        if !live.contains(&row.id) {
            return refuse(format!("row {} was deleted", row.id));
        }
        if row.group != row.id / GROUP || row.vector != vector(row.id) {
            return refuse(format!("row {} is not what was inserted", row.id));
        }
    }
    Ok(live)
}

/// Hits are in order, in the view, and their scores are right; groups are there as a whole.
pub fn hits(view: &View, probe: &[f32], answer: &Answer) -> Result<(), Failure> {
    let ordered = |pair: &[Hit]| (-pair[0].score, pair[0].id) < (-pair[1].score, pair[1].id);
    if !answer.hits.windows(2).all(ordered) {
        return refuse(format!("out of order: {answer:?}"));
    }
    for hit in &answer.hits {
        let right =
            dot(probe, &vector(hit.id)).to_bits() == hit.score.to_bits() && hit.group == hit.id / GROUP;
        if !right || !view.contains(hit.id) {
            return refuse(format!("a wrong hit: {hit:?}"));
        }
        // A group is inserted in one step; deleting it is one too, as it lies in one shard.
        let of_group = view.group_ids(hit.group).len() as u64;
        if of_group != GROUP {
            return refuse(format!("{of_group} rows of group {}", hit.group));
        }
    }
    Ok(())
}

/// Width of the beam of approximate searches.
const BEAM: usize = 200;

/// Exact answers against a sort of every row, and approximate ones against the exact: the part of the ten best that
/// the graph finds, and the part of the rows that find themselves.
pub fn searches(view: &View, random: &mut Random, rounds: usize) -> Result<(f64, f64), Failure> {
    let rows: Vec<(u64, Vec<f32>)> =
        view.rows().map(|row| row.map(|row| (row.id, row.vector))).collect::<Result<_, _>>()?;
    let (mut found, mut found_itself) = (0, 0);
    for round in 0..rounds {
        let (id, own) = &rows[random.below(rows.len() as u64) as usize];
        let probe = if round % 2 == 0 { own.clone() } else { vector(random.below(1 << 40)) };
        let mut sorted: Vec<(f32, u64)> = rows.iter().map(|(id, row)| (-dot(&probe, row), *id)).collect();
        sorted.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let exact = view.query(&probe)?.mode(Mode::Exact).top_k(10)?.hits;
        if exact.iter().map(|hit| (-hit.score, hit.id)).ne(sorted[..10].iter().copied()) {
            return refuse(format!("{exact:?} where {:?} is right", &sorted[..10]));
        }
        let near = view.query(&probe)?.mode(Mode::Graph { width: BEAM }).top_k(10)?.hits;
        found += exact.iter().filter(|hit| near.iter().any(|other| other.id == hit.id)).count();
        let itself = view.query(own)?.mode(Mode::Graph { width: BEAM }).top_k(1)?.hits;
        found_itself += usize::from(itself.first().is_some_and(|hit| hit.id == *id));
    }
    Ok((found as f64 / (10 * rounds) as f64, found_itself as f64 / rounds as f64))
}

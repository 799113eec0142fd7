//! Approximate search: segments with a graph by their graph, all other rows by a scan.

use super::complete::Complete;
use super::filter::Filter;
use super::found::Found;
use super::plan::Plan;
use super::rank::Keep;
use super::{Answer, Hit, Mode};
use crate::codes::kernels::dot;
use crate::codes::sq8;
use crate::error::Error;
use crate::storage::state::Sealed;

/// Walks the graphs with a beam of `width` nodes, wider if that gives fewer than `k` hits, and scans every
/// row of what has no graph.
pub(super) fn search<K: Keep>(
    plan: &Plan<'_>,
    vector: &[f32],
    width: usize,
    k: usize,
    new: &(impl Fn() -> K + Sync),
) -> Result<Answer, Error> {
    let &Plan { view, filter, .. } = plan;
    // With their numbers among the parts of the view.
    let graphs: Vec<(usize, &Sealed)> =
        view.state.segments.iter().enumerate().filter(|(_, sealed)| sealed.segment.has_graph()).collect();
    let Complete { mut found, certain, .. } =
        plan.scan_all(&[vector], |sealed| !sealed.segment.has_graph(), new)?;
    let Found { keep, scanned, rescored, max_score } = found.remove(0);
    let elsewhere = keep.finish();
    let query = sq8::Sq8Query::new(vector);
    let mut width = width.max(k).max(1);
    loop {
        let mut found = Found { keep: new(), scanned, rescored, max_score };
        elsewhere.iter().for_each(|&hit| found.keep.offer(hit));
        let mut exhausted = true;
        for &graph in &graphs {
            exhausted &= walk(graph, vector, &query, filter, width, &mut found)?;
        }
        // A walk that ended before its beam was full has seen all that can be reached, which is all.
        let answer = found.answer(Mode::Graph { width }, plan.certificate(exhausted, certain));
        if answer.hits.len() >= k || exhausted {
            return Ok(answer);
        }
        width = width.saturating_mul(4);
    }
}

/// Finds rows of one segment by its graph and scores them as every other path does. Says whether none was
/// missed.
fn walk<K: Keep>(
    (number, sealed): (usize, &Sealed),
    vector: &[f32],
    query: &sq8::Sq8Query,
    filter: Filter<'_>,
    width: usize,
    found: &mut Found<K>,
) -> Result<bool, Error> {
    let segment = &sealed.segment;
    let Some(searchable) = segment.searchable()? else { return Ok(true) };
    let part = segment.part();
    let admit = |row: u32| {
        let row = row as usize;
        !sealed.is_dead(row) && filter.selects(number, row) && filter.passes(part.ids[row], part.groups[row])
    };
    let near = searchable.search(query, width, &admit);
    found.scanned += near.evaluations;
    let slack = query.slack(segment.stats().largest_code_error as f32);
    for (near, row) in near.rows {
        // What the exact score may be, at most; those of the rows that follow too, as the best come first.
        if near + slack < found.cut() {
            break;
        }
        let row = row as usize;
        segment.verify(row..row + 1)?;
        found.rescored += 1;
        let score = part.vector(row).map_or(f32::NEG_INFINITY, |stored| dot(vector, stored));
        found.offer(Hit { id: part.ids[row], group: part.groups[row], score });
    }
    Ok(near.exhausted)
}

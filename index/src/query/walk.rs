//! Approximate search: graphs where there are some, every row elsewhere.

use super::filter::Filter;
use super::rank::Keep;
use super::scan::{self, Found};
use super::{Answer, Certificate, Hit, Mode};
use crate::error::Error;
use crate::kernels::dot;
use crate::sq8;
use crate::state::Sealed;
use crate::view::View;

/// Walks the graphs with a beam of `width` nodes, wider if that gives fewer than `k` hits, and scans what has no graph.
pub(super) fn search<K: Keep>(
    view: &View,
    vector: &[f32],
    filter: Filter<'_>,
    width: usize,
    k: usize,
    new: &(impl Fn() -> K + Sync),
) -> Result<Answer, Error> {
    // With their numbers among the parts of the view.
    let graphs: Vec<(usize, &Sealed)> =
        view.state.segments.iter().enumerate().filter(|(_, sealed)| sealed.segment.has_graph()).collect();
    let largest = graphs.iter().map(|(_, sealed)| sealed.live()).max().unwrap_or(0);
    let query = sq8::Query::new(vector);
    let mut width = width.max(k).max(1);
    loop {
        let mut found =
            scan::scan(view, &[vector], filter, |sealed| !sealed.segment.has_graph(), new)?.remove(0);
        for &graph in &graphs {
            walk(graph, vector, &query, filter, width, &mut found)?;
        }
        let (mode, certificate) = match graphs.is_empty() {
            true if view.whole => (Mode::Exact, Certificate::Exact),
            true => (Mode::Exact, Certificate::None),
            false => (Mode::Graph { width }, Certificate::None),
        };
        let answer = found.answer(mode, certificate);
        if answer.hits.len() >= k || width >= largest {
            return Ok(answer);
        }
        width = width.saturating_mul(4);
    }
}

/// Finds rows of one segment by its graph and scores them as every other path does.
fn walk<K: Keep>(
    (number, sealed): (usize, &Sealed),
    vector: &[f32],
    query: &sq8::Query,
    filter: Filter<'_>,
    width: usize,
    found: &mut Found<K>,
) -> Result<(), Error> {
    let segment = &sealed.segment;
    let Some(searchable) = segment.searchable()? else { return Ok(()) };
    let part = segment.part();
    let admit = |row: u32| {
        let row = row as usize;
        !sealed.is_dead(row) && filter.selects(number, row) && filter.passes(part.ids[row], part.groups[row])
    };
    let near = searchable.graph.search(searchable.codes, query, width, &admit, searchable.pool);
    found.scanned += near.evaluations;
    for (_, row) in near.rows {
        let row = row as usize;
        segment.verify(row..row + 1)?;
        found.rescored += 1;
        let score = part.vector(row).map_or(f32::NEG_INFINITY, |stored| dot(vector, stored));
        found.max_score = Some(found.max_score.map_or(score, |highest| highest.max(score)));
        if score >= found.keep.cut() {
            found.keep.offer(Hit { id: part.ids[row], group: part.groups[row], score });
        }
    }
    Ok(())
}

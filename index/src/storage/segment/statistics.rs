//! Statistics of a segment, measured when it is written. The planner reads them.

use crate::codes::kernels::dot;
use crate::graph::measure::WIDTHS;
use crate::report::{GraphStats, ProbeStats, SegmentStats};

/// Pairs of rows whose scores are measured.
const PAIRS: usize = 4096;
/// Numbers of the section without a graph, and with one.
const PLAIN: usize = 6;
const WITH_GRAPH: usize = PLAIN + 8 + 3 * WIDTHS.len();

impl SegmentStats {
    /// Statistics of rows in their order, from their groups, vectors and the errors of their codes; nothing
    /// of a graph.
    pub(super) fn measure<'a>(
        groups: &[u64],
        vector: impl Fn(usize) -> &'a [f32],
        errors: impl Iterator<Item = f32>,
    ) -> Self {
        let rows = groups.len();
        let (largest, sum) =
            errors.fold((0.0f32, 0.0), |(largest, sum), error| (largest.max(error), sum + f64::from(error)));
        let scores: Vec<f64> = pairs(rows)
            .filter(|&(one, other)| groups[one] != groups[other])
            .map(|(one, other)| f64::from(dot(vector(one), vector(other))))
            .collect();
        let mean = |of: &dyn Fn(f64) -> f64| {
            scores.iter().fold(0.0, |sum, &x| sum + of(x)) / scores.len().max(1) as f64
        };
        let mean_score = mean(&|score| score);
        Self {
            rows: rows as u64,
            groups: groups.chunk_by(|one, other| one == other).count() as u64,
            largest_code_error: f64::from(largest),
            mean_code_error: sum / rows.max(1) as f64,
            mean_score,
            score_deviation: mean(&|score| (score - mean_score).powi(2)).sqrt(),
            graph: None,
        }
    }

    /// The section.
    pub(super) fn encode(&self) -> Vec<u8> {
        let &Self { rows, groups, largest_code_error, mean_code_error, mean_score, score_deviation, graph } =
            self;
        let mut words = vec![rows, groups];
        words.extend([largest_code_error, mean_code_error, mean_score, score_deviation].map(f64::to_bits));
        if let Some(graph) = graph {
            let GraphStats {
                nodes, layers, repaired, unfound, orphans, least_in_degree, most_in_degree, ..
            } = graph;
            words.extend([nodes, layers, repaired, unfound, orphans, least_in_degree, most_in_degree]);
            words.push(graph.mean_in_degree.to_bits());
            for ProbeStats { width, recall, evaluations } in graph.probes {
                words.extend([width, recall.to_bits(), evaluations.to_bits()]);
            }
        }
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    /// Reads the section; `None` if it has another length.
    pub(super) fn parse(section: &[u8]) -> Option<Self> {
        let words: Vec<u64> =
            section.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        if section.len() != 8 * PLAIN && section.len() != 8 * WITH_GRAPH {
            return None;
        }
        let number = |at: usize| f64::from_bits(words[at]);
        let probe =
            |at: usize| ProbeStats { width: words[at], recall: number(at + 1), evaluations: number(at + 2) };
        let graph = (words.len() == WITH_GRAPH).then(|| GraphStats {
            nodes: words[PLAIN],
            layers: words[PLAIN + 1],
            repaired: words[PLAIN + 2],
            unfound: words[PLAIN + 3],
            orphans: words[PLAIN + 4],
            least_in_degree: words[PLAIN + 5],
            most_in_degree: words[PLAIN + 6],
            mean_in_degree: number(PLAIN + 7),
            probes: [PLAIN + 8, PLAIN + 11, PLAIN + 14].map(probe),
        });
        Some(Self {
            rows: words[0],
            groups: words[1],
            largest_code_error: number(2),
            mean_code_error: number(3),
            mean_score: number(4),
            score_deviation: number(5),
            graph,
        })
    }
}

/// Some pairs of rows: the same for the same number of rows.
fn pairs(rows: usize) -> impl Iterator<Item = (usize, usize)> {
    let draw = move |at: u64| {
        let mixed = at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((u128::from(mixed ^ mixed >> 29) * rows as u128) >> 64) as usize
    };
    (0..if rows > 0 { PAIRS } else { 0 }).map(move |pair| (draw(2 * pair as u64), draw(2 * pair as u64 + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let probe = |width| ProbeStats { width, recall: 0.5, evaluations: 12.25 };
        let graph = GraphStats {
            nodes: 3,
            layers: 1,
            repaired: 2,
            unfound: 4,
            orphans: 5,
            least_in_degree: 6,
            most_in_degree: 7,
            mean_in_degree: 6.5,
            probes: [probe(64), probe(256), probe(1024)],
        };
        let groups = [1, 1, 2, 3];
        let vectors = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]];
        let plain = SegmentStats::measure(&groups, |row| &vectors[row], [0.25, 0.5, 0.0, 0.25].into_iter());
        assert_eq!((plain.rows, plain.groups), (4, 3));
        assert_eq!((plain.largest_code_error, plain.mean_code_error), (0.5, 0.25));
        assert!((0.3..0.7).contains(&plain.mean_score) && (0.2..0.5).contains(&plain.score_deviation));
        for stats in [plain, SegmentStats { graph: Some(graph), ..plain }] {
            let bytes = stats.encode();
            assert_eq!(SegmentStats::parse(&bytes), Some(stats));
            assert_eq!(SegmentStats::parse(&bytes[1..]), None);
        }
        let alone = SegmentStats::measure(&[7], |_| &vectors[0], [0.0].into_iter());
        assert_eq!((alone.mean_score, alone.score_deviation), (0.0, 0.0));
    }

    #[test]
    fn pairs_are_of_the_rows_and_cover_them() {
        for rows in [1, 2, 1000] {
            let seen: std::collections::HashSet<usize> = pairs(rows).flat_map(|(a, b)| [a, b]).collect();
            assert!(seen.len() > rows * 9 / 10 && seen.iter().all(|&row| row < rows));
        }
        assert_eq!(pairs(0).count(), 0);
    }
}

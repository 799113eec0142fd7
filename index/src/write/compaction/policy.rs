//! The compaction policy: which segments are merged, by their sizes alone.
//!
//! Tiers are those of log-structured merge trees (O'Neil et al. 1996): a segment of `n` live rows is in
//! tier `floor(log8 n)`. Eight segments of a tier are merged into one of the next. A row is therefore
//! rewritten once a tier, and an index of `n` rows has fewer than `8 * log8 n` segments. A segment of which
//! a quarter is deleted is rewritten alone.

/// Segments of a tier that are merged.
const FAN_IN: usize = 8;
/// One in so many rows dead is enough to rewrite a segment.
const DEAD_SHARE: usize = 4;
/// Bytes of vectors that a merged segment may hold: larger ones gain nothing and take long to rewrite.
const MAX_BYTES: usize = 16 << 30;

/// What the policy sees of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentSize {
    /// Rows that views show.
    pub(crate) live: usize,
    /// Deleted rows whose bytes are still there.
    pub(crate) dead: usize,
}

/// Positions of the segments to make one of next, in ascending order; `None` if nothing is due.
pub(crate) fn due(segments: &[SegmentSize], dimension: usize) -> Option<Vec<usize>> {
    let wasted =
        |segment: &SegmentSize| segment.dead > 0 && segment.dead * DEAD_SHARE >= segment.live + segment.dead;
    if let Some(at) = segments.iter().position(wasted) {
        return Some(vec![at]);
    }
    let most = MAX_BYTES / (dimension * size_of::<f32>()).max(1);
    let mut tiers: Vec<Vec<usize>> = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let tier = segment.live.max(1).ilog(FAN_IN) as usize;
        tiers.resize(tiers.len().max(tier + 1), Vec::new());
        tiers[tier].push(at);
    }
    tiers.into_iter().find_map(|mut tier| {
        tier.sort_by_key(|&at| segments[at].live);
        tier.truncate(FAN_IN);
        let rows: usize = tier.iter().map(|&at| segments[at].live).sum();
        tier.sort_unstable();
        (tier.len() == FAN_IN && rows <= most).then_some(tier)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn live(rows: &[usize]) -> Vec<SegmentSize> {
        rows.iter().map(|&live| SegmentSize { live, dead: 0 }).collect()
    }

    #[test]
    fn seven_of_a_kind_stay_and_eight_become_one() {
        assert_eq!(due(&live(&[100; 7]), 4), None);
        assert_eq!(due(&live(&[100; 8]), 4), Some((0..8).collect()));
        assert_eq!(
            due(&live(&[100, 100, 9000, 100, 100, 100, 100, 100, 100]), 4),
            Some(vec![0, 1, 3, 4, 5, 6, 7, 8])
        );
    }

    #[test]
    fn the_smallest_tier_goes_first_and_in_it_the_smallest_segments() {
        let segments = live(&[[4000; 8].as_slice(), &[64, 500, 65, 66, 67, 68, 69, 70, 71]].concat());
        assert_eq!(due(&segments, 4), Some(vec![8, 10, 11, 12, 13, 14, 15, 16]));
    }

    #[test]
    fn a_quarter_dead_is_rewritten_alone() {
        let mut segments = live(&[100, 75, 100]);
        segments[1].dead = 24;
        assert_eq!(due(&segments, 4), None);
        segments[1].dead = 25;
        assert_eq!(due(&segments, 4), Some(vec![1]));
        assert_eq!(due(&[SegmentSize { live: 0, dead: 1 }], 4), Some(vec![0]));
    }

    #[test]
    fn segments_are_not_merged_into_one_too_large() {
        assert_eq!(due(&live(&[1 << 20; 8]), 512), Some((0..8).collect()));
        assert_eq!(due(&live(&[1 << 20; 8]), 4096), None);
    }

    proptest! {
        #[test]
        fn it_comes_to_an_end_with_few_segments(rows in prop::collection::vec(0usize..5000, 0..200)) {
            let mut segments = live(&rows);
            let mut steps = 0;
            while let Some(merged) = due(&segments, 4) {
                let live = merged.iter().map(|&at| segments[at].live).sum();
                for at in merged.into_iter().rev() {
                    segments.remove(at);
                }
                segments.push(SegmentSize { live, dead: 0 });
                steps += 1;
                prop_assert!(steps <= rows.len());
            }
            prop_assert!(segments.len() <= 7 * 7, "{segments:?}");
        }
    }
}

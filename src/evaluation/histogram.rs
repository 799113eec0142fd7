//! Scores in bins.

use super::report::Histogram;

/// Bins from 0 to 1.
const BINS: i32 = 50;

/// The shares of both classes in bins of 0.02 from -1 to 1, from the first to the last that is not empty. What
/// rounding put beyond -1 or 1 is in the bin next to it. Shares are of the trials that have a score.
pub(super) fn histogram(mated: &[f32], non_mated: &[f32]) -> Histogram {
    let occupied = mated.iter().chain(non_mated).map(|score| bin(*score));
    let (first, last) = occupied.fold((BINS, -BINS - 1), |(a, b), bin| (a.min(bin), b.max(bin)));
    let shares = |scores: &[f32]| {
        let mut counts = vec![0_u64; usize::try_from(last + 1 - first).unwrap_or(0)];
        for score in scores {
            let slot = usize::try_from(bin(*score) - first).ok().and_then(|slot| counts.get_mut(slot));
            slot.into_iter().for_each(|count| *count += 1);
        }
        counts.into_iter().map(|count| count as f64 / scores.len().max(1) as f64).collect()
    };
    Histogram {
        // Divided rather than multiplied by the width: the nearest number to 0.3 is wanted, not 0.30000000000000004.
        start: if first <= last { f64::from(first) / f64::from(BINS) } else { -1.0 },
        width: f64::from(BINS).recip(),
        mated: shares(mated),
        non_mated: shares(non_mated),
    }
}

fn bin(score: f32) -> i32 {
    // Scores with few decimals belong to the bin that starts with them, though the nearest f32 may be below.
    const ROUNDING: f64 = 3e-6;
    ((f64::from(score) * f64::from(BINS) + ROUNDING).floor() as i32).clamp(-BINS, BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_the_scores_they_start_with_and_only_the_occupied_range_is_kept() {
        let histogram = histogram(&[0.3, 0.31, 0.34, 0.7], &[0.3, 0.28]);
        assert_eq!((histogram.start, histogram.width), (0.28, 0.02));
        assert_eq!(histogram.mated.len(), 22);
        assert_eq!(histogram.mated[..4], [0.0, 0.5, 0.0, 0.25]);
        assert_eq!(histogram.mated.last(), Some(&0.25), "0.7 as f32 is below 0.7");
        assert_eq!(histogram.non_mated[..3], [0.5, 0.5, 0.0]);
    }

    #[test]
    fn scores_at_and_beyond_the_ends_and_no_scores_at_all() {
        let ends = histogram(&[1.0, 1.000_000_1], &[-1.0, -1.000_000_1]);
        assert_eq!((ends.start, ends.mated.len()), (-1.0, 100));
        assert_eq!((ends.mated[99], ends.non_mated[0]), (1.0, 1.0));
        assert!(histogram(&[], &[]).mated.is_empty());
        assert_eq!(histogram(&[0.5], &[]).non_mated, [0.0]);
    }
}

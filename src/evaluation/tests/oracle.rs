//! Against definitions written down as they are, which count everything anew for every threshold.

use proptest::prelude::*;

use super::super::*;

fn score() -> impl Strategy<Value = Option<f32>> {
    // Few distinct values, so that most scores are tied.
    prop_oneof![1 => Just(None), 9 => (-5_i8..=10).prop_map(|tenths| Some(f32::from(tenths) / 10.0))]
}

fn searches() -> impl Strategy<Value = Searches> {
    let mated = (0..8_u64, score(), 1..5_u32)
        .prop_map(|(subject, score, rank)| MatedSearch { subject, mate: score.map(|score| (score, rank)) });
    let non_mated = (0..8_u64, score()).prop_map(|(subject, best)| NonMatedSearch { subject, best });
    (prop::collection::vec(mated, 1..20), prop::collection::vec(non_mated, 1..20)).prop_map(
        |(mated, non_mated)| Searches { subjects: 9, templates: 9, mated, non_mated, ..Searches::default() },
    )
}

fn fpir(searches: &Searches, threshold: f32) -> f64 {
    let alarms = searches.non_mated.iter().filter(|search| search.best.is_some_and(|best| best >= threshold));
    alarms.count() as f64 / searches.non_mated.len() as f64
}

fn fnir(searches: &Searches, rank: u32, threshold: f32) -> f64 {
    let missed = |search: &&MatedSearch| match search.mate {
        None => true,
        Some((score, at)) => score < threshold || at > rank,
    };
    searches.mated.iter().filter(missed).count() as f64 / searches.mated.len() as f64
}

/// Every threshold at which anything changes, lowest first.
fn thresholds(searches: &Searches) -> Vec<f32> {
    let mated = searches.mated.iter().filter_map(|search| search.mate.map(|(score, _)| score));
    let scores = mated.chain(searches.non_mated.iter().filter_map(|search| search.best));
    let mut all: Vec<f32> = scores.flat_map(|score| [score, score.next_up()]).chain([-1.0]).collect();
    all.sort_by(f32::total_cmp);
    all
}

fn options(target: f64) -> Options {
    Options { fpir_targets: vec![target], fmr_targets: vec![target], repetitions: 20, ..Options::default() }
}

/// The same trials as pairs, whose FMR is the FPIR.
fn pairs(searches: &Searches) -> Vec<Comparison> {
    let mated = searches.mated.iter().map(|search| Comparison {
        a: search.subject,
        b: search.subject,
        score: search.mate.map(|(score, _)| score),
    });
    let non_mated =
        searches.non_mated.iter().map(|s| Comparison { a: s.subject, b: 100 + s.subject, score: s.best });
    mated.chain(non_mated).collect()
}

proptest! {
    #[test]
    fn a_threshold_is_the_lowest_that_keeps_to_its_target(searches in searches(), target in 0.001..=1.0) {
        let point = identification(&searches, &options(target)).unwrap().points[0];
        let lowest = thresholds(&searches).into_iter().find(|t| fpir(&searches, *t) <= target).unwrap();
        prop_assert_eq!(fpir(&searches, point.threshold), point.fpir.value);
        prop_assert_eq!(fpir(&searches, lowest), point.fpir.value);
        prop_assert_eq!(fnir(&searches, u32::MAX, point.threshold), point.fnir.value);
        prop_assert_eq!(fnir(&searches, u32::MAX, lowest), point.fnir.value);
        prop_assert_eq!(fnir(&searches, 1, lowest), point.fnir_rank_1.value);
        // The next number below breaks the target, unless everything is accepted already.
        prop_assert!(point.threshold == -1.0 || fpir(&searches, point.threshold.next_down()) > target);
    }

    #[test]
    fn every_point_of_a_curve_is_what_its_threshold_gives(searches in searches()) {
        let result = identification(&searches, &options(0.1)).unwrap();
        let mut rates: Vec<f64> = thresholds(&searches).into_iter().map(|t| fpir(&searches, t)).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        prop_assert_eq!(result.det.iter().map(|p| p.false_positive).collect::<Vec<_>>(), rates);
        for point in &result.det {
            prop_assert_eq!(point.false_positive, fpir(&searches, point.threshold));
            prop_assert_eq!(point.false_negative, fnir(&searches, u32::MAX, point.threshold));
            prop_assert!(point.interval[0] <= point.false_negative && point.false_negative <= point.interval[1]);
        }
        for point in &result.cmc {
            let missed = fnir(&searches, point.rank, f32::NEG_INFINITY);
            prop_assert!((point.identified.value - (1.0 - missed)).abs() < 1e-15);
        }
    }

    #[test]
    fn no_threshold_judges_more_pairs_rightly(searches in searches()) {
        let result = verification(&pairs(&searches), &options(0.1)).unwrap();
        let wrong = |t: f32| {
            let alarms = fpir(&searches, t) * searches.non_mated.len() as f64;
            (alarms + fnir(&searches, u32::MAX, t) * searches.mated.len() as f64).round() as u64
        };
        let least = thresholds(&searches).into_iter().map(wrong).min();
        prop_assert_eq!(Some(result.accuracy.errors), least);
        prop_assert_eq!(wrong(result.accuracy_threshold), result.accuracy.errors);
    }

    #[test]
    fn the_equal_error_rate_lies_where_the_order_of_both_errors_turns(searches in searches()) {
        let result = verification(&pairs(&searches), &options(0.1)).unwrap();
        let both = |t: f32| (fpir(&searches, t), fnir(&searches, u32::MAX, t));
        let mut all = thresholds(&searches);
        all.push(f32::MAX);
        let gap = |t: f32| (both(t).0 - both(t).1).abs();
        let least = all.iter().map(|t| gap(*t)).fold(f64::INFINITY, f64::min);
        prop_assert!((gap(result.eer_threshold) - least).abs() < 1e-12);
        // FMR is at most FNMR at the higher and at least at the lower of the neighbours.
        let higher = all.iter().rev().copied().take_while(|t| both(*t).0 <= both(*t).1).last();
        let lower = all.iter().copied().take_while(|t| both(*t).0 >= both(*t).1).last();
        if let (Some(higher), Some(lower)) = (higher, lower) {
            let ((fmr, fnmr), (next_fmr, next_fnmr)) = (both(higher), both(lower));
            let (low, high) = (fmr.max(next_fnmr), fnmr.min(next_fmr));
            let eer = result.eer.value;
            prop_assert!(low.min(high) - 1e-12 <= eer && eer <= low.max(high) + 1e-12, "{low} {eer} {high}");
        }
    }
}

//! Input that is missing, broken or thin.

use super::super::*;

fn mated(score: f32) -> MatedSearch {
    MatedSearch { subject: 1, mate: Some((score, 1)) }
}

fn non_mated(best: f32) -> NonMatedSearch {
    NonMatedSearch { subject: 2, best: Some(best) }
}

fn searches(mated: Vec<MatedSearch>, non_mated: Vec<NonMatedSearch>) -> Searches {
    Searches { subjects: 3, templates: 3, mated, non_mated, ..Searches::default() }
}

fn error(searches: &Searches) -> EvaluationError {
    identification(searches, &Options::default()).unwrap_err()
}

#[test]
fn a_class_without_trials_is_named_with_what_to_give() {
    let one_class = searches(vec![mated(0.5)], vec![]);
    assert_eq!(error(&one_class), EvaluationError::NoNonMatedSearches);
    assert!(error(&one_class).to_string().contains("give probes of people who are not in the gallery"));
    assert_eq!(error(&searches(vec![], vec![non_mated(0.5)])), EvaluationError::NoMatedSearches);
    assert_eq!(error(&Searches::default()), EvaluationError::EmptyGallery);
    let mut empty_part = searches(vec![mated(0.5)], vec![non_mated(0.5)]);
    empty_part.parts = vec![(2, vec![])];
    assert_eq!(error(&empty_part), EvaluationError::EmptyPart { subjects: 2 });

    let pair = |b: u64| Comparison { a: 1, b, score: Some(0.5) };
    let verify = |pairs: &[Comparison]| verification(pairs, &Options::default()).unwrap_err();
    assert_eq!(verify(&[]), EvaluationError::NoMatedPairs);
    assert_eq!(verify(&[pair(2)]), EvaluationError::NoMatedPairs);
    assert_eq!(verify(&[pair(1)]), EvaluationError::NoNonMatedPairs);
}

#[test]
fn a_score_that_is_no_number_is_named() {
    let broken = error(&searches(vec![mated(0.5), mated(f32::NAN)], vec![non_mated(0.1)]));
    assert!(matches!(broken, EvaluationError::Score { trial: "mated search", position: 1, .. }), "{broken}");
    let broken = error(&searches(vec![mated(0.5)], vec![non_mated(f32::INFINITY)]));
    assert_eq!(
        broken.to_string(),
        "non-mated search 0 has the score inf, which is no number to compare with a threshold"
    );
    let mut part = searches(vec![mated(0.5)], vec![non_mated(0.5)]);
    part.parts = vec![(2, vec![non_mated(f32::NAN)])];
    assert!(matches!(error(&part), EvaluationError::Score { position: 0, .. }));
    let pair = Comparison { a: 1, b: 1, score: Some(f32::NAN) };
    let broken = verification(&[pair], &Options::default()).unwrap_err();
    assert!(matches!(broken, EvaluationError::Score { trial: "pair", .. }));
    let zero = MatedSearch { subject: 1, mate: Some((0.5, 0)) };
    assert_eq!(error(&searches(vec![zero], vec![non_mated(0.5)])), EvaluationError::Rank { position: 0 });
}

#[test]
fn a_target_is_a_share_that_can_be_observed() {
    let sample = searches(vec![mated(0.5)], vec![non_mated(0.5)]);
    for target in [0.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
        let options = Options { fpir_targets: vec![0.1, target], ..Options::default() };
        let error = identification(&sample, &options).unwrap_err();
        assert!(matches!(error, EvaluationError::Target { name: "FPIR", .. }), "{error}");
    }
}

#[test]
fn without_a_single_score_nothing_is_found_and_nobody_falsely_named() {
    let nothing = searches(
        vec![MatedSearch { subject: 1, mate: None }],
        vec![NonMatedSearch { subject: 2, best: None }],
    );
    let result = identification(&nothing, &Options::default()).unwrap();
    assert_eq!((result.points[0].fpir.value, result.points[0].fnir.value), (0.0, 1.0));
    assert_eq!(result.det.len(), 1);
    assert_eq!(result.cmc[0].identified.value, 0.0);
    let pairs = [Comparison { a: 1, b: 1, score: None }, Comparison { a: 1, b: 2, score: None }];
    let result = verification(&pairs, &Options::default()).unwrap();
    assert_eq!((result.eer.value, result.accuracy.value), (0.5, 0.5));
}

#[test]
fn repetitions_that_draw_no_pair_of_a_class_say_nothing() {
    // Of two people every other repetition draws one twice, and so has no pair of both.
    let pair = |a: u64, b: u64, score: f32| Comparison { a, b, score: Some(score) };
    let pairs = [pair(1, 1, 0.9), pair(1, 1, 0.2), pair(1, 2, 0.5)];
    let result = verification(&pairs, &Options::default()).unwrap();
    assert_eq!((result.points[0].fnmr.value, result.points[0].fnmr.interval), (0.5, [0.5, 0.5]));
    assert_eq!((result.eer.value, result.eer.interval), (0.5, [0.5, 0.5]));
}

#[test]
fn equal_scores_everywhere_and_the_extremes_of_numbers() {
    for score in [0.5, -0.0, 1.0, -1.0, f32::MAX, f32::MIN] {
        let sample = searches(vec![mated(score); 3], vec![non_mated(score); 3]);
        let result = identification(&sample, &Options::default()).unwrap();
        assert_eq!((result.points[0].fpir.value, result.points[0].fnir.value), (0.0, 1.0), "{score}");
        let pairs = [1, 2].map(|b| Comparison { a: 1, b, score: Some(score) });
        let result = verification(&pairs, &Options::default()).unwrap();
        assert_eq!((result.eer.value, result.accuracy.value), (0.5, 0.5), "{score}");
    }
}

#[test]
fn without_repetitions_intervals_are_the_exact_ones() {
    let sample = searches(vec![mated(0.5)], vec![non_mated(0.4)]);
    let options = Options { repetitions: 0, ..Options::default() };
    let fnir = identification(&sample, &options).unwrap().points[0].fnir;
    assert_eq!(fnir.value, 0.0);
    assert!((fnir.interval[1] - 0.975).abs() < 1e-12, "1 - 0.025: {:?}", fnir.interval);
}

#[test]
fn a_small_sample_is_called_small() {
    let mut sample = searches(vec![mated(0.5); 50], vec![non_mated(0.4); 200]);
    sample.mated_without_face = 2;
    sample.non_mated[7].best = None;
    let options = Options { fpir_targets: vec![0.01, 0.001], ..Options::default() };
    let warnings = identification(&sample, &options).unwrap().warnings();
    assert_eq!(
        warnings,
        [
            "only 50 mated searches: each one moves FNIR by 2.0 percentage points",
            "the mated searches are of only 1 person: intervals are likely too narrow",
            "the non-mated searches are of only 1 person: intervals are likely too narrow",
            "2 of 50 mated probes without a usable face: counted as misses",
            "1 of 200 non-mated probes without a usable face: counted as searches without a false alarm, which \
             flatters FPIR",
            "FPIR 0.01 rests on 0 false alarms of 200 trials: about 1000 are needed for 10",
            "FPIR 0.001 cannot be observed with 200 trials: that takes 1000 at least, and 10000 for 10 false \
             alarms; the threshold lies just above the highest score seen",
        ]
    );
}

#[test]
fn a_large_sample_is_not() {
    let mated = (0..1000_u64).map(|i| MatedSearch { subject: i, mate: Some((i as f32 / 1000.0, 1)) });
    let best = (0..1000_u64).map(|i| NonMatedSearch { subject: i, best: Some(i as f32 / 2000.0) });
    let sample = searches(mated.collect(), best.collect());
    let options = Options { fpir_targets: vec![0.1, 0.01], ..Options::default() };
    assert_eq!(identification(&sample, &options).unwrap().warnings(), Vec::<String>::new());
    let pair = |i: u64, b: u64| Comparison { a: i, b, score: Some(i as f32 / 1000.0) };
    let pairs: Vec<Comparison> = (0..1000).flat_map(|i| [pair(i, i), pair(i, i + 1)]).collect();
    let options = Options { fmr_targets: vec![0.01, 1e-4], ..Options::default() };
    let warnings = verification(&pairs, &options).unwrap().warnings();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].ends_with("10 false matches; the threshold lies just above the highest score seen"));
}

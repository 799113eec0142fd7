//! Calibrations of made-up best scores whose distribution is known.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::*;

/// Impostor scores of a gallery of this many people, each probe with a mean of its own.
struct Strangers192 {
    subjects: f64,
}

const SIGMA: f64 = 0.14;
const SPREAD: f64 = 0.02;
const MEAN: f64 = 0.015;

fn standard() -> Normal {
    Normal::standard()
}

impl Strangers192 {
    /// The best score of a search.
    fn draw(&self, random: &mut ChaCha8Rng) -> f32 {
        let probe = standard().inverse_cdf(random.random_range(1e-12..1.0));
        // The best of n scores: each is below it with the n-th root of its chance.
        let chance: f64 = random.random_range(1e-300..1.0);
        let above = -(chance.ln() / self.subjects).exp_m1();
        (MEAN + SPREAD * probe - SIGMA * standard().inverse_cdf(above)) as f32
    }

    /// The share of searches whose best score reaches a threshold: a sum over probes.
    fn fpir(&self, threshold: f64) -> f64 {
        let points = (-600..=600).map(|step| f64::from(step) / 100.0);
        let (sum, weights) = points.fold((0.0, 0.0), |(sum, weights), probe| {
            let weight = (-probe * probe / 2.0).exp();
            let above = standard().sf((threshold - MEAN - SPREAD * probe) / SIGMA);
            (sum + weight * scaled(above, self.subjects), weights + weight)
        });
        sum / weights
    }

    fn calibration(&self, searches: usize, seed: u64) -> Calibration {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        of((0..searches).map(|_| self.draw(&mut random)).collect(), self.subjects as u64)
    }
}

/// A calibration of these best scores.
fn of(maxima: Vec<f32>, subjects: u64) -> Calibration {
    with_design(maxima, subjects, 1.0)
}

fn with_design(mut maxima: Vec<f32>, subjects: u64, design: f64) -> Calibration {
    maxima.sort_by(|one, other| other.total_cmp(one));
    let measured = Measurement {
        made: 0,
        binding: &Binding::external(192, None),
        subjects,
        templates: subjects,
        fusion: Fusion::Max,
        strangers: Strangers::Given,
        targets: &[],
        design,
        maxima,
        parts: &[],
        suspects: Vec::new(),
    };
    Calibration { targets: vec![0.01], ..Calibration::of(measured).unwrap() }
}

/// In how many repetitions the interval of the FPIR holds the truth.
fn covered(searches: usize, target: f64, repetitions: u64) -> (u64, Method) {
    let strangers = Strangers192 { subjects: 100_000.0 };
    let runs: Vec<(bool, Method)> = (0..repetitions)
        .into_par_iter()
        .map(|seed| {
            let calibration = strangers.calibration(searches, 1000 + seed);
            let operating = calibration.operating(target, 100_000).unwrap();
            let [low, high] = operating.fpir_ci95;
            let truth = strangers.fpir(operating.threshold.into());
            ((low..=high).contains(&truth), operating.method)
        })
        .collect();
    (runs.iter().filter(|(inside, _)| *inside).count() as u64, runs[0].1)
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let repetitions = std::env::var("GALLERIST_REPETITIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let cases = [
        (1000, 0.01, Method::Counted),
        (1000, 0.001, Method::Tail),
        (1000, 0.05, Method::Counted),
        (1000, 0.003, Method::Tail),
        (3000, 0.001, Method::Tail),
    ];
    let cases = if repetitions >= 200 { &cases[..] } else { &cases[..2] };
    for &(searches, target, method) in cases {
        let (inside, how) = covered(searches, target, repetitions);
        println!(
            "{searches} searches, target {target}, {how:?}: the truth is inside {inside} of {repetitions} intervals"
        );
        assert_eq!(how, method);
        // Of 40 intervals of 95 % fewer than 33 hold the truth once in 14,000; of 200 fewer than 92 % once in 30.
        let least = if repetitions >= 200 { 0.92 } else { 0.825 };
        assert!(inside as f64 >= least * repetitions as f64, "{inside} of {repetitions}");
    }
}

#[test]
fn a_threshold_foretold_for_a_larger_gallery_keeps_the_rate() {
    let calibration = Strangers192 { subjects: 10_000.0 }.calibration(5000, 1);
    for times in [1.0, 10.0] {
        let larger = Strangers192 { subjects: 10_000.0 * times };
        let operating = calibration.operating(0.01, larger.subjects as u64).unwrap();
        assert_eq!(operating.extrapolated, times > 1.0);
        let truth = larger.fpir(operating.threshold.into());
        let [low, high] = operating.fpir_ci95;
        assert!((low..=high).contains(&truth), "{truth} is not within {low} to {high}");
    }
    let fixed = calibration.operating(0.01, 10_000).unwrap().threshold;
    assert!(Strangers192 { subjects: 100_000.0 }.fpir(fixed.into()) > 0.05, "a fixed threshold does not");
}

#[test]
fn what_is_too_rare_is_refused_with_what_it_takes() {
    let calibration = Strangers192 { subjects: 1000.0 }.calibration(500, 1);
    let error = calibration.operating(1e-5, 1000).unwrap_err();
    let CalibrationError::TooRare { lowest, searches, needed, .. } = error else { panic!("{error}") };
    assert_eq!((searches, needed), (500, 10_000));
    assert!((lowest - 1.0 / 5000.0).abs() < 1e-12, "{lowest}");
    assert!(calibration.operating(lowest * 1.001, 1000).unwrap().extrapolated);
    for target in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(matches!(calibration.operating(target, 1000), Err(CalibrationError::Target { .. })));
    }
    let few = Strangers192 { subjects: 1000.0 }.calibration(50, 1);
    assert!(few.tail.is_none() && few.operating(0.01, 1000).is_err());
    assert_eq!(few.operating(0.1, 1000).unwrap().method, Method::Counted);
}

#[test]
fn mates_among_the_probes_make_a_tail_that_is_not_used() {
    let strangers = Strangers192 { subjects: 1000.0 };
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut maxima: Vec<f32> = (0..950).map(|_| strangers.draw(&mut random)).collect();
    maxima.extend((0..50).map(|_| random.random_range(0.6..1.0f32)));
    let calibration = of(maxima, 1000);
    assert!(!calibration.tail.unwrap().is_good(), "{:?}", calibration.tail);
    assert!(suspects::count(&calibration.maxima, 1000) > 10);
    let error = calibration.operating(1e-3 / 2.0, 1000).unwrap_err();
    assert!(matches!(error, CalibrationError::NoTail { .. }), "{error}");
}

/// Searches that count as one each are as good as one of them.
#[test]
fn searches_that_are_alike_count_once() {
    let strangers = Strangers192 { subjects: 1000.0 };
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let once: Vec<f32> = (0..500).map(|_| strangers.draw(&mut random)).collect();
    let thrice = once.iter().flat_map(|&score| [score, score - 1e-5, score - 2e-5]).collect();
    let [once, thrice] = [of(once, 1000), with_design(thrice, 1000, 3.0)];
    for target in [0.05, 0.01, 0.002] {
        let [one, other] = [&once, &thrice].map(|calibration| calibration.operating(target, 1000).unwrap());
        let near = |a: f64, b: f64| (a / b).ln().abs() < 0.25;
        assert!((one.threshold - other.threshold).abs() < 0.02, "{one:?}, {other:?}");
        assert!((0..2).all(|end| near(one.fpir_ci95[end], other.fpir_ci95[end])), "{one:?}, {other:?}");
        assert!(near(one.lowest_target, other.lowest_target));
    }
}

#[test]
fn it_survives_being_written_down() {
    let calibration = Strangers192 { subjects: 1000.0 }.calibration(500, 7);
    let text = serde_json::to_string(&calibration).unwrap();
    assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
    let binding = Binding::external(192, None);
    calibration.require(&binding).unwrap();
    let other = Binding { model: "other".into(), fingerprint: "f".repeat(64), ..binding };
    let said = calibration.require(&other).unwrap_err().to_string();
    assert!(said.contains("external") && said.contains("other"), "{said}");
    let said = calibration.require(&Binding::external(512, None)).unwrap_err().to_string();
    assert!(said.contains("192 numbers") && said.contains("512 numbers"), "{said}");
}

#[test]
fn it_says_why_it_is_stale() {
    let calibration = Strangers192 { subjects: 1000.0 }.calibration(100, 7);
    assert_eq!(calibration.stale(1000, 1000), [""; 0]);
    assert_eq!(calibration.stale(1400, 1400), [""; 0]);
    assert!(calibration.stale(1600, 1600)[0].contains("1000 subjects"), "grown");
    assert!(calibration.stale(1000, 2000)[0].contains("templates a subject"), "enrolled otherwise");
}

/// By luck these searches' tenth highest score lies far above where the tail has it.
#[test]
fn where_counting_ends_no_rarer_target_has_a_lower_threshold() {
    let calibration = Strangers192 { subjects: 1000.0 }.calibration(600, 13);
    let tail = calibration.tail.unwrap();
    let last = calibration.maxima[9];
    assert!(tail.is_good() && tail.score(8.0 / 601.0) < f64::from(last), "not that case: {tail:?}");
    let operating = [10.01, 9.0, 8.0].map(|reach| calibration.operating(reach / 601.0, 1000).unwrap());
    for one in &operating {
        assert_eq!((one.threshold, one.method, one.alarms), (last, Method::Counted, 10));
        assert_eq!(one.fpir_ci95, operating[0].fpir_ci95);
    }
    let rarer = calibration.operating(2.0 / 601.0, 1000).unwrap();
    assert!(rarer.threshold > last && rarer.method == Method::Tail);
}

/// Where the tail ends, or is said to, nobody was seen; that is no proof that nobody is there.
#[test]
fn no_score_is_rarer_than_can_be_told() {
    let calibration = Strangers192 { subjects: 1000.0 }.calibration(600, 1);
    for (subjects, times) in [(1000, 1.0), (5000, 5.0)] {
        let rarest = calibration.rarest(subjects);
        assert!((rarest / (times / 6000.0) - 1.0).abs() < 1e-3, "{rarest}");
        assert_eq!(calibration.false_alarm_rate(1.0, subjects), rarest);
        assert!(calibration.operating(rarest * 0.999, subjects).is_err());
    }
}

#[test]
fn scores_that_are_all_one_have_no_threshold_between_them() {
    let calibration = of(vec![0.5; 100], 10);
    let operating = calibration.operating(0.5, 10).unwrap();
    assert!(operating.threshold > 0.5 && operating.alarms == 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A rarer target never has a lower threshold, a larger gallery neither; intervals hold their target; and the rate of scores above a
    /// threshold is the target again.
    #[test]
    fn thresholds_rise_with_rarity_and_size(seed in 0u64..20, target in 0.002f64..0.3, times in 1u64..20) {
        let calibration = Strangers192 { subjects: 1000.0 }.calibration(600, seed);
        let one = calibration.operating(target, 1000).unwrap();
        prop_assert!(calibration.operating(target / 1.5, 1000).unwrap().threshold >= one.threshold);
        prop_assert!(one.fpir_ci95[0] <= target * 1.1 && one.fpir_ci95[1] >= target * 0.8, "{one:?}");
        if let Ok(larger) = calibration.operating(target, 1000 * times) {
            prop_assert!(larger.threshold >= one.threshold);
            prop_assert!(larger.fpir_ci95[0] <= larger.fpir_ci95[1]);
        }
        let [at, above] =
            [one.threshold, one.threshold.next_up()].map(|score| calibration.false_alarm_rate(score, 1000));
        prop_assert!(above <= target * 1.01 && above >= target * 0.4, "{above} for {target}");
        prop_assert!(at >= above);
    }

    /// A higher score is never the likelier false alarm.
    #[test]
    fn false_alarms_are_rarer_at_higher_scores(seed in 0u64..20, scores in prop::array::uniform2(0.3f32..0.9)) {
        let calibration = Strangers192 { subjects: 1000.0 }.calibration(600, seed);
        let [low, high] = [scores[0].min(scores[1]), scores[0].max(scores[1])];
        prop_assert!(calibration.false_alarm_rate(low, 1000) >= calibration.false_alarm_rate(high, 1000));
    }
}

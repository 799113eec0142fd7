//! Whether 95 % intervals hold the truth about 95 times in a hundred, with people who differ in how well they are
//! recognised and several photos of each. `GALLERIST_REPETITIONS` sets how often it is tried (40, and no fewer).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};

use super::super::*;

/// Photos of each subject.
const PHOTOS: usize = 4;
const SUBJECTS: u64 = 150;
const TARGET: f64 = 0.1;

/// Scores spread as much between subjects as between photos of one.
const SPREAD: f64 = 0.1;
const MATED: f64 = 0.6;
const NON_MATED: f64 = 0.3;

fn normal() -> Normal {
    Normal::new(0.0, 1.0).unwrap()
}

fn draw(rng: &mut ChaCha8Rng) -> f64 {
    normal().inverse_cdf(rng.random_range(1e-12..1.0))
}

fn scores(rng: &mut ChaCha8Rng, mean: f64) -> Vec<(u64, f32)> {
    let mut scores = Vec::new();
    for subject in 0..SUBJECTS {
        let own = mean + SPREAD * draw(rng);
        scores.extend((0..PHOTOS).map(|_| (subject, (own + SPREAD * draw(rng)) as f32)));
    }
    scores
}

fn sample(seed: u64) -> Searches {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mated = scores(&mut rng, MATED);
    let non_mated = scores(&mut rng, NON_MATED);
    Searches {
        subjects: SUBJECTS,
        templates: SUBJECTS,
        mated: mated
            .iter()
            .map(|(subject, s)| MatedSearch { subject: *subject, mate: Some((*s, 1)) })
            .collect(),
        non_mated: (non_mated.iter())
            .map(|(subject, s)| NonMatedSearch { subject: *subject, best: Some(*s) })
            .collect(),
        ..Searches::default()
    }
}

fn options() -> Options {
    Options { fpir_targets: vec![TARGET], fmr_targets: vec![TARGET], repetitions: 200, ..Options::default() }
}

fn tries() -> u64 {
    std::env::var("GALLERIST_REPETITIONS").ok().and_then(|value| value.parse().ok()).unwrap_or(40_u64).max(40)
}

#[test]
fn intervals_hold_the_true_rate_about_as_often_as_they_claim() {
    let spread = SPREAD * 2.0_f64.sqrt();
    let threshold = NON_MATED + spread * normal().inverse_cdf(1.0 - TARGET);
    let truth = normal().cdf((threshold - MATED) / spread);
    let tries = tries();
    let mut held = 0;
    let mut held_by_trials = 0;
    for seed in 0..tries {
        let mut searches = sample(seed);
        let fnir = |searches: &Searches| identification(searches, &options()).unwrap().points[0].fnir;
        let holds = |[low, high]: [f64; 2]| low <= truth && truth <= high;
        held += u64::from(holds(fnir(&searches).interval));
        // The same as if every photo were of somebody else.
        (0..).zip(&mut searches.mated).for_each(|(i, search)| search.subject = i);
        (0..).zip(&mut searches.non_mated).for_each(|(i, search)| search.subject = i);
        held_by_trials += u64::from(holds(fnir(&searches).interval));
    }
    check(held, tries);
    assert!(held_by_trials < held, "photos of one person are not independent");
}

/// Intervals of so few subjects hold the truth a little less often than they claim, those of pairs a little more
/// often; 90 % to 99.5 % are allowed. A number that such intervals give less than once in ten thousand is not.
fn check(held: u64, tries: u64) {
    let few = Binomial::new(0.90, tries).unwrap().cdf(held);
    let many = Binomial::new(0.995, tries).unwrap().sf(held.saturating_sub(1));
    assert!(few > 1e-4 && many > 1e-4, "{held} of {tries}");
}

/// Every subject of a round is compared with itself and with the next five, and has its own way with both.
#[test]
fn intervals_of_pairs_hold_the_true_rate_too() {
    let spread = SPREAD * 2.0_f64.sqrt();
    let threshold = NON_MATED + SPREAD * 3.0_f64.sqrt() * normal().inverse_cdf(1.0 - TARGET);
    let truth = normal().cdf((threshold - MATED) / spread);
    let holds = |seed: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let own: Vec<f64> = (0..SUBJECTS).map(|_| SPREAD * draw(&mut rng)).collect();
        let mut pairs = Vec::new();
        for (a, subject) in (0..).zip(&own) {
            let mut score = |mean: f64| Some((mean + SPREAD * draw(&mut rng)) as f32);
            pairs.push(Comparison { a, b: a, score: score(MATED + subject) });
            pairs.extend((1..=5).map(|step| {
                let b = (a + step) % SUBJECTS;
                Comparison { a, b, score: score(NON_MATED + subject + own[b as usize]) }
            }));
        }
        let [low, high] = verification(&pairs, &options()).unwrap().points[0].fnmr.interval;
        low <= truth && truth <= high
    };
    check((0..tries()).filter(|seed| holds(*seed)).count() as u64, tries());
}

#[test]
fn photos_of_the_same_people_prove_no_more() {
    let once = sample(1);
    let mut thrice = once.clone();
    thrice.mated = once.mated.iter().flat_map(|search| [*search; 3]).collect();
    thrice.non_mated = once.non_mated.iter().flat_map(|search| [*search; 3]).collect();
    let [once, thrice] = [once, thrice].map(|searches| identification(&searches, &options()).unwrap());
    assert_eq!(once.points[0].fnir.interval, thrice.points[0].fnir.interval);
    assert_eq!(once.points[0].fpir.interval, thrice.points[0].fpir.interval);
    let intervals = |result: &Identification| -> Vec<[f64; 2]> {
        result.det.iter().map(|point| point.interval).collect()
    };
    assert_eq!(intervals(&once), intervals(&thrice));
}

/// Subject 0 is taken for everybody else, who are never taken for each other: drawn or not, it moves FMR.
#[test]
fn a_pair_counts_with_both_its_subjects() {
    let interval = |swap: bool| {
        let mated = (0..30).map(|a| Comparison { a, b: a, score: Some(0.9) });
        let non_mated = (0..30).flat_map(|a| {
            (a + 1..30).map(move |b| {
                let score = Some(if a == 0 { 0.5 } else { 0.1 });
                if swap { Comparison { a: b, b: a, score } } else { Comparison { a, b, score } }
            })
        });
        let pairs: Vec<Comparison> = mated.chain(non_mated).collect();
        verification(&pairs, &options()).unwrap().points[0].fmr.interval
    };
    assert_eq!(interval(false), interval(true));
    assert!(interval(false)[0] == 0.0 && interval(false)[1] > 0.15, "{:?}", interval(false));
}

#[test]
fn the_same_input_gives_the_same_output_on_any_number_of_threads() {
    let searches = sample(7);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| identification(&searches, &options()).unwrap())
    };
    let one = on(1);
    assert_eq!(one, on(3));
    let other = identification(&searches, &Options { seed: 2, ..options() }).unwrap();
    assert_ne!(one, other);
    assert_eq!(one.points[0].fnir.value, other.points[0].fnir.value);
}

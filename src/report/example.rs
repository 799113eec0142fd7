//! Reports for tests: a realistic one, and unusual ones.

use super::{Report, Setting};
use crate::evaluation::*;

/// The share of a normal distribution above `score`.
fn above(score: f64, mean: f64, deviation: f64) -> f64 {
    // Abramowitz and Stegun 26.2.17.
    let z = (score - mean) / deviation;
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let terms = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let tail = (sum * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()).clamp(0.0, 1.0);
    if z >= 0.0 { tail } else { 1.0 - tail }
}

fn rate(share: f64, trials: u64) -> Rate {
    let errors = (share * trials as f64).round() as u64;
    let value = errors as f64 / trials as f64;
    let spread = 2.4 * (value * (1.0 - value) / trials as f64).sqrt().max(0.6 / trials as f64);
    Rate { value, interval: [(value - spread).max(0.0), (value + spread).min(1.0)], errors, trials }
}

fn histogram(shares: impl Fn(f64) -> [f64; 2]) -> Histogram {
    let [start, width] = [-0.4, 0.02];
    let bin = |index: u32| {
        let [low, high] = [0, 1].map(|end| shares(start + width * f64::from(index + end)));
        [0, 1].map(|kind| {
            let share: f64 = low[kind] - high[kind];
            if share > 1e-4 { share } else { 0.0 }
        })
    };
    let bins: Vec<[f64; 2]> = (0..70).map(bin).collect();
    let of = |kind: usize| bins.iter().map(|bin| bin[kind]).collect();
    Histogram { start, width, mated: of(0), non_mated: of(1) }
}

/// A DET curve from the highest threshold to the lowest, with rates that are counts of trials.
fn det(shares: impl Fn(f64) -> [f64; 2], mated: u64, non_mated: u64) -> Vec<DetPoint> {
    let point = |index: u32| {
        let threshold = 0.75 - 0.005 * f64::from(index);
        let [mate, other] = shares(threshold);
        let miss = rate(1.0 - mate, mated);
        DetPoint {
            threshold: threshold as f32,
            false_positive: rate(other, non_mated).value,
            false_negative: miss.value,
            interval: miss.interval,
        }
    };
    (0..180).map(point).collect()
}

/// The highest of a few thresholds with at most this many false alarms.
fn threshold(target: f64, false_alarms: impl Fn(f64) -> f64) -> f64 {
    (-400..1000)
        .map(|step| f64::from(step) * 0.001)
        .find(|score| false_alarms(*score) <= target)
        .unwrap_or(1.0)
}

/// Score distributions of a search among `subjects`: mates, and the best non-mated score.
fn searched(score: f64, subjects: f64) -> [f64; 2] {
    let one = above(score, 0.02, 0.085);
    [0.995 * above(score, 0.58, 0.13), 1.0 - (1.0 - one).powf(subjects)]
}

fn growth(target_fpir: f64, threshold: f64) -> FpirBySize {
    let whole = searched(threshold, 10_000.0)[1];
    let point = |(subjects, bend): (u64, f64)| SizePoint {
        subjects,
        fpir: rate(bend * searched(threshold, subjects as f64)[1], 5_000),
        predicted: 1.0 - (1.0 - whole).powf(subjects as f64 / 10_000.0),
    };
    let points = [(1_000, 1.5), (2_000, 1.2), (4_000, 0.9), (7_000, 1.05), (10_000, 1.0)].map(point).to_vec();
    FpirBySize { threshold: threshold as f32, target_fpir, points }
}

fn identification() -> Identification {
    let points: Vec<OperatingPoint> = [0.001, 0.01, 0.1]
        .map(|target_fpir| {
            let threshold = threshold(target_fpir, |score| searched(score, 10_000.0)[1]);
            let [mate, other] = searched(threshold, 10_000.0);
            OperatingPoint {
                target_fpir,
                threshold: threshold as f32,
                fpir: rate(other, 5_000),
                fnir: rate(1.0 - mate, 2_000),
                fnir_rank_1: rate(1.001 - mate, 2_000),
                few: target_fpir < 0.002,
            }
        })
        .to_vec();
    let cmc = (1..=100)
        .map(|rank| {
            let failed = rate(0.012 + 0.045 * f64::from(rank).powf(-0.8), 2_000);
            let [low, high] = failed.interval;
            let identified = Rate { value: 1.0 - failed.value, interval: [1.0 - high, 1.0 - low], ..failed };
            CmcPoint { rank, identified }
        })
        .collect();
    Identification {
        subjects: 10_000,
        templates: 23_511,
        mated: [2_000, 812],
        non_mated: [5_000, 2_140],
        failed_to_acquire: [10, 31],
        growth: points.iter().map(|point| growth(point.target_fpir, f64::from(point.threshold))).collect(),
        points,
        det: det(|score| searched(score, 10_000.0), 2_000, 5_000),
        cmc,
        histogram: histogram(|score| searched(score, 10_000.0)),
    }
}

fn verification() -> Verification {
    let compared = |score: f64| [0.999 * above(score, 0.58, 0.13), above(score, 0.02, 0.085)];
    let point = |target_fmr: f64| {
        let threshold = threshold(target_fmr, |score| compared(score)[1]);
        let [mate, other] = compared(threshold);
        let (fmr, fnmr) = (rate(other, 300_000), rate(1.0 - mate, 3_000));
        VerificationPoint { target_fmr, threshold: threshold as f32, fmr, fnmr, few: target_fmr < 5e-5 }
    };
    Verification {
        pairs: [3_000, 300_000],
        subjects: 1_500,
        failed_to_acquire: [6, 410],
        accuracy: Rate { value: 0.9912, interval: [0.9883, 0.9934], errors: 2_666, trials: 303_000 },
        accuracy_threshold: 0.2471,
        eer: rate(0.0087, 3_000),
        eer_threshold: 0.2215,
        points: [1e-5, 1e-4, 1e-3, 1e-2].map(point).to_vec(),
        det: det(compared, 3_000, 300_000),
        histogram: histogram(compared),
    }
}

/// A report with realistic numbers and all sections.
pub fn example() -> Report {
    Report {
        setting: Setting {
            title: "Parliament photos, 10,000 people".into(),
            model: "mobilefacenet-512".into(),
            fingerprint: "3f9ac2e17b5d4c08a1b2c3d4e5f60718".into(),
            fusion: "best template of each subject".into(),
            search: "exact: every template is scored".into(),
            command: "gallerist evaluate --gallery members --probes probes.csv --pairs pairs.csv --seed 7"
                .into(),
            seed: 7,
            repetitions: 1_000,
            date: "2025-03-14".into(),
            version: "0.4.0".into(),
        },
        warnings: vec![
            "FPIR 0.1 % is based on 5 false alarms; its threshold is uncertain.".into(),
            "Two non-mated probes score above 0.8: they may show people who are in the gallery.".into(),
        ],
        identification: Some(identification()),
        verification: Some(verification()),
    }
}

/// Unusual reports: no errors, only errors, few probes, missing parts, values that are not numbers.
pub fn odd() -> Vec<(&'static str, Report)> {
    let changed = |change: &dyn Fn(&mut Report)| {
        let mut report = example();
        change(&mut report);
        report
    };
    let identified = |change: &dyn Fn(&mut Identification)| {
        changed(&|report| {
            report.verification = None;
            change(report.identification.as_mut().unwrap());
        })
    };
    vec![
        ("example", example()),
        ("identification only", identified(&|_| {})),
        ("verification only", changed(&|report| report.identification = None)),
        ("nothing", changed(&|report| (report.identification, report.verification) = (None, None))),
        ("hostile", changed(&|report| hostile(&mut report.setting))),
        ("no errors", identified(&|all| everywhere(all, 0.0, 2_000))),
        ("only errors", identified(&|all| everywhere(all, 1.0, 2_000))),
        ("three probes", identified(&three_probes)),
        ("one point", identified(&one_point)),
        ("empty growth", identified(&|all| all.growth.clear())),
        ("nothing in it", identified(&empty)),
        ("near thresholds", identified(&near)),
        ("not numbers", changed(&not_numbers)),
    ]
}

/// Text that would end any element if it were not escaped.
pub const HOSTILE: &str = "</title></style><script>alert(\"1\")</script>&'\u{1b}";

fn hostile(setting: &mut Setting) {
    for text in [
        &mut setting.title,
        &mut setting.model,
        &mut setting.fingerprint,
        &mut setting.fusion,
        &mut setting.search,
        &mut setting.command,
        &mut setting.date,
        &mut setting.version,
    ] {
        *text = format!("{HOSTILE}{}", "long".repeat(60));
    }
}

fn everywhere(all: &mut Identification, share: f64, trials: u64) {
    let rate = rate(share, trials);
    for point in &mut all.points {
        (point.fpir, point.fnir, point.fnir_rank_1) = (rate, rate, rate);
    }
    for point in &mut all.det {
        (point.false_positive, point.false_negative, point.interval) = (share, share, rate.interval);
    }
    let identified = self::rate(1.0 - share, trials);
    all.cmc.iter_mut().for_each(|point| point.identified = identified);
    for point in all.growth.iter_mut().flat_map(|growth| &mut growth.points) {
        (point.fpir, point.predicted) = (rate, share);
    }
}

fn three_probes(all: &mut Identification) {
    let third = rate(1.0 / 3.0, 3);
    (all.subjects, all.templates, all.mated, all.non_mated) = (3, 3, [3, 3], [3, 3]);
    everywhere(all, 1.0 / 3.0, 3);
    all.points[1].fpir = rate(0.0, 3);
    all.points[2].fnir = rate(0.0, 3);
    all.cmc.truncate(3);
    all.det.truncate(3);
    (all.det[0].false_positive, all.det[2].false_negative) = (0.0, 0.0);
    all.growth.truncate(1);
    all.growth[0].points.truncate(1);
    all.growth[0].points[0] = SizePoint { subjects: 3, fpir: third, predicted: third.value };
}

fn one_point(all: &mut Identification) {
    all.points.truncate(1);
    all.det = vec![all.det[90]];
    all.cmc.truncate(1);
    all.growth.iter_mut().for_each(|growth| growth.points.truncate(1));
    (all.histogram.mated, all.histogram.non_mated) = (vec![1.0], vec![]);
}

fn empty(all: &mut Identification) {
    (all.mated, all.non_mated) = ([0, 0], [0, 0]);
    all.points.clear();
    all.det.clear();
    all.cmc.clear();
    all.growth.clear();
    all.histogram = Histogram { start: 0.0, width: 0.0, mated: vec![], non_mated: vec![] };
}

fn near(all: &mut Identification) {
    let point = all.points[1];
    all.points = (0..9)
        .map(|index| OperatingPoint {
            target_fpir: 0.01 + 0.001 * f64::from(index),
            threshold: point.threshold - 0.001 * index as f32,
            ..point
        })
        .collect();
}

fn not_numbers(report: &mut Report) {
    let none = Rate { value: f64::NAN, interval: [f64::NEG_INFINITY, f64::INFINITY], errors: 0, trials: 0 };
    let all = report.identification.as_mut().unwrap();
    (all.points[0].fpir, all.points[0].fnir, all.points[0].threshold) = (none, none, f32::INFINITY);
    (all.det[70].false_negative, all.det[71].interval) = (f64::NAN, [f64::NAN, f64::INFINITY]);
    all.cmc[3].identified = none;
    (all.growth[0].points[1].fpir, all.growth[0].points[2].predicted) = (none, f64::NAN);
    all.growth[1].points[1].fpir.interval = none.interval;
    (all.histogram.mated[3], all.histogram.non_mated[4]) = (f64::NAN, f64::INFINITY);
    let pairs = report.verification.as_mut().unwrap();
    (pairs.accuracy, pairs.eer, pairs.eer_threshold) = (none, none, f32::NAN);
    (pairs.points[0].fmr, pairs.points[0].threshold) = (none, f32::NEG_INFINITY);
    pairs.histogram.width = f64::NAN;
}

//! The results of an evaluation: the numbers behind every table, curve and page, and warnings where the sample is too small for them.
//! Rates are shares from 0 to 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tradeoff::ENOUGH;

/// A rate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// The observed share.
    pub value: f64,
    /// Lower and upper end of the 95 % interval, by subject-level bootstrap. Where nothing or everything failed the bootstrap cannot
    /// vary and the exact binomial interval joins in, over subjects rather than trials (over pairs for non-mated pairs).
    pub interval: [f64; 2],
    /// Failures counted, also where `value` is a share of successes (accuracy, CMC).
    pub errors: u64,
    /// Trials.
    pub trials: u64,
}

/// One line of the table FNIR at FPIR.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatingPoint {
    /// The FPIR aimed at.
    pub target_fpir: f64,
    /// The lowest threshold at which the observed FPIR is at most the target.
    pub threshold: f32,
    /// Share of non-mated searches with a false alarm there.
    pub fpir: Rate,
    /// Share of mated searches that miss there, at any rank (R = N).
    pub fnir: Rate,
    /// The same where the mate must also be first (R = 1).
    pub fnir_rank_1: Rate,
    /// Whether the target rests on fewer than ten false alarms.
    pub few: bool,
}

/// A point of a detection error trade-off curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DetPoint {
    /// Threshold.
    pub threshold: f32,
    /// False alarms: FPIR, or FMR.
    pub false_positive: f64,
    /// Misses: FNIR at any rank, or FNMR. There is one point for each rate of false alarms: the threshold with the fewest misses.
    pub false_negative: f64,
    /// 95 % interval of the misses at this rate of false alarms.
    pub interval: [f64; 2],
}

/// A point of the cumulative match characteristic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CmcPoint {
    /// Rank R.
    pub rank: u32,
    /// Share of mated searches whose mate is among the first R, whatever its score: 1 - FNIR(N, R, 0).
    pub identified: Rate,
}

/// FPIR at a fixed threshold in parts of the gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FpirBySize {
    /// The threshold: that of an operating point in the whole gallery.
    pub threshold: f32,
    /// FPIR aimed at in the whole gallery.
    pub target_fpir: f64,
    /// One a part, smallest first, the whole gallery last.
    pub points: Vec<SizePoint>,
}

/// One size of a gallery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SizePoint {
    /// Subjects.
    pub subjects: u64,
    /// Observed there.
    pub fpir: Rate,
    /// What the whole gallery's rate predicts, were searches of parts independent: 1 - (1 - FPIR)^(n / N).
    pub predicted: f64,
}

/// Scores in equal bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Histogram {
    /// Lowest score of the first bin.
    pub start: f64,
    /// Width of a bin.
    pub width: f64,
    /// Share of the mated scores in each bin.
    pub mated: Vec<f64>,
    /// Share of the non-mated scores in each bin (identification: best scores of searches).
    pub non_mated: Vec<f64>,
}

/// Identification (1:N).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Identification {
    /// Subjects in the gallery (N).
    pub subjects: u64,
    /// Templates in the gallery.
    pub templates: u64,
    /// Mated searches, and how many subjects they are of.
    pub mated: [u64; 2],
    /// Non-mated searches, and how many subjects they are of.
    pub non_mated: [u64; 2],
    /// Photos without a usable face among the mated and the non-mated probes.
    pub failed_to_acquire: [u64; 2],
    /// Operating points, in the order asked for.
    pub points: Vec<OperatingPoint>,
    /// From the highest threshold to the lowest; at most about 500 points.
    pub det: Vec<DetPoint>,
    /// Ranks 1, 2, ... up to the last known one.
    pub cmc: Vec<CmcPoint>,
    /// FPIR in parts of the gallery, for each operating point that rests on enough.
    pub growth: Vec<FpirBySize>,
    /// Mate scores, and best scores of non-mated searches.
    pub histogram: Histogram,
}

/// One line of the table TAR at FMR.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VerificationPoint {
    /// The FMR (FAR) aimed at.
    pub target_fmr: f64,
    /// The lowest threshold at which the observed FMR is at most the target.
    pub threshold: f32,
    /// Share of non-mated pairs at or above it.
    pub fmr: Rate,
    /// Share of mated pairs below it; TAR is 1 - FNMR.
    pub fnmr: Rate,
    /// Whether the target rests on fewer than ten false matches.
    pub few: bool,
}

/// Verification (1:1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Mated and non-mated pairs.
    pub pairs: [u64; 2],
    /// Subjects that appear in them.
    pub subjects: u64,
    /// Pairs of which one photo has no usable face: mated, non-mated. They count as no match.
    pub failed_to_acquire: [u64; 2],
    /// Highest share of pairs judged rightly by one threshold, and that threshold. Chosen on the same pairs, so slightly optimistic.
    pub accuracy: Rate,
    /// That threshold.
    pub accuracy_threshold: f32,
    /// Rate at which FMR and FNMR are equal, interpolated where equal scores of both classes jump over it. Its errors are those of both kinds
    /// at `eer_threshold`, of all pairs.
    pub eer: Rate,
    /// The threshold at which FMR and FNMR differ least.
    pub eer_threshold: f32,
    /// TAR at FMR.
    pub points: Vec<VerificationPoint>,
    /// From the highest threshold to the lowest; at most about 500 points.
    pub det: Vec<DetPoint>,
    /// Scores of mated and non-mated pairs.
    pub histogram: Histogram,
}

/// Fewer trials of a class than this are called few: one of them moves a rate by more than a percentage point.
const FEW_TRIALS: u64 = 100;

/// Fewer subjects than this are called few: an interval by bootstrap is too narrow then (coverage of a few
/// dozen clusters is a common rule of thumb, not a law).
const FEW_SUBJECTS: u64 = 30;

impl Identification {
    /// Where the sample is too small for what is said of it, in plain words; empty if nowhere.
    pub fn warnings(&self) -> Vec<String> {
        let classes =
            [("mated searches", "FNIR", self.mated), ("non-mated searches", "FPIR", self.non_mated)];
        let mut warnings = Vec::new();
        for (what, rate, [searches, subjects]) in classes {
            warnings.extend(few_trials(what, rate, searches));
            warnings.extend(few_subjects(what, subjects));
        }
        let [mated, non_mated] = self.failed_to_acquire;
        warnings.extend(missing(mated, self.mated[0], "mated probe", "misses"));
        warnings.extend(missing(
            non_mated,
            self.non_mated[0],
            "non-mated probe",
            "searches without a false alarm, which flatters FPIR",
        ));
        let points = self.points.iter();
        warnings.extend(points.filter_map(|p| few_alarms("FPIR", p.target_fpir, &p.fpir, "false alarm")));
        warnings
    }
}

impl Verification {
    /// Where the sample is too small for what is said of it, in plain words; empty if nowhere.
    pub fn warnings(&self) -> Vec<String> {
        let [mated, non_mated] = self.pairs;
        let mut warnings = Vec::new();
        warnings.extend(few_trials("mated pairs", "FNMR", mated));
        warnings.extend(few_trials("non-mated pairs", "FMR", non_mated));
        warnings.extend(few_subjects("pairs", self.subjects));
        let [without_mated, without_non_mated] = self.failed_to_acquire;
        warnings.extend(missing(without_mated, mated, "mated pair", "misses"));
        warnings.extend(missing(
            without_non_mated,
            non_mated,
            "non-mated pair",
            "rightly refused, which flatters FMR",
        ));
        let points = self.points.iter();
        warnings.extend(points.filter_map(|p| few_alarms("FMR", p.target_fmr, &p.fmr, "false match")));
        warnings
    }
}

fn few_trials(what: &str, rate: &str, trials: u64) -> Option<String> {
    let step = 100.0 / trials as f64;
    (trials < FEW_TRIALS)
        .then(|| format!("only {trials} {what}: each one moves {rate} by {step:.1} percentage points"))
}

fn few_subjects(what: &str, subjects: u64) -> Option<String> {
    (subjects < FEW_SUBJECTS).then(|| {
        let people = if subjects == 1 { "person" } else { "people" };
        format!("the {what} are of only {subjects} {people}: intervals are likely too narrow")
    })
}

fn missing(without_face: u64, trials: u64, what: &str, counted: &str) -> Option<String> {
    let plural = if trials == 1 { "" } else { "s" };
    (without_face > 0).then(|| {
        format!("{without_face} of {trials} {what}{plural} without a usable face: counted as {counted}")
    })
}

/// A warning if a target rests on few false alarms.
fn few_alarms(name: &str, target: f64, rate: &Rate, alarm: &str) -> Option<String> {
    let (alarms, trials) = (rate.errors, rate.trials);
    // A hair less than needed is enough: 1 / 0.001 is not quite 1,000.
    let needed = |alarms: u64| (alarms as f64 / target - 1e-6).ceil();
    if target < 1.0 / trials as f64 {
        return Some(format!(
            "{name} {target} cannot be observed with {trials} trials: that takes {} at least, and {} for {ENOUGH} \
             {alarm}{}; the threshold lies just above the highest score seen",
            needed(1),
            needed(ENOUGH),
            plural(alarm),
        ));
    }
    let end = if alarms == 1 { "" } else { plural(alarm) };
    (alarms < ENOUGH).then(|| {
        format!(
            "{name} {target} rests on {alarms} {alarm}{end} of {trials} trials: about {} are needed for {ENOUGH}",
            needed(ENOUGH)
        )
    })
}

fn plural(noun: &str) -> &'static str {
    if noun.ends_with("ch") { "es" } else { "s" }
}

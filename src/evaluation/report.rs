//! What an evaluation says: the numbers behind every table, curve and page. Rates are shares from 0 to 1.

use serde::Serialize;

/// A rate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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

/// What was evaluated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// A line for people.
    pub title: String,
    /// Name of the model.
    pub model: String,
    /// Its fingerprint; empty for templates made elsewhere.
    pub fingerprint: String,
    /// How a subject's templates are made one score.
    pub fusion: String,
    /// How the gallery was searched.
    pub search: String,
    /// The command line.
    pub command: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Bootstrap repetitions.
    pub repetitions: u32,
    /// Date, `YYYY-MM-DD`, UTC.
    pub date: String,
    /// Version of the program.
    pub version: String,
}

/// One line of the table FNIR at FPIR.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CmcPoint {
    /// Rank R.
    pub rank: u32,
    /// Share of mated searches whose mate is among the first R, whatever its score: 1 - FNIR(N, R, 0).
    pub identified: Rate,
}

/// FPIR at a fixed threshold in parts of the gallery.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Growth {
    /// The threshold: that of an operating point in the whole gallery.
    pub threshold: f32,
    /// FPIR aimed at in the whole gallery.
    pub target_fpir: f64,
    /// One a part, smallest first, the whole gallery last.
    pub points: Vec<GrowthPoint>,
}

/// One size of a gallery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GrowthPoint {
    /// Subjects.
    pub subjects: u64,
    /// Observed there.
    pub fpir: Rate,
    /// What the whole gallery's rate predicts, were searches of parts independent: 1 - (1 - FPIR)^(n / N).
    pub predicted: f64,
}

/// Scores in equal bins.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// Ranks 1, 2, ... as far as is known.
    pub cmc: Vec<CmcPoint>,
    /// FPIR in parts of the gallery, for each operating point that rests on enough.
    pub growth: Vec<Growth>,
    /// Mate scores, and best scores of non-mated searches.
    pub histogram: Histogram,
}

/// One line of the table TAR at FMR.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Mated and non-mated pairs.
    pub pairs: [u64; 2],
    /// Subjects that appear in them.
    pub subjects: u64,
    /// Pairs of which one photo has no usable face: mated, non-mated. They count as no match.
    pub failed_to_acquire: [u64; 2],
    /// Highest share of pairs judged rightly by one threshold, and that threshold. Chosen on the same pairs, so a little flattering.
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

/// A whole evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was evaluated, and how.
    pub setting: Setting,
    /// What a reader has to know before believing a number: few probes, few false alarms, suspected mates among the strangers.
    pub warnings: Vec<String>,
    /// 1:N.
    pub identification: Option<Identification>,
    /// 1:1.
    pub verification: Option<Verification>,
}

//! What a reader has to know before believing a number.

use super::report::{Identification, Rate, Verification};
use super::tradeoff::ENOUGH;

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

/// What a target rests on, if that is little.
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

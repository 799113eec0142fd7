//! The main numbers of a report, and rates as sentences, such as "Of 100 mated probes, about 8 are missed."

use crate::evaluation::{Identification, OperatingPoint, Rate, Verification, VerificationPoint};
use crate::number::{aim, count, interval, percent, score};
use crate::report::Report;

pub(super) const MISSED: Wording = Wording { people: "mated probes", trials: "mated probes", done: "missed" };
const NAMED: Wording =
    Wording { people: "non-mated probes", trials: "non-mated probes", done: "matched to a subject" };
const FIRST: Wording =
    Wording { people: MISSED.people, trials: MISSED.trials, done: "first in the list of candidates" };
const RECOGNISED: Wording = Wording { people: "mated pairs", trials: "mated pairs", done: "matched" };
const CONFUSED: Wording = Wording { people: "non-mated pairs", trials: "non-mated pairs", done: "matched" };

/// The tiles. A sentence if nothing was measured.
pub fn section(report: &Report) -> String {
    let mut tiles = report.identification.as_ref().map_or_else(Vec::new, identification);
    tiles.extend(report.verification.as_ref().map_or_else(Vec::new, verification));
    if tiles.is_empty() {
        return "<p class=\"lede\">Nothing was measured.</p>\n".to_owned();
    }
    format!("<section class=\"tiles\" aria-label=\"In short\">\n{}</section>\n", tiles.concat())
}

fn identification(identification: &Identification) -> Vec<String> {
    let mut tiles = Vec::new();
    if let Some(point) = headline(&identification.points) {
        let name = format!("Missed, at FPIR {}", aim(point.target_fpir));
        let detail = format!("95\u{a0}% interval {}", interval(point.fnir.interval));
        let words = format!("{} {}", MISSED.sentence(&point.fnir), NAMED.sentence(&point.fpir));
        tiles.push(tile(&name, &format!("FNIR {}", percent(point.fnir.value)), &detail, &words));
    }
    if let Some(first) = identification.cmc.first().filter(|point| point.rank == 1) {
        let detail = format!("95\u{a0}% interval {}", interval(first.identified.interval));
        let words = format!("{} No threshold is applied here.", FIRST.sentence(&first.identified));
        tiles.push(tile("Mate at rank 1", &percent(first.identified.value), &detail, &words));
    }
    tiles
}

fn verification(verification: &Verification) -> Vec<String> {
    let mut tiles = Vec::new();
    if let Some(point) = strictest(&verification.points) {
        let name = format!("Matched, at FMR {}", aim(point.target_fmr));
        let accepted = accepted(&point.fnmr);
        let detail = format!("95\u{a0}% interval {}", interval(accepted.interval));
        let words = format!("{} {}", RECOGNISED.sentence(&accepted), CONFUSED.sentence(&point.fmr));
        tiles.push(tile(&name, &format!("TAR {}", percent(accepted.value)), &detail, &words));
    }
    let eer = verification.eer;
    let detail = format!("95\u{a0}% interval {}", interval(eer.interval));
    let words = format!(
        "At the threshold {} the share of mated pairs that do not match equals the share of non-mated pairs that match.",
        score(verification.eer_threshold)
    );
    tiles.push(tile("Both errors equal", &format!("EER {}", percent(eer.value)), &detail, &words));
    tiles
}

/// TAR from FNMR.
pub(super) fn accepted(fnmr: &Rate) -> Rate {
    let [low, high] = fnmr.interval;
    let errors = fnmr.trials.saturating_sub(fnmr.errors);
    Rate { value: 1.0 - fnmr.value, interval: [1.0 - high, 1.0 - low], errors, trials: fnmr.trials }
}

/// The point at 1 %, otherwise the first with enough errors.
fn headline(points: &[OperatingPoint]) -> Option<&OperatingPoint> {
    let usual = points.iter().find(|point| (point.target_fpir - 0.01).abs() < 1e-9);
    usual.or_else(|| points.iter().find(|point| !point.few)).or_else(|| points.first())
}

/// The point at 0.1 %, otherwise the first with enough errors.
fn strictest(points: &[VerificationPoint]) -> Option<&VerificationPoint> {
    let usual = points.iter().find(|point| (point.target_fmr - 0.001).abs() < 1e-9);
    usual.or_else(|| points.iter().find(|point| !point.few)).or_else(|| points.first())
}

fn tile(name: &str, number: &str, detail: &str, words: &str) -> String {
    format!(
        "<div class=\"tile\">\n<h2>{name}</h2>\n<p class=\"number\">{number}</p>\n<p class=\"detail\">{detail}</p>\n<p>{words}</p>\n</div>\n"
    )
}

/// The subject of a rate and what is counted.
pub struct Wording {
    /// "mated probes".
    pub people: &'static str,
    /// The counted trials.
    pub trials: &'static str,
    /// "missed".
    pub done: &'static str,
}

/// For fewer trials the sentence states the counts.
const FEW: u64 = 100;

impl Wording {
    /// A sentence: "Of 100 mated probes, about 8 are missed."
    pub fn sentence(&self, rate: &Rate) -> String {
        let Self { people, trials, done } = self;
        if !rate.value.is_finite() {
            return format!("How many {people} are {done} is not known.");
        }
        let whole = rate.value <= 0.0 || rate.value >= 1.0;
        if rate.trials < FEW || whole {
            let happened = (rate.value * rate.trials as f64).round() as u64;
            let of = count(rate.trials);
            return match (happened, rate.trials) {
                (_, 0) => format!("No {trials} were tried."),
                (0, 1) => format!("The only one of the {trials} was not {done}."),
                (1, 1) => format!("The only one of the {trials} was {done}."),
                (0, _) => format!("Of the {of} {trials}, none was {done}."),
                (n, all) if n >= all => format!("Of the {of} {trials}, all were {done}."),
                (1, _) => format!("Of the {of} {trials}, 1 was {done}."),
                (n, _) => format!("Of the {of} {trials}, {} were {done}.", count(n)),
            };
        }
        let (happens, of) = out_of(rate.value);
        let are = if happens == 1 { "is" } else { "are" };
        format!("Of {} {people}, about {} {are} {done}.", count(of), count(happens))
    }
}

/// The smallest of 100, 1,000, ... for which the sentence says neither none nor all.
fn out_of(share: f64) -> (u64, u64) {
    let mut of = 100_u64;
    while of < 1_000_000_000 && share.min(1.0 - share) * (of as f64) < 0.95 {
        of *= 10;
    }
    ((share * of as f64).round() as u64, of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(errors: u64, trials: u64) -> String {
        let wording =
            Wording { people: "non-mated probes", trials: "non-mated probes", done: "matched to a subject" };
        let value = errors as f64 / trials as f64;
        wording.sentence(&Rate { value, interval: [0.0, 1.0], errors, trials })
    }

    #[test]
    fn rates_become_sentences() {
        assert_eq!(said(84, 1000), "Of 100 non-mated probes, about 8 are matched to a subject.");
        assert_eq!(said(10, 1000), "Of 100 non-mated probes, about 1 is matched to a subject.");
        assert_eq!(said(1, 2000), "Of 10,000 non-mated probes, about 5 are matched to a subject.");
        assert_eq!(said(9_996, 10_000), "Of 10,000 non-mated probes, about 9,996 are matched to a subject.");
        assert_eq!(said(0, 2000), "Of the 2,000 non-mated probes, none was matched to a subject.");
        assert_eq!(said(2000, 2000), "Of the 2,000 non-mated probes, all were matched to a subject.");
    }

    #[test]
    fn few_trials_are_stated_as_counts() {
        assert_eq!(said(1, 3), "Of the 3 non-mated probes, 1 was matched to a subject.");
        assert_eq!(said(2, 3), "Of the 3 non-mated probes, 2 were matched to a subject.");
        assert_eq!(said(1, 1), "The only one of the non-mated probes was matched to a subject.");
        assert_eq!(said(0, 0), "How many non-mated probes are matched to a subject is not known.");
    }
}

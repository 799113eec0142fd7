//! The main numbers of a report, and rates as sentences: how many of a hundred people.

use crate::evaluation::{Identification, OperatingPoint, Rate, Verification, VerificationPoint};
use crate::number::{aim, count, interval, percent, score};
use crate::report::Report;

pub(super) const MISSED: Fate = Fate {
    people: "people who are in the gallery",
    trials: "photos of people who are in the gallery",
    done: "missed",
};
const NAMED: Fate = Fate { people: "strangers", trials: "photos of strangers", done: "named" };
const FIRST: Fate =
    Fate { people: MISSED.people, trials: MISSED.trials, done: "first in the list of candidates" };
const RECOGNISED: Fate =
    Fate { people: "pairs of one person", trials: "pairs of one person", done: "recognised" };
const CONFUSED: Fate =
    Fate { people: "pairs of strangers", trials: "pairs of strangers", done: "taken for one person" };

/// The tiles; nothing if there is nothing to say.
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
        tiles.push(tile("Right person first", &percent(first.identified.value), &detail, &words));
    }
    tiles
}

fn verification(verification: &Verification) -> Vec<String> {
    let mut tiles = Vec::new();
    if let Some(point) = strictest(&verification.points) {
        let name = format!("Recognised, at FMR {}", aim(point.target_fmr));
        let accepted = accepted(&point.fnmr);
        let detail = format!("95\u{a0}% interval {}", interval(accepted.interval));
        let words = format!("{} {}", RECOGNISED.sentence(&accepted), CONFUSED.sentence(&point.fmr));
        tiles.push(tile(&name, &format!("TAR {}", percent(accepted.value)), &detail, &words));
    }
    let eer = verification.eer;
    let detail = format!("95\u{a0}% interval {}", interval(eer.interval));
    let words = format!(
        "At the threshold {} as many pairs of one person are missed as pairs of strangers are taken for one person.",
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

/// The point at 1 %, else the first that rests on enough errors.
fn headline(points: &[OperatingPoint]) -> Option<&OperatingPoint> {
    let usual = points.iter().find(|point| (point.target_fpir - 0.01).abs() < 1e-9);
    usual.or_else(|| points.iter().find(|point| !point.few)).or_else(|| points.first())
}

/// The point at 0.1 %, else the first that rests on enough errors.
fn strictest(points: &[VerificationPoint]) -> Option<&VerificationPoint> {
    let usual = points.iter().find(|point| (point.target_fmr - 0.001).abs() < 1e-9);
    usual.or_else(|| points.iter().find(|point| !point.few)).or_else(|| points.first())
}

fn tile(name: &str, number: &str, detail: &str, words: &str) -> String {
    format!(
        "<div class=\"tile\">\n<h2>{name}</h2>\n<p class=\"number\">{number}</p>\n<p class=\"detail\">{detail}</p>\n<p>{words}</p>\n</div>\n"
    )
}

/// Whom a rate is about and what happens to them.
pub struct Fate {
    /// "people who are in the gallery".
    pub people: &'static str,
    /// What was counted: "photos of people who are in the gallery".
    pub trials: &'static str,
    /// "missed".
    pub done: &'static str,
}

/// With fewer trials the counts themselves are stated.
const FEW: u64 = 100;

impl Fate {
    /// A sentence: "Of 100 people who are in the gallery, about 8 are missed."
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

/// The smallest of 100, 1,000, ... of which neither none nor all would be said.
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
        let fate = Fate { people: "strangers", trials: "photos of strangers", done: "named" };
        let value = errors as f64 / trials as f64;
        fate.sentence(&Rate { value, interval: [0.0, 1.0], errors, trials })
    }

    #[test]
    fn rates_are_said_in_words() {
        assert_eq!(said(84, 1000), "Of 100 strangers, about 8 are named.");
        assert_eq!(said(10, 1000), "Of 100 strangers, about 1 is named.");
        assert_eq!(said(1, 2000), "Of 10,000 strangers, about 5 are named.");
        assert_eq!(said(9_996, 10_000), "Of 10,000 strangers, about 9,996 are named.");
        assert_eq!(said(0, 2000), "Of the 2,000 photos of strangers, none was named.");
        assert_eq!(said(2000, 2000), "Of the 2,000 photos of strangers, all were named.");
    }

    #[test]
    fn few_trials_are_said_as_they_are() {
        assert_eq!(said(1, 3), "Of the 3 photos of strangers, 1 was named.");
        assert_eq!(said(2, 3), "Of the 3 photos of strangers, 2 were named.");
        assert_eq!(said(1, 1), "The only one of the photos of strangers was named.");
        assert_eq!(said(0, 0), "How many strangers are named is not known.");
    }
}

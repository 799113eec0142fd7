//! The numbers that most readers come for.

use super::words::Fate;
use crate::evaluation::report::{
    Identification, OperatingPoint, Rate, Report, Verification, VerificationPoint,
};
use crate::number::{aim, interval, percent, score};

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

/// One stranger in a hundred is what people can imagine; else the first point that rests on enough.
fn headline(points: &[OperatingPoint]) -> Option<&OperatingPoint> {
    let usual = points.iter().find(|point| (point.target_fpir - 0.01).abs() < 1e-9);
    usual.or_else(|| points.iter().find(|point| !point.few)).or_else(|| points.first())
}

/// The usual one in a thousand; else the first point that rests on enough.
fn strictest(points: &[VerificationPoint]) -> Option<&VerificationPoint> {
    let usual = points.iter().find(|point| (point.target_fmr - 0.001).abs() < 1e-9);
    usual.or_else(|| points.iter().find(|point| !point.few)).or_else(|| points.first())
}

fn tile(name: &str, number: &str, detail: &str, words: &str) -> String {
    format!(
        "<div class=\"tile\">\n<h2>{name}</h2>\n<p class=\"number\">{number}</p>\n<p class=\"detail\">{detail}</p>\n<p>{words}</p>\n</div>\n"
    )
}

//! The setting of the evaluation and the definitions of its numbers.

use crate::evaluation::{Identification, Verification};
use crate::number::{count, percent};
use crate::report::Report;
use crate::report::chart;
use crate::report::chart::Escaped;

/// The header of the page.
pub fn header(report: &Report) -> String {
    let setting = &report.setting;
    let searched = report.identification.as_ref().map(|identification| {
        let probes = identification.mated[0].saturating_add(identification.non_mated[0]);
        format!(
            "{} in a gallery of {}",
            plural(probes, "search", "searches"),
            people(identification.subjects)
        )
    });
    let compared = report.verification.as_ref().map(|verification| {
        let pairs = verification.pairs[0].saturating_add(verification.pairs[1]);
        format!("{} compared", plural(pairs, "pair of photos", "pairs of photos"))
    });
    let said: Vec<String> = searched.into_iter().chain(compared).collect();
    format!(
        "<header>\n<p class=\"kind\">Evaluation of face recognition · {}</p>\n<h1>{}</h1>\n<p class=\"lede\">{}</p>\n</header>\n",
        Escaped(&setting.date),
        Escaped(&setting.title),
        said.join(" · "),
    )
}

/// The settings and the command line.
pub fn setting(report: &Report) -> String {
    let setting = &report.setting;
    let fingerprint: String = setting.fingerprint.chars().take(12).collect();
    let fingerprint = if fingerprint.is_empty() {
        "<small>templates of another program</small>".to_owned()
    } else {
        format!("<small>fingerprint <code>{}</code></small>", Escaped(&fingerprint))
    };
    let mut terms = vec![("Model", format!("{}{fingerprint}", Escaped(&setting.model)))];
    terms.extend(report.identification.iter().flat_map(searches));
    terms.extend(report.verification.as_ref().map(pairs));
    terms.push(("Fusion", Escaped(&setting.fusion).to_string()));
    terms.push(("Search", Escaped(&setting.search).to_string()));
    let version = Escaped(&setting.version);
    terms.push(("Date", format!("{}<small>Gallerist {version}</small>", Escaped(&setting.date))));
    let terms: String =
        terms.iter().map(|(name, text)| format!("<div><dt>{name}</dt><dd>{text}</dd></div>\n")).collect();
    format!(
        "<section aria-labelledby=\"setting\">\n<h2 id=\"setting\">What was evaluated</h2>\n<dl>\n{terms}</dl>\n\
         <pre><code>{}</code></pre>\n</section>\n",
        command(&setting.command)
    )
}

/// The words of a command line. Each word stays on one line if it fits: `--seed` must not break after its first hyphen.
fn command(command: &str) -> String {
    let words: Vec<String> =
        command.split(' ').map(|word| format!("<span>{}</span>", Escaped(word))).collect();
    words.join(" ")
}

fn searches(identification: &Identification) -> [(&'static str, String); 3] {
    let probes = |[searches, subjects]: [u64; 2], unusable: u64| {
        format!(
            "{}<small>of {}; {} without a usable face</small>",
            plural(searches, "photo", "photos"),
            people(subjects),
            count(unusable)
        )
    };
    let templates = plural(identification.templates, "template", "templates");
    let [mated, non_mated] = identification.failed_to_acquire;
    [
        ("Gallery", format!("{}<small>{templates}</small>", people(identification.subjects))),
        ("Mated probes", probes(identification.mated, mated)),
        ("Non-mated probes", probes(identification.non_mated, non_mated)),
    ]
}

fn pairs(verification: &Verification) -> (&'static str, String) {
    let [mated, non_mated] = verification.pairs;
    let unusable = verification.failed_to_acquire[0].saturating_add(verification.failed_to_acquire[1]);
    let text = format!(
        "{} mated, {} non-mated<small>{} in all; {} pairs without a usable face in one of the photos</small>",
        count(mated),
        count(non_mated),
        people(verification.subjects),
        count(unusable)
    );
    ("Pairs", text)
}

/// Links to the files with the numbers.
pub fn footer(report: &Report) -> String {
    let mut charts = report.identification.as_ref().map_or_else(Vec::new, chart::of_identification);
    charts.extend(report.verification.as_ref().map_or_else(Vec::new, chart::of_verification));
    let tables = ["report.json", "det.csv", "cmc.csv", "roc.csv", "growth.csv", "histogram.csv"];
    let names = tables.map(String::from).into_iter();
    let links: Vec<String> = names
        .chain(charts.iter().map(|chart| format!("{}.svg", chart.name)))
        .map(|name| format!("<a href=\"{name}\">{name}</a>"))
        .collect();
    format!(
        "<footer>\n<p>The numbers and charts of this page are in the same folder: {}.</p>\n<p>Gallerist {}, {}</p>\n</footer>\n",
        links.join(", "),
        Escaped(&report.setting.version),
        Escaped(&report.setting.date)
    )
}

fn people(n: u64) -> String {
    plural(n, "person", "people")
}

fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

const SEARCHES: &str = "<dt>FPIR</dt><dd>False positive identification rate: the share of non-mated searches in which <em>any</em> \
subject reaches the threshold. A non-mated search is for a person who is not in the gallery. The best score of each search counts. \
Counting each comparison instead would give another, much smaller number.</dd>\n\
<dt>FNIR</dt><dd>False negative identification rate: the share of mated searches in which the mate does not \
reach the threshold. For rank 1 the mate also has to be first.</dd>\n\
<dt>Rank R</dt><dd>A search counts as found at rank R if fewer than R other subjects score at least as high as the mate. No threshold \
is applied.</dd>\n\
<dt>Predicted FPIR</dt><dd>The prediction for a part of the gallery from the rate of the whole gallery, if searches of parts were \
independent: 1&nbsp;−&nbsp;(1&nbsp;−&nbsp;FPIR)<sup>n/N</sup>.</dd>\n";

const PAIRS: &str = "<dt>FMR</dt><dd>False match rate, also FAR: the share of non-mated pairs that reach the threshold.</dd>\n\
<dt>FNMR, TAR</dt><dd>False non-match rate: the share of mated pairs that do not reach the threshold. TAR is 1&nbsp;−&nbsp;FNMR.</dd>\n\
<dt>EER</dt><dd>Equal error rate: the rate at the threshold where FMR and FNMR are the same.</dd>\n\
<dt>Accuracy</dt><dd>The highest share of pairs that one threshold decides correctly. It depends on how many pairs of each kind there \
are.</dd>\n";

/// The closing section.
pub fn method(report: &Report) -> String {
    let searches = if report.identification.is_some() { SEARCHES } else { "" };
    let pairs = if report.verification.is_some() { PAIRS } else { "" };
    format!(
        "<section class=\"method\" aria-labelledby=\"method\">\n<h2 id=\"method\">How this was measured</h2>\n\
         <p>The terms are those of ISO/IEC 19795-1. Scores are cosines from −1 to 1, and a score at or above the threshold counts as \
         the same person. The threshold of a row is the lowest at which the observed rate of false alarms is at most the \
         target.</p>\n<dl class=\"terms\">\n{searches}{pairs}</dl>\n{}{}</section>\n",
        uncertainty(report),
        unusable(report),
    )
}

fn uncertainty(report: &Report) -> String {
    let setting = &report.setting;
    format!(
        "<h3>Intervals</h3>\n<p>Intervals are 95\u{a0}% intervals by a bootstrap that draws people, not photos ({} repetitions, seed {}): \
         photos of one person succeed or fail together, so a bootstrap of photos would give intervals that are too narrow. If no trial or \
         every trial failed, the bootstrap has no variation, and the exact binomial interval is used. Intervals state the effect of \
         chance in this sample. They do not include the effect of other photos, cameras or groups of people.</p>\n{}",
        count(u64::from(setting.repetitions)),
        setting.seed,
        small_sample(report)
    )
}

/// The smallest rates that a sample of this size can show.
fn small_sample(report: &Report) -> String {
    let searches = report.identification.as_ref().map(|all| (all.non_mated[0], "non-mated searches"));
    let pairs = report.verification.as_ref().map(|all| (all.pairs[1], "non-mated pairs"));
    let said: String = searches
        .into_iter()
        .chain(pairs)
        .filter(|(trials, _)| *trials > 0)
        .map(|(trials, of)| {
            format!(
                " Here one false alarm among {} {of} is a rate of {}. No false alarm would be compatible with a true rate of up to {}, or more if the same people appear in many of them.",
                count(trials),
                percent(1.0 / trials as f64),
                percent(none_observed(trials))
            )
        })
        .collect();
    format!(
        "<h3>Small samples</h3>\n<p>A rate needs enough errors. A row with fewer than ten is marked, because its threshold depends \
         on a few photos.{said} Zero errors mean that none was observed, not that none is possible.</p>\n"
    )
}

/// Upper end of the one-sided 95 % interval of a rate without observed errors: the exact form of the "rule of three".
fn none_observed(trials: u64) -> f64 {
    -((0.05_f64).ln() / trials as f64).exp_m1()
}

fn unusable(report: &Report) -> String {
    if report.identification.is_none() && report.verification.is_none() {
        return String::new();
    }
    "<h3>Photos without a usable face</h3>\n<p>They count. A mated probe without a usable face is a miss at every \
     threshold, and so is a mated pair with such a photo. A non-mated probe without a usable face raises no false alarm.</p>\n"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_errors_allow_a_rate_of_three_per_trial_count() {
        assert!((none_observed(3_000) - 0.001).abs() < 2e-6);
        assert!((none_observed(1) - 0.95).abs() < 1e-12);
    }
}

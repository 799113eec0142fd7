//! How the numbers came about, for those who want to compare them with others.

use crate::evaluation::report::Report;
use crate::number::{count, percent};

const SEARCHES: &str = "<dt>FPIR</dt><dd>False positive identification rate: the share of searches for strangers in which <em>anybody</em> \
reaches the threshold. What counts is the best score of each search, not each comparison on its own; counting comparisons would give \
another, much smaller number.</dd>\n\
<dt>FNIR</dt><dd>False negative identification rate: the share of searches for people in the gallery in which the right person does not \
reach the threshold. For rank 1 they also have to be first.</dd>\n\
<dt>Rank R</dt><dd>A search counts as found at rank R if fewer than R other people score at least as high as the right one. No threshold \
is applied.</dd>\n\
<dt>Predicted FPIR</dt><dd>What the rate of the whole gallery foretells for a part of it, if searches of parts were independent: \
1&nbsp;−&nbsp;(1&nbsp;−&nbsp;FPIR)<sup>n/N</sup>.</dd>\n";

const PAIRS: &str = "<dt>FMR</dt><dd>False match rate, also FAR: the share of pairs of strangers that reach the threshold.</dd>\n\
<dt>FNMR, TAR</dt><dd>False non-match rate: the share of pairs of one person that do not reach the threshold. TAR is 1&nbsp;−&nbsp;FNMR.</dd>\n\
<dt>EER</dt><dd>Equal error rate: the rate at the threshold where FMR and FNMR are the same.</dd>\n\
<dt>Accuracy</dt><dd>The highest share of pairs that one threshold judges rightly. It depends on how many pairs of each kind there \
are.</dd>\n";

/// The closing section.
pub fn section(report: &Report) -> String {
    let searches = if report.identification.is_some() { SEARCHES } else { "" };
    let pairs = if report.verification.is_some() { PAIRS } else { "" };
    format!(
        "<section class=\"method\" aria-labelledby=\"method\">\n<h2 id=\"method\">How this was measured</h2>\n\
         <p>The terms are those of ISO/IEC 19795-1. Scores are cosines from −1 to 1, and a score at or above the threshold counts as \
         the same person. The threshold of a row is the lowest at which the observed rate of false alarms is at most the one aimed \
         at.</p>\n<dl class=\"terms\">\n{searches}{pairs}</dl>\n{}{}</section>\n",
        uncertainty(report),
        unusable(report),
    )
}

fn uncertainty(report: &Report) -> String {
    let setting = &report.setting;
    format!(
        "<h3>Intervals</h3>\n<p>Intervals are 95\u{a0}% intervals by a bootstrap that draws people, not photos ({} repetitions, seed {}): \
         photos of one person succeed or fail together, and drawing photos would make the intervals too narrow. Where nothing or \
         everything failed the bootstrap cannot vary, and the exact binomial interval stands instead. Intervals say how far chance \
         in this sample goes; they do not say how other photos, cameras or groups of people would turn out.</p>\n{}",
        count(u64::from(setting.repetitions)),
        setting.seed,
        small_sample(report)
    )
}

/// What a sample of this size can show at all.
fn small_sample(report: &Report) -> String {
    let searches = report.identification.as_ref().map(|all| (all.non_mated[0], "searches for strangers"));
    let pairs = report.verification.as_ref().map(|all| (all.pairs[1], "pairs of strangers"));
    let said: String = searches
        .into_iter()
        .chain(pairs)
        .filter(|(trials, _)| *trials > 0)
        .map(|(trials, of)| {
            format!(
                " Here one false alarm among {} {of} is a rate of {}, and even none would be compatible with a true rate of up to {}, or more where the same people appear in many of them.",
                count(trials),
                percent(1.0 / trials as f64),
                percent(none_observed(trials))
            )
        })
        .collect();
    format!(
        "<h3>Small samples</h3>\n<p>A rate needs errors to rest on: a row with fewer than ten is marked, because its threshold hangs \
         on a handful of photos.{said} Zero errors mean none observed, not none possible.</p>\n"
    )
}

/// Upper end of the one-sided 95 % interval of a rate of which no error was seen; the "rule of three", exactly.
fn none_observed(trials: u64) -> f64 {
    -((0.05_f64).ln() / trials as f64).exp_m1()
}

fn unusable(report: &Report) -> String {
    if report.identification.is_none() && report.verification.is_none() {
        return String::new();
    }
    "<h3>Photos without a usable face</h3>\n<p>They count. A person in the gallery whose photo shows no usable face is missed at every \
     threshold, and so is a pair with such a photo; a stranger without a usable face causes no false alarm.</p>\n"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_errors_leave_room_for_three() {
        assert!((none_observed(3_000) - 0.001).abs() < 2e-6);
        assert!((none_observed(1) - 0.95).abs() < 1e-12);
    }
}

//! Prints replies as text. The text is made from the reply alone.

use anyhow::Result;

use super::authentic::text::lines;
use super::screen::{Screen, Table, aim, count, interval, plural, score};
use super::skip::skip_text;
use crate::decision::{Decision, Doubt, Origin};
use crate::reason::Reason;
use crate::reply::{Basis, Identification, Probe, Refusal, Reply, Verification};

/// The decision in words.
fn headline(decision: Decision) -> &'static str {
    match decision {
        Decision::Match => "MATCH",
        Decision::NoMatch => "NO MATCH",
        Decision::Inconclusive => "INCONCLUSIVE",
    }
}

/// The reason of an inconclusive decision, with advice.
fn doubt_text(doubt: Doubt) -> String {
    match doubt {
        Doubt::IncompleteSearch => {
            format!("{}; use --certify exact or bounded", doubt.describe())
        }
        _ => doubt.describe().to_owned(),
    }
}

/// Digits after the decimal point that tell a score from the thresholds.
fn digits(score: f32, thresholds: [f32; 2]) -> usize {
    let is_hidden = |threshold: f32| score != threshold && format!("{score:.3}") == format!("{threshold:.3}");
    if thresholds.into_iter().any(is_hidden) { 7 } else { 3 }
}

/// A score with this many digits.
fn score_text(value: f32, digits: usize) -> String {
    if digits == 3 { score(value) } else { format!("{value:.digits$}") }
}

/// The threshold and its basis: `0.457, uncalibrated`.
fn threshold_text(value: f32, no_match_below: f32, digits: usize, basis: &Basis) -> String {
    let scores = if no_match_below < value {
        format!("{no_match_below:.digits$} to {value:.digits$}")
    } else {
        format!("{value:.digits$}")
    };
    match (basis.origin, basis.target_fpir, basis.fpir_ci95) {
        (Origin::Calibrated, Some(target), Some(ends)) => {
            let extrapolated = if basis.extrapolated == Some(true) { ", extrapolated" } else { "" };
            format!("{scores}, FPIR {}, {}{extrapolated}", aim(target), interval(ends))
        }
        (Origin::User, ..) => format!("{scores}, given"),
        _ => format!("{scores}, uncalibrated"),
    }
}

/// The name of a probe: `photo.jpg face 2 of 4`, `file.npy row 3`, or only the path if there is one face.
pub fn name(probe: &Probe) -> String {
    match (probe.row, probe.face, probe.faces) {
        (Some(row), ..) => format!("{} row {row}", probe.path),
        (None, Some(face), Some(of)) if of > 1 => format!("{} face {} of {of}", probe.path, face + 1),
        _ => probe.path.clone(),
    }
}

/// The rotation in which the face was found, in words; `None` if the photo is upright.
fn rotation_text(probe: &Probe) -> Option<String> {
    let turned = probe.turned.filter(|turned| *turned != 0)?;
    Some(format!("found with the photo turned by {turned} degrees"))
}

/// Prints the reply for a probe.
pub fn print(reply: &Reply, screen: Screen) -> Result<()> {
    screen.json(reply)?;
    match reply {
        _ if screen.is_json() => Ok(()),
        Reply::Identified(reply) => print_identification(reply, screen),
        Reply::Refused(reply) => print_refusal(reply, screen),
    }
}

fn print_identification(reply: &Identification, screen: Screen) -> Result<()> {
    let best = reply.matches.first().map_or(f32::NAN, |best| best.similarity);
    let digits = digits(best, [reply.threshold, reply.no_match_below]);
    let shown = score_text(best, digits);
    let who = match (reply.decision, reply.matches.first()) {
        (Decision::Match, Some(best)) => format!("{}  {shown}", best.subject),
        (_, Some(best)) => format!("closest is {}  {shown}", best.subject),
        (_, None) if reply.search.subjects == 0 && reply.search.among.is_none() => {
            "the gallery is empty".into()
        }
        // Nobody is searched; or the sender may not see who is close.
        (_, None) => "no candidate".into(),
    };
    let threshold = threshold_text(reply.threshold, reply.no_match_below, digits, &reply.calibration);
    let (headline, name) = (headline(reply.decision), name(&reply.probe));
    screen.text(format!("{headline}  {name}: {who}  (threshold {threshold})"))?;
    let mut table = Table::new(&[0, 2]);
    for (rank, one) in reply.matches.iter().enumerate() {
        let matched = if one.is_match { "match" } else { "" };
        let rate = one.false_alarm_rate.zip(reply.calibration.lowest_target);
        let rate = rate.map(|(rate, rarest)| rarity_text(rate, rarest)).unwrap_or_default();
        table.row([(rank + 1).to_string(), one.subject.clone(), score(one.similarity), matched.into(), rate]);
    }
    table.lines(2).iter().try_for_each(|line| screen.text(line))?;
    if let Some(turned) = rotation_text(&reply.probe) {
        screen.text(format!("  {turned}"))?;
    }
    if let Some(note) = reply.probe.note() {
        screen.text(format!("  {note}; --faces all uses all of them"))?;
    }
    for (at, line) in reply.probe.authenticity.iter().flat_map(lines).enumerate() {
        screen.text(if at == 0 { format!("  authenticity: {line}") } else { format!("    {line}") })?;
    }
    if let Some(doubt) = reply.doubt {
        screen.text(format!("  {}", doubt_text(doubt)))?;
    }
    for reason in reply.calibration.stale.iter().flatten() {
        screen.text(format!("  calibration is stale: {reason}"))?;
    }
    let certificate = &reply.certificate;
    screen.text(format!("  {} {}", certificate.describe(), plural(certificate.searched, "template")))?;
    Ok(())
}

/// Prints the reply for a photo or a face without a template.
pub fn print_refusal(reply: &Refusal, screen: Screen) -> Result<()> {
    let Probe { path, reasons, detail, face, .. } = &reply.probe;
    let reason = reasons.first().copied().unwrap_or(Reason::Other);
    let reason_text = skip_text(reason, detail.as_deref().unwrap_or_default());
    let headline = headline(reply.decision);
    let Some(_) = face else { return Ok(screen.text(format!("{headline}  {path}: {reason_text}"))?) };
    let others = reply.probe.note().map(|note| format!("; {note}")).unwrap_or_default();
    Ok(screen.text(format!("{headline}  {}: {reason_text}{others}", name(&reply.probe)))?)
}

/// Prints the reply for two photos.
pub fn print_verification(reply: &Verification, screen: Screen) -> Result<()> {
    screen.json(reply)?;
    let digits = digits(reply.similarity, [reply.threshold; 2]);
    screen.text(format!(
        "{}  {}  (threshold {})",
        headline(reply.decision),
        score_text(reply.similarity, digits),
        threshold_text(reply.threshold, reply.threshold, digits, &reply.calibration)
    ))?;
    for side in [&reply.a, &reply.b] {
        for remark in [rotation_text(side), side.note()].into_iter().flatten() {
            screen.text(format!("  {}: {remark}", side.path))?;
        }
    }
    if let Some(doubt) = reply.doubt {
        screen.text(format!("  {}", doubt_text(doubt)))?;
    }
    Ok(())
}

/// The false positive rate of a score in words. `rarest` is the lowest rate that the calibration can estimate.
fn rarity_text(rate: f64, rarest: f64) -> String {
    let one_in = count((1.0 / rate.max(1e-12)).round() as u64);
    match rate {
        _ if rate <= rarest => format!("fewer than 1 in {one_in} strangers score so high"),
        0.67.. => "most strangers score so high".into(),
        _ => format!("1 in {one_in} strangers scores so high"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_differ_from_the_threshold_look_different() {
        assert_eq!(digits(0.930, [0.930, 0.930]), 3);
        assert_eq!(digits(0.93, [0.542, 0.542]), 3);
        assert_eq!(digits(0.929_999_9, [0.930, 0.930]), 7);
        assert_eq!(score_text(0.929_999_9, 7), "0.9299999");
        assert_eq!(digits(f32::NAN, [0.5, 0.5]), 3);
    }

    #[test]
    fn rare_scores_are_printed_as_one_in_n() {
        assert_eq!(rarity_text(0.9, 1e-4), "most strangers score so high");
        assert_eq!(rarity_text(0.000_81, 1e-4), "1 in 1,235 strangers scores so high");
        assert_eq!(rarity_text(1e-4, 1e-4), "fewer than 1 in 10,000 strangers score so high");
    }
}

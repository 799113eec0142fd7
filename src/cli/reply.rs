//! The shape of a decision: one reply, as text and as JSON.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::screen::{Screen, Table, aim, count, interval, plural, score};
use super::searching::Deciding;
use crate::decision::{Certificate, Decision, Doubt, Operating, Origin, Threshold};
use crate::gallery::{Candidates, mode_name};
use crate::ingest::{Census, EncodedFace, RefusedFace, Skip};
use crate::template::Binding;
use crate::template::Template;

/// The threshold for one pair of faces, or how to get one.
pub fn threshold(user: Option<f32>, binding: &Binding) -> Result<Threshold> {
    user.map(|value| Threshold::given(value, value))
        .or_else(|| Threshold::uncalibrated(binding))
        .context("this gallery's model has no threshold of its own; give one with --threshold")
}

/// `0.457, uncalibrated`.
pub fn describe(threshold: &Threshold) -> String {
    let scores = if threshold.no_match_below < threshold.value {
        format!("{:.3} to {:.3}", threshold.no_match_below, threshold.value)
    } else {
        format!("{:.3}", threshold.value)
    };
    match (threshold.origin, &threshold.calibrated) {
        (Origin::Calibrated, Some(calibrated)) => {
            let one = &calibrated.operating;
            let extrapolated = if one.extrapolated { ", extrapolated" } else { "" };
            format!("{scores}, FPIR {}, {}{extrapolated}", aim(one.target_fpir), interval(one.fpir_ci95))
        }
        (Origin::User, _) => format!("{scores}, given"),
        _ => format!("{scores}, uncalibrated"),
    }
}

/// Where the threshold of a pair comes from, for programs.
pub fn origin(threshold: &Threshold) -> Value {
    match threshold.origin {
        Origin::Uncalibrated => json!({
            "origin": threshold.origin,
            "note": "the model's one-to-one threshold; the share of strangers who are named grows with the gallery",
        }),
        origin => json!({ "origin": origin }),
    }
}

/// The words for a decision.
pub fn headline(decision: Decision) -> &'static str {
    match decision {
        Decision::Match => "MATCH",
        Decision::NoMatch => "NO MATCH",
        Decision::Inconclusive => "INCONCLUSIVE",
    }
}

/// What was searched for.
pub enum Sought<'a> {
    /// A face of a photo, among the others in it.
    Face { path: &'a Path, face: &'a EncodedFace, census: &'a Census },
    /// A row of a file of vectors.
    Row { path: &'a Path, row: u64, template: &'a Template },
}

/// That a face was found in the turned photo only.
pub fn turned(face: &EncodedFace) -> Option<String> {
    let turned = face.provenance.turned;
    (turned != 0).then(|| format!("found with the photo turned by {turned} degrees"))
}

/// `photo.jpg face 2 of 4`, or the path alone where there is one face.
fn face_of(path: &Path, index: usize, census: &Census) -> String {
    match census.found {
        0 | 1 => path.display().to_string(),
        of => format!("{} face {} of {of}", path.display(), index + 1),
    }
}

impl Sought<'_> {
    fn text(&self) -> String {
        match self {
            Self::Face { path, face, census } => face_of(path, face.index, census),
            Self::Row { path, row, .. } => format!("{} row {row}", path.display()),
        }
    }

    /// The faces of a photo beside the one that was sought.
    pub fn census(&self) -> Option<&Census> {
        match self {
            Self::Face { census, .. } => Some(census),
            Self::Row { .. } => None,
        }
    }

    fn template(&self) -> &Template {
        match self {
            Self::Face { face, .. } => &face.template,
            Self::Row { template, .. } => template,
        }
    }

    fn json(&self, with_template: bool) -> Value {
        let mut value = match self {
            Self::Face { path, face, census } => json!({
                "path": path.to_string_lossy(), "face": face.index, "faces": census.found,
                "not_looked_at": census.not_looked_at, "bounds": face.provenance.bounds,
                "turned": face.provenance.turned, "quality": face.provenance.quality, "reasons": [],
            }),
            Self::Row { path, row, .. } => {
                json!({ "path": path.to_string_lossy(), "row": row, "reasons": [] })
            }
        };
        if with_template {
            value["template"] = json!(self.template().as_slice());
        }
        value
    }
}

/// A probe and what was decided about it.
pub struct Reply<'a> {
    pub sought: Sought<'a>,
    pub decision: Decision,
    pub doubt: Option<Doubt>,
    pub candidates: &'a Candidates,
    pub certificate: &'a Certificate,
    /// How many candidates were asked for.
    pub top_k: u32,
    pub deciding: &'a Deciding,
    pub binding: &'a Binding,
    /// Whether the probe's template is part of the reply.
    pub with_template: bool,
    pub milliseconds: f64,
}

impl Reply<'_> {
    pub fn print(&self, screen: Screen) -> Result<()> {
        if screen.is_json() {
            screen.json(&self.to_json())?;
            return Ok(());
        }
        let threshold = &self.deciding.threshold;
        let best = self.candidates.candidates.first();
        let who = match (self.decision, best) {
            (Decision::Match, Some(best)) => format!("{}  {}", best.subject, score(best.score)),
            (_, Some(best)) => format!("closest is {}  {}", best.subject, score(best.score)),
            (_, None) => "the gallery is empty".into(),
        };
        let (headline, described) = (headline(self.decision), describe(threshold));
        screen.text(format!("{headline}  {}: {who}  (threshold {described})", self.sought.text()))?;
        let mut table = Table::new(&[0, 2]);
        for (rank, candidate) in self.candidates.candidates.iter().enumerate() {
            let matched = if threshold.reached(candidate.score) { "match" } else { "" };
            let score = score(candidate.score);
            let rate = self.false_alarm_rate(candidate.score);
            let rate = rate.map(|(rate, rarest)| strangers(rate, rarest)).unwrap_or_default();
            table.row([(rank + 1).to_string(), candidate.subject.clone(), score, matched.into(), rate]);
        }
        table.lines(2).iter().try_for_each(|line| screen.text(line))?;
        if let Sought::Face { face, .. } = &self.sought
            && let Some(turned) = turned(face)
        {
            screen.text(format!("  {turned}"))?;
        }
        if let Some(note) = self.sought.census().and_then(Census::note) {
            screen.text(format!("  {note}; --faces all looks at all of them"))?;
        }
        if let Some(doubt) = self.doubt {
            screen.text(format!("  {}", doubt.describe()))?;
        }
        for reason in &self.deciding.stale {
            screen.text(format!("  calibration is stale: {reason}"))?;
        }
        screen.text(format!(
            "  {} {}",
            self.certificate.describe(),
            plural(self.certificate.searched, "template")
        ))?;
        Ok(())
    }

    /// How often strangers score so high, and the rarest such rate that the calibration can tell.
    fn false_alarm_rate(&self, score: f32) -> Option<(f64, f64)> {
        let (calibration, subjects) = (self.deciding.calibration.as_ref()?, self.deciding.counts.0);
        Some((calibration.false_alarm_rate(score, subjects), calibration.rarest(subjects)))
    }

    /// The reply for programs.
    pub fn to_json(&self) -> Value {
        let threshold = &self.deciding.threshold;
        let matches: Vec<Value> = self
            .candidates
            .candidates
            .iter()
            .map(|candidate| {
                let mut value = json!({
                    "subject_id": candidate.subject_id, "subject": candidate.subject,
                    "face_id": candidate.template_id, "similarity": candidate.score,
                    "distance": 1.0 - candidate.score, "match": threshold.reached(candidate.score),
                });
                if let Some((rate, _)) = self.false_alarm_rate(candidate.score) {
                    value["false_alarm_rate"] = json!(rate);
                }
                value
            })
            .collect();
        json!({
            "decision": self.decision,
            "doubt": self.doubt,
            "matches": matches,
            "threshold": threshold.value,
            "no_match_below": threshold.no_match_below,
            "calibration": self.calibration(),
            "certificate": self.certificate,
            "search": {
                "mode": mode_name(self.candidates.mode), "fusion": self.deciding.search.fusion, "top_k": self.top_k,
                "subjects": self.deciding.counts.0, "templates": self.deciding.counts.1,
            },
            "probe": self.sought.json(self.with_template),
            "model": { "name": self.binding.model, "fingerprint": self.binding.fingerprint },
            "processing_time_ms": self.milliseconds,
        })
    }

    /// Where the threshold comes from and what it rests on.
    fn calibration(&self) -> Value {
        let threshold = &self.deciding.threshold;
        let mut value = origin(threshold);
        let Some(calibration) = &self.deciding.calibration else { return value };
        value["nonmated_searches"] = json!(calibration.maxima.len());
        value["n_subjects"] = json!(self.deciding.counts.0);
        value["n_templates"] = json!(self.deciding.counts.1);
        value["fusion"] = json!(calibration.fusion);
        value["stale"] = json!(self.deciding.stale);
        let Some(calibrated) = &threshold.calibrated else {
            let interval = calibration.fpir_interval(threshold.value, self.deciding.counts.0);
            value["fpir_ci95"] = json!(interval);
            return value;
        };
        let one = |operating: &Operating| {
            json!({
                "target_fpir": operating.target_fpir, "threshold": operating.threshold,
                "fpir_ci95": operating.fpir_ci95, "method": operating.method,
                "extrapolated": operating.extrapolated, "lowest_target": operating.lowest_target,
            })
        };
        value["id"] = json!(calibrated.id);
        if let (Some(into), Value::Object(from)) = (value.as_object_mut(), one(&calibrated.operating)) {
            into.extend(from);
        }
        value["no_match"] = json!(calibrated.no_match.as_ref().map(one));
        value
    }
}

/// How rare a score is, for people; `rarest` is the rarest rate that can be told.
fn strangers(rate: f64, rarest: f64) -> String {
    let one_in = count((1.0 / rate.max(1e-12)).round() as u64);
    match rate {
        _ if rate <= rarest => format!("fewer than 1 in {one_in} strangers score so high"),
        0.67.. => "most strangers score so high".into(),
        _ => format!("1 in {one_in} strangers scores so high"),
    }
}

/// A photo that gives no decision, or a part of one.
pub enum Unusable<'a> {
    /// Nothing in it could be looked at.
    Photo(&'a Skip),
    /// A face in it was refused.
    Face(&'a RefusedFace),
}

impl Unusable<'_> {
    /// What of a photo is to be told: each refused face, and the reason for the whole photo if it is another one.
    pub fn of<'a>(skip: Option<&'a Skip>, census: &'a Census) -> Vec<Unusable<'a>> {
        let told = |skip: &Skip| census.refused.iter().any(|face| face.skip == *skip);
        let photo = skip.filter(|skip| !told(skip)).map(Unusable::Photo);
        photo.into_iter().chain(census.refused.iter().map(Unusable::Face)).collect()
    }

    /// Which face it is, if it is one.
    pub fn face(&self) -> Option<usize> {
        match self {
            Self::Photo(_) => None,
            Self::Face(face) => Some(face.index),
        }
    }

    /// Prints it as an inconclusive reply.
    pub fn print(&self, screen: Screen, path: &Path, census: &Census, binding: &Binding) -> Result<()> {
        let what = match self {
            Self::Photo(skip) => format!("{}: {skip}", path.display()),
            Self::Face(face) => {
                let others = census.note().map(|note| format!("; {note}")).unwrap_or_default();
                format!("{}: {}{others}", face_of(path, face.index, census), face.skip)
            }
        };
        screen.text(format!("{}  {what}", headline(Decision::Inconclusive)))?;
        screen.json(&self.to_json(path, census, binding))?;
        Ok(())
    }

    /// The reply for programs. It has no certificate: nothing was searched.
    pub fn to_json(&self, path: &Path, census: &Census, binding: &Binding) -> Value {
        let mut probe = match self {
            Self::Photo(skip) => json!({ "reasons": [skip.code], "detail": skip.detail }),
            Self::Face(RefusedFace { index, bounds, skip }) => json!({
                "face": index, "bounds": bounds, "reasons": [skip.code], "detail": skip.detail,
            }),
        };
        probe["path"] = json!(path.to_string_lossy());
        probe["faces"] = json!(census.found);
        probe["not_looked_at"] = json!(census.not_looked_at);
        json!({
            "decision": Decision::Inconclusive, "matches": [], "probe": probe,
            "model": { "name": binding.model, "fingerprint": binding.fingerprint },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_scores_are_told_in_people() {
        assert_eq!(strangers(0.9, 1e-4), "most strangers score so high");
        assert_eq!(strangers(0.000_81, 1e-4), "1 in 1,235 strangers scores so high");
        assert_eq!(strangers(1e-4, 1e-4), "fewer than 1 in 10,000 strangers score so high");
    }
}

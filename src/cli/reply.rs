//! The shape of a decision: one reply, as text and as JSON.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::screen::{Screen, Table, plural};
use crate::decision::{Certificate, Decision, Origin, Threshold};
use crate::gallery::{Binding, Candidates};
use crate::ingest::{EncodedFace, Skip};

/// The threshold to use, or how to get one.
pub fn threshold(user: Option<f32>, binding: &Binding) -> Result<Threshold> {
    Threshold::choose(user, binding)
        .context("this gallery's model has no threshold of its own; give one with --threshold")
}

/// `0.457, uncalibrated`.
pub fn describe(threshold: &Threshold) -> String {
    match threshold.origin {
        Origin::Uncalibrated => format!("{:.3}, uncalibrated", threshold.value),
        Origin::User => format!("{:.3}, given", threshold.value),
    }
}

/// Where the threshold comes from, for programs.
pub fn calibration(threshold: &Threshold) -> Value {
    match threshold.origin {
        Origin::Uncalibrated => json!({
            "origin": Origin::Uncalibrated,
            "note": "the model's one-to-one threshold; the share of strangers who are named grows with the gallery",
        }),
        Origin::User => json!({ "origin": Origin::User }),
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

/// A probe and what was decided about it.
pub struct Reply<'a> {
    pub path: &'a Path,
    /// Which face of the probe photo, and of how many.
    pub face: (usize, usize),
    pub probe: &'a EncodedFace,
    pub decision: Decision,
    pub candidates: &'a Candidates,
    pub threshold: Threshold,
    pub binding: &'a Binding,
    pub started: Instant,
}

impl Reply<'_> {
    pub fn print(&self, screen: Screen) -> Result<()> {
        screen.json(&self.to_json())?;
        let best = self.candidates.candidates.first();
        let who = match (self.decision, best) {
            (Decision::Match, Some(best)) => format!("{}  {:.3}", best.subject, best.score),
            (_, Some(best)) => format!("closest is {}  {:.3}", best.subject, best.score),
            (_, None) => "the gallery is empty".into(),
        };
        let face = if self.face.1 > 1 {
            format!(" face {} of {}", self.face.0 + 1, self.face.1)
        } else {
            String::new()
        };
        screen.text(format!(
            "{}  {}{face}: {who}  (threshold {})",
            headline(self.decision),
            self.path.display(),
            describe(&self.threshold)
        ))?;
        let mut table = Table::new(&[0, 2]);
        for (rank, candidate) in self.candidates.candidates.iter().enumerate() {
            let matched = if self.threshold.reached(candidate.score) { "match" } else { "" };
            let score = format!("{:.3}", candidate.score);
            table.row([(rank + 1).to_string(), candidate.subject.clone(), score, matched.into()]);
        }
        table.lines(2).iter().try_for_each(|line| screen.text(line))?;
        let (certificate, searched) = (Certificate::of(self.candidates), self.candidates.searched);
        screen.text(format!("  {} search of {}", certificate.kind, plural(searched, "template")))?;
        Ok(())
    }

    fn to_json(&self) -> Value {
        let matches: Vec<Value> = self
            .candidates
            .candidates
            .iter()
            .map(|candidate| {
                json!({
                    "subject_id": candidate.subject_id, "subject": candidate.subject,
                    "face_id": candidate.template_id, "similarity": candidate.score,
                    "distance": 1.0 - candidate.score, "match": self.threshold.reached(candidate.score),
                })
            })
            .collect();
        let provenance = &self.probe.provenance;
        json!({
            "decision": self.decision,
            "matches": matches,
            "threshold": self.threshold.value,
            "calibration": calibration(&self.threshold),
            "certificate": Certificate::of(self.candidates),
            "probe": {
                "path": self.path.to_string_lossy(), "face": self.face.0, "faces": self.face.1,
                "bounds": provenance.bounds, "quality": provenance.quality, "reasons": [],
            },
            "model": { "name": self.binding.model, "fingerprint": self.binding.fingerprint },
            "processing_time_ms": self.started.elapsed().as_secs_f64() * 1e3,
        })
    }
}

/// A probe without a usable face: no decision can be made.
pub fn print_unusable(screen: Screen, path: &Path, skip: &Skip, binding: &Binding) -> Result<()> {
    screen.text(format!("{}  {}: {skip}", headline(Decision::Inconclusive), path.display()))?;
    screen.json(&json!({
        "decision": Decision::Inconclusive,
        "matches": [],
        "probe": { "path": path.to_string_lossy(), "reasons": [skip.code], "detail": skip.detail },
        "model": { "name": binding.model, "fingerprint": binding.fingerprint },
    }))?;
    Ok(())
}

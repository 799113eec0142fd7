//! Searches for mates, compared with brute force.

use std::sync::atomic::Ordering;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Auditor;
use crate::audit::{Mates, MatesFrom};
use crate::calibration::binomial;
use crate::gallery::{Ranking, Result, TOGETHER, View, dot};
use crate::template::Template;

/// A probe whose person is in the gallery.
#[derive(Debug, Clone, PartialEq)]
struct MateProbe {
    /// The probe.
    template: Template,
    /// The subject that the search must find.
    subject: u64,
    /// The probe's own template in the gallery, which is left out of the search.
    own: Option<u64>,
}

/// Synthetic probes score up to this much above the threshold, as the hardest mates do.
const ABOVE: f32 = 0.05;
/// Templates whose signed sum gives the direction from a mate to its synthetic probe.
const MIXED: usize = 8;

impl Auditor<'_> {
    /// Searches for mates; `Some(None)` if there are no probes, `None` if it was stopped.
    pub(super) fn mates(&self, ids: &[u64], given: &[(Template, String)]) -> Result<Option<Option<Mates>>> {
        let view = self.gallery.view()?;
        let (from, probes) = self.probes(&view, ids, given)?;
        if probes.is_empty() {
            return Ok(Some(None));
        }
        let [mut reachable, mut missed] = [0u64; 2];
        for (done, block) in probes.chunks(TOGETHER).enumerate() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            (self.progress)("mates", done * TOGETHER, probes.len());
            for (probe, listed) in block.iter().zip(self.lists(&view, block)?) {
                let Some(score) = self.score(&view, probe)?.filter(|score| *score >= self.threshold) else {
                    continue;
                };
                reachable += 1;
                let is_listed = listed.iter().any(|(subject, _)| *subject == probe.subject);
                let is_full = listed.len() == self.top_k;
                // A mate that others push off the list was not missed by the search.
                let belongs = !is_full || listed.last().is_some_and(|(_, last)| *last < score);
                missed += u64::from(!is_listed && belongs);
            }
        }
        let all = probes.len() as f64;
        let fnir_exact = 1.0 - reachable as f64 / all;
        let difference = missed as f64 / all;
        Ok(Some(Some(Mates {
            from,
            probes: probes.len() as u64,
            reachable,
            missed,
            fnir_exact,
            fnir: fnir_exact + difference,
            difference,
            difference_ci95: binomial::interval(missed as f64, all),
        })))
    }

    /// The candidate lists, as subjects and scores.
    fn lists(&self, view: &View, probes: &[MateProbe]) -> Result<Vec<Vec<(u64, f32)>>> {
        let rankings = if probes.iter().all(|probe| probe.own.is_none()) {
            let templates: Vec<&Template> = probes.iter().map(|probe| &probe.template).collect();
            self.gallery.rank(view, &templates, self.top_k, &self.search, None)?
        } else {
            let rank = |probe: &MateProbe| {
                self.gallery.rank_left_out(view, &probe.template, probe.own, self.top_k, &self.search)
            };
            probes.iter().map(rank).collect::<Result<_>>()?
        };
        let list = |ranking: Ranking| {
            ranking.subjects.into_iter().map(|(subject, _, score)| (subject, score)).collect()
        };
        Ok(rankings.into_iter().map(list).collect())
    }

    /// The mate's score, by brute force over the subject's templates.
    fn score(&self, view: &View, probe: &MateProbe) -> Result<Option<f32>> {
        let MateProbe { template, subject, own } = probe;
        self.gallery.score_left_out(view, template.as_slice(), *subject, *own, self.search.fusion)
    }

    fn probes(
        &self,
        view: &View,
        ids: &[u64],
        given: &[(Template, String)],
    ) -> Result<(MatesFrom, Vec<MateProbe>)> {
        if !given.is_empty() {
            let mut probes = Vec::new();
            for (template, name) in given.iter().take(self.sample) {
                let subject = self.gallery.subject(name)?.id;
                probes.push(MateProbe { template: template.clone(), subject, own: None });
            }
            return Ok((MatesFrom::Given, probes));
        }
        let mut left_out = Vec::new();
        for row in view.vectors(ids) {
            let Some(row) = row? else { continue };
            if view.ids_of(row.subject)?.len() > 1
                && let Ok(template) = Template::from_raw(&row.vector)
            {
                left_out.push(MateProbe { template, subject: row.subject, own: Some(row.id) });
            }
        }
        if !left_out.is_empty() {
            return Ok((MatesFrom::LeftOut, left_out));
        }
        Ok((MatesFrom::MadeUp, self.made_up(view, ids)?))
    }

    /// Synthetic probes that score a little above the threshold with one template each. Each differs from its template in the direction of a
    /// sum of a few other templates with random signs: a direction that is typical of the data, and towards no single person.
    fn made_up(&self, view: &View, ids: &[u64]) -> Result<Vec<MateProbe>> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 1);
        let mut probes = Vec::with_capacity(ids.len());
        for &id in ids {
            let Some(row) = view.get(id)? else { continue };
            let mut away = vec![0.0f32; row.vector.len()];
            for _ in 0..MIXED {
                let other = ids[random.random_range(0..ids.len())];
                let sign = if random.random() { 1.0 } else { -1.0 };
                if let Some(other) = view.get(other)? {
                    away.iter_mut().zip(&other.vector[..]).for_each(|(sum, x)| *sum += sign * x);
                }
            }
            let along = dot(&away, &row.vector);
            away.iter_mut().zip(&row.vector[..]).for_each(|(x, own)| *x -= along * own);
            let length = away.iter().map(|x| x * x).sum::<f32>().sqrt();
            let near = (self.threshold + random.random_range(0.0..ABOVE)).clamp(-1.0, 1.0);
            let far = (1.0 - near * near).sqrt() / length;
            let vector: Vec<f32> =
                row.vector.iter().zip(&away).map(|(own, x)| near * own + far * x).collect();
            if let Ok(template) = Template::from_raw(&vector) {
                probes.push(MateProbe { template, subject: row.subject, own: None });
            }
        }
        Ok(probes)
    }
}

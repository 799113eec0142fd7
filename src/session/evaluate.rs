//! Evaluations: error rates of a gallery with mated and non-mated probes.

use std::cell::Cell;

use serde::{Deserialize, Serialize};

use super::error::{Result, SessionError};
use super::policy::search;
use super::{Control, Session, Stopped};
use crate::evaluation::{Identification, Options, identification};
use crate::experiment::{Evaluator, LabelledProbes, Probe};
use crate::gallery::{Gallery, Search};
use crate::reply::SearchRequest;
use crate::template::Template;

/// The request for an evaluation with templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateRequest {
    /// Templates with the names of their subjects.
    pub mated: Vec<(Template, String)>,
    /// Templates of people who are not in the gallery.
    pub strangers: Vec<Probe>,
    /// Target FPIRs.
    pub target_fpir: Vec<f64>,
    /// Seed of the random choices.
    pub seed: u64,
    /// Bootstrap repetitions for the intervals.
    pub repetitions: u32,
    /// How the gallery is searched.
    pub search: SearchRequest,
}

/// An evaluation with its warnings, or how far it was when it was stopped.
pub type Evaluated = Result<(Identification, Vec<String>), Stopped>;

impl Session {
    /// Evaluates the gallery with templates. `None` if it was stopped.
    ///
    /// # Errors
    /// The subject of a probe is not in the gallery; a template has another dimension; the gallery failed.
    pub fn evaluate(
        &self,
        request: &EvaluateRequest,
        control: &Control<'_>,
    ) -> Result<Option<(Identification, Vec<String>)>> {
        let mut mated = Vec::with_capacity(request.mated.len());
        for (at, (template, subject)) in request.mated.iter().enumerate() {
            let name = format!("mated[{at}]");
            let id = self.mated_subject(Some(subject), &name)?;
            mated.push((Probe { name, person: Some(subject.clone()), template: template.clone() }, id));
        }
        let probes = LabelledProbes { mated: &mated, non_mated: &request.strangers, failed: (&[], &[]) };
        let options = Options {
            fpir_targets: request.target_fpir.clone(),
            seed: request.seed,
            repetitions: request.repetitions,
            ..Options::default()
        };
        let search = search(&request.search, None)?;
        Ok(evaluate(self.gallery(), &probes, search, &options, control)?.ok())
    }
}

/// Evaluates a gallery with labelled probes. The inner error means that it was stopped.
///
/// # Errors
/// The probes do not allow it; the gallery failed.
pub fn evaluate(
    gallery: &Gallery,
    probes: &LabelledProbes<'_>,
    search: Search,
    options: &Options,
    control: &Control<'_>,
) -> Result<Evaluated> {
    let total = (probes.mated.len() + probes.non_mated.len()) as u64;
    let done = Cell::new(0);
    let progress = |searches: usize| {
        done.set(searches as u64);
        control.report("searches", searches as u64, Some(total));
    };
    let evaluator = Evaluator { gallery, search, progress: &progress, stop: control.stop };
    let Some((searches, mut warnings)) = evaluator.run(probes)? else {
        return Ok(Err(Stopped { looked_at: done.get(), total, unit: "search" }));
    };
    let measured =
        identification(&searches, options).map_err(|error| SessionError::NothingUsable(error.to_string()))?;
    warnings.extend(measured.warnings());
    Ok(Ok((measured, warnings)))
}

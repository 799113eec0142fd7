//! Authenticity: gates from photos, and what they say about photos.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::answer::{face, refusals};
use super::error::{Result, SessionError};
use super::identify::require_paths;
use super::replacement::{replace, require_own};
use super::{Control, Networks, Stopped, engine};
use crate::authenticity::{BEGINNING, ErrorRates, Example, Gate, Trial};
use crate::ingest::{self, EncodedFace, Finding, Options, Outcome, Skip, survey, walk};
use crate::reason::Reason;
use crate::reply::{Authenticity, AuthenticityPolicy, AuthenticityScored, PhotoRequest, Probe, VERSION};

/// Largest gate file, in bytes.
const LARGEST: u64 = 1 << 20;
/// Seed of the bootstrap of an evaluation.
const SEED: u64 = 30_107;

/// A gate and what its verdicts change.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The gate.
    pub gate: Gate,
    /// What its verdicts change.
    pub policy: AuthenticityPolicy,
}

impl Guard {
    /// The authenticity of a face. One that was not measured is not judged.
    pub fn judge(&self, face: &EncodedFace) -> Authenticity {
        let judged = match &face.measures {
            Some(Ok(measures)) => Ok(self.gate.judge(measures)),
            Some(Err(unmeasured)) => Err(unmeasured.to_string()),
            None => Err("the face was not measured".into()),
        };
        Authenticity::new(self.policy, judged)
    }
}

/// Reads a gate file.
///
/// # Errors
/// The file cannot be read; it is damaged, of another version, or names measures that this program does not have.
pub fn read_gate(path: &Path) -> Result<Gate> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(SessionError::io(path, "opening it"))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(SessionError::io(path, "reading it"))?;
    let decoded = match bytes.len() as u64 > LARGEST {
        true => Err(format!("expected at most {LARGEST} bytes")),
        false => Gate::decode(&bytes),
    };
    decoded.map_err(|reason| SessionError::Input(format!("{}: not a usable gate: {reason}", path.display())))
}

/// Requires that a gate file can be at a path: nothing is there, or another gate. Call it before long work.
///
/// # Errors
/// A file of another kind is there; its folder does not exist.
pub fn require_gate_place(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(SessionError::Input(format!("{}: no such folder", folder.display())));
    }
    require_own(path, BEGINNING)
}

/// Writes a gate file. A gate that is there is replaced when the new one is complete.
///
/// # Errors
/// A file of another kind is there; the folder does not exist; the disk is full or failing.
pub fn write_gate(gate: &Gate, path: &Path) -> Result<()> {
    require_own(path, BEGINNING)?;
    let bytes = gate.encode();
    let write = |file: &mut File| file.write_all(&bytes).map_err(SessionError::io(path, "writing it"));
    replace(path, write)?.finish()
}

/// Measured faces, and photos without one.
#[derive(Debug, Default)]
pub struct Examples {
    /// The faces.
    pub examples: Vec<Example>,
    /// Paths of photos without a face that can be measured, and why.
    pub left_out: Vec<(String, Skip)>,
}

/// Measures the largest face of every photo in a folder. The person of a photo is the folder directly below the given folder; a photo
/// without one is left out. The inner error means that it was stopped.
///
/// # Errors
/// There is no such folder; the networks cannot be loaded; the machine failed while a photo was processed.
pub fn examples(
    networks: &Networks,
    (folder, attack): (&Path, bool),
    photos: &PhotoRequest,
    control: &Control<'_>,
) -> Result<Result<Examples, Stopped>> {
    require_paths(&[folder])?;
    let (roots, mut found, mut looked_at) = ([folder.to_owned()], Examples::default(), 0);
    let total = survey(&roots).inputs;
    control.report("photos", 0, Some(total));
    ingest::run(
        networks.engine()?,
        walk(&roots),
        &measuring(photos)?,
        &|_| false,
        control.stop,
        |outcome| {
            looked_at += 1;
            control.report("photos", looked_at, Some(total));
            found.enter(outcome, attack)
        },
    )?;
    let stopped = control.is_stopped() && looked_at < total;
    Ok(if stopped { Err(Stopped { looked_at, total, unit: "photo" }) } else { Ok(found) })
}

impl Examples {
    fn enter(&mut self, outcome: Outcome, attack: bool) -> Result<()> {
        let path = outcome.input.path.to_string_lossy().into_owned();
        let person = outcome.input.top_folder().map(|folder| folder.to_string_lossy().into_owned());
        let skip = match outcome.finding {
            Finding::Skipped(skip) if skip.is_temporary() => {
                return Err(SessionError::Input(format!("{path}: {skip}; nothing was measured")));
            }
            Finding::Skipped(skip) if skip.reason == Reason::NotAPhoto => return Ok(()),
            Finding::Skipped(skip) => skip,
            Finding::Known => return Ok(()),
            Finding::Faces(faces) => {
                let measures = faces.into_iter().next().and_then(|face| face.measures);
                match (person, measures) {
                    (Some(person), Some(Ok(measures))) => {
                        self.examples.push(Example { person, attack, measures });
                        return Ok(());
                    }
                    (None, _) => Skip::new(Reason::NoSubject, "expected a folder per person"),
                    (_, Some(Err(unmeasured))) => Skip::new(Reason::NotJudged, unmeasured.to_string()),
                    (_, None) => Skip::new(Reason::NoFace, ""),
                }
            }
        };
        self.left_out.push((path, skip));
        Ok(())
    }
}

/// The error rates of a gate on faces of known classes, and the number of faces that are unlike those of its fit.
pub fn error_rates(gate: &Gate, examples: &[Example]) -> (ErrorRates, u64) {
    let threshold = gate.document().threshold;
    let trial = |Example { person, attack, measures }: &Example| Trial {
        person: person.clone(),
        attack: *attack,
        score: gate.score(measures),
        threshold,
    };
    let trials: Vec<Trial> = examples.iter().map(trial).collect();
    let unlike = examples.iter().filter(|example| gate.judge(&example.measures).unlike_fit).count();
    (ErrorRates::of(&trials, SEED), unlike as u64)
}

/// Judges the faces of photos and of folders of photos. `sink` gets one reply per face, and one per photo without a usable face, in the
/// order of the inputs. Returns the number of processed inputs and the number of all inputs.
///
/// # Errors
/// The first error of `sink`; a path does not exist; the networks cannot be loaded.
pub fn score_photos<E: From<SessionError>>(
    networks: &Networks,
    gate: &Gate,
    (paths, photos): (&[PathBuf], &PhotoRequest),
    control: &Control<'_>,
    mut sink: impl FnMut(AuthenticityScored) -> Result<(), E>,
) -> Result<Stopped, E> {
    require_paths(paths)?;
    let guard = Guard { gate: gate.clone(), policy: AuthenticityPolicy::Warn };
    let engine = networks.engine()?;
    let (binding, mut looked_at) = (engine.model.binding(), 0);
    ingest::run(engine, walk(paths), &measuring(photos)?, &|_| false, control.stop, |outcome| {
        looked_at += 1;
        let path = outcome.input.path.to_string_lossy();
        let (faces, skip) = match &outcome.finding {
            Finding::Faces(faces) => (&faces[..], None),
            Finding::Skipped(skip) if skip.reason == Reason::NotAPhoto => return Ok(()),
            Finding::Skipped(skip) => (&[][..], Some(skip)),
            Finding::Known => (&[][..], None),
        };
        let judged = |one: &EncodedFace| Probe {
            authenticity: Some(guard.judge(one)),
            ..face(&path, one, &outcome.census)
        };
        let refused = refusals(&path, skip, &outcome.census, &binding);
        let probes = faces.iter().map(judged).chain(refused.into_iter().map(|refusal| refusal.probe));
        probes.map(|probe| AuthenticityScored { version: VERSION, probe }).try_for_each(&mut sink)
    })?;
    let total = if control.is_stopped() { (walk(paths).count() as u64).max(looked_at) } else { looked_at };
    Ok(Stopped { looked_at, total, unit: "input" })
}

fn measuring(photos: &PhotoRequest) -> Result<Options> {
    Ok(Options { measure_authenticity: true, ..engine::options(photos)? })
}

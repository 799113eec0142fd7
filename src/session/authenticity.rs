//! Authenticity: gates from photos, and what they say about photos.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::answer::{face, refusals};
use super::contents::Contents;
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
/// Difference of the shares of a file format in the classes, and ratio of the sizes of faces, from which the user is warned.
const DIFFERENT_FILES: f64 = 0.5;
const DIFFERENT_SIZE: f32 = 1.5;
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
    /// The first photo of each content, and its class.
    contents: Contents<bool>,
    /// What differs between the classes besides the attack: genuine, attack.
    files: [Files; 2],
}

/// The files of a class.
#[derive(Debug, Default)]
struct Files {
    /// Number of files by the ending of their names.
    endings: BTreeMap<String, u64>,
    /// The shorter sides of the faces, in pixels.
    sides: Vec<f32>,
}

/// Measures the largest face of every photo of two folders: genuine photos and attacks. The person of a photo is the folder directly below
/// the given folder; a photo without one is left out, and so is one with the same bytes as another one. The inner error means that it was
/// stopped.
///
/// # Errors
/// There is no such folder; a photo is in both; the networks cannot be loaded; the machine failed while a photo was processed.
pub fn examples(
    networks: &Networks,
    [genuine, attack]: [Option<&Path>; 2],
    photos: &PhotoRequest,
    control: &Control<'_>,
) -> Result<Result<Examples, Stopped>> {
    let mut found = Examples::default();
    for (folder, attack) in [(genuine, false), (attack, true)] {
        let Some(folder) = folder else { continue };
        require_paths(&[folder])?;
        let (roots, mut looked_at) = ([folder.to_owned()], 0);
        let total = survey(&roots).inputs;
        control.report("photos", 0, Some(total));
        let options = measuring(photos)?;
        ingest::run(networks.engine()?, walk(&roots), &options, &|_| false, control.stop, |outcome| {
            looked_at += 1;
            control.report("photos", looked_at, Some(total));
            found.enter(outcome, attack)
        })?;
        if control.is_stopped() && looked_at < total {
            return Ok(Err(Stopped { looked_at, total, unit: "photo" }));
        }
    }
    Ok(Ok(found))
}

impl Examples {
    fn enter(&mut self, outcome: Outcome, attack: bool) -> Result<()> {
        let path = outcome.input.path.to_string_lossy().into_owned();
        match self.contents.enter(outcome.hash, attack, &path) {
            None => {}
            Some((other, first)) if *other == attack => {
                let skip = Skip::new(Reason::Duplicate, format!("the same bytes as {first}"));
                self.left_out.push((path, skip));
                return Ok(());
            }
            Some((_, first)) => {
                return Err(SessionError::Input(format!(
                    "{path} and {first} have the same bytes; a photo is either genuine or an attack, so give two folders without \
                     common photos"
                )));
            }
        }
        let person = outcome.input.top_folder().map(|folder| folder.to_string_lossy().into_owned());
        let skip = match outcome.finding {
            Finding::Skipped(skip) if skip.is_temporary() => {
                return Err(SessionError::Input(format!("{path}: {skip}; nothing was measured")));
            }
            Finding::Skipped(skip) if skip.reason == Reason::NotAPhoto => return Ok(()),
            Finding::Skipped(skip) => skip,
            Finding::Known => return Ok(()),
            Finding::Faces(faces) => {
                let face = faces.into_iter().next();
                let side = face.as_ref().map_or(0.0, |face| {
                    let [left, top, right, bottom] = face.provenance.bounds;
                    (right - left).min(bottom - top)
                });
                let measures = face.and_then(|face| face.measures);
                match (person, measures) {
                    (Some(person), Some(Ok(measures))) => {
                        self.files[usize::from(attack)].add(&outcome.input.path, side);
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

impl Examples {
    /// In what the classes differ besides the attack. A gate then tells them apart by that, and its error rates are too low.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let [genuine, attack] = &self.files;
        if genuine.sides.is_empty() || attack.sides.is_empty() {
            return warnings;
        }
        let endings = genuine.endings.keys().chain(attack.endings.keys()).collect::<BTreeSet<_>>();
        for ending in endings {
            let [one, other] = [genuine, attack].map(|files| files.share(ending));
            if (one - other).abs() > DIFFERENT_FILES {
                warnings.push(format!(
                    "{:.0} % of the genuine photos and {:.0} % of the attacks are .{ending} files: the gate may learn the file format \
                     instead of the attack",
                    100.0 * one,
                    100.0 * other
                ));
                break;
            }
        }
        let [one, other] = [genuine, attack].map(Files::median);
        if one.max(other) > DIFFERENT_SIZE * one.min(other) {
            warnings.push(format!(
                "half of the genuine faces are larger than {one:.0} pixels, half of the attacks than {other:.0}: the gate may learn the \
                 size of faces instead of the attack"
            ));
        }
        warnings
    }
}

impl Files {
    fn add(&mut self, path: &Path, side: f32) {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let ending = if ending == "jpeg" { "jpg".into() } else { ending };
        *self.endings.entry(ending).or_default() += 1;
        self.sides.push(side);
    }

    fn share(&self, ending: &str) -> f64 {
        self.endings.get(ending).copied().unwrap_or(0) as f64 / self.sides.len().max(1) as f64
    }

    fn median(&self) -> f32 {
        let mut sides = self.sides.clone();
        let middle = sides.len() / 2;
        *sides.select_nth_unstable_by(middle, f32::total_cmp).1
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

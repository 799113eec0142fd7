//! `gallerist verify --pairs`: the verification accuracy of a model, measured through the whole pipeline.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::screen::{Bar, Screen, Table, count};
use super::skip::skip_text;
use super::{ExitStatus, NothingUsable, interrupt};
use crate::decision::Threshold;
use crate::encoder::Engine;
use crate::evaluation::{self, Comparison, verification};
use crate::ingest::{self, Finding, Options};
use crate::reply::{Model, PairsMeasured, VERSION};
use crate::session::{Progress, Stopped};
use crate::template::{Binding, Template};
use crate::vectors::open_regular;

/// Two photos and whether they show the same person.
pub struct Pair {
    pub a: PathBuf,
    pub b: PathBuf,
    pub same: bool,
}

/// Reads lines of two paths relative to `root` and `1` or `0`, separated by tabs. The first line may be a heading.
pub fn read(list: &Path, root: &Path) -> Result<Vec<Pair>> {
    let text = std::io::read_to_string(open_regular(list)?)
        .with_context(|| format!("{}: reading pairs", list.display()))?;
    let mut pairs = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text); // a byte order mark is not part of a path
    for (number, line) in (1..).zip(text.lines()) {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            [a, b, "1"] => pairs.push(Pair { a: root.join(a), b: root.join(b), same: true }),
            [a, b, "0"] => pairs.push(Pair { a: root.join(a), b: root.join(b), same: false }),
            [a, b, _] if number == 1 && ![a, b].iter().any(|path| root.join(path).exists()) => {}
            _ => bail!(
                "{}: line {number}: expected PHOTO, PHOTO, 1 or 0, separated by tabs, got {line:?}",
                list.display()
            ),
        }
    }
    ensure!(!pairs.is_empty(), "{}: the list contains no pair", list.display());
    Ok(pairs)
}

/// Most missing photos that an error lists.
const NAMED: usize = 5;

/// Checks a list before the first photo is processed.
///
/// # Errors
/// Photos are missing, or all pairs are mated or all are non-mated.
pub fn require(list: &Path, pairs: &[Pair]) -> Result<()> {
    let photos: BTreeSet<&PathBuf> = pairs.iter().flat_map(|pair| [&pair.a, &pair.b]).collect();
    let missing: Vec<String> =
        photos.iter().filter(|path| !path.exists()).map(|path| path.display().to_string()).collect();
    ensure!(
        missing.is_empty(),
        "{}: {} of {} photos do not exist: {}{}; give their folder with --root, or remove them from the list",
        list.display(),
        missing.len(),
        photos.len(),
        missing[..missing.len().min(NAMED)].join(", "),
        if missing.len() > NAMED { ", ..." } else { "" }
    );
    for (same, kind) in [(true, "of one person"), (false, "of two people")] {
        ensure!(
            pairs.iter().any(|pair| pair.same == same),
            "{}: no pair is {kind}; the measurement needs both kinds",
            list.display()
        );
    }
    Ok(())
}

/// The templates of the photos with a usable face.
pub type Templates = HashMap<PathBuf, Template>;

/// The processed photos of the pairs.
#[derive(Default)]
pub struct Encoded {
    pub templates: Templates,
    /// Photos without a usable face.
    pub failed: u64,
    /// Photos with more than one face. The largest was used.
    pub several: u64,
}

/// Processes every photo of the pairs once, and prints the photos without a usable face.
pub fn encode(
    pairs: &[Pair],
    engine: &Engine,
    options: &Options,
    stop: &AtomicBool,
    screen: Screen,
) -> Result<Result<Encoded, Stopped>> {
    let photos: BTreeSet<&PathBuf> = pairs.iter().flat_map(|pair| [&pair.a, &pair.b]).collect();
    let total = photos.len() as u64;
    let bar = Bar::new();
    let mut seen = 0;
    let mut encoded = Encoded::default();
    let files = ingest::files(photos.into_iter().cloned());
    ingest::run(engine, files, options, &|_| false, stop, |outcome| {
        seen += 1;
        bar.show(Progress { unit: "photos", done: seen, total: Some(total) });
        let path = outcome.input.path;
        match outcome.finding {
            Finding::Faces(faces) => {
                encoded.several += u64::from(outcome.census.not_looked_at > 0);
                encoded.templates.extend(faces.into_iter().next().map(|face| (path, face.template)));
            }
            Finding::Skipped(skip) if skip.is_temporary() => {
                bail!("{}: {skip}; nothing was measured", path.display())
            }
            Finding::Skipped(skip) => {
                encoded.failed += 1;
                bar.suspend(|| {
                    screen.text(format!(
                        "skipped {}  ({})",
                        path.display(),
                        skip_text(skip.reason, &skip.detail)
                    ))
                })?;
            }
            Finding::Known => unreachable!("a comparison knows no photos"),
        }
        anyhow::Ok(())
    })?;
    bar.finish();
    let looked_at = encoded.templates.len() as u64 + encoded.failed;
    Ok(if looked_at < total { Err(Stopped { looked_at, total, unit: "photo" }) } else { Ok(encoded) })
}

/// Processes every photo once, compares the pairs and prints the accuracy.
pub fn measure(
    pairs: &[Pair],
    engine: &Engine,
    options: &Options,
    binding: &Binding,
    threshold: &Threshold,
    screen: Screen,
) -> Result<ExitStatus> {
    let started = Instant::now();
    let Encoded { templates, failed, several } =
        match encode(pairs, engine, options, interrupt::stop_flag(), screen)? {
            Ok(encoded) => encoded,
            Err(stopped) => return interrupt::report(stopped, screen),
        };
    let seconds = started.elapsed().as_secs_f64();
    let photos = templates.len() as u64 + failed;
    let scores: Vec<(f32, bool)> = pairs
        .iter()
        .filter_map(|pair| {
            let (a, b) = (templates.get(&pair.a)?, templates.get(&pair.b)?);
            Some((a.similarity(b), pair.same))
        })
        .collect();
    if scores.is_empty() {
        return Err(NothingUsable("no pair has a face in both photos".into()).into());
    }
    let measured =
        verification(&comparisons(&scores), &evaluation::Options { repetitions: 0, ..Default::default() })?;
    let (best, best_accuracy) = (measured.accuracy_threshold, measured.accuracy.value);
    let at_model = accuracy(&scores, threshold.value);
    let failure_to_acquire = failed as f64 / photos as f64;
    screen.json(&PairsMeasured {
        version: VERSION,
        pairs: pairs.len(),
        pairs_compared: scores.len(),
        photos,
        photos_without_face: failed,
        photos_with_several_faces: several,
        failure_to_acquire,
        accuracy: best_accuracy,
        best_threshold: best,
        accuracy_all_pairs: best_accuracy * scores.len() as f64 / pairs.len() as f64,
        threshold: threshold.value,
        accuracy_at_threshold: at_model,
        false_match_rate_at_threshold: rate(&scores, false, threshold.value),
        false_non_match_rate_at_threshold: 1.0 - rate(&scores, true, threshold.value),
        seconds,
        photos_per_second: photos as f64 / seconds,
        model: Model::from(binding),
    })?;
    let mut table = Table::new(&[1]);
    table.row([
        "pairs compared".into(),
        format!("{} of {}", count(scores.len() as u64), count(pairs.len() as u64)),
    ]);
    table.row([
        "photos without a face (FTA)".into(),
        format!("{failed} of {photos} ({:.2} %)", 100.0 * failure_to_acquire),
    ]);
    table.row(["photos with several faces, largest used".into(), format!("{several} of {photos}")]);
    table.row([
        "accuracy at the best threshold".into(),
        format!("{:.2} % at {best:.3}", 100.0 * best_accuracy),
    ]);
    table.row([
        "accuracy at the model's threshold".into(),
        format!("{:.2} % at {:.3}", 100.0 * at_model, threshold.value),
    ]);
    table.row(["speed".into(), format!("{:.1} photos a second", photos as f64 / seconds)]);
    table.lines(0).iter().try_for_each(|line| screen.text(line))?;
    Ok(ExitStatus::Done)
}

/// Share of the mated (`same`) or non-mated pairs that score at or above `threshold`.
fn rate(scores: &[(f32, bool)], same: bool, threshold: f32) -> f64 {
    let of: Vec<_> = scores.iter().filter(|(_, mated)| *mated == same).collect();
    of.iter().filter(|(score, _)| *score >= threshold).count() as f64 / of.len().max(1) as f64
}

fn accuracy(scores: &[(f32, bool)], threshold: f32) -> f64 {
    scores.iter().filter(|(score, same)| (*score >= threshold) == *same).count() as f64 / scores.len() as f64
}

/// Pairs as comparisons of people. The list does not name people, so each pair has people of its own.
fn comparisons(scores: &[(f32, bool)]) -> Vec<Comparison> {
    (0..)
        .zip(scores)
        .map(|(pair, &(score, same))| Comparison {
            a: 2 * pair,
            b: 2 * pair + u64::from(!same),
            score: Some(score),
        })
        .collect()
}

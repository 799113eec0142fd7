//! `gallerist verify --pairs`: how well a model tells same from different, through the whole pipeline.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::screen::{Screen, Table, count};
use super::{End, interrupt};
use crate::decision::Threshold;
use crate::encoder::Engine;
use crate::evaluation::{self, Comparison, verification};
use crate::gallery::Binding;
use crate::ingest::{self, Finding, Options};
use crate::template::Template;

/// Two photos and whether they show the same person.
pub struct Pair {
    pub a: PathBuf,
    pub b: PathBuf,
    pub same: bool,
}

/// Reads lines of two paths below `root` and `1` or `0`, tabs between; a heading line is allowed.
pub fn read(list: &Path, root: &Path) -> Result<Vec<Pair>> {
    let text = std::fs::read_to_string(list).with_context(|| format!("{}: reading pairs", list.display()))?;
    let mut pairs = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text); // a byte order mark is no part of a path
    for (number, line) in (1..).zip(text.lines()) {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            [a, b, "1"] => pairs.push(Pair { a: root.join(a), b: root.join(b), same: true }),
            [a, b, "0"] => pairs.push(Pair { a: root.join(a), b: root.join(b), same: false }),
            _ if number == 1 => {}
            _ => bail!(
                "{}: line {number}: expected PHOTO, PHOTO, 1 or 0 with tabs between, got {line:?}",
                list.display()
            ),
        }
    }
    ensure!(!pairs.is_empty(), "{}: there is no pair in it", list.display());
    Ok(pairs)
}

/// The template of each photo that has a face.
pub type Templates = HashMap<PathBuf, Template>;

/// Looks at every photo of the pairs once, and says which have no usable face; with how many these are. `None` if it was interrupted.
pub fn encode(
    pairs: &[Pair],
    engine: &Engine,
    options: &Options,
    stop: &AtomicBool,
    screen: Screen,
) -> Result<Option<(Templates, u64)>> {
    let photos: BTreeSet<&PathBuf> = pairs.iter().flat_map(|pair| [&pair.a, &pair.b]).collect();
    let bar = screen.progress(Some(photos.len() as u64), "photos");
    let (mut templates, mut failed) = (Templates::new(), 0_u64);
    let files = ingest::files(photos.iter().copied().cloned());
    ingest::run(engine, files, options, &|_| false, stop, |outcome| {
        bar.inc(1);
        let path = outcome.input.path;
        match outcome.finding {
            Finding::Faces(faces, _) => {
                templates.extend(faces.into_iter().next().map(|face| (path, face.template)));
            }
            Finding::Skipped(skip) if skip.temporary => {
                bail!("{}: {skip}; nothing was measured", path.display())
            }
            Finding::Skipped(skip) => {
                failed += 1;
                bar.suspend(|| screen.text(format!("skipped {}  ({skip})", path.display())))?;
            }
            Finding::Known => unreachable!("no photo is known to a comparison"),
        }
        anyhow::Ok(())
    })?;
    bar.finish_and_clear();
    let stopped = stop.load(Ordering::Relaxed) && templates.len() as u64 + failed < photos.len() as u64;
    Ok((!stopped).then_some((templates, failed)))
}

/// Encodes every photo once, scores the pairs and prints what the scores allow.
pub fn measure(
    pairs: &[Pair],
    engine: &Engine,
    options: &Options,
    binding: &Binding,
    threshold: &Threshold,
    screen: Screen,
) -> Result<End> {
    let stop = interrupt::watch();
    let started = Instant::now();
    let Some((templates, failed)) = encode(pairs, engine, options, stop, screen)? else {
        return Ok(End::Interrupted);
    };
    let seconds = started.elapsed().as_secs_f64();
    let photos = templates.len() as u64 + failed;
    let scores: Vec<(f32, bool)> = pairs
        .iter()
        .filter_map(|pair| {
            let (a, b) = (templates.get(&pair.a)?, templates.get(&pair.b)?);
            Some((gallerist_index::dot(a.as_slice(), b.as_slice()), pair.same))
        })
        .collect();
    ensure!(!scores.is_empty(), "no pair has a face in both photos");
    let measured =
        verification(&comparisons(&scores), &evaluation::Options { repetitions: 0, ..Default::default() })?;
    let (best, best_accuracy) = (measured.accuracy_threshold, measured.accuracy.value);
    let at_model = accuracy(&scores, threshold.value);
    let failure_to_acquire = failed as f64 / photos as f64;
    screen.json(&json!({
        "pairs": pairs.len(), "pairs_compared": scores.len(), "photos": photos,
        "photos_without_face": failed, "failure_to_acquire": failure_to_acquire,
        "accuracy": best_accuracy, "best_threshold": best,
        "accuracy_all_pairs": best_accuracy * scores.len() as f64 / pairs.len() as f64,
        "threshold": threshold.value, "accuracy_at_threshold": at_model,
        "false_match_rate_at_threshold": rate(&scores, false, threshold.value),
        "false_non_match_rate_at_threshold": 1.0 - rate(&scores, true, threshold.value),
        "seconds": seconds, "photos_per_second": photos as f64 / seconds,
        "model": { "name": binding.model, "fingerprint": binding.fingerprint },
    }))?;
    let mut table = Table::new(&[1]);
    table.row([
        "pairs compared".into(),
        format!("{} of {}", count(scores.len() as u64), count(pairs.len() as u64)),
    ]);
    table.row([
        "photos without a face (FTA)".into(),
        format!("{failed} of {photos} ({:.2} %)", 100.0 * failure_to_acquire),
    ]);
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
    Ok(End::Done)
}

/// Share of the mated (`same`) or non-mated pairs that score at or above `threshold`.
fn rate(scores: &[(f32, bool)], same: bool, threshold: f32) -> f64 {
    let of: Vec<_> = scores.iter().filter(|(_, mated)| *mated == same).collect();
    of.iter().filter(|(score, _)| *score >= threshold).count() as f64 / of.len().max(1) as f64
}

fn accuracy(scores: &[(f32, bool)], threshold: f32) -> f64 {
    scores.iter().filter(|(score, same)| (*score >= threshold) == *same).count() as f64 / scores.len() as f64
}

/// Pairs as comparisons of people who appear in one pair each: who they are is not known.
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

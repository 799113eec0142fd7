//! Whether a calibrated threshold keeps its error rate when a gallery grows, compared with a fixed threshold.
//!
//! ```text
//! cargo run --release -p gallerist-bench -- growth TARGET STRANGERS.npy FOLDS GALLERY...
//! ```
//!
//! The galleries are given from small to large and contain no person of STRANGERS.npy, which has one row per person. These non-mated
//! probes are divided into FOLDS. Each fold calibrates once, and the other folds are the test probes. For each gallery and fold: the
//! threshold for TARGET, its 95 % interval, and the share of the test probes that reach it; the same for the threshold that the fold's
//! calibration of the first gallery predicts for this size, and for its unchanged threshold. Nothing is stored in the galleries. Prints
//! one JSON line for each gallery and fold, and one for each gallery with the number of intervals that contain the observed rate.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};
use gallerist::calibration::Calibration;
use gallerist::calibration::binomial;
use gallerist::decision::Operating;
use gallerist::experiment::{Calibrator, Probe};
use gallerist::fusion::Fusion;
use gallerist::gallery::{Gallery, Search};
use gallerist::template::Template;
use gallerist::vectors::VectorFile;
use serde_json::{Value, json};

/// Runs the benchmark with the arguments after its name.
///
/// # Errors
/// A file is missing or invalid, or a gallery fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let [target, strangers, folds, galleries @ ..] = arguments else {
        anyhow::bail!("growth TARGET STRANGERS.npy FOLDS GALLERY...")
    };
    let (target, folds): (f64, usize) = (target.parse()?, folds.parse()?);
    let strangers = read(Path::new(strangers))?;
    ensure!(!galleries.is_empty() && folds > 1, "expected at least one GALLERY and two FOLDS");
    let size = strangers.len() / folds;
    let mut first: Vec<Calibration> = Vec::new();
    for gallery in galleries {
        let gallery = Gallery::open(Path::new(gallery))?;
        let best = best_scores(&gallery, &strangers)?;
        let subjects = gallery.counts()?.0;
        let (mut inside, mut agrees, mut foretold_inside, mut foretold_count) = (0, 0, 0, 0);
        let (mut observed, mut fixed_observed) = (Vec::new(), Vec::new());
        for fold in 0..folds {
            let own = fold * size..(fold + 1) * size;
            let calibration = calibrate(&gallery, target, &strangers[own.clone()])?;
            if first.len() < folds {
                first.push(calibration.clone());
            }
            let fresh: Vec<f32> = [&best[..own.start], &best[own.end..]].concat();
            let judge = |operating: &Operating| judged(operating, &fresh);
            let operating = calibration.operating(target, subjects)?;
            let foretold = first[fold].operating(target, subjects);
            let fixed = first[fold].operating(target, first[fold].subjects)?.threshold;
            let (now, then) = (judge(&operating), foretold.as_ref().map(judge));
            inside += u64::from(now["inside"] == true);
            agrees += u64::from(now["agrees"] == true);
            if let Ok(then) = &then {
                foretold_count += 1;
                foretold_inside += u64::from(then["inside"] == true);
            }
            observed.push(share(&fresh, operating.threshold));
            fixed_observed.push(share(&fresh, fixed));
            println!(
                "{}",
                json!({
                    "subjects": subjects, "fold": fold, "target_fpir": target, "calibration_searches": size,
                    "fresh_searches": fresh.len(), "calibrated": now,
                    "foretold": then.unwrap_or_else(|why| json!(why.to_string())),
                    "fixed": { "threshold": fixed, "observed_fpir": share(&fresh, fixed) },
                    "growth": calibration.growth.as_ref().map(|growth| (growth.exponent, growth.interval)),
                })
            );
        }
        let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
        println!(
            "{}",
            json!({
                "subjects": subjects, "folds": folds, "inside": inside, "agrees": agrees, "mean_observed_fpir": mean(&observed),
                "foretold": foretold_count, "foretold_inside": foretold_inside,
                "fixed_mean_observed_fpir": mean(&fixed_observed),
            })
        );
    }
    Ok(())
}

fn calibrate(gallery: &Gallery, target: f64, strangers: &[Template]) -> Result<Calibration> {
    let probe = |template: &Template| Probe { name: String::new(), person: None, template: template.clone() };
    let probes: Vec<Probe> = strangers.iter().map(probe).collect();
    let calibrator = Calibrator {
        gallery,
        fusion: Fusion::Max,
        targets: &[target],
        progress: &|_| {},
        stop: &AtomicBool::new(false),
    };
    calibrator.given(&probes)?.context("stopped")
}

fn judged(operating: &Operating, best: &[f32]) -> Value {
    let observed = share(best, operating.threshold);
    let [low, high] = operating.fpir_ci95;
    let [seen_low, seen_high] = binomial::interval(observed * best.len() as f64, best.len() as f64);
    json!({
        "threshold": operating.threshold, "fpir_ci95": [low, high], "method": operating.method,
        "extrapolated": operating.extrapolated, "observed_fpir": observed,
        "observed_ci95": [seen_low, seen_high], "inside": (low..=high).contains(&observed),
        // With few test probes the observed rate is uncertain too.
        "agrees": seen_low <= high && low <= seen_high,
    })
}

fn share(best: &[f32], threshold: f32) -> f64 {
    best.iter().filter(|score| **score >= threshold).count() as f64 / best.len() as f64
}

fn best_scores(gallery: &Gallery, probes: &[Template]) -> Result<Vec<f32>> {
    let view = gallery.view()?;
    let mut best = Vec::with_capacity(probes.len());
    for block in probes.chunks(1024) {
        let block: Vec<&Template> = block.iter().collect();
        let rankings = gallery.rank(&view, &block, 1, &Search::default(), None)?;
        best.extend(rankings.iter().filter_map(|ranking| ranking.subjects.first().map(|first| first.2)));
    }
    Ok(best)
}

fn read(path: &Path) -> Result<Vec<Template>> {
    let file = VectorFile::open(path)?;
    let rows = usize::try_from(file.rows)?;
    Ok(file.templates(0, rows)?)
}

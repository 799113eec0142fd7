//! `gallerist audit`

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::probes::Probes;
use super::screen::{Screen, Table, count, interval, percent, plural};
use super::searching::{DecisionArguments, SearchArguments, Way};
use super::{End, interrupt, opening};
use crate::audit::{Audit, Auditor, MatesFrom};
use crate::template::Template;

/// Measure what a way to search misses at the threshold, look templates up as they are, and list people who are in the
/// gallery twice and photos that are not of their person. Ends with 1 if a promise is broken.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Probes of people who are in the gallery: a folder of their folders of photos, or templates [default: the
    /// gallery's own templates, each without itself; made-up ones where everybody has one]
    #[arg(long, value_name = "DIR|FILE.npy")]
    mated: Option<PathBuf>,
    /// Names of the people in FILE.npy, one line a row
    #[arg(long, value_name = "FILE.txt", requires = "mated")]
    subjects: Option<PathBuf>,
    /// Probes, and templates to look at, at most
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    sample: u32,
    /// Of every choice
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Share of searches in which an approximate search may miss the mate
    #[arg(long, value_name = "SHARE", default_value_t = 0.001)]
    max_loss: f64,
    /// List people who score this against each other [default: more than strangers do]
    #[arg(long, value_name = "COSINE")]
    doubles_above: Option<f32>,
    /// Length of the candidate lists
    #[arg(short = 'k', long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top_k: u32,
    #[command(flatten)]
    decision: DecisionArguments,
    #[command(flatten)]
    search: SearchArguments,
    #[command(flatten)]
    look: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    // What searches of graphs miss is kept in the gallery.
    let keeps = arguments.search.search == Way::Graph;
    let open = if keeps { opening::to_write } else { opening::to_read };
    let gallery = open(&arguments.gallery)?;
    let deciding = arguments.decision.settle(&gallery, &arguments.search)?;
    let stop = interrupt::watch();
    let mut given: Vec<(Template, String)> = Vec::new();
    if let Some(path) = &arguments.mated {
        let engine = || arguments.engine.load_for(&gallery);
        let dimension = Some(gallery.binding().dimension);
        let names = arguments.subjects.as_deref();
        let read = Probes::read(path, names, dimension, &engine, &arguments.look, screen, stop)?;
        for probe in read.probes {
            let person =
                probe.person.with_context(|| format!("{}: whose is it? give --subjects", probe.name))?;
            given.push((probe.template, person));
        }
    }
    let bar = screen.progress(None, "done");
    let auditor = Auditor {
        gallery: &gallery,
        search: deciding.search,
        threshold: deciding.threshold.value,
        top_k: arguments.top_k as usize,
        sample: arguments.sample as usize,
        seed: arguments.seed,
        bound: arguments.max_loss,
        doubles_above: arguments.doubles_above,
        progress: &|what, done, of| {
            bar.set_message(format!("{what}: {} of {}", count(done as u64), count(of as u64)));
            bar.set_position(done as u64);
        },
        stop,
    };
    let audit = auditor.run(&given)?;
    bar.finish_and_clear();
    let Some(audit) = audit else { return Ok(End::Interrupted) };
    if keeps {
        gallery.keep_audit(&audit)?;
    }
    screen.json(&audit)?;
    print(screen, &audit)?;
    Ok(if audit.broken.is_empty() { End::Done } else { End::Wrong })
}

fn print(screen: Screen, audit: &Audit) -> Result<()> {
    let mut table = Table::new(&[]);
    table.row(["search", &format!("{}, threshold {:.3}", audit.search, audit.threshold)]);
    if let Some(mates) = audit.mates {
        let from = match mates.from {
            MatesFrom::Given => "given",
            MatesFrom::LeftOut => "the gallery's own, each without itself",
            MatesFrom::MadeUp => "made up, a little above the threshold",
        };
        table.row(["mated probes", &format!("{} ({from})", count(mates.probes))]);
        if mates.from != MatesFrom::MadeUp {
            table.row(["FNIR by brute force", &percent(mates.fnir_exact)]); // made-up ones all reach the threshold
        }
        let around = interval(mates.difference_ci95);
        let missed = format!("{} ({around}), {}", percent(mates.difference), plural(mates.missed, "mate"));
        table.row(["FNIR added by the search", &missed]);
    }
    let found = count(audit.looked_up - audit.not_found_count);
    table.row(["templates that find themselves", &format!("{found} of {}", count(audit.looked_up))]);
    table.row(["people who may be in it twice", &count(audit.doubles.len() as u64)]);
    table.row(["photos that may be of others", &count(audit.outliers.len() as u64)]);
    let calibration =
        if audit.calibration.is_empty() { "fresh".into() } else { audit.calibration.join("; ") };
    table.row(["calibration", &calibration]);
    table.lines(0).iter().try_for_each(|line| screen.text(line))?;
    for double in &audit.doubles {
        let [one, other] = &double.subjects;
        let [first, second] = double.templates;
        screen.text(format!("twice?  {:.3}  {one} (#{first})  {other} (#{second})", double.score))?;
    }
    for outlier in &audit.outliers {
        screen.text(format!(
            "whose?  #{} of {}  scores {:.3} with the others of that person, {:.3} with {}  {}",
            outlier.template, outlier.subject, outlier.own, outlier.other, outlier.closer_to, outlier.path
        ))?;
    }
    audit.broken.iter().try_for_each(|broken| screen.text(format!("BROKEN: {broken}")))?;
    Ok(())
}

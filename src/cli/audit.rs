//! `gallerist audit`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::probes::{ProbeArguments, several_faces};
use super::screen::{Bar, Screen, Table, count, interval, percent, plural, score};
use super::searching::{DecisionArguments, SearchOptions};
use super::{ExitStatus, interrupt, opening, rows, values};
use crate::audit::{Audit, LISTED, MatesFrom};
use crate::reply::Versioned;
use crate::session::{AuditRequest, Control, Mated};

/// Measure the share of mates that a search misses at the threshold. Search for stored templates, which must find themselves. List pairs of
/// subjects that may be one person, and photos that may show another person. Ends with exit code 1 if a check fails.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Mated probes: a folder with one folder of photos per subject, or templates [default: the gallery's own templates, each left out of
    /// its own search; synthetic probes if every subject has one template]
    #[arg(long, value_name = "DIR|FILE.npy")]
    mated: Option<PathBuf>,
    /// Subject names of FILE.npy, one per row
    #[arg(long, value_name = "FILE.txt", requires = "mated")]
    subjects: Option<PathBuf>,
    /// Most probes, and most stored templates to search for
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    sample: u32,
    /// Seed of the random choices
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Largest share of searches in which an approximate search may miss the mate, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.001, allow_negative_numbers = true, value_parser = values::share)]
    max_loss: f64,
    /// List pairs of subjects with at least this score [default: above the scores of different people]
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, value_parser = values::cosine)]
    doubles_above: Option<f32>,
    /// Length of the candidate list
    #[arg(short = 'k', long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top_k: u32,
    #[command(flatten)]
    decision: DecisionArguments,
    #[command(flatten)]
    search: SearchOptions,
    #[command(flatten)]
    probes: ProbeArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let stop = interrupt::stop_flag();
    // The miss rate of a graph search is stored in the gallery, for the certificates of later searches.
    let keeps = arguments.search.is_approximate();
    let open = if keeps { opening::session_to_write } else { opening::session_to_read };
    let session = open(&arguments.gallery, &arguments.probes.engine)?;
    let policy = session.policy(&arguments.search.request(), &arguments.decision.request()?)?;
    let bar = Bar::new();
    let control = Control { stop, progress: &|progress| bar.show(progress) };
    let audited = session.audit(&arguments.request(), &policy, &control)?;
    bar.finish();
    let audited = match audited {
        Ok(audited) => audited,
        Err(stopped) => return interrupt::report(stopped, screen),
    };
    rows::print_skipped(&audited.invalid, screen)?;
    if let Some(warning) = several_faces(audited.several) {
        screen.text(format!("warning: {warning}"))?;
    }
    let audit = audited.audit;
    if keeps {
        session.keep_audit(&audit)?;
    }
    screen.json(&Versioned::new(&audit))?;
    print(screen, &audit)?;
    Ok(if audit.broken.is_empty() { ExitStatus::Done } else { ExitStatus::Failed })
}

impl Arguments {
    fn request(&self) -> AuditRequest {
        AuditRequest {
            mated: self.mated.clone().map_or(Mated::Own, |path| Mated::Given(path, self.subjects.clone())),
            sample: self.sample,
            seed: self.seed,
            max_loss: self.max_loss,
            doubles_above: self.doubles_above,
            top_k: self.top_k,
            photos: self.probes.photos.largest(),
            skip_invalid: self.probes.rows.skip_invalid,
        }
    }
}

fn print(screen: Screen, audit: &Audit) -> Result<()> {
    let mut table = Table::new(&[]);
    table.row(["search", &format!("{}, threshold {:.3}", audit.search, audit.threshold)]);
    if let Some(mates) = audit.mates {
        let from = match mates.from {
            MatesFrom::Given => "given",
            MatesFrom::LeftOut => "the gallery's own, each left out of its own search",
            MatesFrom::MadeUp => "synthetic, slightly above the threshold",
        };
        table.row(["mated probes", &format!("{} ({from})", count(mates.probes))]);
        if mates.from != MatesFrom::MadeUp {
            table.row(["FNIR by brute force", &percent(mates.fnir_exact)]); // all synthetic probes reach the threshold
        }
        let around = interval(mates.difference_ci95);
        let missed = format!("{} ({around}), {}", percent(mates.difference), plural(mates.missed, "mate"));
        table.row(["FNIR added by the search", &missed]);
    }
    let found = count(audit.looked_up - audit.not_found_count);
    table.row(["templates that find themselves", &format!("{found} of {}", count(audit.looked_up))]);
    table.row(["possible duplicate subjects", &listed(audit.doubles.len())]);
    table.row(["photos that may be of other people", &listed(audit.outliers.len())]);
    let calibration =
        if audit.calibration.is_empty() { "fresh".into() } else { audit.calibration.join("; ") };
    table.row(["calibration", &calibration]);
    table.lines(0).iter().try_for_each(|line| screen.text(line))?;
    for double in &audit.doubles {
        let [one, other] = &double.subjects;
        let [first, second] = double.templates;
        screen.text(format!("twice?  {}  {one} (#{first})  {other} (#{second})", score(double.score)))?;
    }
    for outlier in &audit.outliers {
        screen.text(format!(
            "whose?  #{} of {}  scores {} with the others of that person, {} with {}  {}",
            outlier.template,
            outlier.subject,
            score(outlier.own),
            score(outlier.other),
            outlier.closer_to,
            outlier.path
        ))?;
    }
    audit.broken.iter().try_for_each(|broken| screen.text(format!("BROKEN: {broken}")))?;
    Ok(())
}

/// The number of listed items. A list that is full may be cut.
fn listed(items: usize) -> String {
    let items = items as u64;
    if items < LISTED as u64 { count(items) } else { format!("{} or more", count(items)) }
}

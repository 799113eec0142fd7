//! `gallerist calibrate`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::probes::ProbeArguments;
use super::screen::{Bar, Screen, Table, aim, count, interval, percent, plural, score};
use super::searching::Fusion;
use super::{ExitStatus, Usage, interrupt, opening, rows, values};
use crate::calibration::{COUNTED, Calibration, Strangers as Searched};
use crate::decision::Method;
use crate::reply::Calibrated;
use crate::session::{CalibrateRequest, Control, Strangers};

/// Measure the false positive identification rate (FPIR), and derive thresholds for target rates. Give photos or templates of people who
/// are not in the gallery: as many different people as possible, in photos like the later probes. Without them, subjects of the gallery are
/// searched for, each among the other subjects.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Non-mated probes: a folder of photos, with one folder per person, or templates, one per row
    #[arg(long, value_name = "DIR|FILE.npy")]
    nonmated: Option<PathBuf>,
    /// Names of the people in FILE.npy, one per row
    #[arg(long, value_name = "FILE.txt", requires = "nonmated")]
    subjects: Option<PathBuf>,
    /// Target FPIR: the share of non-mated searches with a false match. `identify` uses the first one by default
    #[arg(
        long,
        value_name = "FPIR,...",
        action = clap::ArgAction::Set, // an option that is given twice is an error
        value_delimiter = ',',
        default_value = "0.01",
        num_args = 1,
        allow_negative_numbers = true,
        value_parser = values::rate
    )]
    target_fpir: Vec<f64>,
    /// How the scores of a subject's templates become one score
    #[arg(long, value_enum, default_value = "max")]
    fusion: Fusion,
    /// Without --nonmated: the most subjects to search for
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(20..))]
    people: u32,
    /// Seed of the random choice of these subjects
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Copy the calibration of another gallery of the same model; nothing is measured
    #[arg(long, value_name = "GALLERY", conflicts_with_all = ["nonmated", "target_fpir", "fusion", "people", "seed", "skip_invalid"])]
    from: Option<PathBuf>,
    /// Print the calibration; store nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    probes: ProbeArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    values::require_distinct("--target-fpir", &arguments.target_fpir)?;
    let stop = interrupt::stop_flag();
    if let Some(from) = arguments.from.as_ref().filter(|from| is_same(from, &arguments.gallery)) {
        return Err(Usage(format!("--from: {} is the gallery itself", from.display())).into());
    }
    let open = if arguments.dry_run { opening::session_to_read } else { opening::session_to_write };
    let session = open(&arguments.gallery, &arguments.probes.engine)?;
    let bar = Bar::new();
    let control = Control { stop, progress: &|progress| bar.show(progress) };
    let measured = match &arguments.from {
        Some(from) => Ok(session.calibration_of(&opening::to_read(from)?)?),
        None => session.calibrate(&arguments.request(), &control)?,
    };
    bar.finish();
    let measured = match measured {
        Ok(measured) => measured,
        Err(stopped) => return interrupt::report(stopped, screen),
    };
    rows::print_skipped(&measured.invalid, screen)?;
    let subjects = session.gallery().counts()?.0;
    let calibration = measured.calibration.clone();
    // Unreachable targets must be an error before anything is stored.
    let mut reply = measured.reply(None, subjects)?;
    if !arguments.dry_run {
        reply.id = Some(session.keep_calibration(&calibration)?);
    }
    screen.json(&reply)?;
    print(screen, &reply, &calibration)?;
    Ok(ExitStatus::Done)
}

impl Arguments {
    fn request(&self) -> CalibrateRequest {
        let strangers = match &self.nonmated {
            Some(path) => Strangers::Given(path.clone(), self.subjects.clone()),
            None => Strangers::LeftOut { people: self.people, seed: self.seed },
        };
        CalibrateRequest {
            strangers,
            target_fpir: self.target_fpir.clone(),
            fusion: self.fusion.into(),
            photos: self.probes.photos.largest(),
            skip_invalid: self.probes.rows.skip_invalid,
        }
    }
}

/// Whether two paths are the same folder.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|path| Some(path) == real(other))
}

fn print(screen: Screen, reply: &Calibrated, calibration: &Calibration) -> Result<()> {
    if screen.is_json() {
        return Ok(());
    }
    let who = match reply.strangers {
        Searched::Given => "of people who are not in it",
        Searched::LeftOut => "of its own people, each among the others",
    };
    let searches = plural(reply.nonmated_searches as u64, "search");
    screen.text(format!(
        "{searches} {who}, complete, through {} of {}, fusion {}",
        plural(reply.n_subjects, "subject"),
        plural(reply.n_templates, "template"),
        reply.fusion.name()
    ))?;
    let mut table = Table::new(&[0, 1]);
    table.row(["FPIR", "threshold", "95 % interval of the FPIR", "how"]);
    for point in &reply.operating_points {
        let how = match point.method {
            Method::Counted => {
                format!("counted: {}", plural(point.alarms as u64, "search"))
            }
            Method::Tail => format!("fitted tail, {} reach it", count(point.alarms as u64)),
        };
        let how = if point.extrapolated { format!("{how}, extrapolated") } else { how };
        table.row([
            aim(point.target_fpir),
            format!("{:.3}", point.threshold),
            interval(point.fpir_ci95),
            how,
        ]);
    }
    table.lines(0).iter().try_for_each(|line| screen.text(line))?;
    if let Some(point) = reply.operating_points.first() {
        let lowest = percent(point.lowest_target);
        screen.text(format!("the rarest rate that {searches} can tell here: {lowest}"))?;
    }
    print_sizes(screen, calibration)?;
    for suspect in reply.suspects.iter().take(10) {
        let (probe, subject, score) = (&suspect.probe, &suspect.subject, score(suspect.score));
        screen.text(format!("suspect  {probe}  is like {subject}  {score}"))?;
    }
    reply.warnings.iter().try_for_each(|warning| screen.text(format!("warning: {warning}")))?;
    screen.text(if reply.id.is_some() { "kept in the gallery" } else { "dry run: nothing was kept" })?;
    Ok(())
}

/// Prints the threshold of the first target for larger galleries.
fn print_sizes(screen: Screen, calibration: &Calibration) -> Result<()> {
    let Some(&target) = calibration.targets.first() else { return Ok(()) };
    let mut sizes = Vec::new();
    for times in [1u64, 2, 5, 10, 100] {
        let subjects = calibration.subjects.saturating_mul(times);
        let Ok(point) = calibration.operating(target, subjects) else { break };
        if point.method == Method::Counted && (point.alarms as f64) < COUNTED {
            break;
        }
        sizes.push(format!("{} {:.3}", count(subjects), point.threshold));
    }
    if sizes.len() > 1 {
        let sizes = sizes.join(", ");
        screen.text(format!("threshold for FPIR {} by subjects: {sizes}", aim(target)))?;
    }
    if let Some(growth) = &calibration.growth {
        let [low, high] = growth.interval;
        screen.text(format!(
            "false alarms grow with the power {:.2} of the subjects ({low:.2} to {high:.2}), measured in parts of the gallery",
            growth.exponent
        ))?;
    }
    Ok(())
}

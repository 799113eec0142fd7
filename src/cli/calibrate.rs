//! `gallerist calibrate`

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;

use super::interrupt::{self, Stopped};
use super::probes::{ProbeArguments, Probes, Source, several_faces};
use super::screen::{Screen, Table, aim, count, interval, percent, plural, score};
use super::{End, opening, values};
use crate::calibration::{COUNTED, Calibration, Strangers};
use crate::decision::{Method, Operating};
use crate::experiment::{Calibrator, FEWEST_PROBES, Probe, record};
use crate::fusion::Fusion;
use crate::gallery::Gallery;

/// Measure how often strangers are named, and derive thresholds for error rates from that. Give photos or templates
/// of people who are not in the gallery, as many different people as there are, photographed as the probes will be.
/// Without them, the gallery's own people are looked up, each among all the others.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// People who are not in the gallery: a folder of photos (folders in it are people), or templates, one row each
    #[arg(long, value_name = "DIR|FILE.npy")]
    nonmated: Option<PathBuf>,
    /// Names of the people in FILE.npy, one line a row
    #[arg(long, value_name = "FILE.txt", requires = "nonmated")]
    subjects: Option<PathBuf>,
    /// The share of strangers who may be named; the first one is used where none is said
    #[arg(
        long,
        value_name = "FPIR,...",
        action = clap::ArgAction::Set, // given twice it is refused
        value_delimiter = ',',
        default_value = "0.01",
        num_args = 1,
        allow_negative_numbers = true,
        value_parser = values::rate
    )]
    target_fpir: Vec<f64>,
    /// How a person's templates are made one score
    #[arg(long, value_enum, default_value = "max")]
    fusion: Fusion,
    /// Without --nonmated: how many of the gallery's people to look up at most
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(20..))]
    people: u32,
    /// Of the choice of these
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Take the calibration of another gallery of the same model instead of measuring
    #[arg(long, value_name = "GALLERY", conflicts_with_all = ["nonmated", "target_fpir", "fusion"])]
    from: Option<PathBuf>,
    /// Print what would be kept, and keep nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    probes: ProbeArguments,
}

/// A calibration and what is to be said about its probes, or that it was stopped.
type Measured = Result<(Calibration, Vec<String>), Stopped>;

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    values::distinct("--target-fpir", &arguments.target_fpir)?;
    let stop = interrupt::watch();
    if let Some(from) = &arguments.from {
        ensure!(!is_same(from, &arguments.gallery), "--from: {} is the gallery itself", from.display());
    }
    let open = if arguments.dry_run { opening::to_read } else { opening::to_write };
    let gallery = open(&arguments.gallery)?;
    let measured = match &arguments.from {
        Some(from) => Ok(taken_from(&gallery, from)?),
        None => measure(arguments, &gallery, screen, stop)?,
    };
    let (calibration, warnings) = match measured {
        Ok(measured) => measured,
        Err(stopped) => return stopped.report(screen),
    };
    let subjects = gallery.counts()?.0;
    let points: Vec<Operating> = calibration
        .targets
        .iter()
        .map(|&target| calibration.operating(target, subjects))
        .collect::<Result<_, _>>()?;
    let id = if arguments.dry_run { None } else { Some(record::keep_calibration(&gallery, &calibration)?) };
    print(screen, id, &calibration, &points, &warnings)?;
    Ok(End::Done)
}

/// Whether two paths lead to one folder.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|path| Some(path) == real(other))
}

fn taken_from(gallery: &Gallery, from: &Path) -> Result<(Calibration, Vec<String>)> {
    let found = record::calibration(&opening::to_read(from)?, None)?;
    let (_, calibration) = found.with_context(|| format!("{} is not calibrated", from.display()))?;
    calibration.require(gallery.binding())?;
    let warning = "measured on another gallery: people and photos there may be unlike those here".into();
    Ok((calibration, vec![warning]))
}

/// Measures; with what is to be said about the probes.
fn measure(arguments: &Arguments, gallery: &Gallery, screen: Screen, stop: &AtomicBool) -> Result<Measured> {
    let mut warnings = Vec::new();
    let probes = match &arguments.nonmated {
        Some(path) => {
            let source = Source {
                path,
                names: arguments.subjects.as_deref(),
                dimension: Some(gallery.binding().dimension),
                engine: &|| arguments.probes.engine.load_for(gallery),
                arguments: &arguments.probes,
                screen,
                stop,
            };
            if let Some(listed) = source.listed()? {
                let strangers = listed.iter().filter(|photo| !is_subject(gallery, photo.person.as_deref()));
                require(strangers.count())?;
            }
            match source.read()? {
                Ok(probes) => Some(strangers(gallery, probes, &mut warnings)?),
                Err(stopped) => return Ok(Err(stopped)),
            }
        }
        None => None,
    };
    let people = u64::from(arguments.people).min(gallery.counts()?.0);
    let total = probes.as_ref().map_or(people, |probes| probes.len() as u64);
    let bar = screen.progress(Some(total), "searches");
    let calibrator = Calibrator {
        gallery,
        fusion: arguments.fusion,
        targets: &arguments.target_fpir,
        progress: &|done| bar.set_position(done as u64),
        stop,
    };
    let calibration = match &probes {
        Some(probes) => calibrator.given(probes)?,
        None => calibrator.left_out(arguments.people as usize, arguments.seed)?,
    };
    let looked_at = bar.position();
    bar.finish_and_clear();
    if probes.is_none() {
        warnings.push(
            "measured with the gallery's own photos, each person looked up among the others: photos taken elsewhere may score \
             otherwise; --nonmated measures with those"
                .into(),
        );
    }
    let stopped = Stopped { looked_at, total, unit: "search" };
    Ok(calibration.map(|calibration| (calibration, warnings)).ok_or(stopped))
}

fn is_subject(gallery: &Gallery, person: Option<&str>) -> bool {
    person.is_some_and(|name| gallery.subject(name).is_ok())
}

/// Refuses to measure with too few strangers.
fn require(strangers: usize) -> Result<()> {
    ensure!(
        strangers >= FEWEST_PROBES,
        "{} of people who are not in the gallery remain, a calibration needs at least {FEWEST_PROBES}: give more of them with \
         --nonmated, or leave it out to look the gallery's own people up",
        plural(strangers as u64, "probe")
    );
    Ok(())
}

/// The probes, without those whose person is in the gallery under the same name.
fn strangers(gallery: &Gallery, read: Probes, warnings: &mut Vec<String>) -> Result<Vec<Probe>> {
    let given = read.probes.len();
    let probes: Vec<Probe> =
        read.probes.into_iter().filter(|probe| !is_subject(gallery, probe.person.as_deref())).collect();
    if probes.len() < given {
        let left = plural((given - probes.len()) as u64, "probe");
        warnings.push(format!("{left} of people who are in the gallery under the same name left out"));
    }
    if let Some((_, first, why)) = read.failed.first() {
        let failed = plural(read.failed.len() as u64, "photo");
        warnings.push(format!("{failed} without a usable face left out, such as {first} ({why})"));
    }
    warnings.extend(several_faces(read.several));
    require(probes.len())?;
    Ok(probes)
}

fn print(
    screen: Screen,
    id: Option<i64>,
    calibration: &Calibration,
    points: &[Operating],
    warnings: &[String],
) -> Result<()> {
    let tail_warning = calibration.tail.filter(|tail| !tail.is_good()).map(|tail| {
        let why =
            if tail.heavy { "is too heavy" } else { "does not follow a generalised Pareto distribution" };
        format!("the tail of the best scores {why}; only what can be counted is used")
    });
    let suspected = (!calibration.suspects.is_empty()).then(|| {
        format!(
            "{} may be in the gallery after all: see the suspects; if so, leave them out and calibrate again, the thresholds are \
             too high",
            plural(calibration.suspects.len() as u64, "probe")
        )
    });
    let warnings: Vec<&String> = warnings.iter().chain(&tail_warning).chain(&suspected).collect();
    screen.json(&json!({
        "id": id, "operating_points": points, "n_subjects": calibration.subjects, "n_templates": calibration.templates,
        "fusion": calibration.fusion, "strangers": calibration.strangers, "nonmated_searches": calibration.maxima.len(),
        "design": calibration.design, "tail": calibration.tail, "growth": calibration.growth,
        "suspects": calibration.suspects, "warnings": warnings,
        "model": { "name": calibration.model, "fingerprint": calibration.fingerprint },
    }))?;
    if screen.is_json() {
        return Ok(());
    }
    let who = match calibration.strangers {
        Strangers::Given => "of people who are not in it",
        Strangers::LeftOut => "of its own people, each among the others",
    };
    screen.text(format!(
        "{} {who}, complete, through {} of {}, fusion {}",
        plural(calibration.maxima.len() as u64, "search"),
        plural(calibration.subjects, "subject"),
        plural(calibration.templates, "template"),
        calibration.fusion.name()
    ))?;
    let mut table = Table::new(&[0, 1]);
    table.row(["FPIR", "threshold", "95 % interval of the FPIR", "how"]);
    for point in points {
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
    if let Some(point) = points.first() {
        let searches = plural(calibration.maxima.len() as u64, "search");
        screen.text(format!(
            "the rarest rate that {searches} can tell here: {}",
            percent(point.lowest_target)
        ))?;
    }
    print_sizes(screen, calibration)?;
    for suspect in calibration.suspects.iter().take(10) {
        screen.text(format!(
            "suspect  {}  is like {}  {}",
            suspect.probe,
            suspect.subject,
            score(suspect.score)
        ))?;
    }
    warnings.iter().try_for_each(|warning| screen.text(format!("warning: {warning}")))?;
    screen.text(if id.is_some() { "kept in the gallery" } else { "dry run: nothing was kept" })?;
    Ok(())
}

/// The thresholds of the first target for other sizes of the gallery.
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

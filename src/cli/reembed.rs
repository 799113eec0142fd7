//! `gallerist reembed`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::engine::{EngineArguments, SizeArguments};
use super::screen::{Bar, Screen, Table, aim, count, percent, plural, score};
use super::{ExitStatus, Usage, interrupt, opening};
use crate::reply::{
    FaceMissing, ParityOfGallery, PhotoRequest, Recalibrated, ReembedEvent, ReembedParity, Reembedded,
};
use crate::session::{Control, ReembedRequest, reembed};

/// Missing faces that are listed in words. JSON lists all.
const LISTED: u64 = 20;

/// Migrate a gallery to another model, or to a later version of its own. The photos are read again from their paths, or from kept pictures, and
/// each face is found again at its place. Subjects, names, rejections, lists, the history and all ids are carried over. The old gallery can be
/// searched until the new one takes its place; it is kept beside it as GALLERY.before-NAME. Run it again to resume.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Make the new gallery there, and leave the old one where it is; the folder must not exist, or be empty
    #[arg(long, value_name = "NEW_GALLERY")]
    out: Option<PathBuf>,
    /// Leave out the faces that cannot be carried over, such as imported templates without a photo. Otherwise they are an error
    #[arg(long)]
    drop_missing: bool,
    #[command(flatten)]
    size: SizeArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let engine = arguments.engine.request();
    if engine.model.is_none() {
        return Err(Usage("--model: expected the model to migrate to".into()).into());
    }
    // Installs a given detector, and requires the weights.
    arguments.engine.binding()?;
    let photos = PhotoRequest {
        max_pixels: arguments.size.max_pixels,
        max_file: arguments.size.max_file,
        ..PhotoRequest::default()
    };
    let request = ReembedRequest {
        gallery: arguments.gallery.clone(),
        out: arguments.out.clone(),
        engine,
        photos,
        drop_missing: arguments.drop_missing,
    };
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let mut missing = 0;
    let done = reembed::<anyhow::Error>(&request, opening::wait(), &control, |event| {
        match &event {
            ReembedEvent::Missing(face) => {
                missing += 1;
                bar.suspend(|| print_missing(face, missing, screen))?;
            }
            ReembedEvent::Summary(_) => bar.finish(),
        }
        Ok(screen.json(&event)?)
    });
    bar.finish();
    if missing > LISTED {
        screen.text(format!("and {} more, which --format json lists", count(missing - LISTED)))?;
    }
    match done? {
        Ok(done) => print(&done, screen)?,
        Err(stopped) => {
            let end = interrupt::report(stopped, screen)?;
            screen.text("the gallery was not changed; the same command resumes")?;
            return Ok(end);
        }
    }
    Ok(ExitStatus::Done)
}

fn print_missing(face: &FaceMissing, number: u64, screen: Screen) -> Result<()> {
    if number > LISTED {
        return Ok(());
    }
    let FaceMissing { template_id, subject, path, reason } = face;
    let of = subject.as_ref().map_or_else(String::new, |subject| format!(" of {subject}"));
    let path = path.as_ref().map_or_else(String::new, |path| format!(", {path}"));
    Ok(screen.text(format!("cannot carry over template {template_id}{of}{path}  ({})", reason.text()))?)
}

fn print(done: &Reembedded, screen: Screen) -> Result<()> {
    let Reembedded { gallery, former, from, to, subjects, templates, unknown, photos, .. } = done;
    screen.text(format!(
        "{gallery} is of model {} now, from {}: {} with {}",
        to.name,
        from.name,
        plural(subjects.after, "subject"),
        plural(templates.after, "template")
    ))?;
    if unknown.before > 0 {
        screen.text(format!("{} without a name", plural(unknown.after, "face")))?;
    }
    let missing: u64 = done.missing.iter().map(|kind| kind.faces).sum();
    screen.text(match missing {
        0 => format!("every face was found again in {}", plural(*photos, "photo")),
        _ => format!(
            "{} left out, and {} with them",
            plural(missing, "face"),
            plural(subjects.before.saturating_sub(subjects.after), "subject")
        ),
    })?;
    for kind in &done.missing {
        screen.text(format!("  {}  {}", count(kind.faces), kind.reason.text()))?;
    }
    if done.from_pictures > 0 {
        let photos = plural(done.from_pictures, "photo");
        screen.text(format!("{photos} encoded from kept pictures, which may be smaller"))?;
    }
    done.parity.iter().try_for_each(|parity| print_parity(parity, screen))?;
    done.calibrations.iter().try_for_each(|one| print_calibration(one, gallery, screen))?;
    let is_calibrated = done.calibrations.iter().any(|one| one.id.is_some());
    if let Some(set) = done.set_threshold.filter(|_| !is_calibrated) {
        screen.text(format!(
            "the threshold {} was set for the old model, and is not carried over: `gallerist calibrate {gallery}` measures one",
            score(set)
        ))?;
    }
    screen.text(match former != gallery && former.contains(".before-") {
        true => format!("the old gallery is kept as {former}, with all its faces: remove it when it is not needed any more"),
        false => format!("the old gallery is {former}, unchanged"),
    })?;
    Ok(())
}

fn print_parity(parity: &ReembedParity, screen: Screen) -> Result<()> {
    let ReembedParity { people, eligible, probes, same_first, before, after } = parity;
    let all = if probes == eligible { String::new() } else { format!(" of {}", count(*eligible)) };
    screen.text(format!(
        "{}{all} of {} with several, each searched for among all others:",
        plural(*probes, "template"),
        if *people == 1 { "a person".into() } else { format!("{} people", count(*people)) }
    ))?;
    let rate = |number: u64| percent(number as f64 / (*probes).max(1) as f64);
    let threshold = |side: &ParityOfGallery| match side.threshold {
        None => "none".into(),
        Some(value) if side.calibrated => score(value),
        Some(value) => format!("{}, uncalibrated", score(value)),
    };
    let accepted = |side: &ParityOfGallery| match side.threshold {
        None => "-".into(),
        Some(_) => rate(side.accepted),
    };
    let mut table = Table::new(&[]);
    table.row(["", "old", "new"]);
    table.row(["rank 1".into(), rate(before.rank1), rate(after.rank1)]);
    table.row(["TAR".into(), accepted(before), accepted(after)]);
    table.row(["threshold".into(), threshold(before), threshold(after)]);
    table.lines(2).iter().try_for_each(|line| screen.text(line))?;
    screen.text(format!("  the first candidate is the same for {}", rate(*same_first)))?;
    Ok(())
}

fn print_calibration(one: &Recalibrated, gallery: &str, screen: Screen) -> Result<()> {
    let fusion = one.fusion.name();
    if let Some(obstacle) = &one.obstacle {
        let targets: Vec<String> = one.target_fpir.iter().map(ToString::to_string).collect();
        let strangers = if one.was_given { " --nonmated STRANGERS" } else { "" };
        screen.text(format!(
            "the calibration for fusion {fusion} was not measured again ({obstacle}): `gallerist calibrate {gallery}{strangers} --fusion {fusion} \
             --target-fpir {}`",
            targets.join(",")
        ))?;
        return Ok(());
    }
    let points: Vec<String> = one
        .operating_points
        .iter()
        .map(|point| format!("FPIR {} at {}", aim(point.target_fpir), score(point.threshold)))
        .collect();
    screen.text(format!("calibrated again for fusion {fusion}: {}", points.join(", ")))?;
    if one.was_given {
        screen.text(
            "  with its own people, each among the others; the old calibration was measured with people who are not in the gallery: \
             `gallerist calibrate --nonmated` does that again",
        )?;
    }
    Ok(())
}

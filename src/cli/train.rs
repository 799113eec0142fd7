//! `gallerist train`

mod compare;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::engine::{DeviceArguments, PhotoArguments};
use super::model::print_lines;
use super::screen::{Bar, Screen, percent, plural};
use super::skip::skip_text;
use super::{ExitStatus, Usage, interrupt};
use crate::reason::Reason;
use crate::reply::ModelTrained;
use crate::session::{Control, Event, Prepared, TrainRequest, Trained, train};
use crate::train::course::Epoch;
use settings::{LossArguments, SettingArguments};

/// Train an encoder on your own photos or templates, with one of the losses that made the field. Three fifths of the people are trained
/// with, one fifth decides when to stop, and the report is on the last fifth. A training that was stopped or killed continues from its
/// last checkpoint when it is run again with the same options
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    one: OneArguments,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Compare(Box<compare::Arguments>),
}

/// One training.
#[derive(Debug, Args)]
struct OneArguments {
    #[command(flatten)]
    loss: LossArguments,
    #[command(flatten)]
    common: CommonArguments,
    /// The licence of the result, for `model info` [default: that of the start, and that the photos' is not stated]
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,
}

/// What every training needs.
#[derive(Debug, Args)]
struct CommonArguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    settings: SettingArguments,
    /// The folder of the result: the model with its checkpoint, curves and report, or the page. The model has the name of the folder
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    #[command(flatten)]
    photos: PhotoArguments,
    #[command(flatten)]
    device: DeviceArguments,
}

impl CommonArguments {
    fn request(&self, loss: &LossArguments, licence: Option<String>) -> Result<TrainRequest> {
        Ok(TrainRequest {
            data: given(self.data.data.clone(), "--data")?,
            names: self.data.subjects.clone(),
            families: self.data.families,
            models: self.data.models.clone(),
            out: given(self.out.clone(), "--out")?,
            licence,
            options: self.settings.options(loss)?,
            engine: self.device.request(None),
            photos: self.photos.largest(),
        })
    }
}

/// The value of an option that is required unless there is a subcommand.
pub(super) fn given<T>(value: Option<T>, option: &str) -> Result<T> {
    Ok(value.ok_or_else(|| Usage(format!("{option} is needed")))?)
}

/// What is learned from.
#[derive(Debug, Args)]
pub(super) struct DataArguments {
    /// Photos in folders named after people, or a gallery: a head learns from its templates, another network from the photos of its subjects,
    /// which are read again. For a head also a folder that `encode` or `export` wrote, or a .npy file with one template per row
    #[arg(long, value_name = "DIR|GALLERY|FILE.npy", required = true)]
    pub data: Option<PathBuf>,
    /// Names of the people in FILE.npy, one per row [default: those in the templates.jsonl beside it]
    #[arg(long, value_name = "FILE.txt|FILE.jsonl")]
    pub subjects: Option<PathBuf>,
    /// People whose names have the same beginning up to the first `_` are relatives: they are trained with together, or not at all
    #[arg(long)]
    pub families: bool,
    /// The model to start from; for a head several are put side by side [default: the best one, or that of the gallery or
    /// of `encode`; for mobilefacenet mobilefacenet-192]
    #[arg(long = "model", value_name = "NAME|FILE.toml")]
    pub models: Vec<String>,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    match &arguments.verb {
        Some(Verb::Compare(arguments)) => compare::run(arguments, screen),
        None => run_one(&arguments.one, screen),
    }
}

fn run_one(arguments: &OneArguments, screen: Screen) -> Result<ExitStatus> {
    let request = arguments.common.request(&arguments.loss, arguments.licence.clone())?;
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let epochs = request.options.epochs;
    let told = train(&request, &control, &mut |event| {
        bar.finish();
        match &event {
            Event::Prepared(prepared) => tell_prepared(prepared, screen),
            Event::Epoch(epoch) => tell_epoch(epoch, epochs, "", screen),
        }
    });
    bar.finish();
    match told? {
        Trained::Made(made) => print(&made, screen)?,
        Trained::Stopped(stopped) => return interrupt::report(stopped, screen),
    }
    Ok(ExitStatus::Done)
}

/// A line that cannot be printed is reported at the end of the command.
fn tell_prepared(prepared: &Prepared, screen: Screen) {
    let [training, validation, report] = prepared
        .parts
        .map(|[photos, people]| format!("{} of {people} people", plural(photos as u64, "photo")));
    let lines = [
        format!("to train with: {training}; to validate with: {validation}; to report on: {report}"),
        format!("{} are trained", plural(prepared.parameters as u64, "weight")),
    ];
    for skipped in &prepared.skipped {
        let reason = skip_text(skipped.reason, &skipped.detail);
        let _ = screen.text(format!("skipped {}  ({reason})", skipped.path));
        let _ = screen.json(skipped);
    }
    for line in lines.iter().chain(&prepared.notes) {
        let _ = screen.text(line);
    }
    if !prepared.skipped.is_empty() {
        let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
        prepared.skipped.iter().for_each(|skipped| *reasons.entry(skipped.reason).or_default() += 1);
        let reasons: Vec<String> =
            reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let count = plural(prepared.skipped.len() as u64, "input");
        let _ = screen.text(format!("{count} left out: {}", reasons.join(", ")));
    }
}

fn tell_epoch(epoch: &Epoch, epochs: usize, name: &str, screen: Screen) {
    let _ = screen.json(epoch);
    let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
    let line = match epoch.epoch {
        0 => format!(
            "{name}start: TAR at FMR {:e} {} on the people of the validation",
            epoch.fmr,
            percent(epoch.tar)
        ),
        number => format!(
            "{name}epoch {number}/{epochs}: loss {:.4}, {} active, TAR {}",
            epoch.loss,
            percent(epoch.active),
            percent(epoch.tar)
        ),
    };
    let _ = screen.text(line);
}

fn print(made: &ModelTrained, screen: Screen) -> Result<()> {
    screen.json(made)?;
    match made.best {
        0 => screen
            .text("no epoch was better than the start on the people of the validation: the start was kept")?,
        best => screen.text(format!("epoch {best} was the best and was kept"))?,
    }
    let tar = |epoch: usize| made.epochs.get(epoch).map_or(0.0, |epoch| epoch.tar);
    if made.best > 0 && tar(made.best) <= tar(0) {
        screen.text("it is no better than the random weights of its start; more photos, more epochs or another rate may help")?;
    }
    let [photos, people] = made.reported_on;
    screen.text(format!("on {} of {people} other people:", plural(photos as u64, "photo")))?;
    match made.lines.is_empty() {
        true => screen.text("  too few people with two photos or more for a report")?,
        false => print_lines(&made.lines, screen)?,
    }
    screen.text(format!("threshold {:.3}: {}", made.model.threshold, made.model.threshold_basis))?;
    screen.text(format!("made {}, {} numbers a template", made.manifest, made.model.dimension))?;
    screen.text(format!(
        "use it with `gallerist init GALLERY --model {0}`, and state --model {0} again with photos",
        made.manifest
    ))?;
    Ok(())
}

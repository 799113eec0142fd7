//! `gallerist train compare`

use anyhow::Result;
use clap::Args;

use super::super::screen::{Bar, Screen, Table, percent};
use super::super::{ExitStatus, interrupt};
use super::settings::{LossArgument, LossArguments};
use super::{CommonArguments, tell_epoch, tell_prepared};
use crate::report::training::{Comparison, Spread};
use crate::session::{CompareRequest, Compared, Control, Event, compare};
use crate::train::Loss;

/// Train with every loss on the same samples with the same budget, and write a page with a table and DET curves. Trainings that are
/// complete are not repeated
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The losses [default: all]
    #[arg(long, value_enum, value_delimiter = ',', num_args = 1.., value_name = "LOSS,...")]
    losses: Vec<LossArgument>,
    /// Trainings with each loss, with the seeds 1, 2, ...
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    #[command(flatten)]
    common: CommonArguments,
}

pub(super) fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let any = LossArguments { loss: Some(LossArgument::Triplet), mining: None, margin: None };
    let losses: Vec<Loss> = match &arguments.losses[..] {
        [] => Loss::ALL.into(),
        given => given.iter().map(|&loss| loss.into()).collect(),
    };
    let training = arguments.common.request(&any, None)?;
    let (epochs, out) = (training.options.epochs, training.out.clone());
    let request = CompareRequest { training, losses, seeds: arguments.seeds };
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let told = compare(&request, &control, &mut |event, name| {
        bar.finish();
        match &event {
            Event::Prepared(prepared) => tell_prepared(prepared, screen),
            Event::Epoch(epoch) => tell_epoch(epoch, epochs, name, screen),
        }
    });
    bar.finish();
    match told? {
        Compared::Made(comparison) => print(&comparison, screen)?,
        Compared::Stopped(stopped) => return interrupt::report(stopped, screen),
    }
    screen.text(format!("made {}", out.join("index.html").display()))?;
    Ok(ExitStatus::Done)
}

fn print(comparison: &Comparison, screen: Screen) -> Result<()> {
    screen.json(comparison)?;
    let mut table = Table::new(&[1, 2, 3, 4, 5, 6, 7]);
    table.row(["", "TAR at FMR 1e-3", "1e-4", "rank 1", "FNIR at FPIR 10 %", "1 %", "BCubed F", "seconds"]);
    let mean = |spread: Option<&Spread>| spread.map_or("–".to_owned(), |spread| percent(spread.mean));
    for row in &comparison.rows {
        table.row([
            row.name.clone(),
            mean(row.tar.first()),
            mean(row.tar.get(1)),
            mean(row.rank_1.as_ref()),
            mean(row.fnir.first()),
            mean(row.fnir.get(1)),
            mean(row.bcubed.as_ref()),
            format!("{:.0}", row.seconds),
        ]);
    }
    table.lines(2).iter().try_for_each(|line| screen.text(line))?;
    for (row, failure) in
        comparison.rows.iter().flat_map(|row| row.failures.iter().map(move |text| (row, text)))
    {
        screen.text(format!("{}: {failure}", row.name))?;
    }
    Ok(())
}

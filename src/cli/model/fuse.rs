//! `gallerist model fuse`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::engine::{DeviceArguments, PhotoArguments};
use crate::cli::screen::{Bar, Screen, Table, percent, plural};
use crate::cli::{ExitStatus, interrupt};
use crate::evaluation::Rate;
use crate::fit::{Line, Report};
use crate::reply::ModelFused;
use crate::session::{Control, FuseRequest, Fused, fuse};

/// Make one model of several networks. Their templates are put side by side. With --fit they are weighed and projected to fewer
/// components: the shorter template of two networks is often more accurate than that of each. Encoding takes the time of all networks;
/// detection is done once
#[derive(Debug, Args)]
pub struct Arguments {
    /// Names from `model list`, or manifests
    #[arg(required = true, value_name = "NAME|FILE.toml")]
    members: Vec<String>,
    /// Fit the weights and a projection to the photos in this folder, which has a folder for each person. One fifth of the people is not
    /// used for the fit; the report is on them. Another fifth chooses between fits and is fitted to in the end. At least 100 people with two
    /// photos or more are needed, and about 7 photos for each component of a template
    #[arg(long, value_name = "PHOTOS")]
    fit: Option<PathBuf>,
    /// Number of components of a template [default: 128]
    #[arg(long, value_name = "D", requires = "fit", value_parser = clap::value_parser!(u16).range(1..=4096))]
    dimension: Option<u16>,
    /// Also encode the mirror image of each face. Encoding takes twice as long
    #[arg(long)]
    mirror: bool,
    /// The manifest to write. The model has its name. The projection is written beside it. Later commands find the model by its name if
    /// both are in the folder of the models (`gallerist model path NAME` prints a file in it); otherwise each needs `--model FILE.toml`
    #[arg(long, value_name = "FILE.toml")]
    out: PathBuf,
    #[command(flatten)]
    photos: PhotoArguments,
    #[command(flatten)]
    device: DeviceArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let request = FuseRequest {
        members: arguments.members.clone(),
        fit: arguments.fit.clone(),
        dimension: arguments.dimension.map(usize::from),
        mirror: arguments.mirror,
        out: arguments.out.clone(),
        engine: arguments.device.request(None),
        photos: arguments.photos.largest(),
    };
    let fused = fuse(&request, &control)?;
    bar.finish();
    match fused {
        Fused::Made(made) => print(&made, screen)?,
        Fused::Stopped(stopped) => return interrupt::report(stopped, screen),
    }
    Ok(ExitStatus::Done)
}

fn print(made: &ModelFused, screen: Screen) -> Result<()> {
    screen.json(made)?;
    if let Some(report) = &made.report {
        print_report(report, screen)?;
    }
    let members = made.model.members.iter().map(|member| format!("{} x {}", member.weight, member.name));
    let mut how = members.collect::<Vec<_>>().join(" + ");
    if made.mirror {
        how += ", each with the mirror image";
    }
    if let Some(whitening) = made.whitening {
        how += &format!(", projected to {} components", made.model.dimension);
        if whitening > 0.0 {
            how += &format!(", whitened with the power {whitening}");
        }
    }
    screen.text(how)?;
    screen.text(format!("threshold {:.3}: {}", made.model.threshold, made.model.threshold_basis))?;
    screen.text(format!("made {}, {} numbers a template", made.manifest, made.model.dimension))?;
    screen.text(format!(
        "use it with `gallerist init GALLERY --model {0}`, and state --model {0} again with photos",
        made.manifest
    ))?;
    Ok(())
}

fn print_report(report: &Report, screen: Screen) -> Result<()> {
    let [mated, non_mated] = report.searches;
    screen.text(format!(
        "on {} of {} people who were not used for the fit ({}, {} non-mated):",
        plural(report.photos as u64, "photo"),
        report.people,
        plural(mated as u64, "mated search"),
        non_mated
    ))?;
    print_lines(&report.lines, screen)?;
    if report.lines.iter().any(|line| line.fnir.is_empty()) {
        screen.text("  –: there are no non-mated searches, because nobody has only one photo")?;
    }
    Ok(())
}

/// A table of error rates.
pub fn print_lines(lines: &[Line], screen: Screen) -> Result<()> {
    let mut table = Table::new(&[1, 2, 3, 4, 5, 6]);
    table.row(["", "numbers", "rank 1", "FNIR at FPIR 10 %", "1 %", "TAR at FMR 1e-3", "1e-4"]);
    for line in lines {
        let share = |rate: Option<&Rate>| rate.map_or("–".to_owned(), |rate| percent(rate.value));
        let accepted = |rate: &Rate| percent(1.0 - rate.value);
        let mut row = vec![line.name.clone(), line.dimension.to_string(), share(line.rank_1.as_ref())];
        row.extend([line.fnir.first(), line.fnir.get(1)].map(share));
        row.extend(line.fnmr.iter().map(accepted));
        table.row(row);
    }
    Ok(table.lines(2).iter().try_for_each(|line| screen.text(line))?)
}

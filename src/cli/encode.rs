//! `gallerist encode`

mod finish;
mod log;
mod tally;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::naming::{FacesArgument, SubjectFrom, naming};
use super::screen::{Bar, Screen};
use super::{ExitStatus, FileFormat, interrupt};
use crate::gallery::Person;
use crate::ingest::{self, Finding, Input, Skip, Survey, survey, walk};
use crate::reply::{Counts, EncodeEvent, EncodeSummary};
use crate::session::engine::{chosen, load, options};
use crate::session::{Progress, require_naming};
use log::{Log, MadeWith};
use tally::Tally;

/// Find the faces in photos and write their templates to a folder: `embeddings.npy`, `templates.jsonl`, and `skipped.jsonl` with the photos
/// without a template. `import` reads these files, which have the format of `export`. With --format jsonl the vectors are in
/// `templates.jsonl`. Results are stored in `unfinished.jsonl` during the run. Photos are recognised by their content, so the same command
/// resumes an interrupted run, and another command adds more photos.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Photos, or folders of photos
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Folder to write to; made if it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Process only part K of N. N runs, each with its own --out, process all photos. The part of a photo depends only on its path below
    /// the given folder
    #[arg(long, value_name = "K/N", value_parser = part)]
    part: Option<Part>,
    /// Name of the person in all of these photos
    #[arg(long, value_name = "NAME", conflicts_with = "subject_from")]
    subject: Option<String>,
    /// Source of the names, as for `enroll` [default: templates without names]
    #[arg(long, value_enum)]
    subject_from: Option<SubjectFrom>,
    /// Faces of a photo to encode: all, or the largest, with preference for the middle of the photo
    #[arg(long, value_enum, default_value = "largest")]
    faces: FacesArgument,
    #[command(flatten)]
    photos: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

/// A part of the inputs, for runs on several machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    number: u64,
    of: u64,
}

fn part(text: &str) -> Result<Part, String> {
    let parsed = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match parsed {
        Some((part, of)) if (1..=of).contains(&part) => Ok(Part { number: part - 1, of }),
        _ => Err("expected K/N with K from 1 to N, such as 2/8".into()),
    }
}

impl Arguments {
    fn inputs(&self) -> impl Iterator<Item = Input> + Send + '_ {
        let Part { number, of } = self.part.unwrap_or(Part { number: 0, of: 1 });
        walk(&self.paths).filter(move |input| input.part(of) == number)
    }
}

pub fn run(arguments: &Arguments, format: FileFormat, screen: Screen) -> Result<ExitStatus> {
    let naming = naming(arguments.subject.as_deref(), arguments.subject_from)?;
    require_naming(arguments.faces.into(), naming.as_ref())?;
    for path in &arguments.paths {
        ensure!(path.symlink_metadata().is_ok(), "{}: no such file or folder", path.display());
    }
    let found = survey(&arguments.paths);
    if found.inputs == 0 {
        return report_no_input(found, screen);
    }
    let stop = interrupt::stop_flag();
    let started = Instant::now();
    let networks = arguments.engine.request();
    let model = chosen(&networks)?;
    let made_with =
        MadeWith { model: model.name.clone(), fingerprint: model.fingerprint(), dimension: model.dimension };
    let engine = load(&networks, &model)?;
    let options = options(&arguments.photos.request(arguments.faces))?;
    let log = Log::open(&arguments.out, made_with, options.clone(), format)?;

    let total = if arguments.part.is_some() { arguments.inputs().count() as u64 } else { found.inputs };
    let bar = Bar::new();
    let mut seen = 0;
    let known = log.known();
    let mut tally = Tally::new(log, screen, &bar, found.system_files);
    let person =
        |input: &Input, index| naming.as_ref().map_or(Ok(None), |naming| naming.person(input, index));
    let inputs = arguments.inputs().map(|input| {
        let problem = input.problem.clone().or_else(|| person(&input, 0).err());
        Input { problem, ..input }
    });
    ingest::run(&engine, inputs, &options, &|hash| known.contains(hash), stop, |outcome| {
        seen += 1;
        bar.show(Progress { unit: "photos", done: seen, total: Some(total) });
        let faces = if let Finding::Faces(faces) = &outcome.finding { faces.len() } else { 1 };
        let persons: Result<Vec<Option<Person>>, Skip> =
            (0..faces).map(|index| person(&outcome.input, index)).collect();
        tally.add(outcome, persons)
    })?;
    tally.write_batch()?;
    let interrupted = stop.load(Ordering::Relaxed) && tally.counts.inputs() < total;
    if !interrupted {
        tally.finish()?;
    }
    bar.finish();
    let left = total.saturating_sub(tally.counts.inputs());
    tally.print_summary(started.elapsed(), Some(left).filter(|_| interrupted))?;
    Ok(match interrupted {
        true => ExitStatus::Interrupted,
        false if tally.counts.temporary_failures() > 0 => ExitStatus::Failed,
        // A part of a small collection may be empty.
        false if tally.counts.is_of_use() || (total == 0 && arguments.part.is_some()) => ExitStatus::Done,
        false => ExitStatus::NothingUsable,
    })
}

/// Reports that there is no input. Makes no file.
fn report_no_input(found: Survey, screen: Screen) -> Result<ExitStatus> {
    let counts = Counts { system_files: found.system_files, ..Counts::default() };
    screen.json(&EncodeEvent::Summary(EncodeSummary::new(&counts, 0.0, None)))?;
    screen.text("no input was usable: the given paths contain no file")?;
    Ok(ExitStatus::NothingUsable)
}

#[cfg(test)]
mod tests {
    use super::{Part, part};

    #[test]
    fn parts_are_counted_from_one() {
        assert_eq!(part("1/1"), Ok(Part { number: 0, of: 1 }));
        assert_eq!(part("3/8"), Ok(Part { number: 2, of: 8 }));
        for wrong in ["0/1", "2/1", "1", "1/0", "a/b", "-1/2", ""] {
            part(wrong).unwrap_err();
        }
    }
}

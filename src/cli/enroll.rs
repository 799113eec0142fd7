//! `gallerist enroll`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::naming::{FacesArgument, SubjectFrom, naming, print_similar};
#[cfg(feature = "server")]
use super::remote::{self, ServerArguments};
use super::screen::{Bar, Screen, count, plural};
use super::skip::skip_text;
use super::{ExitStatus, counts, interrupt, opening};
use crate::reason::Reason;
use crate::reply::{EnrollEvent, EnrollSummary, FaceSkipped, Skipped};
use crate::session::{Control, EnrollRequest, Naming};

/// Find the faces in photos and add them to a gallery. Photos that are already in the gallery are recognised by their content and are not
/// processed again, so the same command resumes an interrupted run. Ends with exit code 3 if no input was usable.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Photos, or folders of photos
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Name of the person in all of these photos
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "subject_from",
        required_unless_present_any = ["subject_from", "unnamed"]
    )]
    subject: Option<String>,
    /// Source of the names. `dir`: each folder directly below a given folder is a subject; folders of the same name are the same subject.
    /// `photo`: each photo is a subject of its own (with --faces all, each face); a number is appended to a name that is already used
    #[arg(long, value_enum)]
    subject_from: Option<SubjectFrom>,
    /// Store every face of each photo without a name. Searches do not find such faces; `cluster` groups them, and `subject move` names them
    #[arg(long, conflicts_with_all = ["subject", "subject_from", "faces"])]
    #[cfg_attr(feature = "server", arg(conflicts_with = "server"))]
    unnamed: bool,
    /// Faces of a photo to enroll: all, or the largest, with preference for the middle of the photo
    #[arg(long, value_enum, default_value = "largest")]
    faces: FacesArgument,
    #[command(flatten)]
    photos: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
    #[cfg(feature = "server")]
    #[command(flatten)]
    server: ServerArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let request = EnrollRequest {
        paths: arguments.paths.clone(),
        naming: naming(arguments.subject.as_deref(), arguments.subject_from)?.unwrap_or(Naming::Nobody),
        photos: arguments.photos.request(if arguments.unnamed {
            FacesArgument::All
        } else {
            arguments.faces
        }),
    };
    request.check()?;
    Ok(status(&arguments.enroll(&request, screen)?))
}

/// The result of a command that enrolled photos.
pub(super) fn status(summary: &EnrollSummary) -> ExitStatus {
    let counts = summary.counts();
    match summary.interrupted {
        true => ExitStatus::Interrupted,
        false if counts.temporary_failures() > 0 => ExitStatus::Failed,
        false if counts.is_of_use() => ExitStatus::Done,
        false => ExitStatus::NothingUsable,
    }
}

impl Arguments {
    fn enroll(&self, request: &EnrollRequest, screen: Screen) -> Result<EnrollSummary> {
        let bar = Bar::new();
        let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
        let print = |event| print(event, screen, &bar);
        #[cfg(feature = "server")]
        if let Some(client) = self.server.client()? {
            return remote::enroll::enroll(&client, &self.gallery, request, control.progress, print);
        }
        opening::session_to_write(&self.gallery, &self.engine)?.enroll(request, &control, print)
    }
}

/// Prints an event of an enrollment.
pub(super) fn print(event: EnrollEvent, screen: Screen, bar: &Bar) -> Result<()> {
    let line = |line: String| bar.suspend(|| screen.text(line));
    match &event {
        EnrollEvent::Enrolled { path, note, renamed, .. } => {
            for one in renamed {
                line(format!("{path} is enrolled as {}, because {} is another subject", one.to, one.from))?;
            }
            if let Some(note) = note {
                line(format!("enrolled {path}  ({note})"))?;
            }
        }
        EnrollEvent::Unchanged { .. } => {}
        EnrollEvent::Skipped(Skipped { path, reason, detail }) => {
            line(format!("skipped {path}  ({}{})", skip_text(*reason, detail), advice(*reason)))?;
        }
        EnrollEvent::FaceSkipped(FaceSkipped { path, face, reason, detail, .. }) => {
            line(format!("skipped {path} face {}  ({})", face + 1, skip_text(*reason, detail)))?;
        }
        EnrollEvent::Summary(summary) => {
            bar.finish();
            screen.json(&event)?;
            return print_summary(summary, screen);
        }
    }
    Ok(screen.json(&event)?)
}

/// Advice for a skipped input; may be empty.
fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::OtherName => "; `gallerist subject move` changes the name",
        Reason::NoSubject => "; --subject gives a name",
        _ => "",
    }
}

/// Prints the summary.
fn print_summary(summary: &EnrollSummary, screen: Screen) -> Result<()> {
    let (seconds, counts) = (summary.seconds, summary.counts());
    let rate = counts.inputs() as f64 / seconds.max(1e-9);
    screen.text(format!(
        "{} in {seconds:.1} s ({rate:.0} a second), {} added",
        plural(counts.inputs(), "input"),
        plural(counts.templates, "template")
    ))?;
    counts::print_headings(&counts, screen, "enrolled", "in the gallery already, unchanged")?;
    print_remarks(summary, screen)?;
    counts::print_failures(&counts, screen)?;
    if summary.interrupted {
        let left = count(summary.not_looked_at);
        screen.text(format!(
            "interrupted: {left} of {} not processed; the same command resumes",
            plural(summary.inputs + summary.not_looked_at, "input")
        ))?;
    } else if !counts.is_of_use() {
        screen.text("no input was usable")?;
    }
    Ok(())
}

/// Prints remarks about photos with several faces, system files and other names.
fn print_remarks(summary: &EnrollSummary, screen: Screen) -> Result<()> {
    if summary.several_faces > 0 {
        let photos = plural(summary.several_faces, "photo");
        screen.text(format!(
            "{photos} with several faces, the largest was used; --single-face refuses such photos"
        ))?;
    }
    if summary.system_files > 0 {
        let system_files = plural(summary.system_files, "system file");
        screen.text(format!("not counted: {system_files}, such as previews, waste baskets and .DS_Store"))?;
    }
    print_similar(&summary.similar_names, screen)?;
    let other_names = summary.counts().other_names();
    if other_names > 0 {
        let photos = plural(other_names, "photo");
        screen.text(format!(
            "{photos} in the gallery under other names, which were kept; `gallerist subject move` changes them"
        ))?;
    }
    Ok(())
}

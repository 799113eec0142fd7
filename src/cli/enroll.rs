//! `gallerist enroll`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::{End, Screen, interrupt, opening};
use crate::ingest::{self, Faces, Finding, Input, Skip, survey, walk};

mod ledger;

use crate::gallery::{GalleryError, Name, Person};
use ledger::Ledger;

/// Find the faces in photos and add them to a gallery. Photos that are in it already are known by their
/// content and not looked at again, so the same command resumes what was interrupted. Ends with 3 if no input was usable.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Photos, or folders of photos
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Everybody in these photos is this person
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "subject_from",
        required_unless_present = "subject_from"
    )]
    subject: Option<String>,
    /// Where names come from: `dir`, each folder directly below a given one is a person, and folders of one name are one person; `photo`,
    /// each photo is a person of its own (and each further face in it, with --faces all), with a number where the name is taken
    #[arg(long, value_enum)]
    subject_from: Option<SubjectFrom>,
    /// Which faces of a photo to enroll: all, or the largest, where one near the middle counts for more
    #[arg(long, value_enum, default_value = "largest")]
    faces: FacesArgument,
    #[command(flatten)]
    photos: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SubjectFrom {
    Dir,
    Photo,
}

/// Which faces of a photo count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FacesArgument {
    Largest,
    All,
}

impl From<FacesArgument> for Faces {
    fn from(argument: FacesArgument) -> Self {
        match argument {
            FacesArgument::Largest => Self::Largest,
            FacesArgument::All => Self::All,
        }
    }
}

/// How the person in a photo is called.
pub enum Naming {
    Given(Name),
    Folder,
    Photo,
}

impl Naming {
    /// From the arguments; `None` where nothing says how anybody is called.
    pub fn new(subject: Option<&str>, from: Option<SubjectFrom>) -> Result<Option<Self>, GalleryError> {
        Ok(match (subject, from) {
            (Some(name), _) => Some(Self::Given(Name::new(name)?)),
            (None, Some(SubjectFrom::Photo)) => Some(Self::Photo),
            (None, Some(SubjectFrom::Dir)) => Some(Self::Folder),
            (None, None) => None,
        })
    }

    /// Whose the `index`-th face of an input is, or why it is nobody's.
    pub fn person(&self, input: &Input, index: usize) -> Result<Person, Skip> {
        let no_subject =
            |error: GalleryError| Skip::new("no_subject", format!("{error}; give a name with --subject"));
        match self {
            Self::Given(name) => Ok(Person::Named(name.clone())),
            Self::Folder => {
                let outside = || Skip::new("no_subject", "it lies in no folder named after a person");
                let folder = input.top_folder().ok_or_else(outside)?;
                Name::text_of(folder).and_then(Name::new).map(Person::Named).map_err(no_subject)
            }
            Self::Photo => {
                let below = input.path.strip_prefix(&input.root).unwrap_or(&input.path);
                let whole = below.as_os_str().is_empty();
                let path = if whole { input.path.file_name().map_or(below, AsRef::as_ref) } else { below };
                let number = if index == 0 { String::new() } else { format!("#{}", index + 1) };
                let name = Name::text_of(path).and_then(|text| Name::made_up(&format!("{text}{number}")));
                name.map(Person::Unknown).map_err(no_subject)
            }
        }
    }

    /// The input, with a problem if it is nobody's: before anything is read of it.
    fn judge(&self, input: Input) -> Input {
        let problem = input.problem.clone().or_else(|| self.person(&input, 0).err());
        Input { problem, ..input }
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let naming = Naming::new(arguments.subject.as_deref(), arguments.subject_from)?.unwrap_or(Naming::Folder);
    ensure!(
        arguments.faces == FacesArgument::Largest || matches!(naming, Naming::Photo),
        "--faces all would give several faces of one photo the same name; use it with --subject-from photo"
    );
    for path in &arguments.paths {
        ensure!(path.symlink_metadata().is_ok(), "{}: no such file or folder", path.display());
    }
    let gallery = opening::to_write(&arguments.gallery)?;
    let stop = interrupt::watch();
    let started = Instant::now();
    let engine = arguments.engine.load_for(&gallery)?;
    let options = arguments.photos.options(arguments.faces.into());
    let found = survey(&arguments.paths);
    let total = found.inputs;
    let bar = screen.progress(Some(total), "photos");
    let mut ledger = Ledger::new(&gallery, screen, &bar, &options, found.system_files);
    let known = |hash: &_| {
        gallery.photo(hash).ok().flatten().is_some_and(|photo| {
            photo.outcome == "enrolled" || photo.is_skipped(&options.settings(&photo.outcome))
        })
    };
    let inputs = walk(&arguments.paths).map(|input| naming.judge(input));
    ingest::run(&engine, inputs, &options, &known, stop, |outcome| {
        let person = |index| naming.person(&outcome.input, index);
        let intended = match &outcome.finding {
            Finding::Faces(faces) => (0..faces.len()).map(person).collect::<Result<Vec<_>, _>>(),
            _ => person(0).map(|person| vec![person]),
        };
        ledger.enter(outcome, intended)
    })?;
    ledger.settle()?;
    bar.finish_and_clear();
    let interrupted = stop.load(std::sync::atomic::Ordering::Relaxed) && ledger.counts.inputs() < total;
    ledger.print_summary(started.elapsed(), total, interrupted)?;
    Ok(match interrupted {
        true => End::Interrupted,
        false if ledger.counts.temporary_failures() > 0 => End::Wrong,
        false if ledger.counts.is_of_use() => End::Done,
        false => End::NothingUsable,
    })
}

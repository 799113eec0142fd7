//! `gallerist enroll`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::{End, Screen, interrupt};
use crate::ingest::{self, Faces, Finding, Input, Skip, walk};

mod ledger;

use crate::gallery::Gallery;
use ledger::Ledger;

/// Find the faces in photos and add them to a gallery. Photos that are in it already are known by their
/// content and not looked at again, so the same command resumes what was interrupted.
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
    /// Where names come from: `dir`, each folder below the given one is a person; `photo`, each photo is
    /// (and each further face in it, with --faces all)
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
enum SubjectFrom {
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
enum Naming {
    Given(String),
    Folder,
    Photo,
}

impl Naming {
    /// Name of the `index`-th face of an input, or why there is none.
    fn name(&self, input: &Input, index: usize) -> Result<String, Skip> {
        let text = |path: &std::path::Path| {
            let no_text = || Skip::new("no_subject", "its name is not UTF-8 text; give one with --subject");
            path.to_str().map(str::to_owned).ok_or_else(no_text)
        };
        match self {
            Self::Given(name) => Ok(name.clone()),
            Self::Folder => match input.top_folder() {
                Some(folder) => text(folder),
                None => Err(Skip::new("no_subject", "it lies in no folder named after a person")),
            },
            Self::Photo => {
                let below = input.path.strip_prefix(&input.root).unwrap_or(&input.path);
                let whole = below.as_os_str().is_empty();
                let name =
                    text(if whole { input.path.file_name().map_or(below, AsRef::as_ref) } else { below })?;
                Ok(if index == 0 { name } else { format!("{name}#{}", index + 1) })
            }
        }
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let naming = match (&arguments.subject, arguments.subject_from) {
        (Some(name), _) => Naming::Given(name.clone()),
        (None, Some(SubjectFrom::Photo)) => Naming::Photo,
        (None, _) => Naming::Folder,
    };
    ensure!(
        arguments.faces == FacesArgument::Largest || matches!(naming, Naming::Photo),
        "--faces all would give several faces of one photo the same name; use it with --subject-from photo"
    );
    for path in &arguments.paths {
        ensure!(path.symlink_metadata().is_ok(), "{}: no such file or folder", path.display());
    }
    let gallery = Gallery::open(&arguments.gallery)?;
    let stop = interrupt::watch();
    let started = Instant::now();
    let engine = arguments.engine.load_for(&gallery)?;
    let options = arguments.photos.options(arguments.faces.into());
    let settings = options.settings();

    let total = walk(&arguments.paths).count() as u64;
    let bar = screen.progress(Some(total), "photos");
    let mut ledger = Ledger::new(&gallery, screen, &bar, &settings);
    let known = |hash: &_| {
        gallery
            .photo(hash)
            .ok()
            .flatten()
            .is_some_and(|photo| photo.outcome == "enrolled" || photo.settings == settings)
    };
    ingest::run(&engine, walk(&arguments.paths), &options, &known, stop, |outcome| {
        let name = |index| naming.name(&outcome.input, index);
        let intended = match &outcome.finding {
            Finding::Faces(faces, _) => (0..faces.len()).map(name).collect::<Result<Vec<_>, _>>(),
            _ => name(0).map(|name| vec![name]),
        };
        ledger.enter(outcome, intended)
    })?;
    ledger.settle()?;
    bar.finish_and_clear();
    let interrupted = stop.load(std::sync::atomic::Ordering::Relaxed) && ledger.inputs() < total;
    ledger.print_summary(started.elapsed(), interrupted)?;
    Ok(if interrupted { End::Interrupted } else { End::Done })
}

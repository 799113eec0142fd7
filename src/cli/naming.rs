//! Arguments for faces and subject names, shared by the commands that add templates.

use anyhow::Result;

use super::screen::{Screen, plural};
use crate::gallery::{GalleryError, Name};
use crate::ingest::Faces;
use crate::session::Naming;

/// Values of `--subject-from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SubjectFrom {
    Dir,
    Photo,
}

/// Which faces of a photo are used.
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

/// Most similar names that are printed.
const SIMILAR: usize = 10;

/// Prints new names that differ from others only in case or form.
pub fn print_similar(similar: &[[String; 2]], screen: Screen) -> Result<()> {
    for [new, earlier] in similar.iter().take(SIMILAR) {
        screen.text(format!(
            "warning: the new subject {new} and the subject {earlier} differ only in case or form; \
             `gallerist subject merge` makes one of them"
        ))?;
    }
    match similar.len().checked_sub(SIMILAR).filter(|more| *more > 0) {
        Some(more) => Ok(screen.text(format!("warning: {} more", plural(more as u64, "such pair")))?),
        None => Ok(()),
    }
}

/// Prints pairs of subjects that become one although a user has said that they are different people.
pub fn print_kept_apart(pairs: &[[String; 2]], dry_run: bool, screen: Screen) -> Result<()> {
    let are = if dry_run { "would be" } else { "are" };
    for [one, other] in pairs {
        screen.text(format!(
            "warning: {one} and {other} {are} one person now, although they were marked as different people"
        ))?;
    }
    Ok(())
}

/// The source of the names according to the arguments; `None` if none is given.
pub fn naming(
    subject: Option<&str>,
    from: Option<SubjectFrom>,
) -> std::result::Result<Option<Naming>, GalleryError> {
    Ok(match (subject, from) {
        (Some(name), _) => Some(Naming::Given(Name::new(name)?)),
        (None, Some(SubjectFrom::Photo)) => Some(Naming::Photo),
        (None, Some(SubjectFrom::Dir)) => Some(Naming::Folder),
        (None, None) => None,
    })
}

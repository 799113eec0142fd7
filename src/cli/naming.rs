//! Arguments for faces and subject names, shared by the commands that add templates.

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

/// The source of the names according to the arguments; `None` if none is given.
pub fn naming(subject: Option<&str>, from: Option<SubjectFrom>) -> Result<Option<Naming>, GalleryError> {
    Ok(match (subject, from) {
        (Some(name), _) => Some(Naming::Given(Name::new(name)?)),
        (None, Some(SubjectFrom::Photo)) => Some(Naming::Photo),
        (None, Some(SubjectFrom::Dir)) => Some(Naming::Folder),
        (None, None) => None,
    })
}

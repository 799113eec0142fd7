//! How the subjects of photos are named.

use serde::{Deserialize, Serialize};

use super::error::Result;
use crate::gallery::{GalleryError, Name, Person};
use crate::ingest::{Input, Skip};
use crate::reason::Reason;

/// The source of a subject's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// All faces are of this subject.
    Given(Name),
    /// Each folder directly below a given path is a subject.
    Folder,
    /// Each photo is a subject of its own, and so is each further face in it.
    Photo,
    /// The faces are unknown: they have no subject.
    Nobody,
}

impl Naming {
    /// The subject of the `index`-th face of an input, `None` for an unknown face, or the reason why it cannot be named.
    pub fn person(&self, input: &Input, index: usize) -> Result<Option<Person>, Skip> {
        let no_subject = |error: GalleryError| Skip::new(Reason::NoSubject, error.to_string());
        match self {
            Self::Nobody => Ok(None),
            Self::Given(name) => Ok(Some(Person::Named(name.clone()))),
            Self::Folder => {
                let outside = || Skip::new(Reason::NoSubject, "it is not in a folder named after a person");
                let folder = input.top_folder().ok_or_else(outside)?;
                let name = Name::text_of(folder).and_then(Name::new);
                name.map(|name| Some(Person::Named(name))).map_err(no_subject)
            }
            Self::Photo => {
                let below = input.path.strip_prefix(&input.root).unwrap_or(&input.path);
                let whole = below.as_os_str().is_empty();
                let path = if whole { input.path.file_name().map_or(below, AsRef::as_ref) } else { below };
                let number = if index == 0 { String::new() } else { format!("#{}", index + 1) };
                let name = Name::text_of(path).and_then(|text| Name::generated(&format!("{text}{number}")));
                name.map(|name| Some(Person::Unknown(name))).map_err(no_subject)
            }
        }
    }

    /// The input, with a problem if it has no subject. This is known before the file is read.
    pub(super) fn with_problem(&self, input: Input) -> Input {
        let problem = input.problem.clone().or_else(|| self.person(&input, 0).err());
        Input { problem, ..input }
    }
}

//! Why a session refused or failed.

use std::path::PathBuf;

use thiserror::Error;

use crate::calibration::CalibrationError;
use crate::encoder::EncoderError;
use crate::experiment::ExperimentError;
use crate::gallery::GalleryError;
use crate::template::BindingError;

/// Result with [`SessionError`].
pub type Result<T, E = SessionError> = std::result::Result<T, E>;

/// Why a session refused or failed. What was reported as done is not lost by any of these.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The gallery refused or failed.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// The model or its networks cannot be used.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The calibration cannot be made, or does not allow what was asked for.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A measurement failed.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// Templates of another model.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// Photos were given to a gallery whose templates were made elsewhere.
    #[error(
        "this gallery holds templates made elsewhere, so photos cannot be compared with it; use vectors of the same origin"
    )]
    ExternalTemplates,
    /// The gallery is bound to a model that is not built in.
    #[error("the gallery is bound to {0}, which is not built in")]
    NoManifest(String),
    /// No threshold is known.
    #[error("this gallery's model has no threshold of its own")]
    NoThreshold,
    /// The thresholds that were given decide nothing, or are not in ascending order.
    #[error("thresholds {low},{high}: {reason}")]
    Thresholds {
        /// The first one.
        low: f32,
        /// The second one.
        high: f32,
        /// Why they are refused.
        reason: &'static str,
    },
    /// A field of a request that is outside its range.
    #[error("{field}: {reason}")]
    Request {
        /// The field.
        field: &'static str,
        /// What was expected and got.
        reason: String,
    },
    /// A graph was asked for a proof that it cannot give.
    #[error("a walk through a graph cannot prove that nobody is missed")]
    GraphProvesNothing,
    /// All faces of a photo were asked for, and would get the same name.
    #[error("all faces of a photo would get the same name; name people after photos")]
    SharedName,
    /// Of the inputs, none is usable.
    #[error("{0}")]
    NothingUsable(String),
    /// An input is missing, contradicts the gallery, or is not what it should be.
    #[error("{0}")]
    Input(String),
    /// Rows of a file that is imported again were imported with names.
    #[error("{}: {rows} rows of this file are in the gallery under names that were given; give them again", file.display())]
    NamesMissing {
        /// The file.
        file: PathBuf,
        /// Rows in the gallery.
        rows: u64,
    },
    /// A row is in the gallery under another name.
    #[error("row {row} is in the gallery as {held:?}, {place} calls it {given:?}; nothing was changed")]
    OtherName {
        /// The row, from 0.
        row: u64,
        /// The subject's name in the gallery.
        held: String,
        /// Where the other name stands.
        place: String,
        /// That name.
        given: String,
    },
    /// A row is no template.
    #[error("{0}")]
    BadRow(GalleryError),
    /// A row is no template, and nothing was imported.
    #[error("{0}; nothing was imported")]
    BadImportRow(GalleryError),
    /// The model of a file of vectors is not stated.
    #[error(
        "this gallery is bound to {described}, and nothing states which model the templates were made with"
    )]
    UnknownOrigin {
        /// The gallery's model, described.
        described: String,
        /// Its name.
        model: String,
    },
    /// A probe without the name of its person.
    #[error("{0}: the name of its person is not known")]
    NoPerson(String),
    /// Too few non-mated probes.
    #[error("{got} of people who are not in the gallery remain, a calibration needs at least {needed}")]
    FewStrangers {
        /// How many there are, such as `3 probes`.
        got: String,
        /// How many it takes.
        needed: usize,
    },
    /// A file or folder could not be used.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
}

impl SessionError {
    /// An error of the system, for `map_err`.
    pub(crate) fn io(path: &std::path::Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

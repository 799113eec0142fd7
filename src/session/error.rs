//! Errors of sessions.

use std::path::PathBuf;

use thiserror::Error;

use crate::calibration::CalibrationError;
use crate::encoder::EncoderError;
use crate::experiment::ExperimentError;
use crate::fit::FitError;
use crate::gallery::GalleryError;
use crate::people::PeopleError;
use crate::template::BindingError;
use crate::train::TrainError;

/// Result with [`SessionError`].
pub type Result<T, E = SessionError> = std::result::Result<T, E>;

/// An error of a session. Reported results are never lost.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// An error of the gallery.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// The model or its networks cannot be used.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The calibration cannot be made, or does not allow the request.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A measurement failed.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// An ensemble cannot be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A training did not start, or failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Faces cannot be clustered: their vectors are damaged.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// Templates of another model.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// A photo for a gallery with templates of another program.
    #[error(
        "this gallery contains templates of another program, so photos cannot be compared with it; use vectors of the same model"
    )]
    ExternalTemplates,
    /// The gallery is bound to a model that is neither built in nor imported.
    #[error("the gallery is bound to {0}, which is neither built in nor imported here")]
    NoManifest(String),
    /// There is no threshold.
    #[error("the model has no threshold")]
    NoThreshold,
    /// The thresholds are not in ascending order, or allow no decision.
    #[error("thresholds {low},{high}: {reason}")]
    Thresholds {
        /// The first threshold.
        low: f32,
        /// The second threshold.
        high: f32,
        /// The reason for the refusal.
        reason: &'static str,
    },
    /// A field of a request is outside its range.
    #[error("{field}: {reason}")]
    Request {
        /// The field.
        field: &'static str,
        /// The expected and the given value.
        reason: String,
    },
    /// A certificate was required from a graph search, which cannot give one.
    #[error("a graph search cannot guarantee that no subject is missed")]
    GraphProvesNothing,
    /// All faces of a photo were requested, and would get the same name.
    #[error("all faces of a photo would get the same name; take the names from the photos")]
    SharedName,
    /// No input is usable.
    #[error("{0}")]
    NothingUsable(String),
    /// An input is missing, contradicts the gallery, or is invalid.
    #[error("{0}")]
    Input(String),
    /// Rows that were imported with names are imported again without names.
    #[error("{}: {rows} rows of this file are in the gallery under given names; give the names again", file.display())]
    NamesMissing {
        /// The file.
        file: PathBuf,
        /// Number of these rows.
        rows: u64,
    },
    /// A row is in the gallery under another name.
    #[error("row {row} is in the gallery as {held:?}, but is {given:?} in {place}; nothing was changed")]
    OtherName {
        /// The row, from 0.
        row: u64,
        /// The subject's name in the gallery.
        held: String,
        /// The line with the other name.
        place: String,
        /// The other name.
        given: String,
    },
    /// A row is not a template.
    #[error("{0}")]
    BadRow(GalleryError),
    /// A row is not a template. Nothing was imported.
    #[error("{0}; nothing was imported")]
    BadImportRow(GalleryError),
    /// A file states its model, and the gallery is for templates of one model without a name.
    #[error(
        "the templates are of model {model}, and the model of this gallery's templates is not stated: scores between two models mean nothing"
    )]
    NamedOrigin {
        /// The model that the file states.
        model: String,
    },
    /// A file of vectors does not state its model.
    #[error("this gallery is bound to {described}, and the model of the templates is not stated")]
    UnknownOrigin {
        /// Name and fingerprint of the gallery's model.
        described: String,
        /// Name of the gallery's model.
        model: String,
    },
    /// A gallery is to be migrated to the model that it has.
    #[error("the gallery is bound to {0} already; there is nothing to do")]
    SameModel(String),
    /// A gallery is not put in its place, because faces of the former one would be lost.
    #[error("{faces} of the gallery cannot be carried over: {kinds}; the gallery was not changed{}", remaining(work.as_deref()))]
    NotCarried {
        /// The number of faces in words, such as `3 faces`.
        faces: String,
        /// The numbers by reason, in words.
        kinds: String,
        /// The folder with what was encoded, for another run.
        work: Option<PathBuf>,
    },
    /// A folder for unfinished work contains something else.
    #[error("{}: {what}; finish that work, or remove the folder", folder.display())]
    OtherWork {
        /// The folder.
        folder: PathBuf,
        /// What it contains.
        what: String,
    },
    /// Photos failed for reasons that may pass.
    #[error(
        "{photos} could not be processed for a reason that may pass, such as {first}; the same command tries them again"
    )]
    Temporary {
        /// The number of photos in words.
        photos: String,
        /// The first reason.
        first: String,
    },
    /// There is no subject with this id.
    #[error("subject {id} is not in the gallery")]
    NoSubject {
        /// The id.
        id: u64,
    },
    /// A probe without the name of its person.
    #[error("{0}: the name of its person is not known")]
    NoPerson(String),
    /// Too few non-mated probes.
    #[error("{got} of people who are not in the gallery remain; a calibration needs at least {needed}")]
    FewStrangers {
        /// The number of probes in words, such as `3 probes`.
        got: String,
        /// Required number of probes.
        needed: usize,
    },
    /// A file or folder cannot be used.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The failed operation.
        doing: &'static str,
        /// The error of the system.
        source: std::io::Error,
    },
}

impl SessionError {
    /// Converts an error of the system, for `map_err`.
    pub(crate) fn io(path: &std::path::Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }
}

/// Says that a folder keeps what was encoded.
fn remaining(work: Option<&std::path::Path>) -> String {
    work.map_or_else(String::new, |work| {
        format!("; {} keeps what was encoded for another run", work.display())
    })
}

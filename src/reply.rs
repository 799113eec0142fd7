//! Requests and replies: the JSON that programs exchange with a gallery.
//!
//! Every shape is a type that serde reads and writes. The command line prints these types, `check-certificate` reads them, and a server or
//! a binding for another language uses the same ones. A reply is whole: text for people is made from it alone. Nothing is searched or
//! computed here.
//!
//! [`VERSION`] is part of every reply and every summary. It is raised when a field changes its meaning or disappears; new fields do not raise it.

mod encoding;
mod event;
mod identification;
mod maintenance;
mod measurement;
mod model;
mod request;
mod subjects;
#[cfg(test)]
mod tests;
mod verdict;
mod verification;

use serde::{Deserialize, Serialize};

pub use encoding::{EncodeEvent, EncodeSummary};
pub use event::{
    Candidate, Counts, EnrollEvent, EnrollSummary, FaceSkipped, ImportEvent, ImportSummary, Interrupted,
    Lookup, Renamed, RowSkipped, Skipped,
};
pub use identification::{Basis, Identification, Match, OperatingPoint, Probe, Refusal, Searched};
pub use maintenance::{
    BackupMade, CalibrationOverview, Compacted, Created, ExportInterrupted, Purged, RestoreMade, Stats,
    StatsCalibration, ThresholdSet,
};
pub use measurement::{Calibrated, PairsMeasured};
pub use model::{Model, ModelInfo, ModelListed, ModelPath};
pub use request::{DecisionRequest, EngineRequest, IdentifyRequest, PhotoRequest, Proof, SearchRequest, Way};
pub use subjects::{
    Correction, SubjectCorrected, SubjectListed, SubjectShown, TemplateListed, TemplatesMoved,
    TemplatesRemoved,
};
pub use verdict::Verdict;
pub use verification::Verification;

/// The version of the shapes in this room.
pub const VERSION: u32 = 1;

/// A reply of another module, with the version of the replies beside its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// [`VERSION`].
    pub version: u32,
    /// The reply. Its fields stand beside `version`.
    #[serde(flatten)]
    pub reply: T,
}

impl<T> Versioned<T> {
    /// The reply with the present version.
    pub fn new(reply: T) -> Self {
        Self { version: VERSION, reply }
    }
}

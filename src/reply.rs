//! Requests and replies: the JSON that programs exchange with a gallery.
//!
//! Every shape is a type that serde reads and writes. The command line prints these types, `check-certificate` reads them, and a server or
//! a binding for another language uses the same ones. A reply is whole: text for people is made from it alone. Nothing is searched or
//! computed here.
//!
//! [`VERSION`] is part of every reply and every summary. It is raised when a field changes its meaning or disappears; new fields do not raise it.

mod event;
mod identification;
mod measurement;
mod request;
mod verdict;
mod verification;

use serde::{Deserialize, Serialize};

pub use event::{
    Candidate, Counts, EnrollEvent, EnrollSummary, FaceSkipped, ImportEvent, ImportSummary, Interrupted,
    Lookup, Renamed, RowSkipped, Skipped,
};
pub use identification::{Basis, Identification, Match, OperatingPoint, Probe, Refusal, Searched};
pub use measurement::Calibrated;
pub use request::{DecisionRequest, EngineRequest, IdentifyRequest, PhotoRequest, Proof, SearchRequest, Way};
pub use verdict::Verdict;
pub use verification::Verification;

use crate::template::Binding;

/// The version of the shapes in this room.
pub const VERSION: u32 = 1;

/// The model that templates were made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// SHA-256 of weights and preprocessing, hexadecimal; empty for templates made elsewhere.
    pub fingerprint: String,
}

impl From<&Binding> for Model {
    fn from(binding: &Binding) -> Self {
        Self { name: binding.model.clone(), fingerprint: binding.fingerprint.clone() }
    }
}

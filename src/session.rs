//! Sessions: the operations of a program on a gallery.
//!
//! A [`Session`] is an open gallery with the networks of its model. The networks are loaded when the first photo is processed. A session
//! enrolls, identifies and verifies photos (as files or bytes) and templates, imports, exports and measures. It uses the requests and
//! replies of [`reply`](crate::reply). Long operations take a [`Control`]: a stop flag and a progress callback.
//!
//! The module knows nothing of arguments, terminals or sockets, so that a command line and a server can use it.

mod answer;
mod audit;
mod authenticity;
mod batch;
mod batch_writer;
mod calibrate;
mod cluster;
mod contents;
mod duplicates;
mod edited;
pub mod engine;
mod enroll;
mod error;
mod evaluate;
mod export;
mod fuse;
mod identify;
mod import;
mod joining;
pub mod lists;
pub mod lookup;
pub mod maintenance;
mod model_import;
mod naming;
mod pictures;
mod place;
pub mod policy;
pub mod probes;
mod products;
pub mod proof;
mod prune;
mod recorded;
mod reembed;
pub mod replacement;
pub mod subjects;
#[cfg(test)]
mod tests;
mod train;
mod verify;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use crate::control::{Control, Progress};
pub use audit::{AuditRequest, Audited, Mated};
pub use authenticity::{
    Examples, Guard, error_rates, examples, read_gate, require_gate_place, score_photos, write_gate,
};
pub use batch::{Asked, Subjects};
pub use calibrate::{CalibrateRequest, Measured, Strangers, operating_points};
pub use cluster::{ClusterRequest, Clustered};
pub use duplicates::DuplicatesRequest;
pub use engine::Networks;
pub use enroll::{EnrollRequest, Enrolled, EnrolledRow, ProcessedPhoto, person_of_face, require_naming};
pub use error::{Result, SessionError};
pub use evaluate::{EvaluateRequest, Evaluated, evaluate};
pub use export::{Exported, report_swept};
pub use fuse::{FuseRequest, Fused, fuse};
pub use identify::{PhotoProbes, require_rows};
pub use import::{ImportRequest, OtherNames};
pub use model_import::{ModelImport, ModelImportRequest, import_model};
pub use naming::Naming;
pub use policy::Policy;
pub use products::{NewProducts, provide_products};
pub use prune::PruneRequest;
pub use reembed::{ReembedRequest, reembed};
pub use train::{CompareRequest, Compared, Event, Prepared, TrainRequest, Trained, compare, train};
pub use verify::{Side, Verified, threshold, verified, verify_bytes, verify_photos, verify_templates};

use crate::encoder::Engine;
use crate::experiment::Parsed;
use crate::gallery::{Access, Gallery, GraphWhen};
use crate::reply::{EngineRequest, Interrupted, VERSION};
use crate::template::Binding;

/// An open gallery and the networks of its model.
pub struct Session {
    gallery: Gallery,
    networks: Networks,
    documents: Parsed,
    guard: Option<Arc<Guard>>,
}

impl Session {
    /// Opens a gallery. Waits up to `wait` for other processes to close it. One process may write, or any number may read.
    ///
    /// # Errors
    /// There is no gallery; it is in use, damaged or of another version.
    pub fn open(gallery: &Path, access: Access, wait: Duration, engine: EngineRequest) -> Result<Self> {
        Ok(Self::of(Gallery::open_with(gallery, access, wait)?, engine))
    }

    /// Makes an empty gallery and opens it for writing. `graph` selects the segments that get a graph for approximate search.
    ///
    /// # Errors
    /// Something else is at this path; the disk is full or failing.
    pub fn create(
        gallery: &Path,
        binding: &Binding,
        graph: GraphWhen,
        engine: EngineRequest,
    ) -> Result<Self> {
        Ok(Self::of(Gallery::create(gallery, binding, graph)?, engine))
    }

    /// A session on an open gallery.
    pub fn of(gallery: Gallery, engine: EngineRequest) -> Self {
        let networks = Networks::of_gallery(engine, gallery.binding());
        Self { gallery, networks, documents: Parsed::default(), guard: None }
    }

    /// The session with a gate that judges the faces of probe photos.
    #[must_use]
    pub fn guarded(self, guard: Option<Arc<Guard>>) -> Self {
        Self { guard, ..self }
    }

    /// The gate that judges the faces of probe photos, if there is one.
    pub fn guard(&self) -> Option<&Guard> {
        self.guard.as_deref()
    }

    /// The gallery.
    pub fn gallery(&self) -> &Gallery {
        &self.gallery
    }

    /// The networks of the gallery's model. The first call loads them.
    ///
    /// # Errors
    /// The gallery contains templates of another program, or the networks cannot be loaded.
    pub fn engine(&self) -> Result<&Engine> {
        self.networks.engine()
    }

    /// The networks of the gallery's model. This does not load them.
    pub fn networks(&self) -> &Networks {
        &self.networks
    }
}

/// An operation that was stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Number of processed units.
    pub looked_at: u64,
    /// Number of all units.
    pub total: u64,
    /// The counted unit, in the singular.
    pub unit: &'static str,
}

impl From<Stopped> for Interrupted {
    fn from(Stopped { looked_at, total, unit }: Stopped) -> Self {
        let not_looked_at = total.saturating_sub(looked_at);
        Self { version: VERSION, unit: unit.into(), total, looked_at, not_looked_at }
    }
}

//! Sessions: what a program does with a gallery.
//!
//! A [`Session`] is an open gallery with the networks of its model, which are loaded when a photo is first processed. It enrolls,
//! identifies and verifies photos, bytes and templates, imports and exports, and measures, with the requests and replies of
//! [`reply`](crate::reply). Long work takes a [`Control`]: a stop flag and a callback for progress.
//!
//! Nothing here knows arguments, screens or sockets: the command line and a server are built on it.

mod answer;
mod audit;
mod calibrate;
pub mod engine;
mod enroll;
mod error;
mod export;
mod identify;
mod import;
mod ledger;
mod naming;
pub mod policy;
pub mod probes;
pub mod proof;
pub mod replacement;
mod verify;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use audit::{AuditRequest, Audited};
pub use calibrate::{CalibrateRequest, Measured, Strangers, operating_points};
pub use engine::Networks;
pub use enroll::{EnrollRequest, Enrolled, require_naming};
pub use error::{Result, SessionError};
pub use export::{Exported, report_swept};
pub use identify::Reply;
pub use import::{ImportRequest, OtherNames};
pub use naming::Naming;
pub use policy::Policy;
pub use verify::{Verified, threshold, verify_photos, verify_templates};

use crate::encoder::Engine;
use crate::gallery::{Access, Gallery, GraphWhen};
use crate::reply::{EngineRequest, Interrupted, VERSION};
use crate::template::Binding;

/// An open gallery and the networks of its model.
pub struct Session {
    gallery: Gallery,
    networks: Networks,
}

impl Session {
    /// Opens a gallery. Waits up to `wait` for other processes to close it: one may write, or any number read.
    ///
    /// # Errors
    /// There is no gallery, it is in use, damaged or of another version.
    pub fn open(gallery: &Path, access: Access, wait: Duration, engine: EngineRequest) -> Result<Self> {
        Ok(Self::of(Gallery::open_with(gallery, access, wait)?, engine))
    }

    /// Makes an empty gallery and opens it for writing. `graph` says for which segments a graph for approximate search is built.
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

    /// A session with a gallery that is open already.
    pub fn of(gallery: Gallery, engine: EngineRequest) -> Self {
        let networks = Networks::of_gallery(engine, gallery.binding());
        Self { gallery, networks }
    }

    /// The gallery.
    pub fn gallery(&self) -> &Gallery {
        &self.gallery
    }

    /// The networks of the gallery's model, loaded at the first call.
    ///
    /// # Errors
    /// The gallery holds templates made elsewhere, or the networks cannot be loaded.
    pub fn engine(&self) -> Result<&Engine> {
        self.networks.engine()
    }

    /// The networks of the gallery's model, for those who need them later or not at all.
    pub fn networks(&self) -> &Networks {
        &self.networks
    }
}

/// How far long work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is counted, in the plural: `photos`, `rows checked`.
    pub unit: &'static str,
    /// What is done.
    pub done: u64,
    /// All there is, if known.
    pub total: Option<u64>,
}

/// Stops long work, and hears how far it is.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Ends the work when it becomes true. What was reported as done stays done.
    pub stop: &'a AtomicBool,
    /// Called after each step.
    pub progress: &'a dyn Fn(Progress),
}

impl Control<'_> {
    /// Runs to the end and tells nobody.
    pub fn none() -> Control<'static> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Control { stop: &NEVER, progress: &|_| {} }
    }

    /// Whether the work is to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn report(&self, unit: &'static str, done: u64, total: Option<u64>) {
        (self.progress)(Progress { unit, done, total });
    }
}

/// Work that was stopped: how much of it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// What was processed.
    pub looked_at: u64,
    /// All of it.
    pub total: u64,
    /// What is counted, in the singular.
    pub unit: &'static str,
}

impl From<Stopped> for Interrupted {
    fn from(Stopped { looked_at, total, unit }: Stopped) -> Self {
        let not_looked_at = total.saturating_sub(looked_at);
        Self { version: VERSION, unit: unit.into(), total, looked_at, not_looked_at }
    }
}

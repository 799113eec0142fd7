//! The state of a server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::ServeError;
use super::access::Hosts;
use super::decision_log::DecisionLog;
use super::idempotency::Idempotency;
use super::job::Jobs;
use super::metrics::Metrics;
use super::options::{Options, ServedGallery};
use super::pool::PhotoPool;
use super::problem::Problem;
use super::served::Served;
use super::token::Tokens;
use crate::encoder::Model;
use crate::session::engine;

/// Operations on catalogs that wait or run at the same time.
const WORK: usize = 64;
/// Photos of all requests are counted in units of this many bytes.
pub const BODY_UNIT: usize = 1 << 10;

/// The state of a server.
pub struct App {
    /// The options.
    pub options: Options,
    /// The tokens.
    pub tokens: Tokens,
    /// Counters and histograms.
    pub metrics: Arc<Metrics>,
    /// Long operations.
    pub jobs: Jobs,
    /// The threads for photos.
    pub photos: PhotoPool,
    /// Places for operations on catalogs.
    pub work: Arc<Semaphore>,
    /// Memory for bodies, in units of [`BODY_UNIT`].
    pub bodies: Arc<Semaphore>,
    /// The log of decisions.
    pub decisions: Option<DecisionLog>,
    /// Replies to requests with a key.
    pub idempotency: Idempotency,
    /// The names of the server.
    pub hosts: Hosts,
    ready: AtomicBool,
    galleries: RwLock<BTreeMap<String, Arc<Served>>>,
}

impl App {
    /// Opens everything that the options name.
    ///
    /// # Errors
    /// A file or gallery cannot be opened; a name occurs twice; the system starts no thread.
    pub fn open(options: Options, wait: Duration) -> Result<Self, ServeError> {
        if options.root.is_some() {
            // Clients may make a gallery of any model.
            engine::require_for(&Model::default_available().binding())?;
        }
        let metrics = Arc::<Metrics>::default();
        let mut galleries = BTreeMap::new();
        let mut names: Vec<&str> = options.galleries.iter().map(|gallery| &*gallery.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ServeError::SameName(twice[0].to_owned()));
        }
        for gallery in &options.galleries {
            let served = Served::open(gallery, wait, &options, &metrics)?;
            galleries.insert(gallery.name.clone(), Arc::new(served));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let photos = PhotoPool::start(cores, options.limits.photos).map_err(ServeError::Thread)?;
        let decisions = options.decision_log.as_ref().map(|path| {
            DecisionLog::open(path).map_err(|source| ServeError::DecisionLog { path: path.clone(), source })
        });
        Ok(Self {
            tokens: Tokens::open(&options.tokens)?,
            metrics,
            jobs: Jobs::default(),
            photos,
            work: Arc::new(Semaphore::new(WORK)),
            bodies: Arc::new(Semaphore::new(
                (options.limits.all_bodies / BODY_UNIT).min(Semaphore::MAX_PERMITS),
            )),
            decisions: decisions.transpose()?,
            idempotency: Idempotency::default(),
            hosts: Hosts::new(&options),
            ready: AtomicBool::new(false),
            galleries: RwLock::new(galleries),
            options,
        })
    }

    /// Prepares all galleries for fast replies. The server is ready afterwards.
    ///
    /// # Errors
    /// The networks cannot be loaded; a gallery is damaged.
    pub fn warm(&self) -> Result<(), ServeError> {
        for served in self.all() {
            served.warm()?;
        }
        self.ready.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether the server is ready.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// The gallery with this name.
    pub fn gallery(&self, name: &str) -> Option<Arc<Served>> {
        self.galleries.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All galleries, by name.
    pub fn all(&self) -> Vec<Arc<Served>> {
        self.galleries.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Serves a further gallery. Returns false if there is one with its name.
    pub fn add(&self, served: Served) -> bool {
        let mut galleries = self.galleries.write().unwrap_or_else(PoisonError::into_inner);
        if galleries.contains_key(&served.name) {
            return false;
        }
        galleries.insert(served.name.clone(), Arc::new(served));
        true
    }

    /// Ends the service of a gallery.
    pub fn remove(&self, name: &str) -> Option<Arc<Served>> {
        self.galleries.write().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    /// Ends the jobs, and waits until they have ended, at most `limit`.
    pub async fn finish(&self, limit: Duration) {
        let deadline = tokio::time::Instant::now() + limit;
        while !self.jobs.stop() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The place of a gallery that clients may make or drop.
    ///
    /// # Errors
    /// The server has no such folder; the name cannot be used.
    pub fn in_root(&self, name: &str) -> Result<ServedGallery, Problem> {
        let no_root = || {
            Problem::conflict("no_root", "the server has no folder in which galleries can be made or dropped")
        };
        let root = self.options.root.as_ref().ok_or_else(no_root)?;
        ServedGallery::new(name, root.join(name)).map_err(|reason| Problem::field("gallery", reason))
    }
}

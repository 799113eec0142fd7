//! A gallery in service: its session, its search thread and its write thread.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::enroller::Enroller;
use super::metrics::Metrics;
use super::options::{Limits, Options, ServedGallery};
use super::searcher::Searcher;
use crate::gallery::{Access, Gallery, Search};
use crate::ingest::Options as PhotoOptions;
use crate::reply::{FaceOptions, PhotoRequest};
use crate::session::{Result, Session, SessionError, engine};
use crate::template::Template;

/// A gallery in service.
pub struct Served {
    /// Its name in URLs.
    pub name: String,
    /// Its session.
    pub session: Arc<Session>,
    /// Its searches.
    pub searcher: Searcher,
    /// Its enrollments.
    pub enroller: Enroller,
    /// Held by the running job.
    pub turn: Arc<Mutex<()>>,
    /// Whether photos can be processed.
    encodes: AtomicBool,
    photos: PhotoRequest,
}

impl Served {
    /// Opens a gallery for writing and starts its threads.
    ///
    /// # Errors
    /// The gallery cannot be opened; the system starts no thread.
    pub fn open(
        gallery: &ServedGallery,
        wait: Duration,
        options: &Options,
        metrics: &Arc<Metrics>,
    ) -> Result<Self> {
        let opened = Gallery::open_with(&gallery.path, Access::ReadWrite, wait)?;
        let session = Session::of(opened, options.engine.clone()).guarded(options.guard.clone());
        Self::of(gallery.name.clone(), session, &options.limits, metrics)
    }

    /// A session in service.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn of(name: String, session: Session, limits: &Limits, metrics: &Arc<Metrics>) -> Result<Self> {
        engine::require_for(session.gallery().binding())?;
        let session = Arc::new(session);
        let started = |source| SessionError::io(Path::new(&name), "starting a thread")(source);
        let searcher =
            Searcher::start(Arc::clone(&session), Arc::clone(metrics), limits.queue).map_err(started)?;
        let enroller =
            Enroller::start(Arc::clone(&session), Arc::clone(metrics), limits.queue).map_err(started)?;
        let photos = PhotoRequest {
            max_pixels: Some(limits.pixels),
            max_file: Some(limits.body_bytes as u64),
            max_memory: Some(limits.photo_memory),
            ..PhotoRequest::default()
        };
        let (turn, encodes) = (Arc::default(), AtomicBool::new(false));
        Ok(Self { name, session, searcher, enroller, turn, encodes, photos })
    }

    /// Loads the networks and the names of the subjects, and reads the codes of all templates, so that the first request is as fast as
    /// later ones.
    ///
    /// # Errors
    /// The networks cannot be loaded; the gallery is damaged.
    pub fn warm(&self) -> Result<()> {
        let gallery = self.session.gallery();
        if !gallery.binding().is_external() {
            self.session.engine()?;
            self.encodes.store(true, Ordering::Release);
        }
        gallery.keep_names_in_memory()?;
        let mut direction = vec![0.0; gallery.binding().dimension];
        direction[0] = 1.0;
        if let Ok(probe) = Template::from_raw(&direction) {
            gallery.identify(&probe, 1, &Search::default())?;
        }
        Ok(())
    }

    /// Whether photos can be processed. False for a gallery with templates of another program.
    pub fn encodes(&self) -> bool {
        self.encodes.load(Ordering::Acquire)
    }

    /// The request for photos with these options and the limits of the server.
    ///
    /// # Errors
    /// An option is outside its range.
    pub fn photos(&self, options: &FaceOptions) -> Result<(PhotoRequest, PhotoOptions)> {
        let request = options.request(&self.photos);
        let options = engine::options(&request)?;
        Ok((request, options))
    }
}

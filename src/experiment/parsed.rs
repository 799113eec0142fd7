//! The documents of an open gallery, parsed once.

use std::sync::{Arc, PoisonError, RwLock};

use super::{ExperimentError, record};
use crate::audit::Audit;
use crate::calibration::Calibration;
use crate::decision::Missed;
use crate::fusion::Fusion;
use crate::gallery::{Gallery, GalleryError, Result};

/// A calibration with its number; `None` if the gallery has none for the fusion.
type Numbered = Option<(i64, Arc<Calibration>)>;

/// The newest calibrations and audits of an open gallery. They are read and parsed again after a document was stored. Otherwise no call
/// waits for a running write. Thresholds are not kept, because a calibration computes one in a few microseconds.
#[derive(Debug, Default)]
pub struct Parsed(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    /// [`Gallery::documents_kept`] of these documents.
    kept: u64,
    calibrations: Vec<(Option<Fusion>, Numbered)>,
    audits: Vec<(String, Option<Arc<Audit>>)>,
}

impl Parsed {
    /// As [`record::calibration`].
    ///
    /// # Errors
    /// As [`record::calibration`]. An error is not kept.
    pub fn calibration(
        &self,
        gallery: &Gallery,
        fusion: Option<Fusion>,
    ) -> Result<Numbered, ExperimentError> {
        let known = |state: &State| {
            let found = state.calibrations.iter().find(|(kept, _)| *kept == fusion);
            found.map(|(_, calibration)| calibration.clone())
        };
        self.get(gallery, known, || {
            let found = record::calibration(gallery, fusion)?;
            let found = found.map(|(id, calibration)| (id, Arc::new(calibration)));
            Ok((found.clone(), move |state: &mut State| state.calibrations.push((fusion, found))))
        })
    }

    /// As [`record::audited`].
    ///
    /// # Errors
    /// As [`record::audited`]. An error is not kept.
    pub fn audited(&self, gallery: &Gallery, search: &str) -> Result<Option<Missed>> {
        let known = |state: &State| {
            let found = state.audits.iter().find(|(name, _)| name == search);
            found.map(|(_, audit)| audit.clone())
        };
        let audit = self.get(gallery, known, || {
            let (name, found) = (search.to_owned(), record::audit(gallery, search)?.map(Arc::new));
            Ok::<_, GalleryError>((found.clone(), move |state: &mut State| state.audits.push((name, found))))
        })?;
        audit.map_or(Ok(None), |audit| record::missed(gallery, &audit))
    }

    /// A known value, otherwise the value of `make`, which also returns how to keep it.
    fn get<T, E, K: FnOnce(&mut State)>(
        &self,
        gallery: &Gallery,
        known: impl Fn(&State) -> Option<T>,
        make: impl FnOnce() -> Result<(T, K), E>,
    ) -> Result<T, E> {
        // Before the documents are read: a document that is stored meanwhile makes the next call read them again.
        let kept = gallery.documents_kept();
        {
            let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if state.kept == kept
                && let Some(value) = known(&state)
            {
                return Ok(value);
            }
        }
        let (value, keep) = make()?;
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if state.kept < kept {
            *state = State { kept, ..State::default() };
        }
        if state.kept == kept && known(&state).is_none() {
            keep(&mut state);
        }
        Ok(value)
    }
}

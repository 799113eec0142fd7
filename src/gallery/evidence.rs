//! What was measured on a gallery and is kept in it: calibrations and audits. Numbers are kept, names and paths are not: whoever is removed
//! from a gallery must not stay in what was once said of it.

use super::Gallery;
use super::error::Result;
use crate::audit::Audit;
use crate::calibration::{Calibration, CalibrationError};
use crate::decision::{Fusion, Missed};

impl Gallery {
    /// Keeps a calibration, without its suspects; the newest of a fusion is used. Returns its number.
    ///
    /// # Errors
    /// It is of another model; the disk is full or failing.
    pub fn keep_calibration(&self, calibration: &Calibration) -> Result<i64, CalibrationError> {
        calibration.require(self.binding())?;
        let kept = Calibration { suspects: Vec::new(), ..calibration.clone() };
        let document = serde_json::to_string(&kept)
            .map_err(|error| CalibrationError::Damaged { id: 0, what: error.to_string() })?;
        Ok(self.catalog().keep_calibration(calibration.fusion.name(), &document)?)
    }

    /// The newest calibration, or the newest for one fusion, with its number.
    ///
    /// # Errors
    /// It cannot be read, or is of another model.
    pub fn calibration(
        &self,
        fusion: Option<Fusion>,
    ) -> Result<Option<(i64, Calibration)>, CalibrationError> {
        let Some((id, document)) = self.catalog().calibration(fusion.map(Fusion::name))? else {
            return Ok(None);
        };
        let calibration: Calibration = serde_json::from_str(&document)
            .map_err(|error| CalibrationError::Damaged { id, what: error.to_string() })?;
        calibration.require(self.binding())?;
        Ok(Some((id, calibration)))
    }

    /// Keeps what an audit of a way to search found, without whom it lists.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn keep_audit(&self, audit: &Audit) -> Result<()> {
        let kept =
            Audit { doubles: Vec::new(), outliers: Vec::new(), not_found: Vec::new(), ..audit.clone() };
        let document = serde_json::to_string(&kept).unwrap_or_default();
        self.catalog().keep_audit(&audit.search, &document)
    }

    /// What the last audit of a way to search says that it misses; `None` if there was none, or the gallery has
    /// grown by half or more since.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn audited(&self, search: &str) -> Result<Option<Missed>> {
        let Some(document) = self.catalog().audit(search)? else { return Ok(None) };
        let templates = self.counts()?.1;
        Ok(serde_json::from_str::<Audit>(&document)
            .ok()
            .filter(|audit| audit.is_fresh(templates))
            .and_then(|audit| audit.missed()))
    }
}
